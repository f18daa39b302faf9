//! Characters that look like those of the language but are different.

use std::borrow::Cow;

use crate::FileId;
use crate::Span;
use crate::ast::{Fault, FaultKind};

/// Returns a word in ASCII letters if all its other letters look like ASCII ones; `None` if some do not.
pub(crate) fn latin(word: &str) -> Option<String> {
    word.chars().map(|c| if c.is_ascii() { Some(c) } else { look_alike(c) }).collect()
}

/// Returns the ASCII letter or digit that a character looks like.
fn look_alike(c: char) -> Option<char> {
    const PAIRS: &str = "аaвBеeкkмMнHоoрpсcтTуyхxіiјjѕsԁdһhѵvАAВBЕEКKМMНHОOРPСCТTХXІIЅSαaβBεeιiκkνvοoρpτtυuχxωwγyΑAΒBΕEΖZΗHΙIΚKΜMΝNΟOΡPΤTΥYΧXııäaöoüuéeèeáaàañnçc";
    let wide = match u32::from(c) {
        code @ (0xFF10..=0xFF19 | 0xFF21..=0xFF3A | 0xFF41..=0xFF5A) => char::from_u32(code - 0xFEE0),
        _ => None,
    };
    let mut pairs = PAIRS.chars();
    wide.or_else(|| {
        while let (Some(foreign), Some(latin)) = (pairs.next(), pairs.next()) {
            if foreign == c && latin.is_ascii() {
                return Some(latin);
            }
        }
        None
    })
}

/// Replaces unusual blanks outside of comments and texts. Returns the source with spaces in their place, byte for byte,
/// and a fault for the first of them.
pub(crate) fn without_odd_blanks(file: FileId, source: &str) -> (Cow<'_, str>, Option<Fault>) {
    let (mut plain, mut first) = (Cow::Borrowed(source), None);
    if source.is_ascii() {
        return (plain, first);
    }
    let (mut comment, mut text, mut before) = (false, false, ' ');
    for (at, c) in source.char_indices() {
        match c {
            '\n' => (comment, text) = (false, false),
            '/' if before == '/' && !text => comment = true,
            '#' if !text => comment = true,
            '"' if !comment && before != '\\' => text = !text,
            '\u{00A0}' | '\u{2000}'..='\u{200B}' | '\u{202F}' | '\u{2060}' | '\u{3000}' if !comment && !text => {
                let end = at + c.len_utf8();
                plain.to_mut().replace_range(at..end, &"   "[..c.len_utf8()]);
                let kind = FaultKind::Foreign { found: "an odd blank".into(), write: " ".into() };
                first = first.or(Some(Fault { kind, span: Span::new(file, at, end) }));
            }
            _ => {}
        }
        before = c;
    }
    (plain, first)
}

#[cfg(test)]
mod tests {
    #[test]
    fn words_of_look_alikes_are_read() {
        assert_eq!(super::latin("\u{0440}i").as_deref(), Some("pi"));
        assert_eq!(super::latin("\u{FF50}i").as_deref(), Some("pi"));
        assert_eq!(super::latin("\u{4E2D}"), None);
    }
}
