//! Operators, literals and fields as text. Invariant: as `print`'s.

use std::fmt::{self, Display, Formatter};

use super::{
    AggregateOp, ArithmeticOp, AttributeScope, BinaryOp, CompareOp, Field, FieldKind, Form,
    Intrinsic, KindLiteral, Literal, Relation, SpansetOp, StatusLiteral, UnaryOp, lexer, quote,
};

impl Display for SpansetOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (relation, form) = match self {
            Self::And => return f.write_str("&&"),
            Self::Or => return f.write_str("||"),
            Self::Unless => return f.write_str("unless"),
            Self::Structural(relation, form) => (relation, form),
        };
        f.write_str(match form {
            Form::Plain => "",
            Form::Not => "!",
            Form::Union => "&",
        })?;
        f.write_str(match relation {
            Relation::Child => ">",
            Relation::Descendant => ">>",
            Relation::Parent => "<",
            Relation::Ancestor => "<<",
            Relation::Sibling => "~",
        })
    }
}

impl Display for AggregateOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Avg => "avg",
            Self::Max => "max",
            Self::Min => "min",
            Self::Sum => "sum",
        })
    }
}

impl Display for UnaryOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Minus => "-",
            Self::Not => "!",
        })
    }
}

impl Display for BinaryOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::And => f.write_str("&&"),
            Self::Or => f.write_str("||"),
            Self::Compare(op) => write!(f, "{op}"),
            Self::Arithmetic(op) => write!(f, "{op}"),
        }
    }
}

impl Display for CompareOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Match => "=~",
            Self::NotMatch => "!~",
        })
    }
}

impl Display for ArithmeticOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
            Self::Power => "^",
        })
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(text) => quote::write_string(f, text),
            Self::Int(i64::MIN) => f.write_str("minInt"),
            Self::Int(value) => write!(f, "{value}"),
            // `Debug` writes the shortest text that reads back as the same float, always with a point
            // or an exponent.
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Nil => f.write_str("nil"),
            Self::Duration(nanos) => write_duration(f, *nanos),
            Self::Status(status) => write!(f, "{status}"),
            Self::Kind(kind) => write!(f, "{kind}"),
        }
    }
}

/// Writes whole numbers of the units from `h` to `ns`, longest first, without the zeros.
pub(crate) fn write_duration(f: &mut Formatter<'_>, nanos: i64) -> fmt::Result {
    const UNITS: [(&str, u64); 6] = [
        ("h", 3_600_000_000_000),
        ("m", 60_000_000_000),
        ("s", 1_000_000_000),
        ("ms", 1_000_000),
        ("us", 1_000),
        ("ns", 1),
    ];
    if nanos == 0 {
        return f.write_str("0s");
    }
    if nanos < 0 {
        f.write_str("-")?;
    }
    let mut rest = nanos.unsigned_abs();
    for (unit, length) in UNITS {
        if rest >= length {
            write!(f, "{}{unit}", rest / length)?;
            rest %= length;
        }
    }
    Ok(())
}

impl Display for StatusLiteral {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unset => "unset",
            Self::Ok => "ok",
            Self::Error => "error",
        })
    }
}

impl Display for KindLiteral {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unspecified => "unspecified",
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        })
    }
}

impl Display for Intrinsic {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.canonical_name())
    }
}

impl Display for Field {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.parent {
            f.write_str("parent.")?;
        }
        let (scope, name) = match &self.kind {
            FieldKind::Intrinsic(intrinsic) => return write!(f, "{intrinsic}"),
            FieldKind::Attribute(scope, name) => (scope, name),
        };
        match scope {
            AttributeScope::Any if self.parent => {}
            AttributeScope::Any => f.write_str(".")?,
            scope => {
                let prefix = lexer::SCOPES.iter().find(|(_, of)| of == scope);
                f.write_str(prefix.map_or("", |(prefix, _)| prefix))?;
            }
        }
        if needs_quotes(name, *scope, self.parent) {
            return quote::write_name(f, name);
        }
        f.write_str(name)
    }
}

/// Whether an attribute's name would not be read back without quotes.
fn needs_quotes(name: &str, scope: AttributeScope, parent: bool) -> bool {
    let any = scope == AttributeScope::Any;
    let reads_as_number = any && name.starts_with(|char: char| char.is_ascii_digit());
    let reads_as_other = any
        && parent
        && (name.starts_with("span.")
            || name.starts_with("resource.")
            || Intrinsic::from_name(name).is_some());
    name.is_empty()
        || reads_as_number
        || reads_as_other
        || name.contains(|char: char| char == '"' || lexer::ends_name(char))
}
