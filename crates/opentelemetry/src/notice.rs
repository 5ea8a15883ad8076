//! What a service is told of its spans' way into the store. Invariant: a kind of failure is told once
//! until it is over, and its end is told with what was lost meanwhile.

use std::error::Error as _;
use std::fmt::{self, Display};
use std::panic::{AssertUnwindSafe, catch_unwind};

use treering::model::Refusal;
use treering::{Error, ErrorKind};

/// Something that a service may want to log, on one line by `Display`. Told by the exporter's own
/// thread, once for each kind of failure until it is over.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Notice<'a> {
    /// The store does not take spans, so they are dropped. Where its disk is full or a write failed
    /// otherwise, it is tried again at once, and then after a second and up to thirty
    /// ([`Store::resume`](treering::Store::resume)).
    NotStored {
        /// Why not.
        error: &'a Error,
        /// Spans lost by this failure so far; later ones are only counted.
        spans: u64,
    },
    /// Spans are dropped, because too many wait for the disk.
    QueueFull {
        /// Spans lost so far; later ones are only counted.
        spans: u64,
    },
    /// What [`Notice::NotStored`], [`Notice::QueueFull`] or [`Notice::Panicked`] told is over.
    Recovered {
        /// Spans lost meanwhile.
        spans: u64,
    },
    /// The store refused a span that no store can hold; told for the first one only.
    Refused(&'a Refusal),
    /// Storing spans panicked, so they are dropped. That is a fault of the store or of this crate.
    Panicked {
        /// What the panic said.
        message: &'a str,
        /// Spans lost by it.
        spans: u64,
    },
}

impl Display for Notice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStored { error, spans } => {
                let error = WithCauses(error);
                write!(f, "{spans} spans are lost, and more may follow: {error}")
            }
            Self::QueueFull { spans } => {
                write!(f, "{spans} spans are lost, and more may follow: too many wait for the disk")
            }
            Self::Recovered { spans } => {
                write!(f, "spans are stored again; {spans} were lost meanwhile")
            }
            Self::Refused(refusal) => {
                write!(f, "a span is left out, as others like it will be: {refusal}")
            }
            Self::Panicked { message, spans } => {
                write!(f, "{spans} spans are lost, and more may follow: a panic: {message}")
            }
        }
    }
}

/// An error with its sources, each after a colon.
pub(crate) struct WithCauses<'a>(pub(crate) &'a Error);

impl Display for WithCauses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut source = self.0.source();
        Display::fmt(self.0, f)?;
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

/// What a service wants to be called.
pub(crate) type Handler = Box<dyn Fn(&Notice<'_>) + Send>;

/// A kind of failure of storing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Store(ErrorKind),
    Panic,
}

/// Tells the service, and remembers what was told.
pub(crate) struct Teller {
    handler: Handler,
    told: Vec<Kind>,
    /// Spans lost since storing failed first.
    lost: u64,
    told_refusal: bool,
    queue: QueueEpisode,
}

/// A time in which the queue is full now and then.
#[derive(Debug, Default)]
struct QueueEpisode {
    is_open: bool,
    /// Spans lost in it.
    lost: u64,
    /// Spans dropped by then in all.
    seen: u64,
}

impl Teller {
    pub(crate) fn new(handler: Handler) -> Self {
        let (told, queue) = (Vec::new(), QueueEpisode::default());
        Self { handler, told, lost: 0, told_refusal: false, queue }
    }

    pub(crate) fn failed(&mut self, error: &Error, spans: u64) {
        self.lost += spans;
        let kind = error.kind();
        // A store that refuses to write since a write failed says no more than that write did.
        let mut told = self
            .told
            .iter()
            .filter(|told| !matches!(told, Kind::Store(ErrorKind::Limit) | Kind::Panic));
        let follows = kind == ErrorKind::WritesRefused && told.next().is_some();
        if !follows && self.is_news(Kind::Store(kind)) {
            self.tell(&Notice::NotStored { error, spans });
        }
    }

    pub(crate) fn panicked(&mut self, message: &str, spans: u64) {
        self.lost += spans;
        if self.is_news(Kind::Panic) {
            self.tell(&Notice::Panicked { message, spans });
        }
    }

    pub(crate) fn stored(&mut self) {
        if !self.told.is_empty() {
            self.told.clear();
            let spans = std::mem::take(&mut self.lost);
            self.tell(&Notice::Recovered { spans });
        }
    }

    pub(crate) fn refused(&mut self, refusal: &Refusal) {
        if !std::mem::replace(&mut self.told_refusal, true) {
            self.tell(&Notice::Refused(refusal));
        }
    }

    /// `dropped` spans found the queue full in all; `has_room` after spans were stored, if it is empty.
    pub(crate) fn queue(&mut self, dropped: u64, has_room: bool) {
        let queue = &mut self.queue;
        let new = dropped.saturating_sub(std::mem::replace(&mut queue.seen, dropped));
        queue.lost += new;
        if new > 0 && !std::mem::replace(&mut queue.is_open, true) {
            self.tell(&Notice::QueueFull { spans: new });
        } else if new == 0 && has_room && std::mem::replace(&mut queue.is_open, false) {
            let spans = std::mem::take(&mut queue.lost);
            self.tell(&Notice::Recovered { spans });
        }
    }

    fn is_news(&mut self, kind: Kind) -> bool {
        let is_news = !self.told.contains(&kind);
        if is_news {
            self.told.push(kind);
        }
        is_news
    }

    /// A handler that panics does not end the exporter's thread.
    fn tell(&self, notice: &Notice<'_>) {
        let _panic = catch_unwind(AssertUnwindSafe(|| (self.handler)(notice)));
    }
}
