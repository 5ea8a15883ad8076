//! Resources and instrumentation scopes, each held once, and which of them the next spans have.
//! Invariant: equal ones have one number; attributes are sorted by key.

use std::borrow::Borrow;
use std::hash::Hash;
use std::sync::Arc;

use hashbrown::HashMap;

use super::check::too_deep;
use super::trim::{Largest, attributes_bytes, resource_bytes, trim_origin};
use super::{Interner, Staging};
use crate::codec::bytes::put_prefixed;
use crate::codec::cast::{u32_of, usize_of};
use crate::model::{InstrumentationScope, OriginBytes, Refusal, Resource};

/// What is known of resources and scopes beside the lists of them.
#[derive(Debug, Default)]
pub(super) struct Origins {
    resource_numbers: HashMap<Arc<Resource>, u32>,
    scope_numbers: HashMap<Arc<InstrumentationScope>, u32>,
    pub(super) resource: Option<u32>,
    pub(super) scope: Option<u32>,
    /// Why spans of the current resource or scope cannot be stored.
    pub(super) faults: [Option<Refusal>; 2],
    /// Resources and scopes as they came on the wire,
    encoded: Interner,
    /// and the numbers of those that were remembered.
    numbers: Vec<Option<u32>>,
    scratch: Vec<u8>,
    /// Bytes of resources and scopes, roughly.
    bytes: usize,
}

impl Origins {
    /// Bytes in memory, roughly.
    pub(super) fn bytes_len(&self) -> usize {
        self.bytes + self.encoded.bytes_len() + self.numbers.len() * size_of::<Option<u32>>()
    }

    fn encoded(&mut self, origin: &OriginBytes<'_>) -> usize {
        let (tag, message, schema_url) = match origin {
            OriginBytes::Resource { message, schema_url } => (0, message, schema_url),
            OriginBytes::Scope { message, schema_url } => (1, message, schema_url),
        };
        self.scratch.clear();
        self.scratch.push(tag);
        put_prefixed(&mut self.scratch, message);
        self.scratch.extend_from_slice(schema_url);
        usize_of(self.encoded.intern(&self.scratch))
    }
}

impl Staging {
    /// The number of a resource whose attributes are sorted.
    pub(super) fn resource_number(
        &mut self,
        resource: impl Borrow<Resource> + Into<Arc<Resource>>,
    ) -> u32 {
        number_of(&mut self.origins.resource_numbers, &mut self.resources, resource)
    }

    /// The number of a scope whose attributes are sorted.
    pub(super) fn scope_number(
        &mut self,
        scope: impl Borrow<InstrumentationScope> + Into<Arc<InstrumentationScope>>,
    ) -> u32 {
        number_of(&mut self.origins.scope_numbers, &mut self.scopes, scope)
    }

    pub(super) fn begin_resource(&mut self, resource: &Resource) {
        let [fault, _] = &mut self.origins.faults;
        *fault = too_deep("resource.attributes", &resource.attributes);
        if fault.is_some() {
            return;
        }
        let mut resource = resource.clone();
        if self.is_beyond(Largest::of_origin(&resource.attributes))
            && let Some(limits) = &self.limits
        {
            let dropped = &mut resource.dropped_attributes_count;
            trim_origin(&mut resource.attributes, dropped, limits);
        }
        resource.attributes.sort_by(|a, b| a.key.cmp(&b.key));
        let bytes = size_of::<Resource>() + resource_bytes(&resource);
        let before = self.resources.len();
        self.origins.resource = Some(self.resource_number(resource));
        self.origins.bytes += if self.resources.len() > before { bytes } else { 0 };
    }

    pub(super) fn begin_scope(&mut self, scope: &InstrumentationScope) {
        let [_, fault] = &mut self.origins.faults;
        *fault = too_deep("scope.attributes", &scope.attributes);
        if fault.is_some() {
            return;
        }
        let mut scope = scope.clone();
        if self.is_beyond(Largest::of_origin(&scope.attributes))
            && let Some(limits) = &self.limits
        {
            trim_origin(&mut scope.attributes, &mut scope.dropped_attributes_count, limits);
        }
        scope.attributes.sort_by(|a, b| a.key.cmp(&b.key));
        let texts = scope.name.len() + scope.version.len() + scope.schema_url.len();
        let bytes = size_of::<InstrumentationScope>() + texts + attributes_bytes(&scope.attributes);
        let before = self.scopes.len();
        self.origins.scope = Some(self.scope_number(scope));
        self.origins.bytes += if self.scopes.len() > before { bytes } else { 0 };
    }

    /// True if `largest` is beyond the limits; else takes note of it.
    fn is_beyond(&mut self, largest: Largest) -> bool {
        let beyond = self.limits.as_ref().is_some_and(|limits| !largest.is_within(limits));
        if !beyond {
            self.largest.join(largest);
        }
        beyond
    }

    /// Goes on with a resource or a scope that came in the same bytes before, if one did.
    pub(super) fn recall_origin(&mut self, origin: &OriginBytes<'_>) -> bool {
        let origins = &mut self.origins;
        let at = origins.encoded(origin);
        let Some(number) = origins.numbers.get(at).copied().flatten() else { return false };
        let [resource_fault, scope_fault] = &mut origins.faults;
        let (fault, current) = match origin {
            OriginBytes::Resource { .. } => (resource_fault, &mut origins.resource),
            OriginBytes::Scope { .. } => (scope_fault, &mut origins.scope),
        };
        (*fault, *current) = (None, Some(number));
        true
    }

    /// Takes note of the bytes in which the current resource or scope came, unless it is at fault.
    pub(super) fn remember_origin(&mut self, origin: &OriginBytes<'_>) {
        let origins = &mut self.origins;
        let [resource_fault, scope_fault] = &origins.faults;
        let (fault, current) = match origin {
            OriginBytes::Resource { .. } => (resource_fault, origins.resource),
            OriginBytes::Scope { .. } => (scope_fault, origins.scope),
        };
        if fault.is_some() {
            return;
        }
        let at = origins.encoded(origin);
        if origins.numbers.len() <= at {
            origins.numbers.resize(at + 1, None);
        }
        if let Some(number) = origins.numbers.get_mut(at) {
            *number = current;
        }
    }
}

fn number_of<T: Eq + Hash>(
    numbers: &mut HashMap<Arc<T>, u32>,
    list: &mut Vec<Arc<T>>,
    value: impl Borrow<T> + Into<Arc<T>>,
) -> u32 {
    if let Some(number) = numbers.get(value.borrow()) {
        return *number;
    }
    let number = u32_of(list.len()).unwrap_or(u32::MAX);
    let value = value.into();
    list.push(Arc::clone(&value));
    numbers.insert(value, number);
    number
}
