//! Tokens and signatures: who is let in, and who may speak in whose name.
//!
//! * [`outside`]: tokens that callers bring, checked once, at the gateway.
//! * [`internal`]: short-lived tokens that the gateway signs for one service, which checks them itself: nobody reaches a
//!   service around the gateway.
//! * [`operator`]: tokens of the people who run the system, with an audience of their own.
//! * [`message`]: signatures of messages between services. They do not expire: what is parked may be replayed.
//! * [`keys`]: where the keys come from.
//!
//! A key has one algorithm, and a token's header never chooses another. What a header could bring along to be believed
//! (`jwk`, `jku`, `x5u`, `x5c`, `crit`) is refused, not ignored.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::Serialize;
use serde_json::{Map, Value};

pub mod internal;
pub mod keys;
pub mod message;
pub mod operator;
pub mod outside;

/// Longer tokens are refused unread, bytes.
pub const LONGEST: usize = 8 * 1024;

/// The claims of a token whose signature and times hold.
pub type Claims = Map<String, Value>;

/// Why a token is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// There is none.
    #[error("a bearer token is needed")]
    Missing,
    /// More than one `Authorization` header, or another scheme than `Bearer`.
    #[error("exactly one `Authorization: Bearer` header is needed")]
    Ambiguous,
    /// Not a token, or longer than [`LONGEST`].
    #[error("the token is malformed")]
    Malformed,
    /// Its header asks for what is never granted.
    #[error("the token's header holds `{0}`, which is not accepted")]
    Header(&'static str),
    /// No key of ours has its `kid`.
    #[error("the token's key is not known")]
    UnknownKey,
    /// Another algorithm than its key's, or a wrong signature.
    #[error("the token's signature does not hold")]
    Signature,
    /// A claim is missing or is not what it must be.
    #[error("the token's claim `{0}` is missing or wrong")]
    Claim(String),
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    NotYet,
}

/// A key that signs.
#[derive(Clone)]
pub struct SigningKey {
    kid: String,
    algorithm: Algorithm,
    key: EncodingKey,
}

/// Keys that verify, each with its id and its one algorithm.
#[derive(Clone, Default)]
pub struct VerifyingKeys {
    keys: Vec<(String, Algorithm, DecodingKey)>,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({}, {:?})", self.kid, self.algorithm)
    }
}

impl std::fmt::Debug for VerifyingKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|(kid, algorithm, _)| (kid, algorithm))).finish()
    }
}

impl SigningKey {
    /// A token with those claims.
    ///
    /// # Errors
    /// [`TokenError::Malformed`] where the claims are no JSON object, [`TokenError::Signature`] where the key cannot sign.
    pub fn token(&self, claims: &impl Serialize) -> Result<String, TokenError> {
        let header = Header { kid: Some(self.kid.clone()), ..Header::new(self.algorithm) };
        jsonwebtoken::encode(&header, claims, &self.key).map_err(|_| TokenError::Signature)
    }

    /// The signature of bytes: the key's id, a dot, base64url.
    fn sign(&self, bytes: &[u8]) -> Result<String, TokenError> {
        let signature =
            jsonwebtoken::crypto::sign(bytes, &self.key, self.algorithm).map_err(|_| TokenError::Signature)?;
        Ok(format!("{}.{signature}", self.kid))
    }
}

impl VerifyingKeys {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The claims of a token signed by one of these keys, at `now` (seconds since 1970), give or take `leeway` seconds.
    ///
    /// # Errors
    /// Why it is not accepted.
    pub fn verify(&self, token: &str, now: i64, leeway: i64) -> Result<Claims, TokenError> {
        if token.len() > LONGEST {
            return Err(TokenError::Malformed);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Malformed)?;
        check_header(&header)?;
        let (_, algorithm, key) = self.key(header.kid.as_deref())?;
        if header.alg != *algorithm {
            return Err(TokenError::Signature);
        }
        let data =
            jsonwebtoken::decode::<Claims>(token, key, &signature_only(*algorithm)).map_err(|error| {
                match error.kind() {
                    jsonwebtoken::errors::ErrorKind::Json(_) => TokenError::Malformed,
                    _ => TokenError::Signature,
                }
            })?;
        check_times(&data.claims, now, leeway)?;
        Ok(data.claims)
    }

    /// Whether `signature` (as [`SigningKey::sign`] makes it) is one of these keys' over `bytes`.
    fn verify_bytes(&self, bytes: &[u8], signature: &str) -> Result<(), TokenError> {
        let (kid, signature) = signature.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (_, algorithm, key) = self.key(Some(kid))?;
        match jsonwebtoken::crypto::verify(signature, bytes, key, *algorithm) {
            Ok(true) => Ok(()),
            _ => Err(TokenError::Signature),
        }
    }

    /// The key with that id. A token that names none is one of the only key.
    fn key(&self, kid: Option<&str>) -> Result<&(String, Algorithm, DecodingKey), TokenError> {
        match (kid, self.keys.as_slice()) {
            (Some(kid), keys) => keys.iter().find(|(id, ..)| id == kid).ok_or(TokenError::UnknownKey),
            (None, [only]) => Ok(only),
            (None, _) => Err(TokenError::UnknownKey),
        }
    }
}

/// What a header may hold: nothing that brings its own key or asks for more than we do.
fn check_header(header: &Header) -> Result<(), TokenError> {
    let refused = [
        ("jwk", header.jwk.is_some()),
        ("jku", header.jku.is_some()),
        ("x5u", header.x5u.is_some()),
        ("x5c", header.x5c.is_some()),
        ("crit", header.crit.is_some()),
        ("enc", header.enc.is_some()),
        ("zip", header.zip.is_some()),
        ("b64", header.extras.inner().contains_key("b64")),
        (
            "typ",
            header.typ.as_deref().is_some_and(|typ| !["JWT", "at+jwt"].iter().any(|it| typ.eq_ignore_ascii_case(it))),
        ),
    ];
    match refused.into_iter().find(|(_, present)| *present) {
        Some((name, _)) => Err(TokenError::Header(name)),
        None => Ok(()),
    }
}

/// The library checks the signature; claims are checked here, strictly and by our clock.
fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

fn check_times(claims: &Claims, now: i64, leeway: i64) -> Result<(), TokenError> {
    if seconds(claims, "exp")?.ok_or_else(|| TokenError::Claim("exp".to_owned()))? <= now - leeway {
        return Err(TokenError::Expired);
    }
    if seconds(claims, "nbf")?.is_some_and(|nbf| nbf > now + leeway) {
        return Err(TokenError::NotYet);
    }
    Ok(())
}

/// A time claim: a number, never a text.
#[allow(clippy::cast_possible_truncation, reason = "a fraction of a second does not matter, and `as` saturates")]
fn seconds(claims: &Claims, name: &str) -> Result<Option<i64>, TokenError> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::Number(number)) => {
            let seconds = number.as_i64().or_else(|| number.as_f64().map(|it| it as i64));
            seconds.filter(|it| *it > 0).map(Some).ok_or_else(|| TokenError::Claim(name.to_owned()))
        }
        Some(_) => Err(TokenError::Claim(name.to_owned())),
    }
}

/// The issuer must be exactly that.
fn check_issuer(claims: &Claims, issuer: &str) -> Result<(), TokenError> {
    match claims.get("iss") {
        Some(Value::String(found)) if found == issuer => Ok(()),
        _ => Err(TokenError::Claim("iss".to_owned())),
    }
}

/// The audience must be, or hold, exactly that.
fn check_audience(claims: &Claims, audience: &str) -> Result<(), TokenError> {
    let held = match claims.get("aud") {
        Some(Value::String(found)) => found == audience,
        Some(Value::Array(found)) => found.iter().any(|it| it == audience),
        _ => false,
    };
    if held { Ok(()) } else { Err(TokenError::Claim("aud".to_owned())) }
}

/// Who the token is of.
fn subject(claims: &Claims) -> Result<String, TokenError> {
    match claims.get("sub") {
        Some(Value::String(subject)) if !subject.trim().is_empty() && subject.len() <= 256 => Ok(subject.clone()),
        _ => Err(TokenError::Claim("sub".to_owned())),
    }
}

/// The bearer token of a request: exactly one `Authorization` header, of that scheme.
///
/// # Errors
/// [`TokenError::Missing`] or [`TokenError::Ambiguous`].
pub fn bearer(headers: &axum::http::HeaderMap) -> Result<&str, TokenError> {
    let mut values = headers.get_all(axum::http::header::AUTHORIZATION).iter();
    let first = values.next().ok_or(TokenError::Missing)?;
    if values.next().is_some() {
        return Err(TokenError::Ambiguous);
    }
    let (scheme, token) = first.to_str().ok().and_then(|it| it.split_once(' ')).ok_or(TokenError::Ambiguous)?;
    let token = token.trim_start();
    if !scheme.eq_ignore_ascii_case("Bearer") || token.is_empty() || token.contains([' ', ',']) {
        return Err(TokenError::Ambiguous);
    }
    Ok(token)
}

#[cfg(test)]
mod tests;
