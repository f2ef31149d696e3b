//! Subdomains and what is shared by all of them.

use super::builder::{Builder, Piece, children};
use super::grammar::Rule;
use super::place::Place;
use crate::ast::{Noun, Shared, Subdomain};

const PLACE: Place = Place::Subdomain;

impl Builder<'_> {
    pub(super) fn subdomain(&mut self, piece: Piece) -> Option<Subdomain> {
        let (head, body) = self.open(piece, Place::File, false);
        let header = self.read(Rule::subdomain_header_piece, head, None, |_, pair| pair);
        let mut broken = std::mem::take(&mut self.leftovers);
        let name = header.as_ref().and_then(|header| children(header.clone()).next());
        let name = name.map(|name| self.lower(&name, Noun::Subdomain));
        let doc = self.doc(self.place(head));
        let span = self.place(piece);
        let (mut types, mut values, mut enums, mut errors) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (mut aggregates, mut views, mut sagas) = (Vec::new(), Vec::new(), Vec::new());
        let (mut policies, mut ports) = (Vec::new(), Vec::new());
        if let Some(body) = body {
            self.members(PLACE, body, |this, noun, piece| {
                match noun {
                    Noun::Type => types.push(this.type_decl(piece, PLACE)?),
                    Noun::Value => values.push(this.value_decl(piece, PLACE)?),
                    Noun::Enum => enums.push(this.enum_decl(piece, PLACE)?),
                    Noun::Error => errors.push(this.error_decl(piece, PLACE)?),
                    Noun::Aggregate => aggregates.push(this.aggregate(piece)?),
                    Noun::View => views.push(this.view(piece)?),
                    Noun::Saga => sagas.push(this.saga(piece)?),
                    Noun::Policy => policies.push(this.policy(piece)?),
                    Noun::Port => ports.push(this.port(piece)?),
                    _ => return None,
                }
                Some(())
            });
            broken.append(&mut self.leftovers);
        }
        let name = name?;
        Some(Subdomain {
            doc,
            name,
            types,
            values,
            enums,
            errors,
            aggregates,
            views,
            sagas,
            policies,
            ports,
            broken,
            span,
        })
    }

    pub(super) fn shared(&mut self, piece: Piece) -> Option<Shared> {
        let (head, body) = self.open(piece, Place::File, false);
        self.word_alone(head);
        let (mut types, mut values, mut enums, mut broken) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        if let Some(body) = body {
            self.members(Place::Shared, body, |this, noun, piece| {
                match noun {
                    Noun::Type => types.push(this.type_decl(piece, Place::Shared)?),
                    Noun::Value => values.push(this.value_decl(piece, Place::Shared)?),
                    Noun::Enum => enums.push(this.enum_decl(piece, Place::Shared)?),
                    _ => return None,
                }
                Some(())
            });
            broken.append(&mut self.leftovers);
        }
        Some(Shared { types, values, enums, broken, span: self.place(piece) })
    }
}
