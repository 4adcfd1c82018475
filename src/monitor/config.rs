//! `[monitor]` of `wo.toml`. Everything is checked while it is parsed, so that a daemon never runs with half a setting:
//! unknown keys, unknown kinds, two checks of one name, a password written into a URL are errors with their names.

use jiff::civil::Time;
use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::checks;
use crate::config::PathsConfig;
use crate::order::target::Weekday;
use crate::secret::SecretRef;

/// The heartbeat loop, its thresholds, its alerts and its checks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, try_from = "Raw")]
pub struct MonitorConfig {
    /// Off, `wo up` runs no heartbeat loop; `wo monitor` still does.
    pub enabled: bool,
    /// Seconds between two cycles; fractions are allowed, at least 0.05.
    pub interval_s: f64,
    /// Deadline of a check that names none of its own, milliseconds.
    pub timeout_ms: u64,
    /// Cycles in error, one after the other, before an alert goes out. Counted across restarts.
    pub failures_to_alert: u32,
    /// Cycles not in error, one after the other, before the recovery notice goes out.
    pub successes_to_recover: u32,
    /// Seconds after which a check that is still in error is brought up again; 0 for never.
    pub remind_after_s: u64,
    /// Within this many seconds …
    pub flap_window_s: u64,
    /// … a check sends at most this many notices; then one that says it flaps, and silence until it holds still.
    pub flap_notices: u32,
    /// Alerts that wait for a webhook; beyond, the oldest reminders go first, then the oldest, and the next one says so.
    pub queue_max: u32,
    /// Milliseconds between two posts to one webhook.
    pub webhook_gap_ms: u64,
    /// Deadline of one post to a webhook, milliseconds.
    pub webhook_timeout_ms: u64,
    pub webhooks: Vec<WebhookConfig>,
    /// Windows in which no alert goes out; records are kept as ever.
    pub maintenance: Vec<Maintenance>,
    /// `[[monitor.check]]`; the default set when there is none.
    #[serde(rename = "check")]
    pub checks: Vec<CheckConfig>,
}

/// The same, before it is validated.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Raw {
    enabled: bool,
    interval_s: f64,
    timeout_ms: u64,
    failures_to_alert: u32,
    successes_to_recover: u32,
    remind_after_s: u64,
    flap_window_s: u64,
    flap_notices: u32,
    queue_max: u32,
    webhook_gap_ms: u64,
    webhook_timeout_ms: u64,
    webhooks: Vec<WebhookConfig>,
    maintenance: Vec<Maintenance>,
    check: Vec<CheckConfig>,
}

impl Default for Raw {
    fn default() -> Self {
        Raw {
            enabled: true,
            interval_s: 300.0,
            timeout_ms: 2_000,
            failures_to_alert: 3,
            successes_to_recover: 2,
            remind_after_s: 6 * 3_600,
            flap_window_s: 3_600,
            flap_notices: 4,
            queue_max: 1_000,
            webhook_gap_ms: 500,
            webhook_timeout_ms: 10_000,
            webhooks: Vec::new(),
            maintenance: Vec::new(),
            check: Vec::new(),
        }
    }
}

impl Default for MonitorConfig {
    fn default() -> Self {
        MonitorConfig::from_raw(Raw::default())
    }
}

impl TryFrom<Raw> for MonitorConfig {
    type Error = String;

    fn try_from(raw: Raw) -> Result<Self, String> {
        let config = MonitorConfig::from_raw(raw);
        config.validate()?;
        Ok(config)
    }
}

impl MonitorConfig {
    fn from_raw(raw: Raw) -> Self {
        MonitorConfig {
            enabled: raw.enabled,
            interval_s: raw.interval_s,
            timeout_ms: raw.timeout_ms,
            failures_to_alert: raw.failures_to_alert,
            successes_to_recover: raw.successes_to_recover,
            remind_after_s: raw.remind_after_s,
            flap_window_s: raw.flap_window_s,
            flap_notices: raw.flap_notices,
            queue_max: raw.queue_max,
            webhook_gap_ms: raw.webhook_gap_ms,
            webhook_timeout_ms: raw.webhook_timeout_ms,
            webhooks: raw.webhooks,
            maintenance: raw.maintenance,
            checks: raw.check,
        }
    }

    fn validate(&self) -> Result<(), String> {
        if !(0.05..=7.0 * 86_400.0).contains(&self.interval_s) {
            return Err(format!("interval_s = {} is not between 0.05 s and 7 days", self.interval_s));
        }
        in_range("timeout_ms", self.timeout_ms, 1, 600_000)?;
        in_range("failures_to_alert", self.failures_to_alert.into(), 1, 10_000)?;
        in_range("successes_to_recover", self.successes_to_recover.into(), 1, 10_000)?;
        in_range("flap_window_s", self.flap_window_s, 1, 7 * 86_400)?;
        in_range("flap_notices", self.flap_notices.into(), 1, 1_000)?;
        in_range("queue_max", self.queue_max.into(), 1, 1_000_000)?;
        in_range("webhook_gap_ms", self.webhook_gap_ms, 0, 3_600_000)?;
        in_range("webhook_timeout_ms", self.webhook_timeout_ms, 1, 600_000)?;
        in_range("the number of checks", self.checks.len() as u64, 0, 256)?;
        in_range("the number of webhooks", self.webhooks.len() as u64, 0, 32)?;
        unique("check", self.checks.iter().map(|check| check.name.as_str()))?;
        // also those that have none in the file: the queue knows a webhook by its name alone
        unique("webhook", super::deliver::names(&self.webhooks).iter().map(String::as_str))?;
        for window in &self.maintenance {
            window.validate()?;
        }
        Ok(())
    }

    /// The interval in nanoseconds.
    pub fn interval_ns(&self) -> u64 {
        (self.interval_s * 1e9).round() as u64
    }

    /// The configured checks, or the default set: Redis, the database, the API (a warning when down), two services.
    pub fn checks(&self, paths: &PathsConfig) -> Vec<CheckConfig> {
        if !self.checks.is_empty() {
            return self.checks.clone();
        }
        let text = |value: &str| toml::Value::String(value.to_owned());
        let service = |name: &str| CheckConfig::new(name, "service", [("label", text(&format!("com.02luka.{name}")))]);
        let mut api = CheckConfig::new("api", "http", [("url", text("http://127.0.0.1:4000/healthz"))]);
        api.severity = Severity::Warn;
        vec![
            CheckConfig::new("redis", "redis", []),
            CheckConfig::new("database", "sqlite", [("path", text(&paths.database.to_string_lossy()))]),
            api,
            service("optimizer"),
            service("digest"),
        ]
    }

    /// Where secrets of the checks and webhooks are read from, so that they can be masked everywhere.
    pub fn secret_refs(&self, paths: &PathsConfig) -> Vec<SecretRef> {
        let of_checks = self.checks(paths).into_iter().filter_map(|check| check.build().ok()).flat_map(|c| c.secrets());
        let of_webhooks = self.webhooks.iter().filter_map(|webhook| match &webhook.url {
            WebhookUrl::Secret(reference) => Some(reference.clone()),
            WebhookUrl::Plain(_) => None,
        });
        of_checks.chain(of_webhooks).collect()
    }

    /// Whether alerts are silenced at `now`; wall-clock windows are local in `zone`.
    pub fn in_maintenance(&self, now: Timestamp, zone: &TimeZone) -> bool {
        self.maintenance.iter().any(|window| window.holds(now, zone))
    }
}

fn in_range(name: &str, value: u64, low: u64, high: u64) -> Result<(), String> {
    if (low..=high).contains(&value) {
        Ok(())
    } else {
        Err(format!("{name} = {value} is not between {low} and {high}"))
    }
}

fn unique<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut seen = std::collections::BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(format!("two {what}s are named `{name}`"));
        }
    }
    Ok(())
}

/// How a failure of a check counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    #[default]
    Error,
    /// A failure is a warning only: shown and recorded, never an outage, never an alert.
    Warn,
}

/// One `[[monitor.check]]`: what every check has, and the settings of its kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckConfig {
    pub name: String,
    /// One of [`checks::kinds`].
    pub kind: String,
    pub timeout_ms: Option<u64>,
    pub severity: Severity,
    #[serde(flatten)]
    pub settings: toml::Table,
}

impl CheckConfig {
    pub fn new<const N: usize>(name: &str, kind: &str, settings: [(&str, toml::Value); N]) -> Self {
        CheckConfig {
            name: name.to_owned(),
            kind: kind.to_owned(),
            timeout_ms: None,
            severity: Severity::Error,
            settings: settings.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
        }
    }

    /// The check itself; the error names the check, the key and what is wrong.
    pub fn build(&self) -> Result<std::sync::Arc<dyn checks::Check>, String> {
        let kind = checks::kinds().iter().find(|kind| kind.name == self.kind).ok_or_else(|| {
            let known: Vec<&str> = checks::kinds().iter().map(|kind| kind.name).collect();
            format!("check `{}`: unknown kind `{}`, expected one of {}", self.name, self.kind, known.join(", "))
        })?;
        (kind.build)(self.settings.clone()).map_err(|why| format!("check `{}` ({}): {why}", self.name, self.kind))
    }
}

impl<'de> Deserialize<'de> for CheckConfig {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let mut settings = toml::Table::deserialize(deserializer)?;
        let name: String = take(&mut settings, "name").map_err(D::Error::custom)?.unwrap_or_default();
        let fail = |why: String| D::Error::custom(format!("check `{name}`: {why}"));
        let kind = take(&mut settings, "kind").map_err(fail)?;
        let check = CheckConfig {
            kind: kind.ok_or_else(|| fail("has no `kind`".to_owned()))?,
            timeout_ms: take(&mut settings, "timeout_ms").map_err(fail)?,
            severity: take(&mut settings, "severity").map_err(fail)?.unwrap_or_default(),
            name: name.clone(),
            settings,
        };
        // the name becomes part of measurement keys, labels and report headings; vowels and tones of Thai and kin are
        // marks beside their letters
        let foreign =
            |c: char| !c.is_ascii() && !c.is_whitespace() && crate::text::escape(&c.to_string()).starts_with(c);
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.') || (foreign(c) && c != '：');
        if check.name.is_empty() || check.name.chars().count() > 64 || !check.name.chars().all(good) {
            return Err(fail("a check has a `name` of 1 to 64 letters, digits, `_`, `-` or `.`".to_owned()));
        }
        if let Some(timeout_ms) = check.timeout_ms {
            in_range("timeout_ms", timeout_ms, 1, 600_000).map_err(fail)?;
        }
        check.build().map_err(D::Error::custom)?;
        Ok(check)
    }
}

fn take<T: serde::de::DeserializeOwned>(table: &mut toml::Table, key: &str) -> Result<Option<T>, String> {
    table.remove(key).map(|value| value.try_into().map_err(|error| format!("`{key}`: {error}"))).transpose()
}

/// Where alerts are posted to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// What it is called in messages and in the queue; `webhook-1`, … when unset.
    #[serde(default)]
    pub name: Option<String>,
    pub url: WebhookUrl,
    #[serde(default)]
    pub format: WebhookFormat,
}

/// A plain URL, or a reference to one that is a secret, as Discord's are.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum WebhookUrl {
    Plain(String),
    Secret(SecretRef),
}

// the path of a webhook's URL is what allows to post: it is shown nowhere
impl std::fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            WebhookUrl::Plain(_) => f.write_str("Plain(***)"),
            WebhookUrl::Secret(reference) => write!(f, "Secret({reference})"),
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WebhookFormat {
    #[default]
    Json,
    Discord,
}

/// A time in which alerts are silenced: once between two instants, or every day (or weekday) between two local times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Maintenance {
    /// `{ from = "2026-12-01T00:00:00Z", until = "2026-12-01T02:00:00Z" }`; the end does not belong to it.
    Once { from: Timestamp, until: Timestamp },
    /// `{ daily_from = "02:00", daily_until = "03:00", weekday = "sunday" }`; over midnight when `until` is the earlier.
    Daily {
        daily_from: Time,
        daily_until: Time,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        weekday: Option<Weekday>,
    },
}

impl Maintenance {
    fn validate(&self) -> Result<(), String> {
        match self {
            Maintenance::Once { from, until } if from >= until => {
                Err(format!("maintenance from {from} until {until} is empty"))
            }
            Maintenance::Daily { daily_from, daily_until, .. } if daily_from == daily_until => {
                Err(format!("maintenance from {daily_from} until {daily_until} is empty"))
            }
            _ => Ok(()),
        }
    }

    /// Whether `now` lies in it.
    pub fn holds(&self, now: Timestamp, zone: &TimeZone) -> bool {
        match self {
            Maintenance::Once { from, until } => (*from..*until).contains(&now),
            Maintenance::Daily { daily_from, daily_until, weekday } => {
                let local = now.to_zoned(zone.clone());
                let time = local.time();
                let on = |day: jiff::civil::Weekday| weekday.is_none_or(|wanted| civil(wanted) == day);
                let today = local.weekday();
                if daily_from < daily_until {
                    (*daily_from..*daily_until).contains(&time) && on(today)
                } else {
                    // the part after midnight belongs to the day on which the window began
                    (time >= *daily_from && on(today)) || (time < *daily_until && on(today.previous()))
                }
            }
        }
    }
}

fn civil(weekday: Weekday) -> jiff::civil::Weekday {
    use jiff::civil::Weekday as Civil;
    match weekday {
        Weekday::Monday => Civil::Monday,
        Weekday::Tuesday => Civil::Tuesday,
        Weekday::Wednesday => Civil::Wednesday,
        Weekday::Thursday => Civil::Thursday,
        Weekday::Friday => Civil::Friday,
        Weekday::Saturday => Civil::Saturday,
        Weekday::Sunday => Civil::Sunday,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<MonitorConfig, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_section_has_the_default_checks() {
        let config = parse("").unwrap();
        assert_eq!(config, MonitorConfig::default());
        let checks = config.checks(&PathsConfig::default());
        let names: Vec<&str> = checks.iter().map(|check| check.name.as_str()).collect();
        assert_eq!(names, ["redis", "database", "api", "optimizer", "digest"]);
        assert!(checks.iter().all(|check| check.build().is_ok()));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases = [
            ("interval = 5", "unknown field `interval`"),
            ("interval_s = 0", "interval_s = 0 is not between"),
            ("failures_to_alert = 0", "failures_to_alert"),
            ("[[check]]\nname = 'a'\nkind = 'radis'", "unknown kind `radis`, expected one of"),
            ("[[check]]\nname = 'a'", "check `a`: has no `kind`"),
            ("[[check]]\nname = 'a b'\nkind = 'redis'", "1 to 64 letters"),
            ("[[check]]\nname = 'a'\nkind = 'redis'\nport = 1", "check `a` (redis): unknown field `port`"),
            (
                "[[check]]\nname = 'a'\nkind = 'redis'\n[[check]]\nname = 'a'\nkind = 'redis'",
                "two checks are named `a`",
            ),
            ("[[check]]\nname = 'a'\nkind = 'redis'\nseverity = 'loud'", "`severity`"),
            ("webhooks = [{ name = 'a', url = 'http://h/1' }, { name = 'a', url = 'http://h/2' }]", "named `a`"),
            ("webhooks = [{ name = 'webhook-2', url = 'http://h/1' }, { url = 'http://h/2' }]", "named `webhook-2`"),
            ("[[check]]\nname = 'a'\nkind = 'redis'\nurl = 'redis://:pw@h'", "must not hold a password"),
            ("[[check]]\nname = 'a'\nkind = 'redis'\nurl = 'redis://h?password=:pw@'", "must not hold a password"),
            ("[[check]]\nname = 'a'\nkind = 'redis'\npassword = ':pw@'", "wants a reference, `{ file = "),
            ("[[check]]\nname = 'a'\nkind = 'redis'\npassword = [{ env = 'A' }, ':pw@']", "wants a reference"),
            ("[[check]]\nname = 'a'\nkind = 'http'\nurl = 'ftp://h/'", "http or https"),
            ("maintenance = [{ from = '2026-01-02T00:00:00Z', until = '2026-01-01T00:00:00Z' }]", "is empty"),
        ];
        for (text, expected) in cases {
            let error = parse(text).unwrap_err();
            assert!(error.contains(expected), "{text:?}: {error}");
            assert!(!error.contains(":pw@"), "{error}");
        }
    }

    #[test]
    fn names_of_every_script() {
        for good in ["redis", "db-2.main_x", "ฐานข้อมูล", "बैकअप", "données", "データ"]
        {
            assert!(parse(&format!("[[check]]\nname = '{good}'\nkind = 'redis'")).is_ok(), "{good}");
        }
        for bad in ["", "a b", "a:b", "a：b", "a*", "a|b", "a`b", "a\u{a0}b", "a\u{202e}b", "a\u{200f}b", "a/b"] {
            assert!(parse(&format!("[[check]]\nname = '{bad}'\nkind = 'redis'")).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_full_section_parses_and_survives_a_round_trip() {
        let text = r#"
            interval_s = 0.5
            webhooks = [
                { url = "http://127.0.0.1:9/a" },
                { name = "ops", url = { env = "DISCORD" }, format = "discord" },
            ]
            maintenance = [{ daily_from = "23:00", daily_until = "01:00", weekday = "sunday" }]
            [[check]]
            name = "redis"
            kind = "redis"
            timeout_ms = 200
            password = [{ env = "REDIS_PASSWORD" }, { file = "bridge/state/secrets/redis" }]
        "#;
        let config = parse(text).unwrap();
        assert_eq!(config.interval_ns(), 500_000_000);
        assert_eq!(config.secret_refs(&PathsConfig::default()).len(), 3);
        assert_eq!(parse(&toml::to_string(&config).unwrap()).unwrap(), config);
        assert!(!format!("{config:?}").contains("127.0.0.1:9"));
    }

    #[test]
    fn maintenance_over_midnight_belongs_to_the_day_it_began() {
        let window = Maintenance::Daily {
            daily_from: Time::constant(23, 0, 0, 0),
            daily_until: Time::constant(1, 0, 0, 0),
            weekday: Some(Weekday::Sunday),
        };
        // 2026-11-22 is a Sunday
        let cases = [
            ("2026-11-22T22:59:59Z", false),
            ("2026-11-22T23:00:00Z", true),
            ("2026-11-23T00:59:59Z", true),
            ("2026-11-23T01:00:00Z", false),
            ("2026-11-23T23:30:00Z", false),
            ("2026-11-22T00:30:00Z", false),
        ];
        for (at, expected) in cases {
            assert_eq!(window.holds(at.parse().unwrap(), &TimeZone::UTC), expected, "{at}");
        }
    }
}
