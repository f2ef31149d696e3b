//! Arguments: by name, a name alone for `name: name`, one alone by position.

use crate::ast;
use crate::diagnostic::{Diagnostic, names as codes};
use crate::model::{Expr, Name, Ty};
use crate::resolve::body::Body;
use crate::source::Span;
use crate::suggest::did_you_mean;

impl<'a> Body<'_, 'a> {
    /// One expression for each field, in order; whatever is missing, unknown or doubled is reported. `what` names the callee.
    pub(crate) fn arguments(
        &mut self,
        what: &str,
        declared: Span,
        fields: &[(Name, Ty)],
        args: &'a [ast::Arg],
        span: Span,
    ) -> Vec<Expr> {
        let args: Vec<&'a ast::Arg> = args.iter().collect();
        self.arguments_of(what, declared, fields, &args, span)
    }

    /// The same of some arguments.
    pub(crate) fn arguments_of(
        &mut self,
        what: &str,
        declared: Span,
        fields: &[(Name, Ty)],
        args: &[&'a ast::Arg],
        span: Span,
    ) -> Vec<Expr> {
        let found = self.match_arguments(what, declared, fields, args);
        let missing: Vec<String> = fields
            .iter()
            .zip(&found.values)
            .filter(|(_, value)| value.is_none())
            .map(|((name, _), _)| format!("`{name}`"))
            .collect();
        if !missing.is_empty() && !found.unclear {
            let message = format!("{what} also wants {}", missing.join(", "));
            self.report(Diagnostic::new(&codes::MISSING_ARGUMENT, span, message).label(declared, "declared here"));
        }
        found.values.into_iter().map(|value| value.unwrap_or_else(|| self.poison(span))).collect()
    }

    /// The fields that are given, as (index, value), in the order of the fields.
    pub(crate) fn some_arguments(
        &mut self,
        what: &str,
        declared: Span,
        fields: &[(Name, Ty)],
        args: &'a [ast::Arg],
    ) -> Vec<(u32, Expr)> {
        let args: Vec<&'a ast::Arg> = args.iter().collect();
        let found = self.match_arguments(what, declared, fields, &args);
        (0u32..).zip(found.values).filter_map(|(index, value)| value.map(|value| (index, value))).collect()
    }

    /// Resolves arguments of something that is not known, so that errors within are reported.
    pub(crate) fn arguments_unchecked(&mut self, args: &'a [ast::Arg]) {
        for arg in args {
            if !matches!(arg.value.kind, ast::ExprKind::Literal(_) | ast::ExprKind::Name(_)) {
                self.expr(&arg.value, Some(&Ty::Poison));
            }
        }
        self.incomplete = true;
    }

    fn match_arguments(&mut self, what: &str, declared: Span, fields: &[(Name, Ty)], args: &[&'a ast::Arg]) -> Matched {
        let mut matched = Matched { values: fields.iter().map(|_| None).collect(), unclear: false };
        for arg in args {
            let alone = match (&arg.name, &arg.value.kind) {
                (Some(name), _) => Some(name),
                (None, ast::ExprKind::Name(name)) => Some(name),
                (None, _) => None,
            };
            let by_name = alone.and_then(|name| fields.iter().position(|(field, _)| *field == name.as_str()));
            let positional = args.len() == 1 && arg.name.is_none() && fields.len() == 1;
            let Some(index) = by_name.or(positional.then_some(0)) else {
                matched.unclear = true;
                self.unmatched(what, declared, fields, arg, alone);
                continue;
            };
            let (name, ty) = &fields[index];
            let value = self.expr_as(&arg.value, ty);
            if matched.values[index].is_some() {
                let message = format!("`{name}` is given twice");
                self.report(Diagnostic::new(&codes::DOUBLE_ARGUMENT, arg.span, message).hint("remove one of them"));
            }
            matched.values[index] = Some(value);
        }
        matched
    }

    fn unmatched(
        &mut self,
        what: &str,
        declared: Span,
        fields: &[(Name, Ty)],
        arg: &'a ast::Arg,
        name: Option<&ast::Ident>,
    ) {
        let known = fields.iter().map(|(name, _)| name.as_str());
        let diagnostic = match name {
            Some(_) if fields.is_empty() => {
                Diagnostic::new(&codes::UNKNOWN_ARGUMENT, arg.span, format!("{what} takes nothing")).hint("remove it")
            }
            Some(name) => {
                let message = format!("{what} has no `{}`", name.as_str());
                let hint = did_you_mean(name.as_str(), known).unwrap_or_else(|| format!("it has {}", list(fields)));
                Diagnostic::new(&codes::UNKNOWN_ARGUMENT, name.span, message).hint(hint)
            }
            None if fields.is_empty() => {
                Diagnostic::new(&codes::UNKNOWN_ARGUMENT, arg.span, format!("{what} takes nothing")).hint("remove it")
            }
            None => {
                let message = format!("which of {} is this?", list(fields));
                Diagnostic::new(&codes::NAMELESS_ARGUMENT, arg.span, message)
                    .hint("write `name: …`; only a single argument may go without")
            }
        };
        self.report(diagnostic.label(declared, "declared here"));
        if name.is_none() || arg.name.is_some() {
            self.expr(&arg.value, Some(&Ty::Poison));
        }
    }
}

struct Matched {
    values: Vec<Option<Expr>>,
    /// An argument was given that belongs nowhere: it may be meant for what is missing.
    unclear: bool,
}

fn list(fields: &[(Name, Ty)]) -> String {
    let names: Vec<String> = fields.iter().map(|(name, _)| format!("`{name}`")).collect();
    names.join(", ")
}
