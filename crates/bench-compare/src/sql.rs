//! The questions in SQL, each in every form that was found to be the fastest for some data.
//! Invariant: a form is right for any conditions on its sides, so none knows more than a planner
//! could; and it gives two numbers, how many rows match and the sum of their numbers.

/// Spans with `condition`.
pub(crate) fn rows(condition: &str) -> String {
    format!("select count(*), sum(row) from spans where {condition}")
}

/// Rows of `b` within the interval of a row of `a`.
pub(crate) fn below(a: &str, b: &str) -> Vec<String> {
    let mut forms = Vec::new();
    // A leaf has nothing below it. To leave leaves out costs a look at one more column.
    for a in [a.to_owned(), format!("({a}) and last > row")] {
        forms.push(format!(
            "select count(*), sum(row) from
             (select row, {b} as wanted, max(case when {a} then last end) over
              (order by row rows between unbounded preceding and 1 preceding) as reach
              from spans where ({a}) or ({b}))
             where wanted and row <= reach"
        ));
        forms.push(format!(
            "select count(*), sum(b.row) from (select trace, row from spans where {b}) b
             semi join (select trace, row, last from spans where {a}) a
             on a.trace = b.trace and a.row < b.row and b.row <= a.last"
        ));
        forms.push(format!(
            "with a as (select row, max(last) over (order by row rows unbounded preceding) as reach
             from spans where {a})
             select count(*), sum(b.row) from (select row from spans where {b}) b
             asof join a on b.row > a.row where b.row <= a.reach"
        ));
    }
    forms
}

/// Rows of `b` with a row of `a` within their interval.
pub(crate) fn above(a: &str, b: &str) -> Vec<String> {
    let mut forms = Vec::new();
    // A leaf is above nothing.
    for b in [b.to_owned(), format!("({b}) and last > row")] {
        forms.push(format!(
            "select count(*), sum(row) from
             (select row, last, {b} as wanted, min(case when {a} then row end) over
              (order by row rows between 1 following and unbounded following) as next
              from spans where ({a}) or ({b}))
             where wanted and next <= last"
        ));
        forms.push(format!(
            "select count(*), sum(b.row) from (select trace, row, last from spans where {b}) b
             semi join (select trace, row from spans where {a}) a
             on a.trace = b.trace and b.row < a.row and a.row <= b.last"
        ));
        forms.push(format!(
            "select count(*), sum(b.row) from (select row, last from spans where {b}) b
             asof join (select row from spans where {a}) a on b.row < a.row
             where a.row <= b.last"
        ));
    }
    forms
}

/// Rows of `b` whose parent is in `a`.
pub(crate) fn child(a: &str, b: &str) -> Vec<String> {
    vec![
        format!(
            "select count(*), sum(row) from spans
             where {b} and parent in (select row from spans where {a})"
        ),
        format!(
            "select count(*), sum(b.row) from (select row, parent from spans where {b}) b
             semi join (select row from spans where {a}) a on a.row = b.parent"
        ),
        format!(
            "select count(*), sum(b.row) from (select row, parent from spans where {b}) b
             join (select row from spans where {a}) a on a.row = b.parent"
        ),
    ]
}

/// Rows of `b` that are no parent of a row of `a`.
pub(crate) fn not_parent(a: &str, b: &str) -> Vec<String> {
    vec![
        format!(
            "select count(*), sum(row) from spans
             where {b} and row not in (select parent from spans where {a} and parent is not null)"
        ),
        format!(
            "select count(*), sum(b.row) from (select row from spans where {b}) b
             anti join (select parent from spans where {a}) a on a.parent = b.row"
        ),
    ]
}

/// Rows of `b` that have a sibling in `a`.
pub(crate) fn sibling(a: &str, b: &str) -> Vec<String> {
    vec![
        format!(
            "select count(*), sum(b.row) from (select row, family from spans where {b}) b
             join (select family, count(*) as rows, min(row) as first from spans where {a}
                   group by family) a
             using (family) where a.rows > 1 or a.first <> b.row"
        ),
        format!(
            "select count(*), sum(b.row) from (select row, family from spans where {b}) b
             semi join (select row, family from spans where {a}) a
             on a.family = b.family and a.row <> b.row"
        ),
    ]
}

/// Rows of `condition` in groups by trace and `key`, a small number, of which `having` holds.
pub(crate) fn groups(condition: &str, key: &str, having: &str) -> Vec<String> {
    [format!("trace, {key}"), format!("trace::bigint * 256 + {key}")]
        .map(|by| {
            format!(
                "select coalesce(sum(found), 0), sum(rows) from
                 (select count(*) as found, sum(row) as rows from spans where {condition}
                  group by {by} having {having})"
            )
        })
        .into()
}

/// Rows of `condition` in traces of which `having` holds.
pub(crate) fn traces(condition: &str, having: &str) -> Vec<String> {
    vec![
        format!(
            "select coalesce(sum(found), 0), sum(rows) from
             (select count(*) as found, sum(row) as rows from spans where {condition}
              group by trace having {having})"
        ),
        format!(
            "select count(*), sum(row) from spans where {condition} and trace in
             (select trace from spans where {condition} group by trace having {having})"
        ),
    ]
}

/// Rows of `condition` in the 20 newest traces that have any.
pub(crate) fn newest(condition: &str) -> Vec<String> {
    vec![
        format!(
            "select coalesce(sum(found), 0), sum(rows) from
             (select count(*) as found, sum(row) as rows from spans where {condition}
              group by trace order by trace desc limit 20)"
        ),
        format!(
            "select count(*), sum(row) from spans where {condition} and trace >=
             (select min(trace) from
              (select distinct trace from spans where {condition} order by trace desc limit 20))"
        ),
    ]
}
