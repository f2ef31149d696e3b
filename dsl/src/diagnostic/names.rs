//! Codes `E02xx`: names and references.

use super::codes;

codes! {}
