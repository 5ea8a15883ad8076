//! Which attributes and intrinsics spans have, and which values. Invariant: counts are of stored
//! spans (events, links) that no mask hides, whichever blocks they lie in.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::brake::Brake;
use super::options::{CancelToken, SearchOptions};
use super::prepare::Prepared;
use super::tag_counts::Selection;
use super::tag_tally::{Names, Tally, type_of};
use super::times::outside;
use super::view::BlockView;
use crate::block::BlockError;
use crate::query::FieldValue;
use crate::query::syntax::{Field, ValueType};
use crate::time::Timestamp;

/// Where a tag is found. `Display` writes, and `FromStr` reads, [`TagScope::name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TagScope {
    /// Attributes of spans: `span.x`.
    Span,
    /// Attributes of resources: `resource.x`.
    Resource,
    /// Attributes of events: `event.x`.
    Event,
    /// Attributes of links: `link.x`.
    Link,
    /// Attributes of instrumentation scopes: `instrumentation.x`.
    Instrumentation,
    /// What every span (event, link) has: `name`, `event:name`.
    Intrinsic,
}

impl TagScope {
    /// Every scope.
    pub const ALL: [Self; 6] = [
        Self::Span,
        Self::Resource,
        Self::Event,
        Self::Link,
        Self::Instrumentation,
        Self::Intrinsic,
    ];

    /// The scope's word in the language; `intrinsic` for intrinsics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Span => "span",
            Self::Resource => "resource",
            Self::Event => "event",
            Self::Link => "link",
            Self::Instrumentation => "instrumentation",
            Self::Intrinsic => "intrinsic",
        }
    }
}

impl fmt::Display for TagScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text that is no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no scope: span, resource, event, link, instrumentation or intrinsic expected")]
pub struct ParseTagScopeError(String);

impl FromStr for TagScope {
    type Err = ParseTagScopeError;

    fn from_str(text: &str) -> Result<Self, ParseTagScopeError> {
        let found = Self::ALL.into_iter().find(|scope| scope.name() == text);
        found.ok_or_else(|| ParseTagScopeError(text.chars().take(80).collect()))
    }
}

/// What to look at for tags, how much to give back, and how far to go.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TagOptions {
    /// Only traces that end at or after this time. Default none.
    pub start: Option<Timestamp>,
    /// Only traces that start at or before this time. Default none.
    pub end: Option<Timestamp>,
    /// Most values, or most names of each scope; `None` for all. Default 1,000.
    pub limit: Option<usize>,
    /// When to stop, whatever has been counted. It is looked at between blocks, between columns of
    /// names, between 65,536 computed values, and where a query does. What was counted until then is
    /// given back, marked partial. Default none.
    pub deadline: Option<Instant>,
    /// Stops it as the deadline does. Default none.
    pub cancel: Option<CancelToken>,
}

impl Default for TagOptions {
    fn default() -> Self {
        Self { start: None, end: None, limit: Some(1000), deadline: None, cancel: None }
    }
}

/// Names of tags by scope.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TagNames {
    /// The scopes that have any, in the order of [`TagScope::ALL`].
    pub scopes: Vec<ScopeTags>,
    /// True where a scope has more names than the limit.
    pub truncated: bool,
    /// True if it was stopped before it had seen everything: there may be more names, and greater
    /// counts.
    #[serde(default)]
    pub partial: bool,
}

/// The names of one scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ScopeTags {
    /// The scope.
    pub scope: TagScope,
    /// Its names, the most frequent first, then by name.
    pub tags: Vec<TagName>,
}

/// A name of a tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TagName {
    /// The attribute's key, or the intrinsic's short name.
    pub name: String,
    /// The types of its values, those of elements for arrays; none where `TraceQL` has no type for
    /// them.
    pub types: Vec<ValueType>,
    /// How many spans have it, whatever the type; events or links for what these have.
    pub count: u64,
}

/// Values of a field.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TagValues {
    /// The values, the most frequent first, then by type and value.
    pub values: Vec<TagValue>,
    /// True where there are more values than the limit.
    pub truncated: bool,
    /// True if it was stopped before it had seen everything: there may be more values, and greater
    /// counts.
    #[serde(default)]
    pub partial: bool,
}

/// A value of a field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TagValue {
    /// The value; never an array, and never nil.
    pub value: FieldValue,
    /// Its type.
    pub value_type: ValueType,
    /// How many spans have it, arrays with it included; events or links for what these have.
    pub count: u64,
}

/// The names of tags, of one scope or of all.
pub(crate) fn tag_names(
    views: &[Arc<BlockView>],
    scope: Option<TagScope>,
    query: Option<&Prepared>,
    options: &TagOptions,
) -> Result<TagNames, BlockError> {
    let wanted: Vec<TagScope> =
        TagScope::ALL.into_iter().filter(|one| scope.is_none_or(|scope| scope == *one)).collect();
    let mut found: BTreeMap<TagScope, Names> = BTreeMap::new();
    let partial = for_each_block(views, query, options, |selection| {
        for scope in &wanted {
            selection.names(*scope, found.entry(*scope).or_default())?;
        }
        Ok(())
    })?;
    let mut names = TagNames { partial, ..TagNames::default() };
    for (scope, found) in found {
        let mut tags: Vec<TagName> = found.into_tags();
        tags.sort_by(|a, b| (Reverse(a.count), &a.name).cmp(&(Reverse(b.count), &b.name)));
        names.truncated |= cut(&mut tags, options);
        if !tags.is_empty() {
            names.scopes.push(ScopeTags { scope, tags });
        }
    }
    Ok(names)
}

/// The values of a field.
pub(crate) fn tag_values(
    views: &[Arc<BlockView>],
    field: &Field,
    query: Option<&Prepared>,
    options: &TagOptions,
) -> Result<TagValues, BlockError> {
    let mut tally = Tally::default();
    let partial =
        for_each_block(views, query, options, |selection| selection.values(field, &mut tally))?;
    let mut counted = tally.into_counts();
    let truncated = keep_frequent(&mut counted, options);
    // The sort is stable, and they come by type and value.
    counted.sort_by_key(|(_, count)| Reverse(*count));
    let value = |(value, count): &(_, u64)| {
        Some(TagValue { value_type: type_of(value)?, value: value.to_field_value(), count: *count })
    };
    Ok(TagValues { values: counted.iter().filter_map(value).collect(), truncated, partial })
}

/// Calls `visit` with what counts of each block that has something. True if it was stopped.
fn for_each_block(
    views: &[Arc<BlockView>],
    query: Option<&Prepared>,
    options: &TagOptions,
    mut visit: impl FnMut(&Selection<'_>) -> Result<(), BlockError>,
) -> Result<bool, BlockError> {
    let bounds = SearchOptions {
        start: options.start,
        end: options.end,
        deadline: options.deadline,
        cancel: options.cancel.clone(),
        ..SearchOptions::default()
    };
    for view in views.iter().filter(|view| !outside(view, &bounds)) {
        if Brake::new(&bounds).stops() {
            return Ok(true);
        }
        let selection = Selection::new(view, query, &bounds)?;
        if !selection.is_empty() {
            visit(&selection)?;
        }
        if selection.is_stopped() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Keeps the values that come first by their counts, as many as wanted, in the order they have. True
/// where there were more.
fn keep_frequent<T>(counted: &mut Vec<(T, u64)>, options: &TagOptions) -> bool {
    let Some(limit) = options.limit.filter(|limit| *limit < counted.len()) else { return false };
    let mut counts: Vec<u64> = counted.iter().map(|(_, count)| *count).collect();
    let (more, least, _) = counts.select_nth_unstable_by_key(limit, |count| Reverse(*count));
    // Of those that are as frequent as the first left out, the first stay.
    let least = *least;
    let mut equal = more.iter().filter(|count| **count == least).count();
    counted.retain(|(_, count)| {
        let stays = *count > least || (*count == least && equal > 0);
        equal -= usize::from(stays && *count == least);
        stays
    });
    true
}

fn cut<T>(list: &mut Vec<T>, options: &TagOptions) -> bool {
    let limit = options.limit.unwrap_or(usize::MAX);
    let is_longer = list.len() > limit;
    list.truncate(limit);
    is_longer
}
