//! Tokens of the people who run the system: an audience of their own, so that no caller's token opens what is theirs.

use super::{TokenError, VerifyingKeys};
use crate::context::Context;

/// The audience of operators' tokens.
pub const AUDIENCE: &str = "minos-operator";
/// How far clocks may be apart, seconds.
const LEEWAY: i64 = 30;

/// Checks operators' tokens.
#[derive(Clone, Debug)]
pub struct OperatorTokens {
    keys: VerifyingKeys,
    context: Context,
}

impl OperatorTokens {
    /// Accepts tokens by one of `keys`.
    pub fn new(keys: VerifyingKeys, context: Context) -> Self {
        Self { keys, context }
    }

    /// Which operator it is.
    ///
    /// # Errors
    /// Why the token is not accepted.
    pub fn verify(&self, token: &str) -> Result<String, TokenError> {
        let claims = self.keys.verify(token, self.context.now().as_second(), LEEWAY)?;
        super::check_audience(&claims, AUDIENCE)?;
        super::subject(&claims)
    }
}
