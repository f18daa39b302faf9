//! Open files, as the editor has them, and what is known of each.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use lsp_types::Uri;
use pbpo_compiler::Input;
use pbpo_compiler::ide::Analysis;
use pbpo_compiler::modules::Loader;

use crate::read::Disk;

/// An open file.
struct Open {
    text: String,
    /// Of this text; nothing before it was looked at.
    analysis: Option<Analysis>,
}

#[derive(Default)]
pub struct Documents {
    open: HashMap<PathBuf, Open>,
}

/// Open files first, then the disk.
struct Buffers<'a>(&'a HashMap<PathBuf, Open>);

impl Loader for Buffers<'_> {
    fn load(&self, path: &str) -> Result<String, String> {
        match self.0.get(Path::new(path)) {
            Some(open) => Ok(open.text.clone()),
            None => Disk.load(path),
        }
    }
}

impl Documents {
    pub fn set(&mut self, uri: &Uri, text: String) {
        self.open.insert(path(uri), Open { text, analysis: None });
    }

    pub fn close(&mut self, uri: &Uri) {
        self.open.remove(&path(uri));
    }

    /// A file, and the open ones that import it.
    pub fn affected(&self, uri: &Uri) -> Vec<Uri> {
        let changed = path(uri);
        let imports = |open: &Open| {
            let sources = open.analysis.as_ref().map(Analysis::sources);
            sources.is_some_and(|sources| sources.names().any(|name| Path::new(name) == changed))
        };
        let others = self.open.iter().filter(|(path, open)| **path != changed && imports(open));
        let mut found: Vec<Uri> = vec![uri.clone()];
        found.extend(others.filter_map(|(path, _)| to_uri(&path.to_string_lossy())));
        found
    }

    /// Looks at a file anew.
    pub fn check(&mut self, uri: &Uri) -> Option<&Analysis> {
        let path = path(uri);
        let name = path.to_string_lossy().into_owned();
        let text = self.open.get(&path)?.text.clone();
        let input = Input { name: &name, text: &text, loader: &Buffers(&self.open), lints: &[] };
        let analysis = Analysis::of(input);
        let open = self.open.get_mut(&path)?;
        Some(open.analysis.insert(analysis))
    }

    /// What is known of a file; the text may have gone on since.
    pub fn get(&self, uri: &Uri) -> Option<(&str, Analysis)> {
        let path = path(uri);
        let open = self.open.get(&path)?;
        let name = path.to_string_lossy().into_owned();
        let input = Input { name: &name, text: &open.text, loader: &Buffers(&self.open), lints: &[] };
        Some((&open.text, Analysis::of(input)))
    }
}

/// The path of a `file:` URI, with `%20` and the like resolved.
pub fn path(uri: &Uri) -> PathBuf {
    let raw = uri.as_str().strip_prefix("file://").unwrap_or(uri.as_str());
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.bytes();
    while let Some(byte) = rest.next() {
        let hex = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        let mut ahead = rest.clone();
        match (byte, hex(ahead.next()), hex(ahead.next())) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                rest = ahead;
            }
            _ => bytes.push(byte),
        }
    }
    PathBuf::from(String::from_utf8_lossy(&bytes).into_owned())
}

/// The `file:` URI of a path.
pub fn to_uri(path: &str) -> Option<Uri> {
    let mut out = String::from("file://");
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    Uri::from_str(&out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_survive_their_uris() {
        for name in ["/a/b.pbpo", "/a b/ü=1.pbpo", "/100%/x.pbpo"] {
            assert_eq!(path(&to_uri(name).unwrap()), PathBuf::from(name));
        }
    }
}
