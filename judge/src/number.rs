//! Numbers in texts, as people and models write them.

use serde::{Deserialize, Serialize};

/// Which number of a text counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pick {
    #[default]
    Last,
    First,
}

/// The number behind the last `####`, if there is one; else the picked one of all. `$`, `%` and thousands separators
/// (`1,234`) are no part of its value; the minus sign U+2212 is a minus.
pub(crate) fn number(text: &str, pick: Pick) -> Option<f64> {
    let text = &text.replace('\u{2212}', "-");
    if let Some(found) = text.rsplit_once("####").and_then(|(_, after)| numbers(after).next()) {
        return Some(found);
    }
    match pick {
        Pick::First => numbers(text).next(),
        Pick::Last => numbers(text).last(),
    }
}

/// Numbers of a text from left to right: digits with an optional sign, separators, fraction and exponent.
fn numbers(text: &str) -> impl Iterator<Item = f64> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let begins =
                bytes[at].is_ascii_digit() || (bytes[at] == b'.' && bytes.get(at + 1).is_some_and(u8::is_ascii_digit));
            if !begins {
                at += 1;
                continue;
            }
            let (value, end) = read_number(bytes, at);
            let negative = is_negative(bytes, at);
            at = end;
            return Some(if negative { -value } else { value });
        }
        None
    })
}

/// The unsigned number that begins here, and where it ends.
fn read_number(bytes: &[u8], from: usize) -> (f64, usize) {
    let digits = |at: usize| bytes[at.min(bytes.len())..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut end = from + digits(from);
    if end - from <= 3 {
        while bytes.get(end) == Some(&b',') && digits(end + 1) == 3 {
            end += 4;
        }
    }
    if bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + sign);
        end += if exponent > 0 { 1 + sign + exponent } else { 0 };
    }
    let text: String = bytes[from..end].iter().filter(|b| **b != b',').map(|b| char::from(*b)).collect();
    (text.parse().unwrap_or(f64::NAN), end)
}

/// Whether a minus stands before the number (`-5`, `-$5`, `$-5`), and is no hyphen or difference (`3-5`, `top-5`).
fn is_negative(bytes: &[u8], at: usize) -> bool {
    let before = |n: usize| at.checked_sub(n).map(|i| bytes[i]);
    let ends_word = |byte: Option<u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || b >= 0x80 || b == b')');
    match (before(1), before(2)) {
        (Some(b'-'), behind) => !ends_word(behind),
        (Some(b'$'), Some(b'-')) => !ends_word(before(3)),
        _ => false,
    }
}
