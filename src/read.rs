//! Reads source files.

use std::io::Read;
use std::path::Path;

use pbpo_compiler::modules::Loader;
use pbpo_compiler::{Compiled, unreadable};
use pbpo_outside::file;

/// Where the compiler's own limit on the size of a file is noticed.
const ENOUGH: u64 = 5 << 20;

/// Returns the text of a file, or the finding that it can't be read.
pub fn text(path: &Path) -> Result<String, Box<Compiled>> {
    read(path).map_err(|reason| Box::new(unreadable(&path.display().to_string(), &reason)))
}

/// Replaces a file's text atomically, with the same permissions.
pub fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    let permissions = std::fs::metadata(path)?.permissions();
    // A link stays a link: its target is replaced.
    let path = std::fs::canonicalize(path)?;
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(permissions)?;
    file.persist(&path).map_err(|error| error.error)?;
    Ok(())
}

/// A loader of imported files from the disk.
pub struct Disk;

impl Loader for Disk {
    fn load(&self, path: &str) -> Result<String, String> {
        read(Path::new(path))
    }
}

/// Returns the text of a regular UTF-8 file. A file above the compiler's limit is cut just above it, so that the
/// compiler reports the size.
fn read(path: &Path) -> Result<String, String> {
    all_of(file::open(path, u64::MAX).map_err(|refused| refused.to_string())?)
}

/// The UTF-8 text that a reader gives, cut short as files are.
pub fn all_of(reader: impl Read) -> Result<String, String> {
    let mut bytes = Vec::new();
    reader.take(ENOUGH).read_to_end(&mut bytes).map_err(|error| file::Refused::from(error).to_string())?;
    if bytes.len() as u64 == ENOUGH {
        // It may be cut inside a character, but it is too large in any case.
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".into())
}
