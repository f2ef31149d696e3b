//! Specs that are none: `minos check` says where, why, and what to try.

use std::path::Path;
use std::process::Command;

use e2e::{binary, repository};

use crate::table::Table;

const EDGE: &str = "spec";

pub(crate) fn try_all(table: &mut Table) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let shop = |name: &str| std::fs::read(repository().join("examples/shop/spec").join(name)).expect("the shop's spec");
    let mut check = |input: &str, files: &[(&str, Vec<u8>)], code: i32, words: &[&str]| {
        let spec = folder.path().join(input.replace(|letter: char| !letter.is_alphanumeric(), "-"));
        std::fs::create_dir_all(&spec).expect("a folder");
        for (name, text) in files {
            std::fs::write(spec.join(name), text).expect("a file");
        }
        checked(table, input, &spec, code, words);
    };
    let names = ["catalog.minos", "customers.minos", "gateway.minos", "orders.minos", "shop.minos"];
    let with = |changed: &'static str, text: Vec<u8>| -> Vec<(&'static str, Vec<u8>)> {
        names.map(|name| (name, if name == changed { text.clone() } else { shop(name) })).to_vec()
    };
    let catalog = String::from_utf8(shop("catalog.minos")).expect("UTF-8");
    let misspelt = catalog.replace("quantity <= free", "quantity <= fre");
    check(
        "a name that is not there",
        &with("catalog.minos", misspelt.into_bytes()),
        1,
        &["catalog.minos:15", "did you mean `free`?"],
    );
    let half = catalog.as_bytes()[..1500].to_vec();
    check("a half-written file", &with("catalog.minos", half), 1, &["catalog.minos:35", "the file ends inside"]);
    let swapped = catalog.replace("title:    text(1..=200)", "text(1..=200): title");
    check("a field written the wrong way round", &with("catalog.minos", swapped.into_bytes()), 1, &["catalog.minos:3"]);
    check(
        "a file that is not UTF-8",
        &[("a.minos", b"system a\n\xff\xfe".to_vec())],
        2,
        &["a.minos", "UTF-8", "line 2"],
    );
    check("NUL bytes", &[("a.minos", b"system a\0\0\0".to_vec())], 1, &["a.minos:1"]);
    check("an empty folder", &[], 2, &["there is no `.minos` file"]);
    check("an empty file", &[("a.minos", Vec::new())], 1, &["system"]);
    let cyclic = "system a\nsubdomain b { value V(w: W)  value W(v: V)\n aggregate C { x: V  create N(x) { emit M(x) } event M(set x) } }";
    check("values that hold each other", &[("a.minos", cyclic.into())], 1, &["a.minos:2", "`V` holds itself"]);
    let cyclic = "system a\nsubdomain b { aggregate C { x: int\n let y = z\n let z = y\n create N(x) { emit M(x) } event M(set x) } }";
    check("`let`s that need each other", &[("a.minos", cyclic.into())], 1, &["a.minos:3", "computed of itself"]);
    let deep = format!(
        "system a\nsubdomain b {{ aggregate C {{ x: int let y = {}1{} }} }}",
        "(".repeat(100_000),
        ")".repeat(100_000)
    );
    check("100,000 brackets in each other", &[("a.minos", deep.into())], 1, &["a.minos:2", "nest deeper"]);
    let deep = format!(
        "system a\nsubdomain b {{ aggregate C {{ x: {}int{} }} }}",
        "list<".repeat(100_000),
        ">".repeat(100_000)
    );
    check("100,000 lists of lists", &[("a.minos", deep.into())], 1, &["a.minos:2"]);
    let long = format!("system a\nsubdomain b {{ aggregate C {{ x: int let y = {}1 }} }}", "1 + ".repeat(200_000));
    check("a sum of 200,000 parts", &[("a.minos", long.into())], 1, &["a.minos:2"]);
    checked(table, "a folder that is not there", &folder.path().join("nowhere"), 2, &["nowhere", "cannot read"]);
}

fn checked(table: &mut Table, input: &str, spec: &Path, code: i32, words: &[&str]) {
    let output = Command::new(binary("minos")).arg("check").arg(spec).output().expect("minos starts");
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.code() == Some(code) {
        table.said(EDGE, input, &text, words);
    } else {
        table.row(EDGE, input, &format!("{}, expected {code}: {text}", output.status), false);
    }
}
