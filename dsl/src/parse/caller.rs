//! Who may be calling.

use super::builder::{Builder, Piece, children};
use super::grammar::Rule;
use super::place::Place;
use crate::ast::{Caller, Identity, Noun, Roles};

impl Builder<'_> {
    pub(super) fn caller(&mut self, piece: Piece) -> Option<Caller> {
        let (head, body) = self.open(piece, Place::File, false);
        self.word_alone(head);
        let (mut roles, mut identities, mut broken) = (Vec::new(), Vec::new(), Vec::new());
        if let Some(body) = body {
            self.members(Place::Caller, body, |this, noun, piece| {
                match noun {
                    Noun::Roles => roles.push(this.roles(piece)?),
                    Noun::Identity => identities.push(this.identity(piece)?),
                    _ => return None,
                }
                Some(())
            });
            broken.append(&mut self.leftovers);
        }
        let doc = self.doc(self.place(head));
        Some(Caller { doc, roles, identities, broken, span: self.place(piece) })
    }

    fn roles(&mut self, piece: Piece) -> Option<Roles> {
        self.read(Rule::roles_piece, piece, Some(Place::Caller), |this, pair| {
            let span = this.span(&pair);
            let mut parts = children(pair);
            let names: Vec<_> = children(parts.next()?).collect();
            let roles = names.iter().map(|name| this.lower(name, Noun::Roles)).collect();
            Some(Roles { roles, claim: this.plain_text(&parts.next()?), span })
        })?
    }

    fn identity(&mut self, piece: Piece) -> Option<Identity> {
        self.read(Rule::identity_piece, piece, Some(Place::Caller), |this, pair| {
            let span = this.span(&pair);
            let mut parts = children(pair);
            let name = this.lower(&parts.next()?, Noun::Identity);
            let ty = this.ty(parts.next()?);
            let claim = this.plain_text(&parts.next()?);
            let condition = parts.next().map(|condition| this.expr(condition));
            Some(Identity { doc: this.doc(span), name, ty, claim, condition, span })
        })?
    }
}
