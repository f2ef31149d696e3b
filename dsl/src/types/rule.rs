//! Rules of types: ranges, sizes, digits, patterns, what is distinct.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::{base_name, number};
use crate::ast;
use crate::diagnostic::{Diagnostic, names, types as codes};
use crate::draft::Draft;
use crate::model::{Base, Bound, CollectionRule, Digits, Distinct, Refined, Rule, Size, Ty};
use crate::source::Span;
use crate::suggest::did_you_mean;

impl<'a> Draft<'a> {
    fn bad(&mut self, span: Span, message: &str, hint: &str) {
        self.report(Diagnostic::new(&codes::BAD_REFINEMENT, span, message).hint(hint));
    }

    /// A plain type with what is in its parentheses.
    pub(super) fn refined(&mut self, base: Base, node: &'a ast::Type) -> Ty {
        let mut rule = Rule::default();
        let mut digits: Vec<(u64, Span)> = Vec::new();
        for refinement in &node.refinements {
            let span = refinement_span(refinement);
            match (refinement, base) {
                (ast::Refinement::Value(expr), Base::Decimal) => {
                    match number(expr).and_then(|it| u64::try_from(it).ok()) {
                        Some(value) => digits.push((value, span)),
                        None => self.bad(
                            span,
                            "the digits of a decimal are whole numbers",
                            "write `decimal(12, 2)`: twelve digits, two of them after the point",
                        ),
                    }
                }
                (ast::Refinement::Range { start, end, inclusive, .. }, Base::Int | Base::Decimal) => {
                    self.number_range(base, &mut rule, (start.as_ref(), end.as_ref(), *inclusive), span);
                }
                (ast::Refinement::Range { start, end, inclusive, .. }, Base::Text) => {
                    rule.length = self.size((start.as_ref(), end.as_ref(), *inclusive), span);
                }
                (ast::Refinement::Distinct { .. }, _) => {
                    self.bad(span, "only the elements of a list can be `distinct`", "remove `distinct`")
                }
                (ast::Refinement::Value(_), Base::Text) => {
                    self.bad(span, "the length of a text is a range", "write `text(1..=120)`")
                }
                (ast::Refinement::Value(_), Base::Int) => {
                    self.bad(span, "the values of an `int` are a range", "write `int(1..=10)`")
                }
                _ => {
                    let message = format!("`{}` has no rules", base_name(base));
                    self.bad(span, &message, "remove the parentheses");
                }
            }
        }
        if base == Base::Decimal {
            rule.digits = self.digits(node, &digits);
            if rule.digits.is_none() {
                return Ty::Poison;
            }
        }
        if let Some(text) = &node.matches {
            match (base, text.as_plain()) {
                (Base::Text, Some(pattern)) => rule.pattern = self.pattern(pattern, text.span),
                (Base::Text, None) => {
                    self.bad(text.span, "a pattern cannot have `{…}` in it", "write it raw: `matches r\"…\"`")
                }
                _ => {
                    let message = format!("`{}` has no pattern; only `text` has", base_name(base));
                    self.bad(text.span, &message, "remove `matches`");
                }
            }
        }
        if rule.is_empty() { Ty::Base(base) } else { Ty::Refined(Arc::new(Refined { base, rule })) }
    }

    fn digits(&mut self, node: &'a ast::Type, digits: &[(u64, Span)]) -> Option<Digits> {
        match digits {
            [] if node.refinements.iter().any(|it| matches!(it, ast::Refinement::Value(_))) => None,
            [(precision, span), (scale, _)] => {
                if *precision == 0 || *precision > 18 || scale > precision {
                    self.bad(
                        *span,
                        "a decimal has 1 to 18 digits, and no more of them after the point",
                        "write `decimal(12, 2)`: twelve digits, two of them after the point",
                    );
                    return None;
                }
                Some(Digits { precision: *precision as u8, scale: *scale as u8 })
            }
            _ => {
                let hint = "write `decimal(12, 2)`: twelve digits, two of them after the point";
                self.bad(
                    node.span,
                    "a `decimal` says how many digits it has, and how many of them are after the point",
                    hint,
                );
                None
            }
        }
    }

    fn pattern(&mut self, pattern: &str, span: Span) -> Option<Arc<str>> {
        match crate::pattern::problem(pattern) {
            None => Some(pattern.into()),
            Some(problem) => {
                let message = format!("the pattern is not a regular expression: {problem}");
                self.bad(span, &message, "the whole text is matched; `\\` escapes");
                None
            }
        }
    }

    fn number_range(
        &mut self,
        base: Base,
        rule: &mut Rule,
        (start, end, inclusive): (Option<&ast::Expr>, Option<&ast::Expr>, bool),
        span: Span,
    ) {
        if rule.min.is_some() || rule.max.is_some() {
            return self.bad(span, "there are two ranges", "write one");
        }
        let whole = base == Base::Int;
        let read = |expr: Option<&ast::Expr>| match expr {
            None => Some(None),
            Some(expr) => number(expr).filter(|it| !whole || it.is_integer()).map(Some),
        };
        let (Some(start), Some(end)) = (read(start), read(end)) else {
            let message =
                if whole { "the ends of this range are whole numbers" } else { "the ends of a range are numbers" };
            return self.bad(span, message, "write `0..`, `1..=10` or `0..100`");
        };
        rule.min = start.map(|value| Bound { value, inclusive: true });
        rule.max = end.map(|value| match whole && !inclusive {
            true => Bound { value: value - Decimal::ONE, inclusive: true },
            false => Bound { value, inclusive },
        });
        let empty = matches!((rule.min, rule.max), (Some(min), Some(max)) if min.value > max.value || (min.value == max.value && !max.inclusive));
        if empty {
            self.bad(span, "nothing is in this range", "the smaller end comes first");
        }
    }

    fn size(
        &mut self,
        (start, end, inclusive): (Option<&ast::Expr>, Option<&ast::Expr>, bool),
        span: Span,
    ) -> Option<Size> {
        let read = |expr: Option<&ast::Expr>| match expr {
            None => Some(None),
            Some(expr) => {
                number(expr).and_then(|it| it.is_integer().then(|| u64::try_from(it).ok()).flatten()).map(Some)
            }
        };
        let (Some(min), Some(max)) = (read(start), read(end)) else {
            self.bad(span, "a size is a whole number from 0", "write `1..=120`");
            return None;
        };
        let max = max.map(|max| if inclusive { Some(max) } else { max.checked_sub(1) });
        let min = min.unwrap_or(0);
        match max {
            Some(None) => {}
            Some(Some(max)) if max < min => {}
            Some(Some(max)) => return Some(Size { min, max: Some(max) }),
            None => return Some(Size { min, max: None }),
        }
        self.bad(span, "nothing is in this range", "the smaller end comes first");
        None
    }

    pub(super) fn collection_rule(
        &mut self,
        element: &Ty,
        node: &'a ast::Type,
        list: bool,
    ) -> Option<Arc<CollectionRule>> {
        let mut rule = CollectionRule::default();
        for refinement in &node.refinements {
            match refinement {
                ast::Refinement::Range { start, end, inclusive, span } => {
                    rule.size = self.size((start.as_ref(), end.as_ref(), *inclusive), *span)
                }
                ast::Refinement::Distinct { span, .. } if !list => {
                    self.bad(*span, "keys of a map and elements of a set are always distinct", "remove `distinct`")
                }
                ast::Refinement::Distinct { field: None, .. } => rule.distinct = Some(Distinct::Elements),
                ast::Refinement::Distinct { field: Some(field), .. } => {
                    rule.distinct = self.distinct_field(element, field)
                }
                ast::Refinement::Value(expr) => {
                    self.bad(expr.span, "the size of a collection is a range", "write `list<Item>(1..=50)`")
                }
            }
        }
        if let Some(text) = &node.matches {
            self.bad(text.span, "a collection has no pattern; only `text` has", "remove `matches`");
        }
        (rule != CollectionRule::default()).then(|| Arc::new(rule))
    }

    /// `distinct product`: the field of the value. Values may be declared later, so that the syntax is asked.
    fn distinct_field(&mut self, element: &Ty, field: &'a ast::Ident) -> Option<Distinct> {
        let id = match element {
            Ty::Value(id) => *id,
            Ty::Poison => return None,
            _ => {
                self.bad(field.span, "the elements have no fields", "write `distinct` alone");
                return None;
            }
        };
        let fields = &self.nodes.values[id.index()].fields;
        if let Some(index) = fields.iter().position(|it| it.name.text == field.text) {
            return Some(Distinct::Field(index as u32));
        }
        let hint = did_you_mean(field.as_str(), fields.iter().map(|it| it.name.as_str()));
        let message = format!("`{}` has no field `{}`", self.model.values[id].name, field.as_str());
        self.report_hint(Diagnostic::new(&names::UNKNOWN_MEMBER, field.span, message), hint);
        None
    }
}

pub(super) fn refinement_span(refinement: &ast::Refinement) -> Span {
    match refinement {
        ast::Refinement::Value(expr) => expr.span,
        ast::Refinement::Range { span, .. } | ast::Refinement::Distinct { span, .. } => *span,
    }
}
