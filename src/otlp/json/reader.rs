//! Objects and lists of JSON, read into places that keep their memory. Invariant: the path of the
//! first fault is known, and recursion ends at the nesting limit of values.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

use super::scalar::{Mismatch, Scalar, text};
use crate::otlp::check;
use crate::otlp::error::{Checked, Fault};

/// Follows the reader through nested values, to name the place of a fault.
#[derive(Debug, Default)]
pub(super) struct Trail {
    fault: RefCell<Option<Fault>>,
    depth: Cell<u32>,
    mark: Option<char>,
}

impl Trail {
    /// A trail through text in which `mark` stands for bytes that are no UTF-8.
    pub(super) fn new(mark: Option<char>) -> Self {
        Self { mark, ..Self::default() }
    }

    /// Fails for text that was no UTF-8.
    #[inline]
    fn check_text<E: Error>(&self, scalar: &Scalar<'_>) -> Result<(), E> {
        match (self.mark, scalar) {
            (Some(mark), Scalar::Text(text)) if text.contains(mark) => {
                Err(self.mismatch(&"expected UTF-8, got bytes that are none".to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// The error that stops the reader for `fault`.
    #[cold]
    fn stop<E: Error>(&self, fault: Fault) -> E {
        self.fault.replace(Some(fault));
        E::custom("")
    }

    /// The error for a value that is not what it should be.
    #[cold]
    fn mismatch<E: Error>(&self, mismatch: &Mismatch) -> E {
        self.stop(Fault::new("", mismatch))
    }

    /// Notes that `error` came from within the part `name`.
    #[cold]
    fn within(&self, name: impl fmt::Display, error: &impl fmt::Display) {
        let fault = self.fault.take().unwrap_or_else(|| syntax_fault(error));
        self.fault.replace(Some(fault.within(name)));
    }

    /// The fault that ended reading with `error`.
    #[cold]
    pub(super) fn fault(&self, error: &impl fmt::Display) -> Fault {
        self.fault.take().unwrap_or_else(|| syntax_fault(error))
    }
}

/// A fault that the JSON reader found, without its place: that would count from the piece it read.
fn syntax_fault(error: &impl fmt::Display) -> Fault {
    let message = error.to_string();
    let message = message.split_once(" at line ").map_or(&*message, |(message, _)| message);
    Fault::new("", format_args!("expected valid JSON, got: {message}"))
}

/// Reads the whole of `json` into `into`. In text, `mark` is a fault.
pub(super) fn read<'de>(
    json: &'de str,
    mark: Option<char>,
    into: &mut impl Read<'de>,
) -> Checked<()> {
    let trail = Trail::new(mark);
    let mut deserializer = serde_json::Deserializer::from_str(json);
    // Values count how deep they nest themselves, and what is passed over is not recursed into.
    deserializer.disable_recursion_limit();
    let read = into.read(&mut deserializer, &trail).and_then(|()| deserializer.end());
    read.map_err(|error| trail.fault(&error))
}

/// Something that JSON is read into, in place of what it held before.
pub(super) trait Read<'de> {
    /// Reads one value; `null` is as good as nothing.
    fn read<D: Deserializer<'de>>(&mut self, from: D, trail: &Trail) -> Result<(), D::Error>;
}

/// Something that is an object in JSON.
pub(super) trait Members<'de>: Default {
    /// Forgets what was read before.
    fn reset(&mut self) {
        *self = Self::default();
    }

    /// Reads the member `name`.
    fn member<A: MapAccess<'de>>(&mut self, name: &str, slot: Slot<'_, A>) -> Result<(), A::Error>;

    /// Takes `null` in place of an object.
    fn null(&mut self) {}

    /// Takes another value in place of an object, or says that it cannot.
    fn other(&mut self, mismatch: Mismatch) -> Result<(), Mismatch> {
        Err(mismatch)
    }
}

/// Something that is a list in JSON.
pub(super) trait List<'de> {
    /// Forgets what was read before.
    fn reset(&mut self);

    /// Reads the next element; false where there is none.
    fn element<A: SeqAccess<'de>>(&mut self, list: &mut A, trail: &Trail)
    -> Result<bool, A::Error>;

    /// Takes another value in place of a list, or says that it cannot.
    fn other(&mut self, mismatch: Mismatch) -> Result<(), Mismatch> {
        Err(mismatch)
    }
}

impl<'de, T: Read<'de> + Default> List<'de> for Vec<T> {
    fn reset(&mut self) {
        self.clear();
    }

    fn element<A: SeqAccess<'de>>(
        &mut self,
        list: &mut A,
        trail: &Trail,
    ) -> Result<bool, A::Error> {
        let mut element = T::default();
        let more = list.next_element_seed(Place { target: &mut element, trail })?.is_some();
        if more {
            self.push(element);
        }
        Ok(more)
    }
}

/// Reads the elements of `target`, which is a list.
pub(super) struct AsList<'t, T>(pub(super) &'t mut T);

impl<'de, T: List<'de>> Read<'de> for AsList<'_, T> {
    fn read<D: Deserializer<'de>>(&mut self, from: D, trail: &Trail) -> Result<(), D::Error> {
        self.0.reset();
        from.deserialize_any(ListVisitor { target: &mut *self.0, trail })
    }
}

impl<'de, T: Members<'de>> Read<'de> for T {
    fn read<D: Deserializer<'de>>(&mut self, from: D, trail: &Trail) -> Result<(), D::Error> {
        self.reset();
        from.deserialize_any(ObjectVisitor { target: self, trail })
    }
}

impl<'de> Read<'de> for String {
    fn read<D: Deserializer<'de>>(&mut self, from: D, trail: &Trail) -> Result<(), D::Error> {
        let scalar = Scalar::deserialize(from)?;
        trail.check_text(&scalar)?;
        *self = text(scalar).map_err(|mismatch| trail.mismatch(&mismatch))?.into_owned();
        Ok(())
    }
}

/// A piece of JSON text, checked for syntax only.
impl<'de> Read<'de> for Option<&'de RawValue> {
    fn read<D: Deserializer<'de>>(&mut self, from: D, _: &Trail) -> Result<(), D::Error> {
        *self = <&RawValue>::deserialize(from).map(Some)?;
        Ok(())
    }
}

/// The value of a member that is about to be read.
pub(super) struct Slot<'m, A> {
    object: &'m mut A,
    trail: &'m Trail,
}

impl<'de, A: MapAccess<'de>> Slot<'_, A> {
    /// What `convert` makes of the value.
    #[inline]
    pub(super) fn scalar<T>(
        self,
        convert: impl FnOnce(Scalar<'de>) -> Result<T, Mismatch>,
    ) -> Result<T, A::Error> {
        let scalar = self.object.next_value()?;
        self.trail.check_text(&scalar)?;
        convert(scalar).map_err(|mismatch| self.trail.mismatch(&mismatch))
    }

    /// Reads the value into `target`.
    pub(super) fn read(self, target: &mut impl Read<'de>) -> Result<(), A::Error> {
        self.object.next_value_seed(Place { target, trail: self.trail })
    }

    /// Reads the value into `target`, which is one level deeper in a value.
    pub(super) fn read_deeper(self, target: &mut impl Read<'de>) -> Result<(), A::Error> {
        let trail = self.trail;
        let depth = trail.depth.get() + 1;
        check::depth(depth).map_err(|fault| trail.stop::<A::Error>(fault))?;
        trail.depth.set(depth);
        self.read(target)?;
        trail.depth.set(depth - 1);
        Ok(())
    }

    /// Reads the elements of the value into `target`.
    pub(super) fn list(self, target: &mut impl List<'de>) -> Result<(), A::Error> {
        self.read(&mut AsList(target))
    }

    /// Passes over the value.
    pub(super) fn ignore(self) -> Result<(), A::Error> {
        self.object.next_value::<IgnoredAny>().map(drop)
    }
}

/// Hands `target` and the trail through the deserializer.
pub(super) struct Place<'t, T> {
    pub(super) target: &'t mut T,
    pub(super) trail: &'t Trail,
}

impl<'de, T: Read<'de>> DeserializeSeed<'de> for Place<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        self.target.read(from, self.trail)
    }
}

struct ObjectVisitor<'t, T> {
    target: &'t mut T,
    trail: &'t Trail,
}

struct ListVisitor<'t, T> {
    target: &'t mut T,
    trail: &'t Trail,
}

/// The visits that neither an object nor a list wants.
macro_rules! other_visits {
    ($expected:literal) => {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str($expected)
        }

        fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
            self.other(&Scalar::Bool(value))
        }

        fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
            self.other(&Scalar::Unsigned(value))
        }

        fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
            self.other(&Scalar::Signed(value))
        }

        fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
            self.other(&Scalar::Float(value))
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
            self.other(&Scalar::Text(text.into()))
        }
    };
}

impl<'de, T: Members<'de>> ObjectVisitor<'_, T> {
    #[cold]
    fn other<E: Error>(self, got: &Scalar<'_>) -> Result<(), E> {
        let taken = self.target.other(format!("expected an object, got {got}"));
        taken.map_err(|mismatch| self.trail.mismatch(&mismatch))
    }
}

impl<'de, T: Members<'de>> Visitor<'de> for ObjectVisitor<'_, T> {
    other_visits!("an object");

    fn visit_unit<E>(self) -> Result<(), E> {
        self.target.null();
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        self.other(&Scalar::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        while let Some(Name(name)) = object.next_key()? {
            if self.trail.mark.is_some_and(|mark| name.contains(mark)) {
                return Err(self.trail.mismatch(&"expected a name in UTF-8".to_owned()));
            }
            let slot = Slot { object: &mut object, trail: self.trail };
            if let Err(error) = self.target.member(&name, slot) {
                self.trail.within(&name, &error);
                return Err(error);
            }
        }
        Ok(())
    }
}

impl<'de, T: List<'de>> ListVisitor<'_, T> {
    #[cold]
    fn other<E: Error>(self, got: &Scalar<'_>) -> Result<(), E> {
        let taken = self.target.other(format!("expected a list, got {got}"));
        taken.map_err(|mismatch| self.trail.mismatch(&mismatch))
    }
}

impl<'de, T: List<'de>> Visitor<'de> for ListVisitor<'_, T> {
    other_visits!("a list");

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        for position in 0_usize.. {
            match self.target.element(&mut list, self.trail) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    self.trail.within(format_args!("[{position}]"), &error);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        self.other(&Scalar::Object)
    }
}

/// A member's name, borrowed unless it has escapes.
struct Name<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(NameVisitor)
    }
}
