//! Sagas and policies.

use crate::ast::{self, StepKind, Undo};
use crate::diagnostic::{Diagnostic, checks, names as codes, types};
use crate::draft::{Draft, docs};
use crate::model::{self, Base, Branches, Id, Name, Owner, Phase, PolicyCase, Retry, Step, Ty};
use crate::resolve::body::{Body, Sight};
use crate::types::Place;

impl<'a> Draft<'a> {
    pub(crate) fn resolve_processes(&mut self) {
        for (subdomain, node) in std::mem::take(&mut self.sagas) {
            self.saga(subdomain, node);
        }
        for (subdomain, node) in std::mem::take(&mut self.policies) {
            self.policy(subdomain, node);
        }
    }

    /// The events of a trigger; every one of an aggregate for `*`.
    fn triggers(&mut self, place: Place, trigger: &'a ast::Trigger) -> Vec<Id<model::Event>> {
        let mut events: Vec<Id<model::Event>> = Vec::new();
        for pattern in &trigger.events {
            let found = if pattern.every {
                self.find_aggregate(place, &pattern.path.segments).map(|id| self.model.aggregates[id].events.clone())
            } else {
                self.find_event(place, &pattern.path).map(|event| vec![event])
            };
            for event in found.unwrap_or_default() {
                if events.contains(&event) && !pattern.every {
                    let message = format!("`{}` is named twice", self.model.at(event).path());
                    self.report(Diagnostic::new(&checks::HANDLED_TWICE, pattern.span, message).hint("name it once"));
                } else if !events.contains(&event) {
                    events.push(event);
                }
            }
        }
        events
    }

    fn policy(&mut self, subdomain: Id<model::Subdomain>, node: &'a ast::Policy) {
        let place = self.place(Owner::Subdomain(subdomain));
        let events = self.triggers(place, &node.trigger);
        let alias = node.trigger.alias.as_ref().map(|alias| self.intern(alias.as_str()));
        let mut cases = Vec::with_capacity(events.len());
        for event in events {
            let mut sight = Sight::new("a policy");
            (sight.event, sight.alias) = (Some(event), alias.clone());
            let mut body = Body::new(self, place, sight);
            let reactions = body.reactions(&node.body);
            let wrong = body.incomplete;
            cases.push(PolicyCase { event, body: reactions });
            if wrong {
                break;
            }
        }
        let policy = model::Policy {
            name: self.intern(node.name.as_str()),
            docs: docs(&node.doc),
            span: node.name.span,
            subdomain,
            alias,
            cases,
        };
        let id = self.model.policies.push(policy);
        self.model.subdomains[subdomain].policies.push(id);
    }

    fn saga(&mut self, subdomain: Id<model::Subdomain>, node: &'a ast::Saga) {
        let place = self.place(Owner::Subdomain(subdomain));
        let events = self.triggers(place, &node.trigger);
        if let [_, second, ..] = node.trigger.events.as_slice() {
            self.report(
                Diagnostic::new(&checks::NOT_YET, second.span, "a saga is started by one event")
                    .hint("declare one saga for each"),
            );
        }
        let Some(trigger) = events.first().copied() else { return };
        let alias = node.trigger.alias.as_ref().map(|alias| self.intern(alias.as_str()));
        let nodes = crate::names::distinct(self, "the step", &node.steps, |it| &it.name);
        let pivot = self.pivot(&nodes);
        let mut sight = Sight::new("a saga");
        (sight.event, sight.alias) = (Some(trigger), alias.clone());
        let mut body = Body::new(self, place, sight);
        // What steps that could not be read give to later ones.
        for answer in node.broken.iter().filter(|it| it.noun == ast::Noun::Let).filter_map(|it| it.name.as_ref()) {
            body.declare(answer, Ty::Poison);
        }
        let mut steps = Vec::with_capacity(nodes.len());
        for (index, step) in nodes.iter().enumerate() {
            let phase = match pivot {
                Some(pivot) if index == pivot => Phase::Pivot,
                Some(pivot) if index > pivot => Phase::After,
                _ => Phase::Before,
            };
            steps.extend(body.step(step, phase));
        }
        body.sight.failure = true;
        let mut failed = Vec::new();
        for block in node.failed.iter().take(1) {
            failed = body.reactions(block);
        }
        if let [first, second, ..] = node.failed.as_slice() {
            body.report(
                Diagnostic::new(&codes::SECOND, second.span.before(), "a saga has one `failed`")
                    .label(first.span.before(), "the first one")
                    .hint("join them"),
            );
        }
        let saga = model::Saga {
            name: self.intern(node.name.as_str()),
            docs: docs(&node.doc),
            span: node.name.span,
            subdomain,
            trigger,
            alias,
            steps,
            failed,
        };
        let id = self.model.sagas.push(saga);
        self.model.subdomains[subdomain].sagas.push(id);
    }

    /// Which step is the pivot; reports a second one.
    fn pivot(&mut self, steps: &[&'a ast::Step]) -> Option<usize> {
        let mut pivots = steps.iter().enumerate().filter(|(_, it)| it.kind == StepKind::Pivot);
        let (mut index, first) = pivots.next()?;
        for (at, other) in pivots {
            index = at;
            self.report(
                Diagnostic::new(&codes::SECOND, other.name.span, "a saga has one pivot")
                    .label(first.name.span, "the first one")
                    .hint("make it a `step`"),
            );
        }
        Some(index)
    }
}

impl<'a> Body<'_, 'a> {
    fn step(&mut self, node: &'a ast::Step, phase: Phase) -> Option<Step> {
        let mark = self.enter();
        let each = node.each.as_ref().map(|each| {
            let of = self.expr(&each.items, None);
            let ty = self.element_of(&of);
            let local = self.declare(&each.name, ty.clone());
            Branches { each: local, ty, of }
        });
        let action = self.call_of(&node.action);
        let undo = match &node.undo {
            Some(Undo::Do(undo)) => self.call_of(undo),
            Some(Undo::Nothing(_)) | None => None,
        };
        self.leave(mark);
        if let (Some(Undo::Do(undo)), Phase::Pivot | Phase::After) = (&node.undo, phase) {
            let message = "from the pivot on a saga only goes forward: nothing is undone";
            self.report(Diagnostic::new(&checks::UNDO_AFTER_PIVOT, undo.span, message).hint("remove `undo`"));
        }
        let retry = node.retry.as_ref().and_then(|retry| self.retry(retry));
        let timeout = node.timeout.as_ref().and_then(|timeout| self.fixed_duration(timeout));
        let answer_ty = action.as_ref().and_then(|action| self.answer_ty(action));
        let answer = node
            .action
            .alias
            .as_ref()
            .and_then(|alias| self.answer(alias, answer_ty, action.is_some(), each.is_some()));
        let name: Name = self.draft.intern(node.name.as_str());
        let undo_nothing = matches!(node.undo, Some(Undo::Nothing(_)));
        Some(Step {
            name,
            docs: docs(&node.doc),
            span: node.name.span,
            phase,
            each,
            action: action?,
            answer,
            undo,
            undo_nothing,
            retry,
            timeout,
        })
    }

    fn answer(
        &mut self,
        alias: &'a ast::Ident,
        ty: Option<Ty>,
        known: bool,
        branches: bool,
    ) -> Option<(model::Local, Ty)> {
        if !known {
            self.declare(alias, Ty::Poison);
            return None;
        }
        let Some(ty) = ty else {
            if !self.draft.incomplete_system {
                self.report(
                    Diagnostic::new(&types::NOT_HERE, alias.span, "this answers nothing").hint("remove `as …`"),
                );
            }
            self.declare(alias, Ty::Poison);
            return None;
        };
        if branches {
            self.report(
                Diagnostic::new(&checks::NOT_YET, alias.span, "answers of several branches cannot be read yet")
                    .hint("remove `as …`"),
            );
            self.declare(alias, Ty::Poison);
            return None;
        }
        Some((self.declare(alias, ty.clone()), ty))
    }

    fn retry(&mut self, node: &'a ast::Retry) -> Option<Retry> {
        let times = self.expr_as(&node.times, &Ty::Base(Base::Int));
        let times = match times.kind {
            model::ExprKind::Literal(model::Literal::Int(times)) => u32::try_from(times).ok(),
            model::ExprKind::Poison => return None,
            _ => None,
        };
        let Some(times) = times else {
            self.report(
                Diagnostic::new(&types::NOT_HERE, node.times.span, "how many times?")
                    .hint("write a whole number: `retry 5 times`"),
            );
            return None;
        };
        let from = match &node.from {
            Some(from) => self.fixed_duration(from)?,
            None => 200_000,
        };
        let to = match &node.to {
            Some(to) => self.fixed_duration(to)?,
            None => from.max(10_000_000),
        };
        if to < from {
            self.report(
                Diagnostic::new(&types::LITERAL, node.span, "the longest pause is shorter than the first")
                    .hint("the shorter one comes first"),
            );
        }
        Some(Retry { times, from, to })
    }
}
