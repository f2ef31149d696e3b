//! Access: the gateway exposes and composes only what says who may reach it.

use crate::diagnostic::{Diagnostic, checks};
use crate::draft::Draft;
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
        found.into_iter().for_each(|it| self.report(it));
    }
}
