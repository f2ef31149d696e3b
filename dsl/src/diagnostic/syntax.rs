//! Codes `E01xx`: the text cannot be read as Minos.

use super::codes;

codes! {
    UNEXPECTED = "E0100", Error, "unexpected text",
        explanation: "Something stands where the language expects something else. The message says what was found and what could stand there. Only the member or statement that holds it is left out; everything else is still checked.",
        example: "error OutOfStock(free: int \"only {free} left\")",
        fix: "error OutOfStock(free: int) \"only {free} left\"";
    MISSING_BRACKET = "E0101", Error, "missing bracket",
        explanation: "A bracket is opened and not closed before what holds it ends. Where brackets do not pair, the indentation decides what was meant: a line that begins no deeper than the line of the opening bracket is not inside it.",
        example: "command Rename(name) { emit Renamed(name }",
        fix: "command Rename(name) { emit Renamed(name) }";
    SURPLUS_BRACKET = "E0102", Error, "surplus bracket",
        explanation: "A closing bracket has no partner that is still open.",
        example: "event Renamed(set name))",
        fix: "event Renamed(set name)";
    UNCLOSED_TEXT = "E0103", Error, "text that is not closed",
        explanation: "A text begins with `\"` and ends with `\"` on the same line. A quote inside it is written `\\\"`, a line break `\\n`.",
        example: "error Declined(reason: text) \"declined: {reason}",
        fix: "error Declined(reason: text) \"declined: {reason}\"";
    BAD_TEXT = "E0104", Error, "text with a part that cannot be read",
        explanation: "Inside `\"…\"`, a backslash begins an escape (`\\n`, `\\t`, `\\\"`, `\\\\`, `\\{`, `\\}`) and a brace an expression that is written into the text; there is no text inside such an expression. `r\"…\"` has neither. Some places, such as the name of a claim or a pattern, take no expression at all.",
        example: "error OutOfStock(free: int) \"only {free left\"",
        fix: "error OutOfStock(free: int) \"only {free} left\"";
    TOO_DEEP = "E0105", Error, "nested too deeply",
        explanation: "Brackets, types and operators may nest only so deep that people can still follow, and so that reading any text takes bounded memory.",
        example: "let x = ((((((((((((((((((((((((((((((((((((((((((1))))))))))))))))))))))))))))))))))))))))))",
        fix: "let x = 1";
    UNKNOWN_WORD = "E0106", Error, "a word that begins nothing here",
        explanation: "Every declaration and statement begins with a word of its own. This one is not known, or belongs elsewhere.",
        example: "comand Rename(name) { emit Renamed(name) }",
        fix: "command Rename(name) { emit Renamed(name) }";
    MISPLACED = "E0107", Error, "a statement where it cannot stand",
        explanation: "Commands and timers decide (`let`, `require`, `if`, `done`, `emit`), an event's body changes fields (assignments, `add`, `remove`), a view's handler changes rows (`insert`, `update`, `upsert`, `delete`), policies and sagas send (`let`, `if`, `for`, `do`).",
        example: "event Renamed(set name) { emit Other }",
        fix: "command Rename(name) { emit Renamed(name) emit Other }";
    NAME_CASE = "E0108", Error, "a name in the wrong case",
        explanation: "What can be built or listened to is Capitalised: types, values, enums, aggregates, commands, events, errors, views, sagas, policies, ports, compositions. Everything else begins in lower case: subdomains, fields, parameters, states, steps, queries, operations, roles. So a reader sees what a name is, and `if order in holds { done }` has one reading.",
        example: "aggregate customer {}",
        fix: "aggregate Customer {}";
    REPEATED_CLAUSE = "E0109", Error, "a clause that is said twice",
        explanation: "Each clause of a declaration may be said once.",
        example: "command Ship allow role(clerk) allow anyone { emit Shipped }",
        fix: "command Ship allow anyone { emit Shipped }";
    MISSING_PART = "E0110", Error, "a declaration that lacks a part",
        explanation: "A declaration cannot do without this part.",
        example: "step credit { undo customers.Customer[e.id].ReleaseCredit(order: e.id) }",
        fix: "step credit { do customers.Customer[e.id].HoldCredit(order: e.id) undo customers.Customer[e.id].ReleaseCredit(order: e.id) }";
    BAD_ROUTE = "E0111", Error, "a path that is not one",
        explanation: "The path of a route begins with `/`; between the slashes stand letters, digits, `-`, `_`, `.` or one parameter in braces.",
        example: "GET \"orders//{order}\" -> OrderPage",
        fix: "GET \"/orders/{order}\" -> OrderPage";
    NOT_AVAILABLE = "E0190", Error, "not available yet",
        explanation: "The language has a place for this, and this compiler cannot do it yet. It is refused rather than skipped.",
        example: "scenario \"an order is placed\" {}",
        fix: "// leave it out for now";
}
