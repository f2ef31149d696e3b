//! Starting a service's views: a new or changed one is filled beside the old one, which answers as it stood until then.

mod backfill;
mod registry;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;

use super::group::{Group, groups};
use super::{AnyKeptView, AnyView, KeptViews, ViewTables, tables};
use crate::commit::Commit;
use crate::fault::{self, Point};
use crate::log::LogError;
use crate::log::consumer::{Consumers, Handler, OperatorError, Progress, State};
use crate::shutdown::Shutdown;
use crate::store::{Store, StoreError};
use crate::view::Table;
use registry::{Entry, Standing};

/// Queries under way may still read the old table when the new one takes over; then it is dropped.
const OLD_LASTS: Duration = Duration::from_secs(10);

/// The views of one service, running.
pub struct Projections {
    /// Which table answers for each.
    pub tables: Arc<ViewTables>,
    /// The rows that the engine writes with each commit of an aggregate.
    pub kept: Arc<KeptViews>,
    consumers: Arc<Consumers>,
    /// The consumer of each view.
    of_view: BTreeMap<String, String>,
}

/// How a view stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ViewStatus {
    /// The view: `orders.OrderList`.
    pub view: String,
    /// The table that answers for it.
    pub table: String,
    /// Whether another one is being filled, or this one for the first time.
    pub rebuilding: bool,
    /// The consumer that keeps it up; absent for a view kept in its aggregate's commit.
    pub consumer: Option<String>,
}

/// Why views could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ProjectionError {
    /// The store is away.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A source could not be read.
    #[error(transparent)]
    Source(#[from] OperatorError),
}

impl Projections {
    /// Makes the tables, and starts what fills them. Done before commands are taken: the engine writes kept rows from then
    /// on.
    pub async fn start(
        views: &[Arc<dyn AnyView>],
        kept: &[Arc<dyn AnyKeptView>],
        consumers: Arc<Consumers>,
        shutdown: &Shutdown,
    ) -> Result<Self, ProjectionError> {
        let parts = consumers.parts().clone();
        let view_tables = Arc::new(ViewTables::default());
        let kept = Arc::new(KeptViews::new(kept));
        let groups = groups(&parts.service, views, &parts.store);
        let mut starting = Starting::load(&parts.store, &view_tables).await?;
        let mut of_view = BTreeMap::new();
        let mut fills = Vec::new();
        for group in &groups {
            let wanted: Vec<(&'static str, &Table)> =
                group.tables().iter().map(|(view, table)| (*view, table)).collect();
            let history = has_history(&consumers, group).await?;
            fills.push(starting.prepare(&wanted, Some(group.consumer()), history).await?);
            of_view.extend(group.views().map(|view| (view.to_owned(), group.consumer().to_owned())));
        }
        let past = parts.store.last_positions().await?.events > 0;
        for (view, table) in kept.all() {
            if let Some(fill) = starting.prepare(&[(view.view(), table)], None, past).await? {
                let backfill =
                    backfill::run(Arc::clone(view), table.clone(), Arc::clone(&parts.store), fill, shutdown.clone());
                shutdown.spawn("backfill of a kept view", backfill);
            }
        }
        starting.finish().await?;
        for (group, fill) in groups.into_iter().zip(fills) {
            let group = Arc::new(group);
            let progress = consumers.start(Arc::clone(&group) as Arc<dyn Handler>).await?;
            if let Some(fill) = fill {
                let task = take_over(group, progress, Arc::clone(&consumers), fill, shutdown.clone());
                shutdown.spawn("rebuild of views", task);
            }
        }
        Ok(Self { tables: view_tables, kept, consumers, of_view })
    }

    /// How each view stands.
    pub fn status(&self) -> Vec<ViewStatus> {
        let status = |(view, table, rebuilding): (String, String, bool)| {
            let consumer = self.of_view.get(&view).cloned();
            ViewStatus { view, table, rebuilding, consumer }
        };
        self.tables.all().into_iter().map(status).collect()
    }

    /// Waits until a view shows everything up to position `pos` of the events of `service` on that partition (0 where there is
    /// one), at most so long; says whether it does. At once for a kept view of the service's own, which is never behind; never for one that is being rebuilt.
    pub async fn wait_applied(
        &self,
        view: &str,
        (service, partition): (&str, u32),
        pos: u64,
        at_most: Duration,
    ) -> bool {
        let Some(consumer) = self.of_view.get(view) else { return true };
        let Some(mut progress) = self.consumers.progress(consumer) else { return false };
        if self.tables.is_rebuilding(view) {
            return false;
        }
        let applied = progress.wait_for(|progress| progress.applied(service, partition) >= pos);
        matches!(tokio::time::timeout(at_most, applied).await, Ok(Ok(_)))
    }
}

/// The tables of views as the last run left them, and what this one makes of them.
struct Starting {
    store: Arc<dyn Store>,
    tables: Arc<ViewTables>,
    known: Vec<Entry>,
    /// The names of tables that are still of use.
    used: Vec<String>,
}

/// Tables being filled, and those that they will take over from.
pub(super) struct Fill {
    store: Arc<dyn Store>,
    tables: Arc<ViewTables>,
    new: Vec<Entry>,
    old: Vec<Entry>,
}

impl Starting {
    async fn load(store: &Arc<dyn Store>, tables: &Arc<ViewTables>) -> Result<Self, StoreError> {
        store.create_table(&registry::table()).await?;
        let known = registry::load(&**store).await?;
        Ok(Self { store: Arc::clone(store), tables: Arc::clone(tables), known, used: Vec::new() })
    }

    /// Makes the tables, and lets the right ones answer. What it returns must be filled before the tables take over.
    /// Where there is no `history`, an empty table holds all there is.
    async fn prepare(
        &mut self,
        wanted: &[(&'static str, &Table)],
        consumer: Option<&str>,
        history: bool,
    ) -> Result<Option<Fill>, StoreError> {
        let standing =
            |table: &Table| self.known.iter().find(|entry| entry.table.name == table.name).map(|it| it.standing);
        let current = wanted.iter().all(|(_, table)| standing(table) == Some(Standing::Current));
        let ready = current || !history;
        let mut new = Vec::new();
        for (view, table) in wanted {
            self.store.create_table(table).await?;
            self.used.push(table.name.clone());
            let standing = if ready { Standing::Current } else { Standing::Building };
            let consumer = consumer.map(str::to_owned);
            new.push(Entry { view: (*view).to_owned(), table: (*table).clone(), consumer, standing });
        }
        if !current {
            registry::save(&*self.store, &new).await?;
        }
        let is_old = |entry: &&Entry| {
            entry.standing == Standing::Current
                && wanted.iter().any(|(view, table)| *view == entry.view && table.name != entry.table.name)
        };
        let old: Vec<Entry> = self.known.iter().filter(is_old).cloned().collect();
        for entry in &new {
            let (answers, standing) = match old.iter().find(|old| old.view == entry.view) {
                _ if ready => (entry, tables::Standing::Complete),
                Some(former) => (former, tables::Standing::Former),
                None => (entry, tables::Standing::Partial),
            };
            self.tables.swap(&entry.view, answers.table.clone(), standing);
        }
        if ready {
            return Ok(None);
        }
        self.used.extend(old.iter().map(|entry| entry.table.name.clone()));
        for entry in &new {
            let (service, table) = (&entry.view, &entry.table.name);
            tracing::info!(view = service, table, old_answers = !old.is_empty(), "a view is being rebuilt");
        }
        Ok(Some(Fill { store: Arc::clone(&self.store), tables: Arc::clone(&self.tables), new, old }))
    }

    /// Drops what no view uses any more.
    async fn finish(self) -> Result<(), StoreError> {
        for entry in self.known.iter().filter(|entry| !self.used.contains(&entry.table.name)) {
            drop_table(&*self.store, entry).await?;
        }
        Ok(())
    }
}

impl Fill {
    /// The new tables hold all: they take over, and the old ones go.
    async fn take_over(self, shutdown: &Shutdown) -> Result<(), StoreError> {
        Point::ViewRebuild.pass();
        tokio::select! {
            () = fault::hold_rebuild() => {}
            () = shutdown.asked() => return Ok(()),
        }
        let current = self.new.iter().map(|entry| Entry { standing: Standing::Current, ..entry.clone() });
        let old = self.old.iter().map(|entry| Entry { standing: Standing::Old, ..entry.clone() });
        registry::save(&*self.store, &current.chain(old).collect::<Vec<_>>()).await?;
        Point::ViewRebuild.pass();
        for entry in &self.new {
            self.tables.swap(&entry.view, entry.table.clone(), tables::Standing::Complete);
            tracing::info!(view = entry.view, table = entry.table.name, "a rebuilt view has taken over");
        }
        if self.old.is_empty() || shutdown.sleep(OLD_LASTS).await {
            return Ok(());
        }
        for entry in &self.old {
            drop_table(&*self.store, entry).await?;
        }
        Ok(())
    }
}

async fn drop_table(store: &dyn Store, entry: &Entry) -> Result<(), StoreError> {
    store.drop_table(&entry.table.name, entry.consumer.as_deref()).await?;
    registry::forget(store, entry).await
}

/// Whether anything has happened that a new view would have to catch up with.
async fn has_history(consumers: &Consumers, group: &Group) -> Result<bool, OperatorError> {
    for source in group.sources() {
        let ends = match consumers.ends(&source).await {
            // It cannot be said now: then the view catches up before it answers.
            Err(OperatorError::Log(LogError::Unavailable(_))) => return Ok(true),
            ends => ends?,
        };
        if ends.iter().any(|(_, _, end)| *end > 0) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Waits until a group has caught up with all of its sources, then lets its tables answer.
async fn take_over(
    group: Arc<Group>,
    mut progress: watch::Receiver<Progress>,
    consumers: Arc<Consumers>,
    fill: Fill,
    shutdown: Shutdown,
) {
    let caught_up = async {
        // While it caught up with an end, more may have come: a little less each time.
        for _ in 0..3 {
            let mut ends = Vec::new();
            for source in group.sources() {
                ends.extend(measure(&consumers, &source).await);
            }
            let reached = |progress: &Progress| {
                Point::ViewRebuild.pass();
                progress.state == State::Running
                    && ends.iter().all(|(topic, partition, end)| progress.offset(topic, *partition) >= *end)
            };
            if progress.wait_for(reached).await.is_err() {
                // The consumer is gone, which only shutdown does.
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        () = shutdown.asked() => return,
        () = caught_up => {}
    }
    let view = group.consumer().to_owned();
    if let Err(error) = fill.take_over(&shutdown).await {
        tracing::error!(view, %error, "a rebuilt view could not take over; it will when the service starts again");
    }
}

async fn measure(consumers: &Consumers, source: &crate::log::consumer::Source) -> Vec<(String, u32, u64)> {
    loop {
        match consumers.ends(source).await {
            Ok(ends) => return ends,
            Err(error) => tracing::warn!(%error, "the end of a source cannot be read; trying again"),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Writes rows, and nothing that could conflict.
async fn write_rows(store: &dyn Store, rows: Vec<crate::view::RowChange>) -> Result<(), StoreError> {
    for result in store.write(vec![Commit { rows, ..Commit::default() }]).await {
        result.map_err(|error| StoreError::Unavailable(error.to_string()))?;
    }
    Ok(())
}
