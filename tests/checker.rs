//! The checker, checked: it has nothing to say of a clean run, and finds each defect that is put into a copy of its evidence.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]
#![allow(clippy::ptr_arg, reason = "changes of a file's lines have one type, whether they add lines or not")]

use std::path::Path;

use e2e::check::{self, CHARGES, Evidence, LIVE};
use e2e::copy_folder;
use e2e::insist::LEDGER;
use e2e::trial::Trial;

/// How a defect is put in.
enum How {
    /// By a statement, into a service's database (or the log).
    Sql(&'static str, &'static str),
    /// By a change of the lines of a file.
    Lines(&'static str, fn(&mut Vec<String>)),
}

use How::{Lines, Sql};

/// What is put in, how, and words that the checker must use for it.
const DEFECTS: &[(&str, How, &str)] = &[
    (
        "a lost command",
        Sql(
            "orders",
            "CREATE TEMP TABLE one AS SELECT stream FROM events WHERE type = 'orders.Order.Shipped' LIMIT 1; \
             DELETE FROM events WHERE type = 'orders.Order.Shipped' AND stream IN one; \
             UPDATE streams SET version = version - 1 WHERE stream IN one",
        ),
        "is lost",
    ),
    (
        "an event lost from its stream",
        Sql("catalog", "DELETE FROM events WHERE pos = (SELECT max(pos) FROM events)"),
        "events: lost",
    ),
    (
        "a command done twice",
        Sql(
            "customers",
            "INSERT INTO events SELECT (SELECT max(pos) + 1 FROM events), stream, (SELECT version + 1 FROM streams WHERE \
             streams.stream = events.stream), type, schema_version, randomblob(16), entered, private, tenant, key_id, data, meta, at \
             FROM events WHERE type = 'customers.Customer.Renamed' LIMIT 1",
        ),
        "had its effect 2 times",
    ),
    (
        "something that nobody asked for",
        Sql(
            "catalog",
            "UPDATE events SET meta = replace(meta, '\"causation\":\"', '\"causation\":\"0') \
             WHERE pos = (SELECT min(pos) FROM events WHERE type = 'catalog.Product.Restocked')",
        ),
        "nobody asked for",
    ),
    (
        "a command done with other arguments",
        Sql(
            "catalog",
            "UPDATE events SET data = json_set(data, '$.amount', 77) \
             WHERE pos = (SELECT min(pos) FROM events WHERE type = 'catalog.Product.Restocked')",
        ),
        "`amount` is another",
    ),
    ("a command refused and done", Lines(LEDGER, refuse_one), "done all the same"),
    ("a key with two answers", Lines(LEDGER, answer_otherwise), "got two answers"),
    ("a key without an answer", Lines(LEDGER, ask_in_vain), "never got a definite answer"),
    ("a doubled charge", Lines(CHARGES, charge_again), "was charged twice"),
    ("a charge of another amount", Lines(CHARGES, charge_more), "and was charged"),
    (
        "a charge that was lost",
        Lines(CHARGES, |lines| drop_one(lines, "\"charge\"", "\"status\":201")),
        "was never charged",
    ),
    ("an order charged and rejected", Lines(CHARGES, charge_rejected), "was charged, and is rejected"),
    (
        "a refund that was lost",
        Lines(CHARGES, |lines| drop_one(lines, "\"refund\"", "\"status\":201")),
        "was refunded 0 times",
    ),
    ("a mail that was lost", Lines(CHARGES, |lines| drop_one(lines, "\"mail\"", "\"status\":201")), "mails too few"),
    ("a mail sent twice", Lines(CHARGES, mail_again), "mails too many"),
    (
        "a stuck saga",
        Sql(
            "orders",
            "UPDATE engine_sagas SET status = 'stuck', step = 'charge' WHERE id = (SELECT min(id) FROM engine_sagas)",
        ),
        "is stuck at `charge`",
    ),
    (
        "a saga that has not ended",
        Sql("orders", "UPDATE engine_sagas SET status = 'compensating' WHERE id = (SELECT min(id) FROM engine_sagas)"),
        "has not ended",
    ),
    (
        "a saga that ended otherwise than its order",
        Sql(
            "orders",
            "UPDATE engine_sagas SET status = 'completed' WHERE id = (SELECT min(id) FROM engine_sagas WHERE status = 'compensated')",
        ),
        "and order",
    ),
    (
        "a saga that never began",
        Sql("orders", "DELETE FROM engine_sagas WHERE id = (SELECT min(id) FROM engine_sagas)"),
        "has no saga",
    ),
    (
        "messages of one key swapped in the log",
        Sql(
            "log",
            "CREATE TEMP TABLE two AS SELECT min(log_offset) AS a, max(log_offset) AS b FROM messages \
             WHERE topic = 'orders.events' GROUP BY json_extract(message, '$.key') HAVING count(*) = 2 LIMIT 1; \
             UPDATE messages SET log_offset = -1 WHERE log_offset = (SELECT a FROM two); \
             UPDATE messages SET log_offset = (SELECT a FROM two) WHERE log_offset = (SELECT b FROM two); \
             UPDATE messages SET log_offset = (SELECT b FROM two) WHERE log_offset = -1",
        ),
        "swapped",
    ),
    (
        "effects of one key swapped in a store",
        Sql(
            "customers",
            "CREATE TEMP TABLE two AS SELECT min(pos) AS a, max(pos) AS b FROM events WHERE json_extract(data, '$.order') IS NOT NULL \
             GROUP BY json_extract(data, '$.order') HAVING count(*) = 2 LIMIT 1; \
             CREATE TEMP TABLE types AS SELECT pos, type FROM events WHERE pos IN (SELECT a FROM two UNION SELECT b FROM two); \
             UPDATE events SET type = (SELECT type FROM types WHERE types.pos <> events.pos) WHERE pos IN (SELECT pos FROM types)",
        ),
        "an effect twice, or swapped",
    ),
    (
        "an event never published",
        Sql(
            "log",
            "DELETE FROM messages WHERE log_offset = (SELECT max(log_offset) FROM messages WHERE topic = 'catalog.events')",
        ),
        "and never published to `catalog.events`: lost",
    ),
    (
        "something published that was never committed",
        Sql(
            "log",
            "INSERT INTO messages SELECT log_offset + 100000, topic, source, epoch, pos + 100000, message FROM messages \
             WHERE topic = 'orders.inbox' LIMIT 1",
        ),
        "or never committed",
    ),
    (
        "a consumer that stopped before the end",
        Sql("orders", "UPDATE positions SET pos = pos - 1 WHERE consumer = 'inbox' AND source = 'catalog'"),
        "`inbox` of `orders` stopped",
    ),
    (
        "credit held for the wrong sum",
        Sql(
            "customers",
            "UPDATE events SET data = json_set(data, '$.amount', '0.01') WHERE type = 'customers.Customer.CreditHeld'",
        ),
        "1 cents are held for order",
    ),
    (
        "stock kept for nobody",
        Sql(
            "catalog",
            "UPDATE events SET data = json_set(data, '$.order', 'nobody') WHERE type = 'catalog.Product.Released'",
        ),
        "nothing is reserved for order nobody",
    ),
    (
        "an email that is no longer claimed",
        Sql("customers", "DELETE FROM claims WHERE value = (SELECT min(value) FROM claims)"),
        "claim by",
    ),
    (
        "a timer that was lost",
        Sql("orders", "DELETE FROM timers WHERE id = (SELECT min(id) FROM timers)"),
        "has no timer",
    ),
    (
        "a timer left over",
        Sql("orders", "INSERT INTO timers VALUES (x'00', 1, '{\"saga\":\"x\"}')"),
        "a timer is left over",
    ),
    (
        "a parked message",
        Sql(
            "catalog",
            "INSERT INTO parked_messages VALUES ('1', 'inbox', 't', 's', 1, 1, 'k', 'because', 'poison', 1, '{}', NULL)",
        ),
        "is parked by `inbox` of `catalog`: because",
    ),
    (
        "answers kept for a saga that has ended",
        Sql("catalog", "UPDATE answers SET saga = x'01' WHERE command_id = (SELECT min(command_id) FROM answers)"),
        "still keeps answers",
    ),
    ("an answer that no event explains", Lines(LIVE, shout), "what was answered from `catalog.ProductList`"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_run_gives_nothing_and_each_defect_is_found() {
    let mut trial = Trial::start(7, Path::new(env!("CARGO_BIN_EXE_e2e-load"))).await;
    trial.until_answered(150).await;
    // What the defects are put into.
    let written = ["ship-", "cancel-", "rename-", "restock-"].map(|what| format!("{{\"answer\":{{\"key\":\"{what}"));
    trial.until_written(&written.each_ref().map(|text| (LEDGER, text.as_str()))).await;
    trial.until_written(&[(CHARGES, "\"kind\":\"refund\""), (CHARGES, "\"status\":402")]).await;
    let ended = trial.end().await;
    let findings = check::check(&ended.evidence);
    assert!(ended.unrest.is_none() && findings.is_empty(), "of a clean run:\n{}", findings.join("\n"));
    let mut missed = Vec::new();
    for (name, how, words) in DEFECTS {
        let findings = check::check(&with_defect(trial.folder(), how).await);
        match findings.iter().find(|finding| finding.contains(words)) {
            Some(finding) => eprintln!("{name}: {finding}"),
            None => missed.push(format!("{name} (`{words}`):\n  {}", findings.join("\n  "))),
        }
    }
    assert!(missed.is_empty(), "not found: {}", missed.join("\n"));
    a_view_that_was_rebuilt_otherwise_is_found(&ended.evidence);
}

/// The evidence, with a defect.
async fn with_defect(clean: &Path, how: &How) -> Evidence {
    let folder = tempfile::tempdir().unwrap();
    copy_folder(clean, folder.path());
    let data = folder.path().join("data");
    copy_folder(&clean.join("data"), &data);
    match how {
        Sql(service, statement) => {
            check::execute(&data.join(format!("{service}.db")), statement).await;
        }
        Lines(file, change) => {
            let file = folder.path().join(file);
            let mut lines: Vec<String> = std::fs::read_to_string(&file).unwrap().lines().map(str::to_owned).collect();
            change(&mut lines);
            std::fs::write(&file, lines.join("\n")).unwrap();
        }
    }
    Evidence::read(folder.path()).await
}

fn a_view_that_was_rebuilt_otherwise_is_found(evidence: &Evidence) {
    let live = evidence.service("orders");
    let mut rebuilt = live.clone();
    let rows = rebuilt.views.get_mut("orders.OrderList").unwrap();
    rows[0]["status"] = "placed".into();
    rows.pop();
    let findings = check::views_differ(live, &rebuilt);
    assert!(findings.iter().any(|finding| finding.contains("`status` of")), "{findings:?}");
    assert!(findings.iter().any(|finding| finding.contains("is missing")), "{findings:?}");
    assert_eq!(check::views_differ(live, live), Vec::<String>::new());
}

fn find<'a>(lines: &'a mut [String], parts: &[&str]) -> &'a mut String {
    let found = lines.iter_mut().find(|line| parts.iter().all(|part| line.contains(part)));
    found.unwrap_or_else(|| panic!("no line with {parts:?}"))
}

fn refuse_one(lines: &mut Vec<String>) {
    let line = find(lines, &["\"answer\"", "\"place-", "\"status\":201"]);
    *line = line.replace("\"status\":201", "\"status\":422");
}

fn answer_otherwise(lines: &mut Vec<String>) {
    let line = find(lines, &["\"answer\"", "\"place-", "\"status\":201"]).replace("\"version\":1", "\"version\":2");
    lines.push(line);
}

fn ask_in_vain(lines: &mut Vec<String>) {
    let line = find(lines, &["\"intent\"", "\"place-"]).replace("\"key\":\"", "\"key\":\"again-");
    lines.push(line);
}

fn charge_again(lines: &mut Vec<String>) {
    let line = find(lines, &["\"charge\"", "\"status\":201"]).replace("\"key\":\"", "\"key\":\"other-");
    lines.push(line);
}

fn charge_more(lines: &mut Vec<String>) {
    let line = find(lines, &["\"charge\"", "\"status\":201"]);
    *line = line.replace("\"amount\":\"", "\"amount\":\"1");
}

fn charge_rejected(lines: &mut Vec<String>) {
    let line = find(lines, &["\"charge\"", "\"status\":402"]);
    *line = line.replace("\"status\":402", "\"status\":201");
}

fn mail_again(lines: &mut Vec<String>) {
    let line = find(lines, &["\"mail\"", "\"status\":201"]).replace("\"key\":\"", "\"key\":\"other-");
    lines.push(line);
}

fn drop_one(lines: &mut Vec<String>, kind: &str, status: &str) {
    let place = lines.iter().position(|line| line.contains(kind) && line.contains(status)).unwrap();
    lines.remove(place);
}

fn shout(lines: &mut Vec<String>) {
    lines[0] = lines[0].replace("\"title\":\"pen\"", "\"title\":\"PEN\"");
}
