//! From states to notices: when a failure becomes an alert, and when it is over. Pure; the standing of a check is kept on
//! disk, so that three failures in three processes count three.
//!
//! A failure is a cycle in error. What people were told (`told`) follows what is so (`alerting`): one notice for each
//! difference, none while a maintenance window or flapping holds it back, so that the latest state always comes through
//! in the end. No notice says what the cycle belies: a recovery is told in a good cycle, an alert and a reminder in a bad one.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::config::MonitorConfig;
use super::heartbeat::State;
use super::notice::{Notice, NoticeKind};
use crate::clock::ns_between;

/// What is known of a check from the cycles so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Standing {
    pub state: Option<State>,
    /// Since when it has been in this state.
    pub since: Option<Timestamp>,
    /// Cycles in error, one after the other, up to the last.
    pub failures: u64,
    /// Cycles not in error, one after the other, up to the last.
    pub successes: u64,
    /// The first bad cycle of the outage that is open.
    pub outage_began: Option<Timestamp>,
    /// The first good cycle after the last bad one.
    pub good_began: Option<Timestamp>,
    /// The outage that ended last: its first bad cycle and its first good one.
    pub ended: Option<(Timestamp, Timestamp)>,
    /// `failures_to_alert` was reached, `successes_to_recover` not yet.
    pub alerting: bool,
    /// People were told that it is in error, and not yet that it recovered.
    pub told: bool,
    /// …but by no webhook, since there was none: the first one that is configured gets the alert.
    pub unheard: bool,
    pub last_notice: Option<Timestamp>,
    /// When `alerting` last changed.
    pub changed: Option<Timestamp>,
    /// Notices of changes within the flap window.
    pub recent: Vec<Timestamp>,
    pub flapping: bool,
}

/// Takes in what a cycle saw of a check; the notice is what people are to be told now, if anything.
pub fn advance(
    standing: &mut Standing,
    check: &str,
    state: State,
    message: &str,
    now: Timestamp,
    config: &MonitorConfig,
    silenced: bool,
) -> Option<Notice> {
    forget_the_future(standing, now);
    count(standing, state, now, config);
    let is_heard = !config.webhooks.is_empty();
    if is_heard && std::mem::take(&mut standing.unheard) {
        standing.told = false;
    }
    let kind = what_to_tell(standing, now, config, silenced)?;
    standing.last_notice = Some(now);
    standing.unheard = !is_heard;
    let outage = match kind {
        NoticeKind::Recovery => standing.ended,
        _ => standing.outage_began.map(|began| (began, now)),
    };
    Some(Notice {
        kind,
        check: check.to_owned(),
        state,
        message: message.to_owned(),
        at: now,
        outage_began: outage.map(|(began, _)| began),
        outage_ended: outage.map(|(_, ended)| ended).filter(|_| kind == NoticeKind::Recovery),
        outage_ns: outage.map(|(began, ended)| ns_between(began, ended)),
        failures: standing.failures,
        changes: standing.recent.len() as u64,
        dropped_before: 0,
    })
}

/// The clock may have been set back: what would lie ahead holds no notice up for as long as that lasts.
fn forget_the_future(standing: &mut Standing, now: Timestamp) {
    let times = [
        &mut standing.since,
        &mut standing.outage_began,
        &mut standing.good_began,
        &mut standing.last_notice,
        &mut standing.changed,
    ];
    for time in times.into_iter().flatten() {
        *time = (*time).min(now);
    }
    standing.recent.retain(|at| *at <= now);
}

fn count(standing: &mut Standing, state: State, now: Timestamp, config: &MonitorConfig) {
    if standing.state != Some(state) {
        standing.state = Some(state);
        standing.since = Some(now);
    }
    // not measured: neither a failure nor a recovery
    if state == State::Unknown {
        return;
    }
    if state == State::Error {
        standing.failures = standing.failures.saturating_add(1);
        standing.successes = 0;
        standing.good_began = None;
        standing.outage_began.get_or_insert(now);
        if !standing.alerting && standing.failures >= config.failures_to_alert.into() {
            standing.alerting = true;
            standing.changed = Some(now);
        }
        return;
    }
    standing.successes = standing.successes.saturating_add(1);
    standing.failures = 0;
    let good_began = *standing.good_began.get_or_insert(now);
    if standing.alerting {
        if standing.successes < config.successes_to_recover.into() {
            return;
        }
        standing.alerting = false;
        standing.changed = Some(now);
        standing.ended = standing.outage_began.map(|began| (began, good_began));
    }
    standing.outage_began = None;
}

fn what_to_tell(standing: &mut Standing, now: Timestamp, config: &MonitorConfig, silenced: bool) -> Option<NoticeKind> {
    if silenced {
        return None;
    }
    let window_ns = config.flap_window_s.saturating_mul(1_000_000_000);
    // what was held back may be over by now; a later cycle tells. One that was not measured bears nothing out, but may hold
    // still
    let is_borne_out = match standing.state {
        Some(State::Error) => standing.alerting,
        Some(State::Unknown) | None => standing.flapping,
        Some(State::Ok | State::Warn) => !standing.alerting,
    };
    if !is_borne_out {
        return None;
    }
    if standing.flapping {
        // half the window without a change: it holds still
        if standing.changed.is_some_and(|changed| ns_between(changed, now) < window_ns / 2) {
            return None;
        }
        standing.flapping = false;
        standing.recent.clear();
        standing.told = standing.alerting;
        return Some(NoticeKind::Steady);
    }
    if standing.alerting == standing.told {
        let remind = config.remind_after_s > 0
            && standing.alerting
            && standing
                .last_notice
                .is_some_and(|last| ns_between(last, now) >= config.remind_after_s.saturating_mul(1_000_000_000));
        return remind.then_some(NoticeKind::Reminder);
    }
    standing.told = standing.alerting;
    standing.recent.retain(|at| ns_between(*at, now) < window_ns);
    if standing.recent.len() >= config.flap_notices as usize {
        standing.flapping = true;
        return Some(NoticeKind::Flapping);
    }
    standing.recent.push(now);
    Some(if standing.alerting { NoticeKind::Alert } else { NoticeKind::Recovery })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP_S: i64 = 300;

    /// Plays a pattern, one character a cycle (`x` error, `o` ok, `w` warn, `?` unknown, `m` error and `n` ok in maintenance), and
    /// gives each notice as its cycle and kind.
    fn play(pattern: &str, config: &MonitorConfig) -> (Vec<(usize, NoticeKind)>, Standing, Vec<Notice>) {
        let mut standing = Standing::default();
        let mut notices = Vec::new();
        let mut seen = Vec::new();
        for (cycle, c) in pattern.chars().enumerate() {
            let now = time(cycle);
            let state = match c {
                'x' | 'm' => State::Error,
                'w' => State::Warn,
                '?' => State::Unknown,
                _ => State::Ok,
            };
            // as on disk between two processes
            standing = serde_json::from_str(&serde_json::to_string(&standing).unwrap()).unwrap();
            if let Some(notice) = advance(&mut standing, "redis", state, "why", now, config, matches!(c, 'm' | 'n')) {
                seen.push((cycle, notice.kind));
                notices.push(notice);
            }
        }
        (seen, standing, notices)
    }

    fn time(cycle: usize) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + STEP_S * cycle as i64).unwrap()
    }

    #[test]
    fn one_notice_a_change() {
        use NoticeKind::{Alert, Recovery};
        let config = MonitorConfig::default();
        let cases: [(&str, &[(usize, NoticeKind)]); 11] = [
            ("oxxo", &[]),
            ("oxxx", &[(3, Alert)]),
            ("oxxxxxxxx", &[(3, Alert)]),
            ("xxxo", &[(2, Alert)]),
            ("xxxoo", &[(2, Alert), (4, Recovery)]),
            ("xxxww", &[(2, Alert), (4, Recovery)]),
            ("xxxoxoxoo", &[(2, Alert), (8, Recovery)]),
            ("wwwwww", &[]),
            // what was not measured counts for nothing
            ("xx??x????", &[(4, Alert)]),
            ("xxxo?o", &[(2, Alert), (5, Recovery)]),
            ("xoxoxoxoxoxo", &[]),
        ];
        for (pattern, expected) in cases {
            assert_eq!(play(pattern, &config).0, expected, "{pattern}");
        }
    }

    #[test]
    fn the_recovery_notice_has_the_outages_length() {
        let (_, _, notices) = play("ooxxxxxoooo", &MonitorConfig::default());
        let recovery = &notices[1];
        assert_eq!(recovery.outage_began, Some(time(2)));
        assert_eq!(recovery.outage_ended, Some(time(7)));
        assert_eq!(recovery.outage_ns, Some(5 * STEP_S as u64 * 1_000_000_000));
    }

    #[test]
    fn a_reminder_after_its_time_and_again() {
        use NoticeKind::{Alert, Reminder};
        let config = MonitorConfig { remind_after_s: 900, ..MonitorConfig::default() };
        assert_eq!(play("xxxxxxxxx", &config).0, [(2, Alert), (5, Reminder), (8, Reminder)]);
        // one good cycle is no recovery, but no time to say that it is still in error; nor is one that was not measured
        assert_eq!(play("xxxxxoxxx", &config).0, [(2, Alert), (6, Reminder)]);
        assert_eq!(play("xxxxx?xxx", &config).0, [(2, Alert), (6, Reminder)]);
        let never = MonitorConfig { remind_after_s: 0, ..MonitorConfig::default() };
        assert_eq!(play(&"x".repeat(500), &never).0, [(2, Alert)]);
    }

    #[test]
    fn maintenance_holds_notices_back_and_loses_no_state() {
        use NoticeKind::{Alert, Recovery};
        let config = MonitorConfig::default();
        let cases: [(&str, &[(usize, NoticeKind)]); 10] = [
            ("mmmmm", &[]),
            // still down when the window ends
            ("mmmmmx", &[(5, Alert)]),
            // down and up within the window
            ("mmmnnno", &[]),
            // recovered within the window
            ("xxxnnno", &[(2, Alert), (6, Recovery)]),
            // in error again when it ends: no recovery, and the outage that was told goes on
            ("xxxnnnxxx", &[(2, Alert)]),
            ("xxxnnnxxxoo", &[(2, Alert), (10, Recovery)]),
            ("xxxnnnxo", &[(2, Alert), (7, Recovery)]),
            ("xxxnnn?o", &[(2, Alert), (7, Recovery)]),
            // good again when it ends: no alert
            ("mmmoo", &[]),
            ("mmmox", &[(4, Alert)]),
        ];
        for (pattern, expected) in cases {
            assert_eq!(play(pattern, &config).0, expected, "{pattern}");
        }
        let (_, standing, _) = play("mmmmm", &config);
        assert_eq!((standing.failures, standing.alerting, standing.told), (5, true, false));
    }

    #[test]
    fn the_first_webhook_is_told_of_what_nobody_heard() {
        use NoticeKind::{Alert, Recovery};
        let none = MonitorConfig { remind_after_s: 0, ..MonitorConfig::default() };
        let webhook = "webhooks = [{ url = 'http://127.0.0.1:9/a' }]\nremind_after_s = 0";
        let some: MonitorConfig = toml::from_str(webhook).unwrap();
        // what is seen without a webhook, then with one
        let cases: [(&str, &str, &[NoticeKind], &[NoticeKind]); 5] = [
            ("xxxx", "xxxxoo", &[Alert], &[Alert, Recovery]),
            ("xxxx", "oxxoo", &[Alert], &[Alert, Recovery]),
            ("xxxx", "oo", &[Alert], &[]),
            ("xxxxoo", "ooxxx", &[Alert, Recovery], &[Alert]),
            ("xx", "xx", &[], &[Alert]),
        ];
        for (before, after, unheard, heard) in cases {
            let mut standing = Standing::default();
            let mut cycle = 0;
            let mut told = |pattern: &str, config: &MonitorConfig| -> Vec<NoticeKind> {
                let state = |c| if c == 'x' { State::Error } else { State::Ok };
                let mut advance = |c| {
                    cycle += 1;
                    advance(&mut standing, "redis", state(c), "why", time(cycle), config, false)
                };
                pattern.chars().filter_map(|c| advance(c).map(|notice| notice.kind)).collect()
            };
            assert_eq!(
                (told(before, &none), told(after, &some)),
                (unheard.to_vec(), heard.to_vec()),
                "{before} {after}"
            );
        }
    }

    #[test]
    fn a_clock_that_is_set_back_silences_nobody() {
        let config = MonitorConfig { remind_after_s: 900, flap_window_s: 3_600, ..MonitorConfig::default() };
        let (_, mut standing, _) = play(&"xxxoo".repeat(5), &config);
        assert!(standing.flapping);
        // a year back, and still in error: half a window later people know that it is, and are reminded
        let back = |cycle: usize| time(cycle).checked_sub(jiff::SignedDuration::from_hours(24 * 365)).unwrap();
        let mut kinds = Vec::new();
        for cycle in 0..20 {
            let told = advance(&mut standing, "redis", State::Error, "why", back(cycle), &config, false);
            kinds.extend(told.map(|notice| (notice.kind, notice.outage_ns)));
        }
        assert_eq!(kinds.first().map(|(kind, _)| *kind), Some(NoticeKind::Steady), "{kinds:?}");
        assert!(kinds.iter().any(|(kind, _)| *kind == NoticeKind::Reminder), "{kinds:?}");
    }

    #[test]
    fn flapping_gives_no_storm_and_the_last_state_comes_through() {
        let config = MonitorConfig { flap_window_s: 24 * 3_600, remind_after_s: 0, ..MonitorConfig::default() };
        let flapping = "xxxoo".repeat(40);
        let (seen, _, _) = play(&flapping, &config);
        assert_eq!(seen.len(), 5, "{seen:?}");
        assert_eq!(seen[4].1, NoticeKind::Flapping);
        // half a day of stillness in error, then people know that it is
        let (seen, standing, _) = play(&(flapping + &"x".repeat(160)), &config);
        assert_eq!(seen.len(), 6, "{seen:?}");
        assert_eq!(seen[5].1, NoticeKind::Steady);
        assert!(standing.told && standing.alerting && !standing.flapping);
    }
}
