//! The one door to pest: parses a piece by a rule, and turns its refusal into the user's words.

#![allow(missing_docs, unreachable_pub, reason = "pest writes the enum of rules")]

use pest::error::{ErrorVariant, InputLocation};
use pest::iterators::Pairs;

#[derive(pest_derive::Parser)]
#[grammar = "minos.pest"]
pub struct Grammar;

/// Where the grammar could not go on, as an offset into the piece, and what it would have taken there.
pub(super) struct Refusal {
    pub(super) offset: u32,
    /// In the user's words, sorted, each once.
    pub(super) expected: Vec<&'static str>,
    /// True where the piece could have ended there.
    pub(super) end: bool,
}

/// Parses a piece to its end.
pub(super) fn parse(rule: Rule, piece: &str) -> Result<Pairs<'_, Rule>, Refusal> {
    <Grammar as pest::Parser<Rule>>::parse(rule, piece).map_err(|error: pest::error::Error<Rule>| {
        let offset = match error.location {
            InputLocation::Pos(at) | InputLocation::Span((at, _)) => at as u32,
        };
        let positives = match &error.variant {
            ErrorVariant::ParsingError { positives, .. } => positives.as_slice(),
            ErrorVariant::CustomError { .. } => &[],
        };
        let mut expected: Vec<&'static str> = positives.iter().filter_map(|&rule| words(rule)).collect();
        expected.sort_unstable();
        expected.dedup();
        Refusal { offset, expected, end: positives.contains(&Rule::EOI) }
    })
}

/// True for signs and keywords that are in the grammar only to be named in messages.
#[rustfmt::skip]
pub(super) fn is_mark(rule: Rule) -> bool {
    matches!(
        rule,
        Rule::EOI | Rule::lparen | Rule::rparen | Rule::lbrace | Rule::rbrace | Rule::lbracket | Rule::rbracket | Rule::langle | Rule::rangle | Rule::comma | Rule::colon | Rule::dot | Rule::eq | Rule::arrow | Rule::fat | Rule::kw_system | Rule::kw_subdomain | Rule::kw_aggregate | Rule::kw_id | Rule::kw_type | Rule::kw_value | Rule::kw_enum | Rule::kw_let | Rule::kw_lifecycle | Rule::kw_state | Rule::kw_timer | Rule::kw_event | Rule::kw_error | Rule::kw_view | Rule::kw_of | Rule::kw_key | Rule::kw_on | Rule::kw_ignore | Rule::kw_query | Rule::kw_saga | Rule::kw_failed | Rule::kw_policy | Rule::kw_port | Rule::kw_roles | Rule::kw_from | Rule::kw_to | Rule::kw_claim | Rule::kw_authenticate | Rule::kw_expose | Rule::kw_compose | Rule::kw_allow | Rule::kw_when | Rule::kw_with | Rule::kw_join | Rule::kw_else | Rule::kw_done | Rule::kw_if | Rule::kw_as | Rule::kw_for | Rule::kw_in | Rule::kw_require | Rule::kw_emit | Rule::kw_do | Rule::kw_undo | Rule::kw_retry | Rule::kw_times | Rule::kw_timeout | Rule::kw_stuck | Rule::kw_add | Rule::kw_remove | Rule::kw_where | Rule::kw_order | Rule::kw_by | Rule::kw_enters | Rule::kw_set | Rule::kw_carry | Rule::kw_matches | Rule::kw_list | Rule::kw_map | Rule::kw_env | Rule::kw_after | Rule::kw_at | Rule::kw_given
    )
}

/// What a rule is called in a message; `None` for the end and for whole pieces.
#[rustfmt::skip]
fn words(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::ident | Rule::path => "a name",
        Rule::names => "names",
        Rule::lparen | Rule::type_args | Rule::fields | Rule::params | Rule::call | Rule::args | Rule::event_fields => "`(`",
        Rule::rparen => "`)`",
        Rule::lbrace | Rule::block => "`{`",
        Rule::rbrace => "`}`",
        Rule::lbracket | Rule::index | Rule::do_key => "`[`",
        Rule::rbracket => "`]`",
        Rule::langle => "`<`",
        Rule::rangle => "`>`",
        Rule::comma => "`,`",
        Rule::colon => "`:`",
        Rule::dot | Rule::safe_dot | Rule::field_of => "`.`",
        Rule::eq => "`=`",
        Rule::arrow => "`->`",
        Rule::fat => "`=>`",
        Rule::kw_system => "`system`",
        Rule::kw_subdomain => "`subdomain`",
        Rule::kw_aggregate => "`aggregate`",
        Rule::kw_id | Rule::aggregate_id => "`id`",
        Rule::kw_type => "`type`",
        Rule::kw_value => "`value`",
        Rule::kw_enum => "`enum`",
        Rule::kw_let => "`let`",
        Rule::kw_lifecycle => "`lifecycle`",
        Rule::kw_state => "`state`",
        Rule::kw_timer => "`timer`",
        Rule::kw_event => "`event`",
        Rule::kw_error => "`error`",
        Rule::kw_view => "`view`",
        Rule::kw_of | Rule::view_of => "`of`",
        Rule::kw_key => "`key`",
        Rule::kw_on | Rule::trigger => "`on`",
        Rule::kw_ignore => "`ignore`",
        Rule::kw_query => "`query`",
        Rule::kw_saga => "`saga`",
        Rule::kw_failed => "`failed`",
        Rule::kw_policy => "`policy`",
        Rule::kw_port => "`port`",
        Rule::kw_roles => "`roles`",
        Rule::kw_from => "`from`",
        Rule::kw_to => "`to`",
        Rule::kw_claim => "`claim`",
        Rule::kw_authenticate => "`authenticate`",
        Rule::kw_expose => "`expose`",
        Rule::kw_compose => "`compose`",
        Rule::kw_allow | Rule::allow_clause => "`allow`",
        Rule::kw_when | Rule::when_clause => "`when`",
        Rule::kw_with | Rule::with_clause => "`with`",
        Rule::kw_join | Rule::join => "`join`",
        Rule::kw_else => "`else`",
        Rule::kw_done => "`done`",
        Rule::kw_if | Rule::if_arm => "`if`",
        Rule::kw_as | Rule::alias => "`as`",
        Rule::kw_for | Rule::each => "`for`",
        Rule::kw_in => "`in`",
        Rule::kw_require => "`require`",
        Rule::kw_emit => "`emit`",
        Rule::kw_do => "`do`",
        Rule::kw_undo | Rule::undo => "`undo`",
        Rule::kw_retry | Rule::retry => "`retry`",
        Rule::kw_times => "`times`",
        Rule::kw_timeout | Rule::timeout => "`timeout`",
        Rule::kw_stuck => "`stuck`",
        Rule::kw_add => "`add`",
        Rule::kw_remove => "`remove`",
        Rule::kw_where | Rule::where_clause => "`where`",
        Rule::kw_order => "`order`",
        Rule::kw_by => "`by`",
        Rule::kw_enters | Rule::enters => "`enters`",
        Rule::kw_set | Rule::set_field => "`set`",
        Rule::kw_carry | Rule::carry_field => "`carry`",
        Rule::kw_matches | Rule::matches => "`matches`",
        Rule::kw_list => "`list`",
        Rule::kw_map => "`map`",
        Rule::kw_env => "`env`",
        Rule::kw_after | Rule::timer_after => "`after`",
        Rule::kw_at | Rule::timer_at => "`at`",
        Rule::kw_given => "`given`",
        Rule::unique => "`unique`",
        Rule::indexed => "`indexed`",
        Rule::descending => "`desc`",
        Rule::anyone => "`anyone`",
        Rule::nothing => "`nothing`",
        Rule::reads => "`reads`",
        Rule::create => "`create`",
        Rule::command_ => "`command`",
        Rule::step_ => "`step`",
        Rule::pivot => "`pivot`",
        Rule::unavailable => "`absent if unavailable`",
        Rule::changes_nothing => "`changes nothing`",
        Rule::type_ | Rule::list_type | Rule::set_type | Rule::map_type => "a type",
        Rule::bound => "a number or a range",
        Rule::closed | Rule::half_open => "`..`",
        Rule::distinct | Rule::distinct_word => "`distinct`",
        Rule::optional => "`?`",
        Rule::field => "a field",
        Rule::param => "a parameter",
        Rule::expr | Rule::postfix_expr | Rule::not_op | Rule::neg_op | Rule::name | Rule::env | Rule::paren | Rule::list => "an expression",
        Rule::number | Rule::signed | Rule::digits => "a number",
        Rule::duration => "a duration",
        Rule::unit => "a unit of time",
        Rule::env_name => "a name in capitals",
        Rule::arg | Rule::arg_name | Rule::lambda => "an argument",
        Rule::text | Rule::raw_text | Rule::plain_text => "a text in quotes",
        Rule::if_given => "`if given`",
        Rule::let_stmt | Rule::require_stmt | Rule::if_stmt | Rule::done_stmt | Rule::emit_stmt | Rule::for_stmt | Rule::do_stmt | Rule::remove_stmt | Rule::add_stmt | Rule::assign_stmt | Rule::row_stmt | Rule::row_op => "a statement",
        Rule::do_call => "what to do",
        Rule::refusal => "an error",
        Rule::or_stuck => "`else stuck`",
        Rule::transition => "a transition like `placed -> approved`",
        Rule::patterns | Rule::pattern => "an event",
        Rule::every => "`.*`",
        Rule::order_clause => "`order by`",
        Rule::order_item => "a column",
        Rule::method => "`GET`, `POST`, `PUT`, `PATCH` or `DELETE`",
        Rule::part => "a part like `name = query`",
        Rule::infix | Rule::add | Rule::sub | Rule::mul | Rule::div | Rule::rem | Rule::eq_op | Rule::ne | Rule::le | Rule::ge | Rule::lt | Rule::gt | Rule::coalesce | Rule::and | Rule::or | Rule::in_op | Rule::not_in => "an operator",
        _ => return None,
    })
}
