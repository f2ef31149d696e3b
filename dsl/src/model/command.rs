//! Commands: who may send them, when, what they read, what they decide.

use super::aggregate::{Aggregate, Error, Event};
use super::arena::{Cursor, Id};
use super::expr::{Expr, Local};
use super::name::{Docs, Name};
use super::ty::{Param, Ty};
use super::view::View;
use crate::source::Span;

/// `create Name(params) …` or `command Name(params) …`.
#[derive(Clone, Debug)]
pub struct Command {
    /// Its name.
    pub name: Name,
    /// Its docs.
    pub docs: Docs,
    /// Where its name stands.
    pub span: Span,
    /// The aggregate it is sent to.
    pub aggregate: Id<Aggregate>,
    /// Whether it begins an aggregate.
    pub creates: bool,
    /// Its parameters, in order.
    pub params: Vec<Param>,
    /// The lifecycle states (indices) in which it is accepted, in the order of the lifecycle: elsewhere `WrongState`. Absent where the aggregate has no
    /// lifecycle, and for what creates.
    pub when: Option<Vec<u32>>,
    /// Lifecycle states in which it succeeds and does nothing (`when placed else done when approved`).
    pub done_when: Vec<u32>,
    /// Who may send it.
    pub allow: Allow,
    /// What it reads before it decides, in order. Reads never see later ones.
    pub reads: Vec<Read>,
    /// What it decides.
    pub body: Vec<Statement>,
    /// Everything it may be refused with, beyond who is asking; each once, in the order of the enum, errors in theirs.
    pub refusals: Vec<Refusal>,
}

/// Who may do something.
#[derive(Clone, Debug)]
pub enum Allow {
    /// Only sagas and policies (commands); nobody from outside (queries).
    Internal,
    /// `allow anyone`: also without a token.
    Anyone,
    /// `allow rule`: callers for whom it holds. Reads the caller, parameters, and `self`: the aggregate's state
    /// (commands) or the row (queries; where it does, the row is hidden from others).
    Rule(Expr),
}

/// What a command reads before it decides, from views of its own subdomain.
#[derive(Clone, Debug)]
pub struct Read {
    /// The variable that holds what was read.
    pub local: Local,
    /// Its type: a row, or a list of joined pairs.
    pub ty: Ty,
    /// Where it stands.
    pub span: Span,
    /// What is read.
    pub kind: ReadKind,
    /// The refusal where nothing is found. In a join, its arguments may read `element`.
    pub otherwise: Raise,
}

/// What is read.
#[derive(Clone, Debug)]
pub enum ReadKind {
    /// `with x = View[key] else …`.
    Row {
        /// The view.
        view: Id<View>,
        /// The key of its row.
        key: Expr,
    },
    /// `with x = list join View on field else …`: each element with its row; refused at the first without one.
    Join {
        /// The list.
        list: Expr,
        /// The variable that stands for an element, in `key` and in the refusal's arguments.
        element: Local,
        /// The type of an element.
        element_ty: Ty,
        /// The view.
        view: Id<View>,
        /// The key of an element's row.
        key: Expr,
    },
}

/// A statement of a command or a timer.
#[derive(Clone, Debug)]
pub enum Statement {
    /// `let x = …`, and what `if x as y` names: `y` is a variable that begins the first block, the condition that `x` is present.
    Let {
        /// The variable.
        local: Local,
        /// Its value (with its type).
        value: Expr,
    },
    /// `require condition else Error(…)`.
    Require {
        /// The condition.
        condition: Expr,
        /// The refusal where it does not hold.
        otherwise: Raise,
    },
    /// `if condition { … } else { … }`.
    If {
        /// The condition.
        condition: Expr,
        /// What is done where it holds.
        then: Vec<Statement>,
        /// What is done else.
        otherwise: Vec<Statement>,
    },
    /// `done`: ends the command successfully; nothing more is emitted.
    Done,
    /// `emit Event(…)`: applied at once; later statements see the state after it.
    Emit(Emit),
}

/// `emit Event(…)`, completed.
#[derive(Clone, Debug)]
pub struct Emit {
    /// The event.
    pub event: Id<Event>,
    /// One expression for each field of its payload, in order; carried ones read the state as it stands before the event.
    pub payload: Vec<Expr>,
    /// Where it stands.
    pub span: Span,
}

/// A refusal with a declared error.
#[derive(Clone, Debug)]
pub struct Raise {
    /// The error.
    pub error: Id<Error>,
    /// One expression for each of its fields, in order.
    pub arguments: Vec<Expr>,
    /// Where it stands.
    pub span: Span,
}

/// A reason for which a command may be refused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Refusal {
    /// There is no such aggregate (all but `create`).
    NotFound,
    /// The lifecycle is in a state in which the command is not accepted.
    WrongState,
    /// A unique field (index) has a value that another aggregate has.
    NotUnique(u32),
    /// An error that the aggregate declares.
    Declared(Id<Error>),
    /// A result that its type cannot hold.
    Overflow,
    /// A division by zero.
    DivisionByZero,
    /// A value that breaks the rule of the type that it is stored in.
    Refinement,
    /// A key that is not in a map.
    NoKey,
}

impl<'m> Cursor<'m, Command> {
    /// The aggregate it is sent to.
    pub fn aggregate(self) -> Cursor<'m, Aggregate> {
        self.model().at(self.get().aggregate)
    }

    /// `orders.Order.Place`.
    pub fn path(self) -> String {
        format!("{}.{}", self.aggregate().path(), self.name)
    }

    /// The declared errors it may be refused with, in the order of their declaration.
    pub fn errors(self) -> impl Iterator<Item = Cursor<'m, Error>> {
        let model = self.model();
        self.get().refusals.iter().filter_map(move |refusal| match refusal {
            Refusal::Declared(error) => Some(model.at(*error)),
            _ => None,
        })
    }
}

impl Allow {
    /// The rule, where there is one.
    pub fn rule(&self) -> Option<&Expr> {
        match self {
            Allow::Rule(rule) => Some(rule),
            _ => None,
        }
    }

    /// Whether nobody may from outside.
    pub fn is_internal(&self) -> bool {
        matches!(self, Allow::Internal)
    }
}
