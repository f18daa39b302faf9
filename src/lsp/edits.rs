//! Changes of files: renames, fixes, layout.

use std::collections::{BTreeMap, BTreeSet};

use lsp_types::TextEdit;
use pbpo_compiler::Span;
use pbpo_compiler::source::SourceMap;
use serde_json::{Value, json};

use super::documents::Documents;
use super::text::{Lines, Places};

/// Changes of several files, collected by URI.
#[derive(Default)]
pub struct Edits {
    files: BTreeMap<String, Vec<TextEdit>>,
    /// The places and the texts of the collected changes.
    known: BTreeSet<(String, [u32; 4], String)>,
}

impl Edits {
    /// Adds changes, each once.
    pub fn add<'n>(
        &mut self,
        documents: &Documents,
        sources: &SourceMap,
        changes: impl IntoIterator<Item = (Span, &'n str)>,
    ) {
        let mut places = Places::default();
        for (span, new) in changes {
            let Some(range) = places.range(sources, span) else { continue };
            let Some(uri) = documents.uri(sources.name(span)) else { continue };
            let (uri, new_text) = (uri.as_str().to_owned(), new.to_owned());
            let place = [range.start.line, range.start.character, range.end.line, range.end.character];
            if self.known.insert((uri.clone(), place, new_text.clone())) {
                self.files.entry(uri).or_default().push(TextEdit { range, new_text });
            }
        }
    }

    /// Returns the changes as the protocol's `WorkspaceEdit`.
    pub fn value(&self) -> Value {
        json!({ "changes": self.files })
    }
}

/// Returns the edits that format a text: the lines between the first and the last that differ. Returns `None` if the
/// text can't be parsed, or is formatted already.
pub fn layout(text: &str) -> Option<Vec<TextEdit>> {
    let formatted = pbpo_grammar::fmt::format(text).ok()?;
    if formatted == text {
        return Some(Vec::new());
    }
    let same = |a: (&str, &str)| a.0 == a.1;
    let (old, new): (Vec<&str>, Vec<&str>) =
        (text.split_inclusive('\n').collect(), formatted.split_inclusive('\n').collect());
    let pairs = || old.iter().copied().zip(new.iter().copied());
    let head = pairs().take_while(|pair| same(*pair)).count();
    let least = old.len().min(new.len()) - head;
    let behind = old.iter().rev().copied().zip(new.iter().rev().copied());
    let tail = behind.take(least).take_while(|pair| same(*pair)).count();
    let start: usize = old[..head].iter().map(|line| line.len()).sum();
    let end = text.len() - old[old.len() - tail..].iter().map(|line| line.len()).sum::<usize>();
    let new_text = new[head..new.len() - tail].concat();
    Some(vec![TextEdit { range: Lines::new(text).range(start, end), new_text }])
}

#[cfg(test)]
mod tests {
    use super::super::text::change;
    use super::*;

    #[test]
    fn layout_changes_the_lines_that_differ() {
        for text in [
            "pbpo 1\nparam a: int = 1\nparam   b: int = 2\nparam c: int = 3\n",
            "pbpo 1\ndata d {source = digits(split = train, count = 4)}",
            "pbpo 1\nparam a: int = 1\n\n\n\n",
            "pbpo 1\nparam a: int = 1\n",
        ] {
            let edits = layout(text).unwrap();
            let mut changed = text.to_owned();
            edits.iter().for_each(|edit| change(&mut changed, Some(edit.range), &edit.new_text));
            assert_eq!(changed, pbpo_grammar::fmt::format(text).unwrap());
        }
        let edits = layout("pbpo 1\nparam a: int = 1\nparam   b: int = 2\nparam c: int = 3\n").unwrap();
        assert_eq!(edits.len(), 1);
        assert_eq!((edits[0].range.start.line, edits[0].new_text.as_str()), (2, "param b: int = 2\n"));
        assert_eq!(layout("what is this"), None);
    }
}
