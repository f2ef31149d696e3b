//! What a service's README says of its sagas and policies: what starts them, what they do, and what becomes of a step that goes wrong.

use std::fmt::Write as _;

use minos_dsl::model::{Cursor, Phase, Saga, Step, Subdomain};

use super::super::super::docs;
use super::{cell, paragraph};
use crate::plan::Plan;

/// How long a step waits where the spec says nothing, in microseconds: `StepDef::DEFAULT_TIMEOUT` of the runtime.
const DEFAULT_TIMEOUT: i64 = 30_000_000;

/// How often a step is tried where the spec says nothing, and the pauses between, in microseconds: `Retry::DEFAULT` of the runtime.
const DEFAULT_RETRY: (u32, i64, i64) = (5, 200_000, 10_000_000);

/// What goes on by itself, and what waits for somebody.
const GOES_WRONG: &str = "\
- Refused at the pivot or before it: what was done, and what may have been, is undone, the newest step first; then `failed` runs.
- No answer before the pivot: tried again as often as said, then undone, for it may have happened.
- No answer from the pivot, or none but that it is unavailable: tried with the same key for 10 minutes, then the saga is *stuck*; nothing is undone, \
since the pivot may have happened.
- Undoing, `failed`, and steps after the pivot are tried until they succeed, each under one id: a receiver that has done it gives the answer that it \
kept, and does nothing twice. Refused all the same, or impossible as sent: the saga is stuck.
- A stuck saga holds what it holds until an operator retries, skips or forces the step (`/_operator/sagas`).";

/// Sagas and policies.
pub(super) fn emit<'m>(plan: &Plan<'m>, subdomain: Cursor<'m, Subdomain>, text: &mut String) -> std::fmt::Result {
    for saga in subdomain.sagas() {
        self::saga(plan, saga, text)?;
    }
    if subdomain.sagas().len() > 0 {
        writeln!(text, "\n### When a step goes wrong\n\n{GOES_WRONG}")?;
    }
    if subdomain.policies().len() > 0 {
        writeln!(
            text,
            "\n## Policies\n\nWhat they send is sent once, and tried until it is answered; what is refused, an operator sees.\n"
        )?;
        for policy in subdomain.policies() {
            writeln!(text, "- `{}`: {}", policy.name, docs::policy(plan, policy).replace('\n', " "))?;
        }
    }
    Ok(())
}

fn saga<'m>(plan: &Plan<'m>, saga: Cursor<'m, Saga>, text: &mut String) -> std::fmt::Result {
    writeln!(text, "\n## Saga {}\n", saga.name)?;
    paragraph(text, &saga.get().docs)?;
    writeln!(
        text,
        "On `{}`:\n\n| Step | Does | Undone by | Waits | Tried |\n|---|---|---|---|---|",
        saga.trigger().path()
    )?;
    for step in &saga.get().steps {
        let undo = match (step.phase, &step.undo) {
            (Phase::Before, Some(undo)) => docs::asks(plan, step, undo),
            (Phase::Before, None) => "nothing to undo".to_owned(),
            (Phase::Pivot, _) => "nothing: the point of no return".to_owned(),
            (Phase::After, _) => "nothing: the saga has succeeded".to_owned(),
        };
        let (does, waits) = (docs::asks(plan, step, &step.action), step.timeout.unwrap_or(DEFAULT_TIMEOUT));
        let waits = format!("{}{}", docs::duration(waits), by_default(step.timeout.is_none()));
        writeln!(text, "| `{}` | {} | {} | {waits} | {} |", step.name, cell(&does), cell(&undo), tried(step))?;
    }
    let failed: Vec<String> = docs::failed(saga).map(|call| format!("`{}`", docs::called(plan, call))).collect();
    let failed = if failed.is_empty() { "nothing more".to_owned() } else { failed.join(", ") };
    writeln!(text, "\n`failed`, once all is undone: {failed}.")
}

/// How often a step is tried, and the pauses between.
fn tried(step: &Step) -> String {
    let (times, from, to) = step.retry.map_or(DEFAULT_RETRY, |it| (it.times, it.from, it.to));
    let times = match step.phase {
        Phase::Before => format!("{times} times in all"),
        Phase::Pivot => "for 10 minutes".to_owned(),
        Phase::After => "until it succeeds".to_owned(),
    };
    format!("{times}, pauses {} to {}{}", docs::duration(from), docs::duration(to), by_default(step.retry.is_none()))
}

fn by_default(it: bool) -> &'static str {
    if it { " (default)" } else { "" }
}
