//! The figures that a text names: amounts, shares, times of day, days, codecs and exit statuses.
//!
//! Invariant: a number that only tells one thing from others (`Test 1`, `Phase 7.8`, `Python 3.11`, `v2`) is no figure.

mod find;
mod words;

use jiff::civil::Date;

use crate::order::target::{Comparator, Target, Unit, compile};
pub use find::{days, find};
pub use words::{ROWS, codec, is_counted};

#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A number without a unit.
    Count,
    /// A size, a time or a percentage.
    Measure,
    /// `15/15`.
    Ratio,
    /// `02:30`.
    Time,
    Day(Date),
    Codec,
    /// `exit code 1`.
    Exit(i32),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    pub kind: Kind,
    /// With the comparison before it and its unit: `at least 5`, `< 1 ms`.
    pub text: String,
    /// The same without the unit.
    pub bare: String,
    /// What is counted, or the unit's word, folded; empty where it stands alone.
    pub noun: String,
    /// The words that say what it is of: those behind it, else those before it; folded, without a plural's `s`.
    pub of: Vec<String>,
    /// What stands before it: `file size` in `file size ≤ 5 MB`, the longest first; none where a noun stands behind it.
    pub keys: Vec<String>,
}

impl Figure {
    fn plain(kind: Kind, text: &str) -> Figure {
        let text = text.to_owned();
        Figure { kind, bare: text.clone(), text, noun: String::new(), of: Vec::new(), keys: Vec::new() }
    }

    /// As it is held against a measured value: a measure without a comparison must be that very one.
    pub fn asked(&self, noun: &str) -> String {
        let is_exact = self.kind == Kind::Measure && self.text.starts_with(|c: char| c.is_ascii_digit());
        if is_exact { format!("= {}", self.text) } else { self.with_noun(noun) }
    }

    /// That of a size, a time or a percentage.
    pub fn unit(&self) -> Option<Unit> {
        match compile("", &self.asked("")) {
            Target::Compare { unit, .. } if self.kind == Kind::Measure => Some(unit),
            _ => None,
        }
    }

    /// In words.
    pub fn with_noun(&self, noun: &str) -> String {
        match self.kind {
            Kind::Count => format!("{} {noun}", self.text).trim_end().to_owned(),
            _ => self.text.clone(),
        }
    }
}

/// Without a plural's `s`.
pub fn singular(word: &str) -> String {
    word.strip_suffix('s').filter(|stem| stem.len() > 1 && !stem.ends_with('s')).unwrap_or(word).to_owned()
}

/// Whether two figures are of the same kind and `known` is as `wanted` says.
pub fn agrees(wanted: &Figure, known: &Figure) -> bool {
    let is_same_noun = || singular(&wanted.noun) == singular(&known.noun);
    match (&wanted.kind, &known.kind) {
        (Kind::Count, Kind::Count) => !wanted.noun.is_empty() && is_same_noun() && holds(wanted, known),
        (Kind::Measure, Kind::Measure) => holds(wanted, known),
        (Kind::Day(wanted), Kind::Day(known)) => wanted == known,
        (a, b) => a == b && wanted.text == known.text,
    }
}

/// What a size or a duration may differ by from how it is put: `12 kB` is said of 12.2 kB. A share is never rounded up to all.
fn rounding(figure: &Figure, unit: &Unit, number: f64) -> f64 {
    let is_put = matches!(unit, Unit::Bytes | Unit::Time);
    let digits: String = figure.text.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    let decimals = digits.split_once('.').map_or(0, |(_, behind)| behind.len());
    match digits.parse::<f64>() {
        Ok(put) if is_put && put > 0.0 => 0.5 * 10_f64.powi(-(decimals as i32)) * (number / put),
        _ => 0.0,
    }
}

fn holds(wanted: &Figure, known: &Figure) -> bool {
    match (compile("", &wanted.asked("")), compile("", &known.asked(""))) {
        (
            Target::Compare { comparator, number, unit, per: None, .. },
            Target::Compare { comparator: Comparator::Equal, number: actual, unit: own, per: None, .. },
        ) => {
            std::mem::discriminant(&unit) == std::mem::discriminant(&own)
                && (crate::evidence::holds(comparator, actual, number)
                    || (comparator == Comparator::Equal && (actual - number).abs() <= rounding(wanted, &unit, number)))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_agree_by_value() {
        let agree = |wanted: &str, known: &str| {
            find(known).iter().any(|known| find(wanted).iter().all(|wanted| agrees(wanted, known)))
        };
        for (wanted, known, expect) in [
            ("864 rows", "both readers see 864 rows", true),
            ("≥ 800 rows", "both readers see 864 rows", true),
            ("865 rows", "both readers see 864 rows", false),
            ("864 files", "864 rows", false),
            ("864", "864 rows", false),
            ("3 days", "3 day files", false),
            ("1 ms", "took 1 ms", true),
            ("1 s", "took 1000 ms", true),
            ("5%", "5 ms", false),
            ("12 kB", "12.2 kB", true),
            ("12.0 kB", "12.2 kB", false),
            ("13 kB", "12.2 kB", false),
            ("≤ 12 kB", "12.2 kB", false),
            ("100%", "99.9%", false),
        ] {
            assert_eq!(agree(wanted, known), expect, "{wanted} in {known}");
        }
    }
}
