//! The shop's orders as the second day's spec has them. Generated from the spec; the adapters are those of the first day.

#[path = "../../../../examples/shop/orders/src/mailer.rs"]
mod mailer;
#[path = "../../../../examples/shop/orders/src/payments.rs"]
mod payments;
#[path = "../../../../examples/shop/orders/src/provider.rs"]
mod provider;

include!(concat!(env!("OUT_DIR"), "/lib.rs"));

pub use mailer::HttpMailer;
pub use payments::HttpPayments;
pub use provider::provider_url;
