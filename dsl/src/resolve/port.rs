//! Ports and their operations.

use crate::draft::Draft;
use crate::model::Owner;

impl Draft<'_> {
    pub(crate) fn resolve_ports(&mut self) {
        self.incomplete_system |= self.nodes.ports.iter().any(|port| !port.broken.is_empty());
        for id in self.model.operations.ids() {
            let node = self.nodes.operations[id.index()];
            let port = self.model.operations[id].port;
            let place = self.place(Owner::Port(port));
            let of = format!("the port `{}`", self.model.ports[port].name);
            let params = self.params(place, &node.params, &of, &[]);
            let answer = node.result.as_ref().map(|ty| self.ty(place, ty));
            let mut errors = Vec::with_capacity(node.errors.len());
            for path in &node.errors {
                if let Some(error) = self.find_error(place, path) {
                    self.raised.push(error);
                    errors.push(error);
                } else {
                    self.incomplete_system = true;
                }
            }
            let operation = &mut self.model.operations[id];
            (operation.params, operation.answer, operation.errors) = (params, answer, errors);
        }
    }
}
