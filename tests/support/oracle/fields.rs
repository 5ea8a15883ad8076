//! What a field of a span is. Invariant: a missing field is `Val::Nil`, and the first of several
//! attributes of one key counts.

use super::unknown;
use std::collections::BTreeSet;

use treering::model::{Attribute, Event, Link, Span};
use treering::query::syntax::{AttributeScope, Field, FieldKind, Intrinsic};

use super::tree::{Head, Tree};
use super::values::Val;

/// What a field has one value for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Per {
    /// Each span.
    Span,
    /// Each event.
    Event,
    /// Each link.
    Link,
}

/// What the field has one value for.
pub(crate) fn per(field: &Field) -> Per {
    if field.parent {
        return Per::Span;
    }
    match &field.kind {
        FieldKind::Attribute(AttributeScope::Event, _)
        | FieldKind::Intrinsic(Intrinsic::EventName | Intrinsic::EventTimeSinceStart) => Per::Event,
        FieldKind::Attribute(AttributeScope::Link, _)
        | FieldKind::Intrinsic(Intrinsic::LinkTraceId | Intrinsic::LinkSpanId) => Per::Link,
        _ => Per::Span,
    }
}

/// The field's value on the span at `at`; of events and links, the first that has it.
pub(crate) fn on_span(tree: &Tree, at: usize, field: &Field) -> Val {
    let at = match (field.parent, tree.parents[at]) {
        (false, _) => at,
        (true, Some(parent)) => parent,
        (true, None) => return Val::Nil,
    };
    let span = &tree.spans[at];
    let first = |values: Vec<Val>| values.into_iter().find(Val::is_present).unwrap_or(Val::Nil);
    match per(&Field { parent: false, kind: field.kind.clone() }) {
        Per::Event => first(span.events.iter().map(|e| on_event(span, e, &field.kind)).collect()),
        Per::Link => first(span.links.iter().map(|l| on_link(l, &field.kind)).collect()),
        Per::Span => match &field.kind {
            FieldKind::Attribute(scope, key) => attribute(span, *scope, key),
            FieldKind::Intrinsic(intrinsic) => match of_span(span, *intrinsic) {
                Val::Nil => of_trace(tree, at, *intrinsic),
                value => value,
            },
            other => unknown(other),
        },
    }
}

/// An event field's value on one event.
pub(crate) fn on_event(span: &Span, event: &Event, field: &FieldKind) -> Val {
    match field {
        FieldKind::Attribute(_, key) => find(&event.attributes, key),
        FieldKind::Intrinsic(Intrinsic::EventName) => Val::Str(event.name.clone()),
        FieldKind::Intrinsic(_) => {
            let (time, start) = (event.time.unix_nanos(), span.start.unix_nanos());
            duration(i128::from(time) - i128::from(start))
        }
        other => unknown(other),
    }
}

/// A link field's value on one link.
pub(crate) fn on_link(link: &Link, field: &FieldKind) -> Val {
    match field {
        FieldKind::Attribute(_, key) => find(&link.attributes, key),
        FieldKind::Intrinsic(Intrinsic::LinkTraceId) => Val::Id(link.trace_id.to_string()),
        FieldKind::Intrinsic(_) => Val::Id(link.span_id.to_string()),
        other => unknown(other),
    }
}

fn find(attributes: &[Attribute], key: &str) -> Val {
    let first = attributes.iter().find(|attribute| attribute.key == key);
    first.map_or(Val::Nil, |attribute| Val::from(&attribute.value))
}

fn attribute(span: &Span, scope: AttributeScope, key: &str) -> Val {
    match scope {
        AttributeScope::Span => find(&span.attributes, key),
        AttributeScope::Resource => match find(&span.resource.attributes, key) {
            Val::Nil if key == "service.name" => Val::Str(String::new()),
            value => value,
        },
        AttributeScope::Instrumentation => find(&span.scope.attributes, key),
        AttributeScope::Any => match find(&span.attributes, key) {
            Val::Nil => attribute(span, AttributeScope::Resource, key),
            value => value,
        },
        AttributeScope::Event | AttributeScope::Link => Val::Nil,
        other => unknown(other),
    }
}

/// The service of a span: `resource.service.name` where that is text.
pub(crate) fn service(span: &Span) -> String {
    match attribute(span, AttributeScope::Resource, "service.name") {
        Val::Str(name) => name,
        _ => String::new(),
    }
}

/// A duration; beyond 64 bits the longest there is.
fn duration(nanos: i128) -> Val {
    Val::Duration(nanos.clamp(i64::MIN.into(), i64::MAX.into()))
}

/// What the span itself says.
fn of_span(span: &Span, intrinsic: Intrinsic) -> Val {
    match intrinsic {
        Intrinsic::Duration => duration(span.end.nanos_since(span.start).into()),
        Intrinsic::Name => Val::Str(span.name.clone()),
        Intrinsic::Status => Val::Status(span.status.code.0),
        Intrinsic::StatusMessage => Val::Str(span.status.message.clone()),
        Intrinsic::Kind => Val::Kind(span.kind.0),
        Intrinsic::SpanId => Val::Id(span.span_id.to_string()),
        Intrinsic::ParentId => {
            let id = span.parent_span_id.filter(|id| !id.is_zero());
            Val::Id(id.map(|id| id.to_string()).unwrap_or_default())
        }
        Intrinsic::TraceId => Val::Id(span.trace_id.to_string()),
        Intrinsic::InstrumentationName => Val::Str(span.scope.name.clone()),
        Intrinsic::InstrumentationVersion => Val::Str(span.scope.version.clone()),
        Intrinsic::StartTime => Val::Time(span.start.unix_nanos()),
        Intrinsic::EndTime => Val::Time(span.end.unix_nanos()),
        _ => Val::Nil,
    }
}

/// What the span's place in its trace, or the trace, says.
fn of_trace(tree: &Tree, at: usize, intrinsic: Intrinsic) -> Val {
    let root = &tree.spans[tree.root()];
    let count = |count: usize| Val::Int(i64::try_from(count).unwrap_or(i64::MAX));
    match intrinsic {
        Intrinsic::ChildCount => count(tree.children(at).len()),
        Intrinsic::TraceDuration => duration(tree.duration().into()),
        Intrinsic::RootName => Val::Str(root.name.clone()),
        Intrinsic::RootService => Val::Str(service(root)),
        Intrinsic::NestedSetLeft => Val::Int(tree.walk[at].0),
        Intrinsic::NestedSetRight => Val::Int(tree.walk[at].1),
        Intrinsic::NestedSetParent => Val::Int(match (tree.parents[at], tree.heads[at]) {
            (Some(parent), _) => tree.walk[parent].0,
            (None, Some(Head::Root)) => -1,
            (None, _) => 0,
        }),
        Intrinsic::SelfDuration => duration(self_duration(tree, at)),
        Intrinsic::Depth => count(tree.ancestors(at).len()),
        Intrinsic::TraceSpanCount => count(tree.spans.len()),
        Intrinsic::TraceServiceCount => {
            let services = tree.spans.iter().map(service);
            count(services.collect::<BTreeSet<_>>().len())
        }
        Intrinsic::TraceErrorCount => count(tree.errors()),
        Intrinsic::TraceStartTime => Val::Time(tree.start()),
        _ => Val::Nil,
    }
}

/// The span's duration without the parts that a child covers: between two neighbouring starts or
/// ends, either a child covers all or none does.
fn self_duration(tree: &Tree, at: usize) -> i128 {
    let interval = |at: usize| {
        let span = &tree.spans[at];
        (span.start.unix_nanos(), span.end.unix_nanos())
    };
    let (start, end) = interval(at);
    let children: Vec<_> = tree.children(at).into_iter().map(interval).collect();
    let mut cuts: BTreeSet<u64> = children.iter().flat_map(|(start, end)| [*start, *end]).collect();
    cuts.extend([start, end]);
    let cuts: Vec<u64> = cuts.into_iter().filter(|cut| (start..=end).contains(cut)).collect();
    let alone = cuts
        .windows(2)
        .filter(|part| !children.iter().any(|(start, end)| *start <= part[0] && part[1] <= *end));
    alone.map(|part| i128::from(part[1] - part[0])).sum()
}
