//! The words of the language, and "did you mean".

/// Every word that the grammar knows, sorted.
pub(super) const WORDS: [&str; 93] = [
    "absent",
    "add",
    "after",
    "aggregate",
    "allow",
    "and",
    "anyone",
    "as",
    "at",
    "authenticate",
    "by",
    "caller",
    "carry",
    "changes",
    "claim",
    "command",
    "compose",
    "create",
    "delete",
    "desc",
    "distinct",
    "do",
    "done",
    "else",
    "emit",
    "enters",
    "enum",
    "env",
    "error",
    "event",
    "expose",
    "failed",
    "false",
    "for",
    "from",
    "gateway",
    "given",
    "id",
    "if",
    "ignore",
    "in",
    "indexed",
    "insert",
    "is",
    "join",
    "key",
    "let",
    "lifecycle",
    "list",
    "map",
    "match",
    "matches",
    "not",
    "nothing",
    "now",
    "of",
    "on",
    "or",
    "order",
    "pivot",
    "policy",
    "port",
    "query",
    "reads",
    "remove",
    "require",
    "retry",
    "roles",
    "saga",
    "self",
    "set",
    "shared",
    "state",
    "step",
    "stuck",
    "subdomain",
    "system",
    "timeout",
    "timer",
    "times",
    "to",
    "true",
    "type",
    "unavailable",
    "undo",
    "unique",
    "update",
    "upsert",
    "value",
    "view",
    "when",
    "where",
    "with",
];

/// The candidate that a misspelt word most likely stands for: at most one edit in three characters.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.len() / 3).min(3);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let distance = distance(word, candidate);
        if distance > 0 && distance <= limit && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Edits between two words: a character more, less, another, or two swapped.
fn distance(from: &str, to: &str) -> usize {
    let (from, to) = (from.as_bytes(), to.as_bytes());
    if from.len().abs_diff(to.len()) > 3 || from.len() > 64 || to.len() > 64 {
        return usize::MAX;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for i in 1..=from.len() {
        let mut row = vec![i];
        for j in 1..=to.len() {
            let change = last[j - 1] + usize::from(from[i - 1] != to[j - 1]);
            let mut least = change.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                least = least.min(before[j - 2] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_sorted_and_those_of_the_grammar() {
        assert!(WORDS.is_sorted());
        let grammar = include_str!("../minos.pest");
        for line in grammar.lines().filter(|line| line.starts_with("kw_")) {
            let word = line[3..].split(' ').next().unwrap_or("");
            assert!(WORDS.binary_search(&word).is_ok(), "{word}");
        }
    }

    #[test]
    fn a_swapped_or_missing_letter_is_found_and_another_word_is_not() {
        let words = ["command", "create", "event"];
        assert_eq!(nearest("comand", words), Some("command"));
        assert_eq!(nearest("evnet", words), Some("event"));
        assert_eq!(nearest("table", words), None);
        assert_eq!(nearest("event", ["event"]), None);
    }
}
