//! The registry: which instances of which service are where, and healthy.
