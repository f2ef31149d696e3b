//! Statements that change the state: of events.

use crate::ast::{self, StmtKind};
use crate::diagnostic::{Diagnostic, names, types as codes};
use crate::model::{Effect, Ty};
use crate::resolve::body::{Body, Itself};
use crate::resolve::decision::Tested;
use crate::suggest::did_you_mean;

impl<'a> Body<'_, 'a> {
    /// The effects of a block, in a scope of their own.
    pub(crate) fn effects(&mut self, block: &'a ast::Block) -> Vec<Effect> {
        let mark = self.enter();
        let effects = block.stmts.iter().filter_map(|stmt| self.effect(stmt)).collect();
        self.leave(mark);
        effects
    }

    fn effect(&mut self, stmt: &'a ast::Stmt) -> Option<Effect> {
        match &stmt.kind {
            StmtKind::Assign { field, value } => {
                let (index, ty) = self.target(field)?;
                let value = self.expr_as(value, &ty);
                self.forget_state();
                Some(Effect::Assign { field: index, value })
            }
            StmtKind::AssignEntry { field, key, value } => {
                let (index, ty) = self.target(field)?;
                let Ty::Map(key_ty, value_ty, _) = &ty else {
                    return self.no_entries(field, &ty, "only maps have entries");
                };
                let key = self.expr_as(key, key_ty);
                let value = self.expr_as(value, value_ty);
                Some(Effect::Insert { field: index, key, value })
            }
            StmtKind::RemoveEntry { field, key } => {
                let (index, ty) = self.target(field)?;
                let Ty::Map(key_ty, ..) = &ty else {
                    return self.no_entries(field, &ty, "write `remove x from …` for lists and sets");
                };
                let key = self.expr_as(key, key_ty);
                self.forget_state();
                Some(Effect::Remove { field: index, key })
            }
            StmtKind::Add { value, field } => {
                let (index, ty) = self.target(field)?;
                let (Ty::Set(element, _) | Ty::List(element, _)) = &ty else {
                    return self.no_entries(field, &ty, "only to lists and sets something is added");
                };
                let element = self.expr_as(value, element);
                Some(Effect::Add { field: index, element })
            }
            StmtKind::RemoveFrom { value, field } => {
                let (index, ty) = self.target(field)?;
                let (Ty::Set(element, _) | Ty::List(element, _)) = &ty else {
                    return self.no_entries(field, &ty, "write `remove map[key]` for maps");
                };
                let key = self.expr_as(value, element);
                Some(Effect::Remove { field: index, key })
            }
            StmtKind::If { condition, alias, then, otherwise } => {
                Some(self.effect_if(condition, alias.as_ref(), then, otherwise.as_ref()))
            }
            StmtKind::For { name, items, body } => Some(self.effect_for(name, items, body)),
            StmtKind::Broken => {
                self.incomplete = true;
                None
            }
            _ => self.misplaced_statement(
                stmt.span,
                "an event changes the state: `field = …`, `map[key] = …`, `add`, `remove`, `if`, `for`",
            ),
        }
    }

    fn effect_if(
        &mut self,
        condition: &'a ast::Expr,
        alias: Option<&'a ast::Ident>,
        then: &'a ast::Block,
        otherwise: Option<&'a ast::Block>,
    ) -> Effect {
        let mark = self.enter();
        let Tested { condition, variable } = self.tested(condition, alias);
        let mut then = self.effects(then);
        self.leave(mark);
        if let Some((local, value)) = variable {
            then.insert(0, Effect::Let { local, value });
        }
        let mark = self.enter();
        self.assume(&condition, false);
        let otherwise = otherwise.map(|block| self.effects(block)).unwrap_or_default();
        self.leave(mark);
        self.forget_state();
        Effect::If { condition, then, otherwise }
    }

    fn effect_for(&mut self, name: &'a ast::Ident, items: &'a ast::Expr, body: &'a ast::Block) -> Effect {
        let of = self.expr(items, None);
        let ty = self.element_of(&of);
        let mark = self.enter();
        self.forget_state();
        let each = self.declare(name, ty.clone());
        let body = self.effects(body);
        self.leave(mark);
        Effect::For { each, ty, of, body }
    }

    /// The type of what `for … in` goes through.
    pub(crate) fn element_of(&mut self, of: &crate::model::Expr) -> Ty {
        match &of.ty {
            Ty::List(element, _) | Ty::Set(element, _) => (**element).clone(),
            Ty::Poison => Ty::Poison,
            Ty::Map(..) => {
                self.bad_operand(of, "go through its `.values()` or `.keys()`");
                Ty::Poison
            }
            _ => {
                self.bad_operand(of, "`for` goes through a list or a set");
                Ty::Poison
            }
        }
    }

    fn no_entries<T>(&mut self, field: &ast::Ident, ty: &Ty, hint: &str) -> Option<T> {
        let message = format!("`{}` is `{}`", field.as_str(), self.draft.show(ty));
        self.report(Diagnostic::new(&codes::BAD_OPERAND, field.span, message).hint(hint));
        None
    }

    /// The state's field that is changed.
    fn target(&mut self, ident: &'a ast::Ident) -> Option<(u32, Ty)> {
        let Itself::Aggregate(id) = self.sight.itself else { return None };
        let aggregate = &self.draft.model.aggregates[id];
        if let Some(index) = aggregate.fields.iter().position(|it| it.name == ident.as_str()) {
            let ty = aggregate.fields[index].ty.clone();
            return (ty != Ty::Poison).then_some((index as u32, ty));
        }
        if crate::names::hides(&self.draft.nodes.aggregates[id.index()].broken, ident.as_str()) {
            self.incomplete = true;
            return None;
        }
        let computed = aggregate.computed.iter().any(|it| it.name == ident.as_str());
        let status = aggregate.lifecycle.as_ref().is_some_and(|it| it.name == ident.as_str());
        let hint = if computed {
            Some("it is computed; change the fields that it is computed of".to_owned())
        } else if status {
            Some("write `enters …` after the event's parentheses".to_owned())
        } else {
            did_you_mean(ident.as_str(), aggregate.fields.iter().map(|it| it.name.as_str()))
        };
        let message = format!("`{}` has no field `{}` to change", aggregate.name, ident.as_str());
        self.report_hint(Diagnostic::new(&names::UNKNOWN_MEMBER, ident.span, message), hint);
        None
    }
}
