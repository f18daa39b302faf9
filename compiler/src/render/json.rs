//! One JSON object for any number of files: `{"diagnostics": [...]}`.

use serde::Serialize;

use super::severity;
use crate::Compiled;
use crate::diagnostic::Diagnostic;
use pbpo_grammar::Span;

#[derive(Serialize)]
struct Report<'d> {
    diagnostics: Vec<Record<'d>>,
}

/// One finding. Lines and columns count from 1, columns in characters; the end is after the last one.
#[derive(Serialize)]
struct Record<'d> {
    code: &'static str,
    severity: &'static str,
    message: &'d str,
    #[serde(flatten)]
    place: Place<'d>,
    help: Option<&'d str>,
    labels: Vec<Label<'d>>,
    fix: Option<Fix<'d>>,
}

#[derive(Serialize)]
struct Place<'d> {
    file: &'d str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

/// A label. The first one is that of the place itself.
#[derive(Serialize)]
struct Label<'d> {
    #[serde(flatten)]
    place: Place<'d>,
    text: &'d str,
}

#[derive(Serialize)]
struct Fix<'d> {
    title: &'d str,
    edits: Vec<Edit<'d>>,
}

#[derive(Serialize)]
struct Edit<'d> {
    #[serde(flatten)]
    place: Place<'d>,
    text: &'d str,
}

/// Returns the object, on one line.
pub fn render<'d>(compiled: impl IntoIterator<Item = &'d Compiled>) -> String {
    let mut diagnostics = Vec::new();
    for compiled in compiled {
        diagnostics.extend(compiled.diagnostics.iter().map(|diagnostic| record(compiled, diagnostic)));
    }
    // Texts and numbers only: this can't fail.
    serde_json::to_string(&Report { diagnostics }).unwrap_or_else(|_| "{\"diagnostics\":[]}".into())
}

fn record<'d>(compiled: &'d Compiled, diagnostic: &'d Diagnostic) -> Record<'d> {
    let labels = std::iter::once(&diagnostic.primary).chain(&diagnostic.others);
    let fix = diagnostic.fix.as_ref().map(|fix| Fix {
        title: &fix.title,
        edits: fix.edits.iter().map(|(span, text)| Edit { place: place(compiled, *span), text }).collect(),
    });
    Record {
        code: diagnostic.code.text(),
        severity: severity(diagnostic.severity),
        message: &diagnostic.message,
        place: place(compiled, diagnostic.primary.span),
        help: diagnostic.help.as_deref(),
        labels: labels.map(|label| Label { place: place(compiled, label.span), text: &label.text }).collect(),
        fix,
    }
}

fn place(compiled: &Compiled, span: Span) -> Place<'_> {
    let (line, column) = compiled.sources.position(span);
    let (end_line, end_column) = compiled.sources.position(Span { start: span.end, ..span });
    Place { file: compiled.sources.name(span), line, column, end_line, end_column }
}
