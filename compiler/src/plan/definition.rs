//! What a saga and a view mean, as a hash: running sagas keep to it, and under another one a view is rebuilt.
//!
//! It is made of the model alone, never of the Rust that is emitted for it: a compiler that writes other Rust for the same spec changes no
//! hash. Everything stands in it by its name in the system, never by its place in the spec, so that neither comments nor layout nor what is
//! declared beside it matter. In it are:
//!
//! * of a saga, the trigger and each step in order (its phase, branches, action, undo and answer), and `failed`; not how long and how often
//!   a step is tried;
//! * of a view, its columns in order, and for each event, in the order of their names, what its handler does; of a view of an aggregate,
//!   how each column is computed.
//!
//! ```text
//! (step credit before (do customers.Customer.HoldCredit (payload customer) (order event-id) (amount (payload total))) …)
//! ```

use minos_dsl::model::{
    Aggregate, Call, CallTarget, Cursor, Expr, Id, Local, Model, Phase, Reaction, RowChange, Saga, View, ViewSource,
};
use sha2::{Digest, Sha256};

use super::shape::kept_shape as shape;

mod expr;

/// Changed by a compiler under which the same spec is stored otherwise: then every view is rebuilt and every running saga is stuck.
const FORMAT: &str = "1";

/// The hash of a saga.
pub(crate) fn saga(it: Cursor<'_, Saga>) -> String {
    let mut text = Canon { event: Some(it.get().trigger), ..Canon::new(it.model()) };
    text.node("saga", |text| {
        text.word(&it.trigger().path());
        for step in &it.get().steps {
            text.node("step", |text| {
                text.word(&step.name);
                text.word(match step.phase {
                    Phase::Before => "before",
                    Phase::Pivot => "pivot",
                    Phase::After => "after",
                });
                if let Some(each) = &step.each {
                    text.node("each", |text| {
                        text.local(&each.each);
                        text.expr(&each.of);
                    });
                }
                text.node("do", |text| text.call(&step.action));
                if let Some(undo) = &step.undo {
                    text.node("undo", |text| text.call(undo));
                }
                if let Some((local, ty)) = &step.answer {
                    text.node("answer", |text| {
                        text.local(local);
                        text.word(&shape(text.model, ty));
                    });
                }
            });
        }
        text.node("failed", |text| it.get().failed.iter().for_each(|reaction| text.reaction(reaction)));
    });
    text.hash()
}

/// The hash of a view.
pub(crate) fn view(it: Cursor<'_, View>) -> String {
    let mut text = Canon { view: Some(it.id()), ..Canon::new(it.model()) };
    text.node("view", |text| {
        for column in &it.get().columns {
            text.node("column", |text| {
                text.word(&column.name);
                text.word(&shape(text.model, &column.ty));
            });
        }
        match &it.get().source {
            ViewSource::Aggregate { aggregate, values } => {
                text.aggregate = Some(*aggregate);
                text.word(&it.model().at(*aggregate).path());
                values.iter().for_each(|value| text.expr(value));
            }
            ViewSource::Events { handlers, .. } => {
                let mut cases: Vec<_> = handlers.iter().flat_map(|handler| &handler.cases).collect();
                cases.sort_by_key(|case| it.model().at(case.event).path());
                for case in cases {
                    text.event = Some(case.event);
                    text.locals.clear();
                    text.node("on", |text| {
                        text.word(&text.model.at(case.event).path());
                        case.body.iter().for_each(|change| text.change(change));
                    });
                }
            }
        }
    });
    text.hash()
}

/// The canonical text of something of the model, as it grows.
struct Canon<'m> {
    model: &'m Model,
    text: String,
    /// The event whose payload is read.
    event: Option<Id<minos_dsl::model::Event>>,
    /// The view whose columns are read.
    view: Option<Id<View>>,
    /// The aggregate whose state is read.
    aggregate: Option<Id<Aggregate>>,
    /// Variables by the order of their first mention: what they are called does not matter.
    locals: Vec<u32>,
}

impl<'m> Canon<'m> {
    fn new(model: &'m Model) -> Self {
        Self { model, text: String::new(), event: None, view: None, aggregate: None, locals: Vec::new() }
    }

    fn hash(self) -> String {
        let digest = Sha256::digest(format!("{FORMAT}{}", self.text).as_bytes());
        digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    /// `(head …)`.
    fn node(&mut self, head: &str, body: impl FnOnce(&mut Self)) {
        self.text.push('(');
        self.text.push_str(head);
        body(self);
        self.text.push(')');
    }

    /// A name or a constant, with its length in front: no text can be taken for two.
    fn word(&mut self, word: &str) {
        self.text.push_str(&format!(" {}:{word}", word.len()));
    }

    fn local(&mut self, it: &Local) {
        let known = self.locals.iter().position(|index| *index == it.index);
        let number = known.unwrap_or(self.locals.len());
        if known.is_none() {
            self.locals.push(it.index);
        }
        self.text.push_str(&format!(" #{number}"));
    }

    fn call(&mut self, it: &Call) {
        let model = self.model;
        let params = match &it.target {
            CallTarget::Command { command, id } => {
                self.word(&model.at(*command).path());
                self.expr(id);
                &model.at(*command).get().params
            }
            CallTarget::Create(command) => {
                self.word(&model.at(*command).path());
                &model.at(*command).get().params
            }
            CallTarget::Port(operation) => {
                self.word(&model.at(*operation).path());
                &model.at(*operation).get().params
            }
        };
        for (param, argument) in params.iter().zip(&it.arguments) {
            self.node("argument", |text| {
                text.word(&param.name);
                text.expr(argument);
            });
        }
    }

    fn reaction(&mut self, it: &Reaction) {
        match it {
            Reaction::Let { local, value } => self.binding(local, value),
            Reaction::Do(call) => self.node("do", |text| text.call(call)),
            Reaction::If { condition, then, otherwise } => self.node("if", |text| {
                text.expr(condition);
                text.node("then", |text| then.iter().for_each(|it| text.reaction(it)));
                text.node("else", |text| otherwise.iter().for_each(|it| text.reaction(it)));
            }),
            Reaction::For { each, of, body, .. } => self.node("for", |text| {
                text.local(each);
                text.expr(of);
                body.iter().for_each(|it| text.reaction(it));
            }),
        }
    }

    fn binding(&mut self, local: &Local, value: &Expr) {
        self.node("let", |text| {
            text.local(local);
            text.expr(value);
        });
    }

    fn change(&mut self, it: &RowChange) {
        match it {
            RowChange::Let { local, value } => self.binding(local, value),
            RowChange::Insert { key, columns } => self.node("insert", |text| {
                text.expr(key);
                text.columns(columns);
            }),
            RowChange::Upsert { key, columns, defaults } => self.node("upsert", |text| {
                text.expr(key);
                text.columns(columns);
                text.node("new", |text| text.columns(defaults));
            }),
            RowChange::Update { key, columns } => self.node("update", |text| {
                text.expr(key);
                text.columns(columns);
            }),
            RowChange::UpdateWhere { columns, filter } => self.node("update-where", |text| {
                text.expr(filter);
                text.columns(columns);
            }),
            RowChange::Delete { key } => self.node("delete", |text| text.expr(key)),
            RowChange::DeleteWhere { filter } => self.node("delete-where", |text| text.expr(filter)),
            RowChange::If { condition, then, otherwise } => self.node("if", |text| {
                text.expr(condition);
                text.node("then", |text| then.iter().for_each(|it| text.change(it)));
                text.node("else", |text| otherwise.iter().for_each(|it| text.change(it)));
            }),
            RowChange::For { each, of, body, .. } => self.node("for", |text| {
                text.local(each);
                text.expr(of);
                body.iter().for_each(|it| text.change(it));
            }),
        }
    }

    fn columns(&mut self, it: &[(u32, Expr)]) {
        for (column, value) in it {
            self.node("set", |text| {
                text.column(*column);
                text.expr(value);
            });
        }
    }

    /// A column of the view at hand.
    fn column(&mut self, index: u32) {
        if let Some(view) = self.view {
            let model = self.model;
            self.word(&model.at(view).get().columns[index as usize].name);
        }
    }
}

#[cfg(test)]
mod tests;
