//! Spans by resource and instrumentation scope, as requests hold them. Invariant: groups, and spans
//! within one, come in the order in which they are first met.

use std::collections::HashMap;

use crate::model::{InstrumentationScope, Resource, Span};

/// The spans of one resource.
#[derive(Debug)]
pub(super) struct ResourceGroup<'a> {
    pub(super) resource: &'a Resource,
    pub(super) scopes: Vec<ScopeGroup<'a>>,
}

/// The spans of one scope within a resource.
#[derive(Debug)]
pub(super) struct ScopeGroup<'a> {
    pub(super) scope: &'a InstrumentationScope,
    pub(super) spans: Vec<&'a Span>,
}

/// Groups `spans`: equal resources share a group, and so do equal scopes within it.
pub(super) fn group(spans: &[Span]) -> Vec<ResourceGroup<'_>> {
    let mut groups: Vec<ResourceGroup<'_>> = Vec::new();
    let mut places = HashMap::new();
    let mut resources = HashMap::new();
    for span in spans {
        let (resource, scope) = (&*span.resource, &*span.scope);
        let (first, second) = *places.entry((resource, scope)).or_insert_with(|| {
            let first = *resources.entry(resource).or_insert_with(|| {
                groups.push(ResourceGroup { resource, scopes: Vec::new() });
                groups.len() - 1
            });
            let second = groups.get_mut(first).map_or(0, |group| {
                group.scopes.push(ScopeGroup { scope, spans: Vec::new() });
                group.scopes.len() - 1
            });
            (first, second)
        });
        let scopes = groups.get_mut(first).map(|group| &mut group.scopes);
        if let Some(group) = scopes.and_then(|scopes| scopes.get_mut(second)) {
            group.spans.push(span);
        }
    }
    groups
}
