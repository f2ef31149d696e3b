//! Names and what is reached through them: `name`, `base.name`, `map[key]`, `View[key]`.

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
    /// A name alone.
    pub(crate) fn name(&mut self, ident: &'a ast::Ident, want: Option<&Ty>) -> Expr {
        if let Some(expr) = self.value_named(ident) {
            return expr;
        }
        if let Some(expr) = want.and_then(|ty| self.case_named(ident, ty)) {
            return expr;
        }
        self.unknown_name(ident, want)
    }

    /// Whether the name alone stands for something here.
    pub(crate) fn knows(&mut self, ident: &'a ast::Ident) -> bool {
        self.value_named(ident).is_some()
    }

    fn value_named(&mut self, ident: &'a ast::Ident) -> Option<Expr> {
        let (name, span) = (ident.as_str(), ident.span);
        if let Some((element, of_ty)) = self.sight.element.clone()
            && let Some((field, ty)) = self.member_of(&of_ty, name)
        {
            let of = Box::new(Expr { kind: ExprKind::Local(element), ty: of_ty, span });
            return Some(Expr { kind: ExprKind::Get { of, field }, ty, span });
        }
        if let Some((local, ty)) = self.variable(name) {
            return Some(Expr { kind: ExprKind::Local(local), ty, span });
        }
        if let Some(index) = self.sight.params.iter().position(|(param, _)| *param == name) {
            return Some(self.param(index as u32, span));
        }
        if self.sight.bare_payload
            && let Some(event) = self.sight.event
            && let Some(expr) = self.payload(event, name, span)
        {
            return Some(expr);
        }
        if self.sight.bare
            && let Some(expr) = self.of_self(name, span)
        {
            return Some(expr);
        }
        if let Some(index) = self.sight.parts.iter().position(|(part, _)| *part == name) {
            let ty = self.sight.parts[index].1.clone();
            return Some(Expr { kind: ExprKind::Part(index as u32), ty, span });
        }
        None
    }

    fn param(&self, index: u32, span: Span) -> Expr {
        let ty = self.sight.params[index as usize].1.clone();
        let param = Expr { kind: ExprKind::Param(index), ty, span };
        match param.ty.as_optional() {
            Some(inner) if self.knows_given(index) => {
                let ty = inner.clone();
                Expr { kind: ExprKind::Proven(Box::new(param)), ty, span }
            }
            _ => param,
        }
    }

    fn payload(&self, event: Id<model::Event>, name: &str, span: Span) -> Option<Expr> {
        let payload = &self.draft.model.events[event].payload;
        let index = payload.iter().position(|field| field.name == name)?;
        Some(Expr { kind: ExprKind::Payload(index as u32), ty: payload[index].ty.clone(), span })
    }

    /// A field, a computed member or the status of the aggregate; a column of the row.
    fn of_self(&self, name: &str, span: Span) -> Option<Expr> {
        let model = &self.draft.model;
        match self.sight.itself {
            Itself::Nothing => None,
            Itself::Aggregate(_) if self.sight.new => None,
            Itself::Aggregate(id) => {
                let aggregate = &model.aggregates[id];
                if let Some(index) = aggregate.fields.iter().position(|it| it.name == name) {
                    return Some(Expr {
                        kind: ExprKind::Field(index as u32),
                        ty: aggregate.fields[index].ty.clone(),
                        span,
                    });
                }
                if let Some(index) = aggregate.computed.iter().position(|it| it.name == name) {
                    return Some(Expr {
                        kind: ExprKind::Computed(index as u32),
                        ty: aggregate.computed[index].ty.clone(),
                        span,
                    });
                }
                let status = aggregate.lifecycle.as_ref().is_some_and(|it| it.name == name);
                status.then_some(Expr { kind: ExprKind::Status, ty: Ty::Status(id), span })
            }
            Itself::Row(id) => {
                let columns = &model.views[id].columns;
                let index = columns.iter().position(|it| it.name == name)?;
                Some(Expr { kind: ExprKind::Column(index as u32), ty: columns[index].ty.clone(), span })
            }
        }
    }

    /// A case of the enum, or a state of the lifecycle, that is wanted.
    fn case_named(&self, ident: &ast::Ident, want: &Ty) -> Option<Expr> {
        let (model, span) = (&self.draft.model, ident.span);
        match want.as_optional().unwrap_or(want) {
            ty @ Ty::Enum(id) => {
                let index = model.enums[*id].cases.iter().position(|it| it.name == ident.as_str())?;
                Some(Expr { kind: ExprKind::Case(*id, index as u32), ty: ty.clone(), span })
            }
            ty @ Ty::Status(id) => {
                let states = &model.aggregates[*id].lifecycle.as_ref()?.states;
                let index = states.iter().position(|it| it.name == ident.as_str())?;
                Some(Expr { kind: ExprKind::State(*id, index as u32), ty: ty.clone(), span })
            }
            _ => None,
        }
    }

    fn unknown_name(&mut self, ident: &'a ast::Ident, want: Option<&Ty>) -> Expr {
        let name = ident.as_str();
        if self.hidden(name) || self.meant_by_broken_param(name) {
            return self.poison(ident.span);
        }
        let alias = self.sight.alias.as_ref().is_some_and(|alias| alias == name);
        if alias || (name == "failure" && self.sight.failure) {
            let message = format!("`{name}` is not a value by itself");
            self.report(
                Diagnostic::new(&types::NOT_HERE, ident.span, message).hint(format!("read a part of it: `{name}.…`")),
            );
            return self.poison(ident.span);
        }
        let hint = self.name_hint(name, want);
        self.report_hint(
            Diagnostic::new(&codes::UNKNOWN_NAME, ident.span, format!("nothing is named `{name}` here")),
            hint,
        );
        self.poison(ident.span)
    }

    /// Whether a parameter that was reported is the one that is meant.
    fn meant_by_broken_param(&self, name: &str) -> bool {
        let broken = self.sight.params.iter().filter(|(_, ty)| *ty == Ty::Poison);
        crate::suggest::nearest(name, broken.map(|(param, _)| param.as_str())).is_some()
    }

    fn name_hint(&self, name: &str, want: Option<&Ty>) -> Option<String> {
        let model = &self.draft.model;
        if let (true, Itself::Aggregate(id)) = (self.sight.new, self.sight.itself)
            && model.aggregates[id].fields.iter().any(|it| it.name == name)
        {
            return Some("before a `create` there is no state: only its parameters can be read".to_owned());
        }
        let mut known: Vec<&str> = self.variable_names().collect();
        known.extend(self.sight.params.iter().chain(&self.sight.parts).map(|(name, _)| name.as_str()));
        if let (true, Some(event)) = (self.sight.bare_payload, self.sight.event) {
            known.extend(model.events[event].payload.iter().map(|it| it.name.as_str()));
        }
        if self.sight.bare {
            known.extend(self.self_names());
        } else if let Some(expr) = self.of_self(name, Span::new(crate::source::SourceId(0), 0, 0)) {
            let _ = expr;
            return Some(format!("write `self.{name}`"));
        }
        match want.map(|ty| ty.as_optional().unwrap_or(ty)) {
            Some(Ty::Enum(id)) => known.extend(model.enums[*id].cases.iter().map(|it| it.name.as_str())),
            Some(Ty::Status(id)) => known
                .extend(model.aggregates[*id].lifecycle.iter().flat_map(|it| &it.states).map(|it| it.name.as_str())),
            _ => {}
        }
        did_you_mean(name, known)
    }

    fn self_names(&self) -> Vec<&str> {
        let model = &self.draft.model;
        match self.sight.itself {
            Itself::Nothing => Vec::new(),
            Itself::Aggregate(id) => {
                let aggregate = &model.aggregates[id];
                let fields = aggregate.fields.iter().map(|it| it.name.as_str());
                fields
                    .chain(aggregate.computed.iter().map(|it| it.name.as_str()))
                    .chain(aggregate.lifecycle.iter().map(|it| it.name.as_str()))
                    .collect()
            }
            Itself::Row(id) => model.views[id].columns.iter().map(|it| it.name.as_str()).collect(),
        }
    }

    /// Whether something that could not be read may have had this name.
    fn hidden(&self, name: &str) -> bool {
        let named = |broken: &[ast::Broken]| crate::names::hides(broken, name);
        match self.sight.itself {
            Itself::Aggregate(id) => named(&self.draft.nodes.aggregates[id.index()].broken),
            Itself::Row(id) => {
                self.draft.incomplete_views[id.index()] || named(&self.draft.nodes.views[id.index()].broken)
            }
            Itself::Nothing => {
                self.place.aggregate.is_some_and(|id| named(&self.draft.nodes.aggregates[id.index()].broken))
            }
        }
    }

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

    fn member_of(&self, ty: &Ty, name: &str) -> Option<(u32, Ty)> {
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
        if let Ty::Row(view) = ty
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

    /// `map[key]`, `View[key]`.
    pub(crate) fn index(&mut self, base: &'a ast::Expr, key: &'a ast::Expr, span: Span) -> Expr {
        if let ast::ExprKind::Name(root) = &base.kind
            && root.is_capitalised()
            && !self.knows(root)
        {
            return self.row(root, key, span);
        }
        let map = self.expr(base, None);
        let (key_ty, value_ty) = match &map.ty {
            Ty::Map(key, value, _) => ((**key).clone(), (**value).clone()),
            Ty::Poison => {
                self.expr(key, Some(&Ty::Poison));
                return self.poison(span);
            }
            other => {
                let message = format!("`{}` has no entries to look up", self.draft.show(other));
                self.report(
                    Diagnostic::new(&types::BAD_OPERAND, map.span, message)
                        .hint("only maps and views are read with `[…]`"),
                );
                return self.poison(span);
            }
        };
        let key = self.expr_as(key, &key_ty);
        let proven = self.knows_key(&map, &key);
        Expr { kind: ExprKind::Index { map: Box::new(map), key: Box::new(key), proven }, ty: value_ty, span }
    }

    fn row(&mut self, root: &'a ast::Ident, key: &'a ast::Expr, span: Span) -> Expr {
        let Some(view) = self.draft.find_view(self.place, root) else {
            self.incomplete = true;
            return self.poison(span);
        };
        if !self.sight.rows {
            let message = format!("a view cannot be read in {}", self.sight.what);
            self.report(
                Diagnostic::new(&types::NOT_HERE, span, message)
                    .hint("a command reads it before it decides: `with row = View[key] else …`"),
            );
            return self.poison(span);
        }
        let key_ty = self.draft.model.views[view].columns.first().map_or(Ty::Poison, |it| it.ty.clone());
        let key = self.expr_as(key, &key_ty);
        Expr { kind: ExprKind::Row { view, key: Box::new(key) }, ty: Ty::Row(view).optional(), span }
    }
}

impl<'a> crate::draft::Draft<'a> {
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
