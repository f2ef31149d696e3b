//! Codes `E04xx`: proofs: isolation, coverage, lifecycle, access.

use super::codes;

codes! {
    ISOLATION = "E0400", Error, "reaching into another subdomain",
        explanation: "A subdomain sees of others only what is public: ids, commands, events, queries, and the values and enums that these name. State, views and ports stay at home. Whoever needs data follows events and keeps a view of its own.",
        example: "with card = customers.CustomerCard[customer] else Unknown",
        fix: "with name = Names[customer] else Unknown";
    CHANGES_NOTHING = "E0401", Error, "event that changes nothing",
        explanation: "Every event changes the state: it sets a field, has an effect, or enters a state. One that is there only for others says `changes nothing`; and one that says so has no effect.",
        example: "event Praised(text: text)",
        fix: "event Praised(text: text) changes nothing";
    NOT_COVERED = "E0402", Error, "event neither handled nor ignored",
        explanation: "A view that follows an aggregate handles each of its events, or ignores it on purpose, so that a new event is never overlooked.",
        example: "on Order.Placed as e { … }",
        fix: "on Order.Placed as e { … } ignore Order.*";
    DOES_NOTHING = "E0403", Error, "command that can do nothing",
        explanation: "A command that can neither emit nor refuse has no purpose.",
        example: "command Touch when placed { done }",
        fix: "command Touch when placed { emit Touched }";
    UNUSED_ERROR = "E0404", Error, "error that nothing raises",
        explanation: "No `require`, `with` or operation refuses with this error.",
        example: "error TooLate \"it is too late\"",
        fix: "require now <= deadline else TooLate";
    UNUSED_EVENT = "E0405", Error, "event that nothing emits",
        explanation: "No command and no timer emits this event.",
        example: "event Praised(text: text) changes nothing",
        fix: "command Praise(text: text) { emit Praised(text) }";
    UNREACHABLE_STATE = "E0406", Error, "state without a way in",
        explanation: "No event enters this state of the lifecycle.",
        example: "lifecycle status { placed -> lost }",
        fix: "event Lost enters lost";
    WHEN_MISSING = "E0407", Error, "command without its states",
        explanation: "Every command of an aggregate with a lifecycle says in which states it is accepted; elsewhere it is refused with `WrongState`.",
        example: "command Ship allow role(clerk) { emit Shipped }",
        fix: "command Ship when approved allow role(clerk) { emit Shipped }";
    WHEN_WITHOUT_STATE = "E0408", Error, "`when` without a state",
        explanation: "A `create` finds no aggregate, and so no state.",
        example: "create Place(items) when placed { … }",
        fix: "create Place(items) { … }";
    NOT_DRAWN = "E0409", Error, "transition that is not drawn",
        explanation: "An event enters a state from one from which the lifecycle draws no arrow.",
        example: "command Cancel when placed, approved { emit Cancelled }",
        fix: "command Cancel when approved { emit Cancelled }";
    OTHER_STATE = "E0410", Error, "field of another state",
        explanation: "A field that exists in one state only is read, carried or changed where the aggregate may be in another state.",
        example: "command Cancel when placed, approved { emit Cancelled(payment) }",
        fix: "command Cancel when approved { emit Cancelled(payment) }";
    UNASSIGNED = "E0411", Error, "field without a first value",
        explanation: "An event that creates, or that enters a state with fields of its own, gives each field a value. Optional fields begin absent, collections empty.",
        example: "event Registered(set name)",
        fix: "event Registered(set name, set email)";
    NOT_CREATED = "E0412", Error, "`create` that creates nothing",
        explanation: "Every way through a `create` that is not refused emits an event, the first of which creates the aggregate.",
        example: "create Place(items) { if items.size() > 3 { emit Placed(items) } }",
        fix: "create Place(items) { require items.size() > 3 else TooFew emit Placed(items) }";
    CREATED_TWICE = "E0413", Error, "creating event emitted again",
        explanation: "An event that creates assigns every field anew; only a `create` emits it.",
        example: "command Reset when placed { emit Placed(…) }",
        fix: "command Reset when placed { emit WasReset(…) }";
    NO_STATE = "E0414", Error, "state that is not there yet",
        explanation: "Before the first event of a `create` there is no state to carry a part of.",
        example: "event Placed(carry customer)",
        fix: "event Placed(set customer)";
    NO_INITIAL_STATE = "E0415", Error, "creating event that enters no state",
        explanation: "An aggregate with a lifecycle is always in one of its states, from its first event on.",
        example: "event Placed(set customer)",
        fix: "event Placed(set customer) enters placed";
    NEVER_RUN = "E0416", Error, "statement that is never reached",
        explanation: "Every way through the statements above ends the command.",
        example: "done emit Shipped",
        fix: "emit Shipped";
    HANDLED_TWICE = "E0417", Error, "event handled twice",
        explanation: "One handler of a view handles an event; a named one wins over `*`.",
        example: "on Order.Placed as e { … } on Order.Placed as p { … }",
        fix: "on Order.Placed as e { … }";
    UNIQUE = "E0418", Error, "field that cannot be unique",
        explanation: "Only single values can be unique among all aggregates of a kind.",
        example: "tags: list<text> unique",
        fix: "email: Email unique";
    NO_CREATE = "E0419", Error, "aggregate that nothing creates",
        explanation: "Without a `create` there is never such an aggregate, and none of its commands is ever accepted.",
        example: "aggregate Customer { command Rename(name) { emit Renamed(name) } }",
        fix: "aggregate Customer { create Register(name) { emit Registered(name) } }";
    NOT_ALLOWED = "E0420", Error, "exposed without `allow`",
        explanation: "The gateway exposes only what says who may reach it. Everything else belongs to sagas and policies.",
        example: "POST \"/orders/{id}/approve\" -> orders.Order.Approve",
        fix: "command Approve(payment) when placed allow role(clerk) { … }";
    NOTHING_EXPOSED = "E0421", Error, "nothing to expose",
        explanation: "No command and no query of the exposed subdomain has an `allow`.",
        example: "expose billing",
        fix: "command Pay(amount) allow role(clerk) { … }";
    ROUTE_COLLISION = "E0422", Error, "two things under one route",
        explanation: "Two commands, queries or compositions answer the same method and path.",
        example: "view A of Order(total) allow anyone view B of Order(lines) allow anyone",
        fix: "GET \"/order-lines/{id}\" -> orders.B.by_id";
    ROUTE_METHOD = "E0423", Error, "method that does not fit",
        explanation: "What only reads is asked with `GET`, what changes is sent with `POST`, `PUT`, `PATCH` or `DELETE`.",
        example: "GET \"/orders/{id}/ship\" -> orders.Order.Ship",
        fix: "POST \"/orders/{id}/ship\" -> orders.Order.Ship";
    NOT_AUTHENTICATED = "E0424", Error, "callers that nobody authenticates",
        explanation: "Something is exposed to callers with a role or an identity, and the gateway does not say how it knows who they are.",
        example: "gateway { expose orders }",
        fix: "gateway { authenticate jwt(issuer: env ISSUER, audience: \"shop\") expose orders }";
    FILTER = "E0425", Error, "filter that no database carries out",
        explanation: "The `where` of a query, of `update` and of `delete` is carried out by the database: it compares columns with values and with each other. What must be computed of a row first belongs into a column.",
        example: "where self.lines.size() > 3",
        fix: "where self.line_count > 3";
    UNDO_AFTER_PIVOT = "E0430", Error, "`undo` from the pivot on",
        explanation: "The pivot decides a saga: from there on it only goes forward, and nothing is undone.",
        example: "pivot charge { do Payments.charge(…) undo Payments.refund(…) }",
        fix: "pivot charge { do Payments.charge(…) }";
    NOT_YET = "E0490", Error, "not available yet",
        explanation: "The language knows this, and this version of the compiler cannot carry it out yet.",
        example: "aggregate Cargo id tracking: TrackingId { … }",
        fix: "aggregate Cargo { tracking: TrackingId unique }";
}
