//! What is reached with a dot: fields, columns, parts of an event, of the caller, of `self`; cases by their path.

use crate::ast;
use crate::diagnostic::{Diagnostic, checks, names as codes, types};
use crate::model::{self, Base, Expr, ExprKind, Id, Ty, TypeRef};
use crate::names::Symbol;
use crate::resolve::body::{Body, Itself};
use crate::source::Span;
use crate::suggest::did_you_mean;

/// Parts of the envelope, under an event's alias.
const ENVELOPE: [&str; 3] = ["id", "at", "entered"];

impl<'a> Body<'_, 'a> {
    /// `base.name`, `base?.name`.
    pub(crate) fn field(
        &mut self,
        base: &'a ast::Expr,
        ident: &'a ast::Ident,
        optional: bool,
        span: Span,
        want: Option<&Ty>,
    ) -> Expr {
        let _ = want;
        match &base.kind {
            ast::ExprKind::Caller => return self.identity(ident, span),
            ast::ExprKind::SelfRef => return self.self_member(ident, span),
            ast::ExprKind::Name(root) if !self.knows(root) => {
                if self.sight.alias.as_ref().is_some_and(|alias| alias == root.as_str()) {
                    return self.event_member(root, ident, span);
                }
                if self.sight.failure && root.as_str() == "failure" {
                    return self.failure_member(ident, span);
                }
                if root.is_capitalised() {
                    return self.case_of(&[root], ident, span);
                }
                if self.draft.names.subdomains.contains_key(root.as_str()) {
                    let message = format!("`{}.{}` is not a value", root.as_str(), ident.as_str());
                    self.report(
                        Diagnostic::new(&checks::ISOLATION, span, message)
                            .hint("no subdomain reads what another holds: follow its events with a view"),
                    );
                    return self.poison(span);
                }
            }
            ast::ExprKind::Field { base: root, name: middle, optional: false } => {
                let mut path = vec![middle];
                let mut inner = &root.kind;
                while let ast::ExprKind::Field { base, name, optional: false } = inner {
                    path.push(name);
                    inner = &base.kind;
                }
                if let ast::ExprKind::Name(first) = inner
                    && !self.knows(first)
                    && self.sight.alias.as_ref().is_none_or(|alias| alias != first.as_str())
                    && (first.is_capitalised() || self.draft.names.subdomains.contains_key(first.as_str()))
                {
                    path.push(first);
                    path.reverse();
                    return self.case_of(&path, ident, span);
                }
            }
            _ => {}
        }
        let base = self.expr(base, None);
        self.get(base, ident, optional, span)
    }

    /// `Colour.red`, `Order.Status.placed`, `orders.Order.Status.placed`.
    fn case_of(&mut self, path: &[&'a ast::Ident], ident: &'a ast::Ident, span: Span) -> Expr {
        let first = path[0];
        if let [subdomain, aggregate] = path
            && let Some(id) = self.draft.names.subdomains.get(subdomain.as_str())
            && let Some(Symbol::Aggregate(_) | Symbol::View(_)) =
                self.draft.names.members[id.index()].get(aggregate.as_str())
        {
            let message = format!("`{}.{}.{}` is not a value", subdomain.as_str(), aggregate.as_str(), ident.as_str());
            self.report(
                Diagnostic::new(&checks::ISOLATION, span, message)
                    .hint("no subdomain reads what another holds: follow its events with a view"),
            );
            return self.poison(span);
        }
        let owned = ast::Path {
            segments: path.iter().map(|it| (*it).clone()).collect(),
            span: first.span.to(path[path.len() - 1].span),
        };
        let ty = self.draft.case_ty(self.place, &owned);
        match ty {
            Ty::Enum(_) | Ty::Status(_) => match self.case_named(ident, &ty) {
                Some(expr) => Expr { span, ..expr },
                None => {
                    let hint = self.name_hint(ident.as_str(), Some(&ty));
                    let message = format!("`{}` has no case `{}`", owned.text(), ident.as_str());
                    self.report_hint(Diagnostic::new(&codes::UNKNOWN_MEMBER, ident.span, message), hint);
                    self.poison(span)
                }
            },
            Ty::Poison => self.poison(span),
            other => {
                let message = format!("`{}` has no cases", self.draft.show(&other));
                self.report(Diagnostic::new(&codes::WRONG_KIND, owned.span, message));
                self.poison(span)
            }
        }
    }

    fn identity(&mut self, ident: &'a ast::Ident, span: Span) -> Expr {
        if !self.sight.caller {
            let message = format!("the caller is not known in {}", self.sight.what);
            self.report(
                Diagnostic::new(&types::NOT_HERE, span, message)
                    .hint("read it in a command, and let the event carry it"),
            );
            return self.poison(span);
        }
        let identities = &self.draft.model.identities;
        let Some(id) = identities.ids().find(|id| identities[*id].name == ident.as_str()) else {
            if self.draft.caller_broken {
                return self.poison(span);
            }
            let hint = did_you_mean(ident.as_str(), identities.iter().map(|it| it.name.as_str()));
            let message = format!("a caller has no identity `{}`", ident.as_str());
            self.report_hint(Diagnostic::new(&codes::UNKNOWN_CALLER, ident.span, message), hint);
            return self.poison(span);
        };
        let ty = identities[id].ty.clone();
        let caller = Expr { kind: ExprKind::Caller(id), ty: ty.clone().optional(), span };
        if self.knows_identity(id) { Expr { kind: ExprKind::Proven(Box::new(caller)), ty, span } } else { caller }
    }

    fn self_member(&mut self, ident: &'a ast::Ident, span: Span) -> Expr {
        let name = ident.as_str();
        if self.sight.itself == Itself::Nothing {
            let message = format!("there is no `self` in {}", self.sight.what);
            self.report(Diagnostic::new(&types::NOT_HERE, span, message));
            return self.poison(span);
        }
        if let (Itself::Aggregate(id), "id") = (self.sight.itself, name) {
            return Expr { kind: ExprKind::SelfId, ty: Ty::Id(id), span };
        }
        if let Some(expr) = self.of_self(name, span) {
            return expr;
        }
        if self.sight.new {
            let message = format!("there is no state yet in {}", self.sight.what);
            self.report(
                Diagnostic::new(&types::NOT_HERE, span, message).hint("only `self.id` is there before the first event"),
            );
            return self.poison(span);
        }
        if self.hidden(name) {
            return self.poison(span);
        }
        let hint = did_you_mean(name, self.self_names());
        let of = match self.sight.itself {
            Itself::Aggregate(id) => format!("`{}`", self.draft.model.aggregates[id].name),
            Itself::Row(id) => format!("a row of `{}`", self.draft.model.views[id].name),
            Itself::Nothing => String::new(),
        };
        self.report_hint(Diagnostic::new(&codes::UNKNOWN_MEMBER, ident.span, format!("{of} has no `{name}`")), hint);
        self.poison(span)
    }

    fn event_member(&mut self, root: &ast::Ident, ident: &'a ast::Ident, span: Span) -> Expr {
        let Some(event) = self.sight.event else { return self.poison(span) };
        let name = ident.as_str();
        let aggregate = self.draft.model.events[event].aggregate;
        match name {
            "id" => return Expr { kind: ExprKind::EventStream, ty: Ty::Id(aggregate), span },
            "at" => return Expr { kind: ExprKind::EventAt, ty: Ty::Base(Base::Timestamp), span },
            "entered" => {
                if self.draft.model.aggregates[aggregate].lifecycle.is_some() {
                    return Expr { kind: ExprKind::EventEntered, ty: Ty::Status(aggregate), span };
                }
                let message = format!(
                    "`{}` has no lifecycle, so its events enter no state",
                    self.draft.model.aggregates[aggregate].name
                );
                if self.draft.nodes.aggregates[aggregate.index()].broken.is_empty() {
                    self.report(Diagnostic::new(&codes::UNKNOWN_MEMBER, ident.span, message));
                }
                return self.poison(span);
            }
            _ => {}
        }
        if let Some(expr) = self.payload(event, name, span) {
            return expr;
        }
        if self.draft.incomplete_events.contains(&event) {
            return self.poison(span);
        }
        let payload = &self.draft.model.events[event].payload;
        let hint = did_you_mean(name, payload.iter().map(|it| it.name.as_str()).chain(ENVELOPE));
        let (of, declared) = (&self.draft.model.events[event].name, self.draft.model.events[event].span);
        let message = format!("the event `{of}`, here `{}`, carries no `{name}`", root.as_str());
        self.report_hint(
            Diagnostic::new(&codes::UNKNOWN_MEMBER, ident.span, message).label(declared, "declared here"),
            hint,
        );
        self.poison(span)
    }

    fn failure_member(&mut self, ident: &'a ast::Ident, span: Span) -> Expr {
        if ident.as_str() == "message" {
            return Expr { kind: ExprKind::FailureMessage, ty: Ty::Base(Base::Text), span };
        }
        let message = format!("a failure has no `{}`", ident.as_str());
        self.report(Diagnostic::new(&codes::UNKNOWN_MEMBER, ident.span, message).hint("it has `message`"));
        self.poison(span)
    }

    /// A field of a value that was computed.
    pub(crate) fn get(&mut self, of: Expr, ident: &'a ast::Ident, optional: bool, span: Span) -> Expr {
        let (ty, absent) = match &of.ty {
            Ty::Poison => return self.poison(span),
            Ty::Optional(inner) => ((**inner).clone(), true),
            ty => (ty.clone(), false),
        };
        if absent && !optional {
            let message = "this may be absent, so its fields cannot be read";
            self.report(
                Diagnostic::new(&types::MAY_BE_ABSENT, of.span, message)
                    .hint("write `?.` instead of `.`, or look first with `if … as x { … }`"),
            );
            return self.poison(span);
        }
        if optional && !absent {
            let message = "this is never absent";
            self.report(Diagnostic::new(&types::MAY_BE_ABSENT, of.span, message).hint("write `.` instead of `?.`"));
            return self.poison(span);
        }
        if let Ty::Joined(element, view) = &ty {
            return self.get_joined(of, (**element).clone(), *view, ident, span);
        }
        let Some(field) = self.member_of(&ty, ident.as_str()) else { return self.no_member(&of, &ty, ident, span) };
        let (field, field_ty) = field;
        let of = Box::new(of);
        if absent {
            return Expr { kind: ExprKind::GetIfPresent { of, field }, ty: field_ty.optional(), span };
        }
        Expr { kind: ExprKind::Get { of, field }, ty: field_ty, span }
    }

    pub(super) fn member_of(&self, ty: &Ty, name: &str) -> Option<(u32, Ty)> {
        let model = &self.draft.model;
        match ty {
            Ty::Value(id) => (0u32..)
                .zip(&model.values[*id].fields)
                .find(|(_, it)| it.name == name)
                .map(|(index, it)| (index, it.ty.clone())),
            Ty::Row(id) => (0u32..)
                .zip(&model.views[*id].columns)
                .find(|(_, it)| it.name == name)
                .map(|(index, it)| (index, it.ty.clone())),
            _ => None,
        }
    }

    fn members(&self, ty: &Ty) -> Vec<&str> {
        let model = &self.draft.model;
        match ty {
            Ty::Value(id) => model.values[*id].fields.iter().map(|it| it.name.as_str()).collect(),
            Ty::Row(id) => model.views[*id].columns.iter().map(|it| it.name.as_str()).collect(),
            Ty::Joined(element, view) => {
                let mut names = self.members(element);
                names.extend(model.views[*view].columns.iter().map(|it| it.name.as_str()));
                names
            }
            _ => Vec::new(),
        }
    }

    /// A field of the element, else a column of the row.
    fn get_joined(&mut self, of: Expr, element: Ty, view: Id<model::View>, ident: &'a ast::Ident, span: Span) -> Expr {
        let at = of.span;
        let row = Ty::Row(view);
        if let Some((field, ty)) = self.member_of(&element, ident.as_str()) {
            let of = Box::new(Expr { kind: ExprKind::JoinElement(Box::new(of)), ty: element, span: at });
            return Expr { kind: ExprKind::Get { of, field }, ty, span };
        }
        if let Some((field, ty)) = self.member_of(&row, ident.as_str()) {
            let of = Box::new(Expr { kind: ExprKind::JoinRow(Box::new(of)), ty: row, span: at });
            return Expr { kind: ExprKind::Get { of, field }, ty, span };
        }
        let ty = of.ty.clone();
        self.no_member(&of, &ty, ident, span)
    }

    fn no_member(&mut self, of: &Expr, ty: &Ty, ident: &'a ast::Ident, span: Span) -> Expr {
        let known = self.members(ty);
        if known.is_empty() {
            let message = format!("`{}` has no fields", self.draft.show(ty));
            let diagnostic = Diagnostic::new(&codes::UNKNOWN_MEMBER, ident.span, message);
            let hint =
                ty.is_collection().then(|| "go through its elements with `.map(x => …)`, `.sum(x => …)`".to_owned());
            self.report_hint(diagnostic.label(of.span, format!("this is `{}`", self.draft.show(ty))), hint);
            return self.poison(span);
        }
        if let Ty::Row(view) | Ty::Joined(_, view) = ty
            && self.draft.incomplete_views[view.index()]
        {
            return self.poison(span);
        }
        let hint = did_you_mean(ident.as_str(), known.iter().copied()).or_else(|| {
            Some(format!("it has {}", known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")))
        });
        let message = format!("`{}` has no `{}`", self.draft.show(ty), ident.as_str());
        self.report_hint(Diagnostic::new(&codes::UNKNOWN_MEMBER, ident.span, message), hint);
        self.poison(span)
    }
}

impl crate::draft::Draft<'_> {
    /// An enum or status by its path, in an expression.
    fn case_ty(&mut self, place: crate::types::Place, path: &ast::Path) -> Ty {
        let segments = &path.segments;
        let in_reach = match segments.as_slice() {
            [name] => place
                .subdomain
                .and_then(|id| self.names.members[id.index()].get(name.as_str()))
                .or_else(|| self.names.shared.get(name.as_str())),
            _ => None,
        };
        if let Some(symbol) = in_reach {
            return match symbol {
                Symbol::Type(TypeRef::Enum(id)) => Ty::Enum(id),
                Symbol::Broken => Ty::Poison,
                other => {
                    let message = format!("`{}` is {}, not a value", path.text(), other.kind());
                    self.report(Diagnostic::new(&codes::WRONG_KIND, path.span, message));
                    Ty::Poison
                }
            };
        }
        self.declared_ty(place, path)
    }
}
