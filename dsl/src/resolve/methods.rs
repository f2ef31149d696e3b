//! What is called in lower case: `holds.values()`, `lines.sum(l => …)`, `role(clerk)`.

use std::sync::Arc;

use crate::ast;
use crate::diagnostic::{Diagnostic, names, types as codes};
use crate::model::{Base, Conversion, Expr, ExprKind, Lambda, Name, Ty};
use crate::resolve::body::Body;
use crate::resolve::convert::{base_of, convert, loosened, steps};
use crate::source::Span;
use crate::suggest::did_you_mean;

impl<'a> Body<'_, 'a> {
    pub(crate) fn call(&mut self, callee: &'a ast::Expr, args: &'a [ast::Arg], span: Span, want: Option<&Ty>) -> Expr {
        match &callee.kind {
            ast::ExprKind::Name(name) if name.as_str() == "role" => self.role(args, span),
            ast::ExprKind::Name(name) => {
                let hint = did_you_mean(name.as_str(), ["role"]);
                self.report_hint(
                    Diagnostic::new(
                        &names::UNKNOWN_NAME,
                        name.span,
                        format!("there is no function `{}`", name.as_str()),
                    ),
                    hint,
                );
                self.poison(span)
            }
            ast::ExprKind::Field { base, name, optional } => {
                if *optional {
                    return self
                        .misplaced(callee.span, "only fields are read with `?.`; give a default with `??` first");
                }
                let of = self.expr(base, None);
                self.method(of, name, args, span, want)
            }
            ast::ExprKind::Broken => self.poison(span),
            _ => self.misplaced(callee.span, "only names are called"),
        }
    }

    fn role(&mut self, args: &'a [ast::Arg], span: Span) -> Expr {
        if !self.sight.caller {
            let message = format!("the caller is not known in {}", self.sight.what);
            self.report(Diagnostic::new(&codes::NOT_HERE, span, message));
            return self.poison(span);
        }
        let [ast::Arg { name: None, value: ast::Expr { kind: ast::ExprKind::Name(name), .. }, .. }] = args else {
            self.report(
                Diagnostic::new(&codes::NOT_HERE, span, "`role` asks for one role").hint("write `role(clerk)`"),
            );
            return self.poison(span);
        };
        match self.draft.find_role(name) {
            Some(role) => Expr { kind: ExprKind::HasRole(role), ty: Ty::Base(Base::Bool), span },
            None => self.poison(span),
        }
    }

    fn method(&mut self, of: Expr, name: &'a ast::Ident, args: &'a [ast::Arg], span: Span, want: Option<&Ty>) -> Expr {
        let of_ty = of.ty.clone();
        let boxed = Box::new(of);
        match (name.as_str(), &of_ty) {
            (_, Ty::Poison) => {
                self.lambda_unchecked(args);
                self.poison(span)
            }
            ("keys", Ty::Map(key, ..)) => self.plain(args, ExprKind::Keys(boxed), Ty::List(key.clone(), None), span),
            ("values", Ty::Map(_, value, _)) => {
                self.plain(args, ExprKind::Values(boxed), Ty::List(value.clone(), None), span)
            }
            ("size", ty) if ty.is_collection() || base_of(&self.draft.model, ty) == Some(Base::Text) => {
                self.plain(args, ExprKind::Size(boxed), Ty::Base(Base::Int), span)
            }
            ("map", Ty::List(element, _) | Ty::Set(element, _)) => {
                let inner = match want.map(|ty| ty.as_optional().unwrap_or(ty)) {
                    Some(Ty::List(element, _)) => Some((**element).clone()),
                    _ => None,
                };
                let Some(each) = self.lambda(args, element, inner.as_ref(), span) else { return self.poison(span) };
                if each.body.ty == Ty::Poison {
                    return self.poison(span);
                }
                let ty = Ty::List(Arc::new(each.body.ty.clone()), None);
                Expr { kind: ExprKind::Map { of: boxed, each }, ty, span }
            }
            ("filter" | "any" | "all", Ty::List(element, _) | Ty::Set(element, _)) => {
                let boolean = Ty::Base(Base::Bool);
                let Some(mut each) = self.lambda(args, element, Some(&boolean), span) else { return self.poison(span) };
                let body = std::mem::replace(&mut *each.body, Expr { kind: ExprKind::Poison, ty: Ty::Poison, span });
                *each.body = self.coerce(body, &boolean);
                match name.as_str() {
                    "filter" => Expr {
                        kind: ExprKind::Filter { of: boxed, keep: each },
                        ty: Ty::List(element.clone(), None),
                        span,
                    },
                    "any" => Expr { kind: ExprKind::Any { of: boxed, holds: each }, ty: boolean, span },
                    _ => Expr { kind: ExprKind::All { of: boxed, holds: each }, ty: boolean, span },
                }
            }
            ("sum", Ty::List(element, _) | Ty::Set(element, _)) => self.sum(boxed, element, args, span),
            _ => self.no_method(&boxed, name, args, span),
        }
    }

    fn no_method(&mut self, of: &Expr, name: &'a ast::Ident, args: &'a [ast::Arg], span: Span) -> Expr {
        self.lambda_unchecked(args);
        if matches!(of.ty, Ty::Optional(_)) {
            return self.bad_operand(of, "");
        }
        let known: &[&str] = match &of.ty {
            Ty::Map(..) => &["keys", "values", "size"],
            Ty::List(..) | Ty::Set(..) => &["map", "filter", "any", "all", "sum", "size"],
            ty if base_of(&self.draft.model, ty) == Some(Base::Text) => &["size"],
            _ => &[],
        };
        let message = format!("`{}` has no `{}()`", self.draft.show(&of.ty), name.as_str());
        let hint = did_you_mean(name.as_str(), known.iter().copied()).or_else(|| match (&of.ty, known) {
            (Ty::Map(..), _) => Some("go through its `.values()` or `.keys()`".to_owned()),
            (_, []) => None,
            _ => Some(format!("it has {}", known.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", "))),
        });
        self.report_hint(Diagnostic::new(&names::UNKNOWN_MEMBER, name.span, message), hint);
        self.poison(span)
    }

    fn plain(&mut self, args: &'a [ast::Arg], kind: ExprKind, ty: Ty, span: Span) -> Expr {
        if let Some(first) = args.first() {
            self.report(
                Diagnostic::new(&names::UNKNOWN_ARGUMENT, first.span, "this takes nothing in its parentheses")
                    .hint("remove it"),
            );
            return self.poison(span);
        }
        Expr { kind, ty, span }
    }

    /// The one argument `x => …`, applied to elements of this type.
    fn lambda(&mut self, args: &'a [ast::Arg], element: &Ty, want: Option<&Ty>, span: Span) -> Option<Lambda> {
        let [ast::Arg { name: None, value: ast::Expr { kind: ast::ExprKind::Lambda { params, body }, .. }, .. }] = args
        else {
            self.lambda_unchecked(args);
            self.report(
                Diagnostic::new(&codes::NOT_HERE, span, "this wants one function of an element")
                    .hint("write `x => …` in the parentheses"),
            );
            return None;
        };
        let [param] = params.as_slice() else {
            self.report(
                Diagnostic::new(&codes::NOT_HERE, args[0].span, "this function takes one element")
                    .hint("write `x => …`"),
            );
            return None;
        };
        let mark = self.enter();
        let param = self.declare(param, element.clone());
        let body = self.expr(body, want);
        self.leave(mark);
        Some(Lambda { param, ty: element.clone(), body: Box::new(body) })
    }

    fn lambda_unchecked(&mut self, args: &'a [ast::Arg]) {
        self.incomplete |= !args.is_empty();
    }

    /// The elements, or what is computed of each, added up without their rules.
    fn sum(&mut self, of: Box<Expr>, element: &Ty, args: &'a [ast::Arg], span: Span) -> Expr {
        let each = if args.is_empty() {
            None
        } else {
            let Some(lambda) = self.lambda(args, element, None, span) else { return self.poison(span) };
            Some(lambda)
        };
        let added = each.as_ref().map_or(element, |lambda| &lambda.body.ty).clone();
        if added == Ty::Poison {
            return self.poison(span);
        }
        let summable = matches!(base_of(&self.draft.model, &added), Some(Base::Int | Base::Decimal | Base::Duration));
        let Some(ty) = loosened(&self.draft.model, &added).filter(|_| summable) else {
            let message = format!("`{}` cannot be added up", self.draft.show(&added));
            self.report(
                Diagnostic::new(&codes::BAD_OPERAND, span, message).hint("say what to add: `.sum(x => x.amount)`"),
            );
            return self.poison(span);
        };
        let each = match each {
            Some(mut lambda) => {
                let body = std::mem::replace(&mut *lambda.body, Expr { kind: ExprKind::Poison, ty: Ty::Poison, span });
                *lambda.body = self.coerce(body, &ty);
                Some(lambda)
            }
            None if added == ty => None,
            None => Some(self.dropping(&added, &ty, span)),
        };
        Expr { kind: ExprKind::Sum { of, each }, ty, span }
    }

    /// `x => x` with the rule of `x` dropped.
    fn dropping(&mut self, from: &Ty, to: &Ty, span: Span) -> Lambda {
        let mark = self.enter();
        let param = self.declare_name(Name::from("each"), from.clone());
        self.leave(mark);
        let local = Expr { kind: ExprKind::Local(param.clone()), ty: from.clone(), span };
        let steps = steps(&self.draft.model, from, to).unwrap_or_else(|| vec![(Conversion::Drop, to.clone())]);
        Lambda { param, ty: from.clone(), body: Box::new(convert(local, steps)) }
    }
}
