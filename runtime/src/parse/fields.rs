//! The outermost object, whole or one field at a time.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Visitor};

use super::{Mistake, Node};

/// An object to be read into a struct.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    /// Its fields.
    pub(super) input: &'a BTreeMap<&'a str, Node<'a>>,
    /// Gives this field alone; as [`Node::Missing`] where it is not there.
    pub(super) only: Option<&'a str>,
    /// What fields the struct has, once it has said so.
    pub(super) known: &'a Cell<&'static [&'static str]>,
    /// What was said inside of the field given alone.
    pub(super) mistake: &'a RefCell<Option<Mistake>>,
}

impl<'de> Fields<'_> {
    fn visit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        let fields = match self.only {
            None => self.input.iter().map(|(name, node)| (*name, *node)).collect(),
            Some(name) => vec![(name, self.input.get(name).copied().unwrap_or(Node::Missing))],
        };
        visitor.visit_map(Access { fields: fields.into_iter(), next: None, mistake: self.mistake })
    }
}

impl<'de> Deserializer<'de> for Fields<'_> {
    type Error = Mistake;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        self.visit(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        self.known.set(fields);
        self.visit(visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option seq tuple tuple_struct
        map enum identifier ignored_any
    }
}

struct Access<'a> {
    fields: std::vec::IntoIter<(&'a str, Node<'a>)>,
    next: Option<Node<'a>>,
    mistake: &'a RefCell<Option<Mistake>>,
}

impl Access<'_> {
    fn keep<T>(&self, result: Result<T, Mistake>) -> Result<T, Mistake> {
        if let Err(mistake) = &result {
            self.mistake.borrow_mut().get_or_insert_with(|| mistake.clone());
        }
        result
    }
}

impl<'de> MapAccess<'de> for Access<'_> {
    type Error = Mistake;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Mistake> {
        let Some((name, node)) = self.fields.next() else { return Ok(None) };
        self.next = Some(node);
        let key = seed.deserialize(IntoDeserializer::<Mistake>::into_deserializer(name));
        self.keep(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Mistake> {
        let value = seed.deserialize(self.next.take().unwrap_or(Node::Missing));
        self.keep(value)
    }
}
