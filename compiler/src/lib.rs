//! The Minos compiler.
