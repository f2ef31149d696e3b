//! The data folder: made where it is not there, and one process's alone.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use super::StartError;

/// The file that says which system's data a folder holds.
const OWNER: &str = "minos.system";

/// The data folder, locked for as long as this value lives.
#[derive(Debug)]
pub(super) struct DataFolder {
    path: PathBuf,
    /// The lock is the open file; the system lets go of it with the process, however that ends.
    _lock: File,
}

impl DataFolder {
    /// Makes the folder where it is not there, locks it, and makes sure that it is that system's.
    pub(super) fn open(path: &Path, system: &str) -> Result<Self, StartError> {
        let failed = |what: &str, error: &std::io::Error| StartError::data(path, format!("{what}: {error}"));
        std::fs::create_dir_all(path).map_err(|error| failed("cannot be made", &error))?;
        let path = path.canonicalize().map_err(|error| failed("cannot be used", &error))?;
        let file = path.join("minos.lock");
        let mut options = OpenOptions::new();
        let opened = options.read(true).write(true).create(true).truncate(false).open(&file);
        let mut lock = opened.map_err(|error| failed("cannot be written to", &error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StartError::data(&path, in_use(&mut lock))),
            Err(TryLockError::Error(error)) => return Err(failed("cannot be locked", &error)),
        }
        let written = lock.set_len(0).and_then(|()| lock.rewind()).and_then(|()| {
            writeln!(lock, "{}", std::process::id())?;
            lock.flush()
        });
        written.and_then(|()| claim(&path, system)).map_err(|error| failed("cannot be written to", &error))?;
        match owner(&path) {
            Some(owner) if owner != system => Err(StartError::data(&path, another_systems(&owner, system))),
            _ => Ok(Self { path, _lock: lock }),
        }
    }

    /// The folder, as an absolute path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Writes down whose the folder is, where nobody has.
fn claim(path: &Path, system: &str) -> std::io::Result<()> {
    if owner(path).is_some() {
        return Ok(());
    }
    let beside = path.join("minos.system.new");
    std::fs::write(&beside, format!("{system}\n"))?;
    std::fs::rename(beside, path.join(OWNER))
}

fn owner(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path.join(OWNER)).ok()?;
    Some(text.trim().to_owned()).filter(|name| !name.is_empty())
}

fn another_systems(owner: &str, system: &str) -> String {
    format!("holds the data of `{owner}`, and this is `{system}`; set MINOS_DATA to another folder")
}

fn in_use(lock: &mut File) -> String {
    let mut text = String::new();
    let _ = lock.read_to_string(&mut text);
    let process = match text.trim() {
        "" => "another process".to_owned(),
        id => format!("process {id}"),
    };
    format!("is in use by {process}; stop that, or set MINOS_DATA to another folder")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_one_process_s_alone_until_that_ends() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("a/b");
        let first = DataFolder::open(&folder, "shop").unwrap();
        let error = DataFolder::open(&folder, "shop").unwrap_err().to_string();
        assert!(error.contains(&format!("is in use by process {}", std::process::id())), "{error}");
        drop(first);
        DataFolder::open(&folder, "shop").unwrap();
    }

    #[test]
    fn a_folder_is_one_system_s_alone() {
        let parent = tempfile::tempdir().unwrap();
        drop(DataFolder::open(parent.path(), "shop").unwrap());
        drop(DataFolder::open(parent.path(), "shop").unwrap());
        let error = DataFolder::open(parent.path(), "bank").unwrap_err().to_string();
        assert!(error.contains("holds the data of `shop`, and this is `bank`"), "{error}");
    }

    #[test]
    fn a_folder_that_cannot_be_made_says_so() {
        let parent = tempfile::tempdir().unwrap();
        let file = parent.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = DataFolder::open(&file.join("below"), "shop").unwrap_err().to_string();
        assert!(error.contains("cannot be made"), "{error}");
    }
}
