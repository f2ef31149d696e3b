//! What the provider has done: a file of JSON lines, one a call, appended and synced before the call is answered.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// To take money.
    Charge,
    /// To give it back.
    Refund,
    /// To send a mail.
    Mail,
}

impl Kind {
    /// How references of this kind begin.
    fn prefix(self) -> &'static str {
        match self {
            Self::Charge => "pay",
            Self::Refund => "ref",
            Self::Mail => "mail",
        }
    }
}

/// An answer: HTTP status and body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Value,
}

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    at: Timestamp,
    kind: Kind,
    key: String,
    request: Value,
    /// Absent on the line of a call whose key had been answered before.
    answer: Option<Answer>,
}

/// What was done for one key.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// What was asked for.
    #[serde(skip)]
    pub kind: Kind,
    /// The `Idempotency-Key`.
    pub key: String,
    /// The body of the request.
    pub request: Value,
    /// The answer that every call with that key got.
    pub answer: Answer,
    /// How many calls came with that key.
    pub calls: u32,
    /// When the first came.
    pub at: Timestamp,
}

/// Why the file cannot be used, or a call not be taken.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    /// The file cannot be opened, read or written.
    #[error("cannot use `{path}`: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Another provider writes it.
    #[error("`{path}` is used by another process: stop that one, or choose another folder", path = path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// A line of the file is none of ours.
    #[error("line {line} of `{path}` is not a recorded call: {source}", path = path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What serde says.
        source: serde_json::Error,
    },
    /// The key was used before with another body.
    #[error("the key `{0}` was used before with another body")]
    KeyReused(String),
}

/// The book, open.
#[derive(Debug)]
pub struct Book {
    path: PathBuf,
    file: File,
    entries: Vec<Entry>,
    by_key: BTreeMap<(Kind, String), usize>,
}

impl Book {
    /// Opens the file for this process alone, makes it if there is none, and reads what it holds. A last line without an end (the server was killed
    /// while writing it, so nobody got its answer) is cut off.
    pub fn open(path: &Path) -> Result<Self, BookError> {
        let failed = |source| BookError::File { path: path.to_owned(), source };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(BookError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(failed)?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            file.set_len(whole as u64).map_err(failed)?;
            file.seek(std::io::SeekFrom::End(0)).map_err(failed)?;
        }
        let mut book = Self { path: path.to_owned(), file, entries: Vec::new(), by_key: BTreeMap::new() };
        for (index, line) in text[..whole].lines().enumerate() {
            let line = serde_json::from_str(line).map_err(|source| BookError::Line {
                path: path.to_owned(),
                line: index + 1,
                source,
            })?;
            book.learn(line);
        }
        Ok(book)
    }

    /// Takes a call: a new key is answered with `decide(reference)`, a known one as before. The call is on disk when this returns.
    pub fn take(
        &mut self,
        kind: Kind,
        key: &str,
        request: &Value,
        decide: impl FnOnce(String) -> Answer,
    ) -> Result<Answer, BookError> {
        let known = self.by_key.get(&(kind, key.to_owned())).map(|&index| &self.entries[index]);
        if known.is_some_and(|entry| entry.request != *request) {
            return Err(BookError::KeyReused(key.to_owned()));
        }
        let answer = match known {
            Some(_) => None,
            None => Some(decide(format!("{}-{}", kind.prefix(), self.entries.len() + 1))),
        };
        let line = Line { at: Timestamp::now(), kind, key: key.to_owned(), request: request.clone(), answer };
        self.append(&line).map_err(|source| BookError::File { path: self.path.clone(), source })?;
        let index = self.learn(line);
        Ok(self.entries[index].answer.clone())
    }

    /// What was done of one kind, in the order of the first calls.
    pub fn entries(&self, kind: Kind) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.kind == kind)
    }

    fn append(&mut self, line: &Line) -> std::io::Result<()> {
        let mut text = serde_json::to_string(line)?;
        text.push('\n');
        self.file.write_all(text.as_bytes())?;
        self.file.sync_data()
    }

    /// Takes a line in; gives the place of its entry.
    fn learn(&mut self, line: Line) -> usize {
        let slot = (line.kind, line.key.clone());
        if let Some(&index) = self.by_key.get(&slot) {
            self.entries[index].calls += 1;
            return index;
        }
        let index = self.entries.len();
        let answer = line.answer.unwrap_or(Answer { status: 500, body: Value::Null });
        let Line { at, kind, key, request, .. } = line;
        self.entries.push(Entry { kind, key, request, answer, calls: 1, at });
        self.by_key.insert(slot, index);
        index
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn paid(reference: String) -> Answer {
        Answer { status: 201, body: json!({ "reference": reference }) }
    }

    #[test]
    fn the_same_key_is_answered_alike_and_counted_after_reopening() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("book.jsonl");
        let request = json!({ "order": "o", "amount": "1.00" });
        let first = Book::open(&path).unwrap().take(Kind::Charge, "k", &request, paid).unwrap();
        let mut book = Book::open(&path).unwrap();
        let again = book.take(Kind::Charge, "k", &request, |_| unreachable!("decided twice")).unwrap();
        assert_eq!(first, again);
        assert_eq!(book.entries(Kind::Charge).map(|entry| entry.calls).collect::<Vec<_>>(), [2]);
        assert_eq!(book.entries(Kind::Refund).count(), 0);
    }

    #[test]
    fn a_key_with_another_body_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut book = Book::open(&folder.path().join("book.jsonl")).unwrap();
        book.take(Kind::Charge, "k", &json!({ "amount": "1.00" }), paid).unwrap();
        let refused = book.take(Kind::Charge, "k", &json!({ "amount": "2.00" }), paid);
        assert!(matches!(refused, Err(BookError::KeyReused(key)) if key == "k"));
    }

    #[test]
    fn a_line_torn_by_a_kill_is_cut_off_and_its_key_is_new_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("book.jsonl");
        Book::open(&path).unwrap().take(Kind::Charge, "a", &json!({}), paid).unwrap();
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(br#"{"at":"2026-"#).unwrap();
        let mut book = Book::open(&path).unwrap();
        book.take(Kind::Charge, "b", &json!({}), paid).unwrap();
        let keys = |book: &Book| book.entries(Kind::Charge).map(|entry| entry.key.clone()).collect::<Vec<_>>();
        assert_eq!(keys(&book), ["a", "b"]);
        assert!(matches!(Book::open(&path), Err(BookError::InUse { .. })));
        drop(book);
        assert_eq!(keys(&Book::open(&path).unwrap()), ["a", "b"]);
    }

    #[test]
    fn a_foreign_file_is_refused_by_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("book.jsonl");
        std::fs::write(&path, "hello\n").unwrap();
        assert!(matches!(Book::open(&path), Err(BookError::Line { line: 1, .. })));
    }
}
