//! Orders, the saga that fulfils them, and the ports to the payment provider. Generated from the spec; the adapters are by hand.

mod mailer;
mod payments;
mod provider;

include!(concat!(env!("OUT_DIR"), "/lib.rs"));

pub use mailer::HttpMailer;
pub use payments::HttpPayments;
pub use provider::provider_url;
