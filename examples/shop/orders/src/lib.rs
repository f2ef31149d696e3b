//! Orders, the saga that fulfils them, and the ports to the payment provider. Generated from the spec; the adapters are by hand.

#![allow(missing_docs, reason = "a field of which the spec says nothing has its name and type alone")]

mod mailer;
mod payments;
mod provider;

include!(concat!(env!("OUT_DIR"), "/lib.rs"));

pub use mailer::HttpMailer;
pub use payments::HttpPayments;
pub use provider::provider_url;
