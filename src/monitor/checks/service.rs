//! `service`: a LaunchAgent or an embedded job is loaded, and its last run did not fail.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde::Deserialize;

use super::{Check, Finding, Kind, Pending, Probe};
use crate::monitor::heartbeat::{AGENTS, message};
use crate::root::Root;
use crate::services::{ServiceError, ServiceStatus, facts};

pub const KIND: Kind = Kind::of::<Service>("service", AGENTS, "a service is loaded and its last run did not fail");

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// e.g. `com.02luka.optimizer`.
    pub label: String,
}

impl Check for Service {
    fn validate(&self) -> Result<(), String> {
        if self.label.is_empty() || self.label.starts_with('-') || self.label.chars().any(char::is_whitespace) {
            return Err(format!("`label` = \"{}\" is no service label", crate::text::line(&self.label, 60)));
        }
        Ok(())
    }

    fn report_name(&self) -> Option<&str> {
        Some(&self.label)
    }

    fn run(self: Arc<Self>, probe: Probe) -> Pending {
        Box::pin(async move { probe.blocking(move |probe| self.look(probe)).await })
    }
}

impl Service {
    fn look(&self, probe: &Probe) -> Finding {
        let started = Instant::now();
        let manager = probe.around.services.kind();
        match probe.around.services.status(&self.label) {
            Ok(status) => self.judge(&status, &probe.around.root).latency(started.elapsed()),
            // not loaded is one thing, not knowable another: this is not green and not an outage
            Err(ServiceError::NoManager(why)) => Finding::unmeasured(format!("no service manager answers: {why}")),
            Err(error) => Finding::error(format!("{manager}: {error}")),
        }
    }

    fn judge(&self, status: &ServiceStatus, root: &Root) -> Finding {
        if !status.loaded {
            let cure = self.cure(root);
            return Finding::error(format!("{} is not loaded; {cure} ({})", self.label, status.detail))
                .headline(message::AGENT_DOWN);
        }
        match (status.pid, status.last_exit) {
            // next to a running process, an old exit status is a normal relaunch
            (Some(_), _) | (None, None | Some(0)) => {
                Finding::ok(format!("loaded ({})", status.detail)).headline(message::AGENT_OK)
            }
            (None, Some(exit)) => Finding::warn(format!(
                "loaded, but its last run ended with {exit}; `wo services explain {exit}` ({})",
                status.detail
            ))
            .headline(message::AGENT_OK),
        }
    }

    /// What loads it. Installing is offered only where it would find something to install.
    fn cure(&self, root: &Root) -> String {
        // only the daemon's own definition asks for the program, and that is not looked at
        let error = match facts::definition(root, Path::new("/"), &self.label) {
            Ok(_) => return format!("`wo services install {}` loads it", self.label),
            Err(error) => error,
        };
        let rendered = facts::rendered(root, &self.label);
        match rendered.exists() {
            true => error.to_string(),
            false => format!(
                "there is no `{}`: put it there, or leave this check out of the `[[monitor.check]]`s of `wo.toml`",
                root.show(&rendered)
            ),
        }
    }
}
