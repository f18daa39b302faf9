//! Open files, files on the disk, and the URIs of both.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use lsp_types::{TextDocumentContentChangeEvent, Uri};
use pbpo_compiler::modules::Loader;

use super::text;
use crate::read::Disk;

/// The largest number of files that are read in the folders of the editor.
const MOST_FILES: usize = 2000;
/// The depth to which the folders are searched.
const DEEPEST: usize = 8;

/// A file that is open in the editor.
pub struct Document {
    /// The URI as the client writes it.
    pub uri: Uri,
    pub version: i32,
    pub text: String,
}

/// The open files, by their paths.
#[derive(Default)]
pub struct Documents(BTreeMap<String, Document>);

impl Documents {
    pub fn get(&self, path: &str) -> Option<&Document> {
        self.0.get(path)
    }

    pub fn open(&mut self, path: &str, uri: Uri, version: i32, text: String) {
        self.0.insert(path.to_owned(), Document { uri, version, text });
    }

    pub fn change(&mut self, path: &str, version: i32, changes: Vec<TextDocumentContentChangeEvent>) {
        let Some(document) = self.0.get_mut(path) else { return };
        document.version = version;
        changes.into_iter().for_each(|part| text::change(&mut document.text, part.range, &part.text));
    }

    pub fn close(&mut self, path: &str) {
        self.0.remove(path);
    }

    pub fn paths(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    /// Returns the URI of a path: the client's own if the file is open.
    pub fn uri(&self, path: &str) -> Option<Uri> {
        self.0.get(path).map_or_else(|| uri_of(path), |document| Some(document.uri.clone()))
    }

    /// Returns the text of a path: that of the open file, else that on the disk.
    pub fn text(&self, path: &str) -> Option<String> {
        self.load(path).ok()
    }

    fn load(&self, path: &str) -> Result<String, String> {
        match self.0.get(path) {
            Some(document) => Ok(document.text.clone()),
            None => Disk.load(path),
        }
    }

    /// Returns every file of these folders, and every open file, that may import another.
    pub fn importers(&self, folders: &[std::path::PathBuf]) -> Vec<String> {
        let mut paths: BTreeSet<String> = self.0.keys().cloned().collect();
        folders.iter().for_each(|folder| search(folder, DEEPEST, &mut paths));
        paths.retain(|path| self.text(path).is_some_and(|text| text.contains("use \"")));
        paths.into_iter().collect()
    }
}

/// Collects the .pbpo files of a folder, without hidden folders.
fn search(folder: &Path, deepest: usize, found: &mut BTreeSet<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let hidden = name.to_string_lossy().starts_with('.') || name == "target" || name == "node_modules";
        // Links are not followed, because they may lead back.
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && !hidden && deepest > 0 => search(&path, deepest - 1, found),
            Ok(kind) if kind.is_file() && found.len() < MOST_FILES && path.extension().is_some_and(|e| e == "pbpo") => {
                found.insert(path.to_string_lossy().replace('\\', "/"));
            }
            _ => {}
        }
    }
}

/// A reader of open files, and of others from the disk; remembers the requested files.
pub struct Overlay<'a> {
    documents: &'a Documents,
    asked: RefCell<BTreeSet<String>>,
}

impl<'a> Overlay<'a> {
    pub fn new(documents: &'a Documents) -> Self {
        Self { documents, asked: RefCell::default() }
    }

    pub fn asked(self) -> BTreeSet<String> {
        self.asked.into_inner()
    }
}

impl Loader for Overlay<'_> {
    fn load(&self, path: &str) -> Result<String, String> {
        self.asked.borrow_mut().insert(path.to_owned());
        self.documents.load(path)
    }
}

/// Returns the path of a `file` URI; any other URI is its own name.
pub fn path_of(uri: &Uri) -> String {
    let text = uri.as_str();
    let Some(rest) = text.strip_prefix("file://") else { return text.to_owned() };
    // The host, if there is one, is this machine.
    let path = decoded(rest.find('/').map_or(rest, |start| &rest[start..]));
    match path.as_bytes() {
        // A path of Windows, as `/c:/x`.
        [b'/', drive, b':', ..] if drive.is_ascii_alphabetic() => path[1..].to_owned(),
        _ => path,
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        let code = more.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match code.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &more[2..];
            }
            None => {
                bytes.push(*first);
                rest = more;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn uri_of(path: &str) -> Option<Uri> {
    let mut text = String::from(if path.starts_with('/') { "file://" } else { "file:///" });
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_and_paths() {
        for (uri, path) in [
            ("file:///a/b%20c/%C3%A4.pbpo", "/a/b c/ä.pbpo"),
            ("file://host/a.pbpo", "/a.pbpo"),
            ("file:///c%3A/x.pbpo", "c:/x.pbpo"),
            ("untitled:Untitled-1", "untitled:Untitled-1"),
            ("file:///100%25.pbpo", "/100%.pbpo"),
        ] {
            assert_eq!(path_of(&uri.parse().unwrap()), path);
        }
        let uri = uri_of("/a/b c/ä.pbpo").unwrap();
        assert_eq!((uri.as_str(), path_of(&uri).as_str()), ("file:///a/b%20c/%C3%A4.pbpo", "/a/b c/ä.pbpo"));
        assert_eq!(path_of(&uri_of("c:/x.pbpo").unwrap()), "c:/x.pbpo");
    }
}
