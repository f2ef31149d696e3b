//! Tokens that open nothing, at the gateway, at a service and at the operator's door.

use e2e::{Ask, Keyring, Shop};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::table::Table;

const EDGE: &str = "token";

pub(crate) async fn try_all(table: &mut Table, shop: &Shop, keys: &Keyring) {
    let good = claims();
    let signed = |change: Value| keys.token("tokens", &changed(&good, &change));
    let works = Ask::new("POST", "/customers").token(&signed(json!({}))).json("{}").send(&shop.api.url).await;
    assert_eq!(works.status, 400, "the unchanged token is good, and only the body is refused: {}", works.body);
    let now = now();
    for (input, token, words) in [
        ("none", String::new(), "token"),
        ("a text that is no token", "abc".to_owned(), "malformed"),
        ("expired an hour ago", signed(json!({"exp": now - 3600})), "expired"),
        ("good from tomorrow on", signed(json!({"nbf": now + 86_400})), "not valid yet"),
        ("an `exp` that is text", signed(json!({"exp": (now + 600).to_string()})), "`exp`"),
        ("no `exp`", signed(json!({"exp": null})), "`exp`"),
        ("another issuer", signed(json!({"iss": "https://evil.example"})), "`iss`"),
        ("another audience", signed(json!({"aud": "bank"})), "`aud`"),
        ("no subject", signed(json!({"sub": null})), "`sub`"),
        ("roles that are a number", signed(json!({"roles": 7})), "`roles`"),
        ("a customer without a `customer_id`", signed(json!({"roles": ["customer"]})), "`customer_id`"),
        ("longer than 8 KiB", signed(json!({"note": "x".repeat(9000)})), "malformed"),
        ("`alg: none`", unsigned(&good, &json!({"alg": "none", "kid": "dev-token"})), ""),
        ("`alg: RS256` for a key of HS256", unsigned(&good, &json!({"alg": "RS256", "kid": "dev-token"})), "signature"),
        ("`alg: HS512` for a key of HS256", other_algorithm(keys, &good), "signature"),
        ("a key that nobody knows", unsigned(&good, &json!({"alg": "HS256", "kid": "stolen"})), "not known"),
        (
            "a key in its own header (`jwk`)",
            unsigned(&good, &json!({"alg": "HS256", "kid": "dev-token", "jwk": {"kty": "oct", "k": "AA"}})),
            "`jwk`",
        ),
        (
            "a key's address in its header (`jku`)",
            unsigned(&good, &json!({"alg": "HS256", "kid": "dev-token", "jku": "https://evil.example"})),
            "`jku`",
        ),
        (
            "what must be understood (`crit`)",
            unsigned(&good, &json!({"alg": "HS256", "kid": "dev-token", "crit": ["x"]})),
            "`crit`",
        ),
        ("claims changed after signing", tampered(&signed(json!({}))), "signature"),
        ("the gateway's own, for services", keys.token("internal", &internal("customers", now)), "not known"),
        ("an operator's, at the callers' door", keys.token("operator", &operator(now)), "not known"),
        ("a caller's claims under the operator's key", keys.token("operator", &good), "not known"),
    ] {
        let mut ask = Ask::new("POST", "/customers").json("{}");
        if !token.is_empty() {
            ask = ask.token(&token);
        }
        let answer = ask.send(&shop.api.url).await;
        table.problem(EDGE, input, &answer, 401, &[words]);
    }
    doors(table, shop, keys, &signed(json!({}))).await;
}

/// Headers in doubt, and tokens at doors that are not theirs.
async fn doors(table: &mut Table, shop: &Shop, keys: &Keyring, good: &str) {
    let now = now();
    let twice = Ask::new("POST", "/customers").token(good).token(good).json("{}");
    table.problem(EDGE, "two `Authorization` headers", &twice.send(&shop.api.url).await, 401, &["exactly one"]);
    let basic = Ask::new("POST", "/customers").header("Authorization", "Basic Y2xhcmE6eA==").json("{}");
    table.problem(EDGE, "another scheme (`Basic`)", &basic.send(&shop.api.url).await, 401, &["Bearer"]);
    let asked = Ask::new("GET", "/_operator/orders/parked");
    for (input, token) in [
        ("a caller's, at the operator's door", good.to_owned()),
        ("the gateway's own, at the operator's door", keys.token("internal", &internal("orders", now))),
        ("an operator's key with a caller's audience", keys.token("operator", &claims())),
    ] {
        table.problem(EDGE, input, &asked.clone().token(&token).send(&shop.api.url).await, 401, &[]);
    }
    table.problem(EDGE, "none, at the operator's door", &asked.send(&shop.api.url).await, 401, &["token"]);
    let orders = service_url(shop, "orders");
    for (input, token) in [
        ("a caller's, straight at a service", good.to_owned()),
        ("the gateway's for another service", keys.token("internal", &internal("catalog", now))),
        (
            "the gateway's, good for a year",
            keys.token("internal", &changed(&internal("orders", now), &json!({"exp": now + 31_536_000}))),
        ),
        (
            "the gateway's, in the name of a service",
            keys.token("internal", &changed(&internal("orders", now), &json!({"caller": {"service": "catalog"}}))),
        ),
    ] {
        let answer = Ask::new("GET", "/orders/of_customer").token(&token).send(&orders).await;
        table.problem(EDGE, input, &answer, 401, &[]);
    }
}

/// Tokens against a shop whose callers' key is an RSA key: the secret of a forger is the public key.
pub(crate) async fn confusion(table: &mut Table, url: &str, public: &str, private: &str) {
    let header = |algorithm| Header { kid: Some("rsa".to_owned()), ..Header::new(algorithm) };
    let key = EncodingKey::from_rsa_pem(private.as_bytes()).expect("an RSA key");
    let good = encode(&header(Algorithm::RS256), &claims(), &key).expect("a token");
    let ask = Ask::new("POST", "/customers").json("{}");
    let works = ask.clone().token(&good).send(url).await;
    assert_eq!(works.status, 400, "a token of the RSA key is good: {}", works.body);
    let forged = encode(&header(Algorithm::HS256), &claims(), &EncodingKey::from_secret(public.as_bytes()));
    let answer = ask.clone().token(&forged.expect("a token")).send(url).await;
    table.problem(EDGE, "HS256 with the public RSA key as its secret", &answer, 401, &["signature"]);
    let answer = Ask::new("POST", "/dev/tokens").json(r#"{"sub": "eve", "roles": ["clerk"]}"#).send(url).await;
    table.problem(EDGE, "a development token outside of development mode", &answer, 404, &[]);
}

fn now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    i64::try_from(now.as_secs()).expect("seconds")
}

fn claims() -> Value {
    json!({"sub": "clara", "roles": ["clerk"], "iss": "shop", "aud": "shop", "exp": now() + 600})
}

fn operator(now: i64) -> Value {
    json!({"sub": "olga", "aud": "minos-operator", "exp": now + 600})
}

fn internal(service: &str, now: i64) -> Value {
    let caller = json!({"subject": "eve", "roles": ["clerk"]});
    json!({"iss": "minos-gateway", "aud": service, "iat": now, "exp": now + 30, "caller": caller})
}

/// With some claims changed, or (null) taken away.
fn changed(claims: &Value, change: &Value) -> Value {
    let mut claims = claims.clone();
    for (name, value) in change.as_object().expect("an object") {
        claims[name] = value.clone();
    }
    claims.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
    claims
}

/// With a header of one's own and a signature of nothing.
fn unsigned(claims: &Value, header: &Value) -> String {
    let part = |value: &Value| base64(value.to_string().as_bytes());
    format!("{}.{}.{}", part(header), part(claims), base64(b"signed"))
}

fn other_algorithm(keys: &Keyring, claims: &Value) -> String {
    let header = Header { kid: Some("dev-token".to_owned()), ..Header::new(Algorithm::HS512) };
    encode(&header, claims, &EncodingKey::from_secret(keys.secret("tokens").as_bytes())).expect("a token")
}

fn tampered(token: &str) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    let claims = changed(&claims(), &json!({"sub": "root"}));
    format!("{}.{}.{}", parts[0], base64(claims.to_string().as_bytes()), parts[2])
}

/// base64url without padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let number = chunk.iter().enumerate().fold(0_u32, |sum, (at, byte)| sum | u32::from(*byte) << (16 - 8 * at));
        for digit in 0..=chunk.len() {
            text.push(char::from(DIGITS[(number >> (18 - 6 * digit)) as usize & 63]));
        }
    }
    text
}

/// Where a service of the shop listens, as its log says.
fn service_url(shop: &Shop, service: &str) -> String {
    let log = shop.process.errors();
    let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let line = lines.find(|line| line["message"] == "registered" && line["service"] == service);
    let line = line.unwrap_or_else(|| panic!("no address of {service} in\n{log}"));
    format!("http://{}", line["address"].as_str().expect("an address"))
}
