//! Places in source text.

/// A file of a compilation, by index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FileId(pub u16);

/// Bytes `start..end` of a file, on character boundaries. Ordered by file, then by start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    pub file: FileId,
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// Bytes `start..end` of `file`. Files are far smaller than 4 GiB (see [`crate::MAX_BYTES`]).
    pub fn new(file: FileId, start: usize, end: usize) -> Self {
        let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self { file, start: narrow(start), end: narrow(end) }
    }

    /// From the start of this span to the end of `other`.
    ///
    /// ```text
    /// layers = 2
    /// ------   -
    /// `self`   `other`
    /// ----------  the result
    /// ```
    pub fn to(self, other: Span) -> Self {
        Self { end: other.end.max(self.start), ..self }
    }

    /// Number of bytes.
    pub fn len(self) -> usize {
        (self.end.saturating_sub(self.start)) as usize
    }

    /// Whether it covers no byte.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The text it covers; empty where the span isn't of this text.
    pub fn text(self, source: &str) -> &str {
        source.get(self.start as usize..self.end as usize).unwrap_or("")
    }
}
