//! Commands and timers.

use crate::ast::{self, TimerStart};
use crate::diagnostic::{Diagnostic, checks, names as codes, types};
use crate::draft::{Draft, docs};
use crate::model::{self, Allow, Base, Expr, ExprKind, Id, Literal, Name, Owner, Read, ReadKind, Timer, TimerWhen, Ty};
use crate::resolve::body::{Body, Itself, Sight};
use crate::suggest::did_you_mean;

impl<'a> Draft<'a> {
    pub(crate) fn resolve_command_headers(&mut self) {
        for id in self.model.commands.ids() {
            let node = self.nodes.commands[id.index()];
            let aggregate = self.model.commands[id].aggregate;
            let place = self.place(Owner::Aggregate(aggregate));
            let known: Vec<(Name, Ty)> =
                self.model.aggregates[aggregate].fields.iter().map(|it| (it.name.clone(), it.ty.clone())).collect();
            let of = format!("`{}`", self.model.aggregates[aggregate].name);
            let broken = self.nodes.aggregates[aggregate.index()]
                .broken
                .iter()
                .any(|it| it.noun == ast::Noun::Field || it.noun == ast::Noun::State || it.name.is_none());
            let params = if broken {
                self.params_poisoned(place, &node.params, &known)
            } else {
                self.params(place, &node.params, &of, &known)
            };
            self.model.commands[id].params = params;
            let (when, done) = self.when(id, node);
            self.model.commands[id].when = when;
            self.model.commands[id].done_when = done;
        }
    }

    /// Parameters where some fields could not be read: a type that is missing may be theirs.
    pub(crate) fn params_poisoned(
        &mut self,
        place: crate::types::Place,
        nodes: &'a [ast::Param],
        known: &[(Name, Ty)],
    ) -> Vec<model::Param> {
        let mut known = known.to_vec();
        for node in nodes {
            if node.ty.is_none() && !known.iter().any(|(name, _)| *name == node.name.as_str()) {
                known.push((Name::from(node.name.as_str()), Ty::Poison));
            }
        }
        self.params(place, nodes, "", &known)
    }

    fn when(&mut self, id: Id<model::Command>, node: &'a ast::Command) -> (Option<Vec<u32>>, Vec<u32>) {
        let aggregate = self.model.commands[id].aggregate;
        let Some(when) = &node.when else { return (None, Vec::new()) };
        if node.kind == ast::CommandKind::Create {
            let message = "before a `create` there is no state";
            self.report(Diagnostic::new(&checks::WHEN_WITHOUT_STATE, when.span, message).hint("remove `when …`"));
            return (None, Vec::new());
        }
        let mut seen: Vec<u32> = Vec::new();
        let mut states = |draft: &mut Self, idents: &'a [ast::Ident]| -> Option<Vec<u32>> {
            let mut found = Vec::new();
            for ident in idents {
                let state = draft.find_state(aggregate, ident)?;
                if seen.contains(&state) {
                    let message = format!("the state `{}` is named twice", ident.as_str());
                    draft.report(Diagnostic::new(&codes::DUPLICATE, ident.span, message).hint("name it once"));
                    continue;
                }
                seen.push(state);
                found.push(state);
            }
            found.sort_unstable();
            Some(found)
        };
        let (when, done) = (states(self, &when.states), states(self, &when.done));
        if when.is_none() || done.is_none() {
            self.incomplete[aggregate.index()] = true;
            // Poisoned: every state, so that no proof fails on it.
            let all =
                self.model.aggregates[aggregate].lifecycle.as_ref().map(|it| (0..it.states.len() as u32).collect());
            return (all.or(Some(Vec::new())), Vec::new());
        }
        (when, done.unwrap_or_default())
    }

    pub(crate) fn resolve_commands(&mut self) {
        for id in self.model.commands.ids() {
            let node = self.nodes.commands[id.index()];
            let command = &self.model.commands[id];
            let (aggregate, creates) = (command.aggregate, command.creates);
            let params: Vec<(Name, Ty)> = command.params.iter().map(|it| (it.name.clone(), it.ty.clone())).collect();
            let place = self.place(Owner::Aggregate(aggregate));
            let mut sight = Sight::new(if creates { "a `create`" } else { "a command" });
            (sight.itself, sight.new) = (Itself::Aggregate(aggregate), creates);
            (sight.params, sight.caller) = (params, true);
            let mut body = Body::new(self, place, sight);
            let allow = body.allow(node.allow.as_ref());
            match &allow {
                Allow::Rule(rule) => {
                    if creates {
                        body.refuse_own_id(rule);
                    }
                    body.assume(rule, true);
                    body.assume_authenticated();
                }
                // Sagas and policies act for the system: there is no caller.
                Allow::Internal | Allow::Anyone => {}
            }
            (body.sight.bare, body.sight.now) = (!creates, true);
            let reads = node.withs.iter().filter_map(|with| body.read(with)).collect();
            let decided = body.decisions(&node.body);
            if body.incomplete || node.body.is_broken() {
                self.incomplete[aggregate.index()] = true;
            }
            let command = &mut self.model.commands[id];
            (command.allow, command.reads, command.body) = (allow, reads, decided);
        }
    }

    pub(crate) fn resolve_timers(&mut self) {
        for id in self.model.aggregates.ids() {
            let node = self.nodes.aggregates[id.index()];
            for timer in &node.timers {
                let state = self.find_state(id, &timer.state);
                let place = self.place(Owner::Aggregate(id));
                let mut sight = Sight::new("a timer");
                (sight.itself, sight.bare, sight.now) = (Itself::Aggregate(id), true, true);
                let mut body = Body::new(self, place, sight);
                let when = body.timer_when(&timer.start);
                let decided = body.decisions(&timer.body);
                if body.incomplete || timer.body.is_broken() || state.is_none() {
                    self.incomplete[id.index()] = true;
                }
                if let (Some(state), Some(when)) = (state, when) {
                    self.model.aggregates[id].timers.push(Timer {
                        docs: docs(&timer.doc),
                        span: timer.span,
                        state,
                        when,
                        body: decided,
                    });
                }
            }
        }
    }
}

impl<'a> Body<'_, 'a> {
    /// Who may.
    pub(crate) fn allow(&mut self, node: Option<&'a ast::Allow>) -> Allow {
        match node.map(|it| &it.rule) {
            None => Allow::Internal,
            Some(ast::AllowRule::Anyone) => Allow::Anyone,
            Some(ast::AllowRule::If(rule)) => Allow::Rule(self.condition(rule)),
        }
    }

    /// Who may create is decided before there is an id: a rule that reads it would hold for nobody.
    fn refuse_own_id(&mut self, rule: &Expr) {
        let mut found = None;
        rule.walk(&mut |node| {
            if let ExprKind::SelfId = node.kind {
                found = found.or(Some(node.span));
            }
        });
        if let Some(span) = found {
            let hint = "compare a parameter, or ask for a role; the id is new, and no caller can have it yet";
            self.report(
                Diagnostic::new(&types::NOT_HERE, span, "what is created has no id yet when it is decided who may")
                    .hint(hint),
            );
        }
    }

    /// A rule was kept, so there is a token: identities that depend on no role are there.
    fn assume_authenticated(&mut self) {
        let identities = &self.draft.model.identities;
        let always: Vec<_> = identities.ids().filter(|id| identities[*id].role.is_none()).collect();
        self.facts.extend(always.into_iter().map(crate::resolve::body::Fact::Identity));
    }

    /// `with x = …`.
    fn read(&mut self, node: &'a ast::With) -> Option<Read> {
        let read = match &node.value.kind {
            ast::ExprKind::Join { items, view, on } => self.read_join(node, items, view, on),
            ast::ExprKind::Index { base, key } => match &base.kind {
                ast::ExprKind::Name(view) if view.is_capitalised() => self.read_row(node, view, key),
                _ => self.not_read(node),
            },
            ast::ExprKind::Broken => None,
            _ => self.not_read(node),
        };
        if read.is_none() {
            self.declare(&node.name, Ty::Poison);
            self.incomplete = true;
        }
        read
    }

    fn not_read<T>(&mut self, node: &'a ast::With) -> Option<T> {
        let message = "only rows of views can be read before deciding";
        let hint = "write `with row = View[key] else …` or `with rows = list join View on field else …`";
        self.report(Diagnostic::new(&checks::NOT_YET, node.value.span, message).hint(hint));
        None
    }

    fn otherwise(&mut self, node: &'a ast::With) -> Option<model::Raise> {
        match &node.otherwise {
            Some(refusal) => self.raise(refusal),
            None => {
                let message = format!("what if there is no row for `{}`?", node.name.as_str());
                self.report(
                    Diagnostic::new(&codes::MISSING_ARGUMENT, node.span, message)
                        .hint("say how to refuse: `else Error(…)`"),
                );
                None
            }
        }
    }

    fn read_row(&mut self, node: &'a ast::With, name: &'a ast::Ident, key: &'a ast::Expr) -> Option<Read> {
        let view = self.draft.find_view(self.place, name);
        let key_ty =
            view.and_then(|id| self.draft.model.views[id].columns.first()).map_or(Ty::Poison, |it| it.ty.clone());
        let key = self.expr_as(key, &key_ty);
        let otherwise = self.otherwise(node);
        let (view, otherwise) = (view?, otherwise?);
        let ty = Ty::Row(view);
        let local = self.declare(&node.name, ty.clone());
        Some(Read { local, ty, span: node.span, kind: ReadKind::Row { view, key }, otherwise })
    }

    fn read_join(
        &mut self,
        node: &'a ast::With,
        items: &'a ast::Expr,
        view: &'a ast::Path,
        on: &'a ast::Ident,
    ) -> Option<Read> {
        let list = self.expr(items, None);
        let view = self.draft.find_own_view(self.place, view);
        let element_ty = match &list.ty {
            Ty::List(element, _) => (**element).clone(),
            Ty::Poison => Ty::Poison,
            _ => {
                self.bad_operand(&list, "`join` goes through a list");
                Ty::Poison
            }
        };
        let mark = self.enter();
        let element = self.declare_name(Name::from("element"), element_ty.clone());
        self.leave(mark);
        let key = self.join_key(&element, &element_ty, view, on);
        self.sight.element = Some((element.clone(), element_ty.clone()));
        let otherwise = self.otherwise(node);
        self.sight.element = None;
        let (view, key, otherwise) = (view?, key?, otherwise?);
        let ty = Ty::List(std::sync::Arc::new(Ty::Joined(std::sync::Arc::new(element_ty.clone()), view)), None);
        let local = self.declare(&node.name, ty.clone());
        Some(Read {
            local,
            ty,
            span: node.span,
            kind: ReadKind::Join { list, element, element_ty, view, key },
            otherwise,
        })
    }

    fn join_key(
        &mut self,
        element: &model::Local,
        element_ty: &Ty,
        view: Option<Id<model::View>>,
        on: &'a ast::Ident,
    ) -> Option<Expr> {
        let Ty::Value(id) = element_ty else {
            if *element_ty != Ty::Poison {
                let message = format!("`{}` has no field `{}`", self.draft.show(element_ty), on.as_str());
                self.report(Diagnostic::new(&codes::UNKNOWN_MEMBER, on.span, message));
            }
            return None;
        };
        let fields = &self.draft.model.values[*id].fields;
        let Some(index) = fields.iter().position(|it| it.name == on.as_str()) else {
            let hint = did_you_mean(on.as_str(), fields.iter().map(|it| it.name.as_str()));
            let message = format!("`{}` has no field `{}`", self.draft.show(element_ty), on.as_str());
            self.report_hint(Diagnostic::new(&codes::UNKNOWN_MEMBER, on.span, message), hint);
            return None;
        };
        let ty = fields[index].ty.clone();
        let of = Box::new(Expr { kind: ExprKind::Local(element.clone()), ty: element_ty.clone(), span: on.span });
        let key = Expr { kind: ExprKind::Get { of, field: index as u32 }, ty, span: on.span };
        let key_ty =
            view.and_then(|id| self.draft.model.views[id].columns.first()).map_or(Ty::Poison, |it| it.ty.clone());
        Some(self.coerce(key, &key_ty))
    }

    fn timer_when(&mut self, start: &'a TimerStart) -> Option<TimerWhen> {
        match start {
            TimerStart::After(node) => self.fixed_duration(node).map(TimerWhen::After),
            TimerStart::At(node) => Some(TimerWhen::At(self.expr_as(node, &Ty::Base(Base::Timestamp)))),
        }
    }

    /// A length of time that is written out.
    pub(crate) fn fixed_duration(&mut self, node: &'a ast::Expr) -> Option<i64> {
        let value = self.expr_as(node, &Ty::Base(Base::Duration));
        match value.kind {
            ExprKind::Literal(Literal::Duration(micros)) => Some(micros),
            ExprKind::Poison => None,
            _ => {
                self.report(
                    Diagnostic::new(&types::NOT_HERE, node.span, "a fixed length of time is wanted here")
                        .hint("write `30 days`"),
                );
                None
            }
        }
    }
}
