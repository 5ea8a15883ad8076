//! Fields of a span, resolved to stored columns. Invariant: fallbacks and defaults of the language
//! are decided here and nowhere below.

use std::fmt;

use crate::query::source::{Column, Space};
use crate::query::syntax::{AttributeScope, Field, FieldKind};

/// A field with one value for each span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SpanField {
    /// The field of the span's parent; nil where there is no stored parent.
    pub(crate) parent: bool,
    /// How it is found.
    pub(crate) lookup: Lookup,
}

/// How a value is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// In one column of the spans.
    Plain(Column),
    /// `.x`: the span's attribute, or where it has none of any type the resource's.
    SpanThenResource(String),
    /// `resource.service.name`: `""` where the resource has none.
    ServiceName,
}

/// The key that has `""` for a default.
pub(crate) const SERVICE_NAME: &str = "service.name";

/// Where a field's values are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resolved {
    /// One value a span.
    Span(SpanField),
    /// One value an event or a link.
    Item(Column),
}

/// Finds the columns of a field.
pub(crate) fn resolve(field: &Field) -> Resolved {
    let lookup = match &field.kind {
        FieldKind::Attribute(AttributeScope::Any, key) => Lookup::SpanThenResource(key.clone()),
        FieldKind::Attribute(AttributeScope::Resource, key) if key == SERVICE_NAME => {
            Lookup::ServiceName
        }
        FieldKind::Attribute(scope, key) => Lookup::Plain(attribute(*scope, key.clone())),
        FieldKind::Intrinsic(intrinsic) => Lookup::Plain(Column::Intrinsic(*intrinsic)),
    };
    match lookup {
        Lookup::Plain(column) if column.space() != Space::Spans => Resolved::Item(column),
        lookup => Resolved::Span(SpanField { parent: field.parent, lookup }),
    }
}

fn attribute(scope: AttributeScope, key: String) -> Column {
    match scope {
        AttributeScope::Any | AttributeScope::Span => Column::SpanAttribute(key),
        AttributeScope::Resource => Column::ResourceAttribute(key),
        AttributeScope::Event => Column::EventAttribute(key),
        AttributeScope::Link => Column::LinkAttribute(key),
        AttributeScope::Instrumentation => Column::ScopeAttribute(key),
    }
}

impl fmt::Display for SpanField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.parent {
            f.write_str("parent.")?;
        }
        match &self.lookup {
            Lookup::Plain(column) => write!(f, "{column}"),
            Lookup::SpanThenResource(key) if self.parent => f.write_str(key),
            Lookup::SpanThenResource(key) => write!(f, ".{key}"),
            Lookup::ServiceName => write!(f, "resource.{SERVICE_NAME}"),
        }
    }
}
