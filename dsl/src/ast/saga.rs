use super::{Block, Broken, Do, Doc, Expr, Ident, Trigger};
use crate::source::Span;

/// `saga Fulfilment on Order.Placed as placing { … }`
#[derive(Debug, Clone)]
pub struct Saga {
    /// What it sees to.
    pub doc: Option<Doc>,
    /// Its name, capitalised.
    pub name: Ident,
    /// What starts it.
    pub trigger: Trigger,
    /// In the order in which they run.
    pub steps: Vec<Step>,
    /// `failed { … }`: after every undo; at most one.
    pub failed: Vec<Block>,
    /// What could not be read.
    pub broken: Vec<Broken>,
    /// All of it.
    pub span: Span,
}

/// `step stock for line in placing.lines { do … undo … retry … }`
#[derive(Debug, Clone)]
pub struct Step {
    /// What it sees to.
    pub doc: Option<Doc>,
    /// Whether there is a way back.
    pub kind: StepKind,
    /// Its name, in lower case.
    pub name: Ident,
    /// One branch an element, side by side.
    pub each: Option<Each>,
    /// What it does.
    pub action: Do,
    /// How that is undone.
    pub undo: Option<Undo>,
    /// `retry 5 times from 200 ms to 10 s`
    pub retry: Option<Retry>,
    /// `timeout 30 s`
    pub timeout: Option<Expr>,
    /// All of it.
    pub span: Span,
}

/// Whether there is a way back from a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepKind {
    /// `step`
    Step,
    /// `pivot`: after it the saga only goes forward.
    Pivot,
}

/// `for line in placing.lines`
#[derive(Debug, Clone)]
pub struct Each {
    /// One element.
    pub name: Ident,
    /// The elements.
    pub items: Expr,
    /// All of it.
    pub span: Span,
}

/// How a step is undone.
#[derive(Debug, Clone)]
pub enum Undo {
    /// `undo catalog.Product[line.product].Release(order: placing.id)`
    Do(Do),
    /// `undo nothing`
    Nothing(Span),
}

/// `retry 5 times from 200 ms to 10 s`
#[derive(Debug, Clone)]
pub struct Retry {
    /// How often; a whole number.
    pub times: Expr,
    /// The first pause.
    pub from: Option<Expr>,
    /// The longest pause.
    pub to: Option<Expr>,
    /// All of it.
    pub span: Span,
}
