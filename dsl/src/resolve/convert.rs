//! Which type can stand for which, and by which conversions.

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, types as codes};
use crate::draft::Draft;
use crate::model::{Base, CollectionRule, Conversion, Expr, ExprKind, Id, Model, NamedType, Rule, Size, Ty};
use crate::resolve::body::Body;
use crate::types::base_name;

/// Conversions with the type after each.
type Steps = Vec<(Conversion, Ty)>;

impl Draft<'_> {
    /// A type as it is written.
    pub(crate) fn show(&self, ty: &Ty) -> String {
        show(&self.model, ty)
    }
}

pub(crate) fn base_of(model: &Model, ty: &Ty) -> Option<Base> {
    match ty {
        Ty::Base(base) => Some(*base),
        Ty::Refined(refined) => Some(refined.base),
        Ty::Named(id) | Ty::Loose(id) => Some(model.named_types[*id].base),
        _ => None,
    }
}

/// What arithmetic holds a number as: plain, or loose where it is of a named decimal type.
pub(crate) fn loosened(model: &Model, ty: &Ty) -> Option<Ty> {
    match ty {
        Ty::Named(id) | Ty::Loose(id) if model.named_types[*id].base == Base::Decimal => Some(Ty::Loose(*id)),
        _ => base_of(model, ty).map(Ty::Base),
    }
}

fn rule_of<'m>(model: &'m Model, ty: &'m Ty) -> Option<&'m Rule> {
    match ty {
        Ty::Refined(refined) => Some(&refined.rule),
        Ty::Named(id) => Some(&model.named_types[*id].rule),
        _ => None,
    }
}

/// The conversions from one type to another; `None` where there are none.
pub(crate) fn steps(model: &Model, from: &Ty, to: &Ty) -> Option<Steps> {
    if from == to || *from == Ty::Poison || *to == Ty::Poison {
        return Some(Vec::new());
    }
    match (from, to) {
        (Ty::Optional(a), Ty::Optional(b)) => {
            let inner = steps(model, a, b)?;
            Some(within(inner, to, Conversion::InOptional))
        }
        (_, Ty::Optional(inner)) => {
            let mut found = steps(model, from, inner)?;
            found.push((Conversion::Wrap, to.clone()));
            Some(found)
        }
        (Ty::List(a, from_rule), Ty::List(b, to_rule)) => {
            let inner = steps(model, a, b)?;
            let kept = if inner.is_empty() { from_rule.clone() } else { None };
            let mut found = within(inner, &Ty::List(b.clone(), None), Conversion::Elements);
            found.extend(rule_step(&kept, to_rule, to));
            Some(found)
        }
        (Ty::Set(a, from_rule), Ty::Set(b, to_rule)) if a == b => {
            Some(rule_step(from_rule, to_rule, to).into_iter().collect())
        }
        (Ty::Map(k, a, from_rule), Ty::Map(l, b, to_rule)) if k == l => {
            let inner = steps(model, a, b)?;
            let mut found = within(inner, &Ty::Map(l.clone(), b.clone(), from_rule.clone()), Conversion::Elements);
            found.extend(rule_step(from_rule, to_rule, to));
            Some(found)
        }
        _ => scalar_steps(model, from, to),
    }
}

fn within(inner: Steps, to: &Ty, wrap: impl Fn(Vec<Conversion>) -> Conversion) -> Steps {
    if inner.is_empty() {
        return Vec::new();
    }
    vec![(wrap(inner.into_iter().map(|(step, _)| step).collect()), to.clone())]
}

fn rule_step(
    from: &Option<Arc<CollectionRule>>,
    to: &Option<Arc<CollectionRule>>,
    ty: &Ty,
) -> Option<(Conversion, Ty)> {
    match (from, to) {
        (None, None) => None,
        (Some(_), None) => Some((Conversion::Drop, ty.clone())),
        (a, b) if a == b => None,
        (from, Some(to)) => {
            let none = CollectionRule::default();
            let from = from.as_deref().unwrap_or(&none);
            let implied = size_implies(from.size, to.size) && (to.distinct.is_none() || from.distinct == to.distinct);
            Some((if implied { Conversion::Widen } else { Conversion::Refine }, ty.clone()))
        }
    }
}

fn scalar_steps(model: &Model, from: &Ty, to: &Ty) -> Option<Steps> {
    let (a, b) = (base_of(model, from)?, base_of(model, to)?);
    if a == Base::Int && b == Base::Decimal {
        let mut found = match from {
            Ty::Base(_) => Vec::new(),
            _ => vec![(Conversion::Drop, Ty::Base(Base::Int))],
        };
        let decimal = Ty::Base(Base::Decimal);
        found.push((Conversion::IntToDecimal, decimal.clone()));
        found.extend(steps(model, &decimal, to)?);
        return Some(found);
    }
    if a != b || clash(from, to) {
        return None;
    }
    let plain = Ty::Base(a);
    Some(match (from, to) {
        (Ty::Loose(_), Ty::Base(_)) | (Ty::Base(_), Ty::Loose(_)) => vec![(Conversion::Loosen, to.clone())],
        (Ty::Loose(_), Ty::Refined(_)) => vec![(Conversion::Loosen, plain), (Conversion::Refine, to.clone())],
        (Ty::Refined(_), Ty::Loose(_)) => vec![(Conversion::Drop, plain), (Conversion::Loosen, to.clone())],
        (_, Ty::Base(_)) | (Ty::Named(_), Ty::Loose(_)) => vec![(Conversion::Drop, to.clone())],
        (Ty::Named(_), Ty::Refined(_)) => vec![(Conversion::Drop, plain), (refining(model, from, to), to.clone())],
        _ => vec![(refining(model, from, to), to.clone())],
    })
}

/// Two named types never stand for each other.
fn clash(from: &Ty, to: &Ty) -> bool {
    let name = |ty: &Ty| -> Option<Id<NamedType>> {
        match ty {
            Ty::Named(id) | Ty::Loose(id) => Some(*id),
            _ => None,
        }
    };
    matches!((name(from), name(to)), (Some(a), Some(b)) if a != b)
}

fn refining(model: &Model, from: &Ty, to: &Ty) -> Conversion {
    let (none, target) = (Rule::default(), rule_of(model, to));
    let from = rule_of(model, from).unwrap_or(&none);
    match target {
        Some(target) if !implies(from, target) => Conversion::Refine,
        _ => Conversion::Widen,
    }
}

/// Whether what keeps the first rule also keeps the second.
fn implies(from: &Rule, to: &Rule) -> bool {
    let digits = match (from.digits, to.digits) {
        (_, None) => true,
        (Some(a), Some(b)) => a.scale <= b.scale && a.precision - a.scale <= b.precision - b.scale,
        (None, Some(_)) => false,
    };
    let min = match (from.min, to.min) {
        (_, None) => true,
        (Some(a), Some(b)) => a.value > b.value || (a.value == b.value && (b.inclusive || !a.inclusive)),
        (None, Some(_)) => false,
    };
    let max = match (from.max, to.max) {
        (_, None) => true,
        (Some(a), Some(b)) => a.value < b.value || (a.value == b.value && (b.inclusive || !a.inclusive)),
        (None, Some(_)) => false,
    };
    digits && min && max && size_implies(from.length, to.length) && (to.pattern.is_none() || from.pattern == to.pattern)
}

fn size_implies(from: Option<Size>, to: Option<Size>) -> bool {
    let Some(to) = to else { return true };
    let from = from.unwrap_or(Size { min: 0, max: None });
    from.min >= to.min && to.max.is_none_or(|limit| from.max.is_some_and(|max| max <= limit))
}

pub(crate) fn show(model: &Model, ty: &Ty) -> String {
    let element = |ty: &Ty| show(model, ty);
    match ty {
        Ty::Base(base) => base_name(*base).to_owned(),
        Ty::Refined(refined) => format!("{}{}", base_name(refined.base), show_rule(&refined.rule)),
        Ty::Named(id) | Ty::Loose(id) => model.named_types[*id].name.to_string(),
        Ty::Id(id) => format!("{}.Id", model.at(*id).path()),
        Ty::Value(id) => model.values[*id].name.to_string(),
        Ty::Enum(id) => model.enums[*id].name.to_string(),
        Ty::Status(id) => format!("{}.Status", model.at(*id).path()),
        Ty::List(of, _) => format!("list<{}>", element(of)),
        Ty::Set(of, _) => format!("set<{}>", element(of)),
        Ty::Map(key, value, _) => format!("map<{}, {}>", element(key), element(value)),
        Ty::Optional(of) => format!("{}?", element(of)),
        Ty::Row(id) => format!("a row of {}", model.views[*id].name),
        Ty::Joined(of, view) => format!("{} joined with a row of {}", element(of), model.views[*view].name),
        Ty::Event(id) => format!("the event {}", model.events[*id].name),
        Ty::Composed(id) => format!("the composition {}", model.composes[*id].name),
        Ty::Poison => "?".to_owned(),
    }
}

fn show_rule(rule: &Rule) -> String {
    let mut parts = Vec::new();
    if let Some(digits) = rule.digits {
        parts.push(format!("{}, {}", digits.precision, digits.scale));
    }
    if rule.min.is_some() || rule.max.is_some() {
        let min = rule.min.map_or(String::new(), |it| it.value.to_string());
        let max = rule.max.map_or(String::new(), |it| format!("{}{}", if it.inclusive { "=" } else { "" }, it.value));
        parts.push(format!("{min}..{max}"));
    }
    if let Some(size) = rule.length {
        parts.push(format!("{}..{}", size.min, size.max.map_or(String::new(), |max| format!("={max}"))));
    }
    if parts.is_empty() { String::new() } else { format!("({})", parts.join(", ")) }
}

impl Body<'_, '_> {
    /// The expression as a value of type `to`; reports where it cannot be one.
    pub(crate) fn coerce(&mut self, expr: Expr, to: &Ty) -> Expr {
        match steps(&self.draft.model, &expr.ty, to) {
            Some(steps) => convert(expr, steps),
            None => self.mismatch(&expr, to),
        }
    }

    fn mismatch(&mut self, expr: &Expr, to: &Ty) -> Expr {
        let (found, wanted) = (self.draft.show(&expr.ty), self.draft.show(to));
        let diagnostic = match &expr.ty {
            Ty::Optional(inner) if steps(&self.draft.model, inner, to).is_some() => {
                let message = format!("this may be absent, but `{wanted}` is wanted here");
                Diagnostic::new(&codes::MAY_BE_ABSENT, expr.span, message)
                    .hint("give a default with `?? …`, or look first with `if … as x { … }`")
            }
            _ => {
                let diagnostic = Diagnostic::new(
                    &codes::MISMATCH,
                    expr.span,
                    format!("this is `{found}`, but `{wanted}` is wanted here"),
                );
                match mismatch_hint(&self.draft.model, &expr.ty, to) {
                    Some(hint) => diagnostic.hint(hint),
                    None => diagnostic,
                }
            }
        };
        self.report(diagnostic);
        self.poison(expr.span)
    }
}

fn mismatch_hint(model: &Model, from: &Ty, to: &Ty) -> Option<String> {
    match (from, to) {
        (Ty::Named(_) | Ty::Loose(_), Ty::Named(_) | Ty::Loose(_)) if base_of(model, from) == base_of(model, to) => {
            Some(
                "two named types never stand for each other, also where both are made of the same plain type"
                    .to_owned(),
            )
        }
        (Ty::Id(_), Ty::Id(_)) => Some("each aggregate has ids of its own type".to_owned()),
        (Ty::Value(_) | Ty::Row(_) | Ty::Joined(..), _) => Some("read one of its fields with `.`".to_owned()),
        (Ty::Map(..), Ty::List(..)) => Some("`.values()` and `.keys()` make lists of a map".to_owned()),
        _ => None,
    }
}

/// Wraps the expression in conversions.
pub(crate) fn convert(mut expr: Expr, steps: Steps) -> Expr {
    for (conversion, ty) in steps {
        let span = expr.span;
        expr = Expr { kind: ExprKind::Convert(conversion, Box::new(expr)), ty, span };
    }
    expr
}
