use super::{Arg, Expr, Ident, Path, Refusal, Text};
use crate::source::Span;

/// `{ … }`
#[derive(Debug, Clone)]
pub struct Block {
    /// In the order of the text.
    pub stmts: Vec<Stmt>,
    /// With its braces.
    pub span: Span,
}

impl Block {
    /// True where something in it could not be read.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.stmts.iter().any(|stmt| match &stmt.kind {
            StmtKind::Broken => true,
            StmtKind::If { then, otherwise, .. } => {
                then.is_broken() || otherwise.as_ref().is_some_and(Block::is_broken)
            }
            StmtKind::For { body, .. } => body.is_broken(),
            _ => false,
        })
    }
}

/// A statement.
#[derive(Debug, Clone)]
pub struct Stmt {
    /// What it is.
    pub kind: StmtKind,
    /// All of it.
    pub span: Span,
}

/// The kinds of statements. The parser lets each stand only where it belongs: decisions (`create`, `command`, `timer`) hold
/// `let`, `require`, `if`, `done`, `emit`; policies and `failed` hold `let`, `if`, `for`, `do`; effects (the body of an event) hold `if`, `for`,
/// assignments, `add`, `remove`; handlers of a view hold `if` and changes of rows.
#[derive(Debug, Clone)]
pub enum StmtKind {
    /// `let lines = …`
    Let {
        /// Its name.
        name: Ident,
        /// What it stands for.
        value: Expr,
    },
    /// `require condition else Error(…)`
    Require {
        /// What must hold.
        condition: Expr,
        /// How it refuses; the parser demands it.
        otherwise: Refusal,
    },
    /// `if condition { … } else { … }`, `if x as y { … }`; `else if` is a block of one `if`.
    If {
        /// The condition, or with `as` the optional value.
        condition: Expr,
        /// `as y`: the value, where it is present.
        alias: Option<Ident>,
        /// Where it holds.
        then: Block,
        /// Where it does not.
        otherwise: Option<Block>,
    },
    /// `done`: succeed, emit nothing more.
    Done,
    /// `emit Placed(…)`
    Emit {
        /// The event.
        event: Ident,
        /// Its fields.
        args: Vec<Arg>,
    },
    /// `do catalog.Product[line.product].Release(order: e.id)`
    Do(Do),
    /// `for line in e.lines { … }`
    For {
        /// One element.
        name: Ident,
        /// The elements.
        items: Expr,
        /// For each.
        body: Block,
    },
    /// `stock = stock + amount`
    Assign {
        /// The field.
        field: Ident,
        /// Its value after.
        value: Expr,
    },
    /// `holds[order] = amount`
    AssignEntry {
        /// The map.
        field: Ident,
        /// The key.
        key: Expr,
        /// Its value after.
        value: Expr,
    },
    /// `remove holds[order]`
    RemoveEntry {
        /// The map.
        field: Ident,
        /// The key.
        key: Expr,
    },
    /// `add x to s`
    Add {
        /// The element.
        value: Expr,
        /// The set or list.
        field: Ident,
    },
    /// `remove x from s`
    RemoveFrom {
        /// The element.
        value: Expr,
        /// The set or list.
        field: Ident,
    },
    /// `insert[e.id](title: e.title)`, `update(customer_name: e.name) where customer == e.id`
    Row {
        /// What is done.
        op: RowOp,
        /// `[key]`
        key: Option<Expr>,
        /// The columns that are written.
        values: Vec<Arg>,
        /// `where …`: which rows, where there is no key.
        condition: Option<Expr>,
    },
    /// Could not be read, or is not available yet; it was reported.
    Broken,
}

/// What a handler does to rows of its view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowOp {
    /// A new row.
    Insert,
    /// Rows that exist; those that do not are left alone.
    Update,
    /// A row, new or not.
    Upsert,
    /// No more row.
    Delete,
}

/// `do Payments.charge(…) as receipt`
#[derive(Debug, Clone)]
pub struct Do {
    /// What is sent or called.
    pub target: DoTarget,
    /// With what.
    pub args: Vec<Arg>,
    /// `as receipt`: its answer.
    pub alias: Option<Ident>,
    /// `else stuck "…"`
    pub otherwise: Option<OrElse>,
    /// All of it.
    pub span: Span,
}

/// What a `do` is addressed to.
#[derive(Debug, Clone)]
pub enum DoTarget {
    /// `customers.Customer[id].HoldCredit`
    Command {
        /// The aggregate.
        aggregate: Path,
        /// Which.
        key: Box<Expr>,
        /// Its command.
        command: Ident,
    },
    /// `Payments.charge` (a port's operation) or `Order.Place` (a `create`).
    Path(Path),
}

/// What happens instead, where a `do` cannot be carried out.
#[derive(Debug, Clone)]
pub enum OrElse {
    /// `else stuck "reason"`
    Stuck(Text),
}
