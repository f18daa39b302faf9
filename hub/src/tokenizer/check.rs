//! Checks parts of `tokenizer.json` that `tokenizers` trusts: ids, special tokens, and how often a text is repeated.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use super::parts::Inner;
use crate::Error;

/// The largest number of special tokens around a text.
const SPECIAL: usize = 1024;

/// The largest depth of nested parts; a part is read again at every level above it.
const DEPTH: usize = 8;

/// Refuses deeply nested parts, which take long to read.
pub(super) fn depth(file: &Path, json: &Value) -> Result<(), Error> {
    for key in ["normalizer", "pre_tokenizer", "post_processor", "decoder"] {
        let parts = ["normalizers", "pretokenizers", "processors", "decoders"];
        if json.get(key).is_some_and(|part| levels(part, &parts) > DEPTH) {
            return Err(Error::at(file, format!("`{key}`: more than {DEPTH} levels of parts within parts")));
        }
    }
    Ok(())
}

fn levels(part: &Value, names: &[&str]) -> usize {
    let inner = names.iter().filter_map(|name| part.get(name)?.as_array()).flatten();
    1 + inner.map(|part| levels(part, names)).max().unwrap_or(0)
}

/// Checks that every added token has the id that the file gives it, and that no two tokens share an id.
pub(super) fn ids(file: &Path, json: &Value, inner: &Inner) -> Result<(), Error> {
    for token in json.get("added_tokens").and_then(Value::as_array).into_iter().flatten() {
        let (Some(text), Some(id)) = (token.get("content").and_then(Value::as_str), token.get("id")) else { continue };
        let given = inner.token_to_id(text);
        if given.map(u64::from) != id.as_u64() {
            let given = given.map_or("none".into(), |id| id.to_string());
            let help = "an id that the vocabulary leaves open, or one that it gives to the same token, fits";
            return Err(
                Error::at(file, format!("`added_tokens`: `{text}` has id {id} there, and {given} in use")).help(help)
            );
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
        Some((id, one, two)) => Err(Error::at(file, format!("`{one}` and `{two}` both have id {id}"))),
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
            return wrong(format!("a special token has id {id}, but the tokenizer's vocabulary has {vocab} tokens"));
        }
        let Some(template) = part.get("single").and_then(Value::as_array) else { continue };
        for piece in template.iter().filter_map(|piece| piece.get("SpecialToken")?.get("id")?.as_str()) {
            let ids = tokens.and_then(|tokens| tokens.get(piece)?.get("ids")?.as_array());
            let Some(ids) = ids else { return wrong(format!("`{piece}` is not in its `special_tokens`")) };
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
