//! The JSON form of a plan: [`Plan::to_json`] writes it, [`Plan::from_json`] reads it.

use serde::Deserialize;

use super::{PLAN_VERSION, Plan, verify::verify};

/// The deepest nesting of brackets that is read. Plans nest less: see `pbpo_grammar::MAX_DEPTH`.
const MAX_DEPTH: usize = 1024;

impl Plan {
    /// Returns pretty JSON with a stable order of keys.
    pub fn to_json(&self) -> String {
        // This can fail only for maps with keys that are not texts, which do not occur.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Reads a plan back, and verifies it. A field that is not known is an error, and so is a plan of another version.
    pub fn from_json(text: &str) -> Result<Plan, String> {
        if too_deep(text) {
            return Err(format!("nested deeper than {MAX_DEPTH} levels"));
        }
        if let Ok(Version { version }) = serde_json::from_str(text)
            && version != PLAN_VERSION
        {
            return Err(format!("a plan of version {version}, where {PLAN_VERSION} is known"));
        }
        let mut reader = serde_json::Deserializer::from_str(text);
        reader.disable_recursion_limit();
        let plan: Plan = serde::Deserialize::deserialize(&mut reader).map_err(|error| error.to_string())?;
        reader.end().map_err(|error| error.to_string())?;
        verify(&plan)?;
        Ok(plan)
    }
}

/// What is read of a plan of any version.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

fn too_deep(text: &str) -> bool {
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    for byte in text.bytes() {
        match (quoted, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => quoted = !quoted,
            (false, b'{' | b'[') => depth += 1,
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return true;
        }
    }
    false
}
