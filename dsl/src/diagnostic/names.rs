//! Codes `E02xx`: names and references.

use super::codes;

codes! {
    UNKNOWN_NAME = "E0200", Error, "unknown name",
        explanation: "An expression names something that is not there: no variable, parameter, field or case of that name can be seen from where it stands. In a `create` there is no state yet, in rules of access the state is reached through `self`.",
        example: "command Restock(amount: Quantity) { emit Restocked(amount: amout) }",
        fix: "command Restock(amount: Quantity) { emit Restocked(amount) }";
    UNKNOWN_TYPE = "E0201", Error, "unknown type",
        explanation: "A type is named that neither the language nor `shared`, the subdomain or the aggregate declares. What another subdomain declares is named with its path.",
        example: "price: Mony",
        fix: "price: Money";
    UNKNOWN_MEMBER = "E0202", Error, "unknown field or member",
        explanation: "What stands before the dot has no such field, column or function; or `set`, `carry` or an effect names a field that the aggregate does not have.",
        example: "lines.sum(l => l.prize)",
        fix: "lines.sum(l => l.price)";
    UNKNOWN_DECLARATION = "E0203", Error, "unknown declaration",
        explanation: "An aggregate, command, event, error, view, query, operation or composition is named that is not declared. Within a subdomain it is named `Aggregate.Event`, from elsewhere `subdomain.Aggregate.Event`.",
        example: "policy Thank on Order.Aproved as e { … }",
        fix: "policy Thank on Order.Approved as e { … }";
    UNKNOWN_SUBDOMAIN = "E0204", Error, "unknown subdomain",
        explanation: "A path begins with a subdomain that no file declares.",
        example: "product: catalogue.Product.Id",
        fix: "product: catalog.Product.Id";
    UNKNOWN_STATE = "E0205", Error, "unknown state",
        explanation: "A state is named that the aggregate's lifecycle does not draw.",
        example: "command Ship when aproved { emit Shipped }",
        fix: "command Ship when approved { emit Shipped }";
    UNKNOWN_CALLER = "E0206", Error, "unknown role or identity",
        explanation: "A rule of access names a role or an identity that `caller` does not declare.",
        example: "allow role(clark)",
        fix: "allow role(clerk)";
    WRONG_KIND = "E0207", Error, "name of another kind",
        explanation: "The name is declared, but as something else than what can stand here: a view where an aggregate is wanted, an aggregate where a type is wanted, a `create` where a command to an existing aggregate is wanted.",
        example: "do Order[e.id].Place(items)",
        fix: "do Order.Place(items)";
    DUPLICATE = "E0210", Error, "declared twice",
        explanation: "Two declarations in one scope have the same name, so that nobody could tell which one is meant. The second one is left out of all further checks.",
        example: "event Placed(total: Money) event Placed(sum: Money)",
        fix: "event Placed(total: Money)";
    SECOND = "E0211", Error, "one too many",
        explanation: "There can be one of these only: a system, its callers, its gateway, the lifecycle of an aggregate, the pivot of a saga.",
        example: "system shop system store",
        fix: "system shop";
    NO_SYSTEM = "E0212", Error, "system without a name",
        explanation: "One of the files must begin with `system` and the name of the whole.",
        example: "subdomain orders { … }",
        fix: "system shop subdomain orders { … }";
    RESERVED = "E0213", Error, "reserved name",
        explanation: "Every aggregate has an `id`, and every event has `id`, `at` and `entered` in its envelope: no field can have these names.",
        example: "event Placed(id: text)",
        fix: "event Placed(reference: text)";
    TYPE_NEEDED = "E0214", Error, "parameter without a type",
        explanation: "A parameter without a type takes that of the field (or column) with the same name; there is none.",
        example: "command Reprice(cost) { … }",
        fix: "command Reprice(price) { … }";
    MISSING_ARGUMENT = "E0220", Error, "missing argument",
        explanation: "Everything that a record, command, event, error or row declares must be given, but for what `carry` copies and what is optional in a new row. A path must say which aggregate a command is sent to, a `with` how to refuse.",
        example: "emit Reserved(order)",
        fix: "emit Reserved(order, quantity)";
    UNKNOWN_ARGUMENT = "E0221", Error, "unknown argument",
        explanation: "An argument is given that the callee does not declare, or that is not given by hand: `carry` copies it, `[…]` has the key.",
        example: "emit Shipped(when: now)",
        fix: "emit Shipped";
    DOUBLE_ARGUMENT = "E0222", Error, "argument given twice",
        explanation: "The same argument is given twice.",
        example: "Line(price: a, price: b)",
        fix: "Line(price: a)";
    NAMELESS_ARGUMENT = "E0223", Error, "argument without a name",
        explanation: "Arguments go by name; a name alone stands for `name: name`; only a single argument of something with a single field may go without.",
        example: "emit Reserved(order, e.amount)",
        fix: "emit Reserved(order, quantity: e.amount)";
}
