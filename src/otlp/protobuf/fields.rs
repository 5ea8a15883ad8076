//! The keys of every field, one module a message. Numbers and types are those of the protocol
//! buffers definition of OTLP 1.

use crate::codec::wire::Key;

macro_rules! message {
    ($(#[$doc:meta])* $message:ident { $($name:ident: $type:ident = $number:literal),* $(,)? }) => {
        $(#[$doc])*
        pub(super) mod $message {
            use super::Key;
            $(pub(in super::super) const $name: Key = Key::$type($number);)*
            /// The highest number of a field.
            pub(in super::super) const LAST: u32 = {
                let numbers = [$($number),*];
                let mut last = 0;
                let mut rest: &[u32] = &numbers;
                while let [number, tail @ ..] = rest {
                    if *number > last {
                        last = *number;
                    }
                    rest = tail;
                }
                last
            };
        }
    };
}

message! {
    /// `ExportTraceServiceRequest`.
    request { RESOURCE_SPANS: length = 1 }
}

message! {
    /// `ResourceSpans`.
    resource_spans { RESOURCE: length = 1, SCOPE_SPANS: length = 2, SCHEMA_URL: length = 3 }
}

message! {
    /// `Resource`.
    resource {
        ATTRIBUTES: length = 1,
        DROPPED_ATTRIBUTES_COUNT: varint = 2,
        ENTITY_REFS: length = 3,
    }
}

message! {
    /// `EntityRef`.
    entity_ref {
        SCHEMA_URL: length = 1,
        TYPE: length = 2,
        ID_KEYS: length = 3,
        DESCRIPTION_KEYS: length = 4,
    }
}

message! {
    /// `ScopeSpans`.
    scope_spans { SCOPE: length = 1, SPANS: length = 2, SCHEMA_URL: length = 3 }
}

message! {
    /// `InstrumentationScope`.
    scope {
        NAME: length = 1,
        VERSION: length = 2,
        ATTRIBUTES: length = 3,
        DROPPED_ATTRIBUTES_COUNT: varint = 4,
    }
}

message! {
    /// `Span`.
    span {
        TRACE_ID: length = 1,
        SPAN_ID: length = 2,
        TRACE_STATE: length = 3,
        PARENT_SPAN_ID: length = 4,
        NAME: length = 5,
        KIND: varint = 6,
        START_TIME_UNIX_NANO: fixed64 = 7,
        END_TIME_UNIX_NANO: fixed64 = 8,
        ATTRIBUTES: length = 9,
        DROPPED_ATTRIBUTES_COUNT: varint = 10,
        EVENTS: length = 11,
        DROPPED_EVENTS_COUNT: varint = 12,
        LINKS: length = 13,
        DROPPED_LINKS_COUNT: varint = 14,
        STATUS: length = 15,
        FLAGS: fixed32 = 16,
    }
}

message! {
    /// `Span.Event`.
    event {
        TIME_UNIX_NANO: fixed64 = 1,
        NAME: length = 2,
        ATTRIBUTES: length = 3,
        DROPPED_ATTRIBUTES_COUNT: varint = 4,
    }
}

message! {
    /// `Span.Link`.
    link {
        TRACE_ID: length = 1,
        SPAN_ID: length = 2,
        TRACE_STATE: length = 3,
        ATTRIBUTES: length = 4,
        DROPPED_ATTRIBUTES_COUNT: varint = 5,
        FLAGS: fixed32 = 6,
    }
}

message! {
    /// `Status`; its number 1 is no longer in use.
    status { MESSAGE: length = 2, CODE: varint = 3 }
}

message! {
    /// `KeyValue`. The last field refers to a string table, which requests of spans do not have.
    key_value { KEY: length = 1, VALUE: length = 2, KEY_STRINDEX: varint = 3 }
}

message! {
    /// `AnyValue`. The last field refers to a string table, which requests of spans do not have.
    any_value {
        STRING: length = 1,
        BOOL: varint = 2,
        INT: varint = 3,
        DOUBLE: fixed64 = 4,
        ARRAY: length = 5,
        KVLIST: length = 6,
        BYTES: length = 7,
        STRING_STRINDEX: varint = 8,
    }
}

message! {
    /// `ArrayValue` and `KeyValueList`.
    values { VALUES: length = 1 }
}
