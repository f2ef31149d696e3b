//! The gateway.

use super::builder::{Builder, Pair, Piece, children, take};
use super::grammar::Rule;
use super::place::Place;
use crate::ast::ExprKind;
use crate::ast::{
    Authenticate, Compose, Expose, Gateway, Ident, Noun, Part, Route, RoutePath, RouteSegment, Text, TextPart,
};
use crate::diagnostic::{Diagnostic, syntax};

impl<'a> Builder<'a> {
    pub(super) fn gateway(&mut self, piece: Piece) -> Option<Gateway> {
        let (head, body) = self.open(piece, Place::File, false);
        self.word_alone(head);
        let (mut authenticate, mut exposes, mut routes) = (Vec::new(), Vec::new(), Vec::new());
        let (mut compositions, mut broken) = (Vec::new(), Vec::new());
        if let Some(body) = body {
            self.members(Place::Gateway, body, |this, noun, piece| {
                match noun {
                    Noun::Authenticate => authenticate.push(this.authenticate(piece)?),
                    Noun::Expose => exposes.push(this.expose(piece)?),
                    Noun::Route => routes.push(this.route(piece)?),
                    Noun::Compose => compositions.push(this.compose(piece)?),
                    _ => return None,
                }
                Some(())
            });
            broken.append(&mut self.leftovers);
        }
        let doc = self.doc(self.place(head));
        Some(Gateway { doc, authenticate, exposes, routes, compositions, broken, span: self.place(piece) })
    }

    fn authenticate(&mut self, piece: Piece) -> Option<Authenticate> {
        self.read(Rule::authenticate_piece, piece, Some(Place::Gateway), |this, pair| {
            let span = this.span(&pair);
            let mut parts = children(pair);
            let scheme = this.ident(&parts.next()?);
            let args = parts.next().map(|args| this.args(args)).unwrap_or_default();
            Some(Authenticate { scheme, args, span })
        })?
    }

    fn expose(&mut self, piece: Piece) -> Option<Expose> {
        self.read(Rule::expose_piece, piece, Some(Place::Gateway), |this, pair| {
            let span = this.span(&pair);
            Expose { paths: children(pair).map(|path| this.path(path)).collect(), span }
        })
    }

    fn route(&mut self, piece: Piece) -> Option<Route> {
        self.read(Rule::route_piece, piece, Some(Place::Gateway), |this, pair| {
            let span = this.span(&pair);
            let mut parts = children(pair);
            let method = this.ident(&parts.next()?);
            let text = this.text(&parts.next()?);
            let path = this.route_path(text)?;
            Some(Route { doc: this.doc(span), method, path, target: this.path(parts.next()?), span })
        })?
    }

    /// `/orders/{order}/page`: each segment is plain, or one parameter.
    fn route_path(&mut self, text: Text) -> Option<RoutePath> {
        let span = text.span;
        let mut segments: Vec<Vec<RouteSegment>> = Vec::new();
        let mut sound =
            !text.raw && matches!(text.parts.first(), Some(TextPart::Literal(first)) if first.starts_with('/'));
        for part in text.parts {
            match part {
                TextPart::Literal(literal) => {
                    for (at, piece) in literal.split('/').enumerate() {
                        if at > 0 {
                            segments.push(Vec::new());
                        }
                        let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
                        sound &= piece.chars().all(plain) && piece != "." && piece != "..";
                        if let (false, Some(last)) = (piece.is_empty(), segments.last_mut()) {
                            last.push(RouteSegment::Literal(piece.to_owned()));
                        }
                    }
                }
                TextPart::Expr(expr) => match (expr.kind, segments.last_mut()) {
                    (ExprKind::Name(name), Some(last)) => last.push(RouteSegment::Param(name)),
                    (ExprKind::Broken, _) => return None,
                    _ => sound = false,
                },
            }
        }
        sound &= segments.iter().all(|segment| segment.len() == 1);
        if !sound {
            self.report(
                Diagnostic::new(&syntax::BAD_ROUTE, span, "this is not the path of a route")
                    .hint("write `\"/orders/{order}/page\"`: from `/`, with a word or one parameter in braces between the slashes"),
            );
            return None;
        }
        Some(RoutePath { segments: segments.into_iter().flatten().collect(), span })
    }

    fn compose(&mut self, piece: Piece) -> Option<Compose> {
        self.read(Rule::compose_piece, piece, Some(Place::Gateway), |this, pair| {
            let span = this.span(&pair);
            let mut parts = children(pair).peekable();
            let name = this.upper(&parts.next()?, Noun::Compose);
            let params = take(&mut parts, Rule::params).map(|params| this.params(params)).unwrap_or_default();
            let parts = parts.filter_map(|part| this.part(part)).collect();
            Some(Compose { doc: this.doc(span), name, params, parts, broken: Vec::new(), span })
        })?
    }

    fn part(&mut self, pair: Pair<'a>) -> Option<Part> {
        let span = self.span(&pair);
        let mut parts = children(pair);
        let name: Ident = self.lower(&parts.next()?, Noun::Part);
        let value = self.expr(parts.next()?);
        let absent_if_unavailable = parts.next().map(|words| self.span(&words));
        Some(Part { doc: self.doc(span), name, value, absent_if_unavailable, span })
    }
}
