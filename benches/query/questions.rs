//! The questions: one for each kind of condition, operator and stage. Invariant: each finds something
//! in the generated spans, but not all of them, except those that say that they find nothing or all.

/// What a question should find among the generated spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Some spans, not all.
    Some,
    /// No span: what no block can have should cost next to nothing.
    Nothing,
    /// Every span.
    All,
}

/// A question.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question {
    /// The kind of condition, operator or stage.
    pub(crate) kind: &'static str,
    /// The query. `$TRACE`, `$SPAN`, `$PARENT`, `$LINK`, `$REQUEST`, `$START` and `$USERS` stand for
    /// what is in the middle of the data.
    pub(crate) text: &'static str,
    /// What it should find.
    pub(crate) expected: Expected,
}

const fn some(kind: &'static str, text: &'static str) -> Question {
    Question { kind, text, expected: Expected::Some }
}

const fn nothing(kind: &'static str, text: &'static str) -> Question {
    Question { kind, text, expected: Expected::Nothing }
}

const fn all(kind: &'static str, text: &'static str) -> Question {
    Question { kind, text, expected: Expected::All }
}

/// All of them.
pub(crate) const QUESTIONS: &[Question] = &[
    // Conditions on attributes.
    all("everything", "{ }"),
    some("equality, rare", r#"{ span.http.route = "/api/v1/stock/:sku" }"#),
    some("equality, common", r#"{ span.db.system = "postgresql" }"#),
    some("equality, no scope", r#"{ .http.method = "GET" }"#),
    some("equality, one row", r#"{ span.http.request_id = "$REQUEST" }"#),
    some("equality, boolean", "{ span.cache.hit = false }"),
    nothing("equality, no such value", r#"{ span.http.request_id = "none" }"#),
    nothing("equality, no such key", "{ span.nowhere = 1 }"),
    nothing("equality, no key, no scope", "{ .nowhere = 1 }"),
    some("inequality", r#"{ span.db.system != "postgresql" }"#),
    some("not equality", r#"{ !(span.db.system = "postgresql") }"#),
    some("presence", "{ span.http.url != nil }"),
    some("nil", "{ span.http.url = nil }"),
    some("|| of 40 values", "{ $USERS }"),
    some("&& of rare and common", "{ span.http.status_code = 504 && kind = server }"),
    // Patterns.
    some(
        "pattern, prefix",
        r#"{ span.http.url =~ "https://shop.example.com/api/v1/orders/ab.*" }"#,
    ),
    some("pattern, inner literal", r#"{ span.http.url =~ "http.*/cart[?]session=abc.*" }"#),
    some("pattern, leading .*", r#"{ span.http.url =~ ".*variant=a[0-9]f.*" }"#),
    some("pattern, no literal", r#"{ span.http.request_id =~ "[0-4]+[a-f]{3}.*" }"#),
    some(
        "pattern, exact alternatives",
        r#"{ span.http.user_agent =~ "curl/8.9.1|uptime-probe/1.0" }"#,
    ),
    some("pattern, few values", r#"{ name =~ "GET /api/v1/.*" }"#),
    some("no match, few values", r#"{ name !~ "GET.*" }"#),
    some("no match, many values", r#"{ span.db.statement !~ "SELECT.*" }"#),
    some(
        "pattern, after rare",
        r#"{ span.http.route = "/api/v1/stock/:sku" && span.http.url =~ ".*/stock/a.*" }"#,
    ),
    nothing("pattern, no match", r#"{ span.http.url =~ "ftp://.*" }"#),
    // Ranges and arithmetic.
    some("duration, selective", "{ duration > 1s }"),
    some("duration, broad", "{ duration > 1ms }"),
    nothing("duration, out of range", "{ duration > 10d }"),
    some("range, integer", "{ span.http.response_size > 20000 }"),
    some("range, integer, rare", "{ span.db.rows >= 490 }"),
    some("range, float", "{ span.queue.wait_ms > 100.0 }"),
    nothing("range, out of range", "{ span.db.rows > 100000 }"),
    some("range, text", r#"{ span.http.request_id < "01" }"#),
    some("arithmetic, attribute", "{ span.db.rows * 2 > 900 }"),
    some("arithmetic, two fields", "{ duration / span.db.rows > 1ms }"),
    some("arithmetic, parent", "{ duration * 2 > parent.duration }"),
    some("field = field", "{ name = span.db.operation }"),
    // Resources, scopes, events, links, parents.
    some("resource, common", r#"{ resource.k8s.namespace.name = "default" }"#),
    some("resource, service", r#"{ resource.service.name = "service-c.default" }"#),
    some("resource, pattern", r#"{ resource.service.name =~ "service-[a-d].*" }"#),
    nothing("resource, no such value", r#"{ resource.service.name = "nobody" }"#),
    some("scope", r#"{ instrumentation:name = "envoy" }"#),
    some("event attribute", r#"{ event.exception.type = "PermissionDenied" }"#),
    some("event name", r#"{ event:name = "message" }"#),
    some("one event, two tests", r#"{ event.message.type = "SENT" && event.message.id > 4 }"#),
    some(
        "event pattern",
        r#"{ event.exception.stacktrace =~ ".*shop.net.Socket.read.line 11.*" }"#,
    ),
    some("event time", "{ event:timeSinceStart > 2ms }"),
    some("link", r#"{ link:spanID = "$LINK" }"#),
    some("parent attribute", r#"{ parent.http.route = "/api/v1/stock/:sku" }"#),
    some(
        "parent service",
        r#"{ parent.resource.service.name = "service-a.default" && resource.service.name != "service-a.default" }"#,
    ),
    some("parent duration", "{ parent.duration > 1s }"),
    // Intrinsics.
    some("kind", "{ kind = consumer }"),
    some("status", "{ status = error }"),
    some("status, not", "{ status != error }"),
    some("statusMessage", r#"{ statusMessage = "connection reset by peer" }"#),
    some("name", r#"{ name = "job.report" }"#),
    some("rootName", r#"{ rootName = "job.report" }"#),
    some("rootServiceName", r#"{ rootServiceName = "service-c.default" }"#),
    some("traceDuration", "{ traceDuration > 2s }"),
    nothing("traceDuration, out of range", "{ traceDuration > 10d }"),
    some("trace:spanCount", "{ trace:spanCount > 100 }"),
    some("trace:errorCount", "{ trace:errorCount > 10 }"),
    some("trace:serviceCount", "{ trace:serviceCount > 15 }"),
    some("trace:id", r#"{ trace:id = "$TRACE" }"#),
    some("span:id", r#"{ span:id = "$SPAN" }"#),
    some("span:parentID", r#"{ span:parentID = "$PARENT" }"#),
    some("span:childCount", "{ span:childCount > 20 }"),
    some("span:depth", "{ span:depth = 9 }"),
    some("span:selfDuration", "{ span:selfDuration > 1s }"),
    some("nestedSetParent", "{ nestedSetParent < 0 }"),
    some("nestedSetLeft", "{ nestedSetLeft = 2 }"),
    some("span:startTime", "{ span:startTime > $START }"),
    some("span:endTime", "{ span:endTime > $START }"),
    // Structure and sets.
    some(">>", r#"{ name = "render" } >> { status = error }"#),
    some(">", r#"{ kind = server } > { span.db.operation = "CONNECT" }"#),
    some("!<", "{ status = error } !< { status = error }"),
    some("!>>", "{ kind = consumer } !>> { status = error }"),
    some("&>>", r#"{ name = "render" } &>> { status = error }"#),
    some("&~", r#"{ name = "CONNECT" } &~ { name = "render" }"#),
    some("&& of sets", "{ kind = consumer } && { status = error }"),
    some("|| of sets", "{ kind = consumer } || { status = error }"),
    some("unless", "{ kind = consumer } unless { status = error }"),
    // Pipelines.
    some("count()", "{ status = error } | count() > 5"),
    some("avg", "{ kind = client } | avg(duration) > 1s"),
    some("max", "{ span.db.system != nil } | max(span.db.rows) > 490"),
    some("min", "{ } | min(duration) > 1ms"),
    some("sum", "{ kind = server } | sum(span.http.response_size) > 1000000"),
    some("by, count", "{ status = error } | by(resource.service.name) | count() > 2"),
    some("by, all", "{ } | by(kind) | count() > 10"),
    some("by, many values", "{ kind = server } | by(span.http.request_id) | count() > 1"),
    some("coalesce", "{ status = error } | by(name) | count() > 1 | coalesce()"),
    some(
        "select",
        "{ status = error } | select(span.http.route, resource.service.version, statusMessage)",
    ),
    some(
        "select, parent",
        "{ status = error } | select(parent.name, span:depth, event.exception.type)",
    ),
    some("filter after filter", "{ kind = client } | { duration > 1s } | count() > 1"),
    some("nested pipeline", "({ kind = client } | count() > 5) >> ({ status = error })"),
    some(
        "two aggregates",
        "{ kind = server } | max(duration) > 2 * ({ kind = server } | avg(duration))",
    ),
    some("hint", "{ status = error } with (most_recent=true)"),
];

/// Fields whose values are listed, each without a query and with one.
pub(crate) const FIELDS: &[&str] = &[
    "span.http.request_id",
    ".http.method",
    "resource.service.name",
    "name",
    "status",
    "duration",
];

/// The query for which tags are listed.
pub(crate) const TAGS_QUERY: &str = "{ status = error }";
