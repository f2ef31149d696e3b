//! Names alone, and what is looked up by a key: `name`, `map[key]`, `View[key]`.

use crate::ast;
use crate::diagnostic::{Diagnostic, names as codes, types};
use crate::model::{self, Expr, ExprKind, Id, Ty};
use crate::resolve::body::{Body, Itself};
use crate::source::Span;
use crate::suggest::did_you_mean;

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

    pub(super) fn payload(&self, event: Id<model::Event>, name: &str, span: Span) -> Option<Expr> {
        let payload = &self.draft.model.events[event].payload;
        let index = payload.iter().position(|field| field.name == name)?;
        Some(Expr { kind: ExprKind::Payload(index as u32), ty: payload[index].ty.clone(), span })
    }

    /// A field, a computed member or the status of the aggregate; a column of the row.
    pub(super) fn of_self(&self, name: &str, span: Span) -> Option<Expr> {
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
    pub(super) fn case_named(&self, ident: &ast::Ident, want: &Ty) -> Option<Expr> {
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
        let element_unknown = self.sight.element.as_ref().is_some_and(|(_, ty)| *ty == Ty::Poison);
        if self.hidden(name) || self.meant_by_broken_param(name) || element_unknown {
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

    pub(super) fn name_hint(&self, name: &str, want: Option<&Ty>) -> Option<String> {
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

    pub(super) fn self_names(&self) -> Vec<&str> {
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
    pub(super) fn hidden(&self, name: &str) -> bool {
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
