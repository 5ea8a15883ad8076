//! What a request got wrong. Invariant: every message names the place and what would be right, and
//! none grows with the request's text beyond a bound.

use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};

use crate::codec::wire::WireError;
use crate::model::Refusal;

/// A request that cannot be read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OtlpError(pub(super) String);

/// A span, or another part of a request, that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Rejection {
    /// Where in the request: `resourceSpans[0].scopeSpans[1].spans[5]`.
    pub path: String,
    /// The span's id as sent, as far as it could be read; hex digits.
    pub span_id: String,
    /// The field at fault: `traceId`, `attributes[3].value`.
    pub field: String,
    /// What is wrong with it and what would be right.
    pub reason: String,
}

/// One line for people.
impl Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, span_id, field, reason } = self;
        match (path.is_empty(), span_id.is_empty()) {
            (true, _) => write!(f, "span {span_id}")?,
            (false, true) => f.write_str(path)?,
            (false, false) => write!(f, "{path} (span {span_id})")?,
        }
        if !field.is_empty() {
            write!(f, ", {field}")?;
        }
        write!(f, ": {reason}")
    }
}

impl std::error::Error for Rejection {}

/// A fault within a part of a request, on its way out to where the part's path is known. Boxed,
/// since the way without faults should not pay for them.
#[derive(Debug, Clone)]
pub(super) struct Fault(Box<Refusal>);

pub(super) type Checked<T> = Result<T, Fault>;

impl Fault {
    pub(super) fn new(field: &str, reason: impl Display) -> Self {
        Self(Box::new(Refusal { field: field.to_owned(), reason: reason.to_string() }))
    }

    /// The same fault, seen from the message that holds the faulty one as `name`.
    #[must_use]
    pub(super) fn within(mut self, name: impl Display) -> Self {
        self.0.field = match self.0.field.as_str() {
            "" => name.to_string(),
            field if field.starts_with('[') => format!("{name}{field}"),
            field => format!("{name}.{field}"),
        };
        self
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&*self.0, f)
    }
}

impl From<WireError> for Fault {
    #[cold]
    fn from(error: WireError) -> Self {
        Fault::new("", error)
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self(Box::new(refusal))
    }
}

/// Names the field in which a fault was found.
pub(super) trait Within<T> {
    /// As the field `name`.
    fn within(self, name: &str) -> Checked<T>;

    /// As number `position` of the repeated field `name`.
    fn within_list(self, name: &str, position: usize) -> Checked<T>;
}

impl<T, E: Into<Fault>> Within<T> for Result<T, E> {
    #[inline]
    fn within(self, name: &str) -> Checked<T> {
        self.map_err(|error| error.into().within(name))
    }

    #[inline]
    fn within_list(self, name: &str, position: usize) -> Checked<T> {
        self.map_err(|error| error.into().within(format_args!("{name}[{position}]")))
    }
}

/// Where the reader is in a request: positions in its three lists.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    pub(super) resource: usize,
    pub(super) scope: usize,
    pub(super) span: usize,
}

impl Place {
    /// The path of the resource's part.
    pub(super) fn resource_path(self) -> String {
        format!("resourceSpans[{}]", self.resource)
    }

    /// The path of the scope's part.
    pub(super) fn scope_path(self) -> String {
        format!("resourceSpans[{}].scopeSpans[{}]", self.resource, self.scope)
    }

    /// The path of the span.
    pub(super) fn span_path(self) -> String {
        let Self { resource, scope, span } = self;
        format!("resourceSpans[{resource}].scopeSpans[{scope}].spans[{span}]")
    }
}

impl Rejection {
    fn new(path: String, span_id: String, fault: Fault) -> Self {
        let Refusal { field, reason } = *fault.0;
        Self { path, span_id, field, reason }
    }
}

/// Most rejections of one request that are told apart. A span can be two bytes long and its
/// rejection hundreds: this keeps a hostile request from taking memory far beyond its own.
pub(super) const REJECTIONS_MAX: usize = 10_000;

/// The rejections of one request.
#[derive(Debug, Default)]
pub(super) struct Rejections {
    list: Vec<Rejection>,
    more: usize,
}

impl Rejections {
    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.list.len() + self.more
    }

    /// Adds the rejection of a part of the request.
    #[cold]
    pub(super) fn part(&mut self, path: String, fault: Fault) {
        self.push(|| Rejection::new(path, String::new(), fault));
    }

    /// Adds the rejection of a span.
    #[cold]
    pub(super) fn span(&mut self, place: Place, id: impl FnOnce() -> String, fault: Fault) {
        self.push(|| Rejection::new(place.span_path(), id(), fault));
    }

    fn push(&mut self, rejection: impl FnOnce() -> Rejection) {
        if self.list.len() < REJECTIONS_MAX {
            self.list.push(rejection());
        } else {
            self.more += 1;
        }
    }

    /// All of them, the last one standing for those beyond the most.
    pub(super) fn finish(mut self) -> Vec<Rejection> {
        if self.more > 0 {
            let reason = format_args!("{} more were left out", self.more);
            let fault = Fault::new("", reason);
            self.list.push(Rejection::new("resourceSpans".to_owned(), String::new(), fault));
        }
        self.list
    }
}
