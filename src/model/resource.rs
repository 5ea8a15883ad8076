//! Where spans come from: resources and instrumentation scopes. Many spans share one.

#![expect(
    clippy::exhaustive_structs,
    reason = "these are what OTLP has, and users write them out with `..default()`"
)]

use serde::{Deserialize, Serialize};

use super::Attribute;

/// The entity that produced spans: OTLP's `Resource` with the schema URL sent beside it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Resource {
    /// Attributes such as `service.name`.
    pub attributes: Vec<Attribute>,
    /// How many attributes the sender dropped.
    pub dropped_attributes_count: u32,
    /// Entities that the resource is made of.
    pub entity_refs: Vec<EntityRef>,
    /// `ResourceSpans.schema_url`.
    pub schema_url: String,
}

/// A reference to an entity within a resource: OTLP's `EntityRef`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct EntityRef {
    /// The schema URL of the entity.
    pub schema_url: String,
    /// The entity's type, such as `service` or `host`.
    pub entity_type: String,
    /// Keys of the resource's attributes that identify the entity.
    pub id_keys: Vec<String>,
    /// Keys of the resource's attributes that describe the entity.
    pub description_keys: Vec<String>,
}

/// The library that produced spans: OTLP's `InstrumentationScope` with the schema URL beside it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct InstrumentationScope {
    /// The scope's name; empty if unknown.
    pub name: String,
    /// The scope's version; empty if unknown.
    pub version: String,
    /// Attributes of the scope.
    pub attributes: Vec<Attribute>,
    /// How many attributes the sender dropped.
    pub dropped_attributes_count: u32,
    /// `ScopeSpans.schema_url`.
    pub schema_url: String,
}
