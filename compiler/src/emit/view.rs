//! `views.rs`, `views/order_list.rs`: rows kept for reading, how they follow events, and the queries that read them.
//!
//! ```text
//! minos_runtime::row! {
//!     /// A row of `orders.OrderList`; its key is `order`.
//!     pub struct OrderListRow of "orders.OrderList" {
//!         order: OrderId => ORDER,
//!         status: OrderStatus => STATUS indexed,
//!     }
//! }
//!
//! pub struct OrderList;
//!
//! impl View for OrderList { … }
//!
//! pub struct OfCustomer { pub customer: CustomerId, pub status: Option<OrderStatus> }
//!
//! impl Query for OfCustomer { … }
//! ```

use std::collections::BTreeSet;

use minos_dsl::model::{Cursor, Expr, ExprKind, Query, Subdomain, View, ViewSource};
use proc_macro2::TokenStream;
use quote::quote;

use super::docs;
use super::nouns::{OPTIONAL, docs_or};
use crate::output::layout;
use crate::output::source_file::{SourceFile, Uses};
use crate::plan::{Plan, definition};
use crate::rust::code::Code;
use crate::rust::expr::{Scope, initializer};
use crate::rust::name::{field, ident, screaming, type_name};
use crate::rust::ty;

mod handlers;
pub(super) use handlers::{event_path, free_name};
pub(super) mod queries;

pub(super) fn emit_all<'m>(plan: &Plan<'m>, subdomain: Cursor<'m, Subdomain>) -> Vec<SourceFile> {
    let views: Vec<Cursor<'m, View>> = subdomain.views().collect();
    let Some(first) = views.first() else { return Vec::new() };
    let mut names: Vec<String> = views.iter().map(|it| super::file_name(&it.name)).collect();
    names.sort();
    let mut files =
        vec![super::module_list("views.rs", &super::origin(plan, first.span), "Rows kept for reading.", &names)];
    files.extend(views.into_iter().map(|it| emit(plan, it)));
    files
}

/// The queries that may be asked from outside.
pub(super) fn asked<'m>(view: Cursor<'m, View>) -> impl Iterator<Item = Cursor<'m, Query>> {
    view.queries().filter(|it| !it.allow.is_internal())
}

fn emit<'m>(plan: &Plan<'m>, view: Cursor<'m, View>) -> SourceFile {
    let row = Plan::row_name(view);
    let name = type_name(&view.name, "View");
    let mut own = vec![row.clone(), name.clone()];
    own.extend(asked(view).map(Plan::query_name));
    let known = docs::view(plan, view);
    let docs = docs_or(&view.docs, || known.clone());
    let path = format!("views/{}.rs", super::file_name(&view.name));
    let mut file = SourceFile::new(&path, &plan.view_module(view), &super::origin(plan, view.span), &docs, &own);
    rows(plan, &mut file, view, &row);
    let (ident, docs) = (ident(&name), format!(" {known}"));
    file.push(quote!(#[doc = #docs] pub struct #ident;));
    let implementation = match &view.get().source {
        ViewSource::Aggregate { .. } => kept(plan, file.uses(), view),
        ViewSource::Events { .. } => handlers::emit(plan, file.uses(), view),
    };
    file.push(implementation);
    for query in asked(view) {
        queries::emit(plan, &mut file, query);
    }
    file
}

/// The row: its fields, and their columns.
fn rows<'m>(plan: &Plan<'m>, file: &mut SourceFile, view: Cursor<'m, View>, row: &str) {
    let indexed = indexed(view);
    let mut text = format!("minos_runtime::row! {{\n    /// {}\n", docs::row(view, !indexed.is_empty()));
    text.push_str(&format!("    pub struct {row} of {:?} {{\n", view.path()));
    for (index, column) in (0..).zip(&view.get().columns) {
        let column_ty = plan.column_ty(view.id(), index);
        let ty = layout::type_text(&ty::ty(plan, file.uses(), &column_ty));
        for line in docs::fields::column(plan, view, index).lines() {
            text.push_str(&format!("        /// {line}\n"));
        }
        if column_ty.as_optional().is_some() {
            text.push_str(&format!("        {OPTIONAL}\n"));
        }
        let mark = if indexed.contains(&index) { " indexed" } else { "" };
        text.push_str(&format!("        {}: {ty} => {}{mark},\n", field(&column.name), screaming(&column.name)));
    }
    text.push_str("    }\n}\n");
    file.text(text);
}

/// Columns with an index: those that say so, those that a query compares or orders by; the key has its own.
fn indexed(view: Cursor<'_, View>) -> BTreeSet<u32> {
    let mut indexed: BTreeSet<u32> =
        (0..).zip(&view.columns).filter(|(_, it)| it.indexed).map(|(index, _)| index).collect();
    for query in view.queries().filter(|it| !it.allow.is_internal()) {
        let mut compared = |expr: &Expr| {
            if let ExprKind::Column(index) = expr.kind {
                indexed.insert(index);
            }
        };
        if let Some(filter) = &query.get().filter {
            filter.walk(&mut |node| {
                if let ExprKind::Compare(_, a, b) = &node.kind {
                    compared(a);
                    compared(b);
                }
            });
        }
        indexed.extend(query.order.iter().map(|(column, _)| *column));
    }
    if let ViewSource::Events { handlers, .. } = &view.get().source {
        for case in handlers.iter().flat_map(|it| &it.cases) {
            handlers::filtered_columns(&case.body, &mut indexed);
        }
    }
    indexed.remove(&0);
    indexed
}

/// `impl KeptView`.
fn kept<'m>(plan: &Plan<'m>, uses: &Uses, view: Cursor<'m, View>) -> TokenStream {
    let ViewSource::Aggregate { aggregate, values } = &view.get().source else { return TokenStream::new() };
    let aggregate = plan.model.at(*aggregate);
    let module = plan.aggregate_module(aggregate);
    let (state_ty, id_ty) = (
        uses.item(&module, &type_name(&aggregate.name, "Aggregate")),
        uses.item(&module, &plan.id_place(aggregate).name),
    );
    let state = field(&aggregate.name);
    let mut scope = Scope::new(plan, uses);
    scope.aggregate = Some(aggregate.id());
    scope.state = quote!(#state);
    scope.id = Code::reference(quote!(id));
    scope.state_fields_optional = true;
    let columns = &view.get().columns;
    let fields: Vec<TokenStream> = (0..)
        .zip(columns)
        .zip(values)
        .map(|((index, column), value)| initializer(&column.name, &column_value(&scope, view, index, value)))
        .collect();
    let (name, row) = (ident(&type_name(&view.name, "View")), ident(&Plan::row_name(view)));
    let definition = definition::view(view);
    let kept_view = uses.runtime("view", "KeptView");
    let id = if values.iter().any(|it| it.any(|node| matches!(node.kind, ExprKind::SelfId))) {
        quote!(id)
    } else {
        quote!(_)
    };
    quote! {
        impl #kept_view for #name {
            type Aggregate = #state_ty;
            type Row = #row;
            /// A hash of the columns and of what fills them: under another one the rows are built again.
            const DEFINITION: &'static str = #definition;

            fn row(#id: &#id_ty, #state: &#state_ty) -> #row {
                #row { #(#fields),* }
            }
        }
    }
}

/// A column's value: absent, and reported, where it cannot be computed.
pub(super) fn column_value(scope: &Scope<'_>, view: Cursor<'_, View>, column: u32, value: &Expr) -> TokenStream {
    let plan = scope.plan;
    let view = plan.model.at(view.id());
    if !plan.column_may_be_absent(view.id(), column) {
        return if scope.may_fail(value) && value.ty.as_optional().is_some() {
            let result = scope.contained(value);
            quote!(#result.ok().flatten())
        } else {
            scope.owned(value)
        };
    }
    if !scope.may_fail(value) {
        let value = scope.owned(value);
        return quote!(Some(#value));
    }
    let (computed, result) = (scope.uses.runtime("view", "computed"), scope.contained(value));
    let name = format!("{}.{}", view.path(), view.get().columns[column as usize].name);
    quote!(#computed(#name, #result))
}
