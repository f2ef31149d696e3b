//! Diagnostics as people and machines read them.
//!
//! [`text`] looks as rustc's do: code, message, the lines with their labels, over several files where need be, the hint as help. [`json`]
//! is one object; its shape is stable.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::diagnostic::{Diagnostic, Label, Severity};
use crate::source::{Source, SourceId, Sources, Span, floor_char};

/// Diagnostics for a terminal, in the order given, with a blank line between them; coloured or plain. Ends in a line break, if there
/// is anything.
#[must_use]
pub fn text(sources: &Sources, diagnostics: &[Diagnostic], colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii);
    let mut out = String::new();
    for diagnostic in diagnostics {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&one(&renderer, sources, diagnostic));
        out.push('\n');
    }
    out
}

fn one(renderer: &Renderer, sources: &Sources, diagnostic: &Diagnostic) -> String {
    let level = match diagnostic.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(&diagnostic.message).id(diagnostic.code.id);
    let mut files: Vec<SourceId> = vec![diagnostic.primary.span.file];
    for label in &diagnostic.labels {
        if !files.contains(&label.span.file) {
            files.push(label.span.file);
        }
    }
    let mut group = Group::with_title(title);
    for file in files {
        let source = sources.get(file);
        let mut snippet = Snippet::source(source.text()).path(source.path());
        if diagnostic.primary.span.file == file {
            snippet = snippet.annotation(annotation(AnnotationKind::Primary, source, &diagnostic.primary));
        }
        for label in diagnostic.labels.iter().filter(|label| label.span.file == file) {
            snippet = snippet.annotation(annotation(AnnotationKind::Context, source, label));
        }
        group = group.element(snippet);
    }
    if let Some(hint) = &diagnostic.hint {
        group = group.element(Level::HELP.message(hint));
    }
    renderer.render(&[group])
}

fn annotation<'a>(kind: AnnotationKind, source: &Source, label: &'a Label) -> annotate_snippets::Annotation<'a> {
    let text = source.text();
    let start = floor_char(text, label.span.start as usize);
    let end = floor_char(text, label.span.end as usize).max(start);
    // A place that covers many lines is shown by its first.
    let end = text[start..end].find('\n').map_or(end, |line| start + line);
    let annotation = kind.span(start..end);
    if label.message.is_empty() { annotation } else { annotation.label(label.message.as_str()) }
}

/// Diagnostics for machines, in the order given: `{"diagnostics":[{code, severity, message, file, start, end, line, column, labels,
/// hint}]}`. Offsets are bytes from 0, lines and columns count from 1, columns in characters; `hint` is null where there is none. Ends in a
/// line break.
#[must_use]
pub fn json(sources: &Sources, diagnostics: &[Diagnostic]) -> String {
    let mut out = String::from("{\"diagnostics\":[");
    for (at, diagnostic) in diagnostics.iter().enumerate() {
        out.push_str(if at == 0 { "\n" } else { ",\n" });
        out.push_str("{\"code\":");
        string(&mut out, diagnostic.code.id);
        out.push_str(",\"severity\":");
        string(&mut out, diagnostic.severity().as_str());
        out.push_str(",\"message\":");
        string(&mut out, &diagnostic.message);
        out.push(',');
        place(&mut out, sources, diagnostic.primary.span);
        out.push_str(",\"label\":");
        string(&mut out, &diagnostic.primary.message);
        out.push_str(",\"labels\":[");
        for (at, label) in diagnostic.labels.iter().enumerate() {
            out.push_str(if at == 0 { "{" } else { ",{" });
            place(&mut out, sources, label.span);
            out.push_str(",\"message\":");
            string(&mut out, &label.message);
            out.push('}');
        }
        out.push_str("],\"hint\":");
        match &diagnostic.hint {
            Some(hint) => string(&mut out, hint),
            None => out.push_str("null"),
        }
        out.push('}');
    }
    out.push_str(if diagnostics.is_empty() { "]}\n" } else { "\n]}\n" });
    out
}

fn place(out: &mut String, sources: &Sources, span: Span) {
    let position = sources.position(span);
    out.push_str("\"file\":");
    string(out, sources.get(span.file).path());
    let numbers = [("start", span.start), ("end", span.end), ("line", position.line), ("column", position.column)];
    for (name, number) in numbers {
        out.push_str(&format!(",\"{name}\":{number}"));
    }
}

/// A JSON string (RFC 8259).
fn string(out: &mut String, text: &str) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            control if control < ' ' => out.push_str(&format!("\\u{:04x}", control as u32)),
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::syntax;

    fn sample() -> (Sources, Vec<Diagnostic>) {
        let mut sources = Sources::new();
        let first = sources.add("spec/a.minos", "system shop\nsubdomain x {\n}\n");
        let second = sources.add("spec/b.minos", "subdomain \"é\n");
        let diagnostic = Diagnostic::new(&syntax::UNEXPECTED, Span::new(first, 22, 23), "unexpected `x`\t\"\\")
            .at("here")
            .label(Span::new(second, 10, 14), "and here")
            .hint("try\nthis");
        (sources, vec![diagnostic])
    }

    #[test]
    fn text_shows_every_file_and_the_hint() {
        let (sources, diagnostics) = sample();
        let text = text(&sources, &diagnostics, false);
        for part in ["error[E0100]", "spec/a.minos:2:11", "spec/b.minos:1:11", "here", "and here", "help: try"] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }

    #[test]
    fn json_escapes_what_json_forbids() {
        let (sources, diagnostics) = sample();
        let json = json(&sources, &diagnostics);
        let expected = "{\"diagnostics\":[\n{\"code\":\"E0100\",\"severity\":\"error\",\"message\":\"unexpected `x`\\u0009\\\"\\\\\",\
            \"file\":\"spec/a.minos\",\"start\":22,\"end\":23,\"line\":2,\"column\":11,\"label\":\"here\",\"labels\":[{\"file\":\"spec/b.minos\",\
            \"start\":10,\"end\":14,\"line\":1,\"column\":11,\"message\":\"and here\"}],\"hint\":\"try\\nthis\"}\n]}\n";
        assert_eq!(json, expected);
    }

    #[test]
    fn json_without_diagnostics_is_an_empty_list() {
        assert_eq!(json(&Sources::new(), &[]), "{\"diagnostics\":[]}\n");
    }

    #[test]
    fn a_place_at_the_end_of_a_file_is_shown() {
        let mut sources = Sources::new();
        let file = sources.add("a.minos", "system");
        for span in [Span::new(file, 6, 6), Span::new(file, 9, 12), Span::new(file, 0, 0)] {
            let shown = text(&sources, &[Diagnostic::new(&syntax::UNEXPECTED, span, "x")], false);
            assert!(shown.contains("a.minos:1"), "{shown}");
        }
    }
}
