//! Access: the gateway exposes and composes only what says who may reach it.

use crate::diagnostic::{Diagnostic, checks};
use crate::draft::Draft;
use crate::model::{Allow, RouteTarget};
use crate::source::Span;

impl Draft<'_> {
    pub(crate) fn check_access(&mut self) {
        let Some(gateway) = &self.model.gateway else { return };
        let mut found: Vec<Diagnostic> = Vec::new();
        for id in &gateway.exposes {
            let subdomain = self.model.at(*id);
            let commands = subdomain.aggregates().any(|it| it.commands().any(|command| !command.allow.is_internal()));
            let queries = subdomain.views().any(|it| it.queries().any(|query| !query.allow.is_internal()));
            let unsure = subdomain.get().aggregates.iter().any(|it| self.incomplete[it.index()]);
            if !commands && !queries && !unsure {
                let message =
                    format!("nothing in `{}` says who may reach it, so there is nothing to expose", subdomain.name);
                let span = self.exposed_at.iter().find(|(it, _)| it == id).map_or(gateway.span, |(_, span)| *span);
                found.push(
                    Diagnostic::new(&checks::NOTHING_EXPOSED, span, message)
                        .hint("say it: `allow role(…)`, or `allow anyone`"),
                );
            }
        }
        for id in &gateway.composes {
            for part in &self.model.at(*id).get().parts {
                let query = self.model.at(part.query);
                if query.allow.is_internal() && part.ty != crate::model::Ty::Poison {
                    let message = format!("`{}` says nobody may reach it from outside", query.path());
                    let declared: Span = query.span;
                    found.push(
                        Diagnostic::new(&checks::NOT_ALLOWED, part.span, message)
                            .label(declared, "has no `allow`")
                            .hint("say who may: `allow role(…)`, or `allow anyone`"),
                    );
                }
            }
        }
        if gateway.authenticate.is_none()
            && !self.authenticate_written
            && gateway.routes.iter().any(|it| self.wants_caller(it.target))
        {
            let message = "something is exposed to callers with roles, and the gateway does not say how it knows them";
            let hint = "add `authenticate jwt(issuer: …, audience: …)`";
            found.push(Diagnostic::new(&checks::NOT_AUTHENTICATED, gateway.span, message).hint(hint));
        }
        found.into_iter().for_each(|it| self.report(it));
    }
    /// Whether who may reach it depends on who they are.
    fn wants_caller(&self, target: RouteTarget) -> bool {
        let rule = |allow: &Allow| allow.rule().is_some();
        match target {
            RouteTarget::Command(id) => rule(&self.model.commands[id].allow),
            RouteTarget::Query(id) => rule(&self.model.queries[id].allow),
            RouteTarget::Compose(id) => self.model.at(id).queries().any(|query| rule(&query.allow)),
        }
    }
}
