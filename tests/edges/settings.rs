//! Settings that are wrong: each is named, with what it should be, before anything is touched.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use e2e::binary;
use serde_json::json;

use crate::table::Table;

const EDGE: &str = "configuration";

/// Why the shop does not start with that environment; fails where it does.
pub(crate) fn refused(folder: &Path, environment: &[(&str, &str)]) -> String {
    let mut process = e2e::Process::start(&binary("shop"), environment, folder);
    if !process.ends_within(std::time::Duration::from_secs(30)) {
        return "it runs".to_owned();
    }
    let ended = process.ends(std::time::Duration::from_secs(30));
    if ended.status.success() { "it ran".to_owned() } else { last_error(&ended.errors) }
}

/// From the last line that begins with `error:` on.
fn last_error(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.iter().rposition(|line| line.starts_with("error:")).unwrap_or(0);
    lines[from..].join("\n")
}

pub(crate) fn try_all(table: &mut Table) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data").to_string_lossy().into_owned();
    let base = [("MINOS_LISTEN", "127.0.0.1:0"), ("MINOS_DATA", &data)];
    for (name, value) in [
        ("MINOS_LISTEN", "nowhere"),
        ("MINOS_LISTEN", "127.0.0.1:99999"),
        ("MINOS_DATA", " "),
        ("MINOS_DEVELOPMENT", "perhaps"),
        ("MINOS_REGISTRY", "registry"),
        ("MINOS_ADVERTISE", "me"),
        ("MINOS_PROBE_NETWORKS", "10.0.0.0/40"),
        ("MINOS_BODY_LIMIT", "1 MB"),
        ("MINOS_REQUEST_SECONDS", "0"),
        ("MINOS_SHUTDOWN_SECONDS", "soon"),
        ("MINOS_LOG_FORMAT", "xml"),
        ("MINOS_LOG", "loud=very"),
        ("PAYMENTS_URL", "not a url"),
    ] {
        let text = refused(folder.path(), &[&base[..], &[(name, value)]].concat());
        table.said(EDGE, &format!("`{name}={value}`"), &text, &[name, value]);
    }
    let text = refused(folder.path(), &[&base[..], &[("MINOS_LISTN", "127.0.0.1:1")]].concat());
    table.said(EDGE, "a name that nobody knows (`MINOS_LISTN`)", &text, &["`MINOS_LISTN` is not known", "LISTEN"]);
    let several =
        [("MINOS_LISTEN", "here"), ("MINOS_BODY_LIMIT", "0"), ("MINOS_LOG_FORMAT", "xml"), ("MINOS_PORT", "1")];
    let text = refused(folder.path(), &[&base[..], &several].concat());
    table.said(EDGE, "four mistakes at once", &text, &several.map(|(name, _)| name));
    let open = [base[1], ("MINOS_LISTEN", "0.0.0.0:0"), ("PAYMENTS_URL", "http://127.0.0.1:1")];
    table.said(EDGE, "open to others, without keys", &refused(folder.path(), &open), &["MINOS_KEYS"]);
    let text = refused(folder.path(), &[&open[..], &[("MINOS_DEVELOPMENT", "on")]].concat());
    table.said(EDGE, "open to others, in development mode", &text, &["MINOS_DEVELOPMENT", "0.0.0.0"]);
    not_utf8(table, folder.path());
    keys(table, folder.path(), &base);
    let touched = Path::new(&data).exists();
    table.row(EDGE, "all of the above", if touched { "left traces" } else { "nothing was made" }, !touched);
}

fn not_utf8(table: &mut Table, folder: &Path) {
    let mut command = Command::new(binary("shop"));
    command.current_dir(folder).env("MINOS_LOG", OsString::from_vec(vec![b'a', 0xff]));
    let output = command.stdin(Stdio::null()).output().expect("it starts");
    table.said(EDGE, "a value that is not UTF-8", &String::from_utf8_lossy(&output.stderr), &["MINOS_LOG", "UTF-8"]);
}

fn keys(table: &mut Table, folder: &Path, base: &[(&str, &str)]) {
    let mut with = |input: &str, text: &str, words: &[&str]| {
        let path = folder.join("keys-given.json");
        std::fs::write(&path, text).expect("a file");
        let path = path.to_string_lossy().into_owned();
        let provider = ("PAYMENTS_URL", "http://127.0.0.1:1");
        let environment = [base, &[("MINOS_KEYS", path.as_str()), ("ISSUER", "shop"), provider]].concat();
        table.said(EDGE, input, &refused(folder, &environment), words);
    };
    let strong = "0123456789abcdefghijklmnopqrstuvwxyzABCD";
    let key = |kid: &str, secret: &str| json!({"kid": kid, "alg": "HS256", "secret": secret});
    with("keys that are no JSON", "{", &["keys-given.json", "does not read"]);
    with("an unknown member in the keys", r#"{"token": []}"#, &["keys-given.json", "`token`"]);
    with("a secret of 6 bytes", &json!({"tokens": [key("a", "secret")]}).to_string(), &["tokens.a", "shorter than 32"]);
    let twice = json!({"tokens": [key("a", strong), key("a", strong)]}).to_string();
    with("two keys with one id", &twice, &["tokens.a", "`kid` of its own"]);
    let none = json!({"tokens": [{"kid": "a", "alg": "none", "secret": strong}]}).to_string();
    with("a key of `alg: none`", &none, &["tokens.a", "none"]);
    let confused =
        json!({"tokens": [{"kid": "a", "alg": "HS256", "public": "-----BEGIN PUBLIC KEY-----"}]}).to_string();
    with("a public key for HS256", &confused, &["tokens.a", "needs a `secret`"]);
    with(
        "keys for nobody who runs here",
        &json!({"tokens": [key("a", strong)]}).to_string(),
        &["lacks `services.customers`", "lacks `services.orders`"],
    );
    let spaced = json!({"services": {"orders": {"registration": format!("{strong} {strong}")}}}).to_string();
    with("a registration secret with a space", &spaced, &["services.orders.registration", "space"]);
    let text = refused(
        folder,
        &[base, &[("MINOS_KEYS", "/nowhere/keys.json"), ("PAYMENTS_URL", "http://127.0.0.1:1")]].concat(),
    );
    table.said(EDGE, "a key file that is not there", &text, &["/nowhere/keys.json"]);
}
