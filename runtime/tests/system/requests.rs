//! What callers, attackers and operators are answered.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::stand::{Stand, problem};

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_decided_seen_elsewhere_and_answered_by_a_policy() {
    let folder = tempfile::tempdir().unwrap();
    let stand = Stand::start(folder.path()).await;
    let answer = stand.post("/accounts", json!({"email": "ada@example.com"})).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let headers = answer.headers().clone();
    let body: Value = answer.json().await.unwrap();
    let id = body["id"].as_str().unwrap();
    assert_eq!(body["version"], 1);
    assert_eq!(
        (headers["etag"].to_str().unwrap(), headers["location"].to_str().unwrap()),
        ("\"1\"", &*format!("/accounts/{id}"))
    );
    let people = stand.get("/people/all").header("minos-after", &headers["minos-position"]).send().await.unwrap();
    let people: Value = people.json().await.unwrap();
    assert_eq!(people["items"], json!([{"account": id, "email": "ada@example.com"}]), "the view has waited for it");
    let card = stand.until(&format!("/accounts/{id}"), |card| card["balance"] == 5).await;
    assert_eq!(card["email"], "ada@example.com");
    let anonymous = stand.client.get(stand.url("/people/all")).send().await.unwrap();
    assert_eq!(anonymous.status(), 200, "anyone may ask");
    stand.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_have_their_status_in_the_promised_order() {
    let folder = tempfile::tempdir().unwrap();
    let stand = Stand::start(folder.path()).await;
    let (id, _) = stand.open("ada@example.com").await;
    stand.until(&format!("/accounts/{id}"), |card| card["balance"] == 5).await;
    let deposit = format!("/accounts/{id}/deposit");
    let body = || json!({"amount": 1, "note": "n"});
    let bare = |path: &str| stand.client.post(stand.url(path));
    problem(bare(&deposit).json(&body()), 401).await;
    problem(stand.client.get(stand.url(&format!("/accounts/{id}"))), 401).await;
    problem(bare("/accounts").bearer_auth("forged").body("{"), 401).await;
    let malformed = problem(stand.post(&deposit, json!({"amount": "x", "other": 1})), 400).await;
    let fields = malformed["fields"].as_object().unwrap();
    assert_eq!(fields.keys().collect::<Vec<_>>(), ["amount", "note", "other"]);
    problem(stand.post("/accounts/no-id/deposit", body()), 400).await;
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    problem(bare("/accounts").bearer_auth(&stand.clerk).body(deep), 400).await;
    problem(bare("/accounts").bearer_auth(&stand.clerk).header("content-type", "text/xml").body("<a/>"), 415).await;
    let nobody = "/accounts/0192f0c1-2d3e-7f4a-8b5c-6d7e8f9a0b1c";
    problem(stand.post(&format!("{nobody}/deposit"), body()), 404).await;
    problem(stand.get(nobody), 404).await;
    let customer = stand.token(json!({"sub": "carl", "roles": ["customer"], "customer_id": "c"})).await;
    problem(bare(&deposit).bearer_auth(&customer).json(&body()), 403).await;
    problem(stand.client.get(stand.url(&format!("/accounts/{id}"))).bearer_auth(&customer), 403).await;
    let stale = problem(stand.post(&deposit, body()).header("if-match", "\"1\""), 412).await;
    assert_eq!(stale["fields"]["version"], 2);
    problem(stand.post(&deposit, body()).header("if-match", "2"), 400).await;
    let fresh = stand.post(&deposit, body()).header("if-match", "\"2\"").send().await.unwrap();
    assert_eq!((fresh.status().as_u16(), fresh.headers()["etag"].to_str().unwrap()), (200, "\"3\""));
    let taken = problem(stand.post("/accounts", json!({"email": "ada@example.com"})), 409).await;
    assert_eq!(taken["error"], "NotUnique");
    assert_eq!(stand.post(&format!("/accounts/{id}/close"), json!({})).send().await.unwrap().status(), 200);
    assert_eq!(problem(stand.post(&deposit, body()), 409).await["error"], "WrongState");
    stand.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_gets_the_same_answer_and_another_body_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let stand = Stand::start(folder.path()).await;
    let open = |email: &str| stand.post("/accounts", json!({"email": email})).header("idempotency-key", "k1");
    let first: Value = open("ada@example.com").send().await.unwrap().json().await.unwrap();
    let again = open("ada@example.com").send().await.unwrap();
    assert_eq!(again.status(), 201);
    assert_eq!(again.json::<Value>().await.unwrap(), first);
    assert_eq!(problem(open("bob@example.com"), 422).await["error"], "KeyReused");
    let other = stand.token(json!({"sub": "carol", "roles": ["clerk"]})).await;
    let theirs =
        stand.client.post(stand.url("/accounts")).bearer_auth(other).json(&json!({"email": "bob@example.com"}));
    assert_eq!(
        theirs.header("idempotency-key", "k1").send().await.unwrap().status(),
        201,
        "another caller's key is another"
    );
    let refused = || stand.post("/accounts", json!({"email": "ada@example.com"})).header("idempotency-key", "k2");
    assert_eq!(problem(refused(), 409).await, problem(refused(), 409).await);
    problem(stand.post("/accounts", json!({"email": "x"})).header("idempotency-key", "x".repeat(201)), 400).await;
    stand.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_reaches_a_service_around_the_gateway() {
    let folder = tempfile::tempdir().unwrap();
    let stand = Stand::start(folder.path()).await;
    for (service, address) in stand.running.services() {
        let url = format!("http://{address}/people/all");
        problem(stand.client.get(&url), 401).await;
        problem(stand.client.get(&url).bearer_auth(&stand.clerk), 401).await;
        problem(stand.client.get(&url).header("x-user-id", "clara").header("minos-caller", "clara"), 401).await;
        let health = stand.client.get(format!("http://{address}/health")).send().await.unwrap();
        let health: Value = health.json().await.unwrap();
        assert_eq!(
            health,
            json!({"service": service, "live": true, "ready": true, "dependencies": {"store": "ok", "log": "ok"}})
        );
    }
    stand.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_and_decides_with_a_token_of_his_own() {
    let folder = tempfile::tempdir().unwrap();
    let stand = Stand::start(folder.path()).await;
    let (id, _) = stand.open("ada@example.com").await;
    stand.until(&format!("/accounts/{id}"), |card| card["balance"] == 5).await;
    let operator = stand.token(json!({"sub": "olga", "operator": true})).await;
    let get = |path: &str, token: &str| stand.client.get(stand.url(path)).bearer_auth(token.to_owned());
    problem(get("/_operator/desk/consumers", &stand.clerk), 401).await;
    problem(stand.client.get(stand.url("/_operator/desk/consumers")), 401).await;
    problem(get("/people/all", &operator), 401).await;
    let consumers: Value = get("/_operator/desk/consumers", &operator).send().await.unwrap().json().await.unwrap();
    let names: Vec<_> =
        consumers["items"].as_array().unwrap().iter().map(|it| it["consumer"].as_str().unwrap()).collect();
    assert!(names.iter().any(|it| it.contains("People")) && names.iter().any(|it| it.contains("Greet")), "{names:?}");
    for path in ["parked", "sagas", "refused-commands", "port-calls"] {
        let answer: Value =
            get(&format!("/_operator/desk/{path}"), &operator).send().await.unwrap().json().await.unwrap();
        assert_eq!(answer, json!({"items": []}), "{path}");
    }
    let decide = |path: &str, body: Value| stand.client.post(stand.url(path)).bearer_auth(&operator).json(&body);
    let saga = "/_operator/desk/sagas/0192f0c1-2d3e-7f4a-8b5c-6d7e8f9a0b1c/retry";
    assert_eq!(problem(decide(saga, json!({})), 400).await["fields"]["reason"], "is required");
    problem(decide(saga, json!({"reason": " "})), 400).await;
    problem(decide(saga, json!({"reason": "because"})), 404).await;
    let metrics = stand.client.get(format!("http://{}/metrics", stand.running.services()[1].1)).send().await.unwrap();
    assert!(metrics.text().await.unwrap().contains("minos_consumer_lag{service=\"desk\""));
    stand.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_command_of_a_policy_is_seen_by_the_operator_sent_again_and_discarded() {
    let folder = tempfile::tempdir().unwrap();
    let stand = Stand::start(folder.path()).await;
    let (id, position) = stand.open("ada@example.com").await;
    assert_eq!(position, "bank:1");
    stand.until(&format!("/accounts/{id}"), |card| card["balance"] == 5).await;
    assert_eq!(stand.post(&format!("/accounts/{id}/close"), json!({})).send().await.unwrap().status(), 200);
    let operator = stand.token(json!({"sub": "olga", "operator": true})).await;
    let list = "/_operator/desk/refused-commands";
    let refused = async |but: Option<String>| {
        for _ in 0..500 {
            let answer = stand.client.get(stand.url(list)).bearer_auth(&operator).send().await.unwrap();
            let answer: Value = answer.json().await.unwrap();
            let first = answer["items"][0].clone();
            if first.is_object() && first["id"].as_str().map(str::to_owned) != but {
                return first;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("nothing was refused");
    };
    let decide = |id: &str, verb: &str| {
        let url = stand.url(&format!("{list}/{id}/{verb}"));
        stand.client.post(url).bearer_auth(&operator).json(&json!({"reason": "a trial"})).send()
    };
    let first = refused(None).await;
    assert!(first.to_string().contains("WrongState"), "{first}");
    let first = first["id"].as_str().unwrap();
    assert_eq!(decide(first, "replay").await.unwrap().status(), 200);
    let second = refused(Some(first.to_owned())).await;
    let second = second["id"].as_str().unwrap();
    assert_eq!(decide(second, "discard").await.unwrap().status(), 200);
    assert_eq!(decide(second, "discard").await.unwrap().status(), 404);
    let empty = stand.client.get(stand.url(list)).bearer_auth(&operator).send().await.unwrap();
    assert_eq!(empty.json::<Value>().await.unwrap(), json!({"items": []}));
    stand.running.stop().await;
}

/// The lines that were logged, by all tests of this process.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_is_followed_from_the_gateway_to_view_policy_and_back() {
    let (lines, folder) = (Lines::default(), tempfile::tempdir().unwrap());
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().json().with_env_filter("minos_runtime=debug");
    subscriber.with_writer(move || writer.clone()).init();
    let stand = Stand::start(folder.path()).await;
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let parent = format!("00-{trace}-b7ad6b7169203331-01");
    let answer = stand.post("/accounts", json!({"email": "a@b.c"})).header("traceparent", parent).send().await.unwrap();
    assert_eq!(answer.headers()["minos-trace"], trace);
    let id = answer.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned();
    stand.until(&format!("/accounts/{id}"), |card| card["balance"] == 5).await;
    let answer = stand.get("/people/all").header("traceparent", "nonsense").send().await.unwrap();
    assert_eq!(answer.headers()["minos-trace"].len(), 32);
    stand.running.stop().await;
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let traced: Vec<&str> = text.lines().filter(|line| line.contains(trace)).collect();
    for (message, service, whose) in [
        ("answered", "gateway", "/accounts"),
        ("decided", "bank", "bank.Account.Open"),
        ("handled", "desk", "view:"),
        ("handled", "desk", "desk.Greet"),
        ("handled", "bank", "inbox"),
    ] {
        let wanted = [message, whose, &format!("\"service\":\"{service}\"")];
        let found = traced.iter().any(|line| wanted.iter().all(|it| line.contains(it)));
        assert!(found, "{wanted:?} in {traced:#?}");
    }
}
