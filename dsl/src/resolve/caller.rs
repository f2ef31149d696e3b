//! Roles and identities of callers.

use crate::ast::{self, ExprKind};
use crate::diagnostic::{Diagnostic, names as codes, types};
use crate::draft::{Draft, docs};
use crate::model::{self, Id, Name, Ty};
use crate::types::Place;

impl<'a> Draft<'a> {
    pub(crate) fn resolve_roles(&mut self, files: &'a [ast::File]) {
        self.caller_broken = files.iter().any(|file| {
            let broken = |it: &ast::Broken| it.noun == ast::Noun::Caller || it.name.is_none();
            file.broken.iter().any(broken) || file.callers.iter().any(|it| !it.broken.is_empty())
        });
        let mut callers = files.iter().flat_map(|file| &file.callers);
        let Some(caller) = callers.next() else { return };
        for other in callers {
            self.caller_broken = true;
            self.report(
                Diagnostic::new(&codes::SECOND, other.span.before(), "callers are described twice")
                    .label(caller.span.before(), "first described here")
                    .hint("join the two blocks"),
            );
        }
        self.model.caller_docs = docs(&caller.doc);
        let mut declared = caller.roles.iter();
        let Some(roles) = declared.next() else { return };
        for other in declared {
            self.report(
                Diagnostic::new(&codes::SECOND, other.span, "roles are listed twice")
                    .label(roles.span, "first listed here")
                    .hint("join the two lists"),
            );
        }
        self.model.system.role_claim = self.plain(&roles.claim);
        let distinct = crate::names::distinct(self, "the role", &roles.roles, |it| it);
        for role in distinct {
            let role = model::Role { name: self.intern(role.as_str()), span: role.span };
            self.model.roles.push(role);
        }
    }

    /// The text, which has nothing to compute in it.
    pub(crate) fn plain(&mut self, text: &ast::Text) -> Option<Name> {
        if text.as_plain().is_none() {
            self.report(
                Diagnostic::new(&types::NOT_HERE, text.span, "nothing is computed in this text")
                    .hint("write it without `{…}`"),
            );
        }
        text.as_plain().map(Name::from)
    }

    pub(crate) fn resolve_identities(&mut self, files: &'a [ast::File]) {
        let Some(caller) = files.iter().flat_map(|file| &file.callers).next() else { return };
        for node in crate::names::distinct(self, "the identity", &caller.identities, |it| &it.name) {
            let ty = self.ty(Place::default(), &node.ty);
            let claim = self.plain(&node.claim).unwrap_or_else(|| Name::from(""));
            let role = node.condition.as_ref().and_then(|condition| self.role_of(condition));
            let identity = model::Identity {
                name: self.intern(node.name.as_str()),
                docs: docs(&node.doc),
                span: node.name.span,
                ty: self.identity_ty(node, ty),
                claim,
                role,
            };
            self.model.identities.push(identity);
        }
    }

    fn identity_ty(&mut self, node: &'a ast::Identity, ty: Ty) -> Ty {
        let fine = matches!(ty, Ty::Id(_) | Ty::Named(_) | Ty::Poison | Ty::Refined(_))
            || matches!(ty, Ty::Base(base) if base == model::Base::Text || base == model::Base::Int);
        if fine {
            return ty;
        }
        let message = format!("a claim cannot hold `{}`", self.show(&ty));
        self.report(
            Diagnostic::new(&types::MISMATCH, node.ty.span, message).hint("an identity is an id, a text or a number"),
        );
        Ty::Poison
    }

    fn role_of(&mut self, condition: &'a ast::Expr) -> Option<Id<model::Role>> {
        if let ExprKind::Call { callee, args } = &condition.kind
            && let ExprKind::Name(function) = &callee.kind
            && let [ast::Arg { name: None, value: ast::Expr { kind: ExprKind::Name(role), .. }, .. }] = args.as_slice()
            && function.as_str() == "role"
        {
            return self.find_role(role);
        }
        if !matches!(condition.kind, ExprKind::Broken) {
            self.report(
                Diagnostic::new(&types::NOT_HERE, condition.span, "an identity depends on one role")
                    .hint("write `if role(customer)`"),
            );
        }
        None
    }
}
