//! Tells a person, once, that an order was rejected, is uncertain or waits for him: `[notify]` of `wo.toml`. What can't be
//! delivered now stays in the journal and is tried again.

use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{EngineError, Executor};
use crate::config::NotifyConfig;
use crate::journal::RunKey;
use crate::journal::records::Notice;
use crate::process;

const DEADLINE: Duration = Duration::from_secs(20);

/// What could not be delivered is tried again after this.
const TRY_AGAIN: Duration = Duration::from_secs(60);

/// Starts the thread that delivers notices, so that a slow receiver holds nothing up. It ends with [`end_courier`].
pub fn start_courier(executor: &Arc<Executor>) -> Result<JoinHandle<()>, EngineError> {
    let (wake, woken) = mpsc::channel();
    executor.set_courier(Some(wake));
    let executor = Arc::clone(executor);
    let deliver_all = move || {
        // first what an earlier process left
        loop {
            let is_all_told = deliver(&executor).unwrap_or_else(|error| {
                tracing::warn!("failed to look for notices: {error}");
                false
            });
            let came = match is_all_told {
                true => woken.recv().is_ok(),
                false => !matches!(woken.recv_timeout(TRY_AGAIN), Err(mpsc::RecvTimeoutError::Disconnected)),
            };
            if !came {
                return;
            }
            while woken.try_recv().is_ok() {}
        }
    };
    std::thread::Builder::new().name("notices".to_owned()).spawn(deliver_all).map_err(EngineError::Thread)
}

/// Lets the courier deliver all that waits, each within its own deadline: a receiver that is cut off is told again by the next
/// process. The wish to stop ends the wait.
pub fn finish_courier(executor: &Executor, courier: &JoinHandle<()>) {
    executor.set_courier(None);
    while !courier.is_finished() && !executor.stop.is_set() {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Lets the courier deliver what waits, for at most `patience`; the rest stays in the journal.
pub fn end_courier(executor: &Executor, courier: JoinHandle<()>, patience: Duration) {
    executor.set_courier(None);
    let deadline = Instant::now() + patience;
    while !courier.is_finished() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Notes the need in the journal, durable, and delivers it in the background.
pub fn tell(executor: &Executor, key: &RunKey, kind: &str, why: &str) -> Result<(), EngineError> {
    let notice = notice(executor, format!("{}/{}/{kind}", key.id, key.attempt), &key.id, kind, why);
    let new = executor.journal.notice(notice, executor.clock.now())?;
    if new {
        noted(executor, &key.id, kind, why);
    }
    Ok(())
}

/// The notice that `id` (an order's, or a file's name) needs a person. Where nobody is to be told it counts as told.
pub fn notice(executor: &Executor, key: String, id: &str, kind: &str, why: &str) -> Notice {
    let settings = executor.settings();
    let body = json!({ "id": id, "needs": kind, "why": settings.masker.mask(why), "root": executor.root.path().to_string_lossy() });
    Notice { key, body: body.to_string(), told: !is_wanted(&settings.config.notify) }
}

/// Says in the log that a new notice stands in the journal, and wakes the courier.
pub fn noted(executor: &Executor, id: &str, kind: &str, why: &str) {
    tracing::warn!("{id}: {kind}: {}", executor.settings().masker.mask(why));
    executor.wake_courier();
}

fn is_wanted(notify: &NotifyConfig) -> bool {
    notify.command.is_some() || notify.webhook.is_some()
}

/// Delivers all notices that were not told yet; `false` when some could not be.
fn deliver(executor: &Executor) -> Result<bool, EngineError> {
    let notify = executor.settings().config.notify.clone();
    if !is_wanted(&notify) {
        return Ok(true);
    }
    let mut is_all_told = true;
    // those who can't be reached at all now: they fare no better with the next notice
    let mut unreachable = 0;
    for (key, body, told) in executor.journal.reader()?.untold_notices()? {
        let mut now = told;
        for receiver in receivers(&notify).filter(|receiver| told & receiver.bit == 0) {
            if unreachable & receiver.bit != 0 {
                continue;
            }
            match (receiver.send)(&notify, &body) {
                Ok(()) => {
                    now |= receiver.bit;
                    executor.journal.notice_told_to(&key, now)?;
                }
                Err(failure) => {
                    unreachable |= if failure.is_receivers { receiver.bit } else { 0 };
                    let after = TRY_AGAIN.as_secs();
                    tracing::warn!(
                        "failed to deliver the notice {key}: {}; it is tried again in {after} s",
                        failure.why
                    );
                }
            }
        }
        match receivers(&notify).all(|receiver| now & receiver.bit != 0) {
            true => executor.journal.notice_told(&key)?,
            false => is_all_told = false,
        }
    }
    Ok(is_all_told)
}

/// One of those who are told, each once.
struct Receiver {
    /// In the journal's note of who was told.
    bit: u8,
    send: fn(&NotifyConfig, &str) -> Result<(), Failure>,
}

fn receivers(notify: &NotifyConfig) -> impl Iterator<Item = Receiver> {
    let command = notify.command.is_some().then_some(Receiver { bit: 2, send: to_command });
    let webhook = notify.webhook.is_some().then_some(Receiver { bit: 4, send: to_webhook });
    command.into_iter().chain(webhook)
}

struct Failure {
    why: String,
    /// The receiver can't be reached at all, whatever the notice.
    is_receivers: bool,
}

fn to_command(notify: &NotifyConfig, body: &str) -> Result<(), Failure> {
    let Some((program, args)) = notify.command.as_deref().and_then(<[String]>::split_first) else { return Ok(()) };
    let mut spec = process::Spec::new(program).args(args).deadline(DEADLINE);
    spec.stdin = Some(body.as_bytes().to_vec());
    let output = process::run(&spec).map_err(|error| Failure { why: error.to_string(), is_receivers: true })?;
    if output.success() {
        return Ok(());
    }
    let is_receivers = !matches!(output.end, process::End::Exit(_));
    Err(Failure { why: format!("`{program}`: {}", output.end), is_receivers })
}

fn to_webhook(notify: &NotifyConfig, body: &str) -> Result<(), Failure> {
    let Some(url) = &notify.webhook else { return Ok(()) };
    let agent: ureq::Agent =
        ureq::Agent::config_builder().timeout_global(Some(DEADLINE)).max_redirects(0).build().into();
    let sent = agent.post(url).header("content-type", "application/json").send(body);
    sent.map(drop).map_err(|error| Failure {
        // an address may hold a token
        why: crate::secret::mask_urls(&format!("the webhook: {error}")),
        is_receivers: !matches!(error, ureq::Error::StatusCode(400..=499)),
    })
}
