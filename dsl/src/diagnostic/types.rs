//! Codes `E03xx`: types and expressions.

use super::codes;

codes! {
    MISMATCH = "E0300", Error, "type mismatch",
        explanation: "An expression has another type than is wanted where it stands, and none converts into the other. Plain and refined types of the same kind convert, whole numbers become decimals, a value becomes an optional one; two named types never stand for each other.",
        example: "emit Repriced(price: title)",
        fix: "emit Repriced(price)";
    NAMED_ARITHMETIC = "E0301", Error, "named types do not mix",
        explanation: "A named decimal computes with plain numbers and with its own kind: `Money + Money` and `Money * 3` are Money, `Money * Money` has no meaning, and neither has `Money + Weight`.",
        example: "let square = price * price",
        fix: "let double = price * 2";
    BAD_OPERAND = "E0302", Error, "operand that cannot be computed with",
        explanation: "An operator, a function or an effect is used on something of a kind that it does not know: `+` on texts, `sum` of values, `[…]` on a list.",
        example: "let label = title + \"!\"",
        fix: "let label = \"{title}!\"";
    MAY_BE_ABSENT = "E0303", Error, "absence not dealt with",
        explanation: "An optional value is used where one must be there, or `?.`, `??` or `absent` stands where nothing is ever absent.",
        example: "let longer = nickname.size()",
        fix: "let longer = (nickname ?? \"\").size()";
    LITERAL = "E0304", Error, "literal that breaks a rule",
        explanation: "A literal takes the type that it is compared with or given to, and must keep its rule.",
        example: "emit Restocked(amount: 0)",
        fix: "emit Restocked(amount: 1)";
    BAD_REFINEMENT = "E0305", Error, "rule that a type cannot have",
        explanation: "The parentheses after a type, `matches` and `distinct` narrow it: numbers to a range, texts to a length and a pattern, collections to a size, decimals to digits.",
        example: "type Money = decimal(40, 2)",
        fix: "type Money = decimal(18, 2)";
    NOT_COMPARABLE = "E0306", Error, "things that cannot be compared",
        explanation: "Two things can be compared when they are of the same kind; `<` and its like need an order, which ids, values and collections do not have.",
        example: "require customer < product else Wrong",
        fix: "require quantity < limit else Wrong";
    NOT_HERE = "E0307", Error, "expression out of place",
        explanation: "Some expressions have a meaning only in some places: `now` and `caller` in commands, rows of views in handlers and `with`, `if given` in the `where` of a query, functions as the argument of `map`, `sum` and their like. `allow` of a `create` reads no `self`: what is created has neither state nor id when it is decided who may.",
        example: "event Placed(total: Money) { placed_at = now }",
        fix: "event Placed(total: Money, set placed_at)";
    IF_GIVEN = "E0308", Error, "optional parameter in a filter",
        explanation: "A filter on a parameter that may be absent must say what happens then: `(condition if given)` holds where it is absent.",
        example: "where self.status == status",
        fix: "where (self.status == status if given)";
    RECURSIVE = "E0309", Error, "circular definition",
        explanation: "A value holds itself, or a `let` is computed of itself: such a thing has no end.",
        example: "value Node(next: Node?)",
        fix: "value Node(next: Tree.Id?)";
}
