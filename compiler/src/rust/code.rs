//! A piece of Rust with what one must know to use it: how it binds, whether it owns its value, whether it can fail.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::{BinOp, Block, Expr, ExprIf, Stmt};

/// How tightly an expression binds, loosest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Binding {
    /// `if … { } else { }`, closures.
    Block,
    /// `||`.
    Or,
    /// `&&`.
    And,
    /// `==`, `<`.
    Compare,
    /// `+`, `-`.
    Sum,
    /// `*`, `/`, `%`.
    Product,
    /// `!x`, `*x`, `&x`.
    Unary,
    /// Paths, calls, literals, `?`.
    Atom,
}

/// Whose the value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// A new value.
    Value,
    /// A place that belongs to another: to own it is to clone it.
    Place,
    /// A reference.
    Reference,
    /// A list with a rule, seen as a list without.
    Slice,
}

/// A piece of Rust.
#[derive(Clone, Debug)]
pub(crate) struct Code {
    tokens: TokenStream,
    binding: Binding,
    form: Form,
    /// The same without the `?` at its end, where there is one: a `Result`.
    result: Option<TokenStream>,
    /// Exact arithmetic before its value is taken out, and how it binds.
    exact: Option<(TokenStream, Binding)>,
}

impl Code {
    /// A new value that binds tightly: a call, a literal, a constant.
    pub(crate) fn value(tokens: TokenStream) -> Self {
        Self { tokens, binding: Binding::Atom, form: Form::Value, result: None, exact: None }
    }

    /// A new value of an operator.
    pub(crate) fn operation(tokens: TokenStream, binding: Binding) -> Self {
        Self { binding, ..Self::value(tokens) }
    }

    /// A place.
    pub(crate) fn place(tokens: TokenStream) -> Self {
        Self { form: Form::Place, ..Self::value(tokens) }
    }

    /// A reference.
    pub(crate) fn reference(tokens: TokenStream) -> Self {
        Self { form: Form::Reference, ..Self::value(tokens) }
    }

    /// A list without its rule.
    pub(crate) fn slice(tokens: TokenStream) -> Self {
        Self { form: Form::Slice, ..Self::value(tokens) }
    }

    /// A call that gives a `Result`, whose value is wanted.
    pub(crate) fn fallible(call: TokenStream) -> Self {
        Self { result: Some(call.clone()), ..Self::value(quote!(#call?)) }
    }

    /// Exact arithmetic, whose value is wanted: `(a * b).value()?`; as part of more arithmetic, `a * b`.
    pub(crate) fn exact(tokens: TokenStream, binding: Binding) -> Self {
        let code = Self { exact: Some((tokens, binding)), ..Self::value(TokenStream::new()) };
        let exact = code.exact_at(Binding::Atom).unwrap_or_default();
        Self { exact: code.exact, ..Self::fallible(quote!(#exact.value())) }
    }

    /// Exact arithmetic before its value is taken out, where something that binds at least so tightly is wanted.
    pub(crate) fn exact_at(&self, binding: Binding) -> Option<TokenStream> {
        let (tokens, own) = self.exact.as_ref()?;
        Some(if *own < binding { quote!((#tokens)) } else { tokens.clone() })
    }

    /// A call that gives a `Result` of a reference.
    pub(crate) fn fallible_reference(call: TokenStream) -> Self {
        Self { form: Form::Reference, result: None, ..Self::fallible(call) }
    }

    /// Whether the value is a new one.
    pub(crate) fn is_value(&self) -> bool {
        self.form == Form::Value
    }

    /// The value, owned.
    pub(crate) fn owned(&self, copy: bool) -> TokenStream {
        let tokens = &self.tokens;
        match (self.form, copy) {
            (Form::Value, _) | (Form::Place, true) => tokens.clone(),
            (Form::Reference, true) => quote!(*#tokens),
            (Form::Place | Form::Reference, false) => {
                let tokens = self.receiver();
                quote!(#tokens.clone())
            }
            (Form::Slice, _) => quote!(#tokens.to_vec()),
        }
    }

    /// A reference to it.
    pub(crate) fn borrowed(&self) -> TokenStream {
        match self.form {
            Form::Reference => self.tokens.clone(),
            _ => {
                let tokens = self.at(Binding::Unary);
                quote!(&#tokens)
            }
        }
    }

    /// Before `.method()` or `.field`.
    pub(crate) fn receiver(&self) -> TokenStream {
        self.at(Binding::Atom)
    }

    /// Beside `==` or `<`.
    pub(crate) fn operand(&self) -> TokenStream {
        match self.form {
            Form::Reference => {
                let tokens = &self.tokens;
                quote!(*#tokens)
            }
            _ => {
                // `a < b == c` is no Rust: what compares is bracketed within a comparison.
                if self.binding <= Binding::Compare { self.at(Binding::Atom) } else { self.tokens.clone() }
            }
        }
    }

    /// Where something that binds at least so tightly is wanted.
    pub(crate) fn at(&self, binding: Binding) -> TokenStream {
        let tokens = &self.tokens;
        if self.binding < binding { quote!((#tokens)) } else { tokens.clone() }
    }

    /// A truth value, where it stands alone.
    pub(crate) fn condition(&self) -> TokenStream {
        match self.form {
            Form::Reference => {
                let tokens = &self.tokens;
                quote!(*#tokens)
            }
            _ => self.tokens.clone(),
        }
    }

    /// As a `Result`: without its `?` where that is at its end, else in `Ok`. `fails` says whether there is a `?` within.
    pub(crate) fn as_result(&self, copy: bool) -> TokenStream {
        match &self.result {
            Some(call) => call.clone(),
            None => {
                let value = self.owned(copy);
                quote!(Ok(#value))
            }
        }
    }

    /// Without its `?`, where that is all that can fail.
    pub(crate) fn sole_result(&self) -> Option<&TokenStream> {
        self.result.as_ref().filter(|call| !call.to_string().contains('?'))
    }
}

/// `if condition { then } else { otherwise }`, as people write it: an `if` alone within another is one more condition, one alone in an
/// `else` follows it.
pub(crate) fn conditional(condition: &TokenStream, then: &TokenStream, otherwise: &TokenStream) -> TokenStream {
    if !otherwise.is_empty() {
        return match alone(otherwise) {
            Some(inner) => quote!(if #condition { #then } else #inner),
            None => quote!(if #condition { #then } else { #otherwise }),
        };
    }
    match alone(then).filter(|inner| inner.else_branch.is_none()) {
        Some(inner) => {
            let (first, second, body) =
                (beside_and(condition), beside_and(&inner.cond.to_token_stream()), &inner.then_branch.stmts);
            quote!(if #first && #second { #(#body)* })
        }
        None => quote!(if #condition { #then }),
    }
}

/// The `if` that a block consists of.
fn alone(block: &TokenStream) -> Option<ExprIf> {
    match syn::parse2::<Block>(quote!({ #block })).ok()?.stmts.as_slice() {
        [Stmt::Expr(Expr::If(inner), _)] => Some(inner.clone()),
        _ => None,
    }
}

/// A condition as one side of `&&`.
fn beside_and(condition: &TokenStream) -> TokenStream {
    match syn::parse2::<ExprIf>(quote!(if #condition {})).map(|it| *it.cond) {
        Ok(Expr::Binary(binary)) if matches!(binary.op, BinOp::Or(_)) => quote!((#condition)),
        _ => condition.clone(),
    }
}
