//! Statements that react: of policies and `failed`; and what `do` is addressed to.

use crate::ast::{self, StmtKind};
use crate::diagnostic::{Diagnostic, names as codes, types};
use crate::model::{self, Call, CallTarget, Id, Name, Reaction, Ty};
use crate::names::Symbol;
use crate::resolve::body::Body;
use crate::resolve::decision::Tested;
use crate::source::Span;

impl<'a> Body<'_, 'a> {
    /// The statements of a block, in a scope of their own.
    pub(crate) fn reactions(&mut self, block: &'a ast::Block) -> Vec<Reaction> {
        let mark = self.enter();
        let reactions = block.stmts.iter().filter_map(|stmt| self.reaction(stmt)).collect();
        self.leave(mark);
        reactions
    }

    fn reaction(&mut self, stmt: &'a ast::Stmt) -> Option<Reaction> {
        match &stmt.kind {
            StmtKind::Let { name, value } => {
                let value = self.expr(value, None);
                let local = self.declare(name, value.ty.clone());
                Some(Reaction::Let { local, value })
            }
            StmtKind::Do(node) => {
                let call = self.call_of(node)?;
                if let Some(alias) = &node.alias {
                    let message = "the answer of a `do` is known to the later steps of a saga only";
                    self.report(Diagnostic::new(&types::NOT_HERE, alias.span, message).hint("remove `as …`"));
                }
                Some(Reaction::Do(call))
            }
            StmtKind::If { condition, alias, then, otherwise } => {
                let mark = self.enter();
                let Tested { condition, variable } = self.tested(condition, alias.as_ref());
                let mut then = self.reactions(then);
                self.leave(mark);
                if let Some((local, value)) = variable {
                    then.insert(0, Reaction::Let { local, value });
                }
                let otherwise = otherwise.as_ref().map(|block| self.reactions(block)).unwrap_or_default();
                Some(Reaction::If { condition, then, otherwise })
            }
            StmtKind::For { name, items, body } => {
                let of = self.expr(items, None);
                let ty = self.element_of(&of);
                let mark = self.enter();
                let each = self.declare(name, ty.clone());
                let body = self.reactions(body);
                self.leave(mark);
                Some(Reaction::For { each, ty, of, body })
            }
            StmtKind::Broken => {
                self.incomplete = true;
                None
            }
            _ => self.misplaced_statement(stmt.span, "a policy reacts with `do`, `let`, `if`, `for`"),
        }
    }

    /// `do …`, `undo …`.
    pub(crate) fn call_of(&mut self, node: &'a ast::Do) -> Option<Call> {
        let found = self.target_of(&node.target);
        let Some((target, what, declared, params)) = found else {
            self.arguments_unchecked(&node.args);
            return None;
        };
        let arguments = self.arguments(&what, declared, &params, &node.args, node.span);
        let stuck = node.otherwise.as_ref().map(|ast::OrElse::Stuck(text)| text.as_plain().unwrap_or_default().into());
        Some(Call { target, arguments, stuck, span: node.span })
    }

    #[allow(clippy::type_complexity, reason = "the four parts of a callee, taken apart at once")]
    fn target_of(&mut self, target: &'a ast::DoTarget) -> Option<(CallTarget, String, Span, Vec<(Name, Ty)>)> {
        match target {
            ast::DoTarget::Command { aggregate, key, command } => {
                let Some(id) = self.draft.find_aggregate(self.place, &aggregate.segments) else {
                    self.expr(key, Some(&Ty::Poison));
                    return None;
                };
                let key = self.expr_as(key, &Ty::Id(id));
                let command_id = self.draft.command_of(id, command)?;
                if self.draft.model.commands[command_id].creates {
                    let message = format!("`{}` creates, so it is not sent to an id", command.as_str());
                    let hint = format!("write `{}.{}(…)`", aggregate.text(), command.as_str());
                    self.report(Diagnostic::new(&codes::WRONG_KIND, command.span, message).hint(hint));
                    return None;
                }
                let (what, declared, params) = self.command_params(command_id);
                Some((CallTarget::Command { command: command_id, id: key }, what, declared, params))
            }
            ast::DoTarget::Path(path) => {
                let [owner @ .., name] = path.segments.as_slice() else { return None };
                if owner.is_empty() {
                    let message = format!("`{}` does not say whose command or operation it is", name.as_str());
                    self.report(
                        Diagnostic::new(&codes::UNKNOWN_DECLARATION, name.span, message)
                            .hint("write `Port.operation(…)` or `Aggregate[id].Command(…)`"),
                    );
                    return None;
                }
                match self.draft.find_receiver(self.place, owner)? {
                    Symbol::Port(port) => {
                        let operation = self.draft.operation_of(port, name)?;
                        let node = &self.draft.model.operations[operation];
                        let params = node.params.iter().map(|it| (it.name.clone(), it.ty.clone())).collect();
                        Some((CallTarget::Port(operation), format!("the operation `{}`", node.name), node.span, params))
                    }
                    Symbol::Aggregate(id) => {
                        let command = self.draft.command_of(id, name)?;
                        if !self.draft.model.commands[command].creates {
                            let message = format!("to which `{}` is this sent?", self.draft.model.aggregates[id].name);
                            let hint =
                                format!("write `{}[id].{}(…)`", self.draft.model.aggregates[id].name, name.as_str());
                            self.report(Diagnostic::new(&codes::WRONG_KIND, path.span, message).hint(hint));
                            return None;
                        }
                        let (what, declared, params) = self.command_params(command);
                        Some((CallTarget::Create(command), what, declared, params))
                    }
                    _ => None,
                }
            }
        }
    }

    fn command_params(&self, command: Id<model::Command>) -> (String, Span, Vec<(Name, Ty)>) {
        let node = &self.draft.model.commands[command];
        let params = node.params.iter().map(|it| (it.name.clone(), it.ty.clone())).collect();
        (format!("the command `{}`", node.name), node.span, params)
    }

    /// What a call answers, for `as …`: a port's answer, or the id of what was created.
    pub(crate) fn answer_ty(&self, call: &Call) -> Option<Ty> {
        match &call.target {
            CallTarget::Port(operation) => self.draft.model.operations[*operation].answer.clone(),
            CallTarget::Create(command) => Some(Ty::Id(self.draft.model.commands[*command].aggregate)),
            CallTarget::Command { .. } => None,
        }
    }
}
