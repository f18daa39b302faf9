//! Applies fixes: what `check --fix` does.

use std::collections::BTreeMap;

use pbpo_grammar::FileId;

use crate::Compiled;
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Severity};

/// Most rounds: a mended file may show what was hidden.
const ROUNDS: usize = 200;

/// The text with every fix of its own findings applied, round after round, and how many there were. `check`
/// compiles a text; the file is the first of its sources. A round that makes more errors is not kept, nor one after
/// which more of the text can't be read.
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

/// Number of places that are not of the language at all.
fn unread(compiled: &Compiled) -> usize {
    let codes = [Code::Unexpected, Code::Unclosed];
    compiled.diagnostics.iter().filter(|finding| codes.contains(&finding.code)).count()
}

/// All fixes that do not touch each other, and their number.
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
        // Those that are there do not touch each other: it is enough to look at the next ones on both sides.
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
