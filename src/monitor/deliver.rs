//! Posts queued notices to webhooks. Runs beside the loop, never within a cycle.
//!
//! What must hold: a notice leaves the queue only when the receiver took it (2xx), or after a week; one webhook gets its
//! notices in order, no closer than the gap between two, and none before the time that it asked for; two processes never post
//! the same one at a time; no webhook waits for another beyond one post. A post begins only with its whole time-out left: one
//! that is cut short may have arrived. A crash between the post and its removal posts it again, under the same id. A URL is
//! shown nowhere: it alone allows to post.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::checks::http::{agent, why};
use super::config::{MonitorConfig, WebhookConfig, WebhookUrl};
use super::notice::Notice;
use super::store::{Leased, Store, StoreError};
use crate::clock::Clock;
use crate::config::Config;
use crate::root::Root;
use crate::text;

/// A notice that could not be delivered for this long is let go.
const KEEP: Duration = Duration::from_secs(7 * 86_400);
const BACKOFF_MAX: Duration = Duration::from_secs(300);
/// What a receiver may ask for with `Retry-After`.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);

/// What each webhook is called, in the queue and in messages.
pub fn names(webhooks: &[WebhookConfig]) -> Vec<String> {
    let name = |(index, webhook): (usize, &WebhookConfig)| {
        webhook.name.clone().unwrap_or_else(|| format!("webhook-{}", index + 1))
    };
    webhooks.iter().enumerate().map(name).collect()
}

/// Why a post did not arrive.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{why}")]
pub struct Undelivered {
    pub why: String,
    retry_after: Option<RetryAfter>,
}

/// RFC 9110, 10.2.3.
#[derive(Debug, Clone, Copy, PartialEq)]
enum RetryAfter {
    Wait(Duration),
    At(Timestamp),
}

impl RetryAfter {
    fn read(text: &str) -> Option<RetryAfter> {
        let text = text.trim();
        if let Ok(seconds) = text.parse::<f64>() {
            let is_time = seconds.is_finite() && seconds >= 0.0;
            return is_time
                .then(|| RetryAfter::Wait(Duration::from_secs_f64(seconds.min(RETRY_AFTER_MAX.as_secs_f64()))));
        }
        let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
        Some(RetryAfter::At(at))
    }

    /// No later than [`RETRY_AFTER_MAX`] from `now`.
    fn time(self, now: Timestamp) -> Timestamp {
        match self {
            RetryAfter::Wait(wait) => after(now, wait.min(RETRY_AFTER_MAX)),
            RetryAfter::At(at) => at.clamp(now, after(now, RETRY_AFTER_MAX)),
        }
    }
}

impl Undelivered {
    fn new(why: impl Into<String>) -> Self {
        Undelivered { why: why.into(), retry_after: None }
    }
}

/// What a pass over the queue did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pass {
    pub sent: usize,
    /// Webhooks that did not take a notice, with the reason.
    pub failed: Vec<(String, String)>,
    /// When the next attempt is due.
    pub next: Option<Timestamp>,
}

pub struct Courier {
    root: Root,
    config: Arc<Config>,
    clock: Arc<dyn Clock>,
    store: Store,
    /// Whose turn it is: the next pass begins where the last one ended.
    turn: usize,
}

/// How long a pass waits for the gap between two posts, so that a backlog need not wait for the next pass.
const GAP_WAIT_MAX: Duration = Duration::from_secs(2);

impl Courier {
    pub fn new(root: Root, config: Arc<Config>, clock: Arc<dyn Clock>) -> Result<Courier, StoreError> {
        let store = Store::open(&root)?;
        Ok(Courier { root, config, clock, store, turn: 0 })
    }

    /// Posts what is due, one notice of each webhook in turn, until `deadline`. `impatient` tries the first notice of each even
    /// when its next attempt is not due yet; a webhook that asked to be left alone is left alone.
    pub fn pass(&mut self, impatient: bool, deadline: Instant) -> Result<Pass, StoreError> {
        let monitor = self.config.monitor.clone();
        let names = names(&monitor.webhooks);
        self.settle(&names)?;
        let mut pass = Pass::default();
        let mut lines: Vec<Line> = monitor
            .webhooks
            .iter()
            .zip(&names)
            .map(|(webhook, name)| Line { webhook, name, is_over: false, impatient, has_sent: false })
            .collect();
        let count = lines.len().max(1);
        let timeout = Duration::from_millis(monitor.webhook_timeout_ms);
        let is_time_left = || deadline.saturating_duration_since(Instant::now()) >= timeout;
        loop {
            let mut posted = false;
            for _ in 0..lines.len() {
                if !is_time_left() {
                    break;
                }
                let Some(line) = lines.get_mut(self.turn % count) else { break };
                self.turn = (self.turn + 1) % count;
                if !line.is_over {
                    posted |= self.post_next(line, timeout, &mut pass)?;
                }
            }
            if !posted && !self.wait_for_gap(&lines, deadline, timeout)? {
                break;
            }
        }
        for name in &names {
            let next = self.store.next_attempt(name)?;
            pass.next = [pass.next, next].into_iter().flatten().min();
        }
        Ok(pass)
    }

    /// Settles what is too old, and what waits for webhooks that are gone.
    fn settle(&mut self, names: &[String]) -> Result<(), StoreError> {
        let now = self.clock.now();
        let dropped = self.store.expire(before(now, KEEP))?;
        if dropped > 0 {
            tracing::error!("{dropped} notices could not be delivered for a week and were let go");
        }
        let orphans = self.store.adopt(names, now)?;
        if orphans.adopted > 0 {
            tracing::info!(
                "{} notices for a webhook that is no longer configured go to {}",
                orphans.adopted,
                names.join(", ")
            );
        }
        if orphans.let_go > 0 {
            tracing::warn!("{} notices for a webhook that is no longer configured were let go", orphans.let_go);
        }
        Ok(())
    }

    /// Posts the next notice of one webhook, if one may be; whether one was.
    fn post_next(&mut self, line: &mut Line, timeout: Duration, pass: &mut Pass) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let until = after(now, timeout + Duration::from_secs(5));
        let Some(leased) = self.store.lease(line.name, now, until, line.impatient)? else { return Ok(false) };
        line.impatient = false;
        match self.post(line.webhook, &leased, timeout) {
            Ok(()) => {
                let gap = Duration::from_millis(self.config.monitor.webhook_gap_ms);
                self.store.delivered(leased.id, line.name, after(self.clock.now(), gap))?;
                pass.sent += 1;
                line.has_sent = true;
            }
            Err(error) => {
                let now = self.clock.now();
                let held = error.retry_after.map(|retry_after| retry_after.time(now));
                let next = held.unwrap_or_else(|| after(now, backoff(leased.attempts)));
                self.store.put_back(leased.id, line.name, next, held, &error.why)?;
                tracing::warn!("failed to deliver a notice to {}: {}; it stays queued", line.name, error.why);
                pass.failed.push((line.name.to_owned(), error.why));
                line.is_over = true;
            }
        }
        Ok(true)
    }

    /// Waits until a webhook that took a notice may get its next one, if that is soon; `false` when there is nothing to wait
    /// for, or no time.
    fn wait_for_gap(&self, lines: &[Line], deadline: Instant, timeout: Duration) -> Result<bool, StoreError> {
        let mut soonest: Option<Timestamp> = None;
        for line in lines.iter().filter(|line| line.has_sent && !line.is_over) {
            soonest = [soonest, self.store.next_attempt(line.name)?].into_iter().flatten().min();
        }
        let Some(soonest) = soonest else { return Ok(false) };
        let ns = soonest.as_nanosecond() - self.clock.now().as_nanosecond();
        // a wait of nothing would mean that another process has it
        let wait = Duration::from_nanos(u64::try_from(ns).unwrap_or(0)).max(Duration::from_millis(1));
        let left = deadline.saturating_duration_since(Instant::now()).saturating_sub(timeout);
        if wait > left.min(GAP_WAIT_MAX) {
            return Ok(false);
        }
        std::thread::sleep(wait);
        Ok(true)
    }

    fn post(&self, webhook: &WebhookConfig, leased: &Leased, timeout: Duration) -> Result<(), Undelivered> {
        let id = format!("{}-{}", leased.queued.as_millisecond(), leased.id);
        post(&self.root, webhook, &leased.notice, &id, timeout)
    }
}

/// One webhook during a pass.
struct Line<'a> {
    webhook: &'a WebhookConfig,
    name: &'a str,
    /// It did not take a notice, and is not asked again in this pass.
    is_over: bool,
    impatient: bool,
    has_sent: bool,
}

/// Posts one notice now.
pub fn post(
    root: &Root,
    webhook: &WebhookConfig,
    notice: &Notice,
    id: &str,
    timeout: Duration,
) -> Result<(), Undelivered> {
    let url = url_of(root, webhook)?;
    let body = notice.body(webhook.format, id, &root.path().display().to_string());
    let within = text::duration_ns(u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX));
    let request = agent(timeout).post(&url).header("content-type", "application/json");
    let response =
        request.send(&body[..]).map_err(|error| Undelivered::new(why(&error, &within).replace(&url, "***")))?;
    let status = response.status().as_u16();
    if (200..300).contains(&status) {
        return Ok(());
    }
    let retry_after = response.headers().get("retry-after").and_then(|value| RetryAfter::read(value.to_str().ok()?));
    let hint = match status {
        401 | 403 | 404 | 410 => "; does this webhook still exist?",
        300..=399 => "; redirects are not followed",
        _ => "",
    };
    Err(Undelivered { why: format!("the webhook answered {status}{hint}"), retry_after })
}

fn url_of(root: &Root, webhook: &WebhookConfig) -> Result<String, Undelivered> {
    let url = match &webhook.url {
        WebhookUrl::Plain(url) => url.trim().to_owned(),
        WebhookUrl::Secret(reference) => {
            let secret = reference.read(root.path()).map_err(|error| Undelivered::new(error.to_string()))?;
            secret.expose().trim().to_owned()
        }
    };
    match url::Url::parse(&url) {
        Ok(parsed) if matches!(parsed.scheme(), "http" | "https") => Ok(url),
        Ok(_) => Err(Undelivered::new("the webhook's URL must be http or https")),
        Err(error) => Err(Undelivered::new(format!("the webhook's URL is no URL: {error}"))),
    }
}

fn backoff(attempts: u32) -> Duration {
    Duration::from_secs(1u64 << attempts.min(16)).min(BACKOFF_MAX)
}

fn after(at: Timestamp, wait: Duration) -> Timestamp {
    at.checked_add(wait).unwrap_or(at)
}

fn before(at: Timestamp, span: Duration) -> Timestamp {
    at.checked_sub(span).unwrap_or(at)
}

/// The thread that delivers while the loop runs. It sleeps until something is queued or an attempt is due.
pub struct Delivery {
    wake: mpsc::SyncSender<()>,
    thread: std::thread::JoinHandle<()>,
}

impl Delivery {
    /// `None` when no webhook is configured.
    pub fn start(root: &Root, config: &Arc<Config>, clock: &Arc<dyn Clock>) -> Result<Option<Delivery>, StoreError> {
        if config.monitor.webhooks.is_empty() {
            return Ok(None);
        }
        let courier = Courier::new(root.clone(), config.clone(), clock.clone())?;
        let (wake, woken) = mpsc::sync_channel(1);
        let spawned = std::thread::Builder::new().name("alerts".to_owned()).spawn(move || deliver(courier, &woken));
        match spawned {
            Ok(thread) => Ok(Some(Delivery { wake, thread })),
            Err(error) => {
                tracing::error!("failed to start the delivery of alerts: {error}; they stay queued");
                Ok(None)
            }
        }
    }

    /// Something may have been queued.
    pub fn wake(&self) {
        // full means that it will look anyway
        let _ = self.wake.try_send(());
    }

    /// Ends it; what is under way gets `grace`, and stays queued beyond.
    pub fn stop(self, grace: Duration) {
        drop(self.wake);
        let deadline = Instant::now() + grace;
        while !self.thread.is_finished() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn deliver(mut courier: Courier, woken: &mpsc::Receiver<()>) {
    // a new process tries at once what an older one gave a late next attempt
    let mut impatient = true;
    loop {
        let limit = pass_limit(&courier.config.monitor);
        let next = match courier.pass(impatient, Instant::now() + limit) {
            Ok(pass) => pass.next,
            Err(error) => {
                tracing::error!("{error}");
                Some(after(courier.clock.now(), BACKOFF_MAX))
            }
        };
        impatient = false;
        let outcome = match next {
            None => woken.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(at) => {
                let ns = at.as_nanosecond() - courier.clock.now().as_nanosecond();
                let wait = Duration::from_nanos(u64::try_from(ns).unwrap_or(0));
                woken.recv_timeout(wait.clamp(Duration::from_millis(50), BACKOFF_MAX))
            }
        };
        if outcome == Err(RecvTimeoutError::Disconnected) {
            return;
        }
    }
}

/// A pass ends after a while, so that a stop is noticed.
fn pass_limit(monitor: &MonitorConfig) -> Duration {
    Duration::from_millis(monitor.webhook_timeout_ms.saturating_mul(2)).max(Duration::from_secs(5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_wait_is_seconds_or_a_date_and_bounded() {
        let now: Timestamp = "2026-11-27T20:00:00Z".parse().unwrap();
        for (text, seconds) in [
            ("60", Some(60)),
            (" 0 ", Some(0)),
            ("1e9", Some(3_600)),
            ("Fri, 27 Nov 2026 20:02:00 GMT", Some(120)),
            ("Fri, 27 Nov 2026 19:00:00 GMT", Some(0)),
            ("Sat, 28 Nov 2026 20:00:00 GMT", Some(3_600)),
            ("-1", None),
            ("nan", None),
            ("soon", None),
        ] {
            let read = RetryAfter::read(text).map(|retry_after| retry_after.time(now));
            assert_eq!(read, seconds.map(|seconds| after(now, Duration::from_secs(seconds))), "{text}");
        }
    }
}
