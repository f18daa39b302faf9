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
    /// Makes the span `start..end` of `file`. Files are far smaller than 4 GiB (see [`crate::MAX_BYTES`]).
    pub fn new(file: FileId, start: usize, end: usize) -> Self {
        let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self { file, start: narrow(start), end: narrow(end) }
    }

    /// Returns the span from the start of this one to the end of `other`.
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

    /// Returns the number of bytes.
    pub fn len(self) -> usize {
        (self.end.saturating_sub(self.start)) as usize
    }

    /// Tells whether it covers no byte.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Returns the covered text; empty if the span isn't of this text.
    pub fn text(self, source: &str) -> &str {
        source.get(self.start as usize..self.end as usize).unwrap_or("")
    }
}
