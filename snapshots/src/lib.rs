//! The golden tests of generated code are in `tests/`; see README.md.
