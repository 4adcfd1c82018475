//! Tells a person, once, that an order was rejected, is uncertain or waits for him: `[notify]` of `wo.toml`. What can't be
//! delivered now stays in the journal and is tried again at the next start.

use std::time::Duration;

use serde_json::json;

use super::{EngineError, Executor};
use crate::config::NotifyConfig;
use crate::journal::RunKey;
use crate::process;

const DEADLINE: Duration = Duration::from_secs(20);

/// Notes the need in the journal, durable, and delivers it in the background.
pub fn tell(executor: &Executor, key: &RunKey, kind: &str, why: &str) -> Result<(), EngineError> {
    tell_about(executor, &format!("{}/{}/{kind}", key.id, key.attempt), &key.id, kind, why)
}

pub fn tell_about(executor: &Executor, key: &str, id: &str, kind: &str, why: &str) -> Result<(), EngineError> {
    let settings = executor.settings();
    let body = json!({ "id": id, "needs": kind, "why": settings.masker.mask(why), "root": executor.root.path() });
    let new = executor.journal.notice(key, &body.to_string(), executor.clock.now())?;
    if new {
        tracing::warn!("{id}: {kind}: {why}");
        deliver(executor)?;
    }
    Ok(())
}

/// Delivers all notices that were not told yet.
pub fn deliver(executor: &Executor) -> Result<(), EngineError> {
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
