//! Places and findings in the words of the protocol: lines from 0, columns in UTF-16.

use lsp_types::{
    Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, Location, NumberOrString, Position, Range, Uri,
};
use pbpo_compiler::diagnostic::Severity;
use pbpo_compiler::ide::Analysis;
use pbpo_compiler::source::SourceMap;
use pbpo_compiler::{Span, diagnostic};
use pbpo_grammar::FileId;

use super::documents::to_uri;

/// The position of a byte.
pub fn position(text: &str, offset: usize) -> Position {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.bytes().filter(|byte| *byte == b'\n').count();
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before.get(start..).unwrap_or("").encode_utf16().count();
    Position::new(u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}

/// The byte of a position; the end of the line where it is behind that.
pub fn offset(text: &str, position: Position) -> usize {
    let line = usize::try_from(position.line).unwrap_or(usize::MAX);
    let start = match line {
        0 => 0,
        line => text.match_indices('\n').nth(line - 1).map_or(text.len(), |(at, _)| at + 1),
    };
    let mut left = usize::try_from(position.character).unwrap_or(usize::MAX);
    let mut at = start;
    for c in text.get(start..).unwrap_or("").chars().take_while(|c| *c != '\n') {
        if left < c.len_utf16() {
            break;
        }
        left -= c.len_utf16();
        at += c.len_utf8();
    }
    at
}

/// The range of a span in its own text.
pub fn range(sources: &SourceMap, span: Span) -> Range {
    let text = sources.get(span.file).map_or("", |file| &file.text);
    Range::new(position(text, span.start as usize), position(text, span.end as usize))
}

/// Where a span is; nothing for the standard library and the command line.
pub fn location(sources: &SourceMap, span: Span) -> Option<Location> {
    let name = sources.name(span);
    let uri = name.ends_with(".pbpo").then(|| to_uri(name)).flatten()?;
    Some(Location::new(uri, range(sources, span)))
}

/// The findings of a file itself; those in an imported file are put on its first line.
pub fn diagnostics(analysis: &Analysis, uri: &Uri) -> Vec<Diagnostic> {
    analysis.compiled.diagnostics.iter().map(|finding| one(analysis, uri, finding)).collect()
}

fn one(analysis: &Analysis, uri: &Uri, finding: &diagnostic::Diagnostic) -> Diagnostic {
    let sources = &analysis.compiled.sources;
    let own = finding.primary.span.file == FileId::default();
    let range = if own { range(sources, finding.primary.span) } else { Range::default() };
    let mut message = finding.message.clone();
    if !finding.primary.text.is_empty() {
        message.push_str(&format!("\n{}", finding.primary.text));
    }
    if let Some(help) = &finding.help {
        message.push_str(&format!("\nhelp: {help}"));
    }
    let others = finding.others.iter().chain((!own).then_some(&finding.primary));
    let related = others.filter(|label| !label.text.is_empty()).map(|label| DiagnosticRelatedInformation {
        location: location(sources, label.span).unwrap_or_else(|| Location::new(uri.clone(), Range::default())),
        message: label.text.clone(),
    });
    Diagnostic {
        range,
        severity: Some(match finding.severity {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Warning => DiagnosticSeverity::WARNING,
        }),
        code: Some(NumberOrString::String(finding.code.text().to_owned())),
        source: Some("pbpoc".to_owned()),
        message,
        related_information: Some(related.collect()),
        ..Diagnostic::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_in_utf16() {
        let text = "a\nä😀b = 1\n";
        let at = text.find('b').unwrap();
        assert_eq!(position(text, at), Position::new(1, 3));
        assert_eq!(offset(text, Position::new(1, 3)), at);
        assert_eq!(offset(text, Position::new(1, 99)), text.len() - 1);
        assert_eq!(offset(text, Position::new(9, 0)), text.len());
    }
}
