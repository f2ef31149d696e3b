//! Values never hold themselves: such a thing would have no end.

use crate::diagnostic::{Diagnostic, types as codes};
use crate::draft::Draft;
use crate::model::{self, Id, Ty};

impl Draft<'_> {
    /// A value cannot hold itself but through a collection or an optional… which would still have no end to read: refused too when direct.
    pub(super) fn refuse_recursive_values(&mut self) {
        let count = self.model.values.len();
        let mut state = vec![0u8; count];
        for id in self.model.values.ids() {
            self.visit_value(id, &mut state);
        }
    }

    fn visit_value(&mut self, id: Id<model::Value>, state: &mut [u8]) {
        if state[id.index()] != 0 {
            return;
        }
        state[id.index()] = 1;
        for index in 0..self.model.values[id].fields.len() {
            let mut within = Vec::new();
            values_within(&self.model.values[id].fields[index].ty, &mut within);
            for inner in within {
                match state[inner.index()] {
                    0 => self.visit_value(inner, state),
                    1 => {
                        let field = &mut self.model.values[id].fields[index];
                        field.ty = Ty::Poison;
                        let span = field.span;
                        let message = format!("`{}` holds itself", self.model.values[inner].name);
                        self.report(Diagnostic::new(&codes::RECURSIVE, span, message).hint("hold an id instead"));
                    }
                    _ => {}
                }
            }
        }
        state[id.index()] = 2;
    }
}

fn values_within(ty: &Ty, found: &mut Vec<Id<model::Value>>) {
    match ty {
        Ty::Value(id) => found.push(*id),
        Ty::Optional(inner) | Ty::List(inner, _) | Ty::Set(inner, _) => values_within(inner, found),
        Ty::Map(key, value, _) => {
            values_within(key, found);
            values_within(value, found);
        }
        _ => {}
    }
}
