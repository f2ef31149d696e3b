//! The shop's customers under a spec that cannot read what was stored. Generated from the spec.

include!(concat!(env!("OUT_DIR"), "/lib.rs"));
