//! Predicates on the columns of a table: first which values of the dictionary pass, then which rows
//! have one of these. Invariant: exactly the rows whose value passes `Test::holds`.

use std::ops::Range;
use std::sync::Arc;

use super::brake::Brake;
use super::convert::Convert;
use super::passed::{check_numbers, rows_of};
use super::ranks::Ranks;
use super::texts::{self, Memo};
use crate::block::{Block, BlockError, ColumnKey, ColumnReader, Numbers, Table, ValueKind};
use crate::codec::cast::{u64_of, usize_of};
use crate::codec::order;
use crate::model::Value;
use crate::query::Pattern;
use crate::query::plan::field::SERVICE_NAME;
use crate::query::rows::Rows;
use crate::query::syntax::CompareOp;
use crate::query::value::{Scalar, Test, compare};

/// Values tested between two looks whether to stop: a regular expression may take a microsecond each.
const LOOK_VALUES: u32 = 1024;

/// Of at least one row in so many of a column, all value numbers are decoded and kept; of fewer, single
/// ones are read.
pub(super) const MANY_ROWS_SHARE: u32 = 128;

/// Of patterns asked of fewer values nothing is kept.
const KEPT_VALUES_MIN: u32 = 1024;

/// Columns of one key.
pub(super) struct Field<'a> {
    pub(super) columns: Vec<ColumnReader<'a>>,
    pub(super) convert: Convert,
    /// True where values are seen as they are stored, so that the dictionary's order can be used.
    pub(super) plain: bool,
    memo: Arc<Memo>,
    brake: Option<&'a Brake>,
}

impl<'a> Field<'a> {
    /// The same columns, for which what patterns match is kept in `memo`.
    pub(super) fn remembering(self, memo: &Arc<Memo>) -> Self {
        Self { memo: Arc::clone(memo), ..self }
    }

    /// The same, looked at no further once the brake says stop.
    pub(super) fn braked(self, brake: &'a Brake) -> Self {
        Self { brake: Some(brake), ..self }
    }

    /// True where what the values are from this one on does not matter any more.
    fn stops_at(&self, number: u32) -> bool {
        self.brake.is_some_and(|brake| {
            if number.is_multiple_of(LOOK_VALUES) { brake.stops() } else { brake.is_stopped() }
        })
    }

    /// A pattern whose matches among the texts of a column are looked for by dictionary.
    fn pattern<'t>(&self, column: &ColumnReader<'_>, test: &'t Test) -> Option<&'t Pattern> {
        match test {
            Test::Matches(pattern) | Test::NotMatches(pattern)
                if self.plain && column.kind() == ValueKind::String =>
            {
                Some(pattern)
            }
            _ => None,
        }
    }

    /// The columns of an attribute.
    pub(super) fn attribute(block: &'a Block, table: Table, key: &str) -> Result<Self, BlockError> {
        let columns = block.columns(table, &ColumnKey::Attribute(key.to_owned()))?;
        Ok(Self { columns, convert: Scalar::of, plain: true, memo: Arc::default(), brake: None })
    }

    /// The columns of a resource's `service.name` where it is wanted as text: `""` where it is none.
    pub(super) fn service_name(block: &'a Block) -> Result<Self, BlockError> {
        let key = ColumnKey::Attribute(SERVICE_NAME.to_owned());
        let convert = |value: &Value| match Scalar::of(value) {
            Scalar::String(text) => Scalar::String(text),
            _ => Scalar::text(""),
        };
        Ok(Self {
            columns: block.columns(Table::Resources, &key)?,
            convert,
            plain: false,
            memo: Arc::default(),
            brake: None,
        })
    }

    /// The columns of a field that is seen as it is stored.
    pub(super) fn stored(block: &'a Block, table: Table, code: u8) -> Result<Self, BlockError> {
        let columns = block.columns(table, &ColumnKey::Field(code))?;
        Ok(Self { columns, convert: Scalar::of, plain: true, memo: Arc::default(), brake: None })
    }

    /// The columns of a field, whose values `convert` makes scalars of.
    pub(super) fn converted(
        block: &'a Block,
        table: Table,
        code: u8,
        convert: Convert,
    ) -> Result<Self, BlockError> {
        let columns = block.columns(table, &ColumnKey::Field(code))?;
        Ok(Self { columns, convert, plain: false, memo: Arc::default(), brake: None })
    }

    /// At most so many rows pass.
    pub(super) fn estimate(&self, test: &Test) -> Result<u32, BlockError> {
        let mut sum = 0u32;
        for column in &self.columns {
            let rows = match test {
                Test::Compare(CompareOp::Equal, _) => match self.passing(column, test)? {
                    Numbers::Range(range) if range.is_empty() => 0,
                    Numbers::Range(range) if range.len() == 1 => {
                        u32::try_from(column.rows_max(&[range.start])?).unwrap_or(u32::MAX)
                    }
                    _ => column.rows(),
                },
                _ => column.rows(),
            };
            sum = sum.saturating_add(rows);
        }
        Ok(sum)
    }

    /// How many texts a pattern has to be compared with, of columns for which it was not yet.
    pub(super) fn texts_to_ask(&self, test: &Test) -> Result<u64, BlockError> {
        let mut texts: u64 = 0;
        for column in &self.columns {
            let pattern = self.pattern(column, test);
            let Some(pattern) = pattern.filter(|pattern| !pattern.prefixes_suffice()) else {
                continue;
            };
            if column.known_matches::<Rows>(pattern.text()).is_none() {
                let asked = texts::asked(column, pattern)?;
                texts += asked.iter().map(|range| u64_of(range.len())).sum::<u64>();
            }
        }
        Ok(texts)
    }

    /// The table's rows that pass, at least those within `window`.
    pub(super) fn find(&self, test: &Test, window: Range<u32>) -> Result<Rows, BlockError> {
        let mut found = Rows::empty();
        for column in &self.columns {
            if let Some(pattern) = self.pattern(column, test) {
                if matches!(test, Test::Matches(_))
                    && let Some(rows) = column.known_matches::<Rows>(pattern.text())
                {
                    found = found.or(&rows);
                    continue;
                }
                let rows =
                    u64::from(window.end.saturating_sub(window.start)).min(column.rows().into());
                if self.memo.rows_first(column, pattern, rows) {
                    let present = Rows::from_shared(column.presence()?).within(window.clone());
                    found = found.or(&self.check_values(column, test, &present)?);
                    continue;
                }
            }
            let numbers = self.passing(column, test)?;
            let rows = rows_of(column, &numbers, window.clone())?;
            if let (Test::Matches(pattern), true) = (test, is_all(&window, column)) {
                self.keep_matches(column, pattern, &rows);
            }
            found = found.or(&rows);
        }
        Ok(found.within(window))
    }

    /// The same of a table whose rows without a value have `default`, where there is one.
    pub(super) fn find_or_default(
        &self,
        default: Option<&Scalar>,
        test: &Test,
        window: Range<u32>,
    ) -> Result<Rows, BlockError> {
        let passed = self.find(test, window.clone())?;
        match default {
            Some(default) if test.holds(default) => {
                let present = self.find(&Test::Present, window.clone())?;
                Ok(present.complement(window).or(&passed))
            }
            _ => Ok(passed),
        }
    }

    /// Keeps which rows match, where it took many values to find out, and all of them were looked at.
    fn keep_matches(&self, column: &ColumnReader<'_>, pattern: &Pattern, rows: &Rows) {
        let is_worth = self.plain && column.values() >= KEPT_VALUES_MIN;
        if is_worth && !self.stops_at(0) {
            let bytes = rows.bytes_max() + pattern.text().len();
            column.keep_matches(pattern.text(), &Arc::new(rows.clone()), bytes);
        }
    }

    /// Those of `rows` that pass.
    pub(super) fn check(&self, test: &Test, rows: &Rows) -> Result<Rows, BlockError> {
        let mut found = Rows::empty();
        for column in &self.columns {
            let present = rows.and(&Rows::from_shared(column.presence()?));
            if *test == Test::Present || present.is_empty() {
                found = found.or(&present);
            } else if present.len() < u64::from(column.values()) {
                found = found.or(&self.check_values(column, test, &present)?);
            } else {
                let numbers = self.passing(column, test)?;
                let ranks = Ranks::new(column, present.len())?;
                found = found.or(&check_numbers(column, &numbers, &present, ranks)?);
            }
        }
        Ok(found)
    }

    /// Looks at the value of each row: cheapest where the dictionary is larger than the rows.
    fn check_values(
        &self,
        column: &ColumnReader<'_>,
        test: &Test,
        present: &Rows,
    ) -> Result<Rows, BlockError> {
        let mut values = column.value_cursor()?;
        let mut ranks = Ranks::new(column, present.len())?;
        let mut passed = Vec::new();
        if let Some(pattern) = self.pattern(column, test) {
            let (mut strings, wanted) = (column.strings()?, matches!(test, Test::Matches(_)));
            present.try_for_each_batch(|batch| {
                if self.stops_at(0) {
                    return Ok(());
                }
                for row in batch {
                    let Some(rank) = ranks.of(*row) else { continue };
                    let bytes = strings.get(values.number(rank)?)?;
                    let string = std::str::from_utf8(&bytes).unwrap_or_default();
                    passed.extend((pattern.matches(string) == wanted).then_some(*row));
                }
                Ok(())
            })?;
            return Ok(Rows::from_sorted(&passed));
        }
        present.try_for_each_batch(|batch| {
            if self.stops_at(0) {
                return Ok(());
            }
            for row in batch {
                let Some(rank) = ranks.of(*row) else { continue };
                let value = values.at_rank(rank)?;
                if test.holds(&(self.convert)(&value)) {
                    passed.push(*row);
                }
            }
            Ok(())
        })?;
        Ok(Rows::from_sorted(&passed))
    }

    /// The values of ascending rows; nil stays where a row has none.
    pub(super) fn values(&self, rows: &[u32], out: &mut [Scalar]) -> Result<(), BlockError> {
        for column in &self.columns {
            let mut values = column.value_cursor()?;
            let mut ranks = Ranks::new(column, u64_of(rows.len()))?;
            let mut known: Vec<Option<Scalar>> = Vec::new();
            if usize_of(column.values()) <= rows.len() {
                known.resize(usize_of(column.values()), None);
            }
            let many = rows.len() >= usize_of(column.rows() / MANY_ROWS_SHARE);
            let numbers = if many { Some(column.numbers()?) } else { None };
            for (row, slot) in rows.iter().zip(out.iter_mut()) {
                let Some(rank) = ranks.of(*row) else { continue };
                let number = match &numbers {
                    Some(numbers) => numbers.get(usize_of(rank)).copied().unwrap_or(0),
                    None => values.number(rank)?,
                };
                let memo = known.get_mut(usize_of(number));
                *slot = match memo {
                    Some(Some(value)) => value.clone(),
                    Some(memo) => {
                        let value = (self.convert)(&values.value(number)?);
                        memo.insert(value).clone()
                    }
                    None => (self.convert)(&values.value(number)?),
                };
            }
        }
        Ok(())
    }

    /// The values of the dictionary that pass.
    fn passing(&self, column: &ColumnReader<'_>, test: &Test) -> Result<Numbers, BlockError> {
        let all = 0..column.values();
        let plain = self.plain;
        match (test, column.kind()) {
            (Test::Present, _) => Ok(Numbers::Range(all)),
            (Test::Compare(op, Scalar::String(wanted)), ValueKind::String) if plain => {
                let (lower, equal) = column.strings()?.lower_bound(wanted.as_bytes())?;
                Ok(ordered(*op, lower, lower + u32::from(equal), all))
            }
            (Test::Matches(pattern), ValueKind::String) if plain => {
                Ok(Numbers::Runs(self.memo.matching(column, pattern, &|| self.stops_at(0))?))
            }
            (Test::NotMatches(pattern), ValueKind::String) if plain => Ok(texts::all_but(
                column,
                &*self.memo.matching(column, pattern, &|| self.stops_at(0))?,
            )),
            (Test::Compare(op, constant), ValueKind::Int) if plain => {
                let value = |payload| Scalar::Int(order::to_i64(payload));
                numeric(column, *op, constant, all, value)
            }
            (Test::Compare(op, constant), ValueKind::Double) if plain => {
                doubles(column, *op, constant, all)
            }
            _ => self.each_value(column, test),
        }
    }

    fn each_value(&self, column: &ColumnReader<'_>, test: &Test) -> Result<Numbers, BlockError> {
        let mut values = column.value_cursor()?;
        let mut found = Vec::new();
        for number in 0..column.values() {
            if self.stops_at(number) {
                break;
            }
            if test.holds(&(self.convert)(&values.value(number)?)) {
                found.push(number);
            }
        }
        Ok(Numbers::List(found))
    }
}

/// The numbers for which `op` holds, where `lower..upper` are those equal to the constant.
fn ordered(op: CompareOp, lower: u32, upper: u32, all: Range<u32>) -> Numbers {
    match op {
        CompareOp::Equal => Numbers::Range(lower..upper),
        CompareOp::Less => Numbers::Range(all.start..lower),
        CompareOp::LessEqual => Numbers::Range(all.start..upper),
        CompareOp::Greater => Numbers::Range(upper..all.end),
        CompareOp::GreaterEqual => Numbers::Range(lower..all.end),
        CompareOp::NotEqual if lower == upper => Numbers::Range(all),
        CompareOp::NotEqual if lower == all.start => Numbers::Range(upper..all.end),
        CompareOp::NotEqual if upper == all.end => Numbers::Range(all.start..lower),
        CompareOp::NotEqual => Numbers::List((all.start..lower).chain(upper..all.end).collect()),
        CompareOp::Match | CompareOp::NotMatch => Numbers::Range(0..0),
    }
}

/// The ordered numbers of a numeric dictionary within `all`, where no value is NaN.
fn numeric(
    column: &ColumnReader<'_>,
    op: CompareOp,
    constant: &Scalar,
    all: Range<u32>,
    value: impl Fn(u64) -> Scalar,
) -> Result<Numbers, BlockError> {
    let is_number = matches!(
        constant,
        Scalar::Int(_) | Scalar::Float(_) | Scalar::Duration(_) | Scalar::Time(_)
    );
    if !is_number {
        return Ok(Numbers::Range(0..0));
    }
    // NaN has no place among the sorted values; it is unequal to all of them.
    if matches!(constant, Scalar::Float(value) if value.is_nan()) {
        return Ok(Numbers::Range(if op == CompareOp::NotEqual { all } else { 0..0 }));
    }
    let mut payloads = column.payloads()?.cursor();
    let mut first = |holds: CompareOp| -> Result<u32, BlockError> {
        let (mut low, mut high) = (all.start, all.end);
        while low < high {
            let middle = low.midpoint(high);
            if compare(holds, &value(payloads.get(usize_of(middle))?), constant) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Ok(low)
    };
    let (lower, upper) = (first(CompareOp::GreaterEqual)?, first(CompareOp::Greater)?);
    Ok(ordered(op, lower, upper, all))
}

/// Floats sort by total order, NaNs at both ends; a NaN passes `!=` and nothing else.
fn doubles(
    column: &ColumnReader<'_>,
    op: CompareOp,
    constant: &Scalar,
    all: Range<u32>,
) -> Result<Numbers, BlockError> {
    let first = column.lower_bound(order::of_f64_bits(f64::NEG_INFINITY.to_bits()))?;
    let after = column.lower_bound(order::of_f64_bits(f64::INFINITY.to_bits()) + 1)?;
    let value = |payload| Scalar::Float(f64::from_bits(order::to_f64_bits(payload)));
    let numbers = numeric(column, op, constant, first..after, value)?;
    let is_number = matches!(constant, Scalar::Int(_) | Scalar::Float(_) | Scalar::Duration(_));
    if op != CompareOp::NotEqual || !is_number || (first == all.start && after == all.end) {
        return Ok(numbers);
    }
    let inner = numbers.to_vec();
    Ok(Numbers::List((all.start..first).chain(inner).chain(after..all.end).collect()))
}

/// True for a window of all rows.
fn is_all(window: &Range<u32>, column: &ColumnReader<'_>) -> bool {
    window.start == 0 && window.end >= column.table_rows()
}
