//! Policies.

use super::builder::{Builder, Piece, children};
use super::grammar::Rule;
use super::place::Place;
use super::stmt::{Context, broken_block};
use crate::ast::{Noun, Policy};

impl Builder<'_> {
    pub(super) fn policy(&mut self, piece: Piece) -> Option<Policy> {
        let (whole, header) = (Rule::policy_piece, Rule::policy_header_piece);
        self.read_with_block(whole, header, piece, Some(Place::Subdomain), Context::Flow, |this, pair, body| {
            let header = this.span(&pair);
            let body = body.unwrap_or_else(|| broken_block(header.after()));
            let mut parts = children(pair);
            let name = this.upper(&parts.next()?, Noun::Policy);
            let trigger = this.trigger(parts.next()?);
            let span = header.to(body.span);
            Some(Policy { doc: this.doc(header), name, trigger, body, span })
        })?
    }
}
