//! Tells a person, once, that an order was rejected, is uncertain or waits for him: `[notify]` of `wo.toml`. What can't be
//! delivered now stays in the journal and is tried again.

use std::collections::HashSet;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{EngineError, Executor};
use crate::config::NotifyConfig;
use crate::journal::RunKey;
use crate::journal::records::Notice;
use crate::process;
use crate::secret::Masker;
use crate::text::line;

const DEADLINE: Duration = Duration::from_secs(20);

/// What could not be delivered is tried again after this.
const TRY_AGAIN: Duration = Duration::from_secs(60);

/// A process that works through the inbox once begins to deliver what earlier ones could not for this long: a receiver that is
/// dead holds up the run that has something to tell it, and later ones but shortly.
const LEFT_PATIENCE: Duration = Duration::from_secs(2);
/// What was begun then has this long, or a receiver that is slow would never be told.
const LEFT_DEADLINE: Duration = Duration::from_secs(8);

/// What stays undelivered of one pass, and within what time that is.
struct Bounds<'a> {
    /// Keys of notices that are passed over.
    skip: &'a dyn Fn(&str) -> bool,
    /// Until when deliveries are begun, each with [`LEFT_DEADLINE`]; else each has [`DEADLINE`].
    until: Option<Instant>,
}

/// Starts the thread that delivers notices, so that a slow receiver holds nothing up. It ends with [`end_courier`]. What an
/// earlier process left is tried first, in a process of one pass (`is_once`) once and for a short while.
pub fn start_courier(executor: &Arc<Executor>, is_once: bool) -> Result<JoinHandle<()>, EngineError> {
    let (wake, woken) = mpsc::channel();
    executor.set_courier(Some(wake));
    let left: HashSet<String> = match is_once {
        true => executor.journal.reader()?.untold_notices()?.into_iter().map(|(key, ..)| key).collect(),
        false => HashSet::new(),
    };
    let executor = Arc::clone(executor);
    let deliver_all = move || {
        let pass = |bounds: &Bounds<'_>| {
            deliver(&executor, bounds).unwrap_or_else(|error| {
                tracing::warn!("failed to look for notices: {error}");
                false
            })
        };
        if !left.is_empty() {
            pass(&Bounds { skip: &|key| !left.contains(key), until: Some(Instant::now() + LEFT_PATIENCE) });
        }
        loop {
            let is_all_told = pass(&Bounds { skip: &|key| left.contains(key), until: None });
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

/// Lets the courier deliver all that this process has queued, each within its own deadline: a receiver that is cut off is told
/// again by the next process. The wish to stop ends the wait.
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

/// How many notices are not delivered, and for whom they wait; `None` where all were.
pub fn undelivered(executor: &Executor) -> Result<Option<String>, EngineError> {
    let notify = executor.settings().config.notify.clone();
    let waiting = executor.journal.reader()?.untold_notices()?;
    let late = receivers(&notify).filter(|receiver| waiting.iter().any(|(.., told)| told & receiver.bit == 0));
    let late: Vec<String> = late.map(|receiver| receiver.name).collect();
    let count = match waiting.len() {
        0 => return Ok(None),
        1 => "1 notice waits".to_owned(),
        count => format!("{count} notices wait"),
    };
    let whom = if late.is_empty() { String::new() } else { format!(" for {}", late.join(" and ")) };
    Ok(Some(format!("{count}{whom}, not delivered yet; the next `wo run` or `wo up` tries again")))
}

fn is_wanted(notify: &NotifyConfig) -> bool {
    notify.command.is_some() || notify.webhook.is_some()
}

/// Delivers the notices that were not told yet; `false` when some could not be.
fn deliver(executor: &Executor, bounds: &Bounds<'_>) -> Result<bool, EngineError> {
    let settings = executor.settings();
    let (notify, masker) = (&settings.config.notify, &settings.masker);
    if !is_wanted(notify) {
        return Ok(true);
    }
    let mut is_all_told = true;
    // those who can't be reached at all now: they fare no better with the next notice
    let mut unreachable = 0;
    let notices = executor.journal.reader()?.untold_notices()?;
    for (key, body, told) in notices.into_iter().filter(|(key, ..)| !(bounds.skip)(key)) {
        let mut now = told;
        for receiver in receivers(notify).filter(|receiver| told & receiver.bit == 0) {
            let patience = bounds.until.map_or(DEADLINE, |_| LEFT_DEADLINE);
            let is_over = bounds.until.is_some_and(|until| until <= Instant::now());
            if unreachable & receiver.bit != 0 || is_over {
                continue;
            }
            match (receiver.send)(notify, masker, &body, patience) {
                Ok(()) => {
                    now |= receiver.bit;
                    executor.journal.notice_told_to(&key, now)?;
                }
                Err(failure) => {
                    unreachable |= if failure.is_receivers { receiver.bit } else { 0 };
                    let again = match bounds.until {
                        None => format!("tried again in {} s", TRY_AGAIN.as_secs()),
                        Some(_) => "tried again by the next process".to_owned(),
                    };
                    tracing::warn!("failed to deliver the notice {key}: {}; it is {again}", failure.why);
                }
            }
        }
        match receivers(notify).all(|receiver| now & receiver.bit != 0) {
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
    /// As it is told; an address may hold a token.
    name: String,
    send: fn(&NotifyConfig, &Masker, &str, Duration) -> Result<(), Failure>,
}

fn receivers(notify: &NotifyConfig) -> impl Iterator<Item = Receiver> {
    let command = notify.command.as_ref().map(|command| {
        let program = crate::text::line(command.first().map_or("", String::as_str), 120);
        Receiver { bit: 2, name: format!("the command `{program}`"), send: to_command }
    });
    let webhook =
        notify.webhook.is_some().then(|| Receiver { bit: 4, name: "the webhook".to_owned(), send: to_webhook });
    command.into_iter().chain(webhook)
}

struct Failure {
    why: String,
    /// The receiver can't be reached at all, whatever the notice.
    is_receivers: bool,
}

fn to_command(notify: &NotifyConfig, masker: &Masker, body: &str, patience: Duration) -> Result<(), Failure> {
    let Some((program, args)) = notify.command.as_deref().and_then(<[String]>::split_first) else { return Ok(()) };
    let mut spec = process::Spec::new(program).args(args).deadline(patience);
    spec.stdin = Some(body.as_bytes().to_vec());
    let output = process::run(&spec).map_err(|error| Failure { why: error.to_string(), is_receivers: true })?;
    if output.success() {
        return Ok(());
    }
    let is_receivers = !matches!(output.end, process::End::Exit(_));
    let (stderr, stdout) = (masker.mask(&output.stderr_text()), masker.mask(&output.stdout_text()));
    let said = process::last_words::why(&stderr, &stdout).map_or(String::new(), |why| format!(": {}", line(why, 200)));
    Err(Failure { why: format!("`{program}`: {}{said}", output.end), is_receivers })
}

fn to_webhook(notify: &NotifyConfig, _: &Masker, body: &str, patience: Duration) -> Result<(), Failure> {
    let Some(url) = &notify.webhook else { return Ok(()) };
    let agent: ureq::Agent =
        ureq::Agent::config_builder().timeout_global(Some(patience)).max_redirects(0).build().into();
    let sent = agent.post(url).header("content-type", "application/json").send(body);
    sent.map(drop).map_err(|error| Failure {
        // an address may hold a token
        why: crate::secret::mask_urls(&format!("the webhook: {error}")),
        is_receivers: !matches!(error, ureq::Error::StatusCode(400..=499)),
    })
}
