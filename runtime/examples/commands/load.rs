//! Clients that send commands through the engine, each as soon as it has the answer of the one before.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use minos_runtime::caller::Caller;
use minos_runtime::commit::{Answer, Commit};
use minos_runtime::context::{Context, Meta};
use minos_runtime::engine::{CommandRequest, Engine, ExecuteError};
use minos_runtime::projection::{KeptViews, ViewTables};
use minos_runtime::refusal::RefusalKind;
use minos_runtime::store::Store;

use super::counter;

/// How often each stream is written.
const COMMANDS_A_STREAM: u32 = 5;
/// The id of the one counter that all write.
const HOT: &str = "00000000-0000-7000-8000-000000000001";

/// Which commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A fresh stream every five commands.
    Fresh,
    /// The same, nothing cached: each command reads its stream.
    Cold,
    /// One stream that all write, other processes too.
    Hot,
}

/// What came of it. Only what was acknowledged after the warm-up counts.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) took: Vec<Duration>,
    pub(crate) seconds: f64,
    pub(crate) conflicts: u64,
    pub(crate) errors: u64,
}

impl Outcome {
    pub(crate) fn per_second(&self) -> f64 {
        self.took.len() as f64 / self.seconds
    }

    /// The latency that so many in a thousand do not exceed, in ms. `took` is sorted.
    pub(crate) fn per_mille(&self, share: usize) -> f64 {
        self.took.get(self.took.len() * share / 1000).map_or(0.0, |took| took.as_secs_f64() * 1e3)
    }
}

#[derive(Clone)]
pub(crate) struct Load {
    store: Arc<dyn Store>,
    context: Context,
    engine: Arc<Engine>,
    shape: Shape,
    caller: Caller,
}

enum Reply {
    Done(String),
    Conflict,
    Error,
}

impl Load {
    pub(crate) fn new(store: Arc<dyn Store>, context: Context, shape: Shape) -> Self {
        let engine = engine(&store, &context);
        let caller = Caller { roles: BTreeSet::from(["clerk".to_owned()]), ..Caller::default() };
        Self { store, context, engine, shape, caller }
    }

    /// Runs so many clients for so long.
    pub(crate) async fn run(&self, clients: usize, seconds: u64, warmup_seconds: u64) -> Outcome {
        if self.shape == Shape::Hot {
            self.ask("Count", Some(HOT)).await;
        }
        let counted_from = Instant::now() + Duration::from_secs(warmup_seconds);
        let until = counted_from + Duration::from_secs(seconds);
        let client = || {
            let load = self.clone();
            tokio::spawn(async move { load.client(counted_from, until).await })
        };
        let clients: Vec<_> = (0..clients).map(|_| client()).collect();
        let mut all = Outcome { seconds: seconds as f64, ..Outcome::default() };
        for client in clients {
            let one = client.await.expect("a client ends");
            all.took.extend(one.took);
            all.conflicts += one.conflicts;
            all.errors += one.errors;
        }
        all.took.sort_unstable();
        all
    }

    async fn client(&self, counted_from: Instant, until: Instant) -> Outcome {
        let mut outcome = Outcome::default();
        let mut target = (self.shape == Shape::Hot).then(|| HOT.to_owned());
        let mut written = 0;
        loop {
            let begun = Instant::now();
            if begun >= until {
                return outcome;
            }
            let reply = match &target {
                None => self.ask("Begin", None).await,
                Some(id) => self.ask("Count", Some(id)).await,
            };
            let ended = Instant::now();
            let counts = begun >= counted_from && ended <= until;
            match reply {
                Reply::Done(id) => {
                    outcome.took.extend(counts.then(|| ended - begun));
                    written += 1;
                    let fresh = self.shape != Shape::Hot && written % COMMANDS_A_STREAM == 0;
                    target = (!fresh).then_some(id);
                }
                Reply::Conflict => outcome.conflicts += u64::from(counts),
                Reply::Error => outcome.errors += u64::from(counts),
            }
        }
    }

    /// One command, as a generated service's routes send it.
    async fn ask(&self, command: &str, target: Option<&str>) -> Reply {
        let cold = (self.shape == Shape::Cold).then(|| engine(&self.store, &self.context));
        let engine = cold.as_ref().unwrap_or(&self.engine);
        let arguments = format!("{{\"note\":\"{}\"}}", "a note of some length ".repeat(5));
        let request = CommandRequest {
            command: format!("bench.Counter.{command}"),
            target: target.map(str::to_owned),
            arguments: arguments.clone(),
            command_id: self.context.new_id(),
            meta: Meta::new(&self.context, self.caller.clone()),
            if_match: None,
            internal: false,
            saga: None,
            undoes: None,
        };
        match engine.execute(request, &|_| Commit::default()).await {
            Ok(executed) => match executed.answer {
                Answer::Done { stream, .. } => Reply::Done(stream.rsplit('/').next().unwrap_or_default().to_owned()),
                Answer::Refused(refusal) if refusal.kind == RefusalKind::NotFound && target == Some(HOT) => {
                    self.begin_hot(arguments).await
                }
                Answer::Refused(refusal) if refusal.kind == RefusalKind::Conflict => Reply::Conflict,
                Answer::Refused(_) => Reply::Error,
            },
            Err(ExecuteError::Overloaded) => {
                tokio::time::sleep(Duration::from_millis(1)).await;
                Reply::Error
            }
            Err(_) => Reply::Error,
        }
    }

    /// The one counter that all write is begun by who comes first.
    async fn begin_hot(&self, arguments: String) -> Reply {
        let request = CommandRequest {
            command: "bench.Counter.Begin".to_owned(),
            target: Some(HOT.to_owned()),
            arguments,
            command_id: self.context.new_id(),
            meta: Meta::new(&self.context, self.caller.clone()),
            if_match: None,
            internal: false,
            saga: None,
            undoes: None,
        };
        match self.engine.execute(request, &|_| Commit::default()).await {
            Ok(_) => Reply::Conflict,
            Err(_) => Reply::Error,
        }
    }
}

fn engine(store: &Arc<dyn Store>, context: &Context) -> Arc<Engine> {
    let (tables, kept) = (Arc::new(ViewTables::default()), Arc::new(KeptViews::default()));
    Arc::new(Engine::new(&counter::service(), Arc::clone(store), context.clone(), tables, kept))
}
