//! Attacks on tokens: each must be refused, and the honest token beside it accepted.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::internal::{InternalSigner, InternalVerifier};
use super::keys::Keys;
use super::message::{ServiceSigner, ServiceVerifier};
use super::operator::OperatorTokens;
use super::outside::OutsideTokens;
use super::*;
use crate::caller::Caller;
use crate::context::{Clock, Context, Meta};
use crate::gateway::Identity;
use crate::log::{Body, Message, MessageSigner, MessageVerifier};

const RSA_PUBLIC: &str = include_str!("fixtures/rsa_public.pem");
const RSA_PRIVATE: &str = include_str!("fixtures/rsa_private.pem");
const ED_PUBLIC: &str = include_str!("fixtures/ed_public.pem");
const ED_PRIVATE: &str = include_str!("fixtures/ed_private.pem");
const SECRET: &str = "0123456789abcdef0123456789abcdef";
const NOW: i64 = 1_800_000_000;

struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(NOW).unwrap()
    }
}

fn context() -> Context {
    Context::seeded(Arc::new(Stopped), 1)
}

fn keys() -> Keys {
    let tokens = json!([
        {"kid": "rsa", "alg": "RS256", "public": RSA_PUBLIC, "private": RSA_PRIVATE},
        {"kid": "mac", "alg": "HS256", "secret": SECRET},
        {"kid": "ed", "alg": "EdDSA", "public": ED_PUBLIC, "private": ED_PRIVATE},
    ]);
    let one = |kid: &str, secret: &str| json!([{"kid": kid, "alg": "HS256", "secret": format!("{secret}{SECRET}")}]);
    let service = |name: &str| json!({"registration": format!("{name}{SECRET}"), "messages": one(name, name)});
    let file = json!({
        "tokens": tokens, "internal": one("i", "i"), "operator": one("o", "o"),
        "services": {"orders": service("orders"), "catalog": service("catalog")},
    });
    Keys::parse(&file.to_string()).unwrap()
}

fn outside() -> OutsideTokens {
    OutsideTokens {
        keys: keys().tokens.verifying,
        issuer: "https://issuer".to_owned(),
        audience: "shop".to_owned(),
        role_claim: Some("roles"),
        roles: &["customer", "clerk"],
        identities: vec![Identity::new("customer", "customer_id").if_role("customer")],
    }
}

fn claims() -> Value {
    json!({"iss": "https://issuer", "aud": "shop", "sub": "ada", "exp": NOW + 600, "roles": ["customer", "admin"], "customer_id": "c1"})
}

fn with(changes: Value) -> Value {
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for index in 0..=chunk.len() {
            text.push(char::from(ALPHABET[(bits >> (18 - 6 * index)) as usize & 63]));
        }
    }
    text
}

/// A token with that header, whatever it is, signed by a secret.
fn forged(header: &str, claims: &Value, secret: &[u8]) -> String {
    let message = format!("{}.{}", base64url(header.as_bytes()), base64url(claims.to_string().as_bytes()));
    let signature =
        jsonwebtoken::crypto::sign(message.as_bytes(), &EncodingKey::from_secret(secret), Algorithm::HS256).unwrap();
    format!("{message}.{signature}")
}

fn honest(claims: &Value) -> String {
    forged(r#"{"typ":"JWT","alg":"HS256","kid":"mac"}"#, claims, SECRET.as_bytes())
}

fn refused(token: &str) -> TokenError {
    outside().verify(token, &context()).unwrap_err()
}

#[test]
fn an_honest_token_names_subject_declared_roles_and_identity() {
    let caller = outside().verify(&honest(&claims()), &context()).unwrap();
    assert_eq!(caller.subject, "ada");
    assert_eq!(caller.roles.into_iter().collect::<Vec<_>>(), ["customer"], "a role that nobody declared means nothing");
    assert_eq!(caller.identities["customer"], "c1");
    assert!(caller.service.is_none());
}

#[test]
fn each_algorithm_that_is_configured_verifies() {
    for (kid, algorithm, private) in [
        ("rsa", Algorithm::RS256, EncodingKey::from_rsa_pem(RSA_PRIVATE.as_bytes()).unwrap()),
        ("ed", Algorithm::EdDSA, EncodingKey::from_ed_pem(ED_PRIVATE.as_bytes()).unwrap()),
    ] {
        let token = SigningKey { kid: kid.to_owned(), algorithm, key: private }.token(&claims()).unwrap();
        outside().verify(&token, &context()).unwrap();
    }
}

#[test]
fn a_token_without_signature_is_refused() {
    for algorithm in ["none", "None", "NONE", "nOnE"] {
        let header = format!(r#"{{"alg":"{algorithm}","kid":"mac"}}"#);
        let message = format!("{}.{}", base64url(header.as_bytes()), base64url(claims().to_string().as_bytes()));
        for token in [format!("{message}."), message.clone(), forged(&header, &claims(), SECRET.as_bytes())] {
            assert_eq!(refused(&token), TokenError::Malformed, "{algorithm}");
        }
    }
    let stripped = honest(&claims()).rsplit_once('.').unwrap().0.to_owned() + ".";
    assert_eq!(refused(&stripped), TokenError::Signature);
}

#[test]
fn a_public_key_is_never_taken_as_a_secret() {
    for public in [RSA_PUBLIC, RSA_PUBLIC.trim(), ED_PUBLIC] {
        for kid in ["rsa", "ed", "mac"] {
            let header = format!(r#"{{"alg":"HS256","kid":"{kid}"}}"#);
            assert_eq!(refused(&forged(&header, &claims(), public.as_bytes())), TokenError::Signature);
        }
    }
}

#[test]
fn a_header_never_chooses_another_algorithm_than_its_keys() {
    for algorithm in ["HS384", "HS512", "RS256", "EdDSA", "PS256"] {
        let header = format!(r#"{{"alg":"{algorithm}","kid":"mac"}}"#);
        assert_eq!(refused(&forged(&header, &claims(), SECRET.as_bytes())), TokenError::Signature, "{algorithm}");
    }
}

#[test]
fn unknown_missing_and_doubled_key_ids_are_refused() {
    let sign = |header: &str| refused(&forged(header, &claims(), SECRET.as_bytes()));
    assert_eq!(sign(r#"{"alg":"HS256","kid":"other"}"#), TokenError::UnknownKey);
    assert_eq!(sign(r#"{"alg":"HS256","kid":"../../dev/null"}"#), TokenError::UnknownKey);
    assert_eq!(sign(r#"{"alg":"HS256"}"#), TokenError::UnknownKey);
    assert_eq!(sign(r#"{"alg":"HS256","kid":"rsa","kid":"mac"}"#), TokenError::Malformed);
    let twice = json!({"tokens": [{"kid": "a", "alg": "HS256", "secret": SECRET}, {"kid": "a", "alg": "HS256", "secret": SECRET}]});
    assert!(Keys::parse(&twice.to_string()).is_err());
}

#[test]
fn keys_that_a_token_brings_along_are_refused() {
    let jwk = r#""jwk":{"kty":"oct","k":"AAAA"}"#;
    for (name, member) in [
        ("jwk", jwk),
        ("jku", r#""jku":"https://evil.example/keys""#),
        ("x5u", r#""x5u":"https://evil.example/cert""#),
        ("x5c", r#""x5c":["AAAA"]"#),
        ("crit", r#""crit":["exp"]"#),
        ("crit", r#""crit":[]"#),
        ("b64", r#""b64":false"#),
        ("zip", r#""zip":"DEF""#),
        ("typ", r#""typ":"dpop+jwt""#),
    ] {
        let header = format!(r#"{{"alg":"HS256","kid":"mac",{member}}}"#);
        assert_eq!(refused(&forged(&header, &claims(), SECRET.as_bytes())), TokenError::Header(name));
    }
}

#[test]
fn wrong_claims_are_refused() {
    let cases = [
        (json!({"aud": "other"}), "aud"),
        (json!({"aud": ["other", "shop2"]}), "aud"),
        (json!({"aud": null}), "aud"),
        (json!({"iss": "https://issuer/"}), "iss"),
        (json!({"iss": ["https://issuer"]}), "iss"),
        (json!({"iss": null}), "iss"),
        (json!({"exp": null}), "exp"),
        (json!({"exp": (NOW + 600).to_string()}), "exp"),
        (json!({"exp": true}), "exp"),
        (json!({"exp": -1}), "exp"),
        (json!({"nbf": (NOW - 600).to_string()}), "nbf"),
        (json!({"sub": null}), "sub"),
        (json!({"sub": " "}), "sub"),
        (json!({"sub": 5}), "sub"),
        (json!({"roles": {"customer": true}}), "roles"),
        (json!({"roles": ["customer", 1]}), "roles"),
        (json!({"customer_id": null}), "customer_id"),
        (json!({"customer_id": ["c1", "c2"]}), "customer_id"),
    ];
    for (change, claim) in cases {
        assert_eq!(refused(&honest(&with(change.clone()))), TokenError::Claim(claim.to_owned()), "{change}");
    }
    assert_eq!(refused(&honest(&with(json!({"exp": [NOW + 600]})))), TokenError::Malformed);
}

#[test]
fn times_hold_to_the_leeway_and_no_further() {
    let verify = |change| outside().verify(&honest(&with(change)), &context());
    assert_eq!(verify(json!({"exp": NOW - 30})).unwrap_err(), TokenError::Expired);
    verify(json!({"exp": NOW - 29})).unwrap();
    verify(json!({"exp": 1e300})).unwrap();
    assert_eq!(verify(json!({"nbf": NOW + 31})).unwrap_err(), TokenError::NotYet);
    verify(json!({"nbf": NOW + 30})).unwrap();
}

#[test]
fn a_changed_token_is_refused() {
    let token = honest(&claims());
    let (head, signature) = token.rsplit_once('.').unwrap();
    let header = head.split_once('.').unwrap().0;
    let clerk = base64url(with(json!({"roles": ["clerk"]})).to_string().as_bytes());
    assert_eq!(refused(&format!("{header}.{clerk}.{signature}")), TokenError::Signature);
    for broken in ["", "a", "a.b", "a.b.c", "a.b.c.d", "...", &token[1..], &format!("{token}.x")] {
        refused(broken);
    }
    assert_eq!(refused(&"a".repeat(LONGEST + 1)), TokenError::Malformed);
    assert_eq!(refused(&honest(&with(json!({"sub": "x".repeat(LONGEST)})))), TokenError::Malformed);
}

#[test]
fn an_identity_without_its_role_means_nothing() {
    let caller = outside().verify(&honest(&with(json!({"roles": ["clerk"]}))), &context()).unwrap();
    assert!(caller.identities.is_empty());
}

#[test]
fn doubled_and_foreign_authorization_headers_are_refused() {
    let headers = |values: &[&str]| {
        let mut map = axum::http::HeaderMap::new();
        for value in values {
            map.append("authorization", value.parse().unwrap());
        }
        map
    };
    assert_eq!(bearer(&headers(&["Bearer abc"])), Ok("abc"));
    assert_eq!(bearer(&headers(&["bearer abc"])), Ok("abc"));
    assert_eq!(bearer(&headers(&[])), Err(TokenError::Missing));
    for values in
        [&["Bearer a", "Bearer b"][..], &["Basic abc"], &["Bearer"], &["Bearer "], &["Bearer a, Bearer b"], &["abc"]]
    {
        assert_eq!(bearer(&headers(values)), Err(TokenError::Ambiguous), "{values:?}");
    }
}

#[test]
fn weak_secrets_are_refused_at_start() {
    for secret in ["", "secret", "short-but-fine-looking-1234", &"a".repeat(64), &"abc".repeat(20)] {
        let file = json!({"tokens": [{"kid": "a", "alg": "HS256", "secret": secret}]});
        assert!(Keys::parse(&file.to_string()).is_err(), "{secret}");
    }
    let mixed = json!({"tokens": [{"kid": "a", "alg": "HS256", "public": RSA_PUBLIC}, {"kid": "b", "alg": "RS256", "secret": SECRET}, {"kid": "c", "alg": "none"}]});
    assert_eq!(Keys::parse(&mixed.to_string()).unwrap_err().len(), 3, "every mistake at once");
}

#[test]
fn an_internal_token_is_for_one_service_and_for_a_minute() {
    let caller = Caller { subject: "ada".to_owned(), service: Some("orders".to_owned()), ..Caller::default() };
    let signer = InternalSigner::new(keys().internal.signing.unwrap(), context());
    let token = signer.token("orders", &caller).unwrap();
    let orders = InternalVerifier::new(keys().internal.verifying, "orders", context());
    let seen = orders.verify(&token).unwrap();
    assert_eq!((seen.subject.as_str(), seen.service), ("ada", None), "nobody from outside is a service");
    let catalog = InternalVerifier::new(keys().internal.verifying, "catalog", context());
    assert_eq!(catalog.verify(&token), Err(TokenError::Claim("aud".to_owned())));
    let foreign = InternalSigner::new(keys().operator.signing.unwrap(), context()).token("orders", &caller).unwrap();
    assert_eq!(orders.verify(&foreign), Err(TokenError::UnknownKey));
    assert_eq!(orders.verify(&honest(&claims())), Err(TokenError::UnknownKey), "a caller's own token opens no service");
    assert_eq!(refused(&token), TokenError::UnknownKey, "and a service's none of the gateway");
    let long =
        json!({"iss": "minos-gateway", "aud": "orders", "iat": NOW, "exp": NOW + 3600, "caller": {"subject": "ada"}});
    let long = keys().internal.signing.unwrap().token(&long).unwrap();
    assert_eq!(orders.verify(&long), Err(TokenError::Claim("exp".to_owned())));
}

#[test]
fn operators_have_tokens_of_their_own() {
    let operators = OperatorTokens::new(keys().operator.verifying, context());
    let key = keys().operator.signing.unwrap();
    let token = key.token(&json!({"aud": operator::AUDIENCE, "sub": "ops", "exp": NOW + 60})).unwrap();
    assert_eq!(operators.verify(&token), Ok("ops".to_owned()));
    let token = key.token(&json!({"aud": "shop", "sub": "ops", "exp": NOW + 60})).unwrap();
    assert!(operators.verify(&token).is_err());
    assert!(operators.verify(&honest(&with(json!({"aud": operator::AUDIENCE})))).is_err());
}

#[test]
fn a_message_is_believed_by_its_sources_signature_alone() {
    let (keys, context) = (keys(), context());
    let mut message = Message {
        specversion: 1,
        id: context.new_id(),
        source: "orders".to_owned(),
        epoch: "e".to_owned(),
        topic: "catalog.inbox".to_owned(),
        partition: 0,
        key: "k".to_owned(),
        pos: 1,
        previous: 0,
        time: context.now(),
        meta: Meta::new(&context, Caller::anonymous()),
        body: Body::Ended { saga: context.new_id() },
        signature: String::new(),
    };
    let verifier = ServiceVerifier::new(&keys);
    assert!(verifier.verify(&message).is_err(), "unsigned");
    message.signature = ServiceSigner::new(&keys, "orders").unwrap().sign(&message);
    verifier.verify(&message).unwrap();
    let mut raised = message.clone();
    raised.meta.principal.roles.insert("clerk".to_owned());
    assert!(verifier.verify(&raised).is_err(), "with another principal");
    let mut foreign = message.clone();
    foreign.signature = ServiceSigner::new(&keys, "catalog").unwrap().sign(&message);
    assert!(verifier.verify(&foreign).is_err(), "signed by another service");
    message.source = "unheard".to_owned();
    assert!(verifier.verify(&message).is_err());
}

#[test]
fn development_keys_are_made_once_and_readable_by_their_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let first = Keys::development(&path, &["orders"], &Context::system()).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let again = Keys::development(&path, &["orders"], &Context::system()).unwrap();
    assert_eq!(text, std::fs::read_to_string(&path).unwrap());
    assert_eq!(first.registration, again.registration);
    let grown = Keys::development(&path, &["orders", "catalog"], &Context::system()).unwrap();
    assert_eq!(grown.registration["orders"], first.registration["orders"]);
    assert!(grown.messages["catalog"].signing.is_some());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
