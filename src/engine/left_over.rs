//! Programs of orders that outlived their executor.
//!
//! What must hold: whoever becomes the executor ends them before it does anything with any order, so that nothing runs beside
//! them; where one can't be ended, its order is neither brought to an end nor begun again while that lives.

use std::collections::HashSet;
use std::path::PathBuf;

use super::{EngineError, Executor};
use crate::journal::RunKey;
use crate::process::at_work;
use crate::root::Root;

/// Ends what is left; the locks of those that are gone now.
pub(super) fn end(root: &Root) -> Result<HashSet<PathBuf>, EngineError> {
    let mut ended = HashSet::new();
    for left in at_work::end_left(&root.programs())? {
        let lock = root.show(&left.lock);
        if left.has_ended {
            tracing::warn!("a program outlived the executor that had started it, and was ended: `{lock}`");
            ended.insert(left.lock);
        } else {
            tracing::warn!("a program outlived the executor that had started it, and could not be ended: `{lock}`");
        }
    }
    Ok(ended)
}

impl Executor {
    /// Whether a program of this run was still at work when this executor began, and was ended.
    pub(super) fn cut_off(&self, key: &RunKey) -> bool {
        self.cut_off.contains(&self.root.program_lock(&key.id, key.attempt))
    }

    /// Why nothing can be said of this run yet: a program of it lives.
    pub(super) fn outlived(&self, key: &RunKey) -> Result<Option<String>, EngineError> {
        let lock = self.root.program_lock(&key.id, key.attempt);
        Ok(at_work::lives(&lock)?.map(|lives| {
            format!(
                "a program of {} {lives} and could not be ended\n\
                 hint: end it, or remove `{}` if it is to go on by itself",
                key.id,
                self.root.show(&lock)
            )
        }))
    }
}
