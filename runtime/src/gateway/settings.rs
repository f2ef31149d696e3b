//! What a gateway is told by the spec, the environment and the keys: checked at start, every mistake told at once.

use super::development::Development;
use super::server::Target;
use super::{Gateway, Setting};
use crate::config::Config;
use crate::context::Context;
use crate::http::routes::Routes;
use crate::token::keys::Keys;
use crate::token::outside::OutsideTokens;

/// Whose tokens count; `None` where all callers are anonymous.
pub(super) fn outside_tokens(
    gateway: &Gateway,
    config: &Config,
    keys: &Keys,
    mistakes: &mut Vec<String>,
) -> Option<OutsideTokens> {
    let jwt = gateway.authentication?;
    let mut setting = |setting: Setting, in_development: Option<&str>| match setting {
        Setting::Text(text) => text.to_owned(),
        Setting::Env(name) => match (config.environment.get(name).filter(|it| !it.is_empty()), in_development) {
            (Some(text), _) => text.clone(),
            (None, Some(text)) => text.to_owned(),
            (None, None) => {
                mistakes.push(format!("`{name}` is not set: the gateway needs it to check tokens"));
                String::new()
            }
        },
    };
    let (issuer, audience) =
        (setting(jwt.issuer, config.is_development().then_some(gateway.name)), setting(jwt.audience, None));
    if keys.tokens.verifying.is_empty() {
        mistakes.push("no key of `tokens` is configured (MINOS_KEYS): nobody could prove who he is".to_owned());
    }
    Some(OutsideTokens {
        keys: keys.tokens.verifying.clone(),
        issuer,
        audience,
        role_claim: gateway.role_claim,
        roles: gateway.roles,
        identities: gateway.identities.clone(),
    })
}

/// Development mode, where it is on.
pub(super) fn development(
    config: &Config,
    keys: &Keys,
    tokens: Option<&OutsideTokens>,
    context: &Context,
) -> Option<Development> {
    if !config.is_development() || !config.listen.ip().is_loopback() {
        return None;
    }
    let tokens = tokens?;
    Some(Development {
        tokens: keys.tokens.signing.clone()?,
        operator: keys.operator.signing.clone()?,
        issuer: tokens.issuer.clone(),
        audience: tokens.audience.clone(),
        context: context.clone(),
    })
}

/// What leads where.
pub(super) fn routes(gateway: &Gateway, mistakes: &mut Vec<String>) -> Routes<Target> {
    let mut routes = Routes::default();
    let services = gateway.routes.iter().map(|route| (route.method, route.path, Target::Service(*route)));
    let compositions = gateway.compositions.iter().map(|(path, it)| ("GET", *path, Target::Compose(it.clone())));
    for (method, path, target) in services.chain(compositions) {
        if !routes.add(method, path, target) {
            mistakes.push(format!("`{method} {path}` is exposed twice"));
        }
    }
    routes
}
