//! What a part of the configuration looks like, said once: reading, JSON Schema and reference come from it.

use super::interpolate::has_variables;
use super::node::{Node, Value};
use super::reader::Reader;
use super::source::Span;

/// A kind of value that can stand in the configuration.
pub(super) trait Shape {
    /// What it becomes.
    type Out;
    /// What it looks like.
    const FORM: Form;
    /// Reads it. `None` means that the fault was told to the reader.
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self::Out>;
}

/// What a value looks like, for the schema and the reference.
pub(super) enum Form {
    /// Text of a certain form.
    Text { what: &'static str, pattern: Option<&'static str> },
    /// One of these words.
    Choice { words: &'static [&'static str] },
    /// A whole number.
    Count { min: u64, max: u64 },
    /// A number of percent, with or without the sign.
    Percent,
    /// `true` or `false`.
    Flag,
    /// One, or a list of them.
    OneOrMany(&'static Form),
    /// Keys that are known.
    Section(&'static Section),
    /// Keys that the user names.
    Names(&'static Form),
}

/// A mapping with known keys.
pub(super) struct Section {
    /// Its type, for definitions that others refer to.
    pub(super) name: &'static str,
    /// What it is for.
    pub(super) doc: &'static str,
    /// A function, so that a section can contain itself.
    pub(super) fields: fn() -> &'static [Field],
    /// Keys of which exactly one must be there.
    pub(super) one_of: &'static [&'static str],
}

/// One key of a section.
pub(super) struct Field {
    pub(super) key: &'static str,
    pub(super) doc: &'static str,
    pub(super) presence: Presence,
    pub(super) example: Option<&'static str>,
    pub(super) form: &'static Form,
}

/// Whether a key must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    Required,
    Optional,
    /// What is read when it is absent; empty for a section whose keys have defaults of their own.
    Default(&'static str),
}

/// The key of a field, which Rust may have wanted written as a raw identifier.
pub(super) const fn key(field: &'static str) -> &'static str {
    match field.as_bytes() {
        [b'r', b'#', ..] => field.split_at(2).1,
        _ => field,
    }
}

impl Form {
    /// The section that such a value has, or that each of its items has.
    pub(super) fn section(&self) -> Option<&'static Section> {
        match self {
            Form::Section(section) => Some(section),
            Form::Names(item) | Form::OneOrMany(item) => item.section(),
            _ => None,
        }
    }
}

impl Section {
    /// Whether it contains itself.
    pub(super) fn is_recursive(&self) -> bool {
        self.fields().iter().filter_map(|field| field.form.section()).any(|inner| inner.is(self))
    }

    pub(super) fn fields(&self) -> &'static [Field] {
        (self.fields)()
    }

    /// Whether it is the other one; a section may have several addresses, and only one name.
    pub(super) fn is(&self, other: &Section) -> bool {
        self.name == other.name
    }

    pub(super) fn field(&self, key: &str) -> Option<&'static Field> {
        self.fields().iter().find(|field| field.key == key)
    }
}

/// Declares a section: its fields with their documentation, shape, presence and example. From this come the
/// struct with what was read, the reading, the schema and the reference; so none can differ from another.
macro_rules! section {
    (
        $(#[doc = $doc:literal])*
        $name:ident $(one_of($($alternative:literal),* $(,)?))? {
            $(
                $(#[doc = $field_doc:literal])*
                $field:ident: $shape:ty => $presence:ident $(($default:literal))? $(, $example:literal)?;
            )*
        }
    ) => {
        $(#[doc = $doc])*
        pub(super) struct $name {
            $(pub(super) $field: Option<<$shape as super::shape::Shape>::Out>,)*
        }

        impl $name {
            pub(super) const SECTION: &'static super::shape::Section = &super::shape::Section {
                name: stringify!($name),
                doc: concat!($($doc),*),
                fields: || const { &[$(super::shape::Field {
                    key: super::shape::key(stringify!($field)),
                    doc: concat!($($field_doc),*),
                    presence: super::shape::Presence::$presence $(($default))?,
                    example: section!(@example $($example)?),
                    form: &<$shape as super::shape::Shape>::FORM,
                },)*] },
                one_of: &[$($($alternative),*)?],
            };
        }

        impl super::shape::Shape for $name {
            type Out = $name;
            const FORM: super::shape::Form = super::shape::Form::Section($name::SECTION);

            fn read(
                node: &super::node::Node,
                reader: &mut super::reader::Reader<'_>,
            ) -> Option<$name> {
                let entries = reader.section(node, $name::SECTION)?;
                let mut fields = $name::SECTION.fields().iter();
                Some($name { $($field: reader.field::<$shape>(entries, fields.next()?),)* })
            }
        }
    };
    (@example) => { None };
    (@example $example:literal) => { Some($example) };
}
pub(super) use section;

/// The value together with where it stands.
pub(super) struct At<T>(std::marker::PhantomData<T>);

/// What [`At`] becomes.
#[derive(Debug, Clone)]
pub(super) struct Spanned<T> {
    pub(super) value: T,
    pub(super) span: Span,
    /// Whether variables were filled in, so that it must not be shown.
    pub(super) filled: bool,
}

impl<T: Shape> Shape for At<T> {
    type Out = Spanned<T::Out>;
    const FORM: Form = T::FORM;

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self::Out> {
        let filled = matches!(&node.value, Value::Scalar(raw) if has_variables(raw));
        T::read(node, reader).map(|value| Spanned { value, span: node.span, filled })
    }
}

/// A section of which it matters whether it is there at all: absent is `None`, and `Some(None)` is there but wrong.
pub(super) struct Given<T>(std::marker::PhantomData<T>);

impl<T: Shape> Shape for Given<T> {
    type Out = Option<T::Out>;
    const FORM: Form = T::FORM;

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self::Out> {
        Some(T::read(node, reader))
    }
}

/// One value, or a list of them: a single one needs no brackets.
pub(super) struct Many<T>(std::marker::PhantomData<T>);

impl<T: Shape> Shape for Many<T> {
    type Out = Vec<T::Out>;
    const FORM: Form = Form::OneOrMany(&T::FORM);

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self::Out> {
        match &node.value {
            Value::List(items) => {
                // All are read before one that is wrong spoils the whole, so that every fault is told.
                let read: Vec<_> =
                    items.iter().map(|item| reader.item(item, |reader| T::read(item, reader))).collect();
                read.into_iter().collect()
            }
            Value::Null => Some(Vec::new()),
            Value::Scalar(_) | Value::Map(_) => T::read(node, reader).map(|one| vec![one]),
        }
    }
}

/// A mapping whose keys are names that the user gives.
pub(super) struct Names<K, T>(std::marker::PhantomData<(K, T)>);

/// One entry of [`Names`].
pub(super) struct Named<K, T> {
    pub(super) name: K,
    /// Where the name stands.
    pub(super) span: Span,
    /// Absent when a fault in it was told.
    pub(super) value: Option<T>,
}

impl<K: std::str::FromStr<Err = mainstay_model::NameError>, T: Shape> Shape for Names<K, T> {
    type Out = Vec<Named<K, T::Out>>;
    const FORM: Form = Form::Names(&T::FORM);

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self::Out> {
        if matches!(node.value, Value::Scalar(_) | Value::List(_)) {
            reader.wrong_kind(
                node,
                "names with their settings",
                "write a name and a colon, such as `orders-db:`, and below it the settings",
            );
            return None;
        }
        let mut named = Vec::with_capacity(node.entries().len());
        for entry in node.entries() {
            let value = reader.under(&entry.key, |reader| T::read(&entry.value, reader));
            match entry.key.text.parse::<K>() {
                Ok(name) => named.push(Named { name, span: entry.key.span, value }),
                Err(error) => {
                    let message = format!("{} is no name", super::mask::quoted_key(&entry.key.text));
                    reader.error(entry.key.span, message, error.to_string());
                }
            }
        }
        Some(named)
    }
}
