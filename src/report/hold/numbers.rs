//! The numbers that a command printed, each with what its column, its row or its key says that it is of.
//!
//! Invariant: a number that its column gives a unit (`max_ms`, `healthy_pct`) is of that unit and counts nothing.

use std::collections::BTreeSet;

use super::state::Held;
use crate::evidence::holds;
use crate::order::target::{Target, Unit, compile};
use crate::report::figures::{self, Figure, Kind, ROWS};

pub struct Number {
    /// Folded words, without a plural's `s`; empty where it stands alone or its column is called `n`.
    of: BTreeSet<String>,
    /// What its column, a cell of its row, its key or its noun says, each whole and folded.
    names: BTreeSet<String>,
    value: f64,
    unit: Option<(Unit, f64)>,
    /// A cell of a table, of which each row has its own; a key says its number once.
    in_table: bool,
    /// As it is shown.
    pub shown: String,
}

/// Names of columns that say no more than that something was counted or computed.
const BARE: [&str; 16] = [
    "n", "count", "star", "total", "num", "number", "cnt", "sum", "min", "max", "avg", "mean", "of", "all", "distinct",
    "x",
];

/// Those of them that say that something was counted, and not the least or the mean of it.
const COUNTS: [&str; 7] = ["n", "count", "star", "total", "num", "number", "cnt"];

/// Whether a word says of a number no more than that it was counted or computed.
pub fn says_no_more_than_counted(word: &str) -> bool {
    BARE.contains(&word)
}

/// Of the tables (`status, n; critical, 11`), keys (`Rows: 288`) and counts (`4 files`) in an output.
pub fn printed(output: &str) -> Vec<Number> {
    let mut out = Vec::new();
    let mut head: Vec<&str> = Vec::new();
    for record in output.lines().flat_map(|line| line.split("; ")) {
        let cells: Vec<&str> = record.split([',', '|', '│']).map(str::trim).collect();
        // a comma also parts thousands
        let cells = if number(record.trim()).is_some() { vec![record.trim()] } else { cells };
        if cells.iter().all(|cell| number(cell).is_none() && keyed(cell).is_none() && counted(cell).is_none()) {
            head = cells;
            continue;
        }
        let row: BTreeSet<String> =
            cells.iter().filter(|cell| number(cell).is_none()).flat_map(|cell| words(cell)).collect();
        let labels: BTreeSet<String> = cells
            .iter()
            .filter(|cell| number(cell).is_none() && keyed(cell).is_none())
            .map(|cell| name(cell))
            .collect();
        for (n, cell) in cells.iter().enumerate() {
            let column = head.get(n).filter(|_| head.len() == cells.len()).copied().unwrap_or_default();
            let own = number(cell);
            let found = own
                .map(|value| (column, value, row.clone(), labels.clone()))
                .or_else(|| keyed(cell).map(|(key, value)| (key, value, BTreeSet::new(), BTreeSet::new())))
                .or_else(|| counted(cell).map(|(value, noun)| (noun, value, BTreeSet::new(), BTreeSet::new())));
            let Some((title, value, mut of, mut names)) = found else { continue };
            of.extend(words(title));
            names.extend([name(title), without_unit(title)]);
            names.remove("");
            let shown = if title.is_empty() { (*cell).to_owned() } else { format!("{title}: {value}") };
            out.push(Number { of, names, value, unit: unit(title), in_table: own.is_some(), shown });
        }
    }
    out
}

/// The words of a claim, as those are written that a number is of.
pub fn said(claim: &str) -> BTreeSet<String> {
    parts(claim).map(|part| figures::singular(&part)).collect()
}

/// Whether one of these numbers, which are all of what a claim of the words `said` means, is as its figure says; `None` where
/// none is. Of two that are called the same, or of which the claim tells neither from the other, each would have to be so,
/// but in a table, whose rows differ; where none of a thing was claimed, each would there too.
pub fn settled(numbers: &[&Number], figure: &Figure, said: &BTreeSet<String>) -> Option<Held> {
    let meets = || numbers.iter().filter(|one| one.meets(figure) == Some(true));
    let one = meets().find(|one| one.is_of_no_more_than(said)).or_else(|| meets().next())?;
    let meant: Vec<&String> = one.of.intersection(said).collect();
    let claims_none = claims_none(figure);
    let mut held = Held::Meets;
    for other in numbers.iter().filter(|other| other.meets(figure) == Some(false)) {
        let is_called_so = one.names == other.names;
        if !is_called_so && (meant.is_empty() || !meant.iter().all(|word| other.of.contains(*word))) {
            continue;
        }
        let is_alike = is_called_so || !one.is_of_no_more_than(said);
        let is_named = other.is_of_no_more_than(said);
        if claims_none && is_alike {
            return Some(Held::Differs(other.against(figure)));
        }
        if (claims_none && !is_named) || (is_alike && !one.in_table && !other.in_table) {
            held = Held::Unclear(format!("it says “{}” and “{}”", one.shown, other.shown));
        }
    }
    Some(held)
}

pub fn claims_none(figure: &Figure) -> bool {
    figure.kind == Kind::Count && figure.bare == "0"
}

/// Whether a query found nothing: no row, or one of nothing but zeros.
pub fn is_nothing(output: &str) -> bool {
    let records: Vec<&str> =
        output.lines().flat_map(|line| line.split("; ")).map(str::trim).filter(|one| !one.is_empty()).collect();
    let is_zero =
        |record: &&str| record.split(',').map(str::trim).all(|cell| cell == "null" || number(cell) == Some(0.0));
    match records.as_slice() {
        ["0 rows"] => true,
        [row] | [_, row] => is_zero(row),
        _ => false,
    }
}

fn number(cell: &str) -> Option<f64> {
    cell.starts_with(|c: char| c.is_ascii_digit() || c == '-').then(|| cell.replace(',', "").parse().ok()).flatten()
}

fn keyed(cell: &str) -> Option<(&str, f64)> {
    let (key, value) = cell.split_once(':').or_else(|| cell.split_once(" = "))?;
    Some((key.trim(), number(value.trim())?))
}

/// `4 files`.
fn counted(cell: &str) -> Option<(f64, &str)> {
    let (value, noun) = cell.split_once(' ')?;
    noun.chars().all(|c| c.is_alphabetic() || c == ' ').then_some((number(value)?, noun))
}

fn parts(name: &str) -> impl Iterator<Item = String> {
    name.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()).map(str::to_lowercase)
}

/// As two names are compared: `COUNT(*)` is `count`.
fn name(text: &str) -> String {
    parts(text).map(|part| figures::singular(&part)).collect::<Vec<_>>().join(" ")
}

/// `healthy` of `healthy_pct`.
fn without_unit(title: &str) -> String {
    name(&parts(title).filter(|part| unit(part).is_none()).collect::<Vec<_>>().join(" "))
}

/// Without those that are of the unit, which many things share.
fn words(name: &str) -> Vec<String> {
    let of_it = parts(name).filter(|part| unit(part).is_none()).map(|part| figures::singular(&part));
    of_it.filter(|part| !BARE.contains(&part.as_str())).collect()
}

/// What a column's name says of its unit, and how much one of it is.
fn unit(name: &str) -> Option<(Unit, f64)> {
    parts(name).find_map(|part| {
        Some(match part.as_str() {
            "ms" | "millis" | "milliseconds" => (Unit::Time, 1e6),
            "s" | "sec" | "secs" | "seconds" => (Unit::Time, 1e9),
            "pct" | "percent" | "percentage" => (Unit::Percent, 1.0),
            "bytes" => (Unit::Bytes, 1.0),
            "kb" => (Unit::Bytes, 1e3),
            "mb" => (Unit::Bytes, 1e6),
            _ => return None,
        })
    })
}

/// Whether the numbers that are called `title` are as `target` says, and one that isn't; `None` where none is called so, they
/// can't be compared or only some are so. A number that was only counted is called `rows` and `count`, too.
pub fn under<'n>(numbers: &'n [Number], title: &str, target: &Target) -> Option<Result<(), &'n Number>> {
    let wanted = name(title);
    let is_count = wanted.split(' ').all(|part| COUNTS.contains(&part)) || ROWS.contains(&wanted.as_str());
    let called: Vec<&Number> = numbers.iter().filter(|one| one.names.contains(&wanted)).collect();
    let meant = match called.is_empty() && is_count {
        true => numbers.iter().filter(|one| one.counts_alone()).collect(),
        false => called,
    };
    let held: Vec<(&Number, bool)> =
        meant.into_iter().filter_map(|one| Some((one, one.is_as(title, target)?))).collect();
    match held.as_slice() {
        [] => None,
        held if held.iter().all(|(_, is_so)| *is_so) => Some(Ok(())),
        [(first, _), ..] if held.iter().all(|(_, is_so)| !is_so) => Some(Err(first)),
        _ => None,
    }
}

impl Number {
    /// Whether all that its column says is that something was counted.
    fn counts_alone(&self) -> bool {
        self.is_bare() && self.names.iter().all(|name| name.split(' ').all(|part| COUNTS.contains(&part)))
    }

    /// A number without a unit is of its column's only where that is named with it (`max_ms < 100`).
    fn is_as(&self, title: &str, target: &Target) -> Option<bool> {
        let Target::Compare { comparator, number, unit, per: None, condition: None } = target else { return None };
        let own = match (unit, &self.unit) {
            (Unit::Count { noun: None }, None) => self.value,
            (Unit::Count { noun: None }, Some(_)) if self::unit(title).is_some() => self.value,
            (unit, Some((own, scale))) if unit == own => self.value * scale,
            _ => return None,
        };
        Some(holds(*comparator, own, *number))
    }

    /// Whether it is of nothing besides what a claim of these words is of.
    pub fn is_of_no_more_than(&self, said: &BTreeSet<String>) -> bool {
        self.of.is_subset(said)
    }

    /// That it says something else than was claimed.
    pub fn against(&self, figure: &Figure) -> String {
        format!("it says “{}”, “{}” was claimed", self.shown, figure.with_noun(&figure.noun))
    }

    pub fn is_of(&self, figure: &Figure) -> bool {
        figure.of.iter().any(|word| self.of.contains(word))
            || (!figure.noun.is_empty() && self.of.contains(&figures::singular(&figure.noun)))
    }

    /// Whether nothing says what it is of, but that something was counted.
    pub fn is_bare(&self) -> bool {
        self.of.is_empty() && self.unit.is_none()
    }

    pub fn is_count(&self) -> bool {
        self.unit.is_none()
    }

    /// Whether it is as the figure says; `None` where the two can't be compared.
    pub fn meets(&self, figure: &Figure) -> Option<bool> {
        let compared = |text: &str, wants: Option<&(Unit, f64)>| match (compile("", text), wants) {
            (Target::Compare { comparator, number, unit: Unit::Count { .. }, .. }, None) => {
                Some(holds(comparator, self.value, number))
            }
            (Target::Compare { comparator, number, unit, .. }, Some((own, scale))) if unit == *own => {
                Some(holds(comparator, self.value * scale, number))
            }
            _ => None,
        };
        match (&figure.kind, &self.unit) {
            (Kind::Count, None) => compared(&figure.bare, None),
            // `88` of a column of milliseconds, where nothing else is said of it
            (Kind::Count, Some(_)) if figure.noun.is_empty() => compared(&figure.bare, None),
            (Kind::Measure, Some(unit)) => compared(&figure.asked(""), Some(unit)),
            // `3 days` of a column that counts days
            (Kind::Measure, None) if self.of.contains(&figures::singular(&figure.noun)) => compared(&figure.bare, None),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_of_what_their_columns_rows_and_keys_say() {
        for (output, claim, expect) in [
            ("critical; 11", "0 critical heartbeats", "of, no"),
            ("critical; 11", "11 critical heartbeats", "of, yes"),
            ("status, n; critical, 11; healthy, 85", "11 critical heartbeats", "of, yes; other, no"),
            ("n; 288", "288 rows", "bare, yes"),
            ("count_star(); 288", "288 rows", "bare, yes"),
            ("288", "288 rows", "bare, yes"),
            ("max_ms; 88", "< 1 ms", "other, no"),
            ("cycle_ms; 88", "every cycle took < 1 ms", "of, no"),
            ("max_ms; 88", "cycles under 0.1 s", "other, yes"),
            ("max_ms; 88", "88 rows", "other, nothing"),
            ("healthy_pct; 72.9", "uptime above 99.9%", "other, no"),
            ("days; 3", "3 days of data", "of, yes"),
            ("Rows: 288", "rows = 288", "of, yes"),
            ("864 reports, nothing written", "864 reports", "of, yes"),
            ("fine", "864 reports", ""),
        ] {
            let figure = figures::find(claim).remove(0);
            let found: Vec<String> = printed(output)
                .iter()
                .map(|number| {
                    let of = if number.is_of(&figure) {
                        "of"
                    } else if number.is_bare() {
                        "bare"
                    } else {
                        "other"
                    };
                    let meets = number.meets(&figure).map_or("nothing", |meets| if meets { "yes" } else { "no" });
                    format!("{of}, {meets}")
                })
                .collect();
            assert_eq!(found.join("; "), expect, "{output}: {claim}");
        }
    }

    #[test]
    fn a_bound_is_held_against_what_is_called_so() {
        let groups = "status, n; critical, 11; healthy, 152";
        for (output, title, bound, expect) in [
            ("n; 192", "n", "> 0", "yes"),
            ("n; 192", "n", "> 200", "no: n: 192"),
            ("n; 0", "n", "≠ 0", "no: n: 0"),
            ("n; 192", "count", "> 0", "yes"),
            ("n; 192", "rows", "≥ 1", "yes"),
            ("n; 192", "days", "≥ 1", "nothing"),
            ("count_star(); 192", "COUNT(*)", "> 0", "yes"),
            ("192", "rows", "> 200", "no: 192"),
            ("max(n); 192", "rows", "> 0", "nothing"),
            ("max_ms; 88", "max_ms", "< 100", "yes"),
            ("max_ms; 88", "max", "< 100 ms", "yes"),
            ("max_ms; 88", "max", "< 100", "nothing"),
            ("max_ms; 88", "max_ms", "< 100 kB", "nothing"),
            (groups, "healthy", "> 100", "yes"),
            (groups, "healthy", "> 200", "no: n: 152"),
            (groups, "Critical", "> 100", "no: n: 11"),
            (groups, "n", "> 0", "yes"),
            (groups, "n", "> 100", "nothing"),
            (groups, "status", "> 0", "nothing"),
            (groups, "rows", "> 0", "nothing"),
            ("unhealthy, 152", "healthy", "> 100", "nothing"),
            ("not healthy, 152", "healthy", "> 100", "nothing"),
            ("Rows: 288", "rows", "> 200", "yes"),
            ("4 files, 864 rows", "files", "≥ 5", "no: files: 4"),
            ("fine", "n", "> 0", "nothing"),
        ] {
            let numbers = printed(output);
            let held = match under(&numbers, title, &compile("", bound)) {
                Some(Ok(())) => "yes".to_owned(),
                Some(Err(number)) => format!("no: {}", number.shown),
                None => "nothing".to_owned(),
            };
            assert_eq!(held, expect, "{title} {bound} of {output}");
        }
    }
}
