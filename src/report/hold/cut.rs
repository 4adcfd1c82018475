//! What output can still bear out of which a part was cut.
//!
//! Invariant: what was found confirms only what nothing in the part that was cut could deny; what was not found may stand there.

use crate::order::fold;
use crate::order::target::comparison_in;
use crate::report::figures::{self, Figure, Kind};

/// Why something can't be told.
pub const WHY: &str = "output cut at limits.output_bytes";

/// Whether more output could deny what is claimed, though all that is there bears it out: that there is none, that it stays
/// within a bound, or that all are so; but not where the program itself came to these very words.
pub fn is_deniable(claim: &str, output: &str) -> bool {
    const NONE_OR_ALL: [&str; 11] =
        ["no", "none", "never", "zero", "nothing", "without", "empty", "all", "every", "each", "always"];
    let folded = fold(claim);
    // `Confirms:` stands in front of it
    let words = claim.split_once(':').map_or_else(|| folded.clone(), |(_, words)| fold(words));
    let is_said = || fold(last_line(output)) == words;
    is_deniable_number(claim) || (folded.split(' ').any(|word| NONE_OR_ALL.contains(&word)) && !is_said())
}

/// Whether it says of a number that it is 0, all of them, or within a bound, of which more output could hold another.
pub fn is_deniable_number(text: &str) -> bool {
    let is_zero = |figure: &Figure| matches!(figure.kind, Kind::Count | Kind::Measure) && figure.bare == "0";
    let is_all = |figure: &Figure| figure.text.starts_with("100%") || figure.text.starts_with("100 %");
    comparison_in(text).is_some() || figures::find(text).iter().any(|figure| is_zero(figure) || is_all(figure))
}

/// The last line of what was kept: what a program came to stands at its end. Nothing where its last line was not kept.
pub fn last_line(output: &str) -> &str {
    let last = output.lines().map(str::trim).rfind(|line| !line.is_empty());
    last.filter(|line| *line != crate::process::CUT.trim()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_a_bound_and_all_could_be_denied_by_more_output() {
        for (text, expect) in [
            ("0 errors", true),
            ("errors: 0", true),
            ("no errors", true),
            ("< 5 errors", true),
            ("max_ms < 100", true),
            ("at most 3 warnings", true),
            ("all tests pass", true),
            ("coverage 100%", true),
            ("all pass", false),
            ("Confirms: ALL PASS", false),
            ("Confirms: no errors, all pass", true),
            ("Rows: 5", false),
            ("10 rows", false),
            ("the smoke test passes", false),
            ("codec is Snappy", false),
        ] {
            assert_eq!(is_deniable(text, "ok\nALL PASS\n"), expect, "{text}");
        }
    }
}
