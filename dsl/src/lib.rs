//! The Minos language.
