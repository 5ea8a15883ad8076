//! Random queries. Two kinds: [`any_query`] has every form of the language and says nothing of types,
//! for the printer; [`search`] has only queries that pass the checker, over a given vocabulary, for
//! comparing what engines find. Invariant: a tree from here is one that the parser can give.

use proptest::prelude::*;
use proptest::sample::select;
use treering::query::syntax::*;

/// What random searches speak of.
#[derive(Debug, Clone)]
pub struct Vocabulary {
    /// Attributes.
    pub attributes: Vec<(AttributeScope, String)>,
    /// What attributes are compared with: any literals but `nil`.
    pub values: Vec<Literal>,
    /// What string intrinsics are compared with.
    pub texts: Vec<String>,
    /// Patterns of `=~`.
    pub patterns: Vec<String>,
    /// Intrinsics; of times and ids only equality is asked.
    pub intrinsics: Vec<Intrinsic>,
    /// Lengths of time, in nanoseconds.
    pub durations: Vec<i64>,
    /// Whether `parent.` fields appear.
    pub parents: bool,
    /// Whether queries have several stages, scalar filters and pipelines within.
    pub pipelines: bool,
}

impl Default for Vocabulary {
    fn default() -> Self {
        let texts = ["", "a", "b", "GET /", "caf\u{e9}"];
        Self {
            attributes: vec![
                (AttributeScope::Any, "a".into()),
                (AttributeScope::Any, "b".into()),
                (AttributeScope::Span, "a".into()),
                (AttributeScope::Resource, "service.name".into()),
                (AttributeScope::Event, "e".into()),
            ],
            values: vec![
                Literal::Int(0),
                Literal::Int(1),
                Literal::Float(1.5),
                Literal::Bool(true),
                Literal::String("a".into()),
                Literal::String("b".into()),
            ],
            texts: texts.map(Into::into).to_vec(),
            patterns: vec!["a|b".into(), ".*a.*".into(), String::new()],
            intrinsics: Intrinsic::all().collect(),
            durations: vec![0, 1, 1_000, 50_000_000],
            parents: true,
            pipelines: true,
        }
    }
}

/// Searches over `vocabulary` that pass the checker.
pub fn search(vocabulary: &Vocabulary) -> BoxedStrategy<Query> {
    let first = spanset(vocabulary, 2);
    if !vocabulary.pipelines {
        return first.prop_map(|expr| search_of(vec![Stage::Spanset(expr)])).boxed();
    }
    let later = prop::collection::vec(stage(vocabulary), 0..3);
    (first, later)
        .prop_map(|(first, later)| {
            let mut stages = vec![Stage::Spanset(first)];
            stages.extend(later);
            search_of(stages)
        })
        .boxed()
}

fn search_of(stages: Vec<Stage>) -> Query {
    Query::Search(normal(Pipeline { stages }), Vec::new())
}

/// A pipeline in parentheses that is alone is the pipeline.
fn normal(mut pipeline: Pipeline) -> Pipeline {
    loop {
        match pipeline.stages.as_slice() {
            [Stage::Spanset(SpansetExpr::Pipeline(inner))] => pipeline = (**inner).clone(),
            _ => return pipeline,
        }
    }
}

/// A pipeline as an operand: a lone spanset expression needs no node.
fn operand(pipeline: Pipeline) -> SpansetExpr {
    let pipeline = normal(pipeline);
    match pipeline.stages.as_slice() {
        [Stage::Spanset(expr)] => expr.clone(),
        _ => SpansetExpr::Pipeline(Box::new(pipeline)),
    }
}

/// Spanset expressions over `vocabulary`, chains nested up to `depth`.
pub fn spanset(vocabulary: &Vocabulary, depth: u32) -> BoxedStrategy<SpansetExpr> {
    let filter = condition(vocabulary, 2).prop_map(SpansetExpr::Filter);
    if depth == 0 {
        return filter.boxed();
    }
    let inner = spanset(vocabulary, depth - 1);
    let chain =
        (inner.clone(), prop_oneof![relations(inner.clone()), set_operators(inner.clone())])
            .prop_map(|(first, rest)| SpansetExpr::Chain { first: Box::new(first), rest });
    if !vocabulary.pipelines {
        return prop_oneof![2 => filter, 3 => chain].boxed();
    }
    let piped =
        (inner, prop::collection::vec(stage(vocabulary), 1..3)).prop_map(|(first, later)| {
            let mut stages = vec![Stage::Spanset(first)];
            stages.extend(later);
            operand(Pipeline { stages })
        });
    prop_oneof![4 => filter, 4 => chain, 1 => piped].boxed()
}

type SpansetRest = BoxedStrategy<Vec<(SpansetOp, SpansetExpr)>>;

fn relations(inner: BoxedStrategy<SpansetExpr>) -> SpansetRest {
    use Relation::{Ancestor, Child, Descendant, Parent, Sibling};
    let relation = select(vec![Child, Descendant, Parent, Ancestor, Sibling]);
    let form = select(vec![Form::Plain, Form::Not, Form::Union]);
    let op = (relation, form).prop_map(|(relation, form)| SpansetOp::Structural(relation, form));
    prop::collection::vec((op, inner), 1..3).boxed()
}

fn set_operators(inner: BoxedStrategy<SpansetExpr>) -> SpansetRest {
    let op = select(vec![SpansetOp::And, SpansetOp::Or, SpansetOp::Unless]);
    prop::collection::vec((op, inner), 1..3).boxed()
}

fn stage(vocabulary: &Vocabulary) -> BoxedStrategy<Stage> {
    let field = any_field(vocabulary);
    let compare = select(COMPARE.to_vec());
    let filter =
        (aggregate(vocabulary), compare.clone(), 0..4_i64).prop_map(|(left, op, right)| {
            let right = scalar_of(ScalarExprKind::Literal(Literal::Int(right)));
            Stage::Filter(ScalarFilter { left, op, right })
        });
    let both = (aggregate(vocabulary), compare, aggregate(vocabulary))
        .prop_map(|(left, op, right)| Stage::Filter(ScalarFilter { left, op, right }));
    prop_oneof![
        2 => spanset(&Vocabulary { pipelines: false, ..vocabulary.clone() }, 1).prop_map(Stage::Spanset),
        3 => filter,
        1 => both,
        2 => field.clone().prop_map(|field| Stage::By(expr_of(FieldExprKind::Field(field)))),
        1 => Just(Stage::Coalesce),
        1 => prop::collection::vec(field, 1..3).prop_map(Stage::Select),
    ]
    .boxed()
}

fn aggregate(vocabulary: &Vocabulary) -> BoxedStrategy<ScalarExpr> {
    let op = select(vec![AggregateOp::Avg, AggregateOp::Max, AggregateOp::Min, AggregateOp::Sum]);
    let one = prop_oneof![
        Just(ScalarExprKind::Count),
        (op, number_field(vocabulary)).prop_map(|(op, field)| ScalarExprKind::Aggregate(op, field)),
    ]
    .prop_map(scalar_of);
    let arithmetic = select(vec![ArithmeticOp::Add, ArithmeticOp::Subtract]);
    prop_oneof![
        4 => one.clone(),
        1 => (one.clone(), arithmetic, one).prop_map(|(first, op, next)| scalar_of(
            ScalarExprKind::Chain { first: Box::new(first), rest: vec![(op, next)] }
        )),
    ]
    .boxed()
}

/// Conditions over `vocabulary` that pass the checker.
pub fn condition(vocabulary: &Vocabulary, depth: u32) -> BoxedStrategy<FieldExpr> {
    let simple = comparison(vocabulary);
    if depth == 0 {
        return simple;
    }
    let inner = condition(vocabulary, depth - 1);
    let op = select(vec![BinaryOp::And, BinaryOp::Or]);
    let chain = (inner.clone(), prop::collection::vec((op, inner.clone()), 1..3))
        .prop_map(|(first, rest)| chain_of(first, rest));
    let not = inner.prop_map(|inner| expr_of(FieldExprKind::Unary(UnaryOp::Not, Box::new(inner))));
    let all = Just(expr_of(FieldExprKind::Literal(Literal::Bool(true))));
    prop_oneof![6 => simple, 3 => chain, 1 => not, 1 => all].boxed()
}

fn comparison(vocabulary: &Vocabulary) -> BoxedStrategy<FieldExpr> {
    let attribute = attribute(vocabulary);
    let compare = select(COMPARE.to_vec());
    let equality = select(vec![CompareOp::Equal, CompareOp::NotEqual]);
    let matching = select(vec![CompareOp::Match, CompareOp::NotMatch]);
    let pattern = select(vocabulary.patterns.clone()).prop_map(Literal::String);
    let with_value = (attribute.clone(), compare.clone(), select(vocabulary.values.clone()))
        .prop_map(|(field, op, value)| {
            let unordered =
                matches!(value, Literal::Bool(_) | Literal::Status(_) | Literal::Kind(_));
            let op = if unordered { equality_of(op) } else { op };
            compared(field, op, expr_of(FieldExprKind::Literal(value)))
        });
    let with_nil = (attribute.clone(), equality).prop_map(|(field, op)| {
        let never = matches!(&field.kind, FieldKind::Attribute(AttributeScope::Resource, name) if name == "service.name");
        let op = if never && !field.parent { CompareOp::NotEqual } else { op };
        compared(field, op, expr_of(FieldExprKind::Literal(Literal::Nil)))
    });
    let with_pattern = (attribute.clone(), matching, pattern).prop_map(|(field, op, pattern)| {
        compared(field, op, expr_of(FieldExprKind::Literal(pattern)))
    });
    let with_number = (number(vocabulary, 2), compare.clone(), number(vocabulary, 1))
        .prop_map(|(left, op, right)| chain_of(left, vec![(BinaryOp::Compare(op), right)]));
    let with_attribute = (attribute.clone(), compare, attribute.clone())
        .prop_map(|(left, op, right)| compared(left, op, expr_of(FieldExprKind::Field(right))));
    let alone = attribute.prop_map(|field| expr_of(FieldExprKind::Field(field)));
    prop_oneof![
        6 => with_value,
        1 => with_nil,
        1 => with_pattern,
        2 => with_number,
        1 => with_attribute,
        1 => alone,
        5 => on_intrinsic(vocabulary),
    ]
    .boxed()
}

fn on_intrinsic(vocabulary: &Vocabulary) -> BoxedStrategy<FieldExpr> {
    if vocabulary.intrinsics.is_empty() {
        return Just(expr_of(FieldExprKind::Literal(Literal::Bool(true)))).boxed();
    }
    let parents = vocabulary.parents;
    let texts = select(vocabulary.texts.clone());
    let durations = select(vocabulary.durations.clone());
    (
        select(vocabulary.intrinsics.clone()),
        any::<bool>(),
        select(COMPARE.to_vec()),
        texts,
        durations,
        0..6_usize,
    )
        .prop_map(move |(intrinsic, parent, op, text, duration, index)| {
            let field = Field { parent: parent && parents, kind: FieldKind::Intrinsic(intrinsic) };
            let (op, value) = match intrinsic.value_type() {
                ValueType::Int => (op, Literal::Int(i64::try_from(index).unwrap())),
                ValueType::Duration => (op, Literal::Duration(duration)),
                ValueType::Time => (op, Literal::Int(1_700_000_000_000_000_000)),
                ValueType::Status => (equality_of(op), Literal::Status(STATUSES[index % 3])),
                ValueType::Kind => (equality_of(op), Literal::Kind(KINDS[index])),
                _ => (op, Literal::String(text)),
            };
            compared(field, op, expr_of(FieldExprKind::Literal(value)))
        })
        .boxed()
}

/// Numeric expressions, with attributes that may be no numbers at run time.
fn number(vocabulary: &Vocabulary, depth: u32) -> BoxedStrategy<FieldExpr> {
    let literal = prop_oneof![
        (0..4_i64).prop_map(Literal::Int),
        select(vec![0.0, 0.5, 2.0]).prop_map(Literal::Float),
        select(vocabulary.durations.clone()).prop_map(Literal::Duration),
    ]
    .prop_map(|value| expr_of(FieldExprKind::Literal(value)));
    let simple = prop_oneof![3 => number_field(vocabulary), 1 => literal];
    if depth == 0 {
        return simple.boxed();
    }
    let inner = number(vocabulary, depth - 1);
    let negative = inner
        .clone()
        .prop_map(|inner| expr_of(FieldExprKind::Unary(UnaryOp::Minus, Box::new(inner))));
    prop_oneof![4 => simple, 1 => negative, 2 => arithmetic(inner)].boxed()
}

fn arithmetic(inner: BoxedStrategy<FieldExpr>) -> BoxedStrategy<FieldExpr> {
    let chain = |ops: &[ArithmeticOp], most: usize| {
        let op = select(ops.to_vec()).prop_map(BinaryOp::Arithmetic);
        (inner.clone(), prop::collection::vec((op, inner.clone()), 1..=most))
            .prop_map(|(first, rest)| chain_of(first, rest))
    };
    prop_oneof![
        chain(&[ArithmeticOp::Add, ArithmeticOp::Subtract], 2),
        chain(&[ArithmeticOp::Multiply, ArithmeticOp::Divide, ArithmeticOp::Modulo], 2),
        chain(&[ArithmeticOp::Power], 1),
    ]
    .boxed()
}

fn number_field(vocabulary: &Vocabulary) -> BoxedStrategy<FieldExpr> {
    let is_number = |intrinsic: &Intrinsic| {
        matches!(intrinsic.value_type(), ValueType::Int | ValueType::Duration)
    };
    let numbers: Vec<Intrinsic> = vocabulary.intrinsics.iter().copied().filter(is_number).collect();
    let attribute = attribute(vocabulary);
    let field = if numbers.is_empty() {
        attribute
    } else {
        let intrinsic = select(numbers)
            .prop_map(|intrinsic| Field { parent: false, kind: FieldKind::Intrinsic(intrinsic) });
        prop_oneof![attribute, intrinsic].boxed()
    };
    field.prop_map(|field| expr_of(FieldExprKind::Field(field))).boxed()
}

fn attribute(vocabulary: &Vocabulary) -> BoxedStrategy<Field> {
    let parents = vocabulary.parents;
    (select(vocabulary.attributes.clone()), prop::bool::weighted(0.2))
        .prop_map(move |((scope, name), parent)| {
            use AttributeScope::{Any, Resource, Span};
            let parent = parent && parents && matches!(scope, Any | Span | Resource);
            Field { parent, kind: FieldKind::Attribute(scope, name) }
        })
        .boxed()
}

fn any_field(vocabulary: &Vocabulary) -> BoxedStrategy<Field> {
    if vocabulary.intrinsics.is_empty() {
        return attribute(vocabulary);
    }
    let parents = vocabulary.parents;
    let intrinsic = (select(vocabulary.intrinsics.clone()), prop::bool::weighted(0.2)).prop_map(
        move |(intrinsic, parent)| Field {
            parent: parent && parents,
            kind: FieldKind::Intrinsic(intrinsic),
        },
    );
    prop_oneof![attribute(vocabulary), intrinsic].boxed()
}

const COMPARE: [CompareOp; 6] = [
    CompareOp::Equal,
    CompareOp::NotEqual,
    CompareOp::Less,
    CompareOp::LessEqual,
    CompareOp::Greater,
    CompareOp::GreaterEqual,
];

const STATUSES: [StatusLiteral; 3] =
    [StatusLiteral::Unset, StatusLiteral::Ok, StatusLiteral::Error];

const KINDS: [KindLiteral; 6] = [
    KindLiteral::Unspecified,
    KindLiteral::Internal,
    KindLiteral::Server,
    KindLiteral::Client,
    KindLiteral::Producer,
    KindLiteral::Consumer,
];

fn equality_of(op: CompareOp) -> CompareOp {
    match op {
        CompareOp::Equal | CompareOp::LessEqual | CompareOp::GreaterEqual => CompareOp::Equal,
        _ => CompareOp::NotEqual,
    }
}

fn expr_of(kind: FieldExprKind) -> FieldExpr {
    FieldExpr { kind, range: TextRange::default() }
}

fn scalar_of(kind: ScalarExprKind) -> ScalarExpr {
    ScalarExpr { kind, range: TextRange::default() }
}

fn chain_of(first: FieldExpr, rest: Vec<(BinaryOp, FieldExpr)>) -> FieldExpr {
    expr_of(FieldExprKind::Chain { first: Box::new(first), rest })
}

fn compared(field: Field, op: CompareOp, right: FieldExpr) -> FieldExpr {
    chain_of(expr_of(FieldExprKind::Field(field)), vec![(BinaryOp::Compare(op), right)])
}

// Every form, without regard to types.

/// Queries of every form, well typed or not.
pub fn any_query() -> BoxedStrategy<Query> {
    let hints = prop::collection::vec(
        ("[a-z_]{5,9}z", any_literal()).prop_map(|(key, value)| Hint { key, value }),
        0..3,
    );
    let search = (any_pipeline(2), hints.clone())
        .prop_map(|(pipeline, hints)| Query::Search(normal(pipeline), hints));
    let metrics = (any_metrics(2), hints)
        .prop_filter("constants alone are no query", |(metrics, _)| {
            !matches!(metrics.kind, MetricsExprKind::Constant(_))
        })
        .prop_map(|(metrics, hints)| Query::Metrics(metrics, hints));
    prop_oneof![3 => search, 1 => metrics].boxed()
}

/// Literals as they are written: without a sign, but for the least integer.
pub fn any_literal() -> BoxedStrategy<Literal> {
    prop_oneof![
        any::<String>().prop_map(Literal::String),
        prop_oneof![0..100_i64, 0..=i64::MAX, Just(i64::MIN)].prop_map(Literal::Int),
        any::<f64>()
            .prop_filter("finite", |value| value.is_finite())
            .prop_map(|value| Literal::Float(value.abs())),
        any::<bool>().prop_map(Literal::Bool),
        Just(Literal::Nil),
        any_duration().prop_map(Literal::Duration),
        select(STATUSES.to_vec()).prop_map(Literal::Status),
        select(KINDS.to_vec()).prop_map(Literal::Kind),
    ]
    .boxed()
}

fn any_duration() -> BoxedStrategy<i64> {
    prop_oneof![0..10_000_i64, (0..10_000_i64).prop_map(|n| n * 1_000_000), 0..=i64::MAX].boxed()
}

/// Fields of every kind, with names that need quotes.
pub fn full_field() -> BoxedStrategy<Field> {
    use AttributeScope::{Any, Event, Instrumentation, Link, Resource, Span};
    let name = prop_oneof![
        "[a-z][a-z.]{0,8}",
        "[ -~]{0,8}",
        any::<String>(),
        select(vec!["duration", "span.x", "resource.x", "5xx", "span:kind", "//", "a\"b\\", "nil"])
            .prop_map(Into::into),
    ];
    let attribute =
        (select(vec![Any, Span, Resource, Event, Link, Instrumentation]), any::<bool>(), name)
            .prop_map(|(scope, parent, name)| Field {
                parent: parent && matches!(scope, Any | Span | Resource),
                kind: FieldKind::Attribute(scope, name),
            });
    let intrinsic = (select(Intrinsic::all().collect::<Vec<_>>()), any::<bool>())
        .prop_map(|(intrinsic, parent)| Field { parent, kind: FieldKind::Intrinsic(intrinsic) });
    prop_oneof![2 => attribute, 1 => intrinsic].boxed()
}

/// Field expressions of every form, operators nested up to `depth`.
pub fn any_field_expr(depth: u32) -> BoxedStrategy<FieldExpr> {
    let simple = prop_oneof![
        any_literal().prop_map(FieldExprKind::Literal),
        full_field().prop_map(FieldExprKind::Field),
    ]
    .prop_map(expr_of);
    if depth == 0 {
        return simple.boxed();
    }
    let inner = any_field_expr(depth - 1);
    let unary = (select(vec![UnaryOp::Minus, UnaryOp::Not]), inner.clone())
        .prop_map(|(op, inner)| expr_of(FieldExprKind::Unary(op, Box::new(inner))));
    let chain = |ops: Vec<BinaryOp>| {
        (inner.clone(), prop::collection::vec((select(ops), inner.clone()), 1..3))
            .prop_map(|(first, rest)| chain_of(first, rest))
    };
    let mut compare: Vec<BinaryOp> = COMPARE.map(BinaryOp::Compare).to_vec();
    compare.extend([CompareOp::Match, CompareOp::NotMatch].map(BinaryOp::Compare));
    prop_oneof![
        2 => simple,
        2 => unary,
        2 => chain(vec![BinaryOp::And, BinaryOp::Or]),
        2 => chain(compare),
        3 => arithmetic(inner.clone()),
    ]
    .boxed()
}

fn any_spanset(depth: u32) -> BoxedStrategy<SpansetExpr> {
    let filter = any_field_expr(2).prop_map(SpansetExpr::Filter);
    if depth == 0 {
        return filter.boxed();
    }
    let inner = any_spanset(depth - 1);
    let chain = (inner.clone(), prop_oneof![relations(inner.clone()), set_operators(inner)])
        .prop_map(|(first, rest)| SpansetExpr::Chain { first: Box::new(first), rest });
    prop_oneof![filter, chain, any_pipeline(depth - 1).prop_map(operand)].boxed()
}

fn any_pipeline(depth: u32) -> BoxedStrategy<Pipeline> {
    let compare = select(COMPARE.to_vec());
    let filter = (any_scalar(depth), compare, any_scalar(depth))
        .prop_map(|(left, op, right)| Stage::Filter(ScalarFilter { left, op, right }));
    let stage = prop_oneof![
        4 => any_spanset(depth).prop_map(Stage::Spanset),
        2 => filter,
        1 => any_field_expr(1).prop_map(Stage::By),
        1 => Just(Stage::Coalesce),
        1 => prop::collection::vec(full_field(), 1..3).prop_map(Stage::Select),
    ];
    prop::collection::vec(stage, 1..4)
        .prop_filter("coalesce() is never first", |stages| stages[0] != Stage::Coalesce)
        .prop_map(|stages| Pipeline { stages })
        .boxed()
}

fn any_constant(depth: u32) -> BoxedStrategy<ScalarExpr> {
    let literal = prop_oneof![
        (0..=i64::MAX).prop_map(Literal::Int),
        (0.0..1e9).prop_map(Literal::Float),
        any_duration().prop_map(Literal::Duration),
    ]
    .prop_map(|value| scalar_of(ScalarExprKind::Literal(value)));
    if depth == 0 {
        literal.boxed()
    } else {
        scalar_chain(literal.boxed(), any_constant(depth - 1))
    }
}

fn scalar_chain(
    simple: BoxedStrategy<ScalarExpr>,
    inner: BoxedStrategy<ScalarExpr>,
) -> BoxedStrategy<ScalarExpr> {
    let negative =
        inner.clone().prop_map(|inner| scalar_of(ScalarExprKind::Negate(Box::new(inner))));
    let chain = |ops: [ArithmeticOp; 2]| {
        (inner.clone(), prop::collection::vec((select(ops.to_vec()), inner.clone()), 1..3))
            .prop_map(|(first, rest)| {
                scalar_of(ScalarExprKind::Chain { first: Box::new(first), rest })
            })
    };
    prop_oneof![
        3 => simple,
        1 => negative,
        1 => chain([ArithmeticOp::Add, ArithmeticOp::Subtract]),
        1 => chain([ArithmeticOp::Multiply, ArithmeticOp::Divide]),
    ]
    .boxed()
}

fn any_aggregate() -> BoxedStrategy<ScalarExpr> {
    let op = select(vec![AggregateOp::Avg, AggregateOp::Max, AggregateOp::Min, AggregateOp::Sum]);
    prop_oneof![
        Just(ScalarExprKind::Count),
        (op, any_field_expr(1)).prop_map(|(op, expr)| ScalarExprKind::Aggregate(op, expr)),
    ]
    .prop_map(scalar_of)
    .boxed()
}

fn any_scalar(depth: u32) -> BoxedStrategy<ScalarExpr> {
    let simple = prop_oneof![any_aggregate(), any_constant(0)];
    if depth == 0 {
        return simple.boxed();
    }
    let piped = (any_pipeline(depth - 1), any_aggregate()).prop_map(|(pipeline, last)| {
        scalar_of(ScalarExprKind::Pipeline(Box::new(pipeline), Box::new(last)))
    });
    scalar_chain(prop_oneof![3 => simple, 1 => piped].boxed(), any_scalar(depth - 1))
}

fn metrics_of(kind: MetricsExprKind) -> MetricsExpr {
    MetricsExpr { kind, range: TextRange::default() }
}

fn any_metrics(depth: u32) -> BoxedStrategy<MetricsExpr> {
    let function = (any_pipeline(1), any_function(), prop::collection::vec(metrics_field(), 0..3))
        .prop_map(|(pipeline, function, by)| {
            metrics_of(MetricsExprKind::Function { pipeline, function, by })
        });
    if depth == 0 {
        let constant =
            any_constant(1).prop_map(|constant| metrics_of(MetricsExprKind::Constant(constant)));
        return prop_oneof![3 => function, 1 => constant].boxed();
    }
    let inner = any_metrics(depth - 1);
    let chain = |ops: [ArithmeticOp; 2]| {
        (inner.clone(), prop::collection::vec((select(ops.to_vec()), inner.clone()), 1..3))
            .prop_filter("a metrics query takes part", |(first, rest)| {
                let constant =
                    |expr: &MetricsExpr| matches!(expr.kind, MetricsExprKind::Constant(_));
                !(constant(first) && rest.iter().all(|(_, next)| constant(next)))
            })
            .prop_map(|(first, rest)| {
                metrics_of(MetricsExprKind::Chain { first: Box::new(first), rest })
            })
    };
    let steps = (inner.clone(), prop::collection::vec(any_step(), 1..3))
        .prop_filter("steps have a query", |(query, _)| {
            !matches!(query.kind, MetricsExprKind::Constant(_))
        })
        .prop_map(|(query, mut later)| match query.kind {
            MetricsExprKind::Steps { query, mut steps } => {
                steps.append(&mut later);
                metrics_of(MetricsExprKind::Steps { query, steps })
            }
            _ => metrics_of(MetricsExprKind::Steps { query: Box::new(query), steps: later }),
        });
    let compare = (any_pipeline(1), any_field_expr(1), prop::option::of(1..=1_000_u32)).prop_map(
        |(pipeline, selection, top)| {
            let window = top.map(|top| (i64::from(top), i64::MAX));
            let function = MetricsFunction::Compare { selection, top, window };
            metrics_of(MetricsExprKind::Function { pipeline, function, by: Vec::new() })
        },
    );
    let inner_forms = prop_oneof![
        2 => function,
        2 => steps,
        1 => chain([ArithmeticOp::Add, ArithmeticOp::Subtract]),
        1 => chain([ArithmeticOp::Multiply, ArithmeticOp::Divide]),
    ];
    if depth == 2 {
        prop_oneof![6 => inner_forms, 1 => compare].boxed()
    } else {
        inner_forms.boxed()
    }
}

fn metrics_field() -> BoxedStrategy<MetricsField> {
    full_field().prop_map(|field| MetricsField { field, range: TextRange::default() }).boxed()
}

fn any_function() -> BoxedStrategy<MetricsFunction> {
    let op = select(vec![AggregateOp::Avg, AggregateOp::Max, AggregateOp::Min, AggregateOp::Sum]);
    prop_oneof![
        Just(MetricsFunction::Rate),
        Just(MetricsFunction::Count),
        (op, metrics_field()).prop_map(|(op, field)| MetricsFunction::Aggregate(op, field)),
        (metrics_field(), prop::collection::vec(0.0..=1.0_f64, 1..3))
            .prop_map(|(field, quantiles)| MetricsFunction::Quantile(field, quantiles)),
        metrics_field().prop_map(MetricsFunction::Histogram),
    ]
    .boxed()
}

fn any_step() -> BoxedStrategy<MetricsStep> {
    prop_oneof![
        (1..=u32::MAX).prop_map(MetricsStep::TopK),
        (1..=u32::MAX).prop_map(MetricsStep::BottomK),
        (select(COMPARE.to_vec()), any_constant(1))
            .prop_map(|(op, constant)| MetricsStep::Compare(op, constant)),
    ]
    .boxed()
}
