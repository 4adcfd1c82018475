//! `bridge/state/trouble.json`: what the machine's trouble holds up and when that is tried again, for other processes to read.
//!
//! What must hold: it is a view, written as well as can be, for the journal may be what there is no room for; it is believed
//! only while the executor lives that wrote it, and nothing is decided by it.

use std::io;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bridge::lock::Holder;
use crate::root::Root;
use crate::secret::Masker;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldUp {
    pub runs: Vec<HeldUpRun>,
    /// The look at the inboxes and at requests.
    pub look: Option<Trouble>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldUpRun {
    pub run: i64,
    pub trouble: Trouble,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    pub why: String,
    pub again: Timestamp,
}

impl HeldUp {
    pub fn masked(&self, masker: &Masker) -> HeldUp {
        let trouble = |trouble: &Trouble| Trouble { why: masker.mask(&trouble.why), again: trouble.again };
        let runs = self.runs.iter().map(|held| HeldUpRun { run: held.run, trouble: trouble(&held.trouble) });
        HeldUp { runs: runs.collect(), look: self.look.as_ref().map(trouble) }
    }
}

#[derive(Serialize, Deserialize)]
struct Page {
    pid: u32,
    held_up: HeldUp,
}

/// Replaces what was told; nothing is left where nothing is held up.
pub fn tell(root: &Root, held_up: &HeldUp) -> io::Result<()> {
    let path = path(root);
    let written = match *held_up == HeldUp::default() {
        true => return remove(root),
        false => {
            let page = Page { pid: std::process::id(), held_up: held_up.clone() };
            let new = path.with_extension("json.new");
            let written = std::fs::write(&new, serde_json::to_vec(&page)?).and_then(|()| std::fs::rename(&new, &path));
            written.inspect_err(|_| {
                let _ = std::fs::remove_file(&new);
            })
        }
    };
    // what could not be replaced is true no more
    written.or_else(|error| remove(root).and(Err(error)))
}

fn remove(root: &Root) -> io::Result<()> {
    match std::fs::remove_file(path(root)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What the executor that lives tells; nothing where there is none, or it tells nothing.
pub fn told(root: &Root, holder: Option<&Holder>) -> HeldUp {
    let read = || serde_json::from_slice::<Page>(&std::fs::read(path(root)).ok()?).ok();
    holder.and_then(|holder| read().filter(|page| page.pid == holder.pid)).map(|page| page.held_up).unwrap_or_default()
}

fn path(root: &Root) -> PathBuf {
    root.state().join("trouble.json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::lock::Role;

    #[test]
    fn it_is_believed_while_its_executor_lives_and_gone_when_nothing_is_held_up() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::at(dir.path()).unwrap();
        std::fs::create_dir_all(root.state()).unwrap();
        let holder = |pid| Holder { pid, started: Timestamp::UNIX_EPOCH, role: Role::Daemon };
        let trouble = Trouble { why: "no space left on device".to_owned(), again: Timestamp::UNIX_EPOCH };
        let held_up = HeldUp { runs: vec![HeldUpRun { run: 7, trouble }], look: None };
        tell(&root, &held_up).unwrap();
        let own = std::process::id();
        assert_eq!(told(&root, Some(&holder(own))), held_up);
        assert_eq!(told(&root, Some(&holder(own + 1))), HeldUp::default(), "of another executor");
        assert_eq!(told(&root, None), HeldUp::default());
        tell(&root, &HeldUp::default()).unwrap();
        tell(&root, &HeldUp::default()).unwrap();
        assert_eq!(std::fs::read_dir(root.state()).unwrap().count(), 0);
    }
}
