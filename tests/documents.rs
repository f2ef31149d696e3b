//! What the READMEs show is really so: every fence under a `<!-- file: PATH -->` or `<!-- generated: PATH -->` mark stands, line
//! by line, in that file of the repository, or of what the compiler makes of the shop.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

use std::path::Path;
use std::process::Command;

use e2e::{binary, repository};

const DOCUMENTS: [&str; 2] = ["README.md", "examples/shop/README.md"];

/// A marked fence.
struct Excerpt {
    document: &'static str,
    generated: bool,
    path: String,
    text: String,
}

fn excerpts() -> Vec<Excerpt> {
    let mut found = Vec::new();
    for document in DOCUMENTS {
        let text = std::fs::read_to_string(repository().join(document)).unwrap();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let Some(mark) = line.strip_prefix("<!-- ").and_then(|line| line.strip_suffix(" -->")) else { continue };
            let Some((kind @ ("file" | "generated"), path)) = mark.split_once(": ") else { continue };
            assert!(lines.next().is_some_and(|line| line.starts_with("```")), "{document}: no fence follows `{line}`");
            let text: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            found.push(Excerpt {
                document,
                generated: kind == "generated",
                path: path.to_owned(),
                text: text.join("\n"),
            });
        }
    }
    found
}

#[test]
fn every_excerpt_stands_in_the_file_that_it_names() {
    let out = tempfile::tempdir().unwrap();
    let generate = Command::new(binary("minos"))
        .args(["generate", "examples/shop/spec", "--out"])
        .arg(out.path())
        .current_dir(repository())
        .output()
        .unwrap();
    assert!(generate.status.success(), "{}", String::from_utf8_lossy(&generate.stderr));
    let excerpts = excerpts();
    assert!(excerpts.iter().any(|excerpt| excerpt.generated), "the README shows what comes out");
    assert!(excerpts.iter().any(|excerpt| !excerpt.generated), "the README shows what goes in");
    for excerpt in excerpts {
        let root = if excerpt.generated { out.path() } else { repository() };
        let file = std::fs::read_to_string(root.join(&excerpt.path))
            .unwrap_or_else(|error| panic!("{} names {}: {error}", excerpt.document, excerpt.path));
        // `// …` on a line of its own stands for lines left out.
        for part in excerpt.text.split("\n// …\n") {
            assert!(file.contains(part), "{}: this is not in {}:\n{part}", excerpt.document, excerpt.path);
        }
    }
}

#[test]
fn every_link_to_a_file_leads_somewhere() {
    for document in DOCUMENTS {
        let text = std::fs::read_to_string(repository().join(document)).unwrap();
        let folder = Path::new(document).parent().unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap();
            if path.is_empty() || path.contains("://") {
                continue;
            }
            assert!(repository().join(folder).join(path).exists(), "{document} links to {link}");
        }
    }
}
