//! Checks parts of `tokenizer.json` that `tokenizers` trusts: ids, special tokens, and how often a text is repeated.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use super::parts::Inner;
use crate::{Error, quoted};

/// The largest number of special tokens around a text.
const SPECIAL: usize = 1024;

/// The largest depth of nested parts; a part is read again at every level above it.
const DEPTH: usize = 8;

/// The largest number of parts that follow each other.
const PARTS: usize = 64;

/// The longest text in a charsmap that takes the place of a character, in bytes. The longest in use have 33.
const REPLACEMENT: usize = 64;

/// Refuses parts that take long to read: deeply nested ones, many, and charsmaps that are larger than they are.
pub(super) fn parts(file: &Path, json: &Value) -> Result<(), Error> {
    for key in ["normalizer", "pre_tokenizer", "post_processor", "decoder"] {
        let Some(part) = json.get(key) else { continue };
        let wrong = |message: String| Error::at(file, format!("`{key}`: {message}"));
        if levels(part) > DEPTH {
            return Err(wrong(format!("more than {DEPTH} levels of parts within parts")));
        }
        let all = count(part);
        if all > PARTS {
            return Err(wrong(format!("{all} parts; {PARTS} are the most")));
        }
        charsmaps(part).map_err(wrong)?;
    }
    Ok(())
}

/// Returns the parts of a sequence of parts.
fn inner(part: &Value) -> impl Iterator<Item = &Value> {
    let names = ["normalizers", "pretokenizers", "processors", "decoders"];
    names.into_iter().filter_map(|name| part.get(name)?.as_array()).flatten()
}

fn levels(part: &Value) -> usize {
    1 + inner(part).map(levels).max().unwrap_or(0)
}

/// Returns the number of parts, not counting sequences.
fn count(part: &Value) -> usize {
    inner(part).map(count).sum::<usize>().max(1)
}

/// Refuses charsmaps, at any depth, that are not what they say: 4 bytes with the length of a trie, the trie, and the
/// texts that replace characters, each ending in a zero.
fn charsmaps(part: &Value) -> Result<(), String> {
    inner(part).try_for_each(charsmaps)?;
    let Some(map) = part.get("precompiled_charsmap").and_then(Value::as_str) else { return Ok(()) };
    let bytes = base64(map);
    let Some((size, rest)) = bytes.split_first_chunk() else { return Err("a charsmap of less than 4 bytes".into()) };
    let size = u32::from_le_bytes(*size) as usize;
    let Some(texts) = rest.get(size..) else {
        return Err(format!("a charsmap of {} bytes says that it has {size} bytes of a trie", bytes.len()));
    };
    match texts.split(|byte| *byte == 0).map(<[u8]>::len).max() {
        Some(most) if most > REPLACEMENT => {
            Err(format!("a charsmap replaces a character by {most} bytes; {REPLACEMENT} are the most"))
        }
        _ => Ok(()),
    }
}

/// Returns the bytes of a text in base64. Marks that are not of it are skipped; the reader refuses them.
fn base64(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let digits: Vec<u8> = text.bytes().filter_map(digit).collect();
    let group = |digits: &[u8]| {
        let bits = (0..4).fold(0u32, |bits, at| bits << 6 | u32::from(digits.get(at).copied().unwrap_or(0)));
        let [_, bytes @ ..] = bits.to_be_bytes();
        bytes.into_iter().take(digits.len() * 3 / 4)
    };
    digits.chunks(4).flat_map(group).collect()
}

/// Checks that every added token has the id that the file gives it, and that no two tokens share an id.
pub(super) fn ids(file: &Path, json: &Value, inner: &Inner) -> Result<(), Error> {
    for token in json.get("added_tokens").and_then(Value::as_array).into_iter().flatten() {
        let (Some(text), Some(id)) = (token.get("content").and_then(Value::as_str), token.get("id")) else { continue };
        let given = inner.token_to_id(text);
        if given.map(u64::from) != id.as_u64() {
            let given = given.map_or("none".into(), |id| id.to_string());
            let help = "an id that the vocabulary leaves open, or one that it gives to the same token, fits";
            return Err(Error::at(
                file,
                format!(
                    "`added_tokens`: `{}` has id {} there, and {given} in use",
                    quoted(text),
                    quoted(&id.to_string())
                ),
            )
            .help(help));
        }
    }
    let mut seen: HashMap<u32, String> = HashMap::new();
    let mut clashes = Vec::new();
    for (token, id) in inner.get_vocab(true) {
        if let Some(other) = seen.insert(id, token.clone()) {
            clashes.push((id, other.clone().min(token.clone()), other.max(token)));
        }
    }
    match clashes.into_iter().min() {
        None => Ok(()),
        Some((id, one, two)) => {
            Err(Error::at(file, format!("`{}` and `{}` both have id {id}", quoted(&one), quoted(&two))))
        }
    }
}

/// Checks the tokens that `post_processor` puts around a text: they must exist with ids below `vocab`, and the text
/// must occur once.
pub(super) fn around(file: &Path, json: &Value, vocab: usize) -> Result<(), Error> {
    let wrong = |message: String| Err(Error::at(file, format!("`post_processor`: {message}")));
    let Some(part) = json.get("post_processor").filter(|part| !part.is_null()) else { return Ok(()) };
    let (mut special, mut parts) = (0, vec![part]);
    while let Some(part) = parts.pop() {
        parts.extend(part.get("processors").and_then(Value::as_array).into_iter().flatten());
        let mut ids: Vec<&Value> = ["sep", "cls"].iter().filter_map(|key| part.get(key)?.get(1)).collect();
        let tokens = part.get("special_tokens").and_then(Value::as_object);
        ids.extend(tokens.into_iter().flatten().filter_map(|(_, token)| token.get("ids")?.as_array()).flatten());
        if let Some(id) = ids.iter().find(|id| id.as_u64().is_none_or(|id| id >= vocab as u64)) {
            return wrong(format!(
                "a special token has id {}, but the tokenizer's vocabulary has {vocab} tokens",
                quoted(&id.to_string())
            ));
        }
        let Some(template) = part.get("single").and_then(Value::as_array) else { continue };
        for piece in template.iter().filter_map(|piece| piece.get("SpecialToken")?.get("id")?.as_str()) {
            let ids = tokens.and_then(|tokens| tokens.get(piece)?.get("ids")?.as_array());
            let Some(ids) = ids else { return wrong(format!("`{}` is not in its `special_tokens`", quoted(piece))) };
            special += ids.len();
        }
        let texts = template.iter().filter(|piece| piece.get("Sequence").is_some()).count();
        if texts != 1 {
            return wrong(format!("`single` has the text {texts} times"));
        }
    }
    if special > SPECIAL {
        return wrong(format!("{special} special tokens around a text; {SPECIAL} are the most"));
    }
    Ok(())
}
