//! Customers and their credit. Generated from the spec.

include!(concat!(env!("OUT_DIR"), "/lib.rs"));
