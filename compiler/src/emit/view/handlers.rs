//! How a view follows events.
//!
//! ```text
//! #[async_trait]
//! impl View for Names {
//!     type Row = NamesRow;
//!     const HANDLES: &'static [&'static str] = &[customer::Registered::TYPE, customer::Renamed::TYPE];
//!     const DEFINITION: &'static str = "…";
//!
//!     async fn handle(recorded: &Recorded, rows: &mut Rows<'_, NamesRow>) -> Result<(), HandlingError> {
//!         match recorded.event_type.as_str() {
//!             customer::Registered::TYPE => {
//!                 let id: CustomerId = recorded.id()?;
//!                 let e: customer::Registered = recorded.payload()?;
//!                 rows.upsert(…);
//!             }
//!             _ => return Err(HandlingError::not_followed(recorded)),
//!         }
//!         Ok(())
//!     }
//! }
//! ```

use std::collections::BTreeSet;

use minos_dsl::model::{Cursor, Event, Expr, ExprKind, HandlerCase, RowChange, Ty, View, ViewSource};
use proc_macro2::TokenStream;
use quote::quote;

use super::column_value;
use crate::output::source_file::Uses;
use crate::plan::{Plan, definition};
use crate::rust::code::{Code, conditional};
use crate::rust::expr::{Scope, initializer};
use crate::rust::filter::{filter, reads_row};
use crate::rust::name::{field, ident, type_name};

pub(super) fn emit<'m>(plan: &Plan<'m>, uses: &Uses, view: Cursor<'m, View>) -> TokenStream {
    let ViewSource::Events { handlers, .. } = &view.get().source else { return TokenStream::new() };
    let cases: Vec<(&HandlerCase, Option<&str>)> =
        handlers.iter().flat_map(|it| it.cases.iter().map(|case| (case, it.alias.as_deref()))).collect();
    let events: Vec<TokenStream> =
        cases.iter().map(|(case, _)| event_path(plan, uses, plan.model.at(case.event))).collect();
    let arms = arms(plan, uses, view, &cases);
    let error = uses.runtime("log", "HandlingError");
    // Only events that the view handles come here: where all are handled in the same words, there is nothing to tell apart.
    let read_as: Vec<String> = arms.iter().filter_map(|cases| read_as(plan, cases)).collect();
    let arms: Vec<(TokenStream, TokenStream)> = arms.iter().map(|cases| arm(plan, uses, cases)).collect();
    let body = match arms.as_slice() {
        [(_, body)] => body.clone(),
        arms => {
            let (patterns, bodies) = (arms.iter().map(|(pattern, _)| pattern), arms.iter().map(|(_, body)| body));
            quote!(match recorded.event_type.as_str() { #(#patterns => { #bodies })* _ => return Err(#error::not_followed(recorded)), })
        }
    };
    let looked_up = looked_up(plan, &cases);
    let looks_up = (!looked_up.is_empty()).then(|| {
        quote!(
            /// Views whose rows the handlers read: kept together with this one, event by event.
            const LOOKS_UP: &'static [&'static str] = &[#(#looked_up),*];
        )
    });
    uses.bring("event", "EventPayload");
    let (name, row) = (ident(&type_name(&view.name, "View")), ident(&Plan::row_name(view)));
    let definition = definition::view(view);
    let (async_trait, view_trait, recorded, rows) = (
        uses.runtime("", "async_trait"),
        uses.runtime("view", "View"),
        uses.runtime("event", "Recorded"),
        uses.runtime("projection", "Rows"),
    );
    quote! {
        #[#async_trait]
        impl #view_trait for #name {
            type Row = #row;
            const HANDLES: &'static [&'static str] = &[#(#events::TYPE),*];
            #looks_up
            /// A hash of the columns and of how events change them: under another one the rows are built again from the first event.
            const DEFINITION: &'static str = #definition;

            #(#[doc = #read_as])*
            async fn handle(recorded: &#recorded, rows: &mut #rows<'_, #row>) -> Result<(), #error> {
                #body
                Ok(())
            }
        }
    }
}

/// `customer::Registered`.
pub(in crate::emit) fn event_path<'m>(plan: &Plan<'m>, uses: &Uses, event: Cursor<'m, Event>) -> TokenStream {
    let place = plan.event_place(event);
    let (parent, module) = place.module.rsplit_once("::").unwrap_or(("crate", &place.module));
    let (module, name) = (uses.item(parent, module), ident(&place.name));
    quote!(#module::#name)
}

/// Events that are handled in the same words are handled together. Where the words read the payload, it is read as that of one of them,
/// whose fields the others have too.
fn arms<'m>(
    plan: &Plan<'m>,
    uses: &Uses,
    view: Cursor<'m, View>,
    cases: &[(&HandlerCase, Option<&str>)],
) -> Vec<Vec<Case<'m>>> {
    let mut arms: Vec<(Vec<Case<'m>>, String)> = Vec::new();
    for (case, alias) in cases {
        let case = case_of(plan, uses, view, plan.model.at(case.event), case, alias.unwrap_or("event"));
        let text = case.words();
        match arms.iter_mut().find(|(known, words)| *words == text && one_payload(plan, known, &case)) {
            Some((cases, _)) => cases.push(case),
            None => arms.push((vec![case], text)),
        }
    }
    arms.into_iter().map(|(cases, _)| cases).collect()
}

/// What a reader wonders about where one event is read as another: `` `Renamed` is read as `Registered`, whose fields it has too. ``
fn read_as(plan: &Plan<'_>, cases: &[Case<'_>]) -> Option<String> {
    let events: Vec<Cursor<'_, Event>> = cases.iter().map(|it| it.event).collect();
    cases.first()?.payload.as_ref()?;
    let common = common(plan, &events)?;
    let others: Vec<String> =
        events.iter().filter(|it| it.id() != common.id()).map(|it| format!("`{}`", it.name)).collect();
    (!others.is_empty()).then(|| {
        format!(" {} is read as `{}`: what is read here both have, in the same types.", others.join(", "), common.name)
    })
}

/// How one event is handled.
struct Case<'m> {
    event: Cursor<'m, Event>,
    /// `let id: … = …;`, where it is read.
    id: Option<TokenStream>,
    /// The variable that holds the payload, where it is read.
    payload: Option<proc_macro2::Ident>,
    changes: TokenStream,
}

impl Case<'_> {
    /// All but the payload's type.
    fn words(&self) -> String {
        let (id, payload, changes) = (&self.id, &self.payload, &self.changes);
        quote!(#id #payload; #changes).to_string()
    }
}

/// Whether the payload of `case` and those of `known` can be read as that of one of them.
fn one_payload<'m>(plan: &Plan<'m>, known: &[Case<'m>], case: &Case<'m>) -> bool {
    let mut events: Vec<Cursor<'m, Event>> = known.iter().map(|it| it.event).collect();
    events.push(case.event);
    case.payload.is_none() || common(plan, &events).is_some()
}

/// The first of the events whose fields all others have, in the same types.
fn common<'m>(plan: &Plan<'m>, events: &[Cursor<'m, Event>]) -> Option<Cursor<'m, Event>> {
    let has = |event: Cursor<'m, Event>, name: &str, ty: &Ty| {
        event.get().payload.iter().any(|it| it.name.as_str() == name && it.ty == *ty)
    };
    let fits = |one: &Cursor<'m, Event>| {
        events.iter().all(|other| plan.payload(*one).all(|(_, it)| has(*other, &it.name, &it.ty)))
    };
    events.iter().copied().find(fits)
}

fn arm<'m>(plan: &Plan<'m>, uses: &Uses, cases: &[Case<'m>]) -> (TokenStream, TokenStream) {
    let events: Vec<Cursor<'m, Event>> = cases.iter().map(|it| it.event).collect();
    let (Some(case), Some(common)) = (cases.first(), common(plan, &events).or(events.first().copied())) else {
        return Default::default();
    };
    let payload = case.payload.as_ref().map(|alias| {
        let path = event_path(plan, uses, common);
        let read = field(if events.len() == 1 { "payload" } else { "payload_as" });
        quote!(let #alias: #path = recorded.#read()?;)
    });
    let paths = events.iter().map(|event| event_path(plan, uses, *event));
    let (id, changes) = (&case.id, &case.changes);
    (quote!(#(#paths::TYPE)|*), quote!(#id #payload #changes))
}

/// A name of the spec that does not hide one of the handler's own.
pub(in crate::emit) fn free_name(alias: &str) -> proc_macro2::Ident {
    match alias {
        "recorded" | "rows" | "id" | "row" | "actions" => field(&format!("{alias}_")),
        _ => field(alias),
    }
}

fn case_of<'m>(
    plan: &Plan<'m>,
    uses: &Uses,
    view: Cursor<'m, View>,
    event: Cursor<'m, Event>,
    case: &HandlerCase,
    alias: &str,
) -> Case<'m> {
    let mut scope = Scope::new(plan, uses);
    let alias = free_name(alias);
    scope.payload = quote!(#alias);
    scope.payload_names = event.get().payload.iter().map(|it| it.name.to_string()).collect();
    scope.envelope.id = Code::place(quote!(id));
    scope.view = Some(view.id());
    scope.column_names = view.get().columns.iter().map(|it| it.name.to_string()).collect();
    let reads = |wanted: fn(&ExprKind) -> bool| {
        case.body.iter().any(|change| any_expr(change, &mut |expr| expr.any(|node| wanted(&node.kind))))
    };
    let id = reads(|kind| matches!(kind, ExprKind::EventStream)).then(|| {
        let place = plan.id_place(event.aggregate());
        let id = uses.item(&place.module, &place.name);
        quote!(let id: #id = recorded.id()?;)
    });
    let payload = reads(|kind| matches!(kind, ExprKind::Payload(_)));
    let changes = case.body.iter().map(|it| change(&scope, view, it)).collect();
    Case { event, id, payload: payload.then_some(alias), changes }
}

fn change(scope: &Scope<'_>, view: Cursor<'_, View>, it: &RowChange) -> TokenStream {
    let row = scope.ty(&Ty::Row(view.id()));
    let model_view = scope.plan.model.at(view.id()).get();
    let set = |scope: &Scope<'_>, columns: &[(u32, Expr)]| -> Vec<TokenStream> {
        columns.iter().map(|(index, value)| set_column(scope, view, *index, value)).collect()
    };
    match it {
        RowChange::Let { local, value } => {
            let (name, value) = (scope.variable(&local.name), scope.owned(value));
            quote!(let #name = #value;)
        }
        RowChange::Insert { key, columns } => {
            let literal = row_literal(scope, view, key, columns);
            quote!(rows.insert(#literal);)
        }
        RowChange::Upsert { key, columns, defaults } => {
            let mut all: Vec<(u32, Expr)> = columns.iter().chain(defaults).cloned().collect();
            all.sort_by_key(|(index, _)| *index);
            let literal = row_literal(scope, view, key, &all);
            let columns = columns.iter().map(|(index, _)| scope.column(view.id(), *index));
            quote!(rows.upsert(#literal, &[#(#columns.name),*]);)
        }
        RowChange::Update { key, columns } => {
            let reads_row = columns.iter().any(|(_, value)| reads_row(value));
            let (key, columns) = (scope.borrowed(key), set(scope, columns));
            if reads_row {
                quote!(if let Some(row) = rows.get::<#row>(#key).await? { rows.update(#key, vec![#(#columns),*]); })
            } else {
                quote!(rows.update(#key, vec![#(#columns),*]);)
            }
        }
        RowChange::UpdateWhere { columns, filter: condition } => {
            let (columns, condition) = (set(scope, columns), filter(scope, view.id(), condition));
            quote!(rows.update_where(#condition, vec![#(#columns),*]);)
        }
        RowChange::Delete { key } => {
            let key = scope.borrowed(key);
            quote!(rows.delete(#key);)
        }
        RowChange::DeleteWhere { filter: condition } => {
            let condition = filter(scope, view.id(), condition);
            quote!(rows.delete_where(#condition);)
        }
        RowChange::If { condition, then, otherwise } => {
            let present = match then.split_first() {
                Some((RowChange::Let { local, value }, rest)) => {
                    scope.if_present(condition, local, value, false).map(|it| (it, rest))
                }
                _ => None,
            };
            let (condition, inner, then) = match &present {
                Some(((condition, inner), rest)) => (condition.clone(), inner, *rest),
                None => (scope.code(condition).condition(), scope, then.as_slice()),
            };
            let then: TokenStream = then.iter().map(|it| change(inner, view, it)).collect();
            let otherwise: TokenStream = otherwise.iter().map(|it| change(scope, view, it)).collect();
            conditional(&condition, &then, &otherwise)
        }
        RowChange::For { each, of, body, .. } => {
            let (name, of, inner) = (scope.variable(&each.name), scope.borrowed(of), scope.with_local(each, true));
            let body = body.iter().map(|it| change(&inner, view, it));
            let _ = model_view;
            quote!(for #name in #of { #(#body)* })
        }
    }
}

fn row_literal(scope: &Scope<'_>, view: Cursor<'_, View>, key: &Expr, columns: &[(u32, Expr)]) -> TokenStream {
    let row = scope.ty(&Ty::Row(view.id()));
    let names = &scope.column_names;
    let key = initializer(&names[0], &scope.owned(key));
    let fields = columns
        .iter()
        .map(|(index, value)| initializer(&names[*index as usize], &column_value(scope, view, *index, value)));
    quote!(#row { #key, #(#fields),* })
}

/// `OrderListRow::STATUS.set(&…)`.
fn set_column(scope: &Scope<'_>, view: Cursor<'_, View>, index: u32, value: &Expr) -> TokenStream {
    let column = scope.column(view.id(), index);
    if scope.plan.column_may_be_absent(view.id(), index) {
        let value = column_value(scope, view, index, value);
        return quote!(#column.set(&#value));
    }
    let value = scope.borrowed(value);
    quote!(#column.set(#value))
}

/// The views that a handler looks up.
fn looked_up(plan: &Plan<'_>, cases: &[(&HandlerCase, Option<&str>)]) -> Vec<String> {
    let mut found = BTreeSet::new();
    for change in cases.iter().flat_map(|(case, _)| &case.body) {
        any_expr(change, &mut |expr| {
            expr.walk(&mut |node| {
                if let ExprKind::Row { view, .. } = &node.kind {
                    found.insert(plan.model.at(*view).path());
                }
            });
            false
        });
    }
    found.into_iter().collect()
}

/// Whether one of the expressions of a change is one that `wanted` accepts.
fn any_expr(change: &RowChange, wanted: &mut dyn FnMut(&Expr) -> bool) -> bool {
    let of_columns =
        |columns: &[(u32, Expr)], wanted: &mut dyn FnMut(&Expr) -> bool| columns.iter().any(|(_, value)| wanted(value));
    match change {
        RowChange::Let { value, .. } => wanted(value),
        RowChange::Insert { key, columns } | RowChange::Update { key, columns } => {
            wanted(key) || of_columns(columns, wanted)
        }
        RowChange::Upsert { key, columns, defaults } => {
            wanted(key) || of_columns(columns, wanted) || of_columns(defaults, wanted)
        }
        RowChange::UpdateWhere { columns, filter } => wanted(filter) || of_columns(columns, wanted),
        RowChange::Delete { key } => wanted(key),
        RowChange::DeleteWhere { filter } => wanted(filter),
        RowChange::If { condition, then, otherwise } => {
            wanted(condition) || then.iter().chain(otherwise).any(|it| any_expr(it, wanted))
        }
        RowChange::For { of, body, .. } => wanted(of) || body.iter().any(|it| any_expr(it, wanted)),
    }
}

/// Columns that `update … where` and `delete where` compare.
pub(super) fn filtered_columns(body: &[RowChange], found: &mut BTreeSet<u32>) {
    let columns = |filter: &Expr, found: &mut BTreeSet<u32>| {
        filter.walk(&mut |node| {
            if let ExprKind::Column(index) = node.kind {
                found.insert(index);
            }
        });
    };
    for change in body {
        match change {
            RowChange::UpdateWhere { filter, .. } | RowChange::DeleteWhere { filter } => columns(filter, found),
            RowChange::If { then, otherwise, .. } => {
                let mut inner = BTreeSet::new();
                filtered_columns(then, &mut inner);
                filtered_columns(otherwise, &mut inner);
                inner.into_iter().for_each(|it| {
                    found.insert(it);
                });
            }
            RowChange::For { body, .. } => filtered_columns(body, found),
            _ => {}
        }
    }
}
