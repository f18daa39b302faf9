//! A file that is appended to.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// The longest time of writes that a kill may lose in a fast run.
const LATEST: Duration = Duration::from_millis(200);

/// A file whose writes go to the disk with every event; in a fast run (the exact track has thousands of episodes in a
/// second) a few times a second.
pub struct Appender {
    file: BufWriter<File>,
    fast: bool,
    flushed: Instant,
}

impl Appender {
    pub fn create(path: &Path, fast: bool) -> io::Result<Self> {
        Ok(Self { file: BufWriter::new(File::create(path)?), fast, flushed: Instant::now() })
    }

    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    /// Writes to the disk after an event, unless that was done a moment ago.
    pub fn settle(&mut self) -> io::Result<()> {
        if self.fast && self.flushed.elapsed() < LATEST {
            return Ok(());
        }
        self.flushed = Instant::now();
        self.file.flush()
    }

    /// Writes the rest to the disk at the end.
    pub fn close(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
