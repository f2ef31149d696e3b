//! Engines over one database, and how to ask them.

use std::any::Any;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use minos_runtime::caller::Caller;
use minos_runtime::commit::{Answer, Commit};
use minos_runtime::context::{Context, Meta};
use minos_runtime::engine::{CommandRequest, Engine, ExecuteError, Executed};
use minos_runtime::projection::{KeptViews, ViewTables};
use minos_runtime::refusal::Refusal;
use minos_runtime::store::Store;
use minos_runtime::store::sqlite::SqliteStore;
use minos_runtime::testing::ManualClock;
use minos_runtime::value::Uuid;
use minos_runtime::view::{Filter, RowChange, Select, Table, ViewRow};

use crate::account::{self, Account, AccountId, CardRow};

pub(crate) struct Bank {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) context: Context,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) table: String,
    /// What the store lies in, for as long as it is needed.
    _held: Box<dyn Any + Send + Sync>,
}

impl Bank {
    /// On SQLite.
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::over(async move |context: &Context| (open(folder.path(), context).await, folder)).await
    }

    /// On the store that is opened with the context, and what that lies in.
    pub(crate) async fn over<H: Any + Send + Sync>(open: impl AsyncFnOnce(&Context) -> (Arc<dyn Store>, H)) -> Self {
        let clock = Arc::new(ManualClock::default());
        let context = Context::seeded(Arc::clone(&clock) as _, 1);
        let (store, held) = open(&context).await;
        let table = card_table();
        store.create_table(&table).await.unwrap();
        Self { store, context, clock, table: table.name, _held: Box::new(held) }
    }

    /// One more engine (an instance of the service) over the same database.
    pub(crate) fn engine(&self) -> Arc<Engine> {
        self.engine_over(Arc::clone(&self.store))
    }

    pub(crate) fn engine_over(&self, store: Arc<dyn Store>) -> Arc<Engine> {
        let service = account::service();
        let kept = Arc::new(KeptViews::new(&service.kept_views));
        Arc::new(Engine::new(&service, store, self.context.clone(), Arc::new(ViewTables::default()), kept))
    }

    pub(crate) fn request(&self, command: &str, target: Option<&str>, arguments: &str) -> CommandRequest {
        let clerk =
            Caller { subject: "carl".to_owned(), roles: BTreeSet::from(["clerk".to_owned()]), ..Caller::default() };
        CommandRequest {
            command: format!("bank.Account.{command}"),
            target: target.map(str::to_owned),
            arguments: arguments.to_owned(),
            command_id: self.context.new_id(),
            meta: Meta::new(&self.context, clerk),
            if_match: None,
            internal: false,
            saga: None,
            undoes: None,
        }
    }

    /// As a saga would send it.
    pub(crate) fn internal(&self, command: &str, target: &str, arguments: &str) -> CommandRequest {
        CommandRequest {
            internal: true,
            saga: Some(Uuid::from_u128(9)),
            ..self.request(command, Some(target), arguments)
        }
    }

    /// Opens an account; gives its id.
    pub(crate) async fn opened(&self, engine: &Engine, email: &str) -> String {
        let arguments = format!("{{\"email\":\"{email}\"}}");
        let executed = ask(engine, self.request("Open", None, &arguments)).await.unwrap();
        let Answer::Done { stream, version: 1 } = executed.answer else { panic!("{executed:?}") };
        stream.strip_prefix("bank.Account/").unwrap().to_owned()
    }

    /// Pays in.
    pub(crate) async fn deposit(&self, engine: &Engine, id: &str, amount: i64) -> Executed {
        let arguments = format!("{{\"amount\":{amount},\"note\":\"\"}}");
        ask(engine, self.request("Deposit", Some(id), &arguments)).await.unwrap()
    }

    /// The row kept of an account.
    pub(crate) async fn card(&self, id: &str) -> CardRow {
        let filter = CardRow::columns()[0].name.clone();
        let filter = Filter::In(filter, vec![minos_runtime::view::Value::Text(id.to_owned())]);
        let select = Select { table: self.table.clone(), filter, order: vec![], after: None, limit: 2 };
        let rows = self.store.select(&select).await.unwrap();
        assert_eq!(rows.len(), 1);
        CardRow::from_row(&rows[0]).unwrap()
    }
}

pub(crate) async fn open(folder: &Path, context: &Context) -> Arc<dyn Store> {
    Arc::new(SqliteStore::open(&folder.join("bank.db"), "bank", context).await.unwrap())
}

fn card_table() -> Table {
    let id: AccountId = Uuid::nil().to_string().parse().unwrap();
    let state = Account { email: String::new(), balance: 0, holds: Default::default(), status: "open" };
    let changes = KeptViews::new(&account::service().kept_views).changes("bank.Account", &id, &state);
    let [RowChange::Put { table, .. }] = &changes[..] else { panic!("{changes:?}") };
    Table { name: table.clone(), columns: CardRow::columns(), key: CardRow::KEY }
}

pub(crate) async fn ask(engine: &Engine, request: CommandRequest) -> Result<Executed, ExecuteError> {
    engine.execute(request, &|_| Commit::default()).await
}

pub(crate) async fn refused(engine: &Engine, request: CommandRequest) -> Refusal {
    let executed = ask(engine, request).await.unwrap();
    let Answer::Refused(refusal) = executed.answer else { panic!("{executed:?}") };
    assert_eq!(executed.pos, None);
    refusal
}

pub(crate) fn version(executed: &Executed) -> u64 {
    let Answer::Done { version, .. } = executed.answer else { panic!("{executed:?}") };
    version
}
