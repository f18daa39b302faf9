//! A look at the brackets before parsing, so that no recursion behind it can be too deep.

/// The byte at which brackets first nest deeper than `limit`. Comments and texts don't count. The parser
/// has no look at its stack, so this must never count fewer than it opens.
pub(crate) fn too_deep(source: &str, limit: usize) -> Option<usize> {
    let mut open = Vec::new();
    let mut bytes = source.bytes().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'{' | b'(' | b'[' => {
                open.push(byte);
                if open.len() > limit {
                    return Some(at);
                }
            }
            b'}' => close(&mut open, b'{'),
            b')' => close(&mut open, b'('),
            b']' => close(&mut open, b'['),
            b'/' if bytes.peek().is_some_and(|(_, next)| *next == b'/') => skip_line(&mut bytes),
            b'#' => skip_line(&mut bytes),
            b'"' => skip_text(&mut bytes),
            _ => {}
        }
    }
    None
}

/// A closer ends what is open inside its own opener; a `)` or `]` behind a `{` is nothing.
fn close(open: &mut Vec<u8>, opener: u8) {
    let at = open.iter().rposition(|byte| *byte == opener || *byte == b'{');
    if let Some(at) = at.filter(|at| open.get(*at) == Some(&opener)) {
        open.truncate(at);
    }
}

type Bytes<'s> = std::iter::Peekable<std::iter::Enumerate<std::str::Bytes<'s>>>;

fn skip_line(bytes: &mut Bytes<'_>) {
    while bytes.next_if(|(_, byte)| *byte != b'\n' && *byte != b'\r').is_some() {}
}

/// To the closing quote, or to the end of the line where there is none.
fn skip_text(bytes: &mut Bytes<'_>) {
    while let Some((_, byte)) = bytes.next_if(|(_, byte)| *byte != b'\n' && *byte != b'\r') {
        match byte {
            b'"' => return,
            b'\\' => {
                bytes.next_if(|(_, byte)| *byte != b'\n' && *byte != b'\r');
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::too_deep;

    #[test]
    fn brackets_in_comments_and_texts_do_not_count() {
        assert_eq!(too_deep("a { // {{{\n b = \"(((\" # ((\n}", 1), None);
        assert_eq!(too_deep("a { b { c", 1), Some(6));
    }

    #[test]
    fn a_closer_of_another_kind_closes_nothing() {
        assert_eq!(too_deep("a { ] { ] {", 2), Some(10));
        assert_eq!(too_deep("a { ( } { ( } {", 2), None);
    }
}
