//! The gateway over real HTTP, before services that tell what reached them.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::IntoResponse as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use uuid::Uuid;

use super::*;
use crate::config::Config;
use crate::context::Context;
use crate::http::Problem;
use crate::registry::{Directory, Instance, Listing};
use crate::shutdown::Shutdown;
use crate::token::internal::InternalVerifier;
use crate::token::keys::Keys;

/// What reached a service.
type Seen = Arc<Mutex<Vec<(Method, Uri, HeaderMap, Bytes)>>>;

struct Stand {
    address: SocketAddr,
    client: reqwest::Client,
    directory: Directory,
    seen: Seen,
    keys: Keys,
    shutdown: Shutdown,
    _folder: tempfile::TempDir,
}

#[derive(Deserialize)]
struct OrderPage {
    order: String,
}

#[derive(Serialize)]
struct OrderPageAnswer {
    head: Value,
    customer: Option<Value>,
    products: Option<Vec<Value>>,
}

#[derive(Serialize)]
struct ById {
    id: String,
}

impl PartQuery for ById {
    const SUBDOMAIN: &'static str = "orders";
    const ROUTE: &'static str = "/orders/{id}";
    type Row = Value;
}

#[derive(Serialize)]
struct Card {
    id: String,
}

impl PartQuery for Card {
    const SUBDOMAIN: &'static str = "customers";
    const ROUTE: &'static str = "/customers/{id}";
    type Row = Value;
}

#[derive(Serialize)]
struct Products {
    ids: Vec<String>,
}

impl PartQuery for Products {
    const SUBDOMAIN: &'static str = "orders";
    const ROUTE: &'static str = "/products/by_ids";
    type Row = Value;
}

#[async_trait::async_trait]
impl Composition for OrderPage {
    const NAME: &'static str = "OrderPage";
    type Answer = OrderPageAnswer;

    async fn compose(&self, parts: &Parts<'_>) -> Result<OrderPageAnswer, PartError> {
        let head = parts.row("head", &ById { id: self.order.clone() }).await?;
        let ids = vec!["p1".to_owned(), "p2".to_owned()];
        let (card, products) = (Card { id: "c1".to_owned() }, Products { ids });
        let (customer, products) = tokio::try_join!(
            parts.row_if_available("customer", &card),
            parts.rows_if_available("products", &products)
        )?;
        Ok(OrderPageAnswer { head, customer, products })
    }
}

fn gateway() -> Gateway {
    Gateway::new("shop")
        .roles("roles", &["customer", "clerk"])
        .identity(Identity::new("customer", "customer_id").if_role("customer"))
        .authenticate(Jwt { issuer: Setting::Env("ISSUER"), audience: Setting::Text("shop") })
        .expose(Route::command("POST", "/orders", "orders", "orders.Order.Place"))
        .expose(Route::query("/orders/{id}", "orders", "orders.OrderList.by_id"))
        .expose(Route::command("POST", "/slow", "slow", "slow.Slow.Down"))
        .expose(Route::query("/of/{customer}/{id}", "orders", "orders.OrderList.of").at("/orders/{id}/of"))
        .compose::<OrderPage>("/orders/{order}/page")
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

impl Stand {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (context, shutdown, directory) = (Context::system(), Shutdown::new(), Directory::default());
        let mut config = Config { body_limit: 1000, ..Config::default() };
        change(&mut config);
        let keys = Keys::development(&folder.path().join("keys.json"), &["orders"], &context).unwrap();
        let client = crate::http::client(Duration::from_millis(700)).unwrap();
        let around = Surroundings {
            config: &config,
            keys: &keys,
            directory: directory.clone(),
            client,
            context,
            shutdown: shutdown.clone(),
        };
        let server = GatewayServer::new(&gateway(), around).unwrap();
        let (listener, address) = listen().await;
        crate::http::serve("gateway", listener, server.router(), &shutdown);
        let stand = Self {
            address,
            client: crate::http::client(Duration::from_secs(5)).unwrap(),
            directory,
            seen: Seen::default(),
            keys,
            shutdown,
            _folder: folder,
        };
        let orders = stand.service().await;
        stand.register(&[("orders", vec![orders])]);
        stand
    }

    /// A service that answers everything, and tells what reached it.
    async fn service(&self) -> SocketAddr {
        let (listener, address) = listen().await;
        let seen = self.seen.clone();
        let answer = async move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            seen.lock().unwrap().push((method.clone(), uri.clone(), headers, body));
            match (method.as_str(), uri.path()) {
                ("GET", "/orders/hidden") => {
                    Problem::new(StatusCode::NOT_FOUND, "NotFound", "there is none").into_response()
                }
                ("GET", "/products/by_ids") => axum::Json(json!({"items": [{"id": "p1"}]})).into_response(),
                _ => {
                    let headers =
                        [("etag", "\"1\""), ("x-internal", "secret"), ("server", "x"), ("minos-position", "orders:1")];
                    (StatusCode::CREATED, headers, axum::Json(json!({"id": "o1"}))).into_response()
                }
            }
        };
        crate::http::serve("service", listener, Router::new().fallback(answer), &self.shutdown);
        address
    }

    fn register(&self, services: &[(&str, Vec<SocketAddr>)]) {
        let instance = |address: &SocketAddr| Instance { instance: Uuid::now_v7(), address: *address, ready: true };
        let services =
            services.iter().map(|(name, all)| ((*name).to_owned(), all.iter().map(instance).collect())).collect();
        self.directory.take(Listing { epoch: Uuid::nil(), index: 1, services }, std::time::Instant::now());
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn token(&self, claims: Value) -> String {
        let answer = self.client.post(self.url("/dev/tokens")).json(&claims).send().await.unwrap();
        assert_eq!(answer.status(), 201);
        answer.json::<Value>().await.unwrap()["token"].as_str().unwrap().to_owned()
    }

    async fn raw(&self, request: &str) -> String {
        let mut stream = tokio::net::TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = vec![0; 4096];
        let read = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut answer)).await.unwrap().unwrap();
        String::from_utf8(answer[..read].to_vec()).unwrap()
    }
}

async fn problem(answer: reqwest::Response, status: u16) -> Problem {
    assert_eq!(answer.status(), status);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    answer.json().await.unwrap()
}

#[tokio::test]
async fn a_request_reaches_the_service_with_a_token_of_its_own_and_nothing_that_claims_to_be_someone() {
    let stand = Stand::new().await;
    let token = stand.token(json!({"sub": "ada", "roles": ["customer", "admin"], "customer_id": "c1"})).await;
    let answer = stand
        .client
        .post(stand.url("/orders?a=b%20c"))
        .bearer_auth(&token)
        .header("x-user-id", "root")
        .header("x_user_id", "root")
        .header("minos-caller", "root")
        .header("idempotency-key", "k1")
        .header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .json(&json!({"items": []}))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 201);
    assert_eq!(answer.headers()["etag"], "\"1\"");
    assert_eq!(answer.headers()["minos-position"], "orders:1");
    assert_eq!(answer.headers()["minos-trace"], "0af7651916cd43dd8448eb211c80319c");
    assert!(!answer.headers().contains_key("x-internal") && !answer.headers().contains_key("server"));
    let (method, uri, headers, body) = stand.seen.lock().unwrap()[0].clone();
    assert_eq!((method.as_str(), uri.to_string().as_str()), ("POST", "/orders?a=b%20c"));
    assert_eq!(body, r#"{"items":[]}"#);
    let mut names: Vec<_> = headers.keys().map(|it| it.as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["accept", "authorization", "content-length", "content-type", "host", "idempotency-key", "traceparent"]
    );
    assert!(headers["traceparent"].to_str().unwrap().starts_with("00-0af7651916cd43dd8448eb211c80319c-"));
    let verify = |service| {
        let verifier = InternalVerifier::new(stand.keys.internal.verifying.clone(), service, Context::system());
        verifier.verify(crate::token::bearer(&headers).unwrap())
    };
    let caller = verify("orders").unwrap();
    assert_eq!((caller.subject.as_str(), caller.identities["customer"].as_str()), ("ada", "c1"));
    assert_eq!(caller.roles.iter().collect::<Vec<_>>(), ["customer"]);
    assert!(verify("catalog").is_err());
}

#[tokio::test]
async fn a_bad_token_is_refused_and_none_makes_nobody() {
    let stand = Stand::new().await;
    let get = || stand.client.get(stand.url("/orders/1"));
    let internal = stand.keys.internal.signing.as_ref().unwrap();
    let forged =
        internal.token(&json!({"iss": "shop", "aud": "shop", "sub": "ada", "exp": 4_000_000_000_u64})).unwrap();
    for token in ["x", "a.b.c", forged.as_str()] {
        let answer = get().bearer_auth(token).send().await.unwrap();
        assert_eq!(answer.headers()["www-authenticate"], "Bearer");
        assert_eq!(problem(answer, 401).await.error, "Unauthenticated");
    }
    let token = stand.token(json!({"sub": "ada"})).await;
    problem(get().bearer_auth(&token).bearer_auth(&token).send().await.unwrap(), 401).await;
    assert!(stand.seen.lock().unwrap().is_empty(), "nothing of it reached a service");
    assert_eq!(get().send().await.unwrap().status(), 201);
    let headers = stand.seen.lock().unwrap()[0].2.clone();
    let verifier = InternalVerifier::new(stand.keys.internal.verifying.clone(), "orders", Context::system());
    assert_eq!(verifier.verify(crate::token::bearer(&headers).unwrap()).unwrap(), crate::caller::Caller::anonymous());
}

#[tokio::test]
async fn ambiguous_requests_never_reach_a_service() {
    let stand = Stand::new().await;
    for (target, status) in [
        ("GET //orders/1", 400),
        ("GET /orders/../customers/1", 400),
        ("GET /orders/%2e%2e/1", 400),
        ("GET /orders%2f1", 400),
        ("GET /orders/1;a=b", 400),
        ("GET /orders/1/", 400),
        ("GET /orders/%00", 400),
        ("GET http://evil.example/orders/1", 400),
        ("GET /nothing/here", 404),
        ("DELETE /orders/1", 405),
        ("CONNECT evil.example:443", 400),
        ("TRACE /orders/1", 405),
    ] {
        let answer = stand.raw(&format!("{target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{target}: {answer}");
        assert!(answer.contains("application/problem+json"), "{target}: {answer}");
    }
    for head in ["upgrade: websocket\r\nconnection: upgrade", "connection: close\r\nif-match: \"1\"\r\nif-match: \"2\""]
    {
        let answer = stand.raw(&format!("GET /orders/1 HTTP/1.1\r\nhost: a\r\n{head}\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{head}: {answer}");
    }
    for smuggled in [
        "POST /orders HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\nconnection: close\r\n\r\nabcdef",
        "POST /orders HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\nconnection: close\r\n\r\nabc",
        "POST /orders HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, identity\r\nconnection: close\r\n\r\n0\r\n\r\n",
        "GET /orders/1 HTTP/1.1\r\nhost: a\r\nx : y\r\nconnection: close\r\n\r\n",
    ] {
        let answer = stand.raw(smuggled).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{smuggled}: {answer}");
    }
    assert!(stand.seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let stand = Stand::new().await;
    let answer = stand.client.post(stand.url("/orders")).body("x".repeat(1001)).send().await.unwrap();
    problem(answer, 413).await;
    assert!(stand.seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_next_instance_is_tried_when_one_is_gone() {
    let stand = Stand::new().await;
    let gone = listen().await.1;
    let there = stand.service().await;
    stand.register(&[("orders", vec![gone, there])]);
    for _ in 0..4 {
        assert_eq!(stand.client.post(stand.url("/orders")).body("{}").send().await.unwrap().status(), 201);
    }
    stand.register(&[("orders", vec![gone])]);
    let answer = stand.client.post(stand.url("/orders")).body("{}").send().await.unwrap();
    assert_eq!(answer.headers()["retry-after"], "1");
    assert_eq!(problem(answer, 503).await.error, "Unavailable");
    stand.register(&[]);
    problem(stand.client.get(stand.url("/orders/1")).send().await.unwrap(), 503).await;
}

#[tokio::test]
async fn what_may_have_been_done_is_sent_again_only_with_an_idempotency_key() {
    let stand = Stand::new().await;
    let (listener, address) = listen().await;
    let taken = Arc::new(AtomicUsize::new(0));
    let count = taken.clone();
    let cuts = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = [0u8; 1024];
            let _ = stream.read(&mut buffer).await;
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    let there = stand.service().await;
    stand.register(&[("slow", vec![address, address])]);
    let post = || stand.client.post(stand.url("/slow")).body("{}");
    problem(post().send().await.unwrap(), 503).await;
    assert_eq!(taken.load(Ordering::SeqCst), 1, "sent once and never again");
    problem(post().header("idempotency-key", "k").send().await.unwrap(), 503).await;
    assert_eq!(taken.load(Ordering::SeqCst), 3, "both were tried");
    stand.register(&[("slow", vec![address, there])]);
    assert_eq!(post().header("idempotency-key", "k").send().await.unwrap().status(), 201);
    cuts.abort();
}

#[tokio::test]
async fn a_composition_joins_parts_and_says_what_is_absent() {
    let stand = Stand::new().await;
    let customers = stand.service().await;
    let orders = stand.service().await;
    stand.register(&[("orders", vec![orders]), ("customers", vec![customers])]);
    let token = stand.token(json!({"sub": "ada", "roles": ["clerk"]})).await;
    let get = |path: &str| stand.client.get(stand.url(path)).bearer_auth(&token).send();
    let page: Value = get("/orders/7/page").await.unwrap().json().await.unwrap();
    assert_eq!(page, json!({"head": {"id": "o1"}, "customer": {"id": "o1"}, "products": [{"id": "p1"}], "absent": []}));
    let asked: Vec<_> = stand.seen.lock().unwrap().iter().map(|it| it.1.to_string()).collect();
    assert_eq!(asked.len(), 3, "one request a part");
    assert_eq!(asked[0], "/orders/7");
    assert!(asked.contains(&"/products/by_ids?ids=p1&ids=p2".to_owned()));

    stand.register(&[("orders", vec![orders])]);
    let answer = get("/orders/7/page").await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["minos-absent"].to_str().unwrap()), (200, "customer"));
    let page: Value = answer.json().await.unwrap();
    assert_eq!((&page["customer"], &page["absent"]), (&Value::Null, &json!(["customer"])));

    assert_eq!(problem(get("/orders/hidden/page").await.unwrap(), 404).await.detail, "there is none");
    let doubled = problem(get("/orders/7/page?order=8").await.unwrap(), 400).await;
    assert_eq!(doubled.fields["order"], "is in the path already");
    stand.register(&[("customers", vec![customers])]);
    problem(get("/orders/7/page").await.unwrap(), 503).await;
}

#[tokio::test]
async fn a_route_of_another_name_is_rewritten() {
    let stand = Stand::new().await;
    assert_eq!(stand.client.get(stand.url("/of/c%201/7?limit=5")).send().await.unwrap().status(), 201);
    assert_eq!(stand.seen.lock().unwrap()[0].1.to_string(), "/orders/7/of?limit=5&customer=c%201");
}

#[tokio::test]
async fn development_tokens_are_for_this_machine_and_development_alone() {
    let stand = Stand::new().await;
    let post = |body: Value| stand.client.post(stand.url("/dev/tokens")).json(&body).send();
    let mistakes = problem(post(json!({"sub": "ada", "ttl": 0})).await.unwrap(), 400).await;
    assert!(mistakes.fields.contains_key("ttl"));
    problem(post(json!({"roles": []})).await.unwrap(), 400).await;
    problem(post(json!({"sub": "ada", "exp": 1})).await.unwrap(), 400).await;
    let rebound = "POST /dev/tokens HTTP/1.1\r\nhost: evil.example\r\ncontent-length: 13\r\nconnection: close\r\n\r\n{\"sub\":\"ada\"}";
    assert!(stand.raw(rebound).await.starts_with("HTTP/1.1 404"));
    let strict = Stand::with(|config| {
        config.development = Some(false);
        config.environment.insert("ISSUER".to_owned(), "https://issuer".to_owned());
    })
    .await;
    let answer = strict.client.post(strict.url("/dev/tokens")).json(&json!({"sub": "ada"})).send().await.unwrap();
    problem(answer, 404).await;
}

#[tokio::test]
async fn what_is_missing_at_start_is_told_at_once() {
    let config = Config { development: Some(false), ..Config::default() };
    let around = Surroundings {
        config: &config,
        keys: &Keys::default(),
        directory: Directory::default(),
        client: crate::http::client(Duration::from_secs(1)).unwrap(),
        context: Context::system(),
        shutdown: Shutdown::new(),
    };
    let twice = gateway().expose(Route::query("/orders/{other}", "orders", "orders.X"));
    let mistakes = GatewayServer::new(&twice, around).err().unwrap();
    assert_eq!(mistakes.len(), 4, "{mistakes:?}");
    assert!(mistakes[0].contains("`ISSUER`"));
}

#[tokio::test]
async fn health_tells_which_services_are_reached() {
    let stand = Stand::new().await;
    let answer = stand.client.get(stand.url("/health")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let health: crate::health::Health = answer.json().await.unwrap();
    assert_eq!(health.dependencies["orders"], "ok");
    assert_eq!(health.dependencies["slow"], "no instance is ready");
}
