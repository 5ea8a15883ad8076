//! Random searches over a given vocabulary, for comparing what engines find. Invariant: a query from
//! here passes the checker, and its tree is one that the parser can give.

use proptest::prelude::*;
use proptest::sample::select;
use treering::query::syntax::*;

/// What random searches speak of.
#[derive(Debug, Clone)]
pub(crate) struct Vocabulary {
    /// Attributes.
    pub(crate) attributes: Vec<(AttributeScope, String)>,
    /// What attributes are compared with: any literals but `nil`.
    pub(crate) values: Vec<Literal>,
    /// What string intrinsics are compared with.
    pub(crate) texts: Vec<String>,
    /// Patterns of `=~`.
    pub(crate) patterns: Vec<String>,
    /// Intrinsics; of times and ids only equality is asked.
    pub(crate) intrinsics: Vec<Intrinsic>,
    /// Lengths of time, in nanoseconds.
    pub(crate) durations: Vec<i64>,
    /// Whether `parent.` fields appear.
    pub(crate) parents: bool,
    /// Whether queries have several stages, scalar filters and pipelines within.
    pub(crate) pipelines: bool,
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
pub(crate) fn search(vocabulary: &Vocabulary) -> BoxedStrategy<Query> {
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
pub(crate) fn normal(mut pipeline: Pipeline) -> Pipeline {
    loop {
        match pipeline.stages.as_slice() {
            [Stage::Spanset(SpansetExpr::Pipeline(inner))] => pipeline = (**inner).clone(),
            _ => return pipeline,
        }
    }
}

/// A pipeline as an operand: a lone spanset expression needs no node.
pub(crate) fn operand(pipeline: Pipeline) -> SpansetExpr {
    let pipeline = normal(pipeline);
    match pipeline.stages.as_slice() {
        [Stage::Spanset(expr)] => expr.clone(),
        _ => SpansetExpr::Pipeline(Box::new(pipeline)),
    }
}

/// Spanset expressions over `vocabulary`, chains nested up to `depth`.
pub(crate) fn spanset(vocabulary: &Vocabulary, depth: u32) -> BoxedStrategy<SpansetExpr> {
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

pub(crate) fn relations(inner: BoxedStrategy<SpansetExpr>) -> SpansetRest {
    use Relation::{Ancestor, Child, Descendant, Parent, Sibling};
    let relation = select(vec![Child, Descendant, Parent, Ancestor, Sibling]);
    let form = select(vec![Form::Plain, Form::Not, Form::Union]);
    let op = (relation, form).prop_map(|(relation, form)| SpansetOp::Structural(relation, form));
    prop::collection::vec((op, inner), 1..3).boxed()
}

pub(crate) fn set_operators(inner: BoxedStrategy<SpansetExpr>) -> SpansetRest {
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
pub(crate) fn condition(vocabulary: &Vocabulary, depth: u32) -> BoxedStrategy<FieldExpr> {
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
        0..6_u8,
    )
        .prop_map(move |(intrinsic, parent, op, text, duration, index)| {
            let parent = parent && parents && parents_have(intrinsic);
            let field = Field { parent, kind: FieldKind::Intrinsic(intrinsic) };
            let (op, value) = match intrinsic.value_type() {
                ValueType::Int => (op, Literal::Int(i64::from(index))),
                ValueType::Duration => (op, Literal::Duration(duration)),
                ValueType::Time => (op, Literal::Int(1_700_000_000_000_000_000)),
                ValueType::Status => (equality_of(op), Literal::Status(chosen(&STATUSES, index))),
                ValueType::Kind => (equality_of(op), Literal::Kind(chosen(&KINDS, index))),
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
    prop_oneof![4 => simple, 1 => negative, 2 => arithmetic(&inner)].boxed()
}

pub(crate) fn arithmetic(inner: &BoxedStrategy<FieldExpr>) -> BoxedStrategy<FieldExpr> {
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

/// False for what has no single value on a span: the fields of events and links.
pub(crate) fn parents_have(intrinsic: Intrinsic) -> bool {
    !["event:", "link:"].iter().any(|scope| intrinsic.canonical_name().starts_with(scope))
}

fn any_field(vocabulary: &Vocabulary) -> BoxedStrategy<Field> {
    if vocabulary.intrinsics.is_empty() {
        return attribute(vocabulary);
    }
    let parents = vocabulary.parents;
    let intrinsic = (select(vocabulary.intrinsics.clone()), prop::bool::weighted(0.2)).prop_map(
        move |(intrinsic, parent)| Field {
            parent: parent && parents && parents_have(intrinsic),
            kind: FieldKind::Intrinsic(intrinsic),
        },
    );
    prop_oneof![attribute(vocabulary), intrinsic].boxed()
}

pub(crate) const COMPARE: [CompareOp; 6] = [
    CompareOp::Equal,
    CompareOp::NotEqual,
    CompareOp::Less,
    CompareOp::LessEqual,
    CompareOp::Greater,
    CompareOp::GreaterEqual,
];

pub(crate) const STATUSES: [StatusLiteral; 3] =
    [StatusLiteral::Unset, StatusLiteral::Ok, StatusLiteral::Error];

pub(crate) const KINDS: [KindLiteral; 6] = [
    KindLiteral::Unspecified,
    KindLiteral::Internal,
    KindLiteral::Server,
    KindLiteral::Client,
    KindLiteral::Producer,
    KindLiteral::Consumer,
];

fn chosen<T: Copy>(from: &[T], index: u8) -> T {
    from[usize::from(index) % from.len()]
}

fn equality_of(op: CompareOp) -> CompareOp {
    match op {
        CompareOp::Equal | CompareOp::LessEqual | CompareOp::GreaterEqual => CompareOp::Equal,
        _ => CompareOp::NotEqual,
    }
}

pub(crate) fn expr_of(kind: FieldExprKind) -> FieldExpr {
    FieldExpr { kind, range: TextRange::default() }
}

pub(crate) fn scalar_of(kind: ScalarExprKind) -> ScalarExpr {
    ScalarExpr { kind, range: TextRange::default() }
}

pub(crate) fn chain_of(first: FieldExpr, rest: Vec<(BinaryOp, FieldExpr)>) -> FieldExpr {
    expr_of(FieldExprKind::Chain { first: Box::new(first), rest })
}

fn compared(field: Field, op: CompareOp, right: FieldExpr) -> FieldExpr {
    chain_of(expr_of(FieldExprKind::Field(field)), vec![(BinaryOp::Compare(op), right)])
}
