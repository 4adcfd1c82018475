//! Targets with two ends: ranges and tolerances.

use super::compile::unclear;
use super::measure::{Measure, measure, noun, whole_count};
use super::{Target, Unit, lexer};

/// `10-20%`, `between 5 and 10 ms`, `10–30k rows`, `5 min ± 10%`, `100 ± 5`.
pub(super) fn range(text: &str) -> Option<Target> {
    let between = lexer::phrase(text, "between");
    let from_low = between.unwrap_or(text).trim_start();
    let (low, after_low) = lexer::number(from_low)?;
    let (factor, rest) = lexer::multiplier(after_low).unwrap_or((1.0, after_low));
    let low = low * factor;
    let (low_unit, rest) = match lexer::unit(rest) {
        Some((unit, scale, rest)) => (Some((unit, scale)), rest),
        None => (None, rest),
    };
    // `864 heartbeats ± 2%`
    let (counted, rest) = match low_unit {
        None => noun(rest),
        Some(_) => (None, rest),
    };
    let rest = rest.trim_start();
    // `5 min (± 10 %)`
    let bare = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).map_or(rest, str::trim);
    if let Some(rest) = bare.strip_prefix('±').or_else(|| bare.strip_prefix("+/-")) {
        let (unit, scale) = low_unit.unwrap_or((Unit::Count { noun: counted }, 1.0));
        return Some(match whole_count(from_low, after_low, &unit) {
            Ok(()) => tolerance(text, low, (unit, scale), rest),
            Err(why) => unclear(why),
        });
    }
    if counted.is_some() {
        return None;
    }
    let word = if between.is_some() { "and" } else { "to" };
    let rest = rest.strip_prefix('-').or_else(|| rest.strip_prefix("..")).or_else(|| lexer::phrase(rest, word))?;
    let from_high = rest.trim_start();
    let Some((high, after_high)) = lexer::number(from_high) else {
        return Some(unclear(format!("`{text}` is half a range")));
    };
    let Ok(Measure { number: high, unit, scale, rest }) = measure(high, after_high) else {
        return Some(unclear(format!("`{text}` is a range in no known unit")));
    };
    let is_whole = whole_count(from_low, after_low, &unit).and_then(|()| whole_count(from_high, after_high, &unit));
    if let Err(why) = is_whole {
        return Some(unclear(why));
    }
    // what stands at the high end is of both, `10–30k`, unless the low one has its own
    let low = match low_unit {
        Some((low_unit, scale)) if low_unit == unit => low * scale,
        Some(_) => return Some(unclear(format!("`{text}` mixes units"))),
        None if factor != 1.0 => low * lexer::multiplier(after_high).map_or(scale, |(own, _)| scale / own),
        None => low * scale,
    };
    if !rest.trim().is_empty() || low > high {
        return Some(unclear(format!("`{text}` is no range that can be judged")));
    }
    Some(Target::Range { low, high, unit })
}

fn tolerance(text: &str, number: f64, (unit, scale): (Unit, f64), rest: &str) -> Target {
    let middle = number * scale;
    let parsed = lexer::number(rest.trim_start()).map(|(spread, rest)| match lexer::unit(rest) {
        Some((unit, scale, rest)) => (spread, Some((unit, scale)), rest),
        None => (spread, None, rest),
    });
    let spread = match parsed {
        Some((spread, Some((Unit::Percent, _)), "")) if unit != Unit::Percent => middle * spread / 100.0,
        Some((spread, Some((other, other_scale)), "")) if other == unit => spread * other_scale,
        // `100 ± 5 ms`: the unit stands at the end for both
        Some((spread, Some((other, other_scale)), "")) if unit == (Unit::Count { noun: None }) => {
            let (number, spread) = (number * other_scale, spread * other_scale);
            return Target::Range { low: number - spread, high: number + spread, unit: other };
        }
        Some((spread, None, "")) => spread * scale,
        _ => return unclear(format!("`{text}` has no tolerance that can be read")),
    };
    Target::Range { low: middle - spread, high: middle + spread, unit }
}
