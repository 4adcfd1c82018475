//! The range of every number of `[inbox]`, `[limits]` and `[schedule]`, as `wo.toml.in` tells it. A number out of its range is
//! an error, never another number in its place: what holds is what stands in the file.

use super::check::BadValue;
use super::{Config, LimitsConfig};

/// One number of the settings.
struct Number {
    /// Section and key.
    key: &'static str,
    of: fn(&Config) -> u64,
    least: u64,
    most: u64,
}

const DAY_MS: u64 = 86_400_000;
/// Longer waits are no waits any more, and a clock that is asked for far more than that has no such time.
const TEN_YEARS_S: u64 = 315_360_000;
/// What SQLite takes as one value.
const BLOB_BYTES: u64 = 1_000_000_000;
/// No bound: every number that the file can hold.
const ANY: u64 = i64::MAX as u64;

const fn number(key: &'static str, of: fn(&Config) -> u64, least: u64, most: u64) -> Number {
    Number { key, of, least, most }
}

const NUMBERS: [Number; 20] = [
    number("inbox.settle_ms", |c| c.inbox.settle_ms, 0, DAY_MS),
    // each scan reads the whole inbox
    number("inbox.rescan_ms", |c| c.inbox.rescan_ms, 10, DAY_MS),
    number("limits.order_bytes", |c| c.limits.order_bytes, 1, BLOB_BYTES),
    // each is a thread
    number("limits.workers", |c| c.limits.workers as u64, 1, 256),
    number("limits.open_orders", |c| c.limits.open_orders, 1, ANY),
    number("limits.rejected_files", |c| c.limits.rejected_files, 1, ANY),
    // each of a batch holds its file open
    number("limits.claim_batch", |c| c.limits.claim_batch as u64, 1, 10_000),
    number("limits.step_deadline_s", |c| c.limits.step_deadline_s, 1, TEN_YEARS_S),
    number("limits.order_deadline_s", |c| c.limits.order_deadline_s, 0, TEN_YEARS_S),
    number("limits.wait_max_s", |c| c.limits.wait_max_s, 0, TEN_YEARS_S),
    number("limits.output_bytes", |c| c.limits.output_bytes as u64, 0, BLOB_BYTES),
    number("limits.attempts", |c| u64::from(c.limits.attempts), 1, u32::MAX as u64),
    number("limits.retry_first_ms", |c| c.limits.retry_first_ms, 1, DAY_MS),
    number("limits.retry_max_ms", |c| c.limits.retry_max_ms, 1, DAY_MS),
    number("limits.requests", |c| c.limits.requests, 1, ANY),
    // half of it is for what is noted of one inbox
    number("limits.remembered", |c| c.limits.remembered, 2, ANY),
    number("schedule.poll_ms", |c| c.schedule.poll_ms, 1, 60_000),
    number("schedule.job_deadline_s", |c| c.schedule.job_deadline_s, 1, TEN_YEARS_S),
    number("schedule.throttle_s", |c| c.schedule.throttle_s, 0, TEN_YEARS_S),
    number("schedule.stop_grace_s", |c| c.schedule.stop_grace_s, 0, TEN_YEARS_S),
];

impl Number {
    fn range(&self) -> String {
        match self.most {
            ANY => format!("at least {}", self.least),
            most => format!("{} to {most}", self.least),
        }
    }
}

/// The first number that is out of its range.
pub(super) fn check(config: &Config) -> Result<(), BadValue> {
    for number in &NUMBERS {
        let found = (number.of)(config);
        if !(number.least..=number.most).contains(&found) {
            return Err(BadValue {
                key: number.key.to_owned(),
                why: format!("{found} is out of range: {}", number.range()),
                cure: format!(
                    "give it such a number, or take the line away for the default of {}",
                    (number.of)(&Config::default())
                )
                .into(),
            });
        }
    }
    let LimitsConfig { retry_first_ms, retry_max_ms, .. } = config.limits;
    if retry_max_ms < retry_first_ms {
        return Err(BadValue {
            key: "limits.retry_max_ms".to_owned(),
            why: format!("{retry_max_ms} is out of range: at least limits.retry_first_ms, which is {retry_first_ms}"),
            cure: "raise it, or lower limits.retry_first_ms".into(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn parse(key: &str, value: u64) -> Result<Config, String> {
        let (section, name) = key.split_once('.').expect("section and key");
        // the other end of the retries is out of the way
        let beside = if key == "limits.retry_first_ms" { format!("retry_max_ms = {DAY_MS}\n") } else { String::new() };
        let text = format!("[{section}]\n{beside}{name} = {value}\n");
        Config::parse(&text, Path::new("wo.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn each_number_is_used_as_it_stands_or_refused() {
        check(&Config::default()).expect("the defaults are within range");
        for number in &NUMBERS {
            let first = number.key == "limits.retry_max_ms";
            let lowest = if first { LimitsConfig::default().retry_first_ms } else { number.least };
            for fits in [lowest, number.most] {
                let config = parse(number.key, fits).unwrap_or_else(|error| panic!("{error}"));
                assert_eq!((number.of)(&config), fits, "{}", number.key);
            }
            let default = format!("default of {}", (number.of)(&Config::default()));
            for other in
                [number.least.checked_sub(1), (number.most < ANY).then(|| number.most + 1)].into_iter().flatten()
            {
                // what the type can't hold is refused before it comes here
                let Err(error) = parse(number.key, other) else { panic!("{} = {other} passed", number.key) };
                let parts =
                    [number.key, &format!(": {other} is out of range: {}", number.range()), "\nhint: ", &default];
                for part in parts.iter().filter(|_| other <= u64::from(u32::MAX)) {
                    assert!(error.contains(part), "`{part}` expected in: {error}");
                }
            }
        }
    }

    #[test]
    fn no_number_is_without_its_range() {
        let settings = serde_json::to_value(Config::default()).expect("JSON");
        for section in ["inbox", "limits", "schedule"] {
            let values = settings.get(section).and_then(serde_json::Value::as_object).expect(section);
            for (name, _) in values.iter().filter(|(_, value)| value.is_number()) {
                let key = format!("{section}.{name}");
                assert!(NUMBERS.iter().any(|number| number.key == key), "{key} has no range");
            }
        }
    }

    #[test]
    fn the_last_wait_is_no_shorter_than_the_first() {
        let text = "[limits]\nretry_first_ms = 60000\n";
        let error = Config::parse(text, Path::new("wo.toml")).expect_err(text).to_string();
        for part in ["limits.retry_max_ms: 30000", "limits.retry_first_ms, which is 60000", "\nhint: "] {
            assert!(error.contains(part), "`{part}` expected in: {error}");
        }
    }

    #[test]
    fn the_file_that_init_writes_tells_every_range() {
        let text = include_str!("../cli/wo.toml.in");
        for number in &NUMBERS {
            let (section, name) = number.key.split_once('.').expect("section and key");
            let of_section = text.split(&format!("\n[{section}]\n")).nth(1).expect(section);
            let (before, _) = of_section.split_once(&format!("\n#{name} = ")).expect(name);
            let comment: Vec<&str> = before.lines().rev().take_while(|line| line.starts_with("# ")).collect();
            let range = format!("({})", number.range());
            assert!(comment.iter().any(|line| line.contains(&range)), "`{range}` expected above {}", number.key);
        }
    }
}
