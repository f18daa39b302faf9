//! Reading, hashing and writing files, with errors that name them.

use std::cell::Cell;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Once;

use pbpo_outside::file::{self, Refused};
use serde_json::{Map, Value};

use crate::Error;

/// Returns the bytes of a small file of a model's directory, of at most `most` bytes, or `None` if there is no such
/// file. Refuses a link that leads out of the directory: a model from an unknown author could otherwise name any file of
/// this machine, and its content would be copied into what is published.
pub fn read_own(dir: &Path, name: &str, most: u64) -> Result<Option<Vec<u8>>, Error> {
    let file = dir.join(name);
    let refused = |refused: Refused| Error::refused(&file, &refused);
    let real = match file.canonicalize().map_err(Refused::from) {
        Ok(real) => real,
        Err(Refused::Missing) => return Ok(None),
        Err(other) => return Err(refused(other)),
    };
    if !is_own(&dir.canonicalize().map_err(|error| refused(error.into()))?, &real) {
        return Err(Error::at(&file, "it is a link that leads out of the model's directory")
            .help("put the file itself in its place, if you trust what it holds"));
    }
    file::bytes_if_there(&real, most).map_err(refused)
}

/// Tells whether a file belongs to a directory; both paths are free of links. In the cache of Hugging Face, the files of
/// `snapshots/REVISION` are links to the files of `blobs` beside `snapshots`.
fn is_own(dir: &Path, real: &Path) -> bool {
    let snapshots = dir.ancestors().skip(1).find(|folder| folder.ends_with("snapshots"));
    let blobs = snapshots.and_then(Path::parent).map(|repository| repository.join("blobs"));
    real.starts_with(dir) || blobs.is_some_and(|blobs| real.parent() == Some(&blobs))
}

/// Reads a JSON object; a syntax error names line and column.
pub(crate) fn json_object(file: &Path, bytes: &[u8]) -> Result<Map<String, Value>, Error> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| json_error(file, &error))?;
    match value {
        Value::Object(map) => Ok(map),
        _ => Err(Error::at(file, "expected a JSON object `{ ... }`")),
    }
}

pub(crate) fn json_error(file: &Path, error: &serde_json::Error) -> Error {
    Error::at_line(file, error.line(), error.column(), json_reason(error))
}

/// Returns the message of a JSON error, without the place.
pub(crate) fn json_reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

/// Runs another library's reader over a file that may be damaged; turns its panics into errors.
pub(crate) fn guarded<T>(file: &Path, read: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    caught(read).unwrap_or_else(|| {
        Err(Error::at(file, "damaged: its parts contradict each other").help("fetch or copy the file again"))
    })
}

/// Returns the result of `work`, or `None` if it panics. The panic's own message is not printed.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !CAUGHT.get() {
                hook(info);
            }
        }));
    });
    let before = CAUGHT.replace(true);
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    CAUGHT.set(before);
    done.ok()
}

thread_local! {
    /// True while this thread is inside `caught`.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Returns the blake3 digest in hex of all files joined, as `cat FILES | b3sum` prints it.
pub fn digest(files: &[PathBuf]) -> Result<String, Error> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1 << 20];
    for file in files {
        // These files were read before, each within the bounds of its kind.
        let mut reader = file::open(file, u64::MAX).map_err(|refused| Error::refused(file, &refused))?;
        loop {
            match reader.read(&mut buffer).map_err(|error| Error::io(file, "read", &error))? {
                0 => break,
                count => hasher.update(&buffer[..count]),
            };
        }
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// Writes a file atomically: a temporary file beside it takes its name once it is complete.
pub(crate) fn write_atomic(file: &Path, fill: impl FnOnce(&mut dyn Write) -> Result<(), Error>) -> Result<(), Error> {
    let failed = |error: &std::io::Error| Error::io(file, "write", error);
    let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir).map_err(|error| Error::io(dir, "make", &error))?;
    let mut temporary = tempfile::NamedTempFile::new_in(dir).map_err(|error| failed(&error))?;
    // The file itself is written, because its errors do not name the temporary file.
    let mut writer = std::io::BufWriter::with_capacity(1 << 20, temporary.as_file_mut());
    fill(&mut writer)?;
    writer.flush().map_err(|error| failed(&error))?;
    drop(writer);
    readable_by_all(temporary.as_file()).map_err(|error| failed(&error))?;
    temporary.as_file().sync_all().map_err(|error| failed(&error))?;
    temporary.persist(file).map_err(|error| failed(&error.error))?;
    Ok(())
}

pub(crate) fn write_bytes(file: &Path, bytes: &[u8]) -> Result<(), Error> {
    write_atomic(file, |writer| writer.write_all(bytes).map_err(|error| Error::io(file, "write", &error)))
}

/// Writes pretty JSON with a newline at the end, as transformers and PEFT do.
pub(crate) fn write_json(file: &Path, value: &Value) -> Result<(), Error> {
    write_bytes(file, format!("{value:#}\n").as_bytes())
}

#[cfg(unix)]
fn readable_by_all(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable_by_all(_: &File) -> std::io::Result<()> {
    Ok(())
}
