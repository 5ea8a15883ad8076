//! The abstract syntax of `TraceQL`. Invariant: operators of one precedence level are kept as a flat
//! chain, evaluated left to right, so a tree is only as deep as parentheses, unary operators, `^`
//! and nested pipelines make it.

#![expect(clippy::exhaustive_structs, reason = "a tree may be put together by others and printed")]

use super::TextRange;

/// A whole query.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Query {
    /// A search: spansets in, spansets out.
    Search(Pipeline, Vec<Hint>),
    /// A metrics query.
    Metrics(super::metrics::MetricsExpr, Vec<Hint>),
}

/// `key = literal` within `with (...)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Hint {
    /// The hint's name.
    pub key: String,
    /// Its value.
    pub value: Literal,
}

/// `stage | stage | ...`; at least one stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    /// The stages, first to last.
    pub stages: Vec<Stage>,
}

/// One step of a pipeline.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Stage {
    /// A spanset expression, applied to each incoming spanset.
    Spanset(SpansetExpr),
    /// `scalar cmp scalar`: keeps the spansets for which it holds.
    Filter(ScalarFilter),
    /// `by(expr)`.
    By(FieldExpr),
    /// `coalesce()`.
    Coalesce,
    /// `select(field, ...)`.
    Select(Vec<Field>),
}

/// A spanset expression.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SpansetExpr {
    /// `{ expr }`; `{ }` is `{ true }`.
    Filter(FieldExpr),
    /// A pipeline in parentheses. Never a lone spanset expression: parentheses around that leave no
    /// node, nor do parentheses around a whole query.
    Pipeline(Box<Pipeline>),
    /// `first op next op next ...`, of one precedence level: either all structural, or all set operators.
    Chain {
        /// The leftmost operand.
        first: Box<SpansetExpr>,
        /// The others, each with the operator before it; at least one.
        rest: Vec<(SpansetOp, SpansetExpr)>,
    },
}

/// An operator between spansets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SpansetOp {
    /// `&&`: the union where both sides are non-empty.
    And,
    /// `||`: the union.
    Or,
    /// `unless`: the left side where the right is empty.
    Unless,
    /// One of the fifteen structural operators.
    Structural(Relation, Form),
}

/// What the right side's spans must be to the left side's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Relation {
    /// `>`: the right span's parent is on the left.
    Child,
    /// `>>`: an ancestor of the right span is on the left.
    Descendant,
    /// `<`: a child of the right span is on the left.
    Parent,
    /// `<<`: a descendant of the right span is on the left.
    Ancestor,
    /// `~`: a sibling of the right span is on the left.
    Sibling,
}

/// The form of a structural operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Form {
    /// Right-side spans for which the relation holds.
    Plain,
    /// `!`: right-side spans for which it does not hold.
    Not,
    /// `&`: the spans of both sides that take part in a pair.
    Union,
}

/// An expression over one span.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldExpr {
    /// What it is.
    pub kind: FieldExprKind,
    /// Where it stands in the query text.
    pub range: TextRange,
}

/// The kinds of [`FieldExpr`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum FieldExprKind {
    /// A constant.
    Literal(Literal),
    /// A field of the span.
    Field(Field),
    /// `-e` or `!e`.
    Unary(UnaryOp, Box<FieldExpr>),
    /// `first op next op next ...`, operators of one precedence level, left-associative.
    /// (`^`, which is right-associative, is always a chain of two.)
    Chain {
        /// The leftmost operand.
        first: Box<FieldExpr>,
        /// The others, each with the operator before it; at least one.
        rest: Vec<(BinaryOp, FieldExpr)>,
    },
}

/// A prefix operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UnaryOp {
    /// `-`
    Minus,
    /// `!`
    Not,
}

/// An operator between field expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BinaryOp {
    /// `&&`
    And,
    /// `||` (the same level as `&&`)
    Or,
    /// A comparison.
    Compare(CompareOp),
    /// Arithmetic: three levels, `+ -`, then `* / %`, then `^`.
    Arithmetic(ArithmeticOp),
}

/// A comparison operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CompareOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `=~`
    Match,
    /// `!~`
    NotMatch,
}

/// An arithmetic operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ArithmeticOp {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Modulo,
    /// `^`
    Power,
}

/// A constant.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Literal {
    /// Text.
    String(String),
    /// An integer; `minInt` and `maxInt` are these too.
    Int(i64),
    /// A float; never NaN or infinite.
    Float(f64),
    /// `true` or `false`.
    Bool(bool),
    /// `nil`.
    Nil,
    /// A duration in nanoseconds.
    Duration(i64),
    /// A span status.
    Status(StatusLiteral),
    /// A span kind.
    Kind(KindLiteral),
}

/// `unset`, `ok`, `error`: the numbers are OTLP's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the words of the language")]
#[non_exhaustive]
pub enum StatusLiteral {
    Unset = 0,
    Ok = 1,
    Error = 2,
}

/// `unspecified` to `consumer`: the numbers are OTLP's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the words of the language")]
#[non_exhaustive]
pub enum KindLiteral {
    Unspecified = 0,
    Internal = 1,
    Server = 2,
    Client = 3,
    Producer = 4,
    Consumer = 5,
}

/// A field of a span, or of its parent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Field {
    /// `parent.`: the field of the span's parent.
    pub parent: bool,
    /// Which field.
    pub kind: FieldKind,
}

/// The kinds of [`Field`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FieldKind {
    /// An attribute.
    Attribute(AttributeScope, String),
    /// A field every span has.
    Intrinsic(Intrinsic),
}

/// Where an attribute is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum AttributeScope {
    /// `.x`: the span's, or where it has none the resource's.
    Any,
    /// `span.x`
    Span,
    /// `resource.x`
    Resource,
    /// `event.x`
    Event,
    /// `link.x`
    Link,
    /// `instrumentation.x`
    Instrumentation,
}

/// A field that is not an attribute; the comment is its canonical name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Intrinsic {
    /// `span:duration`
    Duration,
    /// `span:name`
    Name,
    /// `span:status`
    Status,
    /// `span:statusMessage`
    StatusMessage,
    /// `span:kind`
    Kind,
    /// `span:id`
    SpanId,
    /// `span:parentID`
    ParentId,
    /// `span:childCount`
    ChildCount,
    /// `trace:id`
    TraceId,
    /// `trace:duration`
    TraceDuration,
    /// `trace:rootName`
    RootName,
    /// `trace:rootService`
    RootService,
    /// `event:name`
    EventName,
    /// `event:timeSinceStart`
    EventTimeSinceStart,
    /// `link:traceID`
    LinkTraceId,
    /// `link:spanID`
    LinkSpanId,
    /// `instrumentation:name`
    InstrumentationName,
    /// `instrumentation:version`
    InstrumentationVersion,
    /// `nestedSetLeft`
    NestedSetLeft,
    /// `nestedSetRight`
    NestedSetRight,
    /// `nestedSetParent`
    NestedSetParent,
    /// `span:selfDuration` (an extension)
    SelfDuration,
    /// `span:depth` (an extension)
    Depth,
    /// `trace:spanCount` (an extension)
    TraceSpanCount,
    /// `trace:serviceCount` (an extension)
    TraceServiceCount,
    /// `trace:errorCount` (an extension)
    TraceErrorCount,
    /// `span:startTime` (an extension)
    StartTime,
    /// `span:endTime` (an extension)
    EndTime,
    /// `trace:startTime` (an extension)
    TraceStartTime,
}

/// A comparison between scalars.
#[derive(Debug, Clone, PartialEq)]
pub struct ScalarFilter {
    /// The left side.
    pub left: ScalarExpr,
    /// The operator; never a regex one.
    pub op: CompareOp,
    /// The right side.
    pub right: ScalarExpr,
}

/// A number computed from one spanset.
#[derive(Debug, Clone, PartialEq)]
pub struct ScalarExpr {
    /// What it is.
    pub kind: ScalarExprKind,
    /// Where it stands in the query text.
    pub range: TextRange,
}

/// The kinds of [`ScalarExpr`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ScalarExprKind {
    /// A constant: an int, a float or a duration.
    Literal(Literal),
    /// `-e`.
    Negate(Box<ScalarExpr>),
    /// `count()`.
    Count,
    /// `avg(e)` and the like.
    Aggregate(AggregateOp, FieldExpr),
    /// `(pipeline | aggregate)`: evaluated on the incoming spanset by itself.
    Pipeline(Box<Pipeline>, Box<ScalarExpr>),
    /// `first op next op next ...`, operators of one precedence level, left-associative.
    Chain {
        /// The leftmost operand.
        first: Box<ScalarExpr>,
        /// The others, each with the operator before it; at least one.
        rest: Vec<(ArithmeticOp, ScalarExpr)>,
    },
}

/// An aggregate over the spans of a spanset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the words of the language")]
#[non_exhaustive]
pub enum AggregateOp {
    Avg,
    Max,
    Min,
    Sum,
}
