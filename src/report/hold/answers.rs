//! What the measurements say of a line that a test is expected to print.
//!
//! Invariant: a line is answered only by the measurements of the test's own command or, where it names one (`Rows: 288`), by
//! the one that is called so; a number of something else answers nothing.

use super::printed;
use crate::evidence::{Binder, Binding, Finding, Measurement, Value, Vocabulary, check, subject};
use crate::order::fold;
use crate::order::target::{Target, Unit, compile};
use crate::report::record::{self, RunRecord};

pub struct Answers<'r> {
    /// What the command was answered with.
    own: Vec<&'r Measurement>,
    all: &'r [Measurement],
    binder: Binder<'r>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    Yes,
    /// In words, what was measured instead.
    No(String),
    Nothing,
}

impl<'r> Answers<'r> {
    pub fn of(record: &'r RunRecord, own: Vec<&'r Measurement>) -> Self {
        Answers::new(own, &record.measurements, record.declarations)
    }

    pub fn new(own: Vec<&'r Measurement>, all: &'r [Measurement], known: &'r Vocabulary) -> Self {
        Answers { own, all, binder: Binder::new(&Default::default(), known) }
    }

    /// Whether the command was answered with measurements, so that its output is how we put them.
    pub fn are_measured(&self) -> bool {
        !self.own.is_empty()
    }

    /// What the command is known to print; a share of checks as `Passed: 3` and `Failed: 0`, too, and how it went.
    pub fn lines(&self) -> Vec<String> {
        let shares = self.own.iter().filter_map(|measurement| match &measurement.value {
            Value::Ratio { pass, of } => Some((pass, of.saturating_sub(*pass))),
            _ => None,
        });
        let details = self.own.iter().filter_map(|measurement| match &measurement.value {
            Value::State { works: true, detail } if measurement.ok != Some(false) => Some(detail.split("; ")),
            _ => None,
        });
        let mut lines: Vec<String> = printed::lines(&self.own).map(str::to_owned).collect();
        lines.extend(details.flatten().map(str::to_owned));
        lines.extend(shares.flat_map(|(pass, fail)| {
            [format!("Passed: {pass}"), format!("Failed: {fail}"), format!("{pass} passed, {fail} failed")]
        }));
        lines
    }

    pub fn answer(&self, line: &str) -> Answer {
        if self.own.is_empty() {
            return Answer::Nothing;
        }
        if printed::lists(&self.own, line) {
            return Answer::Yes;
        }
        if let Some((name, value)) = line.split_once(':')
            && let Some(shown) = printed::under(&self.own, name)
        {
            return self.of_printed(name, value.trim(), shown);
        }
        if let Some((name, value)) = line.split_once(':')
            && let Some(measurement) = self.named(name)
        {
            return say(name, value.trim(), measurement);
        }
        let mut said: Vec<Answer> = self.own.iter().map(|measurement| say("", line, measurement)).collect();
        if said.iter().all(|answer| *answer == Answer::Nothing) {
            said.push(self.counted(line));
        }
        let no = said.iter().find(|answer| matches!(answer, Answer::No(_))).cloned();
        if said.contains(&Answer::Yes) { Answer::Yes } else { no.unwrap_or(Answer::Nothing) }
    }

    /// What stands under a key that the command prints.
    fn of_printed(&self, name: &str, wanted: &str, shown: &str) -> Answer {
        let typed = self.own.first().and_then(|own| printed::typed(name, shown, own));
        match typed.map(|typed| say(name, wanted, &typed)) {
            _ if fold(wanted) == fold(shown) => Answer::Yes,
            Some(Answer::No(_)) => Answer::No(format!("it prints “{}: {shown}”", name.trim())),
            said => said.unwrap_or(Answer::Nothing),
        }
    }

    /// What a share of checks doesn't count, by what was counted beside it: `288 rows`. Where several things are called so, they
    /// must agree.
    fn counted(&self, line: &str) -> Answer {
        let target = compile("", line);
        let Some(noun) = noun(&target) else { return Answer::Nothing };
        let is_of = |one: &&Measurement| matches!(&one.value, Value::Count { noun: own, .. } if last_word(own) == noun);
        let by_print = printed::counts(&self.own);
        let by_print: Vec<Answer> = by_print.iter().filter(is_of).map(|one| say("", line, one)).collect();
        let prints = by_print.iter().find(|answer| **answer != Answer::Nothing);
        let is_share = self.own.iter().any(|own| matches!(own.value, Value::Ratio { .. }) || !own.printed.is_empty());
        if by_print.contains(&Answer::Yes) || !is_share {
            return if by_print.contains(&Answer::Yes) {
                Answer::Yes
            } else {
                prints.cloned().unwrap_or(Answer::Nothing)
            };
        }
        let mut newest: Vec<&Measurement> = Vec::new();
        for one in self.all.iter().rev() {
            if is_of(&one) && newest.iter().all(|known| known.key != one.key) {
                newest.push(one);
            }
        }
        let said: Vec<Answer> = newest.into_iter().map(|one| say("", line, one)).collect();
        let is_no = |answer: &Answer| matches!(answer, Answer::No(_));
        match said.first() {
            Some(Answer::Yes) if said.iter().all(|answer| *answer == Answer::Yes) => Answer::Yes,
            Some(no @ Answer::No(_)) if said.iter().all(is_no) => no.clone(),
            None => prints.cloned().unwrap_or(Answer::Nothing),
            _ => Answer::Nothing,
        }
    }

    /// `Rows`, by its declared name; `a.plist`, by what was measured.
    fn named(&self, name: &str) -> Option<&'r Measurement> {
        let name = name.trim();
        if let Some(own) = self.own.iter().find(|own| subject::names(own, name, &[])) {
            return Some(own);
        }
        match self.binder.bind_metric(name) {
            Binding::Bound { key, .. } => self.all.iter().rev().find(|measurement| measurement.key == key),
            // a key's last word
            _ => self.own.iter().find(|own| own.key.rsplit('.').next().map(fold) == Some(fold(name))).copied(),
        }
    }
}

/// What a count is of, by the last word for it, folded and without a plural's `s`.
fn noun(target: &Target) -> Option<String> {
    match target {
        Target::Compare { unit: Unit::Count { noun: Some(noun) }, .. }
        | Target::Range { unit: Unit::Count { noun: Some(noun) }, .. } => Some(last_word(noun)),
        _ => None,
    }
}

fn last_word(noun: &str) -> String {
    let folded = fold(noun);
    let last = folded.rsplit(' ').next().unwrap_or_default();
    last.strip_suffix('s').filter(|stem| !stem.ends_with('s')).unwrap_or(last).to_owned()
}

/// Whether a share of checks that passed says something of what is expected: of checks, not of rows or files.
fn is_of_checks(target: &Target) -> bool {
    const CHECKS: [&str; 9] = ["check", "test", "passed", "failed", "pass", "passing", "failing", "fail", "failure"];
    noun(target).is_none_or(|noun| CHECKS.contains(&noun.as_str()))
}

/// What one measurement says of a value that is expected of it.
fn say(metric: &str, wanted: &str, measurement: &Measurement) -> Answer {
    const BAD: [&str; 8] = ["failed", "fail", "error", "broken", "invalid", "missing", "not ok", "bad"];
    let shown = measurement.value.to_string();
    let no = || Answer::No(format!("{} = {shown}", measurement.key));
    if fold(wanted) == fold(&shown) && record::works(measurement) != Some(false) {
        return Answer::Yes;
    }
    if BAD.contains(&fold(wanted).as_str()) {
        return if record::works(measurement) == Some(true) { no() } else { Answer::Nothing };
    }
    let target = compile(metric, wanted);
    // a word for how a thing is says nothing of a value that tells no such thing
    if matches!(target, Target::Unclear { .. }) {
        return Answer::Nothing;
    }
    if matches!(measurement.value, Value::Ratio { .. }) && !is_of_checks(&target) {
        return Answer::Nothing;
    }
    match check(metric, &target, measurement, &[]) {
        Finding::Pass(_) => Answer::Yes,
        Finding::Fail(_) => no(),
        Finding::Cannot(_) => Answer::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Declaration;
    use jiff::Timestamp;

    #[test]
    fn lines_are_answered_by_what_was_measured() {
        let known = Vocabulary::new([
            Declaration::new("export.rows", &["Rows", "Row count"], ""),
            Declaration::new("export.compression", &["Compression"], ""),
            Declaration::new("export.validation", &["Validation"], ""),
        ]);
        let take = |key: &str, value| Measurement::new(key, value, "", Timestamp::UNIX_EPOCH);
        let state = |detail: &str| Value::State { works: true, detail: detail.to_owned() };
        let all = [
            take("export.rows", Value::Count { n: 288, noun: "rows".to_owned() }).ok(true),
            take("export.compression", Value::Word("Snappy".to_owned())),
            take("export.validation", state("both agree")).ok(true),
            take("service.plist", state("`launchd/a.plist`, 1 kB")).ok(true),
            take("verify.checks", Value::Ratio { pass: 15, of: 15 }).ok(true),
            take("export.schema_mismatches", Value::Count { n: 0, noun: "errors".to_owned() }).ok(true),
            take("export.unreadable", Value::Count { n: 0, noun: "errors".to_owned() }).ok(true),
        ];
        for (own, line, expect) in [
            (0, "288", "yes"),
            (0, "288 rows", "yes"),
            (0, "Rows: 288", "yes"),
            (0, "> 200 rows", "yes"),
            (0, "999999", "no"),
            (0, "Rows: 999999", "no"),
            (0, "> 5000 rows", "no"),
            (0, "288 files", "nothing"),
            (0, "days: > 0", "nothing"),
            (0, "30 files, each below 1 kB", "nothing"),
            (0, "Compression: ZSTD", "no"),
            (0, "Compression: snappy", "yes"),
            (0, "Validation: FAILED", "no"),
            (0, "Validation: OK", "yes"),
            (0, "Size: 9.9 MB", "nothing"),
            (3, "OK", "yes"),
            (3, "a.plist: OK", "yes"),
            (3, "b.plist: OK", "nothing"),
            (3, "-\t0\tcom.home.x", "nothing"),
            (4, "15/15", "yes"),
            (4, "all pass", "yes"),
            (4, "all checks pass", "yes"),
            (4, "14/14", "nothing"),
            (4, "all 99 checks pass", "no"),
            (4, "15", "yes"),
            (4, "15 checks", "yes"),
            (4, "14 checks", "no"),
            (4, "15 tests passed", "yes"),
            (4, "0 failures", "yes"),
            (4, "0 failed", "yes"),
            (4, "15 rows", "no"),
            (4, "288 rows", "yes"),
            (4, "> 200 rows", "yes"),
            (4, "at least 999 rows", "no"),
            (4, "15 files", "nothing"),
            (4, "4 Parquet files", "nothing"),
            (4, "12 columns", "nothing"),
            (4, "0 errors", "yes"),
            (4, "2 errors", "no"),
            (4, "0 warnings", "nothing"),
            (4, "all 15 rows pass", "nothing"),
        ] {
            let said = match Answers::new(vec![&all[own]], &all, &known).answer(line) {
                Answer::Yes => "yes",
                Answer::No(_) => "no",
                Answer::Nothing => "nothing",
            };
            assert_eq!(said, expect, "{line}");
        }
        assert_eq!(Answers::new(Vec::new(), &all, &known).answer("Rows: 9"), Answer::Nothing);
    }

    #[test]
    fn what_a_command_prints_decides_of_its_keys() {
        let known = Vocabulary::new([Declaration::new("export.rows", &["Rows", "Row count"], "")]);
        let take = |key: &str, value| Measurement::new(key, value, "", Timestamp::UNIX_EPOCH).ok(true);
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        let state = |detail: &str| Value::State { works: true, detail: detail.to_owned() };
        let figures = ["Rows: 266", "Size: 25.5 kB", "Compression: SNAPPY", "Validation: passed in 52 ms"];
        let dry = state("4 files, 864 rows; nothing was changed");
        let all = [
            take("export.rows", Value::Count { n: 864, noun: "rows".to_owned() }),
            take("exporter.test_script", state("ran")).printed(lines(&figures)),
            take("verify.checks", Value::Ratio { pass: 15, of: 15 }).printed(lines(&figures)),
            take("export.dry_run", dry).printed(lines(&["Rows: 864", "Size: 86.5 kB"])),
            take("exporter.test_script", state("ran")).printed(lines(&["Rows: unmeasured"])),
        ];
        for (own, line, expect) in [
            (1, "Rows: 266", "yes"),
            (1, "Rows: 864", "no"),
            (1, "Rows: ≥ 1", "yes"),
            (1, "Rows: ≥ 900", "no"),
            (1, "Row count: > 0", "yes"),
            (1, "Size: 25.5 kB", "yes"),
            (1, "Size: ≤ 5 MB", "yes"),
            (1, "Size: < 1 kB", "no"),
            (1, "Compression: Snappy", "yes"),
            (1, "Compression: ZSTD", "no"),
            (1, "Validation: OK", "yes"),
            (1, "Validation: passed", "yes"),
            (1, "Validation: FAILED", "no"),
            (1, "Validation: < 2 s", "nothing"),
            (1, "266 rows", "yes"),
            (1, "864 rows", "yes"),
            (1, "999 rows", "no"),
            (1, "4 files", "nothing"),
            (1, "prints Rows, Size, Compression, Validation", "yes"),
            (1, "prints Rows and Checksum", "nothing"),
            (2, "Rows: 266", "yes"),
            (2, "Rows: 864", "no"),
            (2, "266 rows", "yes"),
            (2, "15 rows", "no"),
            (3, "Rows: 864", "yes"),
            (3, "Rows: 266", "no"),
            (3, "4 files", "yes"),
            (3, "864 rows", "yes"),
            (3, "5 files", "no"),
            (3, "at least 3 files", "yes"),
            (3, "3 days", "nothing"),
            (4, "Rows: 864", "nothing"),
        ] {
            let said = match Answers::new(vec![&all[own]], &all, &known).answer(line) {
                Answer::Yes => "yes",
                Answer::No(_) => "no",
                Answer::Nothing => "nothing",
            };
            assert_eq!(said, expect, "{own}: {line}");
        }
    }
}
