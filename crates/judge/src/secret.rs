//! Keeps a key out of everything that a server says.

use serde_json::{Map, Value};

/// Keys shorter than this are mostly placeholders (`EMPTY`, `none`) for servers without keys. They are hidden only as
/// whole words, so that no other word loses a part.
const SHORT: usize = 8;
/// A shorter text is not a secret, and mostly part of another word.
const SHORTEST: usize = 3;
/// The text that replaces a key.
const HIDDEN: &str = "***";
/// The number of layers of escapes that are decoded, as for text in JSON in a page.
const LAYERS: usize = 4;

/// A key. It has no `Debug` and no `Display`.
pub(crate) struct Secret(pub String);

impl Secret {
    /// Returns a text without the key, written plainly or with the escapes of JSON, of addresses or of HTML. A text
    /// that hides the key under escapes comes back without them.
    pub fn hide(&self, text: &str) -> String {
        let mut shown = self.replaced(text);
        let mut bare = decoded(&shown);
        for _ in 0..LAYERS {
            let hidden = self.replaced(&bare);
            if hidden != bare {
                shown.clone_from(&hidden);
            }
            let next = decoded(&hidden);
            if next == bare {
                break;
            }
            bare = next;
        }
        shown
    }

    /// Returns a JSON value with the key hidden in every text, names included.
    pub fn hide_in(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.hide(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.hide_in(item)).collect(),
            Value::Object(map) => {
                let entries = map.into_iter().map(|(name, value)| (self.hide(&name), self.hide_in(value)));
                Value::Object(entries.collect::<Map<String, Value>>())
            }
            Value::Number(number) if self.0.len() >= SHORT && number.to_string().contains(&self.0) => HIDDEN.into(),
            other => other,
        }
    }

    /// Returns a text without the key and without its encodings in base64 and hexadecimal.
    fn replaced(&self, text: &str) -> String {
        let mut left = self.plainly_replaced(text);
        if self.0.len() >= SHORT {
            for form in self.encoded() {
                left = without(&left, &form);
            }
        }
        left
    }

    fn encoded(&self) -> Vec<String> {
        use base64::Engine;
        use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
        let header = format!("Bearer {}", self.0);
        let texts = [self.0.as_str(), header.as_str()];
        let base64 = texts.iter().flat_map(|text| [STANDARD_NO_PAD.encode(text), URL_SAFE_NO_PAD.encode(text)]);
        let hex = self.0.bytes().map(|byte| format!("{byte:02x}")).collect();
        base64.chain([hex]).collect()
    }

    fn plainly_replaced(&self, text: &str) -> String {
        let key = self.0.as_str();
        match key.len() {
            0..SHORTEST => text.to_owned(),
            SHORTEST..SHORT => {
                let mut left = String::new();
                let mut rest = text;
                while let Some((before, after)) = rest.split_once(key) {
                    let ends = !before.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric);
                    left.push_str(before);
                    left.push_str(if ends { HIDDEN } else { key });
                    rest = after;
                }
                left + rest
            }
            _ => without(text, key),
        }
    }
}

/// Replaces a form of the key, in letters of either case.
fn without(text: &str, form: &str) -> String {
    let (lower, wanted) = (text.to_ascii_lowercase(), form.to_ascii_lowercase());
    let (mut left, mut from) = (String::new(), 0);
    while let Some(at) = lower[from..].find(&wanted) {
        left.push_str(&text[from..from + at]);
        left.push_str(HIDDEN);
        from += at + wanted.len();
    }
    left + &text[from..]
}

/// Characters that are not seen, and that may stand between the letters of a key.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

/// Returns a text with its escapes taken off once: `\/`, `\"`, `\\`, `\x41`, `\u0041`, `%41`, `&#65;`, `&#x41;`.
/// Control characters and invisible ones are left out.
fn decoded(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (decoded, length) = escape(rest).unwrap_or((c, c.len_utf8()));
        if (!decoded.is_control() || decoded == '\n') && !is_invisible(decoded) {
            plain.push(decoded);
        }
        rest = &rest[length..];
    }
    plain
}

/// Returns the character that an escape at the beginning of a text stands for, and the length of the escape.
fn escape(text: &str) -> Option<(char, usize)> {
    let hex = |from: usize, digits: usize| {
        let digits = text.get(from..from + digits)?;
        char::from_u32(u32::from_str_radix(digits, 16).ok()?)
    };
    match text.as_bytes() {
        [b'\\', b'u', ..] => Some((hex(2, 4)?, 6)),
        [b'\\', b'x', ..] => Some((hex(2, 2)?, 4)),
        [b'\\', c @ (b'/' | b'"' | b'\'' | b'\\'), ..] => Some((char::from(*c), 2)),
        [b'%', ..] => Some((hex(1, 2).filter(char::is_ascii)?, 3)),
        [b'&', b'#', ..] => {
            let end = text.bytes().take(12).position(|byte| byte == b';')?;
            let code = &text[2..end];
            let code = match code.strip_prefix(['x', 'X']) {
                Some(code) => u32::from_str_radix(code, 16),
                None => code.parse(),
            };
            Some((char::from_u32(code.ok()?)?, end + 1))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const KEY: &str = "sk-te/st+0123456789";

    #[test]
    fn a_key_under_escapes_is_hidden() {
        let unicode: String = KEY.chars().map(|c| format!("\\u{:04x}", c as u32)).collect();
        let entities: String = KEY.chars().map(|c| format!("&#{};", c as u32)).collect();
        let percent = KEY.replace('/', "%2F").replace('+', "%2b");
        let twice = KEY.replace('/', "\\\\\\/");
        let wide: String = KEY.chars().flat_map(|c| [c, '\0']).collect();
        let slash = KEY.replace('/', "\\/");
        for said in [KEY.to_owned(), unicode, entities, percent, twice, wide, slash] {
            let text = format!("bad key \"{said}\", twice: {said}");
            assert_eq!(Secret(KEY.into()).hide(&text), "bad key \"***\", twice: ***", "{said}");
        }
        let hex: String = KEY.bytes().map(|byte| format!("{byte:02X}")).collect();
        let dotted: String = KEY.chars().flat_map(|c| [c, '\u{200b}']).collect();
        let base64 = "c2stdGUvc3QrMDEyMzQ1Njc4OQ";
        for said in [KEY.to_uppercase(), hex, dotted, base64.to_owned()] {
            assert_eq!(
                Secret(KEY.into()).hide(&format!("bad key {said}=")).trim_end_matches('='),
                "bad key ***",
                "{said}"
            );
        }
        // A text without the key keeps its escapes.
        let other = r"a\/b \u0041 %41 &#65; 100%";
        assert_eq!(Secret(KEY.into()).hide(other), other);
    }

    #[test]
    fn names_numbers_and_texts_of_json_are_searched() {
        let value = json!({KEY: [{"a": format!("Bearer {KEY}")}], "n": 1});
        assert_eq!(Secret(KEY.into()).hide_in(value), json!({"***": [{"a": "Bearer ***"}], "n": 1}));
        assert_eq!(Secret("1234567890".into()).hide_in(json!([1234567890, 12])), json!(["***", 12]));
    }

    #[test]
    fn short_keys_are_hidden_as_words() {
        let hide = |key: &str, text: &str| Secret(key.into()).hide(text);
        assert_eq!(hide("abc", "abc, abcd and (abc)"), "***, abcd and (***)");
        assert_eq!(hide("A", "A or B"), "A or B");
    }
}
