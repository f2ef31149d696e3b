//! A model as text, one line a fact, so that a snapshot shows every type and every conversion.

use std::collections::BTreeSet;
use std::fmt::Write;

use minos_dsl::model::*;

pub(crate) fn model(model: &Model) -> String {
    let mut out = String::new();
    for subdomain in model.subdomains() {
        writeln!(out, "subdomain {}", subdomain.name).unwrap();
        subdomain.aggregates().for_each(|it| aggregate(&mut out, it));
        subdomain.views().for_each(|it| view(&mut out, it));
        for group in subdomain.view_groups() {
            writeln!(out, "  group {}", group.iter().map(|it| it.name.to_string()).collect::<Vec<_>>().join(" "))
                .unwrap();
        }
        subdomain.sagas().for_each(|it| saga(&mut out, it));
        for policy in subdomain.policies() {
            for case in &policy.get().cases {
                writeln!(out, "  policy {} on {}", policy.name, model.at(case.event).path()).unwrap();
                reactions(&mut out, model, &case.body, 4);
            }
        }
        contracts(&mut out, model, &subdomain.contracts, &subdomain.name);
    }
    if let Some(gateway) = model.gateway() {
        writeln!(out, "gateway {:?}", gateway.authenticate).unwrap();
        for route in &gateway.routes {
            let target = match route.target {
                RouteTarget::Command(id) => model.at(id).path(),
                RouteTarget::Query(id) => model.at(id).path(),
                RouteTarget::Compose(id) => model.at(id).name.to_string(),
            };
            writeln!(out, "  {} {} -> {target}", route.method.as_str(), route.path_text()).unwrap();
        }
        for compose in model.all::<Compose>() {
            writeln!(out, "  compose {}({})", compose.name, params(model, &compose.params)).unwrap();
            for part in &compose.get().parts {
                let query = model.at(part.query).path();
                writeln!(
                    out,
                    "    {} depth {} needs {:?}: {} = {query}({})",
                    part.name,
                    part.depth,
                    part.needs,
                    ty(model, &part.ty),
                    exprs(model, &part.arguments)
                )
                .unwrap();
            }
        }
        contracts(&mut out, model, model.gateway_contracts(), "gateway");
    }
    out
}

fn contracts(out: &mut String, model: &Model, it: &Contracts, of: &str) {
    let paths = |paths: Vec<String>| paths.join(" ");
    writeln!(out, "  contracts of {of}").unwrap();
    writeln!(out, "    ids {}", paths(it.ids.iter().map(|id| model.at(*id).path()).collect())).unwrap();
    writeln!(out, "    statuses {}", paths(it.statuses.iter().map(|id| model.at(*id).path()).collect())).unwrap();
    writeln!(out, "    commands {}", paths(it.commands.iter().map(|id| model.at(*id).path()).collect())).unwrap();
    writeln!(out, "    events {}", paths(it.events.iter().map(|(id, read)| payload(model.at(*id), read)).collect()))
        .unwrap();
    writeln!(out, "    queries {}", paths(it.queries.iter().map(|id| model.at(*id).path()).collect())).unwrap();
    writeln!(out, "    types {}", paths(it.types.iter().map(|it| named(model, *it)).collect())).unwrap();
    writeln!(out, "    shared {}", paths(it.shared.iter().map(|it| named(model, *it)).collect())).unwrap();
    writeln!(out, "    files {:?}", it.files.iter().map(|it| it.0).collect::<Vec<_>>()).unwrap();
}

fn payload(it: Cursor<'_, Event>, read: &BTreeSet<u32>) -> String {
    let read: Vec<&str> = read.iter().map(|index| it.payload[*index as usize].name.as_str()).collect();
    format!("{}({})", it.path(), read.join(", "))
}

fn named(model: &Model, it: TypeRef) -> String {
    match it {
        TypeRef::Named(id) => model.at(id).name.to_string(),
        TypeRef::Value(id) => model.at(id).name.to_string(),
        TypeRef::Enum(id) => model.at(id).name.to_string(),
    }
}

fn params(model: &Model, params: &[Param]) -> String {
    params.iter().map(|it| format!("{}: {}", it.name, ty(model, &it.ty))).collect::<Vec<_>>().join(", ")
}

fn aggregate(out: &mut String, it: Cursor<'_, Aggregate>) {
    let model = it.model();
    writeln!(out, "  aggregate {}", it.path()).unwrap();
    for field in &it.get().fields {
        writeln!(
            out,
            "    {}: {}{}{}",
            field.name,
            ty(model, &field.ty),
            if field.unique { " unique" } else { "" },
            field.state.map_or(String::new(), |it| format!(" in state {it}"))
        )
        .unwrap();
    }
    for member in &it.get().computed {
        writeln!(out, "    let {}: {} = {}", member.name, ty(model, &member.ty), expr(model, &member.value)).unwrap();
    }
    if let Some(lifecycle) = &it.get().lifecycle {
        let states: Vec<String> =
            lifecycle.states.iter().map(|it| format!("{}{}", it.name, if it.initial { "*" } else { "" })).collect();
        writeln!(out, "    lifecycle {} {} {:?}", lifecycle.name, states.join(" "), lifecycle.transitions).unwrap();
    }
    for command in it.commands() {
        let kind = if command.creates { "create" } else { "command" };
        writeln!(
            out,
            "    {kind} {}({}) when {:?} done {:?}",
            command.name,
            params(model, &command.params),
            command.when,
            command.done_when
        )
        .unwrap();
        writeln!(out, "      allow {}", allow(model, &command.allow)).unwrap();
        for read in &command.get().reads {
            let text = match &read.kind {
                ReadKind::Row { view, key } => format!("{}[{}]", model.at(*view).name, expr(model, key)),
                ReadKind::Join { list, element, view, key, .. } => format!(
                    "{} join {} on {} => {}",
                    expr(model, list),
                    model.at(*view).name,
                    element.name,
                    expr(model, key)
                ),
            };
            writeln!(
                out,
                "      with {}: {} = {text} else {}",
                read.local.name,
                ty(model, &read.ty),
                raise(model, &read.otherwise)
            )
            .unwrap();
        }
        statements(out, model, &command.body, 6);
        writeln!(
            out,
            "      refusals {}",
            command.refusals.iter().map(|it| refusal(model, it)).collect::<Vec<_>>().join(" ")
        )
        .unwrap();
    }
    for timer in &it.get().timers {
        writeln!(out, "    timer in state {} {:?}", timer.state, matches!(timer.when, TimerWhen::After(_))).unwrap();
        statements(out, model, &timer.body, 6);
    }
    for event in it.events() {
        let payload: Vec<String> =
            event.payload.iter().map(|it| format!("{:?} {}: {}", it.origin, it.name, ty(model, &it.ty))).collect();
        writeln!(
            out,
            "    event {}({}) enters {:?}{}",
            event.path(),
            payload.join(", "),
            event.enters,
            if event.creates { " creates" } else { "" }
        )
        .unwrap();
        effects(out, model, &event.effects, 6);
    }
    for error in it.errors() {
        writeln!(out, "    error {}({}) {:?}", error.path(), params(model, &error.fields), error.message).unwrap();
    }
}

fn refusal(model: &Model, it: &Refusal) -> String {
    match it {
        Refusal::Declared(id) => model.at(*id).name.to_string(),
        other => format!("{other:?}"),
    }
}

fn allow(model: &Model, it: &Allow) -> String {
    match it {
        Allow::Internal => "nobody".to_owned(),
        Allow::Anyone => "anyone".to_owned(),
        Allow::Rule(rule) => expr(model, rule),
    }
}

fn raise(model: &Model, it: &Raise) -> String {
    format!("{}({})", model.at(it.error).name, exprs(model, &it.arguments))
}

fn line(out: &mut String, indent: usize, text: &str) {
    writeln!(out, "{:indent$}{text}", "").unwrap();
}

fn statements(out: &mut String, model: &Model, all: &[Statement], indent: usize) {
    for it in all {
        match it {
            Statement::Let { local, value } => {
                line(out, indent, &format!("let {}: {} = {}", local.name, ty(model, &value.ty), expr(model, value)))
            }
            Statement::Require { condition, otherwise } => {
                line(out, indent, &format!("require {} else {}", expr(model, condition), raise(model, otherwise)))
            }
            Statement::If { condition, then, otherwise } => {
                line(out, indent, &format!("if {}", expr(model, condition)));
                statements(out, model, then, indent + 2);
                line(out, indent, "else");
                statements(out, model, otherwise, indent + 2);
            }
            Statement::Done => line(out, indent, "done"),
            Statement::Emit(emit) => {
                line(out, indent, &format!("emit {}({})", model.at(emit.event).name, exprs(model, &emit.payload)))
            }
        }
    }
}

fn effects(out: &mut String, model: &Model, all: &[Effect], indent: usize) {
    for it in all {
        let text = match it {
            Effect::Let { local, value } => format!("let {} = {}", local.name, expr(model, value)),
            Effect::Assign { field, value } => format!("#{field} = {}", expr(model, value)),
            Effect::Insert { field, key, value } => format!("#{field}[{}] = {}", expr(model, key), expr(model, value)),
            Effect::Remove { field, key } => format!("remove #{field}[{}]", expr(model, key)),
            Effect::Add { field, element } => format!("add {} to #{field}", expr(model, element)),
            Effect::If { condition, then, otherwise } => {
                line(out, indent, &format!("if {}", expr(model, condition)));
                effects(out, model, then, indent + 2);
                line(out, indent, "else");
                effects(out, model, otherwise, indent + 2);
                continue;
            }
            Effect::For { each, of, body, .. } => {
                line(out, indent, &format!("for {} in {}", each.name, expr(model, of)));
                effects(out, model, body, indent + 2);
                continue;
            }
            Effect::Enter { state } => format!("enter {state}"),
        };
        line(out, indent, &text);
    }
}

fn view(out: &mut String, it: Cursor<'_, View>) {
    let model = it.model();
    writeln!(out, "  view {} allow {}", it.path(), allow(model, &it.allow)).unwrap();
    for column in &it.get().columns {
        writeln!(out, "    {}: {}{}", column.name, ty(model, &column.ty), if column.indexed { " indexed" } else { "" })
            .unwrap();
    }
    match &it.get().source {
        ViewSource::Aggregate { aggregate, values } => {
            writeln!(out, "    of {} ({})", model.at(*aggregate).path(), exprs(model, values)).unwrap();
        }
        ViewSource::Events { handlers, ignored, open } => {
            for case in handlers.iter().flat_map(|it| &it.cases) {
                writeln!(out, "    on {}", model.at(case.event).path()).unwrap();
                rows(out, model, &case.body, 6);
            }
            writeln!(
                out,
                "    ignored {}",
                ignored.iter().map(|id| model.at(*id).path()).collect::<Vec<_>>().join(" ")
            )
            .unwrap();
            writeln!(out, "    open {}", open.iter().map(|id| model.at(*id).path()).collect::<Vec<_>>().join(" "))
                .unwrap();
        }
    }
    for query in it.queries() {
        let filter = query.get().filter.as_ref().map_or(String::new(), |it| expr(model, it));
        writeln!(
            out,
            "    query {:?} {}({}) -> {:?} allow {} where {filter} order {:?}",
            query.kind,
            query.name,
            params(model, &query.params),
            query.answer,
            allow(model, &query.allow),
            query.order
        )
        .unwrap();
    }
}

fn columns(model: &Model, all: &[(u32, Expr)]) -> String {
    all.iter().map(|(index, value)| format!("#{index}: {}", expr(model, value))).collect::<Vec<_>>().join(", ")
}

fn rows(out: &mut String, model: &Model, all: &[RowChange], indent: usize) {
    for it in all {
        let text = match it {
            RowChange::Let { local, value } => format!("let {} = {}", local.name, expr(model, value)),
            RowChange::Insert { key, columns: it } => format!("insert[{}]({})", expr(model, key), columns(model, it)),
            RowChange::Upsert { key, columns: it, defaults } => {
                format!("upsert[{}]({}) else ({})", expr(model, key), columns(model, it), columns(model, defaults))
            }
            RowChange::Update { key, columns: it } => format!("update[{}]({})", expr(model, key), columns(model, it)),
            RowChange::UpdateWhere { columns: it, filter } => {
                format!("update({}) where {}", columns(model, it), expr(model, filter))
            }
            RowChange::Delete { key } => format!("delete[{}]", expr(model, key)),
            RowChange::DeleteWhere { filter } => format!("delete where {}", expr(model, filter)),
            RowChange::If { condition, then, otherwise } => {
                line(out, indent, &format!("if {}", expr(model, condition)));
                rows(out, model, then, indent + 2);
                line(out, indent, "else");
                rows(out, model, otherwise, indent + 2);
                continue;
            }
            RowChange::For { each, of, body, .. } => {
                line(out, indent, &format!("for {} in {}", each.name, expr(model, of)));
                rows(out, model, body, indent + 2);
                continue;
            }
        };
        line(out, indent, &text);
    }
}

fn saga(out: &mut String, it: Cursor<'_, Saga>) {
    let model = it.model();
    writeln!(out, "  saga {} on {}", it.path(), it.trigger().path()).unwrap();
    for step in &it.get().steps {
        writeln!(out, "    step {} {:?} retry {:?} timeout {:?}", step.name, step.phase, step.retry, step.timeout)
            .unwrap();
        if let Some(each) = &step.each {
            writeln!(out, "      for {}: {} in {}", each.each.name, ty(model, &each.ty), expr(model, &each.of))
                .unwrap();
        }
        writeln!(out, "      do {}", call(model, &step.action)).unwrap();
        if let Some((local, answer)) = &step.answer {
            writeln!(out, "      as {}: {}", local.name, ty(model, answer)).unwrap();
        }
        if let Some(undo) = &step.undo {
            writeln!(out, "      undo {}", call(model, undo)).unwrap();
        }
    }
    writeln!(out, "    failed").unwrap();
    reactions(out, model, &it.get().failed, 6);
}

fn call(model: &Model, it: &Call) -> String {
    let target = match &it.target {
        CallTarget::Command { command, id } => format!("{} to {}", model.at(*command).path(), expr(model, id)),
        CallTarget::Create(command) => model.at(*command).path(),
        CallTarget::Port(operation) => model.at(*operation).path(),
    };
    format!("{target} ({})", exprs(model, &it.arguments))
}

fn reactions(out: &mut String, model: &Model, all: &[Reaction], indent: usize) {
    for it in all {
        match it {
            Reaction::Let { local, value } => {
                line(out, indent, &format!("let {} = {}", local.name, expr(model, value)))
            }
            Reaction::Do(it) => line(out, indent, &format!("do {}", call(model, it))),
            Reaction::If { condition, then, otherwise } => {
                line(out, indent, &format!("if {}", expr(model, condition)));
                reactions(out, model, then, indent + 2);
                line(out, indent, "else");
                reactions(out, model, otherwise, indent + 2);
            }
            Reaction::For { each, of, body, .. } => {
                line(out, indent, &format!("for {} in {}", each.name, expr(model, of)));
                reactions(out, model, body, indent + 2);
            }
        }
    }
}

pub(crate) fn ty(model: &Model, it: &Ty) -> String {
    match it {
        Ty::Base(base) => format!("{base:?}"),
        Ty::Refined(refined) => format!("{:?}({})", refined.base, rule(&refined.rule)),
        Ty::Named(id) => model.at(*id).name.to_string(),
        Ty::Loose(id) => format!("~{}", model.at(*id).name),
        Ty::Id(id) => format!("{}.Id", model.at(*id).path()),
        Ty::Value(id) => model.at(*id).name.to_string(),
        Ty::Enum(id) => model.at(*id).name.to_string(),
        Ty::Status(id) => format!("{}.Status", model.at(*id).path()),
        Ty::List(of, rule) => format!("list<{}>{}", ty(model, of), collection(rule)),
        Ty::Set(of, rule) => format!("set<{}>{}", ty(model, of), collection(rule)),
        Ty::Map(key, value, rule) => format!("map<{}, {}>{}", ty(model, key), ty(model, value), collection(rule)),
        Ty::Optional(of) => format!("{}?", ty(model, of)),
        Ty::Row(id) => format!("row {}", model.at(*id).name),
        Ty::Joined(of, view) => format!("({}, row {})", ty(model, of), model.at(*view).name),
        Ty::Event(_) | Ty::Composed(_) => "…".to_owned(),
        Ty::Poison => "POISON".to_owned(),
    }
}

fn collection(rule: &Option<std::sync::Arc<CollectionRule>>) -> String {
    rule.as_ref().map_or(String::new(), |it| format!("({:?} {:?})", it.size.map(|it| (it.min, it.max)), it.distinct))
}

fn rule(it: &Rule) -> String {
    let mut parts = Vec::new();
    parts.extend(it.digits.map(|it| format!("{}.{}", it.precision, it.scale)));
    parts.extend(it.min.map(|it| format!(">{}{}", if it.inclusive { "=" } else { "" }, it.value)));
    parts.extend(it.max.map(|it| format!("<{}{}", if it.inclusive { "=" } else { "" }, it.value)));
    parts.extend(it.length.map(|it| format!("{}..{:?}", it.min, it.max)));
    parts.extend(it.pattern.as_ref().map(|it| it.to_string()));
    parts.join(" ")
}

fn exprs(model: &Model, all: &[Expr]) -> String {
    all.iter().map(|it| expr(model, it)).collect::<Vec<_>>().join(", ")
}

fn lambda(model: &Model, it: &Lambda) -> String {
    format!("{}: {} => {}", it.param.name, ty(model, &it.ty), expr(model, &it.body))
}

pub(crate) fn expr(model: &Model, it: &Expr) -> String {
    use ExprKind as K;
    let e = |it: &Expr| expr(model, it);
    match &it.kind {
        K::Literal(literal) => format!("{literal:?}:{}", ty(model, &it.ty)),
        K::Case(id, index) => model.at(*id).get().cases[*index as usize].name.to_string(),
        K::State(id, index) => model.at(*id).get().lifecycle.as_ref().unwrap().states[*index as usize].name.to_string(),
        K::Absent => "absent".to_owned(),
        K::List(items) => format!("[{}]", exprs(model, items)),
        K::Value(id, fields) => format!("{}({})", model.at(*id).name, exprs(model, fields)),
        K::SelfId => "self.id".to_owned(),
        K::Field(index) => format!("field#{index}"),
        K::Computed(index) => format!("computed#{index}"),
        K::Status => "status".to_owned(),
        K::Param(index) => format!("param#{index}"),
        K::Local(local) => format!("{}'{}", local.name, local.index),
        K::Payload(index) => format!("payload#{index}"),
        K::EventStream => "e.id".to_owned(),
        K::EventAt => "e.at".to_owned(),
        K::EventEntered => "e.entered".to_owned(),
        K::Column(index) => format!("column#{index}"),
        K::Part(index) => format!("part#{index}"),
        K::HasRole(id) => format!("role({})", model.at(*id).name),
        K::Caller(id) => format!("caller.{}", model.at(*id).name),
        K::Now => "now".to_owned(),
        K::FailureMessage => "failure.message".to_owned(),
        K::Get { of, field } => format!("{}.#{field}", e(of)),
        K::GetIfPresent { of, field } => format!("{}?.#{field}", e(of)),
        K::JoinElement(of) => format!("{}.element", e(of)),
        K::JoinRow(of) => format!("{}.row", e(of)),
        K::Index { map, key, proven } => format!("{}[{}]{}", e(map), e(key), if *proven { "" } else { "!" }),
        K::Row { view, key } => format!("{}[{}]", model.at(*view).name, e(key)),
        K::Proven(of) => format!("proven({})", e(of)),
        K::Not(of) => format!("not {}", e(of)),
        K::Negate(of) => format!("-{}!", e(of)),
        K::And(a, b) => format!("({} and {})", e(a), e(b)),
        K::Or(a, b) => format!("({} or {})", e(a), e(b)),
        K::Arithmetic(op, a, b) => format!("({} {op:?}! {}):{}", e(a), e(b), ty(model, &it.ty)),
        K::Compare(op, a, b) => format!("({} {op:?} {})", e(a), e(b)),
        K::IsAbsent(of) => format!("absent({})", e(of)),
        K::IsEmpty(of) => format!("empty({})", e(of)),
        K::Contains { collection, item } => format!("({} in {})", e(item), e(collection)),
        K::Coalesce(a, b) => format!("({} ?? {})", e(a), e(b)),
        K::If(a, b, c) => format!("if {} {} else {}", e(a), e(b), e(c)),
        K::IfGiven { params, condition } => format!("({} if given {params:?})", e(condition)),
        K::Keys(of) => format!("keys({})", e(of)),
        K::Values(of) => format!("values({})", e(of)),
        K::Size(of) => format!("size({})", e(of)),
        K::Map { of, each } => format!("{}.map({})", e(of), lambda(model, each)),
        K::Filter { of, keep } => format!("{}.filter({})", e(of), lambda(model, keep)),
        K::Any { of, holds } => format!("{}.any({})", e(of), lambda(model, holds)),
        K::All { of, holds } => format!("{}.all({})", e(of), lambda(model, holds)),
        K::Sum { of, each } => format!(
            "{}.sum!({}):{}",
            e(of),
            each.as_ref().map_or(String::new(), |it| lambda(model, it)),
            ty(model, &it.ty)
        ),
        K::Interpolate(pieces) => format!("text of {}", pieces.len()),
        K::Convert(conversion, of) => {
            format!("{conversion:?}{}({})->{}", if conversion.may_fail() { "!" } else { "" }, e(of), ty(model, &it.ty))
        }
        K::Poison => "POISON".to_owned(),
    }
}
