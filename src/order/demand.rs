//! What one criterion asks for, put together from parts that stand apart: columns of a table, keys of an object.
//!
//! What must hold: no part that says what must hold is passed over. A comparator, a unit, a tolerance, a limit belong to
//! the target; a statistic, a period and conditions narrow it.

use super::target::{self, Narrowing};

/// Names, folded, of columns and keys that hold what must hold.
pub(super) const TARGET: [&str; 10] = [
    "target",
    "targets",
    "expected",
    "expectation",
    "goal",
    "threshold",
    "expected result",
    "target value",
    "expected value",
    "เป้าหมาย",
];
pub(super) const MEASURED_BY: [&str; 10] = [
    "measurement",
    "measured by",
    "method",
    "how",
    "measure",
    "how measured",
    "verification",
    "verify",
    "how to verify",
    "วิธีวัด",
];
/// The comparator alone.
pub(crate) const COMPARATOR: [&str; 7] = ["operator", "op", "comparator", "comparison", "compare", "relation", "cmp"];
pub(crate) const UNIT: [&str; 3] = ["unit", "units", "หน่วย"];
pub(super) const LEAST: [&str; 13] = [
    "min",
    "minimum",
    "least",
    "at least",
    "lower limit",
    "lower bound",
    "floor",
    "min value",
    "minimum value",
    "not below",
    "must not fall below",
    "no less than",
    "required minimum",
];
pub(super) const GREATEST: [&str; 21] = [
    "max",
    "maximum",
    "most",
    "at most",
    "upper limit",
    "upper bound",
    "limit",
    "hard limit",
    "absolute limit",
    "hard cap",
    "cap",
    "ceiling",
    "max value",
    "maximum value",
    "max allowed",
    "maximum allowed",
    "must not exceed",
    "not to exceed",
    "never exceed",
    "no more than",
    "allowed maximum",
];
pub(super) const STATISTIC: [&str; 8] =
    ["statistic", "statistics", "stat", "percentile", "percentiles", "quantile", "aggregation", "aggregate"];
pub(super) const PER: [&str; 3] = ["per", "rate per", "each"];
pub(super) const CONDITION: [&str; 19] = [
    "condition",
    "conditions",
    "window",
    "scope",
    "when",
    "where",
    "given",
    "if",
    "during",
    "over",
    "at load",
    "load",
    "under load",
    "period",
    "applies to",
    "for",
    "at",
    "duration window",
    "time window",
];
/// Conditions that as often say only when somebody looks, where, or for whom.
pub(super) const SETTING: [&str; 8] = ["scope", "when", "where", "given", "period", "applies to", "for", "at"];
pub(super) const TOLERANCE: [&str; 6] =
    ["tolerance", "tolerances", "allowed deviation", "deviation", "margin", "plus minus"];

/// The parts that all targets of one row or object share.
#[derive(Debug, Clone, Default)]
pub(crate) struct Demand {
    pub comparator: String,
    pub unit: String,
    pub tolerance: String,
    pub narrowing: Narrowing,
}

impl Demand {
    /// The target as it would be written in one cell.
    pub fn target(&self, value: &str) -> String {
        let tolerance = self.tolerance.trim();
        let spread = tolerance.trim_start_matches(['±', '+', '/', '-', '~', ' ']);
        let is_exact = ["exact", "exactly", "strict"].contains(&tolerance.to_lowercase().as_str());
        let is_given = !target::is_blank(tolerance) && !is_exact && !is_nothing(spread);
        let mut comparator = self.comparator.as_str();
        // `= 100 ± 5` is a range around 100
        if is_given && matches!(comparator.trim(), "=" | "==" | "eq" | "equals") {
            comparator = "";
        }
        let own = target::assemble(comparator, value, &self.unit);
        if is_given { format!("{own} ± {spread}") } else { own }
    }

    /// A limit of its own: `Max | 5 MB`, `Hard limit | < 5 s`. A value that compares by itself, or is a word, stays as it is.
    pub fn limit(&self, sign: &str, value: &str) -> String {
        let text = target::normalize(value);
        let own_sign = text.chars().next().filter(|c| "<>≤≥".contains(*c));
        let agrees = own_sign.is_some_and(|own| match sign {
            "≥" | ">" => ">≥".contains(own),
            _ => "<≤".contains(own),
        });
        let is_word = text.starts_with(char::is_alphabetic);
        let comparator = if agrees || is_word { "" } else { sign };
        target::assemble(comparator, value, &self.unit)
    }
}

/// `0`, `0 %`, `0.0`: a tolerance that allows nothing.
fn is_nothing(spread: &str) -> bool {
    let number = spread.trim_end_matches(|c: char| c.is_alphabetic() || c == '%' || c == ' ');
    !number.is_empty() && number.chars().all(|c| matches!(c, '0' | '.' | ','))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tolerances_and_limits_become_part_of_the_target() {
        for (comparator, unit, tolerance, value, expect) in [
            ("", "", "± 5", "100", "95 to 105"),
            ("", "", "+/- 2 %", "864", "846.72 to 881.28"),
            ("=", "ms", "5", "100", "95 ms to 105 ms"),
            ("", "", "± 0 %", "≤ 1 h", "≤ 1 h"),
            ("", "", "-", "864", "= 864"),
            ("", "", "none", "864", "= 864"),
            ("", "", "exact", "Snappy", "is Snappy"),
        ] {
            let demand = Demand {
                comparator: comparator.to_owned(),
                unit: unit.to_owned(),
                tolerance: tolerance.to_owned(),
                ..Demand::default()
            };
            let compiled = target::compile("x", &demand.target(value)).to_string();
            assert_eq!(compiled, expect, "{comparator} {value} {unit} {tolerance}");
        }
        for (sign, value, expect) in
            [("≤", "5 MB", "≤ 5 MB"), ("≤", "< 5 MB", "< 5 MB"), ("≥", "1", "≥ 1"), ("≤", "Snappy", "is Snappy")]
        {
            let compiled = target::compile("x", &Demand::default().limit(sign, value)).to_string();
            assert_eq!(compiled, expect, "{sign} {value}");
        }
        for (sign, value) in [("≤", "≥ 5 MB"), ("≥", "< 5")] {
            let compiled = target::compile("x", &Demand::default().limit(sign, value)).to_string();
            assert!(compiled.starts_with("unclear"), "{sign} {value}: {compiled}");
        }
        let loose = Demand { tolerance: "about a tenth".to_owned(), ..Demand::default() };
        assert!(target::compile("x", &loose.target("≤ 5 MB")).to_string().starts_with("unclear"));
    }
}
