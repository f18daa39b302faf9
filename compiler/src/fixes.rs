//! Applies fixes, for `check --fix`.

use std::collections::BTreeMap;

use pbpo_grammar::FileId;

use crate::Compiled;
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Severity};

/// The largest number of rounds: a fix may reveal further errors.
const ROUNDS: usize = 200;

/// Applies every fix of a text's own findings, round after round. Returns the new text and the number of fixes. `check`
/// compiles a text; the file is the first of its sources. A round is discarded if it causes more errors, or if less of
/// the text can be parsed after it.
pub fn apply(text: &str, check: impl Fn(&str) -> Compiled) -> (String, usize) {
    let (mut text, mut fixed) = (text.to_owned(), 0);
    let mut compiled = check(&text);
    for _ in 0..ROUNDS {
        let (changed, count) = once(&text, &compiled.diagnostics);
        if count == 0 {
            break;
        }
        let after = check(&changed);
        if errors(&after) > errors(&compiled) || unread(&after) > unread(&compiled) {
            break;
        }
        (text, compiled, fixed) = (changed, after, fixed + count);
    }
    (text, fixed)
}

fn errors(compiled: &Compiled) -> usize {
    compiled.diagnostics.iter().filter(|finding| finding.severity == Severity::Error).count()
}

/// Returns the number of places that cannot be parsed.
fn unread(compiled: &Compiled) -> usize {
    let codes = [Code::Unexpected, Code::Unclosed];
    compiled.diagnostics.iter().filter(|finding| codes.contains(&finding.code)).count()
}

/// Applies all fixes that do not overlap. Returns the text and the number of fixes.
fn once(text: &str, diagnostics: &[Diagnostic]) -> (String, usize) {
    let main = FileId::default();
    let mut edits: BTreeMap<usize, (usize, &str)> = BTreeMap::new();
    let mut count = 0;
    for fix in diagnostics.iter().filter_map(|finding| finding.fix.as_ref()) {
        let own: Vec<(usize, usize, &str)> = fix
            .edits
            .iter()
            .filter(|(span, _)| span.file == main)
            .map(|(span, with)| (span.start as usize, span.end as usize, with.as_str()))
            .collect();
        // The edits so far do not overlap, so only the neighbours on both sides are compared.
        let apart = |(start, end, _): &(usize, usize, &str)| {
            let before = edits.range(..=*start).next_back().is_none_or(|(at, (to, _))| *to <= *start && at < start);
            before && edits.range(*start..).next().is_none_or(|(at, _)| *end <= *at)
        };
        if own.len() == fix.edits.len() && own.iter().all(apart) {
            edits.extend(own.into_iter().map(|(start, end, with)| (start, (end, with))));
            count += 1;
        }
    }
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (start, (end, with)) in edits {
        out.push_str(text.get(at..start).unwrap_or_default());
        out.push_str(with);
        at = end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    (out, count)
}
