//! Diagnostics of an open file, in the types of the protocol.

use std::collections::BTreeSet;

use lsp_types::{DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag, Location, NumberOrString};
use pbpo_compiler::code::Code;
use pbpo_compiler::diagnostic::{Diagnostic, Fix, Severity};
use pbpo_compiler::ide::Ide;
use pbpo_compiler::source::SourceMap;
use pbpo_compiler::{Input, Span};
use pbpo_grammar::FileId;

use super::documents::{Documents, Overlay};
use super::text::Lines;

/// The findings shown for a file, with their fixes.
pub type Findings = Vec<(lsp_types::Diagnostic, Option<Fix>)>;

/// Returns the findings of an open file, and the files that it has read.
pub fn check(documents: &Documents, path: &str) -> Option<(Findings, BTreeSet<String>)> {
    let document = documents.get(path)?;
    let overlay = Overlay::new(documents);
    let input = Input { name: path, text: &document.text, loader: &overlay, lints: &[] };
    let compiled = pbpo_compiler::check(input, &[]);
    let files = (0..).map(FileId).map_while(|id| compiled.sources.get(id));
    let lines = files.map(|file| Lines::new(&file.text)).collect();
    let show = Show { documents, sources: &compiled.sources, lines, path };
    let (own, others): (Vec<&Diagnostic>, Vec<&Diagnostic>) =
        compiled.diagnostics.iter().partition(|finding| compiled.sources.name(finding.primary.span) == path);
    let mut findings: Findings =
        own.into_iter().map(|finding| (show.finding(finding), finding.fix.as_deref().cloned())).collect();
    findings.extend(show.imported(&input, &others).into_iter().map(|finding| (finding, None)));
    Some((findings, overlay.asked()))
}

struct Show<'a> {
    documents: &'a Documents,
    sources: &'a SourceMap,
    /// The lines of each source.
    lines: Vec<Lines<'a>>,
    /// The file that was checked.
    path: &'a str,
}

impl Show<'_> {
    fn finding(&self, finding: &Diagnostic) -> lsp_types::Diagnostic {
        let related: Vec<DiagnosticRelatedInformation> =
            finding.others.iter().filter_map(|label| self.related(label.span, &label.text)).collect();
        let mut message = finding.message.clone();
        if !finding.primary.text.is_empty() {
            message.push_str(&format!("\n{}", finding.primary.text));
        }
        if let Some(help) = &finding.help {
            message.push_str(&format!("\nhelp: {help}"));
        }
        lsp_types::Diagnostic {
            range: self.range(finding.primary.span),
            severity: Some(severity(finding)),
            code: Some(NumberOrString::String(finding.code.text().to_owned())),
            source: Some("pbpoc".into()),
            message: self.near(&message),
            related_information: Some(related).filter(|related| !related.is_empty()),
            tags: (finding.code == Code::Unused).then(|| vec![DiagnosticTag::UNNECESSARY]),
            ..lsp_types::Diagnostic::default()
        }
    }

    /// Returns errors of other files, at the import that leads to each file.
    fn imported(&self, input: &Input<'_>, findings: &[&Diagnostic]) -> Vec<lsp_types::Diagnostic> {
        let errors: Vec<&&Diagnostic> = findings.iter().filter(|f| f.severity == Severity::Error).collect();
        if errors.is_empty() {
            return Vec::new();
        }
        let ide = Ide::new(*input);
        let files: BTreeSet<&str> = errors.iter().map(|finding| self.sources.name(finding.primary.span)).collect();
        let shown = files.into_iter().map(|file| {
            let there: Vec<&&&Diagnostic> =
                errors.iter().filter(|f| self.sources.name(f.primary.span) == file).collect();
            let related = there.iter().filter_map(|f| self.related(f.primary.span, &f.message)).collect();
            let count = there.len();
            lsp_types::Diagnostic {
                range: ide.import(self.path, file).map(|span| self.range(span)).unwrap_or_default(),
                severity: Some(DiagnosticSeverity::ERROR),
                code: there.first().map(|finding| NumberOrString::String(finding.code.text().to_owned())),
                source: Some("pbpoc".into()),
                message: self.near(&format!("{count} error{} in `{file}`", if count == 1 { "" } else { "s" })),
                related_information: Some(related),
                ..lsp_types::Diagnostic::default()
            }
        });
        shown.collect()
    }

    /// Returns a message with paths relative to the file's folder.
    fn near(&self, message: &str) -> String {
        match self.path.rsplit_once('/') {
            Some((folder, _)) if !folder.is_empty() => message.replace(&format!("`{folder}/"), "`"),
            _ => message.to_owned(),
        }
    }

    fn related(&self, span: Span, message: &str) -> Option<DiagnosticRelatedInformation> {
        let uri = self.documents.uri(self.sources.name(span)).filter(|_| self.is_file(span))?;
        Some(DiagnosticRelatedInformation {
            location: Location { uri, range: self.range(span) },
            message: message.into(),
        })
    }

    /// Tells whether a span is in a file, and not in the standard library.
    fn is_file(&self, span: Span) -> bool {
        pbpo_compiler::stdlib::text(self.sources.name(span)).is_none()
    }

    fn range(&self, span: Span) -> lsp_types::Range {
        self.lines.get(usize::from(span.file.0)).map(|lines| lines.span(span)).unwrap_or_default()
    }
}

/// Returns the severity of a finding. A missing pipeline is only an information, because the file may be unfinished, or
/// others may import it.
fn severity(finding: &Diagnostic) -> DiagnosticSeverity {
    match finding.severity {
        _ if finding.code == Code::NoPipeline => DiagnosticSeverity::INFORMATION,
        Severity::Error => DiagnosticSeverity::ERROR,
        Severity::Warning => DiagnosticSeverity::WARNING,
    }
}
