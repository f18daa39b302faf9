//! Checks the nesting of brackets before parsing, so that later recursion is never too deep.

/// Returns the byte at which brackets first nest deeper than `limit`. Comments and texts don't count. The parser does
/// not check its stack, so this must never count fewer brackets than the parser opens.
pub(crate) fn too_deep(source: &str, limit: usize) -> Option<usize> {
    let (mut open, mut at) = (Vec::new(), 0);
    let bytes = source.as_bytes();
    while let Some(byte) = bytes.get(at) {
        let next = at + 1;
        match byte {
            b'{' | b'(' | b'[' => {
                open.push(*byte);
                if open.len() > limit {
                    return Some(at);
                }
            }
            b'}' => close(&mut open, b'{'),
            b')' => close(&mut open, b'('),
            b']' => close(&mut open, b'['),
            _ => {}
        }
        at = match byte {
            b'/' if bytes.get(next) == Some(&b'/') => line_end(bytes, next),
            b'#' => line_end(bytes, next),
            b'"' => text_end(bytes, next),
            _ => next,
        };
    }
    None
}

/// Closes the innermost bracket with this opener, and those inside it; ignores a `)` or `]` that would close across a
/// `{`.
fn close(open: &mut Vec<u8>, opener: u8) {
    let at = open.iter().rposition(|byte| *byte == opener || *byte == b'{');
    if let Some(at) = at.filter(|at| open.get(*at) == Some(&opener)) {
        open.truncate(at);
    }
}

fn is_line_end(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}

/// Returns the end of the line.
fn line_end(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest.iter().position(|byte| is_line_end(*byte)).unwrap_or(rest.len())
}

/// Returns the position after the closing quote, or the end of the line if there is none.
fn text_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(byte) = bytes.get(at).filter(|byte| !is_line_end(**byte)) {
        at += 1;
        match byte {
            b'"' => return at,
            b'\\' => at += usize::from(bytes.get(at).is_some_and(|byte| !is_line_end(*byte))),
            _ => {}
        }
    }
    at
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
