//! Conditions on rows: from the model's typed expressions to the runtime's `Filter`, which becomes parameterised SQL.

use minos_dsl::model::{Comparison, Conversion, Expr, ExprKind, Id, View};
use proc_macro2::TokenStream;
use quote::quote;

use crate::rust::expr::Scope;
use crate::rust::name::field;

/// The filter of a condition on the rows of `view`.
pub(crate) fn filter(scope: &Scope<'_>, view: Id<View>, expr: &Expr) -> TokenStream {
    use ExprKind as K;
    let of = |it: &Expr| filter(scope, view, it);
    match &expr.kind {
        K::And(a, b) => {
            let (a, b) = (of(a), of(b));
            quote!(#a.and(#b))
        }
        K::Or(a, b) => {
            let (a, b) = (of(a), of(b));
            quote!(#a.or(#b))
        }
        K::Not(a) => {
            let a = of(a);
            quote!(#a.negated())
        }
        K::IfGiven { params, condition } => if_given(scope, view, params, condition),
        K::Compare(comparison, a, b) => compare(scope, view, *comparison, a, b),
        K::Contains { collection, item } if column(item).is_some() && !reads_row(collection) => {
            let column = scope.column(view, column(item).unwrap_or_default());
            let items = scope.code(collection).receiver();
            quote!(#column.among(#items.iter()))
        }
        K::IsAbsent(of) if column(of).is_some() => {
            let column = scope.column(view, column(of).unwrap_or_default());
            let comparison = scope.uses.runtime("view", "Comparison");
            quote!(#column.is(#comparison::Eq, &None))
        }
        K::Column(index) => {
            let column = scope.column(view, *index);
            quote!(#column.eq(&true))
        }
        _ => {
            let (whether, condition) = (scope.uses.runtime("view", "whether"), scope.code(expr).condition());
            quote!(#whether(#condition))
        }
    }
}

fn if_given(scope: &Scope<'_>, view: Id<View>, params: &[u32], condition: &Expr) -> TokenStream {
    let given = scope.with_given(params);
    let filter_type = scope.uses.runtime("view", "Filter");
    let mut tokens = filter(&given, view, condition);
    for param in params.iter().rev() {
        let name = field(&scope.param_names[*param as usize]);
        let holder = scope.params.clone().map(|it| quote!(#it.));
        tokens = quote!(#filter_type::if_given(#holder #name.as_ref(), |#name| #tokens));
    }
    tokens
}

/// The column that an expression is, perhaps made optional or plain.
fn column(expr: &Expr) -> Option<u32> {
    match &expr.kind {
        ExprKind::Column(index) => Some(*index),
        ExprKind::Convert(conversion, of) if same_in_sql(conversion) => column(of),
        _ => None,
    }
}

/// Whether a value is stored alike before and after.
fn same_in_sql(conversion: &Conversion) -> bool {
    match conversion {
        Conversion::Wrap | Conversion::Drop | Conversion::Loosen | Conversion::Widen => true,
        Conversion::InOptional(steps) => steps.iter().all(same_in_sql),
        _ => false,
    }
}

/// Whether it reads the row.
pub(crate) fn reads_row(expr: &Expr) -> bool {
    expr.any(|node| matches!(node.kind, ExprKind::Column(_)))
}

fn compare(scope: &Scope<'_>, view: Id<View>, comparison: Comparison, a: &Expr, b: &Expr) -> TokenStream {
    match (column(a), column(b)) {
        (Some(left), Some(right)) => {
            let kind = scope.uses.runtime("view", "Comparison");
            let (left, right, operator) = (scope.column(view, left), scope.column(view, right), operator(comparison));
            quote!(#left.is_as(#kind::#operator, &#right))
        }
        (Some(index), None) => against(scope, view, index, comparison, a, b),
        (None, Some(index)) => against(scope, view, index, flipped(comparison), b, a),
        (None, None) => {
            let (whether, a, b) =
                (scope.uses.runtime("view", "whether"), scope.code(a).operand(), scope.code(b).operand());
            let operator = match comparison {
                Comparison::Equal => quote!(==),
                Comparison::NotEqual => quote!(!=),
                Comparison::Less => quote!(<),
                Comparison::LessOrEqual => quote!(<=),
                Comparison::Greater => quote!(>),
                Comparison::GreaterOrEqual => quote!(>=),
            };
            quote!(#whether(#a #operator #b))
        }
    }
}

/// A column compared with a value.
fn against(
    scope: &Scope<'_>,
    view: Id<View>,
    index: u32,
    comparison: Comparison,
    side: &Expr,
    value: &Expr,
) -> TokenStream {
    let column = scope.column(view, index);
    let value_code = match &value.kind {
        // Both sides were made optional for the comparison: what is surely there is compared as it is.
        ExprKind::Convert(Conversion::Wrap, inner)
            if matches!(side.kind, ExprKind::Column(_) | ExprKind::Convert(Conversion::Wrap, _)) =>
        {
            inner
        }
        _ => value,
    };
    let reference = scope.borrowed(value_code);
    let exact = scope.plan.column_ty(view, index) == value_code.ty;
    if exact && comparison == Comparison::Equal {
        return quote!(#column.eq(#reference));
    }
    let kind = scope.uses.runtime("view", "Comparison");
    let operator = operator(comparison);
    match (exact, comparison) {
        (true, _) => quote!(#column.is(#kind::#operator, #reference)),
        (false, _) => {
            let compare = scope.uses.runtime("view", "compare");
            quote!(#compare(&#column, #kind::#operator, #reference))
        }
    }
}

fn operator(comparison: Comparison) -> TokenStream {
    match comparison {
        Comparison::Equal => quote!(Eq),
        Comparison::NotEqual => quote!(Ne),
        Comparison::Less => quote!(Lt),
        Comparison::LessOrEqual => quote!(Le),
        Comparison::Greater => quote!(Gt),
        Comparison::GreaterOrEqual => quote!(Ge),
    }
}

fn flipped(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        same => same,
    }
}
