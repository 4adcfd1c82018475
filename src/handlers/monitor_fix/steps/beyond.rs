//! What no repair of ours cures: a server that is down, a database that is damaged, a check that is there and says no. A
//! person does it; until then the order changes nothing.

use std::path::PathBuf;

use super::super::facts;
use crate::handlers::{Applied, Check, Context, HandlerError, Step, Verified};
use crate::monitor::checks::State;

pub struct Beyond {
    /// `check: what it says`, as the diagnosis found it.
    pub faults: Vec<String>,
}

impl Beyond {
    /// Those that are still so, in the words of now.
    fn left(&self, context: &Context) -> Result<Vec<String>, HandlerError> {
        let cycle = facts::look(context, &facts::settings(context)?)?;
        let now = self.faults.iter().filter_map(|fault| {
            let is_its = |name: &str| fault.strip_prefix(name).is_some_and(|rest| rest.starts_with(": "));
            let Some(seen) = cycle.observed.iter().find(|observed| is_its(&observed.name)) else {
                return Some(fault.clone());
            };
            (seen.finding.state != State::Ok).then(|| format!("{}: {}", seen.name, seen.finding.message))
        });
        Ok(now.collect())
    }
}

impl Step for Beyond {
    fn files(&self, _context: &Context) -> Result<Vec<PathBuf>, HandlerError> {
        Ok(Vec::new())
    }

    fn check(&self, context: &Context) -> Result<Check, HandlerError> {
        let left = self.left(context)?;
        Ok(match left.is_empty() {
            true => Check::Already("none of it is left".to_owned()),
            false => Check::Needed(left.join("; ")),
        })
    }

    fn apply(&self, context: &Context) -> Result<Applied, HandlerError> {
        let why = format!(
            "{}\nhint: nothing was changed; see to it, then `wo retry {}`",
            self.left(context)?.join("; "),
            context.order.id
        );
        Err(HandlerError::failed("failed to repair what is beyond this handler", why))
    }

    fn verify(&self, context: &Context) -> Result<Verified, HandlerError> {
        self.check(context).map(Verified::from)
    }
}
