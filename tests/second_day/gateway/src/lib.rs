//! The entrance to the shop of the second day. Generated from the spec.

#![allow(missing_docs)]

include!(concat!(env!("OUT_DIR"), "/lib.rs"));
