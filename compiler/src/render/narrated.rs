//! Renders diagnostics in sentences, for screen readers and logs: no drawing, every label with its line.

use pbpo_outside::shown;

use super::severity;
use crate::Compiled;

/// The largest number of findings that are reported.
const MOST_TOLD: usize = 50;
/// The largest number of columns of a source line.
const LONGEST: usize = 200;

/// Renders every diagnostic of a compilation.
pub fn render(compiled: &Compiled) -> String {
    let mut out = String::new();
    for diagnostic in compiled.diagnostics.iter().take(MOST_TOLD) {
        let sources = &compiled.sources;
        let span = diagnostic.primary.span;
        let (line, column) = sources.position(span);
        let (kind, code, name) = (severity(diagnostic.severity), diagnostic.code.text(), sources.name(span));
        let mut say = |text: String| out.extend([&*shown::line(&text), "\n"]);
        say(format!("{kind} {code} in {name}, line {line}, column {column}: {}.", diagnostic.message));
        let found = sources.text(span).lines().next().unwrap_or_default();
        if !found.is_empty() {
            say(format!("  The text there is: {}", shown::cut(found, LONGEST)));
        }
        for label in std::iter::once(&diagnostic.primary).chain(&diagnostic.others).filter(|l| !l.text.is_empty()) {
            let (line, column) = sources.position(label.span);
            let name = sources.name(label.span);
            say(format!("  Note on {name}, line {line}, column {column}: {}.", label.text));
        }
        if let Some(help) = &diagnostic.help {
            say(format!("  What to do: {help}."));
        }
    }
    let left = compiled.diagnostics.len().saturating_sub(MOST_TOLD);
    if left > 0 {
        out.push_str(&format!("And {left} more.\n"));
    }
    out
}
