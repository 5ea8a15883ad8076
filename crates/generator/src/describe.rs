//! What spans say about requests and errors: attributes, events, status messages. Invariant: only the
//! keys listed at [`crate::KEYS`] are used on spans.

use treering::Timestamp;
use treering::model::{Attribute, Event, Span, Value};

use crate::catalogue::Pod;
use crate::weaver::Weaver;
use crate::words::{ERRORS, FRAMES, PROCEDURES, ROUTES, Route, USER_AGENTS};

/// A request from one service to another.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    route: Route,
    path: String,
    /// The remote procedure, for gRPC.
    procedure: Option<&'static str>,
}

impl Request {
    /// Names the span that handles the request.
    pub(crate) fn name_server(&self, span: &mut Span) {
        let (method, route, _) = self.route;
        span.name = match self.procedure {
            Some(procedure) => procedure.to_owned(),
            None => format!("{method} {route}"),
        };
    }

    /// What the calling side knows of a request to `pod`; `outside` where it goes by the gateway.
    pub(crate) fn describe_client(&self, span: &mut Span, pod: &Pod, outside: bool) {
        let host = if outside { "shop.example.com" } else { &*pod.host };
        if let Some(procedure) = self.procedure {
            procedure.clone_into(&mut span.name);
            set(span, "rpc.method", procedure);
        } else {
            let (method, _, _) = self.route;
            span.name = format!("HTTP {method}");
            set(span, "http.method", method);
            set(span, "http.url", format!("http://{host}:8080{}", self.path));
        }
        set(span, "net.peer.name", host);
    }
}

impl Weaver<'_> {
    /// A request by gRPC or HTTP.
    pub(crate) fn request(&mut self, grpc: bool) -> Request {
        let route = self.rng.pick_skewed(ROUTES);
        let procedure = grpc.then(|| self.rng.pick_skewed(PROCEDURES));
        let path = if grpc { String::new() } else { self.fill(route.2) };
        Request { route, path, procedure }
    }

    /// What the gateway knows of a request.
    pub(crate) fn describe_gateway(&mut self, span: &mut Span, request: &Request) {
        let (method, route, _) = request.route;
        set(span, "http.method", method);
        set(span, "http.route", route);
        set(span, "http.url", format!("https://shop.example.com{}", request.path));
        let id = self.token(32);
        set(span, "http.request_id", id);
        set(span, "http.user_agent", self.rng.pick_skewed(USER_AGENTS));
        if self.rng.chance(400) {
            let hops = [self.address("203.0"), self.address("10.4")];
            set(span, "http.request.header.x-forwarded-for", hops);
        }
    }

    /// What the handling side knows of a request.
    pub(crate) fn describe_server(&mut self, span: &mut Span, request: &Request, pod: &Pod) {
        if self.rng.chance(700) {
            set(span, "enduser.id", format!("user-{}", self.user));
        }
        if let Some(procedure) = request.procedure {
            set(span, "rpc.method", procedure);
            return;
        }
        let (method, route, _) = request.route;
        set(span, "http.method", method);
        set(span, "http.route", route);
        if self.rng.chance(850) {
            set(span, "http.url", format!("http://{}:8080{}", pod.host, request.path));
        }
        if self.rng.chance(400) {
            set(span, "http.user_agent", self.rng.pick_skewed(USER_AGENTS));
        }
        if self.rng.chance(850) {
            let id = self.token(32);
            set(span, "http.request_id", id);
        }
    }

    /// The answer to a request.
    pub(crate) fn finish_request(&mut self, span: &mut Span, request: &Request, failed: bool) {
        if request.procedure.is_none() {
            self.finish_http(span, failed);
            return;
        }
        let code = if failed { self.rng.pick(&[14_i64, 13, 4, 2]) } else { 0 };
        set(span, "rpc.grpc.status_code", code);
        if self.rng.chance(90) {
            self.message_event(span);
        }
    }

    /// The answer to an HTTP request.
    pub(crate) fn finish_http(&mut self, span: &mut Span, failed: bool) {
        let code = if failed {
            self.rng.pick(&[500_i64, 503, 500, 504, 502])
        } else {
            self.rng.pick_skewed(&[200_i64, 200, 200, 204, 201, 304, 404, 409])
        };
        set(span, "http.status_code", code);
        if self.rng.chance(800) {
            let size = i64::try_from(self.rng.log_normal(2_300, 200)).unwrap_or(0);
            set(span, "http.response_size", size);
        }
    }

    /// Marks `span` as failed; `origin` where the error arose there.
    pub(crate) fn fail(&mut self, span: &mut Span, origin: bool) {
        let (kind, text) = self.rng.pick_skewed(ERRORS);
        if !origin {
            if self.rng.chance(500) {
                "upstream request failed".clone_into(&mut span.status.message);
            }
            return;
        }
        let message = self.fill(text);
        span.status.message.clone_from(&message);
        if self.rng.chance(600) {
            let mut trace = format!("{kind}: {message}");
            for _ in 0..self.rng.between(5, 16) {
                let frame = self.rng.pick(FRAMES);
                let line = self.rng.between(10, 900);
                trace.extend(["\n    at ", frame, "(line ", &line.to_string(), ")"]);
            }
            let attributes = vec![
                Attribute::new("exception.type", kind),
                Attribute::new("exception.message", message),
                Attribute::new("exception.stacktrace", trace),
            ];
            let time = self.moment(span);
            span.events.push(Event {
                time,
                name: "exception".to_owned(),
                attributes,
                ..Event::default()
            });
        }
    }

    fn message_event(&mut self, span: &mut Span) {
        let attributes = vec![
            Attribute::new("message.type", self.rng.pick(&["SENT", "RECEIVED"])),
            Attribute::new("message.id", self.rng.below_u32(9) + 1),
        ];
        let time = self.moment(span);
        span.events.push(Event {
            time,
            name: "message".to_owned(),
            attributes,
            ..Event::default()
        });
    }

    /// A time shortly after the span's start.
    fn moment(&mut self, span: &Span) -> Timestamp {
        let later = self.rng.log_normal(200_000, 100);
        Timestamp::from_unix_nanos(span.start.unix_nanos().saturating_add(later))
    }

    /// `text` with a number for each `#` and an id for each `@`.
    pub(crate) fn fill(&mut self, text: &str) -> String {
        let mut filled = String::with_capacity(text.len() + 24);
        for part in text.split_inclusive(['#', '@']) {
            if let Some(before) = part.strip_suffix('#') {
                filled.push_str(before);
                let number = if self.rng.chance(300) { self.user } else { self.rng.zipf(900_000) };
                filled.push_str(&number.to_string());
            } else if let Some(before) = part.strip_suffix('@') {
                filled.push_str(before);
                filled.push_str(&self.token(20));
            } else {
                filled.push_str(part);
            }
        }
        filled
    }

    /// `digits` random hex digits.
    pub(crate) fn token(&mut self, digits: usize) -> String {
        let mut text = String::with_capacity(digits + 16);
        while text.len() < digits {
            let word = format!("{:016x}", self.rng.next());
            text.push_str(&word);
        }
        text.truncate(digits);
        text
    }

    fn address(&mut self, network: &str) -> Value {
        let (high, low) = (self.rng.zipf(256), self.rng.below(256));
        Value::String(format!("{network}.{high}.{low}"))
    }
}

/// Adds an attribute.
pub(crate) fn set(span: &mut Span, key: &str, value: impl Into<Value>) {
    span.attributes.push(Attribute::new(key, value));
}
