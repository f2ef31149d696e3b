//! Requests that are none, at the gateway.

use e2e::{Ask, Shop};
use serde_json::json;

use crate::table::Table;

const EDGE: &str = "request";
const CUSTOMER: &str = r#"{"name": "Eve", "email": "eve@example.com", "limit": "1.00"}"#;

pub(crate) async fn try_all(table: &mut Table, shop: &Shop) {
    bodies(table, shop).await;
    paths(table, shop).await;
    headers(table, shop).await;
    framing(table, shop).await;
}

struct Try<'a> {
    table: &'a mut Table,
    shop: &'a Shop,
}

impl Try<'_> {
    async fn ask(&mut self, input: &str, ask: Ask, status: u16, words: &[&str]) {
        let answer = ask.send(&self.shop.api.url).await;
        self.table.problem(EDGE, input, &answer, status, words);
    }

    /// With a clerk's token.
    fn clerk(&self, method: &str, path: &str) -> Ask {
        Ask::new(method, path).token(&self.shop.clerk)
    }
}

async fn bodies(table: &mut Table, shop: &Shop) {
    let mut it = Try { table, shop };
    let post = it.clerk("POST", "/customers");
    it.ask(
        "a body of another media type",
        post.clone().header("Content-Type", "text/plain").body(CUSTOMER),
        415,
        &["application/json"],
    )
    .await;
    it.ask("half a JSON text", post.clone().json(&CUSTOMER[..20]), 400, &["is not JSON", "line 1"]).await;
    it.ask("100,000 brackets in each other", post.clone().json("[".repeat(100_000)), 400, &["is not JSON"]).await;
    let deep = format!(r#"{{"name": {}1{}}}"#, "[".repeat(100), "]".repeat(100));
    it.ask("a field 100 lists deep", post.clone().json(deep), 400, &["`name`"]).await;
    it.ask("a list for an object", post.clone().json("[1]"), 400, &["must be a JSON object"]).await;
    it.ask("no body where there are parameters", post.clone(), 400, &["`name`", "`email`", "`limit`", "is required"])
        .await;
    it.ask(
        "a field that is not known",
        post.clone().json(CUSTOMER.replace('}', r#", "role": "clerk"}"#)),
        400,
        &["`role`", "not known"],
    )
    .await;
    it.ask(
        "three fields of wrong types",
        post.clone().json(r#"{"name": 1, "email": [], "limit": true}"#),
        400,
        &["`name`", "`email`", "`limit`"],
    )
    .await;
    it.ask(
        "a number where text is money",
        post.clone().json(CUSTOMER.replace(r#""1.00""#, "1.00")),
        400,
        &["`limit`", "as text"],
    )
    .await;
    it.ask(
        "money of 1.000 cents",
        post.clone().json(CUSTOMER.replace("1.00", "1.001")),
        400,
        &["`limit`", "2 digits after the point"],
    )
    .await;
    it.ask("money below zero", post.clone().json(CUSTOMER.replace("1.00", "-1.00")), 400, &["`limit`"]).await;
    it.ask("money of 40 digits", post.clone().json(CUSTOMER.replace("1.00", &"9".repeat(40))), 400, &["`limit`"]).await;
    it.ask(
        "a text that is too long",
        post.clone().json(CUSTOMER.replace("Eve", &"e".repeat(121))),
        400,
        &["`name`", "120"],
    )
    .await;
    it.ask("an email that is none", post.clone().json(CUSTOMER.replace("eve@", "eve at ")), 400, &["`email`"]).await;
    it.ask("one field twice", post.clone().json(CUSTOMER.replace('}', r#", "name": "Ann"}"#)), 400, &["name"]).await;
    it.ask("a body that is not UTF-8", post.clone().json(b"{\"name\": \"\xff\xfe\"}"), 400, &["UTF-8"]).await;
    it.ask("a NUL in a text", post.clone().json(CUSTOMER.replace("Eve", "E\\u0000ve")), 400, &["`name`"]).await;
    let large = format!(r#"{{"name": "{}"}}"#, "x".repeat(1 << 20));
    it.ask("a body over the limit", post.clone().json(large), 413, &["1048576 bytes"]).await;
    let token = shop.customer_token("019ab000-0000-7000-8000-000000000001").await;
    let order = Ask::new("POST", "/orders").token(&token);
    let item = r#"{"product": "019ab000-0000-7000-8000-000000000002", "quantity": 1}"#;
    it.ask("a product ordered twice", order.clone().json(format!(r#"{{"items": [{item}, {item}]}}"#)), 400, &["items"])
        .await;
    it.ask(
        "a quantity over its range",
        order.clone().json(format!(r#"{{"items": [{}]}}"#, item.replace(": 1", ": 1000"))),
        400,
        &["items[0].quantity"],
    )
    .await;
    it.ask("no items", order.clone().json(r#"{"items": []}"#), 400, &["`items`"]).await;
    it.ask(
        "an id in a body that is none",
        order.clone().json(r#"{"items": [{"product": "pen", "quantity": 1}]}"#),
        400,
        &["items[0].product"],
    )
    .await;
}

async fn paths(table: &mut Table, shop: &Shop) {
    let mut it = Try { table, shop };
    it.ask("a method that the path does not take", it.clerk("DELETE", "/customers"), 405, &["method"]).await;
    it.ask("a method that nobody knows", it.clerk("BREW", "/customers"), 405, &["method"]).await;
    it.ask("a path that is not there", it.clerk("GET", "/secrets"), 404, &["nothing at this path"]).await;
    for path in [
        "//customers",
        "/customers/",
        "/products/../customers",
        "/products/%2e%2e/customers",
        "/products%2fall",
        "/products/all;role=clerk",
        "/products/%00",
        "/products\\all",
        "/products/%zz",
        "/products/%252e",
    ] {
        it.ask(&format!("the path `{path}`"), it.clerk("GET", path), 400, &["ambiguous"]).await;
    }
    it.ask("a path of 3000 bytes", it.clerk("GET", &format!("/products/{}", "a".repeat(3000))), 414, &["too long"])
        .await;
    it.ask("an absolute URL as path", it.clerk("GET", "http://example.com/products/all"), 400, &["no proxy"]).await;
    it.ask("an id that is none", it.clerk("GET", "/orders/not-an-id"), 400, &["`order`"]).await;
    it.ask("an id that is none, in a command", it.clerk("POST", "/orders/not-an-id/ship"), 400, &["id"]).await;
    it.ask("an id that nobody has", it.clerk("POST", "/orders/019ab000-0000-7000-8000-000000000009/ship"), 404, &[])
        .await;
    it.ask("a page that begins nowhere", it.clerk("GET", "/products/all?after=zz"), 400, &["`after`", "`next`"]).await;
    it.ask("a page's place with other columns", it.clerk("GET", "/products/all?after=5b5d"), 400, &["`after`"]).await;
    it.ask("a page of no rows", it.clerk("GET", "/products/all?limit=0"), 400, &["`limit`"]).await;
    it.ask("a page of `ten` rows", it.clerk("GET", "/products/all?limit=ten"), 400, &["`limit`", "number"]).await;
    it.ask("a parameter that is not known", it.clerk("GET", "/products/all?sort=price"), 400, &["`sort`"]).await;
    it.ask("a parameter twice", it.clerk("GET", "/products/all?limit=1&limit=2"), 400, &["`limit`"]).await;
    it.ask("a query string that is not UTF-8", it.clerk("GET", "/products/all?limit=%ff"), 400, &["query"]).await;
    it.ask(
        "parameters of a command in the query string",
        it.clerk("POST", "/customers?name=Eve").json(CUSTOMER),
        400,
        &["`name`", "body"],
    )
    .await;
}

async fn headers(table: &mut Table, shop: &Shop) {
    let (id, _) = shop.register("header", "1.00").await;
    let mut it = Try { table, shop };
    let path = format!("/customers/{id}/rename");
    let rename = it.clerk("POST", &path).json(r#"{"name": "Renamed"}"#);
    it.ask("an `If-Match` that is no ETag", rename.clone().header("If-Match", "1"), 400, &["`If-Match`"]).await;
    it.ask("an `If-Match` of another version", rename.clone().header("If-Match", "\"99\""), 412, &[]).await;
    it.ask(
        "two `If-Match`",
        rename.clone().header("If-Match", "\"1\"").header("If-Match", "\"2\""),
        400,
        &["if-match", "more than once"],
    )
    .await;
    let post = it.clerk("POST", "/customers");
    let with_key = |key: &str| post.clone().json(CUSTOMER).header("Idempotency-Key", key);
    it.ask("an `Idempotency-Key` of nothing", with_key(" "), 400, &["`Idempotency-Key`"]).await;
    it.ask("an `Idempotency-Key` of 201 characters", with_key(&"k".repeat(201)), 400, &["`Idempotency-Key`", "200"])
        .await;
    it.ask("an `Idempotency-Key` that is not ASCII", with_key("schlüssel"), 400, &["`Idempotency-Key`"]).await;
    it.ask("two `Idempotency-Key`", with_key("a").header("Idempotency-Key", "b"), 400, &["more than once"]).await;
    let first = json!({"name": "Kay", "email": "kay@example.com", "limit": "1.00"});
    shop.api
        .send("POST", "/customers", &shop.clerk, Some(&first), &[("Idempotency-Key", "one")])
        .await
        .expect_status(201);
    it.ask("a key used again with another body", with_key("one"), 422, &["used before"]).await;
    it.ask(
        "a `Minos-After` that is no position",
        it.clerk("GET", "/products/all").header("Minos-After", "yesterday"),
        400,
        &["`Minos-After`"],
    )
    .await;
    let forged = Ask::new("POST", "/customers").json(CUSTOMER);
    let forged = forged.header("X-User-Id", "clara").header("X_User_Roles", "clerk").header("Minos-Caller", "clara");
    it.ask("an identity in headers of one's own", forged, 401, &["token"]).await;
}

async fn framing(table: &mut Table, shop: &Shop) {
    let mut it = Try { table, shop };
    it.ask("an upgrade", it.clerk("GET", "/products/all").header("Upgrade", "websocket"), 400, &["protocol"]).await;
    it.ask("CONNECT", Ask::new("CONNECT", "example.com:443"), 400, &["no proxy"]).await;
    let post = it.clerk("POST", "/customers").header("Content-Type", "application/json");
    let chunked = post.clone().header("Transfer-Encoding", "chunked");
    it.ask("chunks that are none", chunked.clone().unframed("zz\r\nabc\r\n0\r\n\r\n"), 400, &["framed"]).await;
    it.ask("a chunk of 2^70 bytes", chunked.clone().unframed("4000000000000000000\r\nabc"), 400, &[]).await;
    it.ask("a length that is no number", post.clone().header("Content-Length", "-1").unframed(CUSTOMER), 400, &[])
        .await;
    let twice = post.clone().header("Content-Length", "5").header("Content-Length", "60");
    it.ask("two lengths", twice.unframed(CUSTOMER), 400, &[]).await;
    it.ask(
        "an encoding that is not known",
        post.clone().header("Transfer-Encoding", "gzip, chunked").unframed("0\r\n\r\n"),
        501,
        &["chunked"],
    )
    .await;
    it.ask(
        "a compressed body",
        post.clone().header("Content-Encoding", "gzip").body(b"\x1f\x8b\x08"),
        415,
        &["Content-Encoding"],
    )
    .await;
    it.ask(
        "a head of 100 KB",
        it.clerk("GET", "/products/all").header("X-Large", &"x".repeat(100_000)),
        431,
        &["head"],
    )
    .await;
    let many = (0..200).fold(it.clerk("GET", "/products/all"), |ask, number| ask.header(&format!("X-{number}"), "1"));
    it.ask("200 headers", many, 431, &[]).await;
    it.ask("a header's name with a space", it.clerk("GET", "/products/all").header("X Large", "1"), 400, &[]).await;
    let answer = e2e::raw(&shop.api.url, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 TLS\r\n\r\n".to_vec()).await;
    it.table.problem(EDGE, "TLS at a port without", &answer, 400, &[]);
    let answer = e2e::raw(&shop.api.url, b"GET /products/all HTTP/3.7\r\nHost: x\r\n\r\n".to_vec()).await;
    it.table.problem(EDGE, "a version of HTTP that is none", &answer, 400, &[]);
}
