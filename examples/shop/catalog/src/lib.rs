//! Products and their stock. Generated from the spec.

#![allow(missing_docs, reason = "a field of which the spec says nothing has its name and type alone")]

include!(concat!(env!("OUT_DIR"), "/lib.rs"));
