//! What a test printed against what its template says that it prints.
//!
//! What must hold: output is what was expected only where each line of it was found; where that can't be told it is unclear,
//! which is neither good nor bad, and never green.

use super::answers::{Answer, Answers};
use super::cut;
use super::numbers::{self, Number};
use super::state::Held;
use crate::evidence::holds;
use crate::order::fold;
use crate::order::target::{Comparator, Target, Unit, comparison_in, compile};
use crate::report::template::slot::Expected;

/// Of lines that are held against each other.
const MOST_PAIRS: usize = 100_000;

/// The exit status that `Expected: exit code 1` asks for.
pub fn exit_status(expected: &Expected) -> Option<i32> {
    match compile("", &expected.text) {
        Target::Compare { comparator: Comparator::Equal, number, unit: Unit::Count { noun: Some(noun) }, .. }
            if noun == "exit code" && number.fract() == 0.0 && (0.0..256.0).contains(&number) =>
        {
            Some(number as i32)
        }
        _ => None,
    }
}

/// The status in the reason of a command that failed, which begins with how its process ended.
pub fn exit_status_of(why: &str) -> Option<i32> {
    let rest = why.strip_prefix("exit status ")?;
    rest.get(..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()))?.parse().ok()
}

/// Holds `output`, of which a part may be missing, against what is expected. Where `answers` are measurements, the output is how we put them, not what a process
/// printed: a line that is expected is then held against their values too.
pub fn hold(expected: &Expected, output: &str, is_cut: bool, answers: &Answers) -> Held {
    let unmarked = |line| if expected.is_literal { line } else { item(line) };
    let wanted: Vec<&str> =
        expected.text.lines().map(bare).map(unmarked).filter(|line| line.contains(char::is_alphanumeric)).collect();
    if wanted.is_empty() {
        return Held::Unclear("nothing is said to be expected".to_owned());
    }
    // answers of several queries or measurements stand on one line
    let mut lines: Vec<String> = output
        .lines()
        .flat_map(|line| line.split("; "))
        .flat_map(|line| line.split(" | "))
        .map(|line| bare(line).to_owned())
        .collect();
    lines.extend(answers.lines());
    if wanted.len().saturating_mul(lines.len()) > MOST_PAIRS {
        return Held::Unclear("it ran, but printed too much to be compared line by line".to_owned());
    }
    let shown = if answers.are_measured() { answers.lines().join("\n") } else { output.to_owned() };
    let numbers = numbers::printed(&shown);
    let said: Vec<Answer> = wanted
        .iter()
        .map(|wanted| match named_bound(wanted) {
            _ if lines.iter().any(|line| is_same(wanted, line)) => Answer::Yes,
            None => answers.answer(wanted),
            Some((name, bound)) => match answers.answer(&format!("{name}: {bound}")) {
                Answer::Nothing => under(&numbers, name, bound),
                answer => answer,
            },
        })
        .collect();
    let found = said.iter().filter(|answer| **answer == Answer::Yes).count();
    let is_deniable = is_cut && wanted.iter().any(|wanted| cut::is_deniable_number(wanted));
    if found == wanted.len() && !is_deniable {
        return if answers.are_measured() { Held::Meets } else { as_often(&wanted, &lines) };
    }
    let differs = |(wanted, answer): (&&str, &Answer)| match answer {
        Answer::No(said) => Some(format!("{said}, “{wanted}” was expected")),
        _ => None,
    };
    if let Some(why) = wanted.iter().zip(&said).find_map(differs) {
        return Held::Differs(why);
    }
    if let Some((wanted, line)) = wanted.iter().find_map(|wanted| Some((wanted, contradiction(wanted, &lines)?))) {
        return Held::Differs(format!("it says “{line}”, “{wanted}” was expected"));
    }
    if is_cut {
        return Held::Unclear(cut::WHY.to_owned());
    }
    let open = ["…", "...", "<", "*", "YYYY", "{{", "~", "≈"];
    let is_open = open.iter().any(|sign| expected.text.contains(sign))
        || output.contains('…')
        || wanted.iter().any(|line| bound(line).is_some() || named_bound(line).is_some());
    match () {
        () if answers.are_measured() => {
            Held::Unclear("what is expected can't be told from what was measured".to_owned())
        }
        () if !expected.is_literal || is_open => {
            Held::Unclear("it ran, but was not compared: what is expected is no literal output".to_owned())
        }
        () if found == 0 => Held::Differs(match wanted.as_slice() {
            [one] => format!("“{one}” was expected"),
            _ => "none of the lines that are expected was printed".to_owned(),
        }),
        // line for line another text, such as a table with another number in it
        () if wanted.len() == lines.len() => {
            let missing = wanted.iter().zip(&said).find(|(_, answer)| **answer != Answer::Yes);
            Held::Differs(format!("“{}” was expected", missing.map_or("", |(wanted, _)| *wanted)))
        }
        () => Held::Unclear(format!("it ran, but printed only {found} of {} lines that are expected", wanted.len())),
    }
}

/// Without blanks and the borders of a table.
fn bare(line: &str) -> &str {
    line.trim_matches(|c: char| c.is_whitespace() || matches!(c, '|' | '│' | '┃'))
}

/// Without the mark of a list.
fn item(line: &str) -> &str {
    ["- ", "* ", "+ "].iter().find_map(|mark| line.strip_prefix(mark)).unwrap_or(line).trim_start()
}

fn is_same(wanted: &str, line: &str) -> bool {
    // the columns of a table are parted by blanks, commas or bars, by how it was asked for
    let parts = |c: char| c.is_whitespace() || matches!(c, ',' | '|' | '│' | '┃');
    let words = |text: &str| text.split(parts).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    if words(wanted) == words(line) {
        return true;
    }
    match (count(wanted), count(line)) {
        (None, Some((number, other))) => bound(wanted)
            .is_some_and(|(comparator, limit, noun)| is_of(&noun, &other) && holds(comparator, number, limit)),
        (Some((a, noun)), Some((b, other))) => a == b && is_of(&noun, &other),
        _ => false,
    }
}

/// Whether two numbers can be of the same thing.
fn is_of(noun: &Option<String>, other: &Option<String>) -> bool {
    match (noun, other) {
        (Some(noun), Some(other)) => fold(noun) == fold(other),
        _ => true,
    }
}

/// `1,000`, `8 rows`.
fn count(text: &str) -> Option<(f64, Option<String>)> {
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    match compile("", text) {
        Target::Compare {
            comparator: Comparator::Equal,
            number,
            unit: Unit::Count { noun },
            per: None,
            condition: None,
        } => Some((number, noun)),
        _ => None,
    }
}

/// `> 0`, `≥ 288 rows`.
fn bound(text: &str) -> Option<(Comparator, f64, Option<String>)> {
    match compile("", text) {
        Target::Compare { comparator, number, unit: Unit::Count { noun }, per: None, condition: None }
            if comparator != Comparator::Equal =>
        {
            Some((comparator, number, noun))
        }
        _ => None,
    }
}

/// `n > 0`, `max_ms < 100`, `Rows: ≥ 1`: what a column, a row or a key is called, and what its number must be.
fn named_bound(text: &str) -> Option<(&str, &str)> {
    let (at, bound) = comparison_in(text)?;
    let name = text.get(..at)?.trim().trim_end_matches([':', '：']).trim_end();
    let is_name = name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || " _-.()*".contains(c));
    let is_bound = matches!(compile("", bound), Target::Compare { per: None, condition: None, .. });
    (is_name && is_bound).then_some((name, bound))
}

/// What the numbers say that were printed under that name.
fn under(numbers: &[Number], name: &str, bound: &str) -> Answer {
    match numbers::under(numbers, name, &compile("", bound)) {
        Some(Ok(())) => Answer::Yes,
        Some(Err(number)) => Answer::No(format!("it says “{}”", number.shown)),
        None => Answer::Nothing,
    }
}

/// The line that gives another number to the key of `wanted` (`Rows: 8` and `Rows: 20`), or one that its bound excludes.
fn contradiction(wanted: &str, lines: &[String]) -> Option<String> {
    if let Some((comparator, limit, noun)) = bound(wanted) {
        let excluded = |line: &&String| {
            count(line).is_some_and(|(number, other)| is_of(&noun, &other) && !holds(comparator, number, limit))
        };
        return lines.iter().find(excluded).cloned();
    }
    let keyed = |text: &str| {
        let (key, value) = text.split_once(':')?;
        Some((fold(key), count(value.trim())?.0))
    };
    let (key, number) = keyed(wanted)?;
    let mut others = lines.iter().filter_map(|line| keyed(line).map(|found| (line, found)));
    others.find(|(_, (other, found))| *other == key && *found != number).map(|(line, _)| line.clone())
}

/// What a key or a noun of what is expected says elsewhere, too: another number there, `Failed: 3` of a second suite, leaves it
/// open which of them was meant, and where none is expected there are some.
fn as_often(wanted: &[&str], lines: &[String]) -> Held {
    type Figure = (String, Option<String>, f64);
    let figure = |text: &str| -> Option<Figure> {
        match text.split_once(':') {
            // `02:00`, `localhost:80` are no keys
            Some((_, value)) if value.starts_with(|c: char| c.is_ascii_digit()) => None,
            Some((key, value)) => {
                count(value.trim()).map(|(number, noun)| (fold(key), noun.map(|noun| fold(&noun)), number))
            }
            None => count(text).and_then(|(number, noun)| Some((fold(&noun?), None, number))),
        }
    };
    let figures: Vec<Figure> = wanted.iter().filter_map(|wanted| figure(wanted)).collect();
    let other = |line: &&String| {
        let (key, noun, number) = figure(line)?;
        // `tests: 0 failed` and `tests: 12 passed` are two things
        let is_same = |of: &Option<String>| of.is_none() || noun.is_none() || *of == noun;
        let same = figures.iter().filter(|(own, of, _)| *own == key && is_same(of));
        let expected: Vec<f64> = same.map(|(_, _, number)| *number).collect();
        (!expected.is_empty() && !expected.contains(&number)).then(|| expected.contains(&0.0))
    };
    match lines.iter().find_map(|line| Some((line, other(&line)?))) {
        Some((line, true)) => Held::Differs(format!("it says “{line}” too")),
        Some((line, false)) => Held::Unclear(format!("it also says “{line}”")),
        None => Held::Meets,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{Measurement, Value, Vocabulary};

    fn none() -> Answers<'static> {
        Answers::new(Vec::new(), &[], Vocabulary::empty())
    }

    #[test]
    fn output_is_held_against_what_is_expected() {
        let literal = |text: &str| Expected { text: text.to_owned(), is_literal: true };
        for (expected, output, held) in [
            ("20", "20", "meets"),
            ("20", "20\n", "meets"),
            ("1,000", "1000", "meets"),
            ("20 rows", "20", "meets"),
            (
                "2025-10-28 02:00 export started",
                "2025-10-28 02:00 export started\n2025-10-28 02:01 export done",
                "meets",
            ),
            ("tests: 0 failed", "tests: 0 failed\ntests: 12 passed", "meets"),
            ("localhost:80 open", "localhost:80 open\nlocalhost:443 open", "meets"),
            ("tests: 0 failed", "tests: 0 failed\ntests: 3 failed", "differs"),
            ("20 rows", "20 files", "differs"),
            ("999999", "20", "differs"),
            ("8 rows", "7", "differs"),
            ("ok", "first\nok\nlast", "meets"),
            ("ok", "not ok", "differs"),
            ("status      n\ncritical   11\nhealthy   233", "status, n; critical, 11; healthy, 233", "meets"),
            ("status,n\ncritical,11", "status, n; critical, 11", "meets"),
            ("| status | n |\n|---|---|\n| critical | 11 |", "status, n; critical, 11", "meets"),
            ("critical   12", "status, n; critical, 11", "differs"),
            ("a\nb", "a\nx\nb", "meets"),
            ("a\nb", "x", "differs"),
            ("a\nb", "a", "unclear"),
            ("a\nb", "a\nc", "differs"),
            ("Failed: 0", "unit\nFailed: 0\nintegration\nFailed: 3", "differs"),
            ("0 failed", "3 failed\n0 failed", "differs"),
            ("Passed: 8", "Passed: 8\nPassed: 9", "unclear"),
            ("Passed: 8\nPassed: 9", "Passed: 8\nPassed: 9", "meets"),
            ("Failed: 0", "Failed: 0\nPassed: 3\nFailed: 0", "meets"),
            ("| n |\n|---|\n| 289 |", "n; 288", "differs"),
            ("Rows: 8\nSize: 1 kB", "Rows: 20\nSize: 1 kB", "differs"),
            ("│ 20 │", "20", "meets"),
            ("rows: …", "rows: 20", "unclear"),
            ("> 0", "20", "meets"),
            ("≥ 288 rows", "20", "differs"),
            ("> 0", "fine", "unclear"),
            ("≥ 288 rows", "4 files", "unclear"),
            ("≥ 1 file", "864 rows", "unclear"),
            ("n > 0", "n; 192", "meets"),
            ("n == 192", "n; 192", "meets"),
            ("n > 200", "n; 192", "differs"),
            ("rows >= 1", "n; 192", "meets"),
            ("count(*) > 0", "count_star(); 0", "differs"),
            ("healthy > 100", "status, n; critical, 11; healthy, 152", "meets"),
            ("healthy > 100\ncritical < 5", "status, n; critical, 11; healthy, 152", "differs"),
            ("healthy > 100\ndegraded < 5", "status, n; critical, 11; healthy, 152", "unclear"),
            ("rows: at least 200", "Rows: 192", "differs"),
            ("days > 0", "n; 192", "unclear"),
            ("max_ms < 100 kB", "max_ms; 88", "unclear"),
            ("n > 0: passed", "n > 0: failed", "differs"),
            ("", "x", "unclear"),
        ] {
            let got = match hold(&literal(expected), output, false, &none()) {
                Held::Meets => "meets",
                Held::Differs(_) => "differs",
                Held::Unclear(_) => "unclear",
            };
            assert_eq!(got, held, "{expected:?} against {output:?}");
        }
        let prose = Expected { text: "a table of rows".to_owned(), is_literal: false };
        assert!(matches!(hold(&prose, "20", false, &none()), Held::Unclear(_)));
        assert_eq!(hold(&Expected { text: "OK".to_owned(), is_literal: false }, "OK", false, &none()), Held::Meets);
    }

    #[test]
    fn of_output_that_was_cut_what_is_missing_is_unclear_and_what_is_there_can_still_deny() {
        for (expected, output, held) in [
            ("ALL PASS", "case 1 ok\n…\ncase 9 ok\nALL PASS", "meets"),
            ("Rows: 5", "Rows: 5\n…\nend", "meets"),
            ("ALL PASS", "case 1 ok\n…\ncase 9 ok", "unclear"),
            ("a\nb", "a\n…\nc", "unclear"),
            // more of it may stand in the part that was cut
            ("errors: 0", "errors: 0\n…\nend", "unclear"),
            ("0 errors", "end\n…\n0 errors", "unclear"),
            ("max_ms < 100", "max_ms: 88\n…\nend", "unclear"),
            ("errors: 0", "pass 1\n…\nerrors: 3", "differs"),
            ("Rows: 8", "begin\n…\nRows: 20", "differs"),
        ] {
            let expected = Expected { text: expected.to_owned(), is_literal: true };
            let got = match hold(&expected, output, true, &none()) {
                Held::Meets => "meets",
                Held::Differs(_) => "differs",
                Held::Unclear(_) => "unclear",
            };
            assert_eq!(got, held, "{expected:?} against {output:?}");
        }
    }

    #[test]
    fn measurements_answer_only_what_they_say() {
        let share =
            |pass| Measurement::new("verify.checks", Value::Ratio { pass, of: 14 }, "", jiff::Timestamp::UNIX_EPOCH);
        let held = |text: &str, pass| {
            let expected = Expected { text: text.to_owned(), is_literal: true };
            hold(
                &expected,
                &format!("verify.checks = {pass}/14"),
                false,
                &Answers::new(vec![&share(pass)], &[], Vocabulary::empty()),
            )
        };
        assert_eq!(held("Failed: 0", 14), Held::Meets);
        assert_eq!(held("14 passed, 0 failed", 14), Held::Meets);
        assert!(matches!(held("15 passed, 0 failed", 14), Held::Unclear(_)));
        let list = Expected { text: "- Passed: 14\n- Failed: 0".to_owned(), is_literal: false };
        assert_eq!(
            hold(&list, "verify.checks = 14/14", false, &Answers::new(vec![&share(14)], &[], Vocabulary::empty())),
            Held::Meets
        );
        assert!(matches!(held("Failed: 0", 13), Held::Differs(_)));
        assert!(matches!(held("all is well", 14), Held::Unclear(_)));
        assert_eq!(held("Passed >= 14", 14), Held::Meets);
        assert!(matches!(held("n > 0", 14), Held::Unclear(_)));
    }

    #[test]
    fn exit_statuses_are_read_from_both_sides() {
        let expected = |text: &str| Expected { text: text.to_owned(), is_literal: false };
        for (text, status) in
            [("exit code 1", Some(1)), ("exits with 0", Some(0)), ("exit 2", Some(2)), ("1", None), ("rows", None)]
        {
            assert_eq!(exit_status(&expected(text)), status, "{text}");
        }
        assert_eq!(exit_status_of(&format!("{}: no", crate::process::End::Exit(1))), Some(1));
        assert_eq!(exit_status_of(&crate::process::End::Signal(9).to_string()), None);
    }
}
