//! Files in `processing/` that are not what was claimed. From the claim on the journal has the order's text and the file is
//! only a view: one that was changed there, by a person or by a writer that kept it open, is set aside with a reason and
//! never run by itself. A file of an order that the journal does not know at all goes back to the inbox, for an order is stored
//! before it begins; but where the journal itself may not know what was claimed, it is set aside for a person to decide.

use std::path::{Path, PathBuf};

use super::claim::processing_names;
use super::{EngineError, Executor, backup, notice};
use crate::bridge::{self, Place, moves, refusal};
use crate::digest;
use crate::journal::records::{Drop, DropKind};
use crate::journal::{Reader, RunKey};
use crate::order;

/// At the start: what lies in `processing/` and is not the view of an open run. The file's name and the reason when it was
/// set aside.
pub fn sort_out<'a>(
    executor: &Executor,
    reader: &Reader,
    agent: &str,
    held: &moves::Held,
    mut open: impl Iterator<Item = &'a RunKey>,
) -> Result<Option<(String, String)>, EngineError> {
    let (Some(sha256), Some(name)) = (&held.sha256, held.name.to_str()) else { return Ok(None) };
    if open.any(|key| is_view(key, agent, name, sha256)) {
        return Ok(None);
    }
    let plain = without_number(name);
    if let Some(key) = claimed_as(executor, reader, agent, plain, held)? {
        set_aside(executor, &key, &held.path, sha256)?;
        return Ok(Some((name.to_owned(), why(&key, sha256))));
    }
    if executor.journal.is_unsure() && !is_known(executor, reader, plain, held)? {
        return set_aside_in_doubt(executor, agent, held, plain, sha256).map(Some);
    }
    let path = moves::to_inbox(&executor.root, agent, &held.path, plain)?;
    bridge::sync_dirs(&executor.root, agent, &[Place::Inbox, Place::Processing])?;
    tracing::warn!("{name} in processing/ is not known to the journal; it is back in the inbox as {}", path.display());
    Ok(None)
}

/// The file of an open run in `processing/` that no longer has the claimed bytes, with the hash that it has.
pub fn edited(executor: &Executor, key: &RunKey) -> Result<Option<(PathBuf, String)>, EngineError> {
    let dir = executor.root.processing(&key.agent);
    let mut changed = None;
    for name in processing_names(key) {
        let path = dir.join(&name);
        match backup::artifact(&executor.root, &path)? {
            Some(artifact) if artifact.sha256 == key.sha256 => return Ok(None),
            Some(artifact) => changed = Some((name, path, artifact.sha256)),
            None => {}
        }
    }
    let Some((name, path, sha256)) = changed else { return Ok(None) };
    // another order may have been dropped under the same name
    let open = executor.journal.reader()?.open_runs()?;
    let is_others = open.iter().any(|row| is_view(&row.key, &key.agent, &name, &sha256));
    Ok((!is_others).then_some((path, sha256)))
}

/// Puts an edited file into `rejected/` with the reason, and says so once; where it lies then.
pub fn set_aside(executor: &Executor, key: &RunKey, path: &Path, sha256: &str) -> Result<PathBuf, EngineError> {
    let (root, id) = (&executor.root, &key.id);
    let why = why(key, sha256);
    let cure = format!(
        "to run the changed text, drop it again once {id} has ended (`wo cancel {id}` ends it); `wo retry {id}` runs the \
         claimed text again"
    );
    let drop = Drop {
        at: executor.clock.now(),
        agent: key.agent.clone(),
        file: key.file.clone(),
        sha256: sha256.to_owned(),
        id: id.clone(),
        kind: DropKind::Edited,
        reason: why.clone(),
    };
    let told = format!("rejected/{}", digest::sha256(format!("edited\u{1f}{}\u{1f}{sha256}", key.run).as_bytes()));
    let notice = notice::notice(executor, told, &key.file, "rejected", &why);
    if executor.journal.record_drop(drop, notice)? {
        notice::noted(executor, &key.file, "rejected", &why);
    }
    let reason = refusal::reason(&key.file, &why, &cure);
    let aside = moves::to_rejected(root, &key.agent, path, &key.file, &reason)?;
    bridge::sync_dirs(root, &key.agent, &[Place::Rejected, Place::Processing])?;
    Ok(aside)
}

fn why(key: &RunKey, sha256: &str) -> String {
    format!(
        "it was changed in processing/ after {} attempt {} was claimed (sha256 {}; this one has {sha256}), and what runs is \
         the claimed text",
        key.id, key.attempt, key.sha256
    )
}

/// Puts a file that an earlier journal may have known into `rejected/`: its order may have begun, and may be done.
fn set_aside_in_doubt(
    executor: &Executor,
    agent: &str,
    held: &moves::Held,
    name: &str,
    sha256: &str,
) -> Result<(String, String), EngineError> {
    let why = "it was claimed before, and the journal that knew whether it has begun is not here any more";
    let cure = "look whether it has run; to run it now, drop it again";
    let id = match moves::read_held(held, executor.settings().config.limits.order_bytes)? {
        Some(bytes) => order::parse(&bytes, name).map_or_else(|_| order::named_by(name), |order| order.id),
        None => order::named_by(name),
    };
    let drop = Drop {
        at: executor.clock.now(),
        agent: agent.to_owned(),
        file: name.to_owned(),
        sha256: sha256.to_owned(),
        id,
        kind: DropKind::Rejected,
        reason: why.to_owned(),
    };
    let told =
        format!("rejected/{}", digest::sha256(format!("doubt\u{1f}{agent}\u{1f}{name}\u{1f}{sha256}").as_bytes()));
    let notice = notice::notice(executor, told, name, "rejected", why);
    if executor.journal.record_drop(drop, notice)? {
        notice::noted(executor, name, "rejected", why);
    }
    let reason = refusal::reason_in_doubt(name, why, cure);
    moves::to_rejected(&executor.root, agent, &held.path, name, &reason)?;
    bridge::sync_dirs(&executor.root, agent, &[Place::Rejected, Place::Processing])?;
    Ok((name.to_owned(), format!("{why}; {cure}")))
}

/// Whether the journal has this very text: the inbox takes it for a duplicate.
fn is_known(executor: &Executor, reader: &Reader, name: &str, held: &moves::Held) -> Result<bool, EngineError> {
    let Some(bytes) = moves::read_held(held, executor.settings().config.limits.order_bytes)? else { return Ok(false) };
    let Ok(order) = order::parse(&bytes, name) else { return Ok(false) };
    Ok(reader.last_run_with(&order.id, &digest::sha256(&bytes))?.is_some())
}

/// The run whose claimed text this file was, by its name or by the id that it has now.
fn claimed_as(
    executor: &Executor,
    reader: &Reader,
    agent: &str,
    plain: &str,
    held: &moves::Held,
) -> Result<Option<RunKey>, EngineError> {
    let by_name: Vec<RunKey> = reader.runs_of_file(agent, plain)?.into_iter().map(|row| row.key).collect();
    // the very bytes of a known run are no other text: the inbox takes them for a duplicate
    if by_name.iter().any(|key| Some(&key.sha256) == held.sha256.as_ref()) {
        return Ok(None);
    }
    if let Some(key) = by_name.into_iter().next() {
        return Ok(Some(key));
    }
    let Some(bytes) = moves::read_held(held, executor.settings().config.limits.order_bytes)? else { return Ok(None) };
    let Ok(order) = order::parse(&bytes, plain) else { return Ok(None) };
    if reader.last_run_with(&order.id, &digest::sha256(&bytes))?.is_some() {
        return Ok(None);
    }
    Ok(reader.last_run_of(&order.id)?.map(|row| row.key))
}

fn is_view(key: &RunKey, agent: &str, name: &str, sha256: &str) -> bool {
    key.agent == agent && key.sha256 == sha256 && processing_names(key).iter().any(|known| known == name)
}

/// A name without the run's number that it may have got on its way into `processing/`.
fn without_number(name: &str) -> &str {
    let number = name.bytes().take_while(u8::is_ascii_digit).count();
    name.get(number..).and_then(|rest| rest.strip_prefix('-')).filter(|_| number > 0).unwrap_or(name)
}
