//! Single values of a column as model values.

use super::reader::ColumnReader;
use super::strings::Strings;
use crate::block::error::BlockError;
use crate::block::format::Part;
use crate::block::packed::Cursor;
use crate::block::staging::ValueKind;
use crate::block::values;
use crate::codec::cast::{low_u32, usize_of};
use crate::codec::order;
use crate::model::Value;

/// Reads values of a column by rank among the rows that have one.
#[derive(Debug)]
pub(crate) struct ValueCursor<'a> {
    column: ColumnReader<'a>,
    numbers: Option<Cursor<'a>>,
    dictionary: Dictionary<'a>,
}

#[derive(Debug)]
enum Dictionary<'a> {
    Strings(Strings<'a>),
    Payloads(Cursor<'a>),
}

impl<'a> ColumnReader<'a> {
    /// A reader of single values.
    pub(crate) fn value_cursor(&self) -> Result<ValueCursor<'a>, BlockError> {
        let dictionary = if self.kind().is_interned() {
            Dictionary::Strings(self.strings()?)
        } else {
            Dictionary::Payloads(self.payloads()?.cursor())
        };
        Ok(ValueCursor { column: self.clone(), numbers: self.number_cursor()?, dictionary })
    }
}

impl ValueCursor<'_> {
    /// The value number of the row with this rank.
    pub(crate) fn number(&mut self, rank: u32) -> Result<u32, BlockError> {
        match &mut self.numbers {
            None => Ok(0),
            Some(numbers) => numbers.get(usize_of(rank)).map(low_u32),
        }
    }

    /// The value of the row with this rank.
    pub(crate) fn at_rank(&mut self, rank: u32) -> Result<Value, BlockError> {
        let number = self.number(rank)?;
        self.value(number)
    }

    /// Value `number` of the dictionary.
    pub(crate) fn value(&mut self, number: u32) -> Result<Value, BlockError> {
        match &mut self.dictionary {
            Dictionary::Payloads(payloads) => {
                let payload = payloads.get(usize_of(number))?;
                Ok(match self.column.kind() {
                    ValueKind::Int => Value::Int(order::to_i64(payload)),
                    ValueKind::Double => Value::Double(f64::from_bits(order::to_f64_bits(payload))),
                    _ => Value::Bool(payload != 0),
                })
            }
            Dictionary::Strings(strings) => {
                let bytes = strings.get(number)?;
                let value = if self.column.kind() == ValueKind::String {
                    String::from_utf8(bytes.to_vec())
                        .map(Value::String)
                        .map_err(|error| error.to_string())
                } else {
                    values::decode(&bytes).map_err(|error| error.to_string())
                };
                value.map_err(|what| self.column.corrupt(Part::Dictionary, what))
            }
        }
    }
}
