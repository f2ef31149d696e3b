//! `gateway.rs`, `compositions.rs`, `compositions/order_page.rs`: who is let in, what is exposed, what is joined.
//!
//! ```text
//! pub fn gateway() -> Gateway {
//!     Gateway::new("shop")
//!         .roles("roles", &["customer", "clerk"])
//!         .identity(Identity::new("customer", "customer_id").if_role("customer"))
//!         .authenticate(Jwt { issuer: Setting::Env("ISSUER"), audience: Setting::Text("shop") })
//!         .expose(Route::command("POST", "/orders", "orders", "orders.Order.Place"))
//!         .compose::<OrderPage>("/orders/{order}/page")
//! }
//!
//! pub struct OrderPage { pub order: OrderId }
//!
//! pub struct OrderPageAnswer { pub head: OrderListRow, pub customer: Option<CustomerCardRow> }
//!
//! #[async_trait]
//! impl Composition for OrderPage { … }
//! ```

use minos_dsl::model::{Answer, Compose, Cursor, Gateway, Jwt, Part, Route, RouteTarget, Setting};
use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};

use super::docs::{self, fields};
use super::nouns::{Member, Wire, docs_or, record};
use crate::output::source_file::{SourceFile, Uses};
use crate::plan::Plan;
use crate::rust::expr::{Scope, initializer};
use crate::rust::name::{field, ident, module_of, pascal};
use crate::rust::ty;

pub(super) fn emit(plan: &Plan<'_>) -> Vec<SourceFile> {
    let model = plan.model;
    let Some(gateway) = model.gateway() else { return Vec::new() };
    let origin = super::origin(plan, gateway.span);
    let mut files = vec![gateway_file(plan, gateway, &origin)];
    let composes: Vec<Cursor<'_, Compose>> = gateway.composes.iter().map(|id| model.at(*id)).collect();
    if !composes.is_empty() {
        let mut names: Vec<String> = composes.iter().map(|it| module_of(&it.name)).collect();
        names.sort();
        files.push(super::module_list(
            "compositions.rs",
            &origin,
            "What is joined in memory from several services.",
            &names,
        ));
        files.extend(composes.into_iter().map(|it| composition(plan, it)));
    }
    files
}

fn gateway_file(plan: &Plan<'_>, gateway: &Gateway, origin: &str) -> SourceFile {
    let docs = gateway.docs.as_deref().unwrap_or("Who is let in, and what is exposed.");
    let mut file = SourceFile::new("gateway.rs", "crate::gateway", origin, docs, &["gateway".to_owned()]);
    let (uses, model) = (file.uses(), plan.model);
    let system = model.system().name.to_string();
    let (gateway_ty, mut parts) = (uses.item("minos_runtime::gateway", "Gateway"), Vec::new());
    if let Some(claim) = &model.system().role_claim {
        let (claim, roles) = (claim.to_string(), model.roles().map(|it| it.name.to_string()));
        parts.push(quote!(.roles(#claim, &[#(#roles),*])));
    }
    parts.extend(model.identities().map(|it| {
        let (identity, name, claim) =
            (uses.item("minos_runtime::gateway", "Identity"), it.name.to_string(), it.claim.to_string());
        let role = it.role.map(|role| {
            let role = model.at(role).name.to_string();
            quote!(.if_role(#role))
        });
        quote!(.identity(#identity::new(#name, #claim) #role))
    }));
    parts.extend(gateway.authenticate.as_ref().map(|it| jwt(uses, it)));
    parts.extend(gateway.routes.iter().map(|it| route(plan, uses, it)));
    let item = quote! {
        /// The system's one entrance.
        #[must_use]
        pub fn gateway() -> #gateway_ty {
            #gateway_ty::new(#system) #(#parts)*
        }
    };
    file.push(item);
    file
}

fn jwt(uses: &Uses, it: &Jwt) -> TokenStream {
    let (jwt, setting_ty) =
        (uses.item("minos_runtime::gateway", "Jwt"), uses.item("minos_runtime::gateway", "Setting"));
    let setting = |it: &Setting| match it {
        Setting::Text(text) => quote!(#setting_ty::Text(#text)),
        Setting::Env(name) => {
            let name = name.as_str();
            quote!(#setting_ty::Env(#name))
        }
    };
    let (issuer, audience) = (setting(&it.issuer), setting(&it.audience));
    quote!(.authenticate(#jwt { issuer: #issuer, audience: #audience }))
}

fn route(plan: &Plan<'_>, uses: &Uses, it: &Route) -> TokenStream {
    let (method, path, model) = (it.method.as_str(), it.path_text(), plan.model);
    let at = |target: String| (target != path).then(|| quote!(.at(#target)));
    match it.target {
        RouteTarget::Command(id) => {
            let (command, route) = (model.at(id), uses.item("minos_runtime::gateway", "Route"));
            let (subdomain, operation) = (command.aggregate().subdomain().name.to_string(), command.path());
            let at = plan.command_route(command).and_then(|(_, target)| at(target));
            quote!(.expose(#route::command(#method, #path, #subdomain, #operation) #at))
        }
        RouteTarget::Query(id) => {
            let (query, route) = (model.at(id), uses.item("minos_runtime::gateway", "Route"));
            let (subdomain, operation, at) =
                (query.view().subdomain().name.to_string(), query.path(), at(plan.query_route(query)));
            quote!(.expose(#route::query(#path, #subdomain, #operation) #at))
        }
        RouteTarget::Compose(id) => {
            let name = model.at(id).name.to_string();
            let composition = uses.item(&format!("crate::compositions::{}", module_of(&name)), &pascal(&name));
            quote!(.compose::<#composition>(#path))
        }
    }
}

fn composition<'m>(plan: &Plan<'m>, it: Cursor<'m, Compose>) -> SourceFile {
    let (name, module) = (pascal(&it.name), module_of(&it.name));
    let answer = format!("{name}Answer");
    let own = [name.clone(), answer.clone()];
    let docs = docs_or(&it.docs, || format!("The composition `{}`.", it.name));
    let place = format!("crate::compositions::{module}");
    let mut file =
        SourceFile::new(&format!("compositions/{module}.rs"), &place, &super::origin(plan, it.span), &docs, &own);
    let params: Vec<Member<'_>> = it
        .get()
        .params
        .iter()
        .map(|param| Member::new(plan, file.uses(), &param.name, fields::part(plan, param), &param.ty))
        .collect();
    record(&mut file, &name, &docs, &["Clone", "Debug", "PartialEq"], Wire::Strict, &params);
    let parts: Vec<Member<'_>> = it
        .get()
        .parts
        .iter()
        .map(|part| Member {
            name: &part.name,
            docs: docs::composed(plan, part),
            ty: ty::ty(plan, file.uses(), &part.ty),
            optional: false,
        })
        .collect();
    record(
        &mut file,
        &answer,
        &format!("The parts of [`{name}`]."),
        &["Clone", "Debug", "PartialEq"],
        Wire::Out,
        &parts,
    );
    let item = behaviour(plan, file.uses(), it);
    file.push(item);
    file
}

fn behaviour<'m>(plan: &Plan<'m>, uses: &Uses, it: Cursor<'m, Compose>) -> TokenStream {
    let mut scope = Scope::new(plan, uses);
    scope.param_names = it.params.iter().map(|param| param.name.to_string()).collect();
    scope.part_names = it.parts.iter().map(|part| part.name.to_string()).collect();
    let deepest = it.parts.iter().map(|part| part.depth).max().unwrap_or_default();
    let rounds = (0..=deepest).map(|depth| {
        let parts: Vec<&Part> = it.get().parts.iter().filter(|part| part.depth == depth).collect();
        let requests: Vec<TokenStream> = parts.iter().map(|part| request(&scope, part)).collect();
        let names: Vec<_> = parts.iter().map(|part| scope.variable(&part.name)).collect();
        match (names.as_slice(), requests.as_slice()) {
            ([name], [request]) => quote!(let #name = #request.await?;),
            ([], _) => TokenStream::new(),
            _ => {
                let (pattern, request) = joined(uses, &names, &requests);
                quote!(let #pattern = #request.await?;)
            }
        }
    });
    let names = it.parts.iter().map(|part| initializer(&part.name, &scope.variable(&part.name).to_token_stream()));
    let (name, answer, wire) =
        (ident(&pascal(&it.name)), ident(&format!("{}Answer", pascal(&it.name))), it.name.to_string());
    let (async_trait, composition, parts, error) = (
        uses.runtime("", "async_trait"),
        uses.runtime("gateway", "Composition"),
        uses.runtime("gateway", "Parts"),
        uses.runtime("gateway", "PartError"),
    );
    quote! {
        #[#async_trait]
        impl #composition for #name {
            const NAME: &'static str = #wire;
            type Answer = #answer;

            async fn compose(&self, parts: &#parts<'_>) -> Result<#answer, #error> {
                #(#rounds)*
                Ok(#answer { #(#names),* })
            }
        }
    }
}

/// Requests side by side, two by two, and the pattern that takes their answers.
fn joined(uses: &Uses, names: &[proc_macro2::Ident], requests: &[TokenStream]) -> (TokenStream, TokenStream) {
    match (names, requests) {
        ([name], [request]) => (quote!(#name), request.clone()),
        ([name, more @ ..], [request, others @ ..]) => {
            let (join, (pattern, rest)) = (uses.runtime("gateway", "try_join"), joined(uses, more, others));
            (quote!((#name, #pattern)), quote!(#join(#request, #rest)))
        }
        _ => (quote!(()), quote!(())),
    }
}

/// `parts.row("head", &order_list::ById { … })`.
fn request(scope: &Scope<'_>, part: &Part) -> TokenStream {
    let (plan, uses) = (scope.plan, scope.uses);
    let query = plan.model.at(part.query);
    let module = plan.view_module(query.view());
    let (parent, last) = module.rsplit_once("::").unwrap_or(("crate", &module));
    let (module, name) = (uses.item(parent, last), ident(&Plan::query_name(query)));
    let names: Vec<&str> = query.get().params.iter().map(|it| it.name.as_str()).collect();
    let fields = scope.record(&names, &part.arguments);
    let method = match (query.answer, part.optional) {
        (Answer::Row, false) => "row",
        (Answer::Row, true) => "row_if_available",
        (_, false) => "rows",
        (_, true) => "rows_if_available",
    };
    let (method, part_name) = (field(method), part.name.to_string());
    quote!(parts.#method(#part_name, &#module::#name { #fields }))
}
