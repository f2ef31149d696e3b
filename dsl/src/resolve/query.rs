//! Queries of views.

use std::sync::Arc;

use crate::ast;
use crate::diagnostic::{Diagnostic, names as codes, types};
use crate::draft::Draft;
use crate::model::{self, Base, Comparison, Expr, ExprKind, Id, Name, Owner, Param, QueryKind, Ty};
use crate::resolve::body::{Body, Fact, Itself, Sight};
use crate::suggest::did_you_mean;

impl<'a> Draft<'a> {
    pub(crate) fn resolve_query_headers(&mut self) {
        for id in self.model.queries.ids() {
            let view = self.model.queries[id].view;
            let Some(key) = self.model.views[view].columns.first() else { continue };
            let (key_name, key_ty, span) = (key.name.clone(), key.ty.clone(), key.span);
            let params = match self.nodes.queries[id.index()] {
                Some(node) => {
                    let place = self.place(Owner::Subdomain(self.model.views[view].subdomain));
                    let known: Vec<(Name, Ty)> =
                        self.model.views[view].columns.iter().map(|it| (it.name.clone(), it.ty.clone())).collect();
                    let of = format!("`{}`", self.model.views[view].name);
                    if self.incomplete_views[view.index()] {
                        self.params_poisoned(place, &node.params, &known)
                    } else {
                        self.params(place, &node.params, &of, &known)
                    }
                }
                None if self.model.queries[id].kind == QueryKind::ByIds => {
                    vec![Param { name: Name::from("ids"), docs: None, span, ty: Ty::List(Arc::new(key_ty), None) }]
                }
                None => vec![Param { name: key_name, docs: None, span, ty: key_ty }],
            };
            self.model.queries[id].params = params;
        }
    }

    pub(crate) fn resolve_queries(&mut self) {
        for id in self.model.views.ids() {
            let node = self.nodes.views[id.index()];
            let place = self.place(Owner::Subdomain(self.model.views[id].subdomain));
            let mut sight = Sight::new("a query");
            (sight.itself, sight.caller) = (Itself::Row(id), true);
            let mut body = Body::new(self, place, sight);
            let allow = body.allow(node.allow.as_ref());
            self.model.views[id].allow = allow;
            for query in self.model.views[id].queries.clone() {
                self.resolve_query(id, query);
            }
        }
    }

    fn resolve_query(&mut self, view: Id<model::View>, id: Id<model::Query>) {
        let inherited = self.model.views[view].allow.clone();
        let params = self.model.queries[id].params.clone();
        let Some(node) = self.nodes.queries[id.index()] else {
            let filter = self.key_filter(view, id, &params);
            let query = &mut self.model.queries[id];
            (query.allow, query.filter) = (inherited, filter);
            return;
        };
        let place = self.place(Owner::Subdomain(self.model.views[view].subdomain));
        let mut sight = Sight::new("a query");
        (sight.itself, sight.caller) = (Itself::Row(view), true);
        sight.params = params.iter().map(|it| (it.name.clone(), it.ty.clone())).collect();
        let mut body = Body::new(self, place, sight);
        let allow = if node.allow.is_some() { body.allow(node.allow.as_ref()) } else { inherited };
        let filter = node.condition.as_ref().map(|condition| body.filter(condition));
        let mut order = Vec::with_capacity(node.order.len());
        for by in &node.order {
            let columns = &self.model.views[view].columns;
            match columns.iter().position(|it| it.name == by.column.as_str()) {
                Some(index) => order.push((index as u32, by.descending)),
                None if self.incomplete_views[view.index()] => {}
                None => {
                    let hint = did_you_mean(by.column.as_str(), columns.iter().map(|it| it.name.as_str()));
                    let message = format!("`{}` has no column `{}`", self.model.views[view].name, by.column.as_str());
                    self.report_hint(Diagnostic::new(&codes::UNKNOWN_MEMBER, by.column.span, message), hint);
                }
            }
        }
        self.refuse_order(view, node, &order);
        if self.model.queries[id].kind == QueryKind::ById {
            let single = params.len() == 1
                && node.result == ast::QueryResult::Row
                && self.model.views[view].columns.first().is_some_and(|key| key.ty == params[0].ty);
            self.model.queries[id].kind = if single { QueryKind::ById } else { QueryKind::Declared };
        }
        let query = &mut self.model.queries[id];
        (query.allow, query.filter, query.order) = (allow, filter, order);
    }

    fn refuse_order(&mut self, view: Id<model::View>, node: &'a ast::Query, order: &[(u32, bool)]) {
        for ((index, _), by) in order.iter().zip(&node.order) {
            let ty = &self.model.views[view].columns[*index as usize].ty;
            let inner = ty.as_optional().unwrap_or(ty);
            if inner.is_collection() || matches!(inner, Ty::Value(_)) {
                let message = format!("`{}` has no order", self.show(ty));
                self.report(
                    Diagnostic::new(&types::NOT_COMPARABLE, by.column.span, message)
                        .hint("order by a column of single values"),
                );
            }
        }
    }

    /// `self.key == id`, of a query that comes with its view.
    fn key_filter(&self, view: Id<model::View>, id: Id<model::Query>, params: &[Param]) -> Option<Expr> {
        let key = self.model.views[view].columns.first()?;
        let query = &self.model.queries[id];
        let span = query.span;
        let column = Expr { kind: ExprKind::Column(0), ty: key.ty.clone(), span };
        let param = Expr { kind: ExprKind::Param(0), ty: params.first()?.ty.clone(), span };
        let kind = match query.kind {
            QueryKind::ByIds => ExprKind::Contains { collection: Box::new(param), item: Box::new(column) },
            _ => ExprKind::Compare(Comparison::Equal, Box::new(column), Box::new(param)),
        };
        Some(Expr { kind, ty: Ty::Base(Base::Bool), span })
    }
}

impl<'a> Body<'_, 'a> {
    /// The `where` of a query: a condition in which `if given` may stand, between `and` and `or`.
    fn filter(&mut self, node: &'a ast::Expr) -> Expr {
        let expr = self.filter_part(node);
        self.refuse_ungiven(&expr);
        expr
    }

    fn filter_part(&mut self, node: &'a ast::Expr) -> Expr {
        let (boolean, span) = (Ty::Base(Base::Bool), node.span);
        match &node.kind {
            ast::ExprKind::IfGiven(inner) => {
                let params = self.optional_params_in(inner);
                let mut read = Vec::new();
                collect_names(inner, &mut read);
                let unsure =
                    self.sight.params.iter().any(|(name, ty)| *ty == Ty::Poison && read.iter().any(|it| *name == *it));
                if params.is_empty() && !unsure && !self.incomplete {
                    let message = "no parameter in this condition is optional";
                    self.report(
                        Diagnostic::new(&types::IF_GIVEN, span, message)
                            .hint("remove `if given`, or put a `?` after the parameter's type"),
                    );
                }
                let mark = self.enter();
                self.facts.extend(params.iter().map(|index| Fact::Given(*index)));
                let condition = self.condition(inner);
                self.leave(mark);
                Expr { kind: ExprKind::IfGiven { params, condition: Box::new(condition) }, ty: boolean, span }
            }
            ast::ExprKind::Binary { op: op @ (ast::BinaryOp::And | ast::BinaryOp::Or), left, right, .. } => {
                let (first, second) = (Box::new(self.filter_part(left)), Box::new(self.filter_part(right)));
                let kind =
                    if *op == ast::BinaryOp::And { ExprKind::And(first, second) } else { ExprKind::Or(first, second) };
                Expr { kind, ty: boolean, span }
            }
            _ => self.condition(node),
        }
    }

    /// The optional parameters that a condition reads.
    fn optional_params_in(&mut self, node: &'a ast::Expr) -> Vec<u32> {
        let mut names = Vec::new();
        collect_names(node, &mut names);
        let params = (0u32..).zip(&self.sight.params);
        params
            .filter(|(_, (name, ty))| matches!(ty, Ty::Optional(_)) && names.iter().any(|it| *name == *it))
            .map(|(index, _)| index)
            .collect()
    }

    /// An optional parameter that is compared outside of `if given`: absent, it would match nothing.
    fn refuse_ungiven(&mut self, expr: &Expr) {
        let mut found = None;
        find_ungiven(expr, &mut found);
        if let Some((index, span)) = found {
            let name = self.sight.params[index as usize].0.clone();
            let message = format!("`{name}` may be absent, and then this matches nothing");
            self.report(
                Diagnostic::new(&types::IF_GIVEN, span, message).hint("write `(… if given)` around the condition"),
            );
        }
    }
}

fn find_ungiven(expr: &Expr, found: &mut Option<(u32, crate::source::Span)>) {
    match &expr.kind {
        ExprKind::Proven(_) | ExprKind::Coalesce(..) => return,
        ExprKind::Param(index) if matches!(expr.ty, Ty::Optional(_)) => {
            found.get_or_insert((*index, expr.span));
        }
        _ => {}
    }
    expr.each_child(&mut |child| find_ungiven(child, found));
}

fn collect_names<'a>(node: &'a ast::Expr, names: &mut Vec<&'a str>) {
    match &node.kind {
        ast::ExprKind::Name(name) => names.push(name.as_str()),
        ast::ExprKind::Binary { left, right, .. } => {
            collect_names(left, names);
            collect_names(right, names);
        }
        ast::ExprKind::Unary { operand, .. } => collect_names(operand, names),
        ast::ExprKind::Field { base, .. } => collect_names(base, names),
        ast::ExprKind::Index { base, key } => {
            collect_names(base, names);
            collect_names(key, names);
        }
        ast::ExprKind::Call { callee, args } => {
            collect_names(callee, names);
            args.iter().for_each(|arg| collect_names(&arg.value, names));
        }
        ast::ExprKind::IfGiven(inner) => collect_names(inner, names),
        _ => {}
    }
}
