//! A query made ready to run: its plan, and the fields that are returned with each span.

use crate::query::plan::{Plan, plan};
use crate::query::syntax::{Field, FieldKind, Query, TextRange};
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
    let plan = plan(pipeline, checked.patterns())?;
    Ok(Prepared {
        fields: plan.fields.iter().map(|field| (name(field), field.clone())).collect(),
        plan,
        warnings: checked.warnings().to_vec(),
        canonical: checked.to_string(),
    })
}

/// The name a field is returned under: an attribute's without scope, an intrinsic's short one.
fn name(field: &Field) -> String {
    let own = match &field.kind {
        FieldKind::Attribute(_, key) => key.as_str(),
        FieldKind::Intrinsic(intrinsic) => intrinsic.short_name(),
    };
    if field.parent { format!("parent.{own}") } else { own.to_owned() }
}
