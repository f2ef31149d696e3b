//! The broker's jars: resolved once by Maven, and kept in the folder of build products.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Missing;

/// The jars that `kafka.pom.xml` names.
const POM: &str = include_str!("../../kafka.pom.xml");

/// The program `java`.
pub(super) fn java() -> Result<PathBuf, Missing> {
    let status = Command::new("java").arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => Ok(PathBuf::from("java")),
        _ => Err(Missing("there is no `java` here; it needs version 17 or newer".to_owned())),
    }
}

/// The class path of a broker; fetches what is missing.
pub(super) fn classpath() -> Result<String, Missing> {
    let folder = folder();
    if !folder.exists() {
        fetch(&folder)?;
    }
    Ok(format!("{}/*", folder.display()))
}

/// Beside the build's products, named by what is in it: `target/kafka-<hash of the pom>`.
fn folder() -> PathBuf {
    // Of target/debug/deps/test-1234, or target/debug/servers: the folder that cargo has marked as its own.
    let executable = std::env::current_exe().expect("a test is a file");
    let marked = executable.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    let target = marked.or(executable.parent()).unwrap_or(Path::new("."));
    let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    target.join(format!("kafka-{:016x}", POM.bytes().fold(0xcbf2_9ce4_8422_2325, fnv)))
}

/// Fetches into a folder of one's own, then renames: others may do the same at the moment.
fn fetch(folder: &Path) -> Result<(), Missing> {
    let making = tempfile::tempdir_in(folder.parent().unwrap_or(Path::new("."))).expect("a folder of build products");
    std::fs::write(making.path().join("pom.xml"), POM).expect("the folder can be written to");
    let mut maven = Command::new("mvn");
    maven.args(["-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=jars"]).current_dir(making.path());
    let output = maven.stdin(Stdio::null()).output().map_err(|error| Missing(format!("there is no `mvn`: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stdout);
        return Err(Missing(format!("maven cannot fetch the broker: {said}")));
    }
    let renamed = std::fs::rename(making.path().join("jars"), folder);
    assert!(renamed.is_ok() || folder.exists(), "the broker's jars cannot be kept: {renamed:?}");
    Ok(())
}
