//! Types, and the declarations made of them.

use super::builder::{Builder, Pair, Piece, children, take};
use super::grammar::Rule;
use super::place::Place;
use crate::ast::{
    EnumDecl, Expr, ExprKind, Field, Literal, Noun, Param, Refinement, Type, TypeBase, TypeDecl, UnaryOp, ValueDecl,
    Variant,
};

impl<'a> Builder<'a> {
    pub(super) fn type_decl(&mut self, piece: Piece, place: Place) -> Option<TypeDecl> {
        self.read(Rule::type_decl_piece, piece, Some(place), |this, pair| {
            let span = this.span(&pair);
            let mut parts = children(pair);
            let name = this.upper(&parts.next()?, Noun::Type);
            Some(TypeDecl { doc: this.doc(span), name, ty: this.ty(parts.next()?), span })
        })?
    }

    pub(super) fn value_decl(&mut self, piece: Piece, place: Place) -> Option<ValueDecl> {
        self.read(Rule::value_decl_piece, piece, Some(place), |this, pair| {
            let span = this.span(&pair);
            let mut parts = children(pair);
            let name = this.upper(&parts.next()?, Noun::Value);
            let fields = parts.next().map(|fields| this.fields(fields)).unwrap_or_default();
            Some(ValueDecl { doc: this.doc(span), name, fields, broken: Vec::new(), span })
        })?
    }

    pub(super) fn enum_decl(&mut self, piece: Piece, place: Place) -> Option<EnumDecl> {
        self.read(Rule::enum_decl_piece, piece, Some(place), |this, pair| {
            let span = this.span(&pair);
            let mut parts = children(pair);
            let name = this.upper(&parts.next()?, Noun::Enum);
            let variants = parts
                .map(|variant| {
                    let name = this.lower(&variant, Noun::Enum);
                    Variant { doc: this.doc(name.span), name }
                })
                .collect();
            Some(EnumDecl { doc: this.doc(span), name, variants, span })
        })?
    }

    pub(super) fn fields(&mut self, pair: Pair<'a>) -> Vec<Field> {
        children(pair).filter_map(|field| self.field(field)).collect()
    }

    /// `name: Type`, with `unique` where the rule allows it.
    pub(super) fn field(&mut self, pair: Pair<'a>) -> Option<Field> {
        let span = self.span(&pair);
        let mut parts = children(pair);
        let name = self.lower(&parts.next()?, Noun::Field);
        let ty = self.ty(parts.next()?);
        let unique = parts.next().map(|word| self.span(&word));
        Some(Field { doc: self.doc(span), name, ty, unique, span })
    }

    pub(super) fn params(&mut self, pair: Pair<'a>) -> Vec<Param> {
        children(pair).filter_map(|param| self.param(param)).collect()
    }

    fn param(&mut self, pair: Pair<'a>) -> Option<Param> {
        let span = self.span(&pair);
        let mut parts = children(pair);
        let name = self.lower(&parts.next()?, Noun::Field);
        let ty = parts.next().map(|ty| self.ty(ty));
        Some(Param { doc: self.doc(span), name, ty, span })
    }

    pub(super) fn ty(&mut self, pair: Pair<'a>) -> Type {
        let span = self.span(&pair);
        let mut parts = children(pair).peekable();
        let base = match parts.next() {
            Some(base) => self.type_base(base),
            None => TypeBase::Named(crate::ast::Path { segments: Vec::new(), span }),
        };
        let refinements = take(&mut parts, Rule::type_args).map(|args| self.refinements(args)).unwrap_or_default();
        let matches = take(&mut parts, Rule::matches).and_then(|matches| children(matches).next());
        let matches = matches.map(|text| self.plain_text(&text));
        let optional = take(&mut parts, Rule::optional).map(|mark| self.span(&mark));
        Type { base, refinements, matches, optional, span }
    }

    fn type_base(&mut self, pair: Pair<'a>) -> TypeBase {
        let rule = pair.as_rule();
        if rule == Rule::path {
            return TypeBase::Named(self.path(pair));
        }
        let mut inner: Vec<Type> = children(pair).map(|ty| self.ty(ty)).collect();
        match (rule, inner.pop(), inner.pop()) {
            (Rule::map_type, Some(value), Some(key)) => TypeBase::Map(Box::new(key), Box::new(value)),
            (Rule::set_type, Some(element), _) => TypeBase::Set(Box::new(element)),
            (_, Some(element), _) => TypeBase::List(Box::new(element)),
            (_, None, _) => unreachable!("the grammar gives every collection its element"),
        }
    }

    fn refinements(&mut self, pair: Pair<'a>) -> Vec<Refinement> {
        children(pair)
            .map(|part| match part.as_rule() {
                Rule::distinct => {
                    let span = self.span(&part);
                    let field = children(part).find(|word| word.as_rule() == Rule::ident);
                    Refinement::Distinct { field: field.map(|name| self.ident(&name)), span }
                }
                _ => self.bound(part),
            })
            .collect()
    }

    /// `12`, `1..=5`, `0..`, `..5`
    fn bound(&mut self, pair: Pair<'a>) -> Refinement {
        let span = self.span(&pair);
        let mut parts = children(pair).peekable();
        let start = take(&mut parts, Rule::signed).map(|number| self.signed(number));
        let closed = take(&mut parts, Rule::closed).map(|_| true);
        let range = closed.or_else(|| take(&mut parts, Rule::half_open).map(|_| false));
        let end = take(&mut parts, Rule::signed).map(|number| self.signed(number));
        match (start, range) {
            (Some(value), None) => Refinement::Value(value),
            (start, inclusive) => Refinement::Range { start, end, inclusive: inclusive.unwrap_or(false), span },
        }
    }

    fn signed(&mut self, pair: Pair<'a>) -> Expr {
        let span = self.span(&pair);
        let mut parts = children(pair).peekable();
        let minus = take(&mut parts, Rule::neg_op).map(|minus| self.span(&minus));
        let number = match parts.next() {
            Some(number) => Expr { span: self.span(&number), kind: ExprKind::Literal(number_literal(number.as_str())) },
            None => Expr { kind: ExprKind::Broken, span },
        };
        match minus {
            Some(op_span) => {
                Expr { kind: ExprKind::Unary { op: UnaryOp::Neg, op_span, operand: Box::new(number) }, span }
            }
            None => number,
        }
    }
}

/// A number as written, without `_`.
pub(super) fn number_literal(text: &str) -> Literal {
    let digits: Box<str> = if text.contains('_') { text.replace('_', "").into() } else { text.into() };
    if digits.contains('.') { Literal::Decimal(digits) } else { Literal::Int(digits) }
}
