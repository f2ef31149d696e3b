//! Customers and their credit. Generated from the spec.

// What the spec documents is documented; the rest says itself.
#![allow(missing_docs)]

include!(concat!(env!("OUT_DIR"), "/lib.rs"));
