//! The table: what was put in at which edge, what came back, and whether that is as it should be.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use e2e::Raw;

/// Longer answers are cut in the table, characters.
const LONGEST: usize = 160;

/// One bad input.
struct Row {
    edge: &'static str,
    input: String,
    answered: String,
    held: bool,
}

/// All of them.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
    left_out: Vec<String>,
}

impl Table {
    /// Notes what came back.
    pub(crate) fn row(&mut self, edge: &'static str, input: impl Into<String>, answered: &str, held: bool) {
        let answered = answered.split_whitespace().collect::<Vec<_>>().join(" ");
        self.rows.push(Row { edge, input: input.into(), answered, held });
    }

    /// Notes an answer that must be a problem of that status which says `words`.
    pub(crate) fn problem(&mut self, edge: &'static str, input: &str, answer: &Raw, status: u16, words: &[&str]) {
        let held = answer.is_problem(status, words);
        let expected =
            if held { String::new() } else { format!(" (expected {status} with {words:?}; {})", answer.head) };
        self.row(edge, input, &format!("{}{expected}", answer.told()), held);
    }

    /// Notes a text for people that must say `words`.
    pub(crate) fn said(&mut self, edge: &'static str, input: &str, text: &str, words: &[&str]) {
        let missing: Vec<_> = words.iter().filter(|word| !text.contains(**word)).collect();
        let held = missing.is_empty() && !text.contains("panicked");
        let error = text.find("error").map_or(text, |from| &text[from..]);
        let expected = if held { String::new() } else { format!(" (does not say {missing:?})") };
        self.row(edge, input, &format!("{error}{expected}"), held);
    }

    /// Notes what cannot be tried on this machine.
    pub(crate) fn leave_out(&mut self, what: &str) {
        self.left_out.push(what.to_owned());
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The rows that do not hold.
    pub(crate) fn broken(&self) -> Vec<String> {
        let broken = self.rows.iter().filter(|row| !row.held);
        broken.map(|row| format!("{} | {} | {}", row.edge, row.input, row.answered)).collect()
    }

    /// As Markdown.
    fn text(&self) -> String {
        let mut text = "| edge | input | answered | held |\n|---|---|---|---|\n".to_owned();
        for row in &self.rows {
            let mut answered: String = row.answered.chars().take(LONGEST).collect();
            if answered.len() < row.answered.len() {
                answered.push('…');
            }
            let held = if row.held { "yes" } else { "NO" };
            let cells = [row.edge, &row.input, &answered, held].map(|cell| cell.replace('|', "\\|"));
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        }
        let held = self.rows.iter().filter(|row| row.held).count();
        let _ = writeln!(text, "\n{held} of {} held.", self.rows.len());
        for what in &self.left_out {
            let _ = writeln!(text, "Not tried: {what}.");
        }
        text
    }

    /// Writes it beside the build (`target/edges.md`), and to stderr.
    pub(crate) fn publish(&self) -> PathBuf {
        let running = std::env::current_exe().expect("a running test has a path");
        let target = running.ancestors().nth(3).unwrap_or(Path::new(".")).to_owned();
        let path = target.join("edges.md");
        let text = self.text();
        std::fs::write(&path, &text).expect("the target folder can be written");
        eprintln!("{text}\nThe table is in {}", path.display());
        path
    }
}
