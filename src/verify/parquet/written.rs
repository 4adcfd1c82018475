//! What the deployment wrote, so that a file which was changed since, however well it still works, is not taken for it.

use std::collections::BTreeMap;

use super::Scope;
use crate::deployed::render::{Site, digests};
use crate::digest::sha256;

/// SHA-256 by path; `None` where no order deployed anything, so that there is nothing to compare with.
pub struct Written(Option<BTreeMap<String, String>>);

impl Written {
    /// As recorded. A record of before digests were kept stands for what is written for the `wo` that the scripts name: where
    /// that lies is no part of the deployment, and it may be another one than verifies.
    pub fn of(scope: &Scope) -> Written {
        let recorded = &scope.deployment.sha256;
        let rendered = || {
            let program = std::env::current_exe().unwrap_or_default();
            let site = Site { root: scope.root, config: scope.config, program: &program };
            digests(&scope.deployment, &site).unwrap_or_default()
        };
        Written(scope.deployed.then(|| if recorded.is_empty() { rendered() } else { recorded.clone() }))
    }

    /// Whether these bytes are not what was written to `path`.
    pub fn differs(&self, path: &str, bytes: &[u8]) -> bool {
        self.0.as_ref().is_some_and(|written| written.get(path) != Some(&sha256(bytes)))
    }
}
