//! The questions, in TraceQL and in SQL. Invariant: both ask for the same spans, which is checked
//! by how many they find.

use crate::sql;

/// What kind of question it is, and so how much faster than DuckDB it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Structural operators, every match counted.
    Structure,
    /// One condition.
    Condition,
    /// Groups, and numbers of each trace.
    Groups,
    /// The 20 newest traces, with their spans.
    Newest,
    /// One span of all.
    One,
}

/// A question.
pub(crate) struct Question {
    pub(crate) kind: Kind,
    /// How it is called where there is little room.
    pub(crate) name: &'static str,
    pub(crate) query: String,
    /// Ways to ask DuckDB, of which the fastest counts.
    pub(crate) forms: Vec<String>,
    /// In SQL, the sets of rows that any answer has to look at: both sides of an operator, or else
    /// the result.
    pub(crate) candidates: Vec<String>,
}

/// A condition in both languages.
type Side = (&'static str, &'static str);

const A: Side = (r#".service.name = "service-a.default""#, "service = 'service-a.default'");
const GATEWAY: Side = (
    r#".service.name = "istio-ingressgateway.istio-system""#,
    "service = 'istio-ingressgateway.istio-system'",
);
const SLOW_CONNECT: Side = (
    r#".net.peer.name = "db.example.com" && .db.operation = "CONNECT" && duration > 50ms"#,
    "peer = 'db.example.com' and operation = 'CONNECT' and duration > 50000000",
);
const ERROR: Side = ("status = error", "status = 2");
const ANY: Side = ("", "true");
const SERVER: Side = ("kind = server", "kind = 2");
const CLIENT: Side = ("kind = client", "kind = 3");

const SEAT: Side = (r#".service.name = "ts-seat-service""#, "service = 'ts-seat-service'");
const CONFIG: Side = (r#".service.name = "ts-config-service""#, "service = 'ts-config-service'");
const TRAVEL: Side = (r#".service.name = "ts-travel-service""#, "service = 'ts-travel-service'");
const ORDER: Side = (r#".service.name = "ts-order-service""#, "service = 'ts-order-service'");
const POST: Side = (r#"name = "HTTP POST""#, "name = 'HTTP POST'");
const GET: Side = (r#"name = "HTTP GET""#, "name = 'HTTP GET'");
const SLOW_SELECT: Side = (
    r#"span.db.operation = "SELECT" && duration > 5ms"#,
    "operation = 'SELECT' and duration > 5000000",
);

/// Questions about generated spans; `request` is the id of a request in the midst of them.
pub(crate) fn generated(request: &str) -> Vec<Question> {
    let mut all = vec![
        structure("A >> gateway", A, ">>", GATEWAY),
        structure("A >> slow connects", A, ">>", SLOW_CONNECT),
        structure("errors !< errors", ERROR, "!<", ERROR),
        structure("A > gateway", A, ">", GATEWAY),
        structure("A ~ gateway", A, "~", GATEWAY),
        structure("errors ~ errors", ERROR, "~", ERROR),
        structure("A !< gateway", A, "!<", GATEWAY),
        structure("A << gateway", A, "<<", GATEWAY),
        structure("servers << errors", SERVER, "<<", ERROR),
        structure("all >> all", ANY, ">>", ANY),
        structure("all << all", ANY, "<<", ANY),
        condition(
            "pattern, leading .*",
            r#"span.http.url =~ ".*variant=a[0-9]f.*""#,
            &[
                "contains(url, 'variant=a') and regexp_matches(url, 'variant=a[0-9]f')",
                "regexp_matches(url, 'variant=a[0-9]f')",
            ],
        ),
        condition(
            "pattern, prefix",
            r#"span.http.url =~ "https://shop.example.com/api/v1/orders/ab.*""#,
            &[
                "url >= 'https://shop.example.com/api/v1/orders/ab' and
                 url < 'https://shop.example.com/api/v1/orders/ac'",
                "url like 'https://shop.example.com/api/v1/orders/ab%'",
            ],
        ),
        condition(
            "pattern, prefix of many",
            r#"span.http.url =~ "https://shop.example.com/api/v1/.*""#,
            &[
                "url >= 'https://shop.example.com/api/v1/' and
                 url < 'https://shop.example.com/api/v10'",
                "starts_with(url, 'https://shop.example.com/api/v1/')",
            ],
        ),
        condition(
            "pattern, no literal",
            r#"span.http.request_id =~ "[0-4]+[a-f]{3}.*""#,
            &[
                "regexp_full_match(request, '[0-4]+[a-f]{3}.*')",
                "regexp_matches(request, '^[0-4]+[a-f]{3}')",
            ],
        ),
        condition(
            "pattern, 8 % match",
            r#"span.http.url =~ ".*/cart.*""#,
            &["contains(url, '/cart')", "regexp_matches(url, '/cart')"],
        ),
    ];
    all.extend(of_any_data());
    all.push(traces(
        "sum of sizes",
        SERVER,
        "sum(span.http.response_size) > 1000000",
        "sum(size) > 1000000",
    ));
    all.push(Question {
        kind: Kind::One,
        name: "one request id",
        query: format!("{{ span.http.request_id = \"{request}\" }}"),
        forms: vec![sql::rows(&format!("request = '{request}'"))],
        candidates: vec![format!("request = '{request}'")],
    });
    all
}

/// Questions about the real spans.
pub(crate) fn real() -> Vec<Question> {
    let mut all = vec![
        structure("travel >> order", TRAVEL, ">>", ORDER),
        structure("travel >> slow selects", TRAVEL, ">>", SLOW_SELECT),
        structure("errors !< errors", ERROR, "!<", ERROR),
        structure("seat > config", SEAT, ">", CONFIG),
        structure("POST ~ GET", POST, "~", GET),
        structure("config !< seat", CONFIG, "!<", SEAT),
        structure("seat << travel", SEAT, "<<", TRAVEL),
        structure("all >> all", ANY, ">>", ANY),
        structure("all << all", ANY, "<<", ANY),
    ];
    all.extend(of_any_data());
    all
}

fn of_any_data() -> Vec<Question> {
    vec![
        condition("duration > 1s", "duration > 1s", &["duration > 1000000000"]),
        condition("duration > 50ms", "duration > 50ms", &["duration > 50000000"]),
        condition("duration > 1ms", "duration > 1ms", &["duration > 1000000"]),
        groups(
            "errors by service",
            ERROR,
            "resource.service.name",
            "enum_code(service)",
            "count() > 2",
        ),
        groups("all by service", ANY, "resource.service.name", "enum_code(service)", "count() > 2"),
        groups("all by kind", ANY, "kind", "kind", "count() > 10"),
        traces("count of each trace", ANY, "count() > 50", "count(*) > 50"),
        traces("average of clients", CLIENT, "avg(duration) > 1s", "avg(duration) > 1000000000"),
        traces("least of each trace", ANY, "min(duration) > 1ms", "min(duration) > 1000000"),
        Question {
            kind: Kind::Newest,
            name: "20 newest with errors",
            query: filter(ERROR.0),
            forms: sql::newest(ERROR.1),
            candidates: vec![ERROR.1.to_owned()],
        },
    ]
}

fn filter(condition: &str) -> String {
    if condition.is_empty() { "{ }".to_owned() } else { format!("{{ {condition} }}") }
}

fn structure(name: &'static str, a: Side, operator: &str, b: Side) -> Question {
    let forms = match operator {
        ">>" => sql::below,
        "<<" => sql::above,
        ">" => sql::child,
        "~" => sql::sibling,
        _ => sql::not_parent,
    };
    Question {
        kind: Kind::Structure,
        name,
        query: format!("{} {operator} {}", filter(a.0), filter(b.0)),
        forms: forms(a.1, b.1),
        candidates: vec![a.1.to_owned(), b.1.to_owned()],
    }
}

/// One condition, in SQL in each of some forms.
fn condition(name: &'static str, query: &str, forms: &[&str]) -> Question {
    Question {
        kind: Kind::Condition,
        name,
        query: filter(query),
        forms: forms.iter().map(|form| sql::rows(form)).collect(),
        candidates: forms.first().map(|form| (*form).to_owned()).into_iter().collect(),
    }
}

fn groups(name: &'static str, of: Side, by: &str, key: &str, having: &str) -> Question {
    let in_sql = having.replace("count()", "count(*)");
    Question {
        kind: Kind::Groups,
        name,
        query: format!("{} | by({by}) | {having}", filter(of.0)),
        forms: sql::groups(of.1, key, &in_sql),
        candidates: vec![of.1.to_owned()],
    }
}

fn traces(name: &'static str, of: Side, having: &str, in_sql: &str) -> Question {
    Question {
        kind: Kind::Groups,
        name,
        query: format!("{} | {having}", filter(of.0)),
        forms: sql::traces(of.1, in_sql),
        candidates: vec![of.1.to_owned()],
    }
}
