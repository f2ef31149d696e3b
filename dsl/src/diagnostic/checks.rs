//! Codes `E04xx`: proofs: isolation, coverage, lifecycle, access.

use super::codes;

codes! {}
