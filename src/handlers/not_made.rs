//! What an order lists and its handler does not make: whether it is there is all that is looked at.

use super::{Context, HandlerError, Measuring, Verified, place};
use crate::durable::DurableError;

/// Fails where one of these paths, relative to the root, is not there.
pub struct NotMade {
    pub paths: Vec<String>,
}

impl Measuring for NotMade {
    fn measure(&self, context: &Context) -> Result<Verified, HandlerError> {
        let mut missing = Vec::new();
        for path in &self.paths {
            let at = place::target(context, path)?;
            match at.symlink_metadata() {
                Ok(_) => {}
                Err(error) if crate::files::is_absent(&error) => missing.push(format!("`{path}`")),
                Err(error) => return Err(DurableError::io("look at", &at)(error).into()),
            }
        }
        Ok(match missing.is_empty() {
            true => Verified::Yes(Vec::new()),
            false => Verified::No {
                why: format!(
                    "the order lists {}, which this handler does not make and which is not there",
                    missing.join(", ")
                ),
                measurements: Vec::new(),
            },
        })
    }
}
