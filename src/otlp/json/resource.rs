//! Resources and instrumentation scopes in JSON.

use serde::de::MapAccess;

use super::reader::{Members, Slot};
use super::scalar;
use super::value::Attributes;
use crate::model::{EntityRef, InstrumentationScope, Resource};

/// Attributes with their count of dropped ones: what resources and scopes share.
#[derive(Debug, Default)]
struct Attributed {
    attributes: Attributes,
    dropped: u32,
}

impl Attributed {
    fn member<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        slot: Slot<'_, A>,
    ) -> Result<(), A::Error> {
        match name {
            "attributes" => slot.list(&mut self.attributes)?,
            "droppedAttributesCount" | "dropped_attributes_count" => {
                self.dropped = slot.scalar(scalar::uint32)?;
            }
            _ => slot.ignore()?,
        }
        Ok(())
    }
}

/// A `Resource` as read.
#[derive(Debug, Default)]
pub(super) struct ResourceDraft {
    attributed: Attributed,
    entity_refs: Vec<EntityRef>,
}

impl ResourceDraft {
    /// The resource, without its schema URL.
    pub(super) fn finish(mut self) -> Resource {
        Resource {
            attributes: self.attributed.attributes.take(),
            dropped_attributes_count: self.attributed.dropped,
            entity_refs: self.entity_refs,
            schema_url: String::new(),
        }
    }
}

impl<'de> Members<'de> for ResourceDraft {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, slot: Slot<'_, A>) -> Result<(), A::Error> {
        match name {
            "entityRefs" | "entity_refs" => slot.list(&mut self.entity_refs),
            name => self.attributed.member(name, slot),
        }
    }
}

impl<'de> Members<'de> for EntityRef {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, slot: Slot<'_, A>) -> Result<(), A::Error> {
        match name {
            "schemaUrl" | "schema_url" => slot.read(&mut self.schema_url),
            "type" => slot.read(&mut self.entity_type),
            "idKeys" | "id_keys" => slot.list(&mut self.id_keys),
            "descriptionKeys" | "description_keys" => slot.list(&mut self.description_keys),
            _ => slot.ignore(),
        }
    }
}

/// An `InstrumentationScope` as read.
#[derive(Debug, Default)]
pub(super) struct ScopeDraft {
    attributed: Attributed,
    name: String,
    version: String,
}

impl ScopeDraft {
    /// The scope, without its schema URL.
    pub(super) fn finish(mut self) -> InstrumentationScope {
        InstrumentationScope {
            name: self.name,
            version: self.version,
            attributes: self.attributed.attributes.take(),
            dropped_attributes_count: self.attributed.dropped,
            schema_url: String::new(),
        }
    }
}

impl<'de> Members<'de> for ScopeDraft {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, slot: Slot<'_, A>) -> Result<(), A::Error> {
        match name {
            "name" => slot.read(&mut self.name),
            "version" => slot.read(&mut self.version),
            name => self.attributed.member(name, slot),
        }
    }
}
