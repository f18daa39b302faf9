//! Renders one line for each finding: `file:line:column: error[PB0402]: message; help`.

use pbpo_outside::shown;

use super::severity;
use crate::Compiled;
use crate::diagnostic::Diagnostic;
use crate::source::SourceMap;

/// Renders the lines of a compilation.
pub fn render(compiled: &Compiled) -> String {
    compiled.diagnostics.iter().map(|diagnostic| line(diagnostic, &compiled.sources)).collect()
}

/// Renders the line of one finding.
pub(super) fn line(diagnostic: &Diagnostic, sources: &SourceMap) -> String {
    let (line, column) = sources.position(diagnostic.primary.span);
    let (name, code) = (sources.name(diagnostic.primary.span), diagnostic.code.text());
    let (severity, message) = (severity(diagnostic.severity), &diagnostic.message);
    let help = diagnostic.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
    let text = format!("{name}:{line}:{column}: {severity}[{code}]: {message}{help}");
    format!("{}\n", shown::line(&text))
}
