//! Resources and instrumentation scopes from the wire: owned, since many spans share one.

use super::fields::{entity_ref, resource as fields, scope as scope_fields};
use super::value::{attribute_owned, text};
use crate::codec::cast;
use crate::codec::wire::Reader;
use crate::model::{Attribute, EntityRef, InstrumentationScope, Resource};
use crate::otlp::error::{Checked, Within};

/// Merges a `Resource` message into `resource`.
pub(super) fn resource(mut reader: Reader<'_>, resource: &mut Resource) -> Checked<()> {
    while let Some(key) = reader.key()? {
        match key {
            fields::ATTRIBUTES => push_attribute(&mut reader, &mut resource.attributes)?,
            fields::DROPPED_ATTRIBUTES_COUNT => {
                resource.dropped_attributes_count = dropped(&mut reader)?;
            }
            fields::ENTITY_REFS => {
                let message = reader.message().within("entityRefs")?;
                let position = resource.entity_refs.len();
                let read = entity(message).within_list("entityRefs", position)?;
                resource.entity_refs.push(read);
            }
            key => reader.unknown(key, fields::LAST)?,
        }
    }
    Ok(())
}

/// Merges an `InstrumentationScope` message into `scope`.
pub(super) fn scope(mut reader: Reader<'_>, scope: &mut InstrumentationScope) -> Checked<()> {
    while let Some(key) = reader.key()? {
        match key {
            scope_fields::NAME => text(&mut reader, "name")?.clone_into(&mut scope.name),
            scope_fields::VERSION => text(&mut reader, "version")?.clone_into(&mut scope.version),
            scope_fields::ATTRIBUTES => push_attribute(&mut reader, &mut scope.attributes)?,
            scope_fields::DROPPED_ATTRIBUTES_COUNT => {
                scope.dropped_attributes_count = dropped(&mut reader)?;
            }
            key => reader.unknown(key, scope_fields::LAST)?,
        }
    }
    Ok(())
}

fn entity(mut reader: Reader<'_>) -> Checked<EntityRef> {
    let mut entity = EntityRef::default();
    while let Some(key) = reader.key()? {
        match key {
            entity_ref::SCHEMA_URL => {
                text(&mut reader, "schemaUrl")?.clone_into(&mut entity.schema_url);
            }
            entity_ref::TYPE => text(&mut reader, "type")?.clone_into(&mut entity.entity_type),
            entity_ref::ID_KEYS => entity.id_keys.push(text(&mut reader, "idKeys")?.to_owned()),
            entity_ref::DESCRIPTION_KEYS => {
                entity.description_keys.push(text(&mut reader, "descriptionKeys")?.to_owned());
            }
            key => reader.unknown(key, entity_ref::LAST)?,
        }
    }
    Ok(entity)
}

fn push_attribute(reader: &mut Reader<'_>, attributes: &mut Vec<Attribute>) -> Checked<()> {
    let message = reader.message().within("attributes")?;
    let read = attribute_owned(message, 0).within_list("attributes", attributes.len())?;
    attributes.push(read);
    Ok(())
}

fn dropped(reader: &mut Reader<'_>) -> Checked<u32> {
    reader.varint().within("droppedAttributesCount").map(cast::low_u32)
}
