//! Types.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::aggregate::{Aggregate, Event};
use super::arena::Id;
use super::name::{Docs, Name};
use super::system::Owner;
use super::view::View;
use crate::source::Span;

/// The type of a field, a parameter or an expression. Two types are the same when they compare equal.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Ty {
    /// A plain type without a rule.
    Base(Base),
    /// A plain type with a rule that was written where it is used: `text(1..=120)`, `decimal(12, 2)`, `int(0..)`.
    Refined(Arc<Refined>),
    /// A type declared with `type`: always a Rust type of its own, and never equal to its base.
    Named(Id<NamedType>),
    /// What arithmetic on a named decimal yields: a number of that kind whose rule was not checked (`Money + Money` before it is stored).
    /// Held as the named type's base. Named whole numbers compute as plain [`Base::Int`] and never get here.
    Loose(Id<NamedType>),
    /// The id of an aggregate, `orders.Order.Id`.
    Id(Id<Aggregate>),
    /// A `value`.
    Value(Id<Value>),
    /// An `enum`.
    Enum(Id<Enum>),
    /// The lifecycle state of an aggregate, without its fields: `Order.Status`.
    Status(Id<Aggregate>),
    /// A list, perhaps with a rule on its size and on distinct elements.
    List(Arc<Ty>, Option<Arc<CollectionRule>>),
    /// A set, perhaps with a rule on its size.
    Set(Arc<Ty>, Option<Arc<CollectionRule>>),
    /// A map from the first to the second, in the order of its keys.
    Map(Arc<Ty>, Arc<Ty>, Option<Arc<CollectionRule>>),
    /// Absent, or the type within. Never nested.
    Optional(Arc<Ty>),
    /// One row of a view.
    Row(Id<View>),
    /// What `join` yields: an element of the list, and the row that was found for it. Read through
    /// [`super::ExprKind::JoinElement`] and [`super::ExprKind::JoinRow`].
    Joined(Arc<Ty>, Id<View>),
    /// An event with its envelope, under its alias; only ever read part by part.
    Event(Id<Event>),
    /// The parts of a composition, as the gateway answers it.
    Composed(Id<super::gateway::Compose>),
    /// An error was reported here; agrees with everything. Never in a model without errors.
    Poison,
}

/// The plain types.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Base {
    /// `true` or `false`.
    Bool,
    /// A whole number of 64 bits, signed; arithmetic is checked.
    Int,
    /// An exact decimal of up to 28 digits; arithmetic is checked. `decimal(p, s)` is this with a [`Rule`].
    Decimal,
    /// Unicode text.
    Text,
    /// A moment, in UTC, to the microsecond.
    Timestamp,
    /// A length of time, to the microsecond.
    Duration,
    /// A calendar date without a zone.
    Date,
}

/// A plain type with a rule.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Refined {
    /// The plain type.
    pub base: Base,
    /// The rule that its values keep.
    pub rule: Rule,
}

/// What a value of a refined type keeps. Every part that is there must hold.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub struct Rule {
    /// For decimals: at most this many digits, and how many of them after the point.
    pub digits: Option<Digits>,
    /// For numbers: the smallest value.
    pub min: Option<Bound>,
    /// For numbers: the largest value.
    pub max: Option<Bound>,
    /// For text: how many characters (Unicode scalar values).
    pub length: Option<Size>,
    /// For text: a regular expression that must match the whole text.
    pub pattern: Option<Arc<str>>,
}

/// The precision and scale of `decimal(precision, scale)`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Digits {
    /// All digits; at most 18, so that a scaled 64-bit column holds them.
    pub precision: u8,
    /// Digits after the point.
    pub scale: u8,
}

/// An end of a range of numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Bound {
    /// The number at the end; whole for `int`.
    pub value: Decimal,
    /// Whether the end itself belongs to the range. Ranges of `int` always include their ends.
    pub inclusive: bool,
}

/// How long or how many: from `min` to `max`, both included.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Size {
    /// The smallest size.
    pub min: u64,
    /// The largest size, if there is one.
    pub max: Option<u64>,
}

/// What a collection keeps.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub struct CollectionRule {
    /// How many elements.
    pub size: Option<Size>,
    /// Lists: no two elements are equal ([`Distinct::Elements`]) or have the same field.
    pub distinct: Option<Distinct>,
}

/// What makes elements of a list distinct.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Distinct {
    /// No two elements are equal.
    Elements,
    /// No two elements, which are values, have the same value in the field at this index.
    Field(u32),
}

/// A type declared with `type Name = …`.
#[derive(Clone, Debug)]
pub struct NamedType {
    /// Its name.
    pub name: Name,
    /// Its docs.
    pub docs: Docs,
    /// Where its name stands.
    pub span: Span,
    /// Where it was declared.
    pub owner: Owner,
    /// The plain type it is made of.
    pub base: Base,
    /// The rule its values keep (may be empty).
    pub rule: Rule,
}

/// `value Name(fields)`: a record that is equal to another when all fields are.
#[derive(Clone, Debug)]
pub struct Value {
    /// Its name.
    pub name: Name,
    /// Its docs.
    pub docs: Docs,
    /// Where its name stands.
    pub span: Span,
    /// Where it was declared.
    pub owner: Owner,
    /// Its fields, in order.
    pub fields: Vec<Param>,
}

/// `enum Name { cases }`.
#[derive(Clone, Debug)]
pub struct Enum {
    /// Its name.
    pub name: Name,
    /// Its docs.
    pub docs: Docs,
    /// Where its name stands.
    pub span: Span,
    /// Where it was declared.
    pub owner: Owner,
    /// Its cases, in order.
    pub cases: Vec<Case>,
}

/// One case of an enum.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name, which is also what goes over the wire.
    pub name: Name,
    /// Its docs.
    pub docs: Docs,
    /// Where its name stands.
    pub span: Span,
}

/// A named, typed part in parentheses: a parameter, or a field of a value or an error.
#[derive(Clone, Debug)]
pub struct Param {
    /// Its name.
    pub name: Name,
    /// Its docs.
    pub docs: Docs,
    /// Where its name stands.
    pub span: Span,
    /// Its type; of a parameter that was named like a field, that field's.
    pub ty: Ty,
}

impl Ty {
    /// The type within, if this may be absent.
    pub fn as_optional(&self) -> Option<&Ty> {
        match self {
            Ty::Optional(inner) => Some(inner),
            _ => None,
        }
    }

    /// This type, or absent; never nested.
    pub fn optional(self) -> Ty {
        match self {
            Ty::Optional(_) | Ty::Poison => self,
            other => Ty::Optional(Arc::new(other)),
        }
    }

    /// The type of the elements of a list or a set, or of the values of a map.
    pub fn element(&self) -> Option<&Ty> {
        match self {
            Ty::List(element, _) | Ty::Set(element, _) | Ty::Map(_, element, _) => Some(element),
            _ => None,
        }
    }

    /// Whether this is a list, a set or a map.
    pub fn is_collection(&self) -> bool {
        matches!(self, Ty::List(..) | Ty::Set(..) | Ty::Map(..))
    }
}

impl Rule {
    /// Whether every value keeps it.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
