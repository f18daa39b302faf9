//! One JSON object for any number of files: `{"diagnostics": [...]}`.

use serde::Serialize;

use super::severity;
use crate::Compiled;

#[derive(Serialize)]
struct Report<'d> {
    diagnostics: Vec<Record<'d>>,
}

/// Line and column from 1, the column in characters.
#[derive(Serialize)]
struct Record<'d> {
    code: &'static str,
    severity: &'static str,
    message: &'d str,
    file: &'d str,
    line: usize,
    column: usize,
    help: Option<&'d str>,
}

/// The object, on one line.
pub fn render<'d>(compiled: impl IntoIterator<Item = &'d Compiled>) -> String {
    let mut diagnostics = Vec::new();
    for compiled in compiled {
        for diagnostic in &compiled.diagnostics {
            let (line, column) = compiled.sources.position(diagnostic.primary.span);
            diagnostics.push(Record {
                code: diagnostic.code.text(),
                severity: severity(diagnostic.severity),
                message: &diagnostic.message,
                file: compiled.sources.name(diagnostic.primary.span),
                line,
                column,
                help: diagnostic.help.as_deref(),
            });
        }
    }
    // Texts and numbers only: this can't fail.
    serde_json::to_string(&Report { diagnostics }).unwrap_or_else(|_| "{\"diagnostics\":[]}".into())
}
