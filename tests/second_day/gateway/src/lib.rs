//! The entrance to the shop of the second day. Generated from the spec.

include!(concat!(env!("OUT_DIR"), "/lib.rs"));
