//! Tokens that the gateway signs for one service, which checks them itself.

use serde::{Deserialize, Serialize};

use super::{SigningKey, TokenError, VerifyingKeys};
use crate::caller::Caller;
use crate::context::Context;

/// Who signs them.
const ISSUER: &str = "minos-gateway";
/// How long one holds, seconds.
const LIFETIME: i64 = 60;
/// How far clocks may be apart, seconds.
const LEEWAY: i64 = 5;

#[derive(Serialize, Deserialize)]
struct InternalClaims {
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
    caller: Caller,
}

/// Signs tokens for services.
#[derive(Clone, Debug)]
pub struct InternalSigner {
    key: SigningKey,
    context: Context,
}

impl InternalSigner {
    /// Signs with `key`.
    pub fn new(key: SigningKey, context: Context) -> Self {
        Self { key, context }
    }

    /// A token for `service` that says who is calling.
    ///
    /// # Errors
    /// [`TokenError::Signature`] where the key cannot sign.
    pub fn token(&self, service: &str, caller: &Caller) -> Result<String, TokenError> {
        let now = self.context.now().as_second();
        let caller = Caller { service: None, ..caller.clone() };
        let (iss, aud) = (ISSUER.to_owned(), service.to_owned());
        self.key.token(&InternalClaims { iss, aud, iat: now, exp: now + LIFETIME, caller })
    }
}

/// Checks, in a service, what the gateway signed for it.
#[derive(Clone, Debug)]
pub struct InternalVerifier {
    keys: VerifyingKeys,
    service: String,
    context: Context,
}

impl InternalVerifier {
    /// Accepts what was signed for `service` by one of `keys`.
    pub fn new(keys: VerifyingKeys, service: &str, context: Context) -> Self {
        Self { keys, service: service.to_owned(), context }
    }

    /// Who is calling.
    ///
    /// # Errors
    /// Why the token is not accepted.
    pub fn verify(&self, token: &str) -> Result<Caller, TokenError> {
        let now = self.context.now().as_second();
        let claims = self.keys.verify(token, now, LEEWAY)?;
        super::check_issuer(&claims, ISSUER)?;
        super::check_audience(&claims, &self.service)?;
        let claims: InternalClaims =
            serde_json::from_value(claims.into()).map_err(|_| TokenError::Claim("caller".to_owned()))?;
        if claims.exp > now + LIFETIME + LEEWAY || claims.caller.service.is_some() {
            return Err(TokenError::Claim("exp".to_owned()));
        }
        Ok(claims.caller)
    }
}
