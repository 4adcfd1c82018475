//! What the system tells of other processes: which is whose child, so that what a program started in groups of its own ends
//! with it, and whether one is suspended.
//!
//! What must hold: it is asked while the parents live, for afterwards nobody says whose the children were.

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

fn kill(process: Pid) {
    // it may have ended meanwhile
    let _ = kill_process(process, Signal::KILL);
}

/// Kills a process group, with the children of its leader that made groups of their own: while it lives it says whose they are.
pub(super) fn kill_group_and_children(group: Pid) {
    descendants(group).into_iter().for_each(kill);
    // it may have ended meanwhile
    let _ = kill_process_group(group, Signal::KILL);
}

/// A process, its parent and its group.
pub(super) struct Kin {
    pub pid: i32,
    pub parent: i32,
    pub group: i32,
}

/// All processes, as `/proc` tells; none where there is no `/proc`.
pub(super) fn processes() -> Vec<Kin> {
    let kin_of = |entry: std::fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        // `pid (name) state ppid pgrp …`; a name may hold anything
        let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(1).map(str::parse);
        Some(Kin { pid, parent: fields.next()?.ok()?, group: fields.next()?.ok()? })
    };
    std::fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(kin_of).collect()
}

/// Whether a process was stopped (`kill -STOP`, Ctrl-Z), as `/proc` tells; `false` where there is no `/proc`.
pub(super) fn is_suspended(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // `t`: a debugger holds it
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['T', 't']))
}

/// The children of a process, theirs, and so on.
pub(super) fn descendants(of: Pid) -> Vec<Pid> {
    let all = processes();
    let mut found = vec![of.as_raw_nonzero().get()];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(all.iter().filter(|kin| kin.parent == parent).map(|kin| kin.pid));
        next += 1;
    }
    found.into_iter().skip(1).filter_map(Pid::from_raw).collect()
}
