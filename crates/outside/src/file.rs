//! Reads files within limits: only regular files, with a size limit for their kind and a limit for each line.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Take};
use std::path::Path;

/// The largest file of each kind, in bytes, and the longest line (our choices, well above sizes in use).
pub mod limit {
    const MIB: u64 = 1 << 20;

    /// `config.json`, `generation_config.json`, `tokenizer_config.json`, `adapter_config.json`, an index of shards.
    pub const CONFIG: u64 = 64 * MIB;
    /// `tokenizer.json`, `vocab.json`, `merges.txt`. The largest in use have 35 MiB.
    pub const TOKENIZER: u64 = 256 * MIB;
    /// A chat template. The longest in use have 20 KB.
    pub const TEMPLATE: u64 = MIB;
    /// A table of numbers that is held in memory as a whole.
    pub const TABLE: u64 = 256 * MIB;
    /// A line of a data file, or of a store.
    pub const LINE: u64 = 16 * MIB;
    /// A data file that is held in memory as a whole: a JSON array.
    pub const ARRAY: u64 = 1024 * MIB;
    /// A data file that is read line by line.
    pub const LINES: u64 = 64 * 1024 * MIB;
}

/// The reasons why a file is not read.
#[derive(Debug)]
pub enum Refused {
    /// There is no such file.
    Missing,
    /// It is not a regular file; its kind with an article, as in "a directory".
    Irregular(&'static str),
    /// It has more bytes than its kind may have.
    TooLarge { most: u64 },
    /// A line, counted from 1, has more bytes than a line may have.
    LongLine { line: usize, most: u64 },
    /// The system could not read it.
    Io(io::Error),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Missing => f.write_str("there is no such file"),
            Refused::Irregular(kind) => write!(f, "it is {kind}, not a regular file"),
            Refused::TooLarge { most } => write!(f, "it is too large: more than {}", size(*most)),
            Refused::LongLine { line, most } => write!(f, "line {line} is too long: more than {}", size(*most)),
            Refused::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => f.write_str("permission denied"),
            Refused::Io(error) => write!(f, "cannot read it: {error}"),
        }
    }
}

impl std::error::Error for Refused {}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Refused::Missing,
            _ => Refused::Io(error),
        }
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}

/// Opens a regular file of at most `most` bytes. Links are followed. A FIFO, a device, a socket or a directory is
/// refused without being opened, so that the open never blocks.
pub fn open(path: &Path, most: u64) -> Result<File, Refused> {
    regular(&std::fs::metadata(path)?, most)?;
    let file = opened(path)?;
    // The name may belong to another file by now.
    regular(&file.metadata()?, most)?;
    Ok(file)
}

/// Opens a file without waiting for a writer, in case the name is a pipe's by now.
#[cfg(unix)]
fn opened(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    // The flag has no effect on regular files.
    File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path)
}

#[cfg(not(unix))]
fn opened(path: &Path) -> io::Result<File> {
    File::open(path)
}

fn regular(metadata: &std::fs::Metadata, most: u64) -> Result<(), Refused> {
    let kind = metadata.file_type();
    if !kind.is_file() {
        return Err(Refused::Irregular(kind_of(kind)));
    }
    if metadata.len() > most { Err(Refused::TooLarge { most }) } else { Ok(()) }
}

#[cfg(unix)]
fn kind_of(kind: std::fs::FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    match kind {
        kind if kind.is_dir() => "a directory",
        kind if kind.is_fifo() => "a named pipe",
        kind if kind.is_socket() => "a socket",
        kind if kind.is_char_device() || kind.is_block_device() => "a device",
        _ => "something else",
    }
}

#[cfg(not(unix))]
fn kind_of(kind: std::fs::FileType) -> &'static str {
    if kind.is_dir() { "a directory" } else { "something else" }
}

/// Returns the bytes of a regular file of at most `most` bytes. A file that grows while it is read, or one whose size
/// the system does not tell (as in `/proc`), is refused once it passes the limit.
pub fn bytes(path: &Path, most: u64) -> Result<Vec<u8>, Refused> {
    let mut bytes = Vec::new();
    open(path, most)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(Refused::TooLarge { most }) } else { Ok(bytes) }
}

/// Returns the bytes, or `None` if there is no such file.
pub fn bytes_if_there(path: &Path, most: u64) -> Result<Option<Vec<u8>>, Refused> {
    match bytes(path, most) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(Refused::Missing) => Ok(None),
        Err(refused) => Err(refused),
    }
}

/// A reader of a regular file's lines, each of at most `limit::LINE` bytes.
pub struct Lines {
    reader: BufReader<Take<File>>,
    most: u64,
    line: usize,
}

impl Lines {
    /// Opens a regular file of at most `most` bytes.
    pub fn open(path: &Path, most: u64) -> Result<Self, Refused> {
        let file = open(path, most)?.take(most + 1);
        Ok(Self { reader: BufReader::with_capacity(1 << 16, file), most, line: 0 })
    }

    /// Puts the next line into `bytes`, including its newline, and returns its number, counted from 1. Returns `None`
    /// after the last line.
    pub fn next_into(&mut self, bytes: &mut Vec<u8>) -> Result<Option<usize>, Refused> {
        bytes.clear();
        let read = (&mut self.reader).take(limit::LINE + 1).read_until(b'\n', bytes)?;
        // The file's limit ends the reading like the file's end: the line before it may be cut.
        if self.reader.get_ref().limit() == 0 && self.reader.buffer().is_empty() {
            return Err(Refused::TooLarge { most: self.most });
        }
        if read == 0 {
            return Ok(None);
        }
        self.line += 1;
        if read as u64 > limit::LINE {
            return Err(Refused::LongLine { line: self.line, most: limit::LINE });
        }
        Ok(Some(self.line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_directories_and_pipes_are_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for (path, kind) in
            [(pipe.as_path(), "a named pipe"), (dir.path(), "a directory"), (Path::new("/dev/zero"), "a device")]
        {
            let refused = bytes(path, 10).unwrap_err();
            assert!(matches!(refused, Refused::Irregular(found) if found == kind), "{path:?}: {refused}");
        }
        assert!(bytes_if_there(&dir.path().join("absent"), 10).unwrap().is_none());
    }

    #[test]
    fn a_file_is_read_up_to_its_limit() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "0123456789").unwrap();
        assert_eq!(bytes(&file, 10).unwrap().len(), 10);
        assert!(matches!(bytes(&file, 9), Err(Refused::TooLarge { most: 9 })));
        // The sparse file is refused before any read.
        File::create(&file).unwrap().set_len(1 << 40).unwrap();
        assert!(matches!(bytes(&file, 1 << 20), Err(Refused::TooLarge { .. })));
        // The system reports 0 bytes for this file.
        assert!(matches!(bytes(Path::new("/proc/self/status"), 3), Err(Refused::TooLarge { most: 3 })));
    }

    /// Such a file has more than the system says, as one that grows has.
    #[test]
    fn a_line_that_the_limit_cuts_is_refused() {
        let mut lines = Lines::open(Path::new("/proc/self/status"), 3).unwrap();
        assert!(matches!(lines.next_into(&mut Vec::new()), Err(Refused::TooLarge { most: 3 })));
    }

    #[test]
    fn lines_have_a_limit_each() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "a\nb").unwrap();
        let (mut lines, mut line) = (Lines::open(&file, 3).unwrap(), Vec::new());
        assert_eq!((lines.next_into(&mut line).unwrap(), line.as_slice()), (Some(1), b"a\n".as_slice()));
        assert_eq!((lines.next_into(&mut line).unwrap(), line.as_slice()), (Some(2), b"b".as_slice()));
        assert_eq!(lines.next_into(&mut line).unwrap(), None);
        let long = limit::LINE as usize + 1;
        std::fs::write(&file, [b"a\n".as_slice(), &vec![b'x'; long]].concat()).unwrap();
        let mut lines = Lines::open(&file, 1 << 30).unwrap();
        lines.next_into(&mut line).unwrap();
        assert!(matches!(lines.next_into(&mut line), Err(Refused::LongLine { line: 2, .. })));
    }
}
