//! Reads source files.

use std::io::Read;
use std::path::Path;

use pbpo_compiler::{Compiled, unreadable};

/// Where the compiler's own limit on the size of a file is noticed.
const ENOUGH: u64 = 5 << 20;

/// The text of a file, or the finding that it can't be read.
pub fn text(path: &Path) -> Result<String, Box<Compiled>> {
    let fail = |reason: &str| Box::new(unreadable(&path.display().to_string(), reason));
    if path.is_dir() {
        return Err(fail("it is a directory"));
    }
    let file = std::fs::File::open(path).map_err(|error| fail(&reason(&error)))?;
    let mut bytes = Vec::new();
    file.take(ENOUGH).read_to_end(&mut bytes).map_err(|error| fail(&reason(&error)))?;
    if bytes.len() as u64 == ENOUGH {
        // Cut inside a character, perhaps: it is too large in any case.
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    String::from_utf8(bytes).map_err(|_| fail("it is not UTF-8 text"))
}

/// An error of the system in a few words.
fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".into(),
        std::io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => error.to_string(),
    }
}
