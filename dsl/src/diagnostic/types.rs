//! Codes `E03xx`: types and expressions.

use super::codes;

codes! {}
