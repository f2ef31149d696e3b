//! What an expression sees: the names around it, and what is known to hold where it stands.

use crate::ast;
use crate::diagnostic::{Diagnostic, names as codes};
use crate::draft::Draft;
use crate::model::{self, Expr, ExprKind, Id, Local, Name, Ty};
use crate::source::Span;
use crate::types::Place;

/// What `self` stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Itself {
    Nothing,
    Aggregate(Id<model::Aggregate>),
    Row(Id<model::View>),
}

/// What is visible from where an expression stands, beyond variables.
#[derive(Clone, Debug)]
pub(crate) struct Sight {
    /// What this is, in messages: "an effect", "a command".
    pub(crate) what: &'static str,
    pub(crate) itself: Itself,
    /// The aggregate does not exist yet: it has an id, and no state.
    pub(crate) new: bool,
    /// Fields of the aggregate's state, or columns of the row, go by their names alone.
    pub(crate) bare: bool,
    pub(crate) params: Vec<(Name, Ty)>,
    pub(crate) event: Option<Id<model::Event>>,
    /// Fields of the event go by their names alone.
    pub(crate) bare_payload: bool,
    pub(crate) alias: Option<Name>,
    pub(crate) caller: bool,
    pub(crate) now: bool,
    pub(crate) failure: bool,
    /// Rows of views of the same subdomain can be looked up.
    pub(crate) rows: bool,
    pub(crate) parts: Vec<(Name, Ty)>,
    /// The element of a `join` whose row was not found: its fields go by their names alone.
    pub(crate) element: Option<(Local, Ty)>,
}

impl Sight {
    pub(crate) fn new(what: &'static str) -> Self {
        Self {
            what,
            itself: Itself::Nothing,
            new: false,
            bare: false,
            params: Vec::new(),
            event: None,
            bare_payload: false,
            alias: None,
            caller: false,
            now: false,
            failure: false,
            rows: false,
            parts: Vec::new(),
            element: None,
        }
    }
}

/// Something that holds where it is known.
#[derive(Clone, Debug)]
pub(crate) enum Fact {
    /// The map has the key.
    Key { map: Box<Expr>, key: Box<Expr> },
    /// The caller has this identity.
    Identity(Id<model::Identity>),
    /// The optional parameter is given.
    Given(u32),
}

struct Variable {
    local: Local,
    ty: Ty,
}

/// One body (a command, an effect, a handler, a step …) while its expressions are resolved.
pub(crate) struct Body<'d, 'a> {
    pub(crate) draft: &'d mut Draft<'a>,
    pub(crate) place: Place,
    pub(crate) sight: Sight,
    pub(crate) facts: Vec<Fact>,
    variables: Vec<Variable>,
    next: u32,
    /// Something here was reported, or could not be read: what is missing proves nothing.
    pub(crate) incomplete: bool,
}

impl<'d, 'a> Body<'d, 'a> {
    pub(crate) fn new(draft: &'d mut Draft<'a>, place: Place, sight: Sight) -> Self {
        Self { draft, place, sight, facts: Vec::new(), variables: Vec::new(), next: 0, incomplete: false }
    }

    pub(crate) fn report(&mut self, diagnostic: Diagnostic) {
        self.incomplete = true;
        self.draft.report(diagnostic);
    }

    pub(crate) fn report_hint(&mut self, diagnostic: Diagnostic, hint: Option<String>) {
        self.incomplete = true;
        self.draft.report_hint(diagnostic, hint);
    }

    pub(crate) fn poison(&mut self, span: Span) -> Expr {
        self.incomplete = true;
        Expr { kind: ExprKind::Poison, ty: Ty::Poison, span }
    }

    /// A new variable, visible until [`Body::leave`]; reports where it hides another.
    pub(crate) fn declare(&mut self, ident: &'a ast::Ident, ty: Ty) -> Local {
        let param = self.sight.params.iter().any(|(name, _)| *name == ident.as_str());
        let hides = param || self.variables.iter().any(|it| it.local.name == ident.as_str());
        if hides {
            let what = if param { "parameter" } else { "variable" };
            let message = format!("there is a {what} `{}` here already", ident.as_str());
            self.report(Diagnostic::new(&codes::DUPLICATE, ident.span, message).hint("give one of them another name"));
        }
        let name = self.draft.intern(ident.as_str());
        self.declare_name(name, if hides { Ty::Poison } else { ty })
    }

    /// A new variable that the spec does not name.
    pub(crate) fn declare_name(&mut self, name: Name, ty: Ty) -> Local {
        let local = Local { index: self.next, name };
        self.next += 1;
        self.variables.push(Variable { local: local.clone(), ty });
        local
    }

    /// A mark to [`Body::leave`] to.
    pub(crate) fn enter(&self) -> (usize, usize) {
        (self.variables.len(), self.facts.len())
    }

    /// Forgets the variables and facts since the mark.
    pub(crate) fn leave(&mut self, (variables, facts): (usize, usize)) {
        self.variables.truncate(variables);
        self.facts.truncate(facts);
    }

    /// The variable of this name.
    pub(crate) fn variable(&self, name: &str) -> Option<(Local, Ty)> {
        self.variables.iter().rev().find(|it| it.local.name == name).map(|it| (it.local.clone(), it.ty.clone()))
    }

    pub(crate) fn variable_names(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(|it| it.local.name.as_str())
    }

    /// Takes for granted that `condition` is `truth` from here on.
    pub(crate) fn assume(&mut self, condition: &Expr, truth: bool) {
        let facts = self.facts_when(condition, truth);
        self.facts.extend(facts);
    }

    /// The state has changed: what was known of it is not any more.
    pub(crate) fn forget_state(&mut self) {
        self.facts.retain(|fact| !matches!(fact, Fact::Key { .. }));
    }

    fn facts_when(&self, condition: &Expr, truth: bool) -> Vec<Fact> {
        match &condition.kind {
            ExprKind::Not(inner) => self.facts_when(inner, !truth),
            ExprKind::And(a, b) if truth => [self.facts_when(a, true), self.facts_when(b, true)].concat(),
            ExprKind::Or(a, b) if !truth => [self.facts_when(a, false), self.facts_when(b, false)].concat(),
            ExprKind::Or(a, b) | ExprKind::And(a, b) => {
                let other = self.facts_when(b, truth);
                self.facts_when(a, truth).into_iter().filter(|fact| other.iter().any(|it| it.same(fact))).collect()
            }
            ExprKind::Contains { collection, item } if truth && matches!(collection.ty, Ty::Map(..)) => {
                vec![Fact::Key { map: collection.clone(), key: item.clone() }]
            }
            ExprKind::HasRole(role) if truth => {
                let identities = &self.draft.model.identities;
                identities.ids().filter(|id| identities[*id].role == Some(*role)).map(Fact::Identity).collect()
            }
            // Equality with absent is false, so both sides of a true one are present.
            ExprKind::Compare(model::Comparison::Equal, a, b) if truth => {
                [a, b].into_iter().filter_map(|side| present(side)).collect()
            }
            _ => Vec::new(),
        }
    }

    pub(crate) fn knows_key(&self, map: &Expr, key: &Expr) -> bool {
        self.facts.iter().any(|fact| matches!(fact, Fact::Key { map: m, key: k } if m.same(map) && k.same(key)))
    }

    pub(crate) fn knows_identity(&self, id: Id<model::Identity>) -> bool {
        self.facts.iter().any(|fact| matches!(fact, Fact::Identity(it) if *it == id))
    }

    pub(crate) fn knows_given(&self, param: u32) -> bool {
        self.facts.iter().any(|fact| matches!(fact, Fact::Given(it) if *it == param))
    }
}

fn present(expr: &Expr) -> Option<Fact> {
    match &expr.kind {
        ExprKind::Caller(id) => Some(Fact::Identity(*id)),
        ExprKind::Convert(_, inner) => present(inner),
        _ => None,
    }
}

impl Fact {
    fn same(&self, other: &Fact) -> bool {
        match (self, other) {
            (Fact::Key { map: a, key: b }, Fact::Key { map: c, key: d }) => a.same(c) && b.same(d),
            (Fact::Identity(a), Fact::Identity(b)) => a == b,
            (Fact::Given(a), Fact::Given(b)) => a == b,
            _ => false,
        }
    }
}
