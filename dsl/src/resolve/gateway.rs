//! The gateway: authentication, exposure, compositions. Routes are in `route.rs`.

use crate::ast;
use crate::diagnostic::{Diagnostic, checks, names as codes, types};
use crate::draft::{Draft, docs};
use crate::model::{self, Expr, ExprKind, Id, Jwt, Name, Part, Setting, Ty};
use crate::resolve::body::{Body, Sight};
use crate::suggest::did_you_mean;
use crate::types::Place;

impl<'a> Draft<'a> {
    pub(crate) fn resolve_gateway(&mut self, files: &'a [ast::File]) {
        let mut gateways = files.iter().flat_map(|file| &file.gateways);
        let Some(node) = gateways.next() else { return };
        for other in gateways {
            self.report(
                Diagnostic::new(&codes::SECOND, other.span.before(), "a system has one gateway")
                    .label(node.span.before(), "the first one")
                    .hint("join the two blocks"),
            );
        }
        self.gateway_broken = !node.broken.is_empty();
        self.authenticate_written = self.gateway_broken || !node.authenticate.is_empty();
        let authenticate = self.authenticate(node);
        let exposes = self.exposes(node);
        for compose in crate::names::distinct(self, "the composition", &node.compositions, |it| &it.name) {
            let compose = self.compose(compose);
            self.model.composes.push(compose);
        }
        let composes = self.model.composes.ids().collect();
        self.model.gateway = Some(model::Gateway {
            span: node.span,
            docs: docs(&node.doc),
            authenticate,
            exposes,
            composes,
            routes: Vec::new(),
        });
        let routes = self.routes(node);
        if let Some(gateway) = &mut self.model.gateway {
            gateway.routes = routes;
        }
    }

    fn authenticate(&mut self, node: &'a ast::Gateway) -> Option<Jwt> {
        let mut all = node.authenticate.iter();
        let first = all.next()?;
        for other in all {
            self.report(
                Diagnostic::new(&codes::SECOND, other.span, "callers are authenticated in one way")
                    .label(first.span, "the first one")
                    .hint("remove one of them"),
            );
        }
        if first.scheme.as_str() != "jwt" {
            let message = format!("`{}` is not a way to authenticate", first.scheme.as_str());
            self.report(
                Diagnostic::new(&codes::UNKNOWN_NAME, first.scheme.span, message)
                    .hint("write `jwt(issuer: …, audience: …)`"),
            );
            return None;
        }
        let mut issuer = None;
        let mut audience = None;
        for arg in &first.args {
            let slot = match arg.name.as_ref().map(ast::Ident::as_str) {
                Some("issuer") => &mut issuer,
                Some("audience") => &mut audience,
                name => {
                    let hint = name
                        .and_then(|name| did_you_mean(name, ["issuer", "audience"]))
                        .unwrap_or_else(|| "it has `issuer` and `audience`".to_owned());
                    let span = arg.name.as_ref().map_or(arg.span, |name| name.span);
                    self.report(
                        Diagnostic::new(&codes::UNKNOWN_ARGUMENT, span, "`jwt` has no such setting").hint(hint),
                    );
                    continue;
                }
            };
            let twice = slot.is_some();
            *slot = Some(self.setting(&arg.value));
            if twice {
                self.report(
                    Diagnostic::new(&codes::DOUBLE_ARGUMENT, arg.span, "this is given twice")
                        .hint("remove one of them"),
                );
            }
        }
        let missing: Vec<&str> = [("`issuer`", issuer.is_none()), ("`audience`", audience.is_none())]
            .iter()
            .filter(|(_, missing)| *missing)
            .map(|(name, _)| *name)
            .collect();
        if !missing.is_empty() && first.args.len() < 2 {
            let message = format!("`jwt` also wants {}", missing.join(", "));
            self.report(Diagnostic::new(&codes::MISSING_ARGUMENT, first.span, message));
        }
        Some(Jwt { issuer: issuer??, audience: audience?? })
    }

    fn setting(&mut self, node: &'a ast::Expr) -> Option<Setting> {
        match &node.kind {
            ast::ExprKind::Env(name) => Some(Setting::Env(self.intern(name.as_str()))),
            ast::ExprKind::Literal(ast::Literal::Text(text)) => {
                self.plain(text).map(|text| Setting::Text(text.as_str().into()))
            }
            ast::ExprKind::Broken => None,
            _ => {
                self.report(
                    Diagnostic::new(&types::NOT_HERE, node.span, "a setting is a text")
                        .hint("write it in quotes, or `env NAME` for the environment"),
                );
                None
            }
        }
    }

    fn exposes(&mut self, node: &'a ast::Gateway) -> Vec<Id<model::Subdomain>> {
        let mut exposes = Vec::new();
        for path in node.exposes.iter().flat_map(|it| &it.paths) {
            let [name] = path.segments.as_slice() else {
                self.report(
                    Diagnostic::new(&checks::NOT_YET, path.span, "only whole subdomains can be exposed")
                        .hint("what has no `allow` is never exposed"),
                );
                continue;
            };
            let Some(id) = self.find_subdomain(name) else { continue };
            self.exposed_at.push((id, name.span));
            if exposes.contains(&id) {
                let message = format!("`{}` is exposed twice", name.as_str());
                self.report(Diagnostic::new(&codes::DUPLICATE, name.span, message).hint("name it once"));
            } else {
                exposes.push(id);
            }
        }
        exposes
    }

    fn compose(&mut self, node: &'a ast::Compose) -> model::Compose {
        let place = Place::default();
        let params = self.params(place, &node.params, "a composition", &[]);
        let mut sight = Sight::new("a composition");
        sight.params = params.iter().map(|it| (it.name.clone(), it.ty.clone())).collect();
        let mut body = Body::new(self, place, sight);
        let mut parts: Vec<Part> = Vec::new();
        let mut ordered: Vec<&'a ast::Part> =
            crate::names::distinct(body.draft, "the part", &node.parts, |it| &it.name);
        ordered = by_need(ordered);
        for part in ordered {
            match body.part(part) {
                Some(resolved) => {
                    body.sight.parts.push((resolved.name.clone(), resolved.ty.clone()));
                    parts.push(resolved);
                }
                None => {
                    let name = body.draft.intern(part.name.as_str());
                    body.sight.parts.push((name.clone(), Ty::Poison));
                    // A place holder keeps the indices; a model with errors is never read.
                    parts.extend(body.poisoned_part(name, part));
                }
            }
        }
        for index in 0..parts.len() {
            let mut needs: Vec<u32> = Vec::new();
            for argument in &parts[index].arguments {
                argument.walk(&mut |node: &Expr| {
                    if let ExprKind::Part(part) = node.kind {
                        needs.push(part);
                    }
                });
            }
            needs.sort_unstable();
            needs.dedup();
            let depth = needs.iter().map(|need| parts[*need as usize].depth + 1).max().unwrap_or(0);
            (parts[index].needs, parts[index].depth) = (needs, depth);
        }
        model::Compose {
            name: self.intern(node.name.as_str()),
            docs: docs(&node.doc),
            span: node.name.span,
            params,
            parts,
        }
    }
}

/// Parts in an order in which each comes after those that it names, else as written.
fn by_need(parts: Vec<&ast::Part>) -> Vec<&ast::Part> {
    let mut left = parts;
    let mut ordered: Vec<&ast::Part> = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let ready = left.iter().position(|part| {
            !left.iter().any(|other| other.name.text != part.name.text && names(&part.value, other.name.as_str()))
        });
        // In a circle nothing is ready: the first is taken, and the name that it misses is reported.
        ordered.push(left.remove(ready.unwrap_or(0)));
    }
    ordered
}

/// Whether an expression reads the name.
fn names(expr: &ast::Expr, name: &str) -> bool {
    match &expr.kind {
        ast::ExprKind::Name(it) => it.as_str() == name,
        ast::ExprKind::Field { base, .. } => names(base, name),
        ast::ExprKind::Call { callee, args } => names(callee, name) || args.iter().any(|arg| names(&arg.value, name)),
        ast::ExprKind::Build { args, .. } => args.iter().any(|arg| names(&arg.value, name)),
        ast::ExprKind::Index { base, key } => names(base, name) || names(key, name),
        ast::ExprKind::Unary { operand, .. } => names(operand, name),
        ast::ExprKind::Binary { left, right, .. } => names(left, name) || names(right, name),
        ast::ExprKind::Lambda { body, .. } => names(body, name),
        ast::ExprKind::List(items) => items.iter().any(|item| names(item, name)),
        _ => false,
    }
}

impl<'a> Body<'_, 'a> {
    fn poisoned_part(&mut self, name: Name, node: &'a ast::Part) -> Option<Part> {
        let query = self.draft.model.queries.ids().next()?;
        Some(Part {
            name,
            docs: None,
            span: node.name.span,
            query,
            arguments: Vec::new(),
            optional: false,
            ty: Ty::Poison,
            needs: Vec::new(),
            depth: 0,
        })
    }

    /// `name = subdomain.View.query(…)`.
    fn part(&mut self, node: &'a ast::Part) -> Option<Part> {
        let ast::ExprKind::Call { callee, args } = &node.value.kind else {
            if !matches!(node.value.kind, ast::ExprKind::Broken) {
                self.report(
                    Diagnostic::new(&types::NOT_HERE, node.value.span, "a part is what a query answers")
                        .hint("write `part = subdomain.View.query(…)`"),
                );
            }
            return None;
        };
        let mut path = Vec::new();
        if !path_of(callee, &mut path) {
            self.report(
                Diagnostic::new(&types::NOT_HERE, callee.span, "a part is what a query answers")
                    .hint("write `part = subdomain.View.query(…)`"),
            );
            return None;
        }
        let Some(query) = self.draft.find_query(&path) else {
            self.arguments_unchecked(args);
            return None;
        };
        let declared = self.draft.model.at(query);
        let (what, span) = (format!("the query `{}`", declared.name), declared.span);
        let answer = declared.answer_ty();
        let params: Vec<(Name, Ty)> = declared.params.iter().map(|it| (it.name.clone(), it.ty.clone())).collect();
        let arguments = self.arguments(&what, span, &params, args, node.value.span);
        let optional = node.absent_if_unavailable.is_some();
        let ty = if optional { answer.optional() } else { answer };
        let name = self.draft.intern(node.name.as_str());
        Some(Part {
            name,
            docs: docs(&node.doc),
            span: node.name.span,
            query,
            arguments,
            optional,
            ty,
            needs: Vec::new(),
            depth: 0,
        })
    }
}

/// The names of a path that is written as an expression.
fn path_of<'a>(expr: &'a ast::Expr, path: &mut Vec<&'a ast::Ident>) -> bool {
    match &expr.kind {
        ast::ExprKind::Name(name) => {
            path.push(name);
            true
        }
        ast::ExprKind::Field { base, name, optional: false } => {
            let fine = path_of(base, path);
            path.push(name);
            fine
        }
        _ => false,
    }
}
