//! Places where data cannot be kept: folders, files, disks and ports that are taken, damaged, full or another's.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use e2e::{Ask, Database, Payments, Shop, copy_folder};

use crate::settings::refused;
use crate::table::Table;

const EDGE: &str = "place";

struct Places<'a> {
    table: &'a mut Table,
    /// The data of a shop that was stopped.
    data: &'a Path,
    folder: &'a Path,
}

impl Places<'_> {
    /// The shop over a copy of the data that was changed must say why it does not start.
    fn over(&mut self, input: &str, change: impl FnOnce(&Path), words: &[&str]) {
        let copy = self.copy(input);
        change(&copy);
        let text = start(self.folder, &copy);
        self.table.said(EDGE, input, &text, words);
    }

    fn copy(&self, input: &str) -> PathBuf {
        let copy = self.folder.join(input.replace(|letter: char| !letter.is_alphanumeric(), "-"));
        copy_folder(self.data, &copy);
        copy
    }
}

fn start(folder: &Path, data: &Path) -> String {
    let data = data.to_string_lossy();
    refused(folder, &[("MINOS_LISTEN", "127.0.0.1:0"), ("MINOS_DATA", &data), ("PAYMENTS_URL", "http://127.0.0.1:1")])
}

/// Over the data of a shop that was stopped.
pub(crate) async fn try_stopped(table: &mut Table, data: &Path) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut it = Places { table, data, folder: folder.path() };
    let garbage = |file: &'static str| {
        move |data: &Path| std::fs::write(data.join(file), "no database ".repeat(2000)).expect("written")
    };
    it.over("a service's database overwritten", garbage("orders.db"), &["orders.db", "not an SQLite database"]);
    it.over("the log overwritten", garbage("log.db"), &["log.db", "not an SQLite database", "move it away"]);
    it.over("the keys overwritten", garbage("keys.json"), &["keys.json", "does not read"]);
    it.over("a database cut to half", |data| cut(&data.join("orders.db")), &["orders.db", "damaged"]);
    it.over("the log cut to half", |data| cut(&data.join("log.db")), &["log.db", "damaged", "move it away"]);
    it.over(
        "another service's database under this name",
        |data| {
            std::fs::copy(data.join("catalog.db"), data.join("orders.db")).expect("copied");
        },
        &["orders.db", "service `catalog`"],
    );
    foreign(&mut it).await;
    let file = folder.path().join("a-file");
    std::fs::write(&file, "").expect("written");
    it.table.said(EDGE, "a file for a folder", &start(folder.path(), &file), &["a-file", "cannot be"]);
    it.table.said(
        EDGE,
        "a folder that cannot be made",
        &start(folder.path(), Path::new("/proc/minos")),
        &["/proc/minos", "cannot be made"],
    );
}

async fn foreign(it: &mut Places<'_>) {
    for (input, file, statements, words) in [
        (
            "a database of something else",
            "orders.db",
            "CREATE TABLE songs (title TEXT)",
            ["orders.db", "something else"],
        ),
        ("a log of something else", "log.db", "CREATE TABLE songs (title TEXT)", ["log.db", "something else"]),
    ] {
        let copy = it.copy(input);
        for suffix in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(copy.join(format!("{file}{suffix}")));
        }
        let mut database = Database::open(&copy.join(file)).await;
        database.run(statements).await;
        database.close().await;
        it.table.said(EDGE, input, &start(it.folder, &copy), &words);
    }
    let copy = it.copy("a newer engine's database");
    let mut database = Database::open(&copy.join("orders.db")).await;
    database.run("UPDATE meta SET value = '99' WHERE key = 'engine_schema'").await;
    database.close().await;
    it.table.said(EDGE, "a newer engine's database", &start(it.folder, &copy), &["orders.db", "`99`", "newer"]);
    let copy = it.copy("the data of another system");
    std::fs::write(copy.join("minos.system"), "bank\n").expect("written");
    it.table.said(EDGE, "the data of another system", &start(it.folder, &copy), &["`bank`", "`shop`", "MINOS_DATA"]);
}

fn cut(file: &Path) {
    let length = std::fs::metadata(file).expect("it is there").len();
    let file = std::fs::File::options().write(true).open(file).expect("it can be written");
    file.set_len(length / 2 / 4096 * 4096).expect("it can be cut");
}

/// Beside a shop that runs.
pub(crate) fn try_running(table: &mut Table, data: &Path, url: &str) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    table.said(EDGE, "a data folder in use", &start(folder.path(), data), &["in use by process", "MINOS_DATA"]);
    let address = url.trim_start_matches("http://");
    let other = folder.path().join("data").to_string_lossy().into_owned();
    let text = refused(
        folder.path(),
        &[("MINOS_LISTEN", address), ("MINOS_DATA", &other), ("PAYMENTS_URL", "http://127.0.0.1:1")],
    );
    table.said(EDGE, "a port that is taken", &text, &[address, "MINOS_LISTEN"]);
}

/// A disk of a few megabytes.
struct Disk(tempfile::TempDir);

impl Disk {
    /// Mounts one; `None` where that is not allowed.
    fn mount(options: &str) -> Option<Self> {
        let folder = tempfile::tempdir().ok()?;
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(folder.path()).output().ok()?;
        mount.status.success().then_some(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn remount(&self, options: &str) {
        let status = Command::new("mount").args(["-o", options]).arg(self.path()).status();
        assert!(status.expect("there is `mount`").success());
    }

    /// Takes all space but `left` bytes; gives the file that does.
    fn fill(&self, left: usize) -> PathBuf {
        let file = self.path().join("filler");
        let mut filler = std::fs::File::create(&file).expect("a file");
        let block = vec![1_u8; 64 << 10];
        while std::io::Write::write_all(&mut filler, &block).is_ok() {}
        let length = filler.metadata().expect("it is there").len();
        filler.set_len(length.saturating_sub(left as u64)).expect("it can be cut");
        file
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

/// A disk that is full, or cannot be written.
pub(crate) async fn try_disks(table: &mut Table, payments: &Payments) {
    let Some(disk) = Disk::mount("size=24m") else {
        table.leave_out("a full disk (mounting is not allowed here; runtime/tests/sqlite.rs fills a file instead)");
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut shop = Shop::start_in(folder.path(), &disk.path().join("data"), &payments.url).await;
    let (first, token) = shop.register("before", "10.00").await;
    let filler = disk.fill(2 << 20);
    let mut kept = vec![first];
    let refusal = loop {
        let number = kept.len();
        let body =
            format!(r#"{{"name": "{}", "email": "full{number}@example.com", "limit": "1.00"}}"#, "n".repeat(120));
        let answer = Ask::new("POST", "/customers").token(&shop.clerk).json(body).send(&shop.api.url).await;
        match answer.status {
            201 => kept.push(answer.json()["id"].as_str().expect("an id").to_owned()),
            _ => break answer,
        }
        assert!(kept.len() < 20_000, "the disk does not fill");
    };
    table.problem(EDGE, "a disk that becomes full", &refusal, 503, &[]);
    table.row(
        EDGE,
        "its header `Retry-After`",
        refusal.header("retry-after").unwrap_or("none"),
        refusal.header("retry-after").is_some(),
    );
    let read = shop.api.get(&format!("/customers/{}", kept[0]), &token).await;
    table.row(EDGE, "reading while it is full", &format!("{} {}", read.status, read.body["name"]), read.status == 200);
    std::fs::remove_file(filler).expect("the filler goes");
    let (after, _) = e2e::eventually("it writes again", Duration::from_secs(30), || async {
        let body = serde_json::json!({"name": "after", "email": "after@example.com", "limit": "1.00"});
        let reply = shop.api.post("/customers", &shop.clerk, &body).await;
        (reply.status == 201).then(|| (reply.id(), ()))
    })
    .await;
    kept.push(after);
    let count = kept.len();
    let lost = missing(&shop, &kept).await;
    table.row(
        EDGE,
        "writing when there is space again",
        &format!("goes on; of {count} acknowledged {lost} are lost"),
        lost == 0,
    );
    shop.process.terminate();
    shop.process.ends(Duration::from_secs(20));
    let whole = are_whole(&disk.path().join("data")).await;
    table.row(EDGE, "its databases afterwards", if whole { "whole" } else { "damaged" }, whole);
    at_start(table, &disk, folder.path());
}

fn at_start(table: &mut Table, disk: &Disk, folder: &Path) {
    let data = disk.path().join("data");
    disk.fill(0);
    let other = disk.path().join("other");
    table.said(EDGE, "a full disk at the first start", &start(folder, &other), &["other"]);
    disk.remount("remount,ro");
    table.said(EDGE, "a folder that may not be written", &start(folder, &data), &["data", "cannot be written to"]);
    disk.remount("remount,rw");
}

async fn missing(shop: &Shop, customers: &[String]) -> usize {
    let mut missing = 0;
    for id in customers {
        missing += usize::from(shop.api.get(&format!("/customers/{id}"), &shop.clerk).await.status != 200);
    }
    missing
}

/// Whether SQLite finds nothing wrong with any database of the folder.
pub(crate) async fn are_whole(data: &Path) -> bool {
    for name in ["customers.db", "catalog.db", "orders.db", "log.db"] {
        let mut database = Database::open(&data.join(name)).await;
        let whole = database.is_whole().await;
        database.close().await;
        if !whole {
            return false;
        }
    }
    true
}
