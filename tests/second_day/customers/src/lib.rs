//! The shop's customers as the second day's spec has them. Generated from the spec.

include!(concat!(env!("OUT_DIR"), "/lib.rs"));
