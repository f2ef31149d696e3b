//! Views that look each other up are one consumer: one position a source, one writer, a fixed order of handlers. Else a row
//! looked up before it was written would stay stale for ever.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;

use super::{AnyView, GroupRows, hex, short, table};
use crate::log::consumer::{Delivery, Effects, Handled, Handler, Source, Start};
use crate::log::{HandlingError, relay};
use crate::store::Store;
use crate::view::Table;

/// Views that move together.
#[derive(Clone)]
pub(super) struct Group {
    /// Those looked up before those that look up; else in the order of their declaration.
    views: Vec<Arc<dyn AnyView>>,
    /// The tables that it fills, by view.
    tables: BTreeMap<&'static str, Table>,
    /// Named by what it fills: a changed group is another consumer, which begins at the first event.
    consumer: String,
    sources: Vec<Source>,
    store: Arc<dyn Store>,
}

/// The groups of a service's views, in the order of their first views.
pub(super) fn groups(service: &str, views: &[Arc<dyn AnyView>], store: &Arc<dyn Store>) -> Vec<Group> {
    let mut rest: Vec<Arc<dyn AnyView>> = views.to_vec();
    let mut groups = Vec::new();
    while !rest.is_empty() {
        let mut members = vec![rest.remove(0)];
        while let Some(at) = rest.iter().position(|view| members.iter().any(|member| are_linked(&**member, &**view))) {
            members.push(rest.remove(at));
        }
        members.sort_by_key(|member| views.iter().position(|view| view.view() == member.view()));
        groups.push(Group::new(service, in_order(members), store));
    }
    groups
}

fn are_linked(one: &dyn AnyView, other: &dyn AnyView) -> bool {
    one.looks_up().contains(&other.view()) || other.looks_up().contains(&one.view())
}

/// Those looked up first; a circle is entered where it was declared first.
fn in_order(mut views: Vec<Arc<dyn AnyView>>) -> Vec<Arc<dyn AnyView>> {
    let mut ordered: Vec<Arc<dyn AnyView>> = Vec::new();
    while !views.is_empty() {
        let waits = |view: &Arc<dyn AnyView>| {
            let others = views.iter().filter(|other| other.view() != view.view());
            others.into_iter().any(|other| view.looks_up().contains(&other.view()))
        };
        let next = views.iter().position(|view| !waits(view)).unwrap_or(0);
        ordered.push(views.remove(next));
    }
    ordered
}

impl Group {
    fn new(service: &str, views: Vec<Arc<dyn AnyView>>, store: &Arc<dyn Store>) -> Self {
        let definitions: Vec<&str> = views.iter().map(|view| view.definition()).collect();
        let of_view =
            |view: &Arc<dyn AnyView>| (view.view(), table(view.view(), &definitions, view.columns(), view.key()));
        let tables: BTreeMap<&'static str, Table> = views.iter().map(of_view).collect();
        let names: Vec<&str> = views.iter().map(|view| short(view.view())).collect();
        let made_of = tables.values().map(|table| table.name.as_str()).collect::<Vec<_>>().join("+");
        let digest = <sha2::Sha256 as sha2::Digest>::digest(made_of.as_bytes());
        let consumer = format!("view:{}:{}", names.join("+"), hex(&digest[..4]));
        let sources: BTreeSet<Source> =
            views.iter().flat_map(|view| view.handles()).map(|handled| source(service, handled)).collect();
        Self { views, tables, consumer, sources: sources.into_iter().collect(), store: Arc::clone(store) }
    }

    /// The views' names.
    pub(super) fn views(&self) -> impl Iterator<Item = &'static str> {
        self.views.iter().map(|view| view.view())
    }

    /// The tables that it fills, by view.
    pub(super) fn tables(&self) -> &BTreeMap<&'static str, Table> {
        &self.tables
    }
}

/// Where events of a type come from: `catalog.Product.Added` from `catalog.events`, own ones from the own store.
pub(crate) fn source(service: &str, event_type: &str) -> Source {
    match event_type.split('.').next() {
        Some(subdomain) if subdomain != service => Source::Topic(relay::events_topic(subdomain)),
        _ => Source::Own,
    }
}

#[async_trait]
impl Handler for Group {
    fn consumer(&self) -> &str {
        &self.consumer
    }

    fn sources(&self) -> Vec<Source> {
        self.sources.clone()
    }

    /// Its rows are read and written again, from whatever source comes.
    fn has_one_writer(&self) -> bool {
        true
    }

    fn start(&self) -> Start {
        Start::First
    }

    fn wants(&self, delivery: &Delivery) -> bool {
        delivery.event().is_some_and(|event| self.views.iter().any(|view| handles(&**view, &event.event_type)))
    }

    async fn handle(&self, delivery: &Delivery, effects: &mut Effects) -> Result<Handled, HandlingError> {
        if let Some(event) = delivery.event() {
            for view in self.views.iter().filter(|view| handles(&***view, &event.event_type)) {
                let mut rows = GroupRows::new(&*self.store, &self.tables, &mut effects.commit.rows);
                view.handle(event, &mut rows).await?;
            }
        }
        Ok(Handled::InEffects)
    }
}

fn handles(view: &dyn AnyView, event_type: &str) -> bool {
    view.handles().contains(&event_type)
}
