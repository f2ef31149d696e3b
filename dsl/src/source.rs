//! Source texts and places in them.
//!
//! A place is a [`Span`]: a file and two byte offsets. Lines and columns exist only where people read them, and are
//! computed from the text by [`Sources::position`].

/// Names one text in [`Sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u32);

/// A range of bytes in one source text. Ordered by file, then start, then end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The text.
    pub file: SourceId,
    /// The first byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The bytes from `start` to before `end`.
    #[must_use]
    pub fn new(file: SourceId, start: u32, end: u32) -> Self {
        Self { file, start, end }
    }

    /// From the start of `self` to the end of `last`, which is in the same file.
    #[must_use]
    pub fn to(self, last: Span) -> Self {
        Self { file: self.file, start: self.start.min(last.start), end: self.end.max(last.end) }
    }

    /// The empty place before the first byte.
    #[must_use]
    pub fn before(self) -> Self {
        Self { end: self.start, ..self }
    }

    /// The empty place after the last byte.
    #[must_use]
    pub fn after(self) -> Self {
        Self { start: self.end, ..self }
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(self) -> u32 {
        self.end.saturating_sub(self.start)
    }

    /// True for a place between two bytes.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.end <= self.start
    }

    /// The same as a range of indices into the text.
    #[must_use]
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end.max(self.start) as usize
    }
}

/// A place as people count it: both from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in Unicode characters.
    pub column: u32,
}

/// One source text and the path under which people know it.
#[derive(Debug, Clone)]
pub struct Source {
    path: String,
    text: String,
    /// The offset of the first byte of each line.
    lines: Vec<u32>,
}

impl Source {
    /// The path, as it is shown in diagnostics.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The line and column of a byte offset; an offset past the end is the end, one inside a character is its start.
    #[must_use]
    pub fn position(&self, offset: u32) -> Position {
        let offset = floor_char(&self.text, offset as usize);
        let line = self.lines.partition_point(|&start| start as usize <= offset).saturating_sub(1);
        let start = self.lines.get(line).map_or(0, |&start| start as usize);
        let column = self.text[start..offset].chars().count();
        Position { line: line as u32 + 1, column: column as u32 + 1 }
    }
}

/// The texts of one run, in the order they were added.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    sources: Vec<Source>,
}

impl Sources {
    /// No texts yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a text. Spans count bytes in 32 bits, so a text of 4 GiB or more is cut there.
    pub fn add(&mut self, path: impl Into<String>, text: impl Into<String>) -> SourceId {
        let mut text = text.into();
        let limit = floor_char(&text, u32::MAX as usize - 1);
        text.truncate(limit);
        let mut lines = vec![0];
        lines.extend(text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n').map(|(at, _)| at as u32 + 1));
        self.sources.push(Source { path: path.into(), text, lines });
        SourceId(self.sources.len() as u32 - 1)
    }

    /// The source of an id that [`Sources::add`] gave.
    ///
    /// # Panics
    /// If the id is of another `Sources`.
    #[must_use]
    pub fn get(&self, id: SourceId) -> &Source {
        &self.sources[id.0 as usize]
    }

    /// Every source with its id, in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        self.sources.iter().enumerate().map(|(at, source)| (SourceId(at as u32), source))
    }

    /// The text of a span; cut to what exists.
    #[must_use]
    pub fn text(&self, span: Span) -> &str {
        let text = self.get(span.file).text();
        let start = floor_char(text, span.start as usize);
        let end = floor_char(text, span.end as usize).max(start);
        &text[start..end]
    }

    /// The line and column at which a span starts.
    #[must_use]
    pub fn position(&self, span: Span) -> Position {
        self.get(span.file).position(span.start)
    }
}

/// The greatest character boundary that is not past `offset`.
pub(crate) fn floor_char(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters_from_one() {
        let mut sources = Sources::new();
        let id = sources.add("a.minos", "ab\nčd\n");
        let at = |offset| sources.get(id).position(offset);
        assert_eq!(at(0), Position { line: 1, column: 1 });
        assert_eq!(at(2), Position { line: 1, column: 3 });
        assert_eq!(at(3), Position { line: 2, column: 1 });
        assert_eq!(at(4), Position { line: 2, column: 1 });
        assert_eq!(at(5), Position { line: 2, column: 2 });
        assert_eq!(at(99), Position { line: 3, column: 1 });
    }
}
