//! The parser against the shop, and against the shop broken in many ways.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use minos_dsl::ast::File;
use minos_dsl::diagnostic::{Diagnostic, Diagnostics};
use minos_dsl::parse::parse;
use minos_dsl::source::SourceId;

const SHOP: [(&str, &str); 5] = [
    ("shop.minos", include_str!("../../examples/shop/spec/shop.minos")),
    ("customers.minos", include_str!("../../examples/shop/spec/customers.minos")),
    ("catalog.minos", include_str!("../../examples/shop/spec/catalog.minos")),
    ("orders.minos", include_str!("../../examples/shop/spec/orders.minos")),
    ("gateway.minos", include_str!("../../examples/shop/spec/gateway.minos")),
];

fn check(text: &str) -> (File, Vec<Diagnostic>) {
    let mut diagnostics = Diagnostics::new();
    let file = parse(SourceId(0), text, &mut diagnostics);
    (file, diagnostics.into_sorted())
}

fn faults(text: &str) -> Vec<Diagnostic> {
    check(text).1
}

/// Code, text at the place, message.
fn told(text: &str) -> Vec<String> {
    let show = |diagnostic: &Diagnostic| {
        let place = &text[diagnostic.primary.span.range()];
        format!("{} at `{place}`: {}", diagnostic.code.id, diagnostic.message)
    };
    faults(text).iter().map(show).collect()
}

#[test]
fn the_shop_is_read_without_a_word() {
    for (name, text) in SHOP {
        assert_eq!(told(text), Vec::<String>::new(), "{name}");
    }
}

/// Members of one aggregate, in a file that is otherwise sound.
fn within(members: &str) -> String {
    format!(
        "system s\n\nsubdomain a {{\n  aggregate B {{\n    x: int\n{members}\n    event Last(a: int) {{ x = a }}\n  }}\n}}\n"
    )
}

fn names(file: &File) -> Vec<String> {
    let aggregate = &file.subdomains[0].aggregates[0];
    let commands = aggregate.commands.iter().map(|command| command.name.as_str());
    let events = aggregate.events.iter().map(|event| event.name.as_str());
    let broken = aggregate.broken.iter().filter_map(|broken| broken.name.as_ref()).map(|name| name.as_str());
    commands.chain(events).chain(broken).map(str::to_owned).collect()
}

#[test]
fn two_syntax_errors_in_two_commands_are_two_diagnostics() {
    let text = within(
        "    command First(a) { emit Last(a b) }\n    command Second(a) { require a < else Last }\n    command Third(a) { emit Last(a) }",
    );
    let (file, told) = check(&text);
    assert_eq!(told.len(), 2, "{told:#?}");
    assert_eq!(names(&file), ["First", "Second", "Third", "Last"]);
}

#[test]
fn two_broken_statements_of_one_command_are_two_diagnostics_and_the_others_are_kept() {
    let text =
        within("    command First(a) {\n      let = 3\n      require a > 0 else E(a)\n      emit Last(a a)\n    }");
    let (file, told) = check(&text);
    assert_eq!(told.len(), 2, "{told:#?}");
    assert_eq!(file.subdomains[0].aggregates[0].commands[0].body.stmts.len(), 3);
}

#[test]
fn a_broken_header_keeps_its_name_as_a_declaration() {
    for header in
        ["command Pay(a: ) { emit Last(a) }", "command Pay(a) alow anyone { emit Last(a) }", "event Pay(set) enters x"]
    {
        let (file, told) = check(&within(&format!("    {header}")));
        assert_eq!(told.len(), 1, "{header}: {told:#?}");
        assert!(names(&file).contains(&"Pay".to_owned()), "{header}");
        assert!(names(&file).contains(&"Last".to_owned()), "{header}");
    }
}

#[test]
fn a_misspelt_word_costs_one_diagnostic_that_says_what_was_meant() {
    for (wrong, meant) in [
        ("comand Pay(a) { emit Last(a) }", "`command`"),
        ("evnet Paid(a: int)", "`event`"),
        ("command Pay(a) { emmit Last(a) }", "`emit`"),
        ("command Pay(a) { require a > 0 els No emit Last(a) }", "`else`"),
        ("event Paid(a: int) entres paid", "`enters`"),
        ("y: int uniqe", "`unique`"),
    ] {
        let told = faults(&within(&format!("    {wrong}")));
        assert_eq!(told.len(), 1, "{wrong}: {told:#?}");
        let hint = told[0].hint.clone().unwrap_or_default();
        assert!(hint.contains(meant), "{wrong}: {told:#?}");
    }
}

#[test]
fn misspelt_words_that_follow_each_other_are_told_each() {
    let text = within(
        "    y: int uniqe\n    comand Pay(a) { emit Last(a) }\n    evnet Paid(a: int)\n    command Third(a) {\n      reqire a > 0 else No\n      emmit Last(a)\n    }",
    );
    assert_eq!(told(&text).len(), 5, "{:#?}", told(&text));
}

#[test]
fn one_missing_or_surplus_bracket_is_one_diagnostic() {
    for wrong in [
        "    command Pay(a) { emit Last(a }",
        "    command Pay(a { emit Last(a) }",
        "    command Pay(a) { emit Last(a)",
        "    command Pay(a)  emit Last(a) }",
        "    command Pay a) { emit Last(a) }",
        "    command Pay(a) {\n      emit Last(a)\n",
        "    command Pay(a) {\n      if a > 1 {\n        done\n      emit Last(a)\n    }",
        "    command Pay(a)\n      emit Last(a)\n    }",
        "    command Pay(a) {\n      emit Last(a)\n    }\n    }",
        "    command Pay(a) { emit Last(a)) }",
        "    command Pay(a) { emit Last(a]) }",
        "    event Paid(a: list<int>(1..=5) { x = a }",
        "    event Paid(k: int) { m[k = 3 }",
        "    let y = (x + 1",
        "    let y = [1, 2",
    ] {
        let text = within(wrong);
        let (file, _) = check(&text);
        let told = told(&text);
        assert_eq!(told.len(), 1, "{wrong}: {told:#?}");
        assert!(told[0].starts_with("E0101") || told[0].starts_with("E0102"), "{wrong}: {told:#?}");
        assert!(names(&file).contains(&"Last".to_owned()), "{wrong}: {:?}", names(&file));
    }
}

#[test]
fn any_one_bracket_taken_out_of_the_shop_is_one_diagnostic() {
    for (name, text) in SHOP {
        let comments = check(text).0.comments;
        let in_comment = |at: usize| comments.iter().any(|comment| comment.span.range().contains(&at));
        let mut strict = 0;
        for (at, bracket) in text.char_indices().filter(|&(_, letter)| "(){}[]".contains(letter)) {
            if in_comment(at) || in_text(text, at) {
                continue;
            }
            let broken = format!("{} {}", &text[..at], &text[at + 1..]);
            let told = told(&broken);
            let line = text[..at].matches('\n').count() + 1;
            assert_eq!(told.len(), 1, "{name}:{line}: without `{bracket}`: {told:#?}");
            strict += 1;
        }
        assert!(strict > 0 || name == "shop.minos");
    }
}

/// Whether a place is between the quotes of a text.
fn in_text(text: &str, at: usize) -> bool {
    let line = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    text[line..at].matches('"').count() % 2 == 1
}

#[test]
fn what_is_not_available_yet_is_one_diagnostic_of_its_own() {
    for member in [
        "invariant x > 0 else E",
        "rule open { x > 0 else E }",
        "fn twice(a: int) -> int = a * 2",
        "extern fn f(a: int) -> int",
        "upsert Write(a) { emit Last(a) }",
        "private event Hidden(a: int)",
        "secret y: text",
        "command Pay(a) requires open { emit Last(a) }",
        "command Pay(a) { match a { } }",
        "unique(x, y) where x > 1",
    ] {
        let text = within(&format!("    {member}"));
        let (file, _) = check(&text);
        let told = told(&text);
        assert_eq!(told.len(), 1, "{member}: {told:#?}");
        assert!(told[0].starts_with("E0190"), "{member}: {told:#?}");
        assert!(names(&file).contains(&"Last".to_owned()), "{member}");
    }
    for item in [
        "scenario \"x\" {\n  given a = b.C.D(e: 1)\n  then a is empty\n}",
        "external subdomain x { aggregate Y { } }",
        "gateway { limit 100 per second per caller }",
        "subdomain a { policy P every day at 03:00 UTC { do X.y() } }",
        "subdomain a { saga S on A.B as e { wait for A.C within 2 days else x } }",
        "subdomain a { saga S on A.B as e { parallel { step x { } } } }",
    ] {
        let told = told(&format!("system s\n{item}\nsubdomain z {{ }}\n"));
        assert_eq!(told.len(), 1, "{item}: {told:#?}");
        assert!(told[0].starts_with("E0190"), "{item}: {told:#?}");
    }
}

#[test]
fn signs_of_other_languages_are_told_once_and_read_over() {
    for (member, hint) in [
        ("let y = x;", "nothing between"),
        ("command Pay(a) { emit Last(a); }", "nothing between"),
        ("let y = x > 1 && x < 3", "`and`"),
        ("let y = x > 1 || x < 3", "`or`"),
        ("naïve: int", "ASCII"),
        ("let y = 'a'", "double quotes"),
    ] {
        let (file, told) = check(&within(&format!("    {member}")));
        assert_eq!(told.len(), 1, "{member}: {told:#?}");
        assert!(told[0].hint.as_ref().is_some_and(|text| text.contains(hint)), "{member}: {told:#?}");
        assert!(names(&file).contains(&"Last".to_owned()), "{member}");
    }
}

#[test]
fn words_of_the_language_are_free_as_names_where_they_start_nothing() {
    let text = within(
        "    status: int\n    description: text\n    size: int\n    on: bool\n    key: text\n    done: bool\n    event: text\n    state: int\n    value: int\n    let command = value + state\n    let timer = command\n    \
         command Mark(event, done) { require done else No(event) let insert = value let update = insert emit Marked(done, key: event) }\n    \
         event Marked(set done, set key) { on = true  done = false  size = size + 1 }",
    );
    assert_eq!(told(&text), Vec::<String>::new());
}

#[test]
fn line_breaks_mean_nothing_where_brackets_balance() {
    for (name, text) in SHOP {
        let (file, _) = check(text);
        let mut flat = text.to_owned();
        for comment in file.comments.iter().rev() {
            flat.replace_range(comment.span.range(), "");
        }
        let mut quoted = false;
        let every_blank_a_break = |letter| {
            quoted ^= letter == '"';
            if letter == ' ' && !quoted { '\n' } else { letter }
        };
        let flat: String = flat.chars().map(every_blank_a_break).collect();
        assert_eq!(told(&flat), Vec::<String>::new(), "{name}");
        assert_eq!(told(&flat.replace('\n', " ")), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn a_file_cut_anywhere_is_reported_unless_it_is_cut_between_items() {
    for (name, text) in SHOP {
        let lines = text.char_indices().filter(|&(_, letter)| letter == '\n').map(|(at, _)| at);
        for at in (0..text.len()).step_by(7).chain(lines) {
            if !text.is_char_boundary(at) {
                continue;
            }
            let cut = &text[..at];
            let told = told(cut);
            let open = cut.matches('{').count() > cut.matches('}').count();
            assert!(!open || !told.is_empty(), "{name} cut at byte {at} is not reported");
            assert!(told.len() <= 3, "{name} cut at byte {at}: {told:#?}");
        }
    }
}

#[test]
fn depth_is_bounded_whatever_nests() {
    let deep = [
        within(&format!("    let y = {}1{}", "(".repeat(5000), ")".repeat(5000))),
        within(&format!("    let y = {}1{}", "[".repeat(5000), "]".repeat(5000))),
        within(&format!("    let y = {}1", "(".repeat(5000))),
        within(&format!("    let y = 1{}", " + 1".repeat(50_000))),
        within(&format!("    let y = x{}", ".a".repeat(50_000))),
        within(&format!("    let y = x{}", " ?? x".repeat(50_000))),
        within(&format!("    let y = {}x", "not ".repeat(50_000))),
        within(&format!("    let y = {}x", "-".repeat(50_000))),
        within(&format!("    let y = f({}x)", "a => ".repeat(50_000))),
        within(&format!("    y: {}int{}", "list<".repeat(5000), ">".repeat(5000))),
        within(&format!("    y: {}", "map<int, ".repeat(5000))),
        within(&format!("    command C {{ {} }}", "if x {".repeat(5000))),
        within(&format!("    command C {{ if x {{ done }} {} }}", "else if x { done } ".repeat(5000))),
        within(&format!("    error E \"{{{}x}}\"", "(".repeat(5000))),
        "{".repeat(100_000),
        "}".repeat(100_000),
    ];
    for text in deep {
        let told = faults(&text);
        assert!((1..=3).contains(&told.len()), "{}: {} diagnostics", &text[..text.len().min(100)], told.len());
    }
}

#[test]
fn docs_and_comments_are_kept() {
    let text = "/// One.\n/// Two.\nsystem s // not a doc\n\n/// Of `a`.\nsubdomain a {\n  /// Of `B`.\n  aggregate B {\n    // plain\n    x: int /// of nothing\n    event E(\n      /// Of y.\n      y: int,\n    ) changes nothing\n  }\n}\n";
    let (file, told) = check(text);
    assert!(told.is_empty(), "{told:#?}");
    let doc = |doc: &Option<minos_dsl::ast::Doc>| doc.as_ref().map(|doc| doc.text.clone()).unwrap_or_default();
    assert_eq!(doc(&file.systems[0].doc), "One.\nTwo.");
    let aggregate = &file.subdomains[0].aggregates[0];
    assert_eq!(doc(&file.subdomains[0].doc), "Of `a`.");
    assert_eq!(doc(&aggregate.doc), "Of `B`.");
    assert_eq!(doc(&aggregate.events[0].fields[0].doc), "Of y.");
    assert_eq!(file.comments.len(), 8);
}

/// The grammar recurses through brackets, and pest is built without its own guard: the limit must fit the smallest stack.
#[test]
fn what_nests_to_the_limit_is_read_on_a_small_stack() {
    let nest = |open: &str, close: &str, depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
    let texts = [
        within(&format!("    let y = {}", nest("(", ")", 38))),
        within(&format!("    let y = {}", nest("[", "]", 38))),
        within(&format!("    let y = {}", nest("f(a => ", ")", 38))),
        within(&format!("    let y = {}", nest("m[", "]", 38))),
        within(&format!("    let y = {}", nest("not not -(", ")", 30))),
        within(&format!("    command C {{ {} done {} }}", "if x { ".repeat(36), "}".repeat(36))),
        within(&format!("    y: {}int{}", "list<".repeat(16), ">".repeat(16))),
    ];
    for text in texts {
        let read = move || {
            let told = told(&text);
            assert!(told.is_empty(), "{told:#?}\n{text}");
        };
        std::thread::Builder::new().stack_size(1024 * 1024).spawn(read).unwrap().join().unwrap();
    }
}
