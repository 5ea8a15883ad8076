//! The tables of resources and instrumentation scopes: a row for each one that the block uses.

use super::assemble::Sections;
use crate::block::column::{TableBuilder, TableSize};
use crate::block::format::{Table, field};
use crate::block::staging::{Cell, FIELD_KEYS, Staging, ValueKind, payload_of_bits};
use crate::block::values;
use crate::codec::bytes::Malformed;
use crate::codec::cast::usize_of;
use crate::model::{Attribute, AttributeRef, EntityRef, InstrumentationScope, Resource, Value};

pub(super) fn sections(
    staging: &Staging,
    resources: &[u32],
    scopes: &[u32],
    block_rows: usize,
    sections: &mut Sections,
) -> Result<(), Malformed> {
    let resources: Vec<&Resource> = resources
        .iter()
        .filter_map(|at| staging.resources.get(usize_of(*at)))
        .map(AsRef::as_ref)
        .collect();
    let scopes: Vec<&InstrumentationScope> = scopes
        .iter()
        .filter_map(|at| staging.scopes.get(usize_of(*at)))
        .map(AsRef::as_ref)
        .collect();
    write(Table::Resources, &resources, resource_cells, block_rows, sections)?;
    write(Table::Scopes, &scopes, scope_cells, block_rows, sections)
}

fn write<T>(
    table: Table,
    list: &[&T],
    cells_of: impl Fn(&mut Staging, &T) -> Vec<Cell>,
    block_rows: usize,
    sections: &mut Sections,
) -> Result<(), Malformed> {
    let mut texts = Staging::default();
    let cells: Vec<Vec<Cell>> = list.iter().map(|item| cells_of(&mut texts, item)).collect();
    let mut builder = TableBuilder::new(&texts.keys, &texts.strings);
    for (row_cells, row) in cells.iter().zip(0u32..) {
        for cell in row_cells {
            builder.push(row, cell);
        }
    }
    builder.finish(table, TableSize { rows: list.len(), block_rows }, 1, sections)
}

fn resource_cells(texts: &mut Staging, resource: &Resource) -> Vec<Cell> {
    let mut cells = list_cells(texts, &resource.attributes);
    cells.extend(dropped(resource.dropped_attributes_count));
    cells.extend(text(texts, field::SCHEMA_URL, &resource.schema_url));
    if !resource.entity_refs.is_empty() {
        let refs = Value::Array(resource.entity_refs.iter().map(entity_value).collect());
        let mut bytes = Vec::new();
        values::encode(&refs, &mut bytes);
        let payload = u64::from(texts.strings.intern(&bytes));
        cells.push(field_cell(field::ENTITY_REFS, ValueKind::Other, payload));
    }
    cells
}

fn scope_cells(texts: &mut Staging, scope: &InstrumentationScope) -> Vec<Cell> {
    let mut cells = list_cells(texts, &scope.attributes);
    cells.extend(dropped(scope.dropped_attributes_count));
    cells.extend(text(texts, field::NAME, &scope.name));
    cells.extend(text(texts, field::VERSION, &scope.version));
    cells.extend(text(texts, field::SCHEMA_URL, &scope.schema_url));
    cells
}

fn list_cells(texts: &mut Staging, list: &[Attribute]) -> Vec<Cell> {
    let list: Vec<AttributeRef<'_>> = list.iter().map(AttributeRef::from).collect();
    let run = texts.stage_list(&list);
    texts.cells.get(run).unwrap_or_default().to_vec()
}

fn text(texts: &mut Staging, code: u8, value: &str) -> Option<Cell> {
    let payload = u64::from(texts.strings.intern(value.as_bytes()));
    (payload != 0).then(|| field_cell(code, ValueKind::String, payload))
}

fn dropped(count: u32) -> Option<Cell> {
    let payload = payload_of_bits(u64::from(count));
    (count != 0).then(|| field_cell(field::DROPPED_ATTRIBUTES, ValueKind::Int, payload))
}

fn field_cell(code: u8, kind: ValueKind, payload: u64) -> Cell {
    Cell { key: FIELD_KEYS + u32::from(code), kind, payload }
}

/// An entity reference as a value: schema URL, type, keys that identify, keys that describe.
fn entity_value(entity: &EntityRef) -> Value {
    let list = |keys: &[String]| Value::Array(keys.iter().cloned().map(Value::String).collect());
    Value::Array(vec![
        Value::String(entity.schema_url.clone()),
        Value::String(entity.entity_type.clone()),
        list(&entity.id_keys),
        list(&entity.description_keys),
    ])
}

/// The entity references that [`entity_value`] made a value of.
pub(crate) fn entities_of(value: &Value) -> Vec<EntityRef> {
    let Value::Array(entities) = value else { return Vec::new() };
    let text =
        |value: &Value| if let Value::String(text) = value { text.clone() } else { String::new() };
    let list = |value: &Value| match value {
        Value::Array(keys) => keys.iter().map(text).collect(),
        _ => Vec::new(),
    };
    let entity = |entity: &Value| match entity {
        Value::Array(parts) => match parts.as_slice() {
            [schema_url, entity_type, id_keys, description_keys] => Some(EntityRef {
                schema_url: text(schema_url),
                entity_type: text(entity_type),
                id_keys: list(id_keys),
                description_keys: list(description_keys),
            }),
            _ => None,
        },
        _ => None,
    };
    entities.iter().filter_map(entity).collect()
}
