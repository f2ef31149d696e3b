//! Tokens that callers bring: checked once, at the gateway, and turned into a [`Caller`].

use serde_json::Value;

use super::{Claims, TokenError, VerifyingKeys};
use crate::caller::Caller;
use crate::context::Context;
use crate::gateway::Identity;

/// How far clocks may be apart, seconds.
const LEEWAY: i64 = 30;

/// Checks tokens that callers bring.
#[derive(Clone, Debug)]
pub struct OutsideTokens {
    /// Whose keys count.
    pub keys: VerifyingKeys,
    /// `iss` must be this.
    pub issuer: String,
    /// `aud` must be, or hold, this.
    pub audience: String,
    /// The claim that holds the roles.
    pub role_claim: Option<&'static str>,
    /// The roles that mean something.
    pub roles: &'static [&'static str],
    /// Who a caller may be.
    pub identities: Vec<Identity>,
}

impl OutsideTokens {
    /// Who the token says is calling.
    ///
    /// # Errors
    /// Why it is not accepted.
    pub fn verify(&self, token: &str, context: &Context) -> Result<Caller, TokenError> {
        let claims = self.keys.verify(token, context.now().as_second(), LEEWAY)?;
        super::check_issuer(&claims, &self.issuer)?;
        super::check_audience(&claims, &self.audience)?;
        let mut caller = Caller { subject: super::subject(&claims)?, ..Caller::default() };
        let held = self.role_claim.map(|claim| roles(&claims, claim)).transpose()?.unwrap_or_default();
        caller.roles = self.roles.iter().filter(|role| held.contains(role)).map(|role| (*role).to_owned()).collect();
        for identity in &self.identities {
            let entitled = identity.role.is_none_or(|role| caller.has_role(role));
            match claims.get(identity.claim) {
                _ if !entitled => {}
                Some(Value::String(id)) if !id.is_empty() && id.len() <= 256 => {
                    caller.identities.insert(identity.name.to_owned(), id.clone());
                }
                Some(Value::Number(id)) if id.is_i64() || id.is_u64() => {
                    caller.identities.insert(identity.name.to_owned(), id.to_string());
                }
                None if identity.role.is_none() => {}
                _ => return Err(TokenError::Claim(identity.claim.to_owned())),
            }
        }
        Ok(caller)
    }
}

/// A list of texts, or one text with spaces.
fn roles<'a>(claims: &'a Claims, claim: &str) -> Result<Vec<&'a str>, TokenError> {
    let wrong = || TokenError::Claim(claim.to_owned());
    match claims.get(claim) {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(text.split(' ').filter(|it| !it.is_empty()).collect()),
        Some(Value::Array(items)) => items.iter().map(|item| item.as_str().ok_or_else(wrong)).collect(),
        Some(_) => Err(wrong()),
    }
}
