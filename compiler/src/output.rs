//! From items to text, and from texts to a folder.

pub(crate) mod files;
pub(crate) mod layout;
pub(crate) mod source_file;
