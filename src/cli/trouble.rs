//! The machine's trouble that keeps an executor from its work, as far as another process can see it: folders of the bridge
//! and of what orders write that can't be written to, file systems without room, orders that lie where or as nobody takes them, heartbeats that are
//! written nowhere.

use std::collections::HashSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{Access, AtFlags, CWD};

use super::CliError;
use crate::bridge::astray;
use crate::config::Config;
use crate::monitor::record::LastCycle;
use crate::monitor::store::Store;
use crate::root::Root;
use crate::{files, text};

#[derive(Debug, Default)]
pub struct Trouble {
    /// Each in words, with what it holds up.
    pub all: Vec<String>,
    /// What of it keeps orders from being taken.
    pub claiming: Vec<String>,
    /// Agents whose reports can't be written, with why.
    pub outboxes: Vec<(String, String)>,
}

/// `is_served`: an executor lives.
pub fn look(root: &Root, config: &Config, is_served: bool) -> Result<Trouble, CliError> {
    // what another user's executor may do, this user's rights don't tell
    let is_others =
        is_served && root.state().metadata().is_ok_and(|meta| meta.uid() != rustix::process::geteuid().as_raw());
    let (mut trouble, mut full) = (Trouble::default(), Full { is_others, ..Full::default() });
    if let Some(why) = full.hindrance(&root.state()) {
        trouble.claim(format!("`{}` {why}: nothing can be recorded, so nothing is taken", root.show(&root.state())));
    }
    for agent in &config.inbox.agents {
        let outbox = root.outbox(agent);
        if let Some(why) = full.hindrance(&outbox) {
            let shown = root.show(&outbox);
            trouble.all.push(format!("`{shown}` {why}: reports wait until it can be written to"));
            trouble.outboxes.push((agent.clone(), format!("its report can't be written: `{shown}` {why}")));
        }
        for dir in [root.inbox(agent), root.processing(agent)] {
            if let Some(why) = full.hindrance(&dir) {
                trouble.claim(format!("`{}` {why}: orders can't be moved", root.show(&dir)));
            }
        }
        for dir in [root.archive(agent), root.rejected(agent)] {
            if let Some(why) = full.hindrance(&dir) {
                trouble.all.push(format!("`{}` {why}: what belongs there can't be put there", root.show(&dir)));
            }
        }
    }
    let paths = &config.paths;
    for (dir, what) in [
        (&paths.analytics, "no Parquet file can be written"),
        (&paths.reports, "no heartbeat and no verification can be written"),
        (&paths.parquet_reports, "no summary of an export can be written"),
        (&paths.run, "no script can be written"),
    ] {
        let dir = root.join(dir);
        if dir.is_dir()
            && let Some(why) = full.hindrance(&dir)
        {
            trouble.all.push(format!("`{}` {why}: {what}", root.show(&dir)));
        }
    }
    trouble.all.extend(astray::told(root, config));
    if config.monitor.enabled
        && let Some(store) = Store::open_existing(root)?
        && let Some(last) = store.last_cycle::<LastCycle>()?
        && let Some(problem) = last.unwritten()
    {
        trouble.all.push(format!("the heartbeat of {:.0} was not written: {}", last.at, text::line(problem, 300)));
    }
    Ok(trouble)
}

impl Trouble {
    fn claim(&mut self, why: String) {
        self.all.push(why.clone());
        self.claiming.push(why);
    }

    /// Why the reports of `agent` can't be written.
    pub fn of_outbox(&self, agent: &str) -> Option<&str> {
        self.outboxes.iter().find(|(of, _)| of == agent).map(|(_, why)| why.as_str())
    }
}

#[derive(Default)]
struct Full {
    is_others: bool,
    /// The file systems that were told to be full: each is told of once, with the first of its folders.
    told: HashSet<u64>,
}

impl Full {
    /// What keeps the executor from making files in `dir`; nothing where it does not exist, since it is made when it is needed.
    fn hindrance(&mut self, dir: &Path) -> Option<String> {
        let access = rustix::fs::accessat(CWD, dir, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS);
        let is_shut = match access {
            Err(rustix::io::Errno::ACCESS | rustix::io::Errno::PERM) => !self.is_others,
            access => access.is_err(),
        };
        if is_shut {
            return files::hindrance(dir);
        }
        files::no_room(dir).filter(|_| dir.metadata().is_ok_and(|meta| self.told.insert(meta.dev())))
    }
}
