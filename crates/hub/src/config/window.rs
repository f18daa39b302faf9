//! Sliding-window attention: which layers have it. Only "all" and "none" are supported.

use super::Family;
use super::keys::Keys;
use crate::{Error, quoted};

/// Returns every layer's window in tokens, or `None` if every layer sees the whole sequence.
pub(super) fn parse(keys: &Keys, family: Family, layers: usize) -> Result<Option<usize>, Error> {
    let absent = (!keys.map.contains_key("sliding_window")).then_some(4096);
    let window = keys.size("sliding_window")?.or(absent);
    let kinds = keys.texts("layer_types")?;
    let sliding = match family {
        Family::Llama => return full_only(keys, kinds.as_deref()),
        // Mistral's window, if set, applies to every layer.
        Family::Mistral => match kinds {
            Some(kinds) => layer_types(keys, &kinds)?,
            None => window.is_some(),
        },
        Family::Qwen2 | Family::Qwen3 => {
            let used = keys.flag("use_sliding_window")?.unwrap_or(false) && window.is_some();
            match kinds {
                Some(kinds) => layer_types(keys, &kinds)?,
                None => used && from_layer(keys, layers)?,
            }
        }
    };
    let used = family == Family::Mistral || keys.flag("use_sliding_window")?.unwrap_or(false);
    match (sliding, window.filter(|_| used)) {
        (false, _) => Ok(None),
        (true, Some(window)) => Ok(Some(window)),
        (true, None) => Err(keys.error("layer_types", "sliding_attention without a sliding window in use")),
    }
}

fn full_only(keys: &Keys, kinds: Option<&[&str]>) -> Result<Option<usize>, Error> {
    match kinds {
        Some(kinds) if layer_types(keys, kinds)? => Err(keys.error("layer_types", "llama has no sliding window")),
        _ => Ok(None),
    }
}

/// Tells whether every layer slides. Returns an error if only some do.
fn layer_types(keys: &Keys, kinds: &[&str]) -> Result<bool, Error> {
    let count = kinds.iter().filter(|kind| **kind == "sliding_attention").count();
    if let Some(kind) = kinds.iter().find(|kind| !["sliding_attention", "full_attention"].contains(kind)) {
        return Err(keys.error("layer_types", format!("`{}` is not supported", quoted(kind))));
    }
    match count {
        0 => Ok(false),
        _ if count == kinds.len() => Ok(true),
        _ => Err(mixed(keys, "layer_types")),
    }
}

/// Reads Qwen's older spelling: layers from `max_window_layers` on slide.
fn from_layer(keys: &Keys, layers: usize) -> Result<bool, Error> {
    match keys.count("max_window_layers")?.unwrap_or(28) {
        0 => Ok(true),
        first if first >= layers => Ok(false),
        _ => Err(mixed(keys, "max_window_layers")),
    }
}

fn mixed(keys: &Keys, key: &str) -> Error {
    keys.error(key, "a sliding window in some layers only is not supported")
        .help("use a checkpoint in which every layer, or none, has a sliding window")
}
