//! A first look at regular expressions: enough to refuse what no engine reads.

/// What is wrong with a pattern; `None` where its brackets and escapes are whole.
pub(crate) fn problem(pattern: &str) -> Option<String> {
    let mut groups = 0u32;
    let mut in_class = false;
    let mut class_start = false;
    let mut repeatable = false;
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        let first_of_class = std::mem::replace(&mut class_start, false);
        match letter {
            '\\' => match letters.next() {
                None => return Some("it ends in `\\`".to_owned()),
                Some(digit) if digit.is_ascii_digit() => return Some("it refers back to a group".to_owned()),
                Some(_) => repeatable = true,
            },
            ']' if in_class && !first_of_class => (in_class, repeatable) = (false, true),
            '^' if in_class && first_of_class => class_start = true,
            _ if in_class => {}
            '[' => (in_class, class_start) = (true, true),
            '(' => (groups, repeatable) = (groups + 1, false),
            ')' if groups == 0 => return Some("`)` closes nothing".to_owned()),
            ')' => (groups, repeatable) = (groups - 1, true),
            '*' | '+' | '?' if !repeatable && !pattern.contains("(?") => {
                return Some(format!("`{letter}` repeats nothing"));
            }
            '|' | '^' => repeatable = false,
            _ => repeatable = true,
        }
    }
    if in_class {
        return Some("`[` is not closed".to_owned());
    }
    (groups > 0).then(|| "`(` is not closed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::problem;

    #[test]
    fn what_is_whole_passes_and_what_is_not_is_named() {
        for whole in ["[^@ ]+@[^@ ]+", r"\d{3}-[A-Z]", "a(b|c)*", "[]a]", "(?i)abc", ""] {
            assert_eq!(problem(whole), None, "{whole}");
        }
        for broken in ["[a", "(a", "a)", "\\", "*a", r"(a)\1"] {
            assert!(problem(broken).is_some(), "{broken}");
        }
    }
}
