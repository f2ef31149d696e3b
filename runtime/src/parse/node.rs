//! One field's value: JSON, or the texts of a query string, or nothing; and what may be wrong with it, and where.

use serde::de::{
    self, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor,
    value::StrDeserializer,
};
use serde_json::Value;

/// What is wrong, and where below the field.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Mistake {
    /// `[1].quantity`.
    pub(crate) path: String,
    /// What is wrong.
    pub(crate) message: String,
}

impl Mistake {
    fn new(message: impl Into<String>) -> Self {
        Self { path: String::new(), message: message.into() }
    }

    fn below(mut self, step: &str) -> Self {
        self.path.insert_str(0, step);
        self
    }
}

impl de::Error for Mistake {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        match expected {
            [] => Self::new("is not known here; there are no fields"),
            names => Self::new(format!("is not known here; the fields are `{}`", names.join("`, `"))),
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new("is required").below(&format!(".{field}"))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::new(format!("must be {expected}, not {found}"))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::new(format!("must be {expected}, not {found}"))
    }
}

/// A value to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Node<'a> {
    /// JSON.
    Json(&'a Value),
    /// The texts of one parameter, as often as it was given.
    Text(&'a [String]),
    /// It is not there.
    Missing,
}

impl Node<'_> {
    /// The one text of a parameter.
    fn text(&self) -> Result<Option<&str>, Mistake> {
        match self {
            Node::Text([one]) => Ok(Some(one)),
            Node::Text([]) | Node::Missing => Err(Mistake::new("is required")),
            Node::Text(_) => Err(Mistake::new("is given more than once")),
            Node::Json(_) => Ok(None),
        }
    }

    fn number<T: std::str::FromStr>(&self, expected: &str) -> Result<Option<T>, Mistake> {
        let Some(text) = self.text()? else { return Ok(None) };
        text.parse().map(Some).map_err(|_| Mistake::new(format!("must be {expected}")))
    }
}

/// Methods that read a number from the text of a parameter, or pass JSON on.
macro_rules! numbers {
    ($($method:ident $visit:ident $expected:literal,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
            match self.number($expected)? {
                Some(number) => visitor.$visit(number),
                None => self.deserialize_any(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Node<'_> {
    type Error = Mistake;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        if let Some(text) = self.text()? {
            return visitor.visit_str(text);
        }
        let Node::Json(value) = self else { return Err(Mistake::new("is required")) };
        match value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(flag) => visitor.visit_bool(*flag),
            Value::Number(number) => number.deserialize_any(visitor).map_err(de::Error::custom),
            Value::String(text) => visitor.visit_str(text),
            Value::Array(items) => visitor.visit_seq(Items { items: items.iter().map(Node::Json).collect(), next: 0 }),
            Value::Object(fields) => visitor.visit_map(Object { fields: fields.iter(), next: None }),
        }
    }

    numbers! {
        deserialize_i8 visit_i8 "a whole number",
        deserialize_i16 visit_i16 "a whole number",
        deserialize_i32 visit_i32 "a whole number",
        deserialize_i64 visit_i64 "a whole number",
        deserialize_i128 visit_i128 "a whole number",
        deserialize_u8 visit_u8 "a whole number",
        deserialize_u16 visit_u16 "a whole number",
        deserialize_u32 visit_u32 "a whole number",
        deserialize_u64 visit_u64 "a whole number",
        deserialize_u128 visit_u128 "a whole number",
        deserialize_f32 visit_f32 "a number",
        deserialize_f64 visit_f64 "a number",
        deserialize_bool visit_bool "`true` or `false`",
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match self {
            Node::Missing | Node::Text([]) | Node::Json(Value::Null) => visitor.visit_none(),
            other => visitor.visit_some(other),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match self {
            Node::Text([one]) if one.starts_with('[') => from_text(one, |node| node.deserialize_seq(visitor)),
            Node::Text(texts) if !texts.is_empty() => visitor.visit_seq(Items {
                items: texts.iter().map(|it| Node::Text(std::slice::from_ref(it))).collect(),
                next: 0,
            }),
            other => other.deserialize_any(visitor),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match self.text()? {
            Some(text) => from_text(text, |node| node.deserialize_map(visitor)),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        let name = match (self.text()?, self) {
            (Some(text), _) => text,
            (None, Node::Json(Value::String(text))) => text.as_str(),
            (None, Node::Json(value)) => return visitor.visit_enum(Tagged::of(value)?),
            (None, _) => return Err(Mistake::new("is required")),
        };
        if !variants.is_empty() && !variants.contains(&name) {
            return Err(Mistake::new(format!("must be one of `{}`, not `{name}`", variants.join("`, `"))));
        }
        let variant: StrDeserializer<'_, Mistake> = name.into_deserializer();
        visitor.visit_enum(variant)
    }

    serde::forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

/// Reads the JSON in the text of a parameter.
fn from_text<T>(text: &str, read: impl FnOnce(Node<'_>) -> Result<T, Mistake>) -> Result<T, Mistake> {
    let value: Value = serde_json::from_str(text).map_err(|error| Mistake::new(format!("is not JSON: {error}")))?;
    read(Node::Json(&value))
}

struct Items<'a> {
    items: Vec<Node<'a>>,
    next: usize,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Mistake;

    fn next_element_seed<T: de::DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Mistake> {
        let Some(item) = self.items.get(self.next).copied() else { return Ok(None) };
        let index = self.next;
        self.next += 1;
        seed.deserialize(item).map(Some).map_err(|mistake| mistake.below(&format!("[{index}]")))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len() - self.next)
    }
}

struct Object<'a> {
    fields: serde_json::map::Iter<'a>,
    next: Option<(&'a str, &'a Value)>,
}

impl<'de> MapAccess<'de> for Object<'_> {
    type Error = Mistake;

    fn next_key_seed<K: de::DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Mistake> {
        let Some((name, value)) = self.fields.next() else { return Ok(None) };
        self.next = Some((name, value));
        let key: StrDeserializer<'_, Mistake> = name.as_str().into_deserializer();
        seed.deserialize(key).map(Some).map_err(|mistake| mistake.below(&format!(".{name}")))
    }

    fn next_value_seed<V: de::DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Mistake> {
        let (name, value) = self.next.take().ok_or_else(|| Mistake::new("is required"))?;
        seed.deserialize(Node::Json(value)).map_err(|mistake| mistake.below(&format!(".{name}")))
    }
}

/// `{"variant": content}`.
struct Tagged<'a> {
    name: &'a str,
    content: &'a Value,
}

impl<'a> Tagged<'a> {
    fn of(value: &'a Value) -> Result<Self, Mistake> {
        let fields = value.as_object().filter(|fields| fields.len() == 1);
        let (name, content) =
            fields.and_then(|fields| fields.iter().next()).ok_or_else(|| Mistake::new("must be one of its cases"))?;
        Ok(Self { name, content })
    }
}

impl<'a, 'de> EnumAccess<'de> for Tagged<'a> {
    type Error = Mistake;
    type Variant = Content<'a>;

    fn variant_seed<V: de::DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Content<'a>), Mistake> {
        let name: StrDeserializer<'_, Mistake> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, Content(self.content)))
    }
}

struct Content<'a>(&'a Value);

impl<'de> VariantAccess<'de> for Content<'_> {
    type Error = Mistake;

    fn unit_variant(self) -> Result<(), Mistake> {
        Ok(())
    }

    fn newtype_variant_seed<T: de::DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Mistake> {
        seed.deserialize(Node::Json(self.0))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Mistake> {
        Node::Json(self.0).deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Mistake> {
        Node::Json(self.0).deserialize_map(visitor)
    }
}
