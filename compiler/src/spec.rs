//! A spec on disk: a folder of `.minos` files.

use std::io;
use std::path::{Path, PathBuf};

use minos_dsl::source::Sources;

/// Reads every `.minos` file below `folder`, in the order of their paths. A path in diagnostics is `folder` joined with the file's own.
///
/// # Errors
/// There is no such folder, there is no `.minos` file in it, or one cannot be read as UTF-8.
pub fn read(folder: &Path) -> Result<Sources, SpecError> {
    let mut paths = Vec::new();
    collect(folder, &mut paths)?;
    if paths.is_empty() {
        return Err(SpecError::Empty(folder.to_owned()));
    }
    paths.sort();
    let mut sources = Sources::new();
    for path in paths {
        let bytes = std::fs::read(&path).map_err(|error| SpecError::Unreadable(path.clone(), error))?;
        let text = String::from_utf8(bytes).map_err(|error| SpecError::not_utf8(&path, &error))?;
        sources.add(path.to_string_lossy(), text);
    }
    Ok(sources)
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<(), SpecError> {
    let unreadable = |error| SpecError::Unreadable(folder.to_owned(), error);
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if path.is_dir() {
            collect(&path, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "minos") {
            paths.push(path);
        }
    }
    Ok(())
}

/// Why a spec cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// A file or folder that cannot be read.
    #[error("cannot read `{}`: {}", .0.display(), .1)]
    Unreadable(PathBuf, io::Error),
    /// A file that is no text.
    #[error("`{}` is not UTF-8: line {line} holds the byte 0x{byte:02x}; save it as UTF-8", .path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// The line of the first byte that is wrong, from 1.
        line: usize,
        /// That byte.
        byte: u8,
    },
    /// A folder without a spec.
    #[error("there is no `.minos` file in `{}`: name the folder that holds the spec", .0.display())]
    Empty(PathBuf),
}

impl SpecError {
    fn not_utf8(path: &Path, error: &std::string::FromUtf8Error) -> Self {
        let (good, bad) = error.as_bytes().split_at(error.utf8_error().valid_up_to());
        let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
        Self::NotUtf8 { path: path.to_owned(), line, byte: bad.first().copied().unwrap_or_default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_utf8_is_refused_with_the_line() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.minos"), b"system a\n\xff").unwrap();
        let error = read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("a.minos` is not UTF-8: line 2 holds the byte 0xff"), "{error}");
    }

    #[test]
    fn files_are_read_in_the_order_of_their_paths_and_others_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("more")).unwrap();
        for path in ["b.minos", "a.minos", "more/c.minos", "notes.txt", ".hidden.minos"] {
            std::fs::write(folder.path().join(path), path).unwrap();
        }
        let sources = read(folder.path()).unwrap();
        let texts: Vec<_> = sources.iter().map(|(_, source)| source.text()).collect();
        assert_eq!(texts, ["a.minos", "b.minos", "more/c.minos"]);
    }

    #[test]
    fn a_folder_without_a_spec_is_refused_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path()).unwrap_err().to_string().contains(&folder.path().display().to_string()));
        assert!(matches!(read(&folder.path().join("nowhere")), Err(SpecError::Unreadable(..))));
    }
}
