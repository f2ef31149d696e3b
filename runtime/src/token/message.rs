//! Signatures of messages: nobody who can write to the log can speak in another service's name.

use std::collections::BTreeMap;

use super::keys::{Keys, Pair};
use super::{SigningKey, VerifyingKeys};
use crate::log::{Message, MessageSigner, MessageVerifier};

/// Signs what one service publishes.
#[derive(Clone, Debug)]
pub struct ServiceSigner(SigningKey);

impl ServiceSigner {
    /// The signer of `service`, if its key is known here.
    pub fn new(keys: &Keys, service: &str) -> Option<Self> {
        keys.messages.get(service).and_then(|pair| pair.signing.clone()).map(Self)
    }
}

impl MessageSigner for ServiceSigner {
    fn sign(&self, message: &Message) -> String {
        // A key that cannot sign gives no signature, and no one believes the message.
        self.0.sign(&message.signed_bytes()).unwrap_or_else(|error| {
            tracing::error!(%error, id = %message.id, "a message could not be signed");
            String::new()
        })
    }
}

/// Checks messages against the keys of the services that they say they are from.
#[derive(Clone, Debug)]
pub struct ServiceVerifier(BTreeMap<String, VerifyingKeys>);

impl ServiceVerifier {
    /// Knows the services of `keys`.
    pub fn new(keys: &Keys) -> Self {
        let of = |(service, pair): (&String, &Pair)| (service.clone(), pair.verifying.clone());
        Self(keys.messages.iter().map(of).collect())
    }
}

impl MessageVerifier for ServiceVerifier {
    fn verify(&self, message: &Message) -> Result<(), String> {
        let keys = self.0.get(&message.source).ok_or_else(|| format!("no key of `{}` is known", message.source))?;
        keys.verify_bytes(&message.signed_bytes(), &message.signature)
            .map_err(|error| format!("the signature is not `{}`'s: {error}", message.source))
    }
}
