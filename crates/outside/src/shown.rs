//! Makes texts from outside safe for a terminal: none of their characters moves the cursor, changes a color or turns
//! the reading direction.

use std::borrow::Cow;

use unicode_width::UnicodeWidthChar;

/// Tells whether a terminal would act on a character instead of showing it: control characters, marks that turn the
/// reading direction (as in "Trojan Source", CVE-2021-42574) or separate lines, and characters that take no room, in
/// which a text can be hidden.
pub fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The character that joins two emoji to one.
const JOINER: char = '\u{200d}';

/// Tells whether a character is a symbol, or the mark behind one that asks for its picture.
fn is_emoji(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{2bff}' | '\u{fe0f}' | '\u{1f000}'..='\u{1faff}')
}

/// Returns a text of several lines with its control characters escaped (`\u{1b}`), except newlines and tabs.
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| is_control(c) && c != '\n' && c != '\t')
}

/// Returns a text on one line, with all its control characters escaped: a newline is `\n`.
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, is_control)
}

fn escaped(text: &str, hidden: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let (mut before, mut chars) = (None, text.chars().peekable());
    while let Some(c) = chars.next() {
        let joins = c == JOINER && before.is_some_and(is_emoji) && chars.peek().copied().is_some_and(is_emoji);
        if hidden(c) && !joins {
            shown.extend(c.escape_default())
        } else {
            shown.push(c)
        }
        before = Some(c);
    }
    Cow::Owned(shown)
}

/// Returns the number of terminal columns that a text takes.
pub fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

fn columns(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// Returns a text on one line of at most `most` columns; a longer text is cut and ends in `…`.
pub fn cut(text: &str, most: usize) -> Cow<'_, str> {
    let text = line(text);
    if width(&text) <= most {
        return text;
    }
    let mut left = most.saturating_sub(1);
    let fits = |c: &char| {
        let fits = columns(*c) <= left;
        left = left.saturating_sub(columns(*c));
        fits
    };
    Cow::Owned(text.chars().take_while(fits).chain(['…']).collect())
}

/// Returns a text padded with spaces to a number of columns.
pub fn padded(text: &str, to: usize) -> String {
    format!("{text}{}", " ".repeat(to.saturating_sub(width(text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_a_cursor_is_left() {
        assert_eq!(lines("a\u{1b}[2J\tb\nc\r"), "a\\u{1b}[2J\tb\nc\\r");
        assert_eq!(line("a\nb\u{9b}\u{202e}"), "a\\nb\\u{9b}\\u{202e}");
        assert!(matches!(line("plain, ü, 東"), Cow::Borrowed(_)));
    }

    #[test]
    fn nothing_is_hidden_in_a_text() {
        for c in "\u{200b}\u{200c}\u{200d}\u{200f}\u{ad}\u{2060}\u{2064}\u{feff}\u{61c}\u{e0041}\u{e007f}".chars() {
            let expected = format!("a\\u{{{:x}}}b", u32::from(c));
            assert_eq!((&*line(&format!("a{c}b")), &*lines(&format!("a{c}b"))), (&*expected, &*expected));
        }
        for emoji in ["👩\u{200d}💻", "🏳\u{fe0f}\u{200d}🌈", "❤\u{fe0f}\u{200d}🔥"] {
            assert_eq!(line(emoji), emoji);
        }
        assert_eq!(line("👩\u{200d}b"), "👩\\u{200d}b");
    }

    #[test]
    fn columns_are_counted_as_terminals_do() {
        assert_eq!((width("ab"), width("東京"), width("e\u{301}")), (2, 4, 1));
        assert_eq!((cut("東京都", 5), cut("abc", 3), cut("abcd", 3)), ("東京…".into(), "abc".into(), "ab…".into()));
        assert_eq!(padded("東", 4), "東  ");
    }
}
