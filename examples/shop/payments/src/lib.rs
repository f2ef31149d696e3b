//! The payment provider of the shop, as a stand-in for a real one: charges, refunds, and (so that there is one server less) mail.
//!
//! It does what the shop relies on and nothing more:
//!
//! * `POST /charges {"order", "amount"}` answers 201 `{"reference"}`, or 402 `{"reason"}` when it declines.
//! * `POST /refunds {"order", "payment"}` and `POST /mails {"to", "template"}` answer 201 `{"reference"}`.
//! * Each needs an `Idempotency-Key`. The same key gets the same answer and has its effect once; with another body it is refused (422).
//! * Every call is a line of a file before it is answered, so that a killed server knows after its restart what it has done.
//! * `GET /charges`, `GET /refunds`, `GET /mails` list the effects, each with its key and the number of calls that asked for it.
//! * `POST /control {"decline", "delay_ms"}` makes it decline, or slow. An amount that ends with `.13` is always declined.
//!
//! [`book`] is the file, [`server`] the HTTP around it.

pub mod book;
pub mod server;

pub use book::{Book, BookError};
pub use server::serve;
