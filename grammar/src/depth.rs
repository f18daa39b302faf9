//! A look at the brackets before parsing, so that no recursion behind it can be too deep.

/// The byte at which brackets first nest deeper than `limit`. Comments and texts don't count.
pub(crate) fn too_deep(source: &str, limit: usize) -> Option<usize> {
    let mut depth = 0usize;
    let mut bytes = source.bytes().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'{' | b'(' | b'[' => {
                depth += 1;
                if depth > limit {
                    return Some(at);
                }
            }
            b'}' | b')' | b']' => depth = depth.saturating_sub(1),
            b'/' if bytes.peek().is_some_and(|(_, next)| *next == b'/') => skip_line(&mut bytes),
            b'#' => skip_line(&mut bytes),
            b'"' => skip_text(&mut bytes),
            _ => {}
        }
    }
    None
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
}
