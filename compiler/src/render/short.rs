//! One line each: `file:line:column: error[PB0402]: message; help`.

use super::severity;
use crate::Compiled;

/// The lines of a compilation.
pub fn render(compiled: &Compiled) -> String {
    let mut out = String::new();
    for diagnostic in &compiled.diagnostics {
        let (line, column) = compiled.sources.position(diagnostic.primary.span);
        let name = compiled.sources.name(diagnostic.primary.span);
        let (code, message) = (diagnostic.code.text(), &diagnostic.message);
        out.push_str(&format!("{name}:{line}:{column}: {}[{code}]: {message}", severity(diagnostic.severity)));
        if let Some(help) = &diagnostic.help {
            out.push_str(&format!("; {help}"));
        }
        out.push('\n');
    }
    out
}
