//! Posts queued notices to webhooks. Runs beside the loop, never within a cycle.
//!
//! What must hold: a notice leaves the queue only when the receiver took it (2xx), or after a week; one webhook gets its
//! notices in order; two processes never post the same one at a time. A crash between the post and its removal posts it
//! again, under the same id. A URL is shown nowhere: it alone allows to post.

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
    retry_after: Option<Duration>,
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
}

impl Courier {
    pub fn new(root: Root, config: Arc<Config>, clock: Arc<dyn Clock>) -> Result<Courier, StoreError> {
        let store = Store::open(&root)?;
        Ok(Courier { root, config, clock, store })
    }

    /// Posts what is due, webhook by webhook, until `deadline`. `impatient` tries the first notice of each even when its
    /// next attempt is not due yet.
    pub fn pass(&mut self, impatient: bool, deadline: Instant) -> Result<Pass, StoreError> {
        let monitor = self.config.monitor.clone();
        let mut pass = Pass::default();
        let now = self.clock.now();
        let dropped = self.store.expire(before(now, KEEP))?;
        if dropped > 0 {
            tracing::error!("{dropped} notices could not be delivered for a week and were let go");
        }
        let names = names(&monitor.webhooks);
        let orphans = self.store.adopt(&names, now)?;
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
        for (webhook, name) in monitor.webhooks.iter().zip(names) {
            let mut impatient = impatient;
            while Instant::now() < deadline {
                let now = self.clock.now();
                let timeout = Duration::from_millis(monitor.webhook_timeout_ms)
                    .min(deadline.saturating_duration_since(Instant::now()));
                let lease = after(now, timeout + Duration::from_secs(5));
                let Some(leased) = self.store.lease(&name, now, lease, impatient)? else { break };
                impatient = false;
                match self.post(webhook, &leased, timeout) {
                    Ok(()) => {
                        self.store.delivered(leased.id)?;
                        pass.sent += 1;
                        let gap = Duration::from_millis(monitor.webhook_gap_ms);
                        if self.store.next_attempt(&name)?.is_some() {
                            std::thread::sleep(gap.min(deadline.saturating_duration_since(Instant::now())));
                        }
                    }
                    Err(error) => {
                        let wait = error.retry_after.unwrap_or_else(|| backoff(leased.attempts));
                        self.store.put_back(leased.id, after(self.clock.now(), wait), &error.why)?;
                        tracing::warn!("failed to deliver a notice to {name}: {}; it stays queued", error.why);
                        pass.failed.push((name.clone(), error.why));
                        break;
                    }
                }
            }
            let next = self.store.next_attempt(&name)?;
            pass.next = [pass.next, next].into_iter().flatten().min();
        }
        Ok(pass)
    }

    fn post(&self, webhook: &WebhookConfig, leased: &Leased, timeout: Duration) -> Result<(), Undelivered> {
        let id = format!("{}-{}", leased.queued.as_millisecond(), leased.id);
        post(&self.root, webhook, &leased.notice, &id, timeout)
    }
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
    let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse::<f64>().ok());
    let retry_after = retry_after.filter(|seconds| seconds.is_finite() && *seconds >= 0.0);
    let retry_after = retry_after.map(|s| Duration::from_secs_f64(s.min(RETRY_AFTER_MAX.as_secs_f64())));
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
