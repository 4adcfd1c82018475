//! A text that was rejected after the newest run of its id: what came of an earlier text does not answer for it.

use super::CliError;
use crate::journal::records::{Drop, DropKind};
use crate::journal::{Reader, Run};
use crate::text;

/// The newest text of `id`, where it was rejected; `run` is the newest run of that id.
pub fn of_newest(reader: &Reader, id: &str, run: Option<&Run>) -> Result<Option<Drop>, CliError> {
    let Some(run) = run else { return Ok(reader.last_rejection_of(id, "")?) };
    let key = &run.key;
    // who approved the claimed text after an edit of it was set aside meant the claimed one
    let meant = run.approved_at.unwrap_or(key.received);
    let is_later = |drop: &Drop| {
        let since = if drop.kind == DropKind::Edited { meant } else { key.received };
        drop.at > since && drop.sha256 != key.sha256
    };
    Ok(reader.last_rejection_of(id, &key.sha256)?.filter(is_later))
}

/// The same for an id that no run has.
pub fn of_unknown(reader: Option<&Reader>, id: &str) -> Result<CliError, CliError> {
    let rejection = reader.map(|reader| of_newest(reader, id, None)).transpose()?.flatten();
    Ok(CliError::new(match rejection {
        Some(drop) => format!("no order {id} is known: {}\n{}", said(&drop), hint(&drop)),
        None => format!("no order {id} is known\nhint: `wo status` lists what is"),
    }))
}

/// What became of it, in one line.
pub fn said(drop: &Drop) -> String {
    format!("`{}` was rejected: {}", drop.file, text::line(&drop.reason, 400))
}

/// The same beside an earlier text that ran.
pub fn said_later(drop: &Drop) -> String {
    let came = if drop.kind == DropKind::Edited { "changed" } else { "dropped" };
    format!("`{}`, {came} later, was rejected: {}", drop.file, text::line(&drop.reason, 400))
}

pub fn hint(drop: &Drop) -> String {
    format!("hint: it lies in bridge/rejected/{}; correct it and drop it again", drop.agent)
}
