//! A system of two services and a gateway, over real HTTP: started, used, attacked, stopped, and started again on what is kept.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

#[path = "../account/mod.rs"]
mod account;
mod desk;
mod life;
mod requests;
mod stand;
