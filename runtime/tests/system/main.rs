//! A system of two services and a gateway, over real HTTP: started, used, attacked, stopped, and started again on what is kept.

#[path = "../account/mod.rs"]
#[allow(dead_code, unused)]
mod account;
mod desk;
mod life;
mod requests;
mod stand;
