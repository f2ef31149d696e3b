//! Products and their stock. Generated from the spec.

include!(concat!(env!("OUT_DIR"), "/lib.rs"));
