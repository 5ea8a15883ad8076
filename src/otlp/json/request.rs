//! A request in JSON: first its structure, then its spans. Invariant: nothing is given to the sink
//! unless the whole text is JSON; a sink is told resource and scope before the first span of each.

use std::borrow::Cow;

use serde::de::{MapAccess, SeqAccess};
use serde_json::value::RawValue;

use super::reader::{self, List, Members, Read, Slot, Trail};
use super::resource::{ResourceDraft, ScopeDraft};
use super::scalar::Mismatch;
use super::span::{self, SpanDraft};
use crate::model::{InstrumentationScope, Resource, SpanRef, SpanSink};
use crate::otlp::error::{Checked, Fault, OtlpError, Place, Rejection, Rejections, Within};

/// Reads an `ExportTraceServiceRequest` in OTLP/JSON.
///
/// Rejections beyond the first 10,000 are counted only, in one more that comes last.
///
/// # Errors
/// If the text is no JSON object with `resourceSpans`; then nothing was given to `sink`.
pub fn read_json(request: &[u8], sink: &mut impl SpanSink) -> Result<Vec<Rejection>, OtlpError> {
    let text = Text::new(request)?;
    let parts = structure(&text)?;
    let mut decoder = Decoder {
        sink,
        mark: text.mark,
        place: Place::default(),
        rejections: Rejections::default(),
    };
    let mut scratch = Scratch { draft: SpanDraft::default(), spare: SpanRef::default() };
    for (position, part) in parts.list.iter().enumerate() {
        decoder.place = Place { resource: position, ..Place::default() };
        decoder.resource_spans(part, &mut scratch);
    }
    Ok(decoder.rejections.finish())
}

/// The text of a request. Bytes that are no UTF-8 are replaced by a mark, so that only the span
/// that they are in is lost.
struct Text<'a> {
    text: Cow<'a, str>,
    mark: Option<char>,
}

impl<'a> Text<'a> {
    fn new(request: &'a [u8]) -> Result<Self, OtlpError> {
        if let Ok(text) = std::str::from_utf8(request) {
            return Ok(Self { text: Cow::Borrowed(text), mark: None });
        }
        // Code points that are for internal use and never stand for characters.
        let mark = ('\u{fdd0}'..='\u{fdef}').find(|mark| !mentions(request, *mark));
        let Some(mark) = mark else {
            return Err(OtlpError("no OTLP request in JSON: expected UTF-8".to_owned()));
        };
        let mut text = String::with_capacity(request.len() + mark.len_utf8());
        for chunk in request.utf8_chunks() {
            text.push_str(chunk.valid());
            if !chunk.invalid().is_empty() {
                text.push(mark);
            }
        }
        Ok(Self { text: Cow::Owned(text), mark: Some(mark) })
    }
}

/// Whether `mark` is in the request, as it is or as an escape.
fn mentions(request: &[u8], mark: char) -> bool {
    let escape = format!("\\u{:x}", u32::from(mark));
    request.utf8_chunks().any(|chunk| {
        chunk.valid().contains(mark) || chunk.valid().to_ascii_lowercase().contains(&escape)
    })
}

/// A list of parts, or what came in its place.
#[derive(Debug)]
struct Parts<T> {
    list: Vec<T>,
    mismatch: Option<Mismatch>,
}

impl<T> Default for Parts<T> {
    fn default() -> Self {
        Self { list: Vec::new(), mismatch: None }
    }
}

impl<'de, T: Read<'de> + Default> List<'de> for Parts<T> {
    fn reset(&mut self) {
        *self = Self::default();
    }

    fn element<A: SeqAccess<'de>>(
        &mut self,
        list: &mut A,
        trail: &Trail,
    ) -> Result<bool, A::Error> {
        self.list.element(list, trail)
    }

    fn other(&mut self, mismatch: Mismatch) -> Result<(), Mismatch> {
        self.mismatch = Some(mismatch);
        Ok(())
    }
}

/// The spans are pieces of text still.
#[derive(Debug, Default)]
struct ScopeSpansParts<'de> {
    scope: Option<&'de RawValue>,
    schema_url: Option<&'de RawValue>,
    spans: Parts<Option<&'de RawValue>>,
    mismatch: Option<Mismatch>,
}

#[derive(Debug, Default)]
struct ResourceSpansParts<'de> {
    resource: Option<&'de RawValue>,
    schema_url: Option<&'de RawValue>,
    scope_spans: Parts<ScopeSpansParts<'de>>,
    mismatch: Option<Mismatch>,
}

#[derive(Debug, Default)]
struct RequestParts<'de> {
    resource_spans: Option<Parts<ResourceSpansParts<'de>>>,
    mismatch: Option<Mismatch>,
}

impl<'de> Members<'de> for RequestParts<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, slot: Slot<'_, A>) -> Result<(), A::Error> {
        match name {
            "resourceSpans" | "resource_spans" => {
                slot.list(self.resource_spans.get_or_insert_default())
            }
            _ => slot.ignore(),
        }
    }

    fn null(&mut self) {
        self.mismatch = Some("expected an object, got null".to_owned());
    }

    fn other(&mut self, mismatch: Mismatch) -> Result<(), Mismatch> {
        self.mismatch = Some(mismatch);
        Ok(())
    }
}

impl<'de> Members<'de> for ResourceSpansParts<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, slot: Slot<'_, A>) -> Result<(), A::Error> {
        match name {
            "resource" => slot.read(&mut self.resource),
            "scopeSpans" | "scope_spans" => slot.list(&mut self.scope_spans),
            "schemaUrl" | "schema_url" => slot.read(&mut self.schema_url),
            _ => slot.ignore(),
        }
    }

    fn null(&mut self) {
        self.mismatch = Some("expected an object, got null".to_owned());
    }

    fn other(&mut self, mismatch: Mismatch) -> Result<(), Mismatch> {
        self.mismatch = Some(mismatch);
        Ok(())
    }
}

impl<'de> Members<'de> for ScopeSpansParts<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, slot: Slot<'_, A>) -> Result<(), A::Error> {
        match name {
            "scope" => slot.read(&mut self.scope),
            "spans" => slot.list(&mut self.spans),
            "schemaUrl" | "schema_url" => slot.read(&mut self.schema_url),
            _ => slot.ignore(),
        }
    }

    fn null(&mut self) {
        self.mismatch = Some("expected an object, got null".to_owned());
    }

    fn other(&mut self, mismatch: Mismatch) -> Result<(), Mismatch> {
        self.mismatch = Some(mismatch);
        Ok(())
    }
}

fn structure<'de>(text: &'de Text<'_>) -> Result<Parts<ResourceSpansParts<'de>>, OtlpError> {
    let refused = |problem: &str| Err(OtlpError(format!("no OTLP request in JSON: {problem}")));
    let mut request = RequestParts::default();
    let trail = Trail::new(text.mark);
    let mut deserializer = serde_json::Deserializer::from_str(&text.text);
    let read = request.read(&mut deserializer, &trail).and_then(|()| deserializer.end());
    match read {
        Err(error) if error.is_data() => return refused(&trail.fault(&error).to_string()),
        Err(error) => return refused(&error.to_string()),
        Ok(()) => {}
    }
    match request {
        RequestParts { mismatch: Some(mismatch), .. } => refused(&mismatch),
        RequestParts { resource_spans: Some(Parts { mismatch: Some(mismatch), .. }), .. } => {
            refused(&format!("resourceSpans: {mismatch}"))
        }
        RequestParts { resource_spans: Some(parts), .. } => Ok(parts),
        RequestParts { resource_spans: None, .. } => {
            refused("expected an object with resourceSpans, got one without")
        }
    }
}

struct Decoder<'s, S> {
    sink: &'s mut S,
    mark: Option<char>,
    place: Place,
    rejections: Rejections,
}

/// What the spans of a part have in common, and whether the sink knows it.
struct Shared<T> {
    model: Checked<T>,
    told: bool,
}

/// Where spans are read into, and the lists of the view that is made of them.
struct Scratch<'de> {
    draft: SpanDraft<'de>,
    spare: SpanRef<'static>,
}

impl<S: SpanSink> Decoder<'_, S> {
    fn reject_part(&mut self, path: String, field: &str, mismatch: &Mismatch) {
        self.rejections.part(path, Fault::new(field, mismatch));
    }

    fn resource_spans<'de>(&mut self, part: &ResourceSpansParts<'de>, scratch: &mut Scratch<'de>) {
        if let Some(mismatch) = &part.mismatch {
            return self.reject_part(self.place.resource_path(), "", mismatch);
        }
        if let Some(mismatch) = &part.scope_spans.mismatch {
            return self.reject_part(self.place.resource_path(), "scopeSpans", mismatch);
        }
        let before = self.rejections.count();
        let mut shared = Shared { model: resource(part, self.mark), told: false };
        for (position, part) in part.scope_spans.list.iter().enumerate() {
            self.place.scope = position;
            self.scope_spans(part, &mut shared, scratch);
        }
        if let (Err(fault), true) = (shared.model, before == self.rejections.count()) {
            // A fault that no span was there to suffer for.
            self.rejections.part(self.place.resource_path(), fault);
        }
    }

    fn scope_spans<'de>(
        &mut self,
        part: &ScopeSpansParts<'de>,
        resource: &mut Shared<Resource>,
        scratch: &mut Scratch<'de>,
    ) {
        if let Some(mismatch) = &part.mismatch {
            return self.reject_part(self.place.scope_path(), "", mismatch);
        }
        if let Some(mismatch) = &part.spans.mismatch {
            return self.reject_part(self.place.scope_path(), "spans", mismatch);
        }
        let before = self.rejections.count();
        let mut shared = Shared { model: scope(part, self.mark), told: false };
        for (position, json) in part.spans.list.iter().enumerate() {
            self.place.span = position;
            let json = json.map_or("null", RawValue::get);
            if let Err(fault) = self.span(json, resource, &mut shared, scratch) {
                self.rejections.span(self.place, || span::span_id(json, self.mark), fault);
            }
        }
        if let (Err(fault), true) = (shared.model, before == self.rejections.count()) {
            self.rejections.part(self.place.scope_path(), fault);
        }
    }

    fn span<'de>(
        &mut self,
        json: &'de str,
        resource: &mut Shared<Resource>,
        scope: &mut Shared<InstrumentationScope>,
        scratch: &mut Scratch<'de>,
    ) -> Checked<()> {
        let resource_model = resource.model.as_ref().map_err(Clone::clone)?;
        let scope_model = scope.model.as_ref().map_err(Clone::clone)?;
        reader::read(json, self.mark, &mut scratch.draft)?;
        let mut view: SpanRef<'_> = std::mem::take(&mut scratch.spare);
        let taken = scratch.draft.view(&mut view).and_then(|()| {
            if !resource.told {
                self.sink.resource(resource_model);
                resource.told = true;
            }
            if !scope.told {
                self.sink.scope(scope_model);
                scope.told = true;
            }
            self.sink.span(&view).map_err(Into::into)
        });
        scratch.spare = span::recycle(view);
        taken
    }
}

fn resource(part: &ResourceSpansParts<'_>, mark: Option<char>) -> Checked<Resource> {
    let mut draft = ResourceDraft::default();
    if let Some(json) = part.resource {
        reader::read(json.get(), mark, &mut draft).within("resource")?;
    }
    Ok(Resource { schema_url: schema_url(part.schema_url, mark)?, ..draft.finish() })
}

fn scope(part: &ScopeSpansParts<'_>, mark: Option<char>) -> Checked<InstrumentationScope> {
    let mut draft = ScopeDraft::default();
    if let Some(json) = part.scope {
        reader::read(json.get(), mark, &mut draft).within("scope")?;
    }
    Ok(InstrumentationScope { schema_url: schema_url(part.schema_url, mark)?, ..draft.finish() })
}

fn schema_url(json: Option<&RawValue>, mark: Option<char>) -> Checked<String> {
    let mut url = String::new();
    if let Some(json) = json {
        reader::read(json.get(), mark, &mut url).within("schemaUrl")?;
    }
    Ok(url)
}
