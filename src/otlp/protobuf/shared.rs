//! What the spans of a part of a request have in common: its resource, or its instrumentation scope.
//! Invariant: it is read unless a sink knows what came in the same bytes; the first fault counts.

use super::resource;
use super::value::text;
use crate::codec::wire::{Key, Reader};
use crate::model::{InstrumentationScope, OriginBytes, Resource, SpanSink};
use crate::otlp::error::{Checked, Fault, Within};

/// What tells resources and scopes apart.
pub(super) struct Kind<T: 'static> {
    name: &'static str,
    /// Reads a message into a model, which may have fields of one before it.
    read: fn(Reader<'_>, &mut T) -> Checked<()>,
    schema_url: fn(&mut T) -> &mut String,
    bytes: for<'b> fn(&'b [u8], &'b [u8]) -> OriginBytes<'b>,
    tell: fn(&mut dyn SpanSink, &T),
}

pub(super) const RESOURCE: Kind<Resource> = Kind {
    name: "resource",
    read: resource::resource,
    schema_url: |model| &mut model.schema_url,
    bytes: |message, schema_url| OriginBytes::Resource { message, schema_url },
    tell: |sink, model| sink.resource(model),
};

pub(super) const SCOPE: Kind<InstrumentationScope> = Kind {
    name: "scope",
    read: resource::scope,
    schema_url: |model| &mut model.schema_url,
    bytes: |message, schema_url| OriginBytes::Scope { message, schema_url },
    tell: |sink, model| sink.scope(model),
};

/// A model, or the fault that it has.
pub(super) struct Shared<'a, T: 'static> {
    kind: Kind<T>,
    model: T,
    pub(super) fault: Option<Fault>,
    /// Whether the sink knows it.
    is_told: bool,
    /// The message that was met last and is not yet read,
    unread: Option<Reader<'a>>,
    /// and all of them, where there is one only.
    message: Option<&'a [u8]>,
    messages: usize,
}

impl<'a, T: Default> Shared<'a, T> {
    pub(super) fn new(kind: Kind<T>) -> Self {
        let model = T::default();
        Self { kind, model, fault: None, is_told: false, unread: None, message: None, messages: 0 }
    }

    /// Keeps the first fault.
    fn note(&mut self, read: Checked<()>) {
        if let Err(fault) = read {
            self.fault.get_or_insert(fault);
        }
    }

    fn catch_up(&mut self) {
        if let Some(message) = self.unread.take() {
            let read = (self.kind.read)(message, &mut self.model);
            self.note(read.within(self.kind.name));
        }
    }

    /// Takes a message of the part.
    pub(super) fn meet(&mut self, reader: &mut Reader<'a>) -> Checked<()> {
        let message = reader.message().within(self.kind.name)?;
        self.catch_up();
        self.messages += 1;
        self.message = (self.messages == 1).then_some(message.rest());
        self.unread = Some(message);
        Ok(())
    }

    /// Takes the schema URL that stands beside the message.
    pub(super) fn meet_url(&mut self, reader: &mut Reader<'a>, key: Key) -> Checked<()> {
        let mut field = *reader;
        reader.skip(key).within("schemaUrl")?;
        match text(&mut field, "schemaUrl") {
            Ok(url) => url.clone_into((self.kind.schema_url)(&mut self.model)),
            Err(fault) => {
                // Faults count in the order of the fields.
                self.catch_up();
                self.note(Err(fault));
            }
        }
        Ok(())
    }

    /// The part is at its end: reads what the sink does not know from before.
    pub(super) fn complete(&mut self, sink: &mut impl SpanSink) {
        if self.fault.is_none()
            && let Some(message) = self.message
        {
            let schema_url = (self.kind.schema_url)(&mut self.model).as_bytes();
            self.is_told = sink.recall(&(self.kind.bytes)(message, schema_url));
        }
        if !self.is_told {
            self.catch_up();
        }
    }

    /// Tells the sink, unless it knows.
    pub(super) fn tell(&mut self, sink: &mut impl SpanSink) {
        if self.is_told {
            return;
        }
        self.is_told = true;
        (self.kind.tell)(sink, &self.model);
        if let Some(message) = self.message {
            let schema_url = (self.kind.schema_url)(&mut self.model).as_bytes();
            sink.remember(&(self.kind.bytes)(message, schema_url));
        }
    }
}
