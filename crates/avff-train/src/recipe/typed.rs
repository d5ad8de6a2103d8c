//! From TOML values to the types of a recipe, with every fault's full key.
//!
//! `toml`'s own deserializer tells a fault by a sentence alone. Here it keeps its parts: what was found,
//! what is known in its place, and the way there from the root.

use std::fmt;

use serde::{
    Deserialize,
    de::{
        self, DeserializeSeed, Deserializer, EnumAccess, Expected, MapAccess, SeqAccess,
        Unexpected, VariantAccess, Visitor, value::StrDeserializer,
    },
};
use toml::Value;

use super::{
    error::RecipeError,
    fault::{Fault, Kind},
};

/// `value` as a `T`; `at` is where it lies in the recipe, empty for the root.
pub(super) fn typed<'de, T: Deserialize<'de>>(
    at: &str,
    value: &'de Value,
) -> Result<T, RecipeError> {
    T::deserialize(Node(value)).map_err(|fault| fault.blame(value).tell(at))
}

/// Part of a recipe.
#[derive(Clone, Copy)]
struct Node<'de>(&'de Value);

impl<'de> Deserializer<'de> for Node<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Integer(number) => visitor.visit_i64(*number),
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Boolean(which) => visitor.visit_bool(*which),
            Value::Datetime(_) => {
                Err(de::Error::invalid_type(Unexpected::Other("a date"), &visitor))
            }
            Value::Array(items) => {
                let mut access = Items { items, next: 0 };
                let whole = visitor.visit_seq(&mut access)?;
                if access.next < items.len() {
                    return Err(de::Error::invalid_length(items.len(), &Shorter(access.next)));
                }
                Ok(whole)
            }
            Value::Table(table) => {
                visitor.visit_map(Entries { entries: table.iter(), value: None })
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.0 {
            Value::String(word) => visitor.visit_enum(Choice { word, content: None }),
            Value::Table(table) => {
                let mut entries = table.iter();
                match (entries.next(), entries.next()) {
                    (Some((word, content)), None) => {
                        visitor.visit_enum(Choice { word, content: Some(content) })
                    }
                    _ => Err(de::Error::custom(format!(
                        "it must have one key, of {}",
                        variants.join(", ")
                    ))),
                }
            }
            _ => {
                // The visitor knows its type's name only.
                let Err(mut fault) = self.deserialize_any(visitor) else {
                    return Err(de::Error::custom("it must be a word"));
                };
                if let Kind::Value { rule, .. } = &mut fault.kind {
                    *rule = format!("one of {}", variants.join(", "));
                }
                Err(fault)
            }
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct Items<'de> {
    items: &'de [Value],
    next: usize,
}

/// What is expected of a list that has too many items.
struct Shorter(usize);

impl Expected for Shorter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of {}", self.0)
    }
}

impl<'de> SeqAccess<'de> for &mut Items<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let Some(item) = self.items.get(self.next) else { return Ok(None) };
        let step = self.next.to_string();
        self.next += 1;
        seed.deserialize(Node(item)).map(Some).map_err(|fault| fault.blame(item).under(&step))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len() - self.next)
    }
}

struct Entries<'de> {
    entries: toml::map::Iter<'de, String, Value>,
    value: Option<(&'de str, &'de Value)>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        self.value = Some((key, value));
        seed.deserialize(de::value::BorrowedStrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Fault> {
        let Some((key, value)) = self.value.take() else {
            return Err(de::Error::custom("a value was asked for before its key"));
        };
        seed.deserialize(Node(value)).map_err(|fault| fault.blame(value).under(key))
    }
}

/// A word of an enum, with what it holds.
struct Choice<'de> {
    word: &'de str,
    content: Option<&'de Value>,
}

impl<'de> EnumAccess<'de> for Choice<'de> {
    type Error = Fault;
    type Variant = Content<'de>;

    fn variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<(T::Value, Content<'de>), Fault> {
        let word = seed.deserialize(StrDeserializer::<Fault>::new(self.word))?;
        Ok((word, Content { word: self.word, content: self.content }))
    }
}

struct Content<'de> {
    word: &'de str,
    content: Option<&'de Value>,
}

impl<'de> Content<'de> {
    /// What stands beside the choice's name.
    fn node(&self) -> Result<(Node<'de>, &'de Value), Fault> {
        self.content.map(|content| (Node(content), content)).ok_or_else(|| Fault::bare(self.word))
    }
}

impl<'de> VariantAccess<'de> for Content<'de> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        match self.content {
            None => Ok(()),
            Some(_) => Err(de::Error::custom(format!("`{}` has no settings", self.word))),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        let (node, content) = self.node()?;
        seed.deserialize(node).map_err(|fault| fault.blame(content).under(self.word))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _length: usize, visitor: V) -> Result<V::Value, Fault> {
        let (node, _) = self.node()?;
        node.deserialize_any(visitor).map_err(|fault| fault.under(self.word))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let (node, _) = self.node()?;
        node.deserialize_any(visitor).map_err(|fault| fault.under(self.word))
    }
}
