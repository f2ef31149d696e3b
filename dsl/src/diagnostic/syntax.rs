//! Codes `E01xx`: the text cannot be read as Minos.

use super::codes;

codes! {
    UNEXPECTED = "E0100", Error, "unexpected text",
        explanation: "Something stands where the language expects something else. The message says what was found and what could stand there. Only the member or statement that holds it is left out; everything else is still checked.",
        example: "command Rename(name) { emit Renamed(name }",
        fix: "command Rename(name) { emit Renamed(name) }";
}
