//! Whether a measured value may be held against a rate: so much a day, an hour, a minute.
//!
//! What must hold: a count that does not say which time it counts for is held against no rate.

use super::{Measurement, Value};
use crate::order::fold;
use crate::order::target::{Comparator, Period};

/// What a count counts for: keys say it at their end (`monitor.cycles_24h`), or the noun does.
pub(super) fn counts_per(measurement: &Measurement) -> Option<Period> {
    let key = measurement.key.to_lowercase();
    let noun = match &measurement.value {
        Value::Count { noun, .. } => fold(noun),
        _ => String::new(),
    };
    let ends = |suffixes: &[&str]| suffixes.iter().any(|suffix| key.ends_with(suffix) || noun.ends_with(&fold(suffix)));
    if ends(&["_24h", "_per_day", "_daily", " a day"]) {
        Some(Period::Day)
    } else if ends(&["_per_hour", "_1h"]) {
        Some(Period::Hour)
    } else {
        None
    }
}

/// Whether a value may be held against a rate. Sizes are those of one day's file, so `/day` fits them, and a day's total
/// within the limit is within it in each shorter period too; counts must say what they count for.
pub(super) fn rate_fits(
    measurement: &Measurement,
    comparator: Comparator,
    holds: bool,
    per: Option<Period>,
) -> Result<(), String> {
    let Some(per) = per else { return Ok(()) };
    let own = match &measurement.value {
        Value::Bytes(_) => Some(Period::Day),
        _ => counts_per(measurement),
    };
    let is_limit = matches!(comparator, Comparator::Less | Comparator::AtMost);
    match (own, per) {
        (Some(own), per) if own == per => Ok(()),
        (Some(Period::Day), Period::Minute | Period::Hour) | (Some(Period::Hour), Period::Minute)
            if is_limit && holds =>
        {
            Ok(())
        }
        (Some(own), per) => Err(format!("it was measured per {own}, not per {per}")),
        (None, per) => Err(format!("what was measured does not say that it is per {per}")),
    }
}
