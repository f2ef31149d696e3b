//! Fault points, for trials: named places at which the process can be told to end itself, as abruptly as `kill -9` does.
//!
//! `MINOS_FAULT=after-append:7` ends it at the 7th pass of [`Point::AfterAppend`]; `MINOS_FAULT=view-rebuild:3s` has each rebuild of a view
//! take so much longer, so that it can be seen from outside. The points are there in builds with debug
//! assertions or the feature `fault-points`; elsewhere `Point::pass` is an empty function, and a `MINOS_FAULT` that is set is a
//! mistake of configuration: a trial that tries nothing must not look as if it had passed.

use std::fmt;
use std::time::Duration;

/// Whether this build has fault points.
pub const COMPILED_IN: bool = cfg!(any(debug_assertions, feature = "fault-points"));

/// A place where the process may be told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// Events are durable; nobody has been told: neither the caller nor those who tail the store.
    AfterAppend,
    /// The relay has read what is committed, and publishes it next.
    BeforePublish,
    /// The log has acknowledged; the relay's checkpoint still stands before it.
    AfterPublish,
    /// A consumer has handled messages; neither effects nor position are written.
    BeforeConsumerCommit,
    /// A port has answered; the answer is not written.
    PortAnswered,
    /// A saga's undo has reached its participant, and is not acknowledged: passed once before it is decided, once after.
    UndoUnacknowledged,
    /// A view is being rebuilt: some of its rows may be written.
    ViewRebuild,
    /// A timer is due and fires next.
    TimerFiring,
}

impl Point {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::AfterAppend,
        Self::BeforePublish,
        Self::AfterPublish,
        Self::BeforeConsumerCommit,
        Self::PortAnswered,
        Self::UndoUnacknowledged,
        Self::ViewRebuild,
        Self::TimerFiring,
    ];

    /// Its name in `MINOS_FAULT`.
    pub fn name(self) -> &'static str {
        match self {
            Self::AfterAppend => "after-append",
            Self::BeforePublish => "before-publish",
            Self::AfterPublish => "after-publish",
            Self::BeforeConsumerCommit => "before-consumer-commit",
            Self::PortAnswered => "port-answered",
            Self::UndoUnacknowledged => "undo-unacknowledged",
            Self::ViewRebuild => "view-rebuild",
            Self::TimerFiring => "timer-firing",
        }
    }

    /// The process passes here: it ends, if this is the pass that it was told to end at.
    #[cfg(any(debug_assertions, feature = "fault-points"))]
    pub(crate) fn pass(self) {
        armed::pass(self);
    }

    /// The process passes here. This build has no fault points.
    #[cfg(not(any(debug_assertions, feature = "fault-points")))]
    #[inline(always)]
    pub(crate) fn pass(self) {}
}

/// A rebuilt view waits here before it takes over, if the process was told so.
#[cfg(any(debug_assertions, feature = "fault-points"))]
pub(crate) async fn hold_rebuild() {
    if let Some(pause) = armed::hold(Point::ViewRebuild) {
        tokio::time::sleep(pause).await;
    }
}

/// A rebuilt view takes over at once. This build has no fault points.
#[cfg(not(any(debug_assertions, feature = "fault-points")))]
#[inline(always)]
pub(crate) async fn hold_rebuild() {}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What happens at which point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The point.
    pub point: Point,
    /// What happens there.
    pub kind: Kind,
}

/// What happens at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The process ends at that pass, from 1.
    End(u32),
    /// It takes so much longer. [`Point::ViewRebuild`] alone.
    Hold(Duration),
}

impl Fault {
    /// Reads `after-append:7`, `view-rebuild:3s`; absent where it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, what) = text.split_once(':')?;
        let point = Point::ALL.into_iter().find(|point| point.name() == name)?;
        let kind = match what.strip_suffix('s') {
            Some(seconds) if point == Point::ViewRebuild => Kind::Hold(Duration::from_secs(seconds.parse().ok()?)),
            Some(_) => return None,
            None => Kind::End(what.parse().ok().filter(|pass| *pass > 0)?),
        };
        Some(Self { point, kind })
    }

    /// From now on it happens. Once a process; nothing where the build has no fault points.
    pub(crate) fn arm(self) {
        #[cfg(any(debug_assertions, feature = "fault-points"))]
        armed::arm(self);
    }
}

#[cfg(any(debug_assertions, feature = "fault-points"))]
mod armed {
    use std::io::Write as _;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::{Fault, Kind, Point};

    static FAULT: OnceLock<Fault> = OnceLock::new();
    static PASSES: AtomicU32 = AtomicU32::new(0);

    pub(super) fn arm(fault: Fault) {
        let _ = FAULT.set(fault);
    }

    pub(super) fn pass(point: Point) {
        let Some(Fault { kind: Kind::End(at), .. }) = FAULT.get().filter(|fault| fault.point == point) else { return };
        if PASSES.fetch_add(1, Ordering::Relaxed) + 1 == *at {
            let _ = writeln!(std::io::stderr(), "fault point `{point}`, pass {at}: the process ends itself");
            std::process::abort();
        }
    }

    /// How much longer it takes there.
    pub(super) fn hold(point: Point) -> Option<std::time::Duration> {
        match FAULT.get() {
            Some(Fault { point: at, kind: Kind::Hold(pause) }) if *at == point => Some(*pause),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_read_by_its_name_and_nothing_else_is() {
        for point in Point::ALL {
            assert_eq!(Fault::parse(&format!("{point}:7")), Some(Fault { point, kind: Kind::End(7) }));
        }
        let held = Fault { point: Point::ViewRebuild, kind: Kind::Hold(Duration::from_secs(3)) };
        assert_eq!(Fault::parse("view-rebuild:3s"), Some(held));
        for wrong in
            ["after-append:3s", "view-rebuild:s", "", "after-append", "after-append:0", "after-append:x", "somewhere:1"]
        {
            assert_eq!(Fault::parse(wrong), None, "{wrong}");
        }
    }
}
