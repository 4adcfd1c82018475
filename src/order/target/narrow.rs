//! What stands apart from a target and narrows it: a statistic, a period, the conditions under which it must hold.
//!
//! What must hold: nothing here makes a target easier to meet. What a target can't take in makes it unclear.

use super::compile::{normalize, statistic_alone, unclear, with_statistic};
use super::setting;
use super::{Period, Target, Unit, lexer, schedule};

/// The cells of columns, or the values of keys, as written.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Narrowing {
    pub statistics: Vec<String>,
    pub periods: Vec<String>,
    pub conditions: Vec<String>,
    /// What may as well be no condition at all (When, Where, Scope, For), by the name of its column or key.
    pub settings: Vec<(String, String)>,
}

/// Whether a cell says nothing.
pub(crate) fn is_blank(text: &str) -> bool {
    matches!(normalize(text).to_lowercase().as_str(), "" | "-" | "--" | "n/a" | "na" | "none" | "always" | "any")
}

impl Narrowing {
    /// The target as it is shown: `< 60 s (p99; at ≥ 5 rows)`.
    pub fn shown(&self, target: &str) -> String {
        let given = |texts: &[String]| {
            texts.iter().map(|text| text.trim().to_owned()).filter(|text| !setting::is_vacuous(text)).collect()
        };
        let named = |text: String| match text.starts_with("per ") || text.starts_with('/') {
            true => text,
            false => format!("per {text}"),
        };
        let settings: Vec<String> = self.restricting().map(|(_, text)| text.clone()).collect();
        let (statistics, periods, conditions): (Vec<String>, Vec<String>, Vec<String>) =
            (given(&self.statistics), given(&self.periods), given(&self.conditions));
        let conditions = conditions.into_iter().chain(given(&settings));
        let parts: Vec<String> =
            statistics.into_iter().chain(periods.into_iter().map(named)).chain(conditions).collect();
        if parts.is_empty() { target.to_owned() } else { format!("{target} ({})", parts.join("; ")) }
    }

    pub fn apply(&self, mut target: Target) -> Target {
        let settings = self.restricting().map(|(_, text)| text);
        for text in self.conditions.iter().chain(settings).filter(|text| !setting::is_vacuous(text)) {
            let text = normalize(text);
            // `daily`, `per day`, `02:30` in a column of windows
            let is_each = text.starts_with("per ") || text.starts_with('/');
            target = match setting::period(&text) {
                Some(period) if !is_each => setting::repeated(target, period, &text),
                _ if is_each => each(target, &text),
                _ => match schedule::parse(&text) {
                    Some(more) => setting::scheduled(target, &more, text),
                    None => conditioned(target, text),
                },
            };
        }
        for text in self.periods.iter().filter(|text| !setting::is_vacuous(text)) {
            target = each(target, &normalize(text));
        }
        for text in self.statistics.iter().filter(|text| !is_blank(text)) {
            target = of_many(target, &normalize(text));
        }
        target
    }

    fn restricting(&self) -> impl Iterator<Item = &(String, String)> {
        self.settings.iter().filter(|(_, text)| !setting::is_aside(text))
    }

    /// The names of what changes nothing though it says something.
    pub fn asides(&self) -> impl Iterator<Item = (&str, &str)> {
        let asides = self.settings.iter().filter(|(_, text)| setting::is_aside(text) && !setting::is_vacuous(text));
        asides.map(|(name, text)| (name.as_str(), text.as_str()))
    }
}

pub(super) fn conditioned(target: Target, more: String) -> Target {
    match target {
        Target::Compare { comparator, number, unit, per, condition } => {
            let condition = Some(condition.map_or(more.clone(), |own| format!("{own}; {more}")));
            Target::Compare { comparator, number, unit, per, condition }
        }
        Target::Statistic { statistic, then } => with_statistic(statistic, conditioned(*then, more)),
        unclear @ Target::Unclear { .. } => unclear,
        other => unclear(format!("`{other}` can't be judged under the condition `{more}`")),
    }
}

/// `minute`, `per day`, `/ h`; what is no period (`file`) is a condition.
pub(super) fn each(target: Target, text: &str) -> Target {
    let whole = |(period, rest): (Period, &str)| rest.trim().is_empty().then_some(period);
    let named = format!("per {text}");
    let period = lexer::per(text).and_then(whole).or_else(|| lexer::per(&named).and_then(whole));
    match (target, period) {
        (Target::Compare { comparator, number, unit, per: None, condition }, Some(period)) => {
            Target::Compare { comparator, number, unit, per: Some(period), condition }
        }
        (target @ Target::Compare { per: Some(own), .. }, Some(period)) if own == period => target,
        (target @ Target::Schedule { every, .. }, Some(period)) if every == period => target,
        (target, _) => conditioned(target, if text.starts_with("per ") { text.to_owned() } else { named }),
    }
}

/// `p95`, `median`, `95th percentile`, `95`; what is none (`p99 of 1,000 runs`) is a condition.
fn of_many(target: Target, text: &str) -> Target {
    let digits = text.to_lowercase();
    let digits = digits.trim_end_matches("percentile").trim_end().trim_end_matches("th").trim_end_matches('%').trim();
    let is_rank = digits.starts_with(|c: char| c.is_ascii_digit());
    let statistic = statistic_alone(text)
        .or_else(|| is_rank.then(|| statistic_alone(&format!("p{digits}"))).flatten())
        .or_else(|| ["max", "min"].iter().find(|name| text.eq_ignore_ascii_case(name)).map(|name| (*name).to_owned()));
    match (target, statistic) {
        // that a count is counted narrows nothing
        (target @ Target::Compare { unit: Unit::Count { .. }, .. }, _) if text.eq_ignore_ascii_case("count") => target,
        (Target::Statistic { statistic: own, then }, Some(statistic)) if own == statistic => with_statistic(own, *then),
        (target @ (Target::Compare { .. } | Target::Range { .. }), Some(statistic)) => {
            with_statistic(statistic, target)
        }
        (target, _) => conditioned(target, text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::compile;
    use super::*;

    fn narrowed(target: &str, statistic: &str, per: &str, condition: &str) -> String {
        let narrowing = Narrowing {
            statistics: vec![statistic.to_owned()],
            periods: vec![per.to_owned()],
            conditions: vec![condition.to_owned()],
            ..Narrowing::default()
        };
        narrowing.apply(compile("x", target)).to_string()
    }

    #[test]
    fn what_stands_apart_narrows_and_never_widens() {
        for (target, statistic, per, condition, expect) in [
            ("< 60 s", "p99", "", "", "p99 < 1 min"),
            ("< 60 s", "95th percentile", "", "-", "p95 < 1 min"),
            ("< 60 s", "99.9", "", "–", "p99.9 < 1 min"),
            ("p99 < 60 s", "p99", "", "", "p99 < 1 min"),
            ("< 60 s", "max", "", "", "max < 1 min"),
            ("< 60 s", "p99 of 1,000 runs", "", "", "< 1 min, p99 of 1,000 runs"),
            ("≥ 1", "", "minute", "", "≥ 1 per minute"),
            ("≥ 1", "", "/ h", "", "≥ 1 per hour"),
            ("≤ 5 MB/day", "", "day", "", "≤ 5 MB per day"),
            ("≤ 5 MB/day", "", "hour", "", "≤ 5 MB per day, per hour"),
            ("≤ 5 MB", "", "file", "", "≤ 5 MB, per file"),
            ("≥ 288", "", "", "per day", "≥ 288 per day"),
            ("0 errors", "count", "", "", "= 0 errors"),
            ("≤ 2 min", "", "", "at ≥ 50,000,000 heartbeats", "≤ 2 min, at ≥ 50,000,000 heartbeats"),
            ("<5ms for ≤200 rows", "", "", "cold cache", "< 5 ms, for ≤200 rows; cold cache"),
            ("p95 < 1 s", "", "", "cold", "p95 < 1 s, cold"),
            ("0", "n/a", "none", "always", "= 0"),
        ] {
            assert_eq!(narrowed(target, statistic, per, condition), expect, "{target} {statistic} {per} {condition}");
        }
        for (target, statistic, condition) in
            [("Snappy", "", "on weekdays"), ("OK", "p99", ""), ("10-20%", "", "cold"), ("p95 < 1 s", "p99", "")]
        {
            let shown = narrowed(target, statistic, "", condition);
            assert!(shown.starts_with("unclear") || shown.contains(", p99"), "{target}: {shown}");
        }
    }
}
