//! A query made ready to run: its plan, and the fields that are returned with each span.

use crate::query::plan::{Plan, named_fields, plan};
use crate::query::syntax::{Field, FieldKind, Intrinsic, Query, TextRange};
use crate::query::{CheckedQuery, QueryError, QueryErrorKind, check_search};

/// A search, ready to run on any store.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    pub(crate) plan: Plan,
    /// The fields that the query names, by the name under which they are returned.
    pub(crate) fields: Vec<(String, Field)>,
    pub(crate) warnings: Vec<String>,
    /// The query in canonical form.
    pub(crate) canonical: String,
}

/// Plans a checked query.
///
/// # Errors
/// If it is no search, or asks for what a search cannot do yet.
pub(crate) fn prepare(checked: &CheckedQuery) -> Result<Prepared, QueryError> {
    check_search(checked)?;
    let Query::Search(pipeline, _) = checked.query() else {
        let message = "this is a metrics query; a search takes none";
        return Err(QueryError::new(QueryErrorKind::Unsupported, TextRange::default(), message));
    };
    Ok(Prepared {
        plan: plan(pipeline)?,
        fields: named_fields(pipeline).into_iter().map(|field| (name(&field), field)).collect(),
        warnings: checked.warnings().to_vec(),
        canonical: checked.to_string(),
    })
}

/// The name a field is returned under: an attribute's without scope, an intrinsic's short one.
fn name(field: &Field) -> String {
    let own = match &field.kind {
        FieldKind::Attribute(_, key) => key.as_str(),
        FieldKind::Intrinsic(intrinsic) => short_name(*intrinsic),
    };
    if field.parent { format!("parent.{own}") } else { own.to_owned() }
}

fn short_name(intrinsic: Intrinsic) -> &'static str {
    match intrinsic {
        Intrinsic::Duration => "duration",
        Intrinsic::Name => "name",
        Intrinsic::Status => "status",
        Intrinsic::StatusMessage => "statusMessage",
        Intrinsic::Kind => "kind",
        Intrinsic::SpanId => "span:id",
        Intrinsic::ParentId => "span:parentID",
        Intrinsic::ChildCount => "span:childCount",
        Intrinsic::TraceId => "trace:id",
        Intrinsic::TraceDuration => "traceDuration",
        Intrinsic::RootName => "rootName",
        Intrinsic::RootService => "rootServiceName",
        Intrinsic::EventName => "event:name",
        Intrinsic::EventTimeSinceStart => "event:timeSinceStart",
        Intrinsic::LinkTraceId => "link:traceID",
        Intrinsic::LinkSpanId => "link:spanID",
        Intrinsic::InstrumentationName => "instrumentation:name",
        Intrinsic::InstrumentationVersion => "instrumentation:version",
        Intrinsic::NestedSetLeft => "nestedSetLeft",
        Intrinsic::NestedSetRight => "nestedSetRight",
        Intrinsic::NestedSetParent => "nestedSetParent",
        Intrinsic::SelfDuration => "span:selfDuration",
        Intrinsic::Depth => "span:depth",
        Intrinsic::TraceSpanCount => "trace:spanCount",
        Intrinsic::TraceServiceCount => "trace:serviceCount",
        Intrinsic::TraceErrorCount => "trace:errorCount",
        Intrinsic::StartTime => "span:startTime",
        Intrinsic::EndTime => "span:endTime",
        Intrinsic::TraceStartTime => "trace:startTime",
    }
}
