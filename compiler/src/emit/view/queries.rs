//! The queries of a view.
//!
//! ```text
//! pub struct OfCustomer {
//!     pub customer: CustomerId,
//!     pub status: Option<OrderStatus>,
//! }
//!
//! impl Query for OfCustomer {
//!     const NAME: &'static str = "orders.OrderList.of_customer";
//!     type Row = OrderListRow;
//!     const RESULT: QueryResult = QueryResult::Page;
//!     const ROUTE: &'static str = "/orders/of_customer";
//!
//!     fn allow_call(&self, caller: &Caller) -> bool { … }
//!     fn filter(&self) -> Filter { … }
//!     fn order() -> Vec<ColumnOrder> { … }
//! }
//! ```

use minos_dsl::model::{Allow, Answer, Cursor, Expr, ExprKind, Query, QueryKind};
use proc_macro2::TokenStream;
use quote::quote;

use super::super::contracts::path_param;
use super::super::docs::{self, fields};
use super::super::nouns::{Member, Wire, record};
use crate::output::source_file::{SourceFile, Uses};
use crate::plan::Plan;
use crate::rust::expr::Scope;
use crate::rust::filter::{filter, reads_row};
use crate::rust::name::{field, ident};

pub(super) fn emit<'m>(plan: &Plan<'m>, file: &mut SourceFile, query: Cursor<'m, Query>) {
    let docs = docs::query(plan, query);
    let members = parameters(plan, file.uses(), query);
    record(file, &Plan::query_name(query), &docs, &["Clone", "Debug", "PartialEq"], Wire::Strict, &members);
    let uses = file.uses();
    let view = query.view();
    let mut scope = Scope::new(plan, uses);
    scope.param_names = query.params.iter().map(|it| it.name.to_string()).collect();
    scope.view = Some(view.id());
    scope.column_names = view.get().columns.iter().map(|it| it.name.to_string()).collect();
    let (name, wire, row) = (ident(&Plan::query_name(query)), query.path(), ident(&Plan::row_name(view)));
    let (query_trait, result, filter_ty) =
        (uses.runtime("view", "Query"), uses.runtime("view", "QueryResult"), uses.runtime("view", "Filter"));
    let answer = match query.answer {
        Answer::Row => quote!(Row),
        Answer::Rows => quote!(Rows),
        Answer::Page => quote!(Page),
    };
    let route = plan.query_route(query);
    let in_path = path_param(query)
        .filter(|_| route.contains('{'))
        .map(|it| quote!(const PATH_PARAM: Option<&'static str> = Some(#it);));
    let needs_token = matches!(query.get().allow, Allow::Anyone).then(|| {
        quote!(
            const NEEDS_TOKEN: bool = false;
        )
    });
    let rules = rules(&scope, query);
    let condition = condition(&scope, query);
    let order = order(&scope, query);
    let items = quote! {
        impl #query_trait for #name {
            const NAME: &'static str = #wire;
            type Row = #row;
            const RESULT: #result = #result::#answer;
            const ROUTE: &'static str = #route;
            #in_path
            #needs_token

            #rules

            fn filter(&self) -> #filter_ty {
                #condition
            }

            #order
        }
    };
    file.push(items);
}

/// The fields of the struct of a query's parameters.
pub(in crate::emit) fn parameters<'m>(plan: &Plan<'m>, uses: &Uses, query: Cursor<'m, Query>) -> Vec<Member<'m>> {
    let params = (0..).zip(&query.get().params);
    params.map(|(index, it)| Member::new(plan, uses, &it.name, fields::asked(plan, query, index, it), &it.ty)).collect()
}

/// Which rows.
fn condition(scope: &Scope<'_>, query: Cursor<'_, Query>) -> TokenStream {
    let view = query.view;
    let filter_ty = scope.uses.runtime("view", "Filter");
    match (&scope.plan.model.at(query.id()).get().filter, query.kind) {
        (Some(condition), _) => filter(scope, view, condition),
        (None, QueryKind::ById) if !query.params.is_empty() => {
            let (key, param) = (scope.column(view, 0), field(&query.params[0].name));
            quote!(#key.eq(&self.#param))
        }
        (None, QueryKind::ByIds) if !query.params.is_empty() => {
            let (key, param) = (scope.column(view, 0), field(&query.params[0].name));
            quote!(#key.among(self.#param.iter()))
        }
        _ => quote!(#filter_ty::everything()),
    }
}

fn order(scope: &Scope<'_>, query: Cursor<'_, Query>) -> Option<TokenStream> {
    if query.order.is_empty() {
        return None;
    }
    let columns = query.order.iter().map(|(column, descending)| {
        let column = scope.column(query.view, *column);
        let direction = field(if *descending { "descending" } else { "ascending" });
        quote!(#column.#direction())
    });
    let order = scope.uses.runtime("view", "ColumnOrder");
    Some(quote!(fn order() -> Vec<#order> { vec![#(#columns),*] }))
}

/// `allow_call`, and `allow_row` where the rule reads the row.
fn rules(scope: &Scope<'_>, query: Cursor<'_, Query>) -> TokenStream {
    let caller = scope.uses.runtime("caller", "Caller");
    let query = scope.plan.model.at(query.id());
    let rule = match &query.get().allow {
        Allow::Rule(rule) => rule,
        Allow::Anyone => return quote!(fn allow_call(&self, _: &#caller) -> bool { true }),
        Allow::Internal => return quote!(fn allow_call(&self, _: &#caller) -> bool { false }),
    };
    let call = possible(scope, rule);
    let call_caller = if call.to_string().contains("caller") { quote!(caller) } else { quote!(_) };
    let row = reads_row(rule).then(|| {
        let (row_ty, condition) = (ident(&Plan::row_name(query.view())), exact(scope, rule));
        let caller_name = if reads_caller(rule) { quote!(caller) } else { quote!(_) };
        quote!(fn allow_row(&self, #caller_name: &#caller, row: &#row_ty) -> bool { #condition })
    });
    let docs = row
        .is_some()
        .then(|| quote!(#[doc = " Whether any row may be seen; of each that is found `allow_row` decides."]));
    quote!(#docs fn allow_call(&self, #call_caller: &#caller) -> bool { #call } #row)
}

fn exact(scope: &Scope<'_>, rule: &Expr) -> TokenStream {
    if scope.may_fail(rule) {
        let contained = scope.contained(rule);
        return quote!(#contained.unwrap_or(false));
    }
    scope.code(rule).condition()
}

fn reads_caller(expr: &Expr) -> bool {
    expr.any(|node| matches!(node.kind, ExprKind::Caller(_) | ExprKind::HasRole(_)))
}

/// Whether any row could be allowed: what reads the row may hold wherever the caller has the identities that it reads.
fn possible(scope: &Scope<'_>, rule: &Expr) -> TokenStream {
    if !reads_row(rule) {
        return exact(scope, rule);
    }
    match &rule.kind {
        ExprKind::And(a, b) => both(possible(scope, a), possible(scope, b)),
        ExprKind::Or(a, b) => either(possible(scope, a), possible(scope, b)),
        ExprKind::Compare(..) => {
            let mut identities = Vec::new();
            rule.walk(&mut |node| {
                if let ExprKind::Caller(_) = node.kind {
                    let identity = scope.code(node).receiver();
                    identities.push(quote!(#identity.is_some()));
                }
            });
            identities.into_iter().reduce(both).unwrap_or_else(|| quote!(true))
        }
        _ => quote!(true),
    }
}

fn both(a: TokenStream, b: TokenStream) -> TokenStream {
    match (a.to_string().as_str(), b.to_string().as_str()) {
        ("true", _) => b,
        (_, "true") => a,
        (a_text, b_text) => {
            let bracket = |it: TokenStream, text: &str| if text.contains("||") { quote!((#it)) } else { it };
            let (a_text, b_text) = (a_text.to_owned(), b_text.to_owned());
            let (a, b) = (bracket(a, &a_text), bracket(b, &b_text));
            quote!(#a && #b)
        }
    }
}

fn either(a: TokenStream, b: TokenStream) -> TokenStream {
    if a.to_string() == "true" || b.to_string() == "true" { quote!(true) } else { quote!(#a || #b) }
}
