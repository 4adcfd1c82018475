//! Tells a person, once, that an order was rejected, is uncertain or waits for him: `[notify]` of `wo.toml`. What can't be
//! delivered now stays in the journal and is tried again at the next start.

use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{EngineError, Executor};
use crate::config::NotifyConfig;
use crate::journal::RunKey;
use crate::process;

const DEADLINE: Duration = Duration::from_secs(20);

/// Starts the thread that delivers notices, so that a slow receiver holds nothing up. It ends with [`end_courier`].
pub fn start_courier(executor: &Arc<Executor>) -> Result<JoinHandle<()>, EngineError> {
    let (wake, woken) = mpsc::channel();
    executor.set_courier(Some(wake));
    let executor = Arc::clone(executor);
    let deliver_all = move || {
        // first what an earlier process left
        loop {
            if let Err(error) = deliver(&executor) {
                tracing::warn!("failed to look for notices: {error}");
            }
            if woken.recv().is_err() {
                return;
            }
            while woken.try_recv().is_ok() {}
        }
    };
    std::thread::Builder::new().name("notices".to_owned()).spawn(deliver_all).map_err(EngineError::Thread)
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
    tell_about(executor, &format!("{}/{}/{kind}", key.id, key.attempt), &key.id, kind, why)
}

pub fn tell_about(executor: &Executor, key: &str, id: &str, kind: &str, why: &str) -> Result<(), EngineError> {
    let settings = executor.settings();
    let body = json!({ "id": id, "needs": kind, "why": settings.masker.mask(why), "root": executor.root.path() });
    let new = executor.journal.notice(key, &body.to_string(), executor.clock.now())?;
    if new {
        tracing::warn!("{id}: {kind}: {}", settings.masker.mask(why));
        executor.wake_courier();
    }
    Ok(())
}

/// Delivers all notices that were not told yet.
fn deliver(executor: &Executor) -> Result<(), EngineError> {
    let notify = executor.settings().config.notify.clone();
    if notify.command.is_none() && notify.webhook.is_none() {
        return Ok(());
    }
    for (key, body) in executor.journal.reader()?.untold_notices()? {
        match send(&notify, &body) {
            Ok(()) => executor.journal.notice_told(&key)?,
            Err(why) => tracing::warn!("failed to deliver the notice {key}: {why}; it is tried again at the next one"),
        }
    }
    Ok(())
}

fn send(notify: &NotifyConfig, body: &str) -> Result<(), String> {
    if let Some((program, args)) = notify.command.as_deref().and_then(<[String]>::split_first) {
        let mut spec = process::Spec::new(program).args(args).deadline(DEADLINE);
        spec.stdin = Some(body.as_bytes().to_vec());
        let output = process::run(&spec).map_err(|error| error.to_string())?;
        if !output.success() {
            return Err(format!("`{program}`: {}", output.end));
        }
    }
    if let Some(url) = &notify.webhook {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().timeout_global(Some(DEADLINE)).max_redirects(0).build().into();
        agent
            .post(url)
            .header("content-type", "application/json")
            .send(body)
            .map_err(|error| format!("the webhook: {error}"))?;
    }
    Ok(())
}
