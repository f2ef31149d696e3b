//! The syntax tree: what was written, with places, before any name is resolved.
//!
//! One noun, one file. Nodes are plain data. Lists keep the order of the text *within one kind*; the order across kinds
//! can be had from the spans. What could not be read is still there: as a [`Broken`] in the `broken` list of what holds it
//! (its name stays a declaration, so that its users are not reported too), as [`StmtKind::Broken`] in a block, or as
//! [`ExprKind::Broken`] in an expression. Each of them was reported once; later passes treat them as poisoned.

mod aggregate;
mod broken;
mod caller;
mod command;
mod event;
mod expr;
mod file;
mod gateway;
mod ident;
mod policy;
mod port;
mod saga;
mod stmt;
mod subdomain;
mod text;
mod types;
mod view;

pub use aggregate::{Aggregate, AggregateId, Let, Lifecycle, State, Timer, TimerStart, Transition};
pub use broken::{Broken, Noun};
pub use caller::{Caller, Identity, Roles};
pub use command::{Allow, AllowRule, Command, CommandKind, Param, Refusal, When, With};
pub use event::{ErrorDecl, Event, EventField, EventFieldKind};
pub use expr::{Arg, BinaryOp, Expr, ExprKind, Literal, TimeUnit, UnaryOp};
pub use file::{Comment, File, Shared, System};
pub use gateway::{Authenticate, Compose, Expose, Gateway, Part, Route, RoutePath, RouteSegment};
pub use ident::{Doc, Ident, Path};
pub use policy::{EventPattern, Policy, Trigger};
pub use port::{Operation, Port};
pub use saga::{Each, Retry, Saga, Step, StepKind, Undo};
pub use stmt::{Block, Do, DoTarget, OrElse, RowOp, Stmt, StmtKind};
pub use subdomain::Subdomain;
pub use text::{Text, TextPart};
pub use types::{EnumDecl, Field, Refinement, Type, TypeBase, TypeDecl, ValueDecl, Variant};
pub use view::{Column, Handler, Ignore, Order, Query, QueryResult, View, ViewSource};
