//! Ports.

use super::builder::{Builder, Pair, Piece, children, take};
use super::grammar::Rule;
use super::place::Place;
use crate::ast::{Noun, Operation, Port};

impl<'a> Builder<'a> {
    pub(super) fn port(&mut self, piece: Piece) -> Option<Port> {
        let (head, body) = self.open(piece, Place::Subdomain, false);
        let (mut operations, mut types, mut values) = (Vec::new(), Vec::new(), Vec::new());
        let (mut enums, mut errors, mut broken) = (Vec::new(), Vec::new(), Vec::new());
        if let Some(body) = body {
            self.members(Place::Port, body, |this, noun, piece| {
                match noun {
                    Noun::Operation => operations.push(this.operation(piece)?),
                    Noun::Type => types.push(this.type_decl(piece, Place::Port)?),
                    Noun::Value => values.push(this.value_decl(piece, Place::Port)?),
                    Noun::Enum => enums.push(this.enum_decl(piece, Place::Port)?),
                    Noun::Error => errors.push(this.error_decl(piece, Place::Port)?),
                    _ => return None,
                }
                Some(())
            });
            broken.append(&mut self.leftovers);
        }
        let header = self.read(Rule::port_header_piece, head, None, |_, pair| pair)?;
        broken.append(&mut self.leftovers);
        let doc = self.doc(self.span(&header));
        let name = self.upper(&children(header).next()?, Noun::Port);
        Some(Port { doc, name, operations, types, values, enums, errors, broken, span: self.place(piece) })
    }

    fn operation(&mut self, piece: Piece) -> Option<Operation> {
        self.read(Rule::operation_piece, piece, Some(Place::Port), |this, pair| this.operation_of(pair))?
    }

    fn operation_of(&mut self, pair: Pair<'a>) -> Option<Operation> {
        let span = self.span(&pair);
        let mut parts = children(pair).peekable();
        let reads = take(&mut parts, Rule::reads).map(|word| self.span(&word));
        let name = self.lower(&parts.next()?, Noun::Operation);
        let params = take(&mut parts, Rule::params).map(|params| self.params(params)).unwrap_or_default();
        let result = take(&mut parts, Rule::type_).map(|ty| self.ty(ty));
        let errors = parts.map(|path| self.path(path)).collect();
        Some(Operation { doc: self.doc(span), reads, name, params, result, errors, span })
    }
}
