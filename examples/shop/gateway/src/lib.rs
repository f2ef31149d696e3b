//! The one entrance to the shop. Generated from the spec.

include!(concat!(env!("OUT_DIR"), "/lib.rs"));
