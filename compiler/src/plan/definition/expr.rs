//! Expressions, in the canonical form.

use minos_dsl::model::{Arithmetic, Comparison, Conversion, Expr, ExprKind, Lambda, Literal, Piece, Ty};

use super::Canon;
use super::shape;

impl Canon<'_> {
    /// An expression. Every kind has its line: one that is added to the language must say how it stands here.
    pub(super) fn expr(&mut self, it: &Expr) {
        use ExprKind as K;
        let model = self.model;
        match &it.kind {
            K::Literal(literal) => self.node("literal", |text| text.literal(literal)),
            K::Case(of, index) => self.named("case", &model.at(*of).get().cases[*index as usize].name),
            K::State(of, index) => {
                let states = model.at(*of).get().lifecycle.as_ref().map(|it| &it.states);
                self.named("state", states.map_or("", |states| states[*index as usize].name.as_str()));
            }
            K::Absent => self.node("absent", |_| {}),
            K::List(items) => self.several("list", items),
            K::Value(of, parts) => self.node("value", |text| {
                for (field, part) in model.at(*of).get().fields.iter().zip(parts) {
                    text.word(&field.name);
                    text.expr(part);
                }
            }),
            K::SelfId => self.node("self-id", |_| {}),
            K::Status => self.node("status", |_| {}),
            K::Field(index) => {
                let field = self.aggregate.map(|id| model.at(id).get().fields[*index as usize].name.as_str());
                self.named("field", field.unwrap_or_default());
            }
            // What it is called does not matter, what it computes does.
            K::Computed(index) => {
                if let Some(id) = self.aggregate {
                    self.expr(&model.at(id).get().computed[*index as usize].value);
                }
            }
            K::Param(index) | K::Part(index) => self.named("param", &index.to_string()),
            K::Local(local) => self.node("local", |text| text.local(local)),
            K::Payload(index) => {
                let field = self.event.map(|id| model.at(id).get().payload[*index as usize].name.as_str());
                self.named("payload", field.unwrap_or_default());
            }
            K::EventStream => self.node("event-id", |_| {}),
            K::EventAt => self.node("event-at", |_| {}),
            K::EventEntered => self.node("event-entered", |_| {}),
            K::Column(index) => self.node("column", |text| text.column(*index)),
            K::HasRole(role) => self.named("role", &model.at(*role).name),
            K::Caller(identity) => self.named("caller", &model.at(*identity).name),
            K::Now => self.node("now", |_| {}),
            K::FailureMessage => self.node("failure", |_| {}),
            K::Poison => {}
            _ => self.compound(it),
        }
    }

    /// An expression that is made of others.
    fn compound(&mut self, it: &Expr) {
        use ExprKind as K;
        let model = self.model;
        match &it.kind {
            K::Get { of, field } => self.part("get", of, *field),
            K::GetIfPresent { of, field } => self.part("get-if-present", of, *field),
            K::JoinElement(of) => self.one("join-element", of),
            K::JoinRow(of) => self.one("join-row", of),
            K::Index { map, key, .. } => self.pair("index", map, key),
            K::Row { view, key } => self.node("row", |text| {
                text.word(&model.at(*view).path());
                text.expr(key);
            }),
            // That it is proven is the compiler's business.
            K::Proven(of) => self.expr(of),
            K::Not(of) => self.one("not", of),
            K::Negate(of) => self.one("negate", of),
            K::And(a, b) => self.pair("and", a, b),
            K::Or(a, b) => self.pair("or", a, b),
            K::Arithmetic(operator, a, b) => self.pair(arithmetic(*operator), a, b),
            K::Compare(comparison, a, b) => self.pair(compared(*comparison), a, b),
            K::IsAbsent(of) => self.one("is-absent", of),
            K::IsEmpty(of) => self.one("is-empty", of),
            K::Contains { collection, item } => self.pair("contains", collection, item),
            K::Coalesce(a, b) => self.pair("coalesce", a, b),
            K::If(condition, then, otherwise) => self.node("if", |text| {
                [condition, then, otherwise].into_iter().for_each(|it| text.expr(it));
            }),
            K::IfGiven { params, condition } => self.node("if-given", |text| {
                params.iter().for_each(|index| text.word(&index.to_string()));
                text.expr(condition);
            }),
            K::Keys(of) => self.one("keys", of),
            K::Values(of) => self.one("values", of),
            K::Size(of) => self.one("size", of),
            K::Map { of, each } => self.each("map", of, Some(each)),
            K::Filter { of, keep } => self.each("filter", of, Some(keep)),
            K::Any { of, holds } => self.each("any", of, Some(holds)),
            K::All { of, holds } => self.each("all", of, Some(holds)),
            K::Sum { of, each } => self.each("sum", of, each.as_ref()),
            K::Interpolate(pieces) => self.node("text", |text| {
                for piece in pieces {
                    match piece {
                        Piece::Text(piece) => text.word(piece),
                        Piece::Expr(expr) => text.expr(expr),
                    }
                }
            }),
            K::Convert(conversion, of) if checks(conversion) => self.node("as", |text| {
                text.word(&shape(model, &it.ty));
                text.expr(of);
            }),
            K::Convert(_, of) => self.expr(of),
            K::Literal(_) | K::Case(..) | K::State(..) | K::Absent | K::List(_) | K::Value(..) | K::SelfId => {}
            K::Status | K::Field(_) | K::Computed(_) | K::Param(_) | K::Part(_) | K::Local(_) | K::Payload(_) => {}
            K::EventStream | K::EventAt | K::EventEntered | K::Column(_) | K::HasRole(_) | K::Caller(_) => {}
            K::Now | K::FailureMessage | K::Poison => {}
        }
    }

    fn named(&mut self, head: &str, name: &str) {
        self.node(head, |text| text.word(name));
    }

    fn one(&mut self, head: &str, of: &Expr) {
        self.node(head, |text| text.expr(of));
    }

    fn pair(&mut self, head: &str, a: &Expr, b: &Expr) {
        self.node(head, |text| {
            text.expr(a);
            text.expr(b);
        });
    }

    fn several(&mut self, head: &str, items: &[Expr]) {
        self.node(head, |text| items.iter().for_each(|item| text.expr(item)));
    }

    fn each(&mut self, head: &str, of: &Expr, each: Option<&Lambda>) {
        self.node(head, |text| {
            text.expr(of);
            if let Some(lambda) = each {
                text.local(&lambda.param);
                text.expr(&lambda.body);
            }
        });
    }

    /// A field of a value, or a column of a row.
    fn part(&mut self, head: &str, of: &Expr, field: u32) {
        let model = self.model;
        let name = match of.ty.as_optional().unwrap_or(&of.ty) {
            Ty::Value(id) => model.at(*id).get().fields[field as usize].name.as_str(),
            Ty::Row(id) => model.at(*id).get().columns[field as usize].name.as_str(),
            _ => "",
        };
        self.node(head, |text| {
            text.word(name);
            text.expr(of);
        });
    }

    fn literal(&mut self, it: &Literal) {
        match it {
            Literal::Bool(value) => self.word(&value.to_string()),
            Literal::Int(value) => self.word(&value.to_string()),
            Literal::Decimal(value) => self.word(&value.normalize().to_string()),
            Literal::Text(value) => self.word(value),
            Literal::Duration(micros) => self.word(&micros.to_string()),
        }
    }
}

/// Whether a conversion may be refused, and so means something; the others are another type for the same thing.
fn checks(conversion: &Conversion) -> bool {
    conversion.may_fail()
}

fn arithmetic(it: Arithmetic) -> &'static str {
    match it {
        Arithmetic::Add => "add",
        Arithmetic::Subtract => "subtract",
        Arithmetic::Multiply => "multiply",
        Arithmetic::Divide => "divide",
        Arithmetic::Remainder => "remainder",
    }
}

fn compared(it: Comparison) -> &'static str {
    match it {
        Comparison::Equal => "equal",
        Comparison::NotEqual => "not-equal",
        Comparison::Less => "less",
        Comparison::LessOrEqual => "less-or-equal",
        Comparison::Greater => "greater",
        Comparison::GreaterOrEqual => "greater-or-equal",
    }
}
