use crate::source::Span;

/// One name as it was written.
#[derive(Debug, Clone)]
pub struct Ident {
    /// The name.
    pub text: Box<str>,
    /// Its place.
    pub span: Span,
}

impl Ident {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// True for `Order`, false for `order`.
    #[must_use]
    pub fn is_capitalised(&self) -> bool {
        self.text.starts_with(|first: char| first.is_ascii_uppercase())
    }
}

/// Names joined by dots: `orders.Order.Id`. Never empty.
#[derive(Debug, Clone)]
pub struct Path {
    /// The names, one or more.
    pub segments: Vec<Ident>,
    /// From the first to the last.
    pub span: Span,
}

impl Path {
    /// The last name.
    ///
    /// # Panics
    /// Never: the parser makes no empty path.
    #[must_use]
    pub fn last(&self) -> &Ident {
        &self.segments[self.segments.len() - 1]
    }

    /// The names, joined by dots again.
    #[must_use]
    pub fn text(&self) -> String {
        let names: Vec<&str> = self.segments.iter().map(Ident::as_str).collect();
        names.join(".")
    }
}

/// The `///` lines above a declaration.
#[derive(Debug, Clone)]
pub struct Doc {
    /// The lines without `///` and the one space after it, joined by `\n`.
    pub text: String,
    /// All the lines.
    pub span: Span,
}
