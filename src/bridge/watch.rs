//! Tells when to look at the inboxes. Events only mark dirty; what is there, the scan says.
//!
//! Watched are each inbox, `bridge/inbox` and `bridge`, none recursively. A folder that is deleted, moved away or made anew
//! is watched again by its new inode: before every wait the watched inodes are compared with those that are there, and an
//! inbox that was (re-)armed counts as dirty, since files may have come before the watch.
//!
//! The watcher never fails: without it (`[inbox] watch = false`, no inotify instances left, …) the wait is just a timeout,
//! and the reason is in [`Wake::error`], once.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};

use super::BridgeError;
use super::settle::{Heard, Settler};
use super::stat::Stat;
use crate::config::InboxConfig;
use crate::root::Root;

/// Events of more files than this are dropped for a rescan: the scan sees the files anyway.
const MAX_EVENTS: usize = 16_384;
/// With more events than [`FEW`] waiting, looks lie at least this far apart, so that a storm of drops doesn't cost a
/// scan for each.
const STORM_SPACING: Duration = Duration::from_millis(50);
const FEW: usize = 8;
/// Touched by [`ring`]; lies beside the inboxes.
const BELL: &str = ".wake";

/// Why a wait ended; all empty when its time was over.
#[derive(Debug, Default)]
pub struct Wake {
    /// Something changed in an inbox: scan.
    pub dirty: bool,
    /// Events were lost: scan, and trust no event that was heard ([`Settler::forget_events`]).
    pub rescan: bool,
    /// Another process rang ([`ring`]) or a [`Waker`] of this one did.
    pub rung: bool,
    pub events: Vec<Event>,
    /// What hinders the watcher, said once until it changes. The scan goes on without it.
    pub error: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub agent: String,
    pub name: OsString,
    pub heard: Heard,
    pub at: Instant,
}

impl Wake {
    /// Tells the settler all that was heard, in the right order.
    pub fn tell(&self, settler: &mut Settler) {
        if self.rescan {
            settler.forget_events();
        }
        for event in &self.events {
            settler.hear(&event.agent, &event.name, event.heard, event.at);
        }
    }
}

pub struct Watcher {
    shared: Arc<Shared>,
    enabled: bool,
    notify: Option<RecommendedWatcher>,
    targets: Vec<Target>,
    last_error: Option<String>,
    last_return: Option<Instant>,
}

struct Target {
    path: PathBuf,
    is_inbox: bool,
    armed: Option<(u64, u64)>,
}

struct Shared {
    pending: Mutex<Pending>,
    wake: Condvar,
    inboxes: HashMap<PathBuf, String>,
    watched: Vec<PathBuf>,
    bell: PathBuf,
}

#[derive(Default)]
struct Pending {
    dirty: bool,
    rescan: bool,
    rung: bool,
    error: Option<String>,
    events: HashMap<(String, OsString), (Heard, Instant)>,
    /// Watched folders that were made, removed or moved since they were armed.
    changed: Vec<PathBuf>,
}

impl Pending {
    fn is_empty(&self) -> bool {
        !self.dirty && !self.rescan && !self.rung && self.error.is_none() && self.changed.is_empty()
    }
}

/// Ends a wait from another thread.
#[derive(Clone)]
pub struct Waker(Arc<Shared>);

impl Waker {
    pub fn wake(&self) {
        self.0.lock().rung = true;
        self.0.wake.notify_all();
    }
}

/// Ends the wait of the daemon on this bridge, from any process: a request lies in the journal. Where nothing watches, the
/// daemon sees the request at its next look.
pub fn ring(root: &Root) -> Result<(), BridgeError> {
    let path = bell(root);
    let ring = || {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&path)?;
        file.set_modified(std::time::SystemTime::now())
    };
    ring().map_err(BridgeError::io("touch", &path))
}

fn bell(root: &Root) -> PathBuf {
    root.join("bridge/inbox").join(BELL)
}

impl Watcher {
    pub fn start(root: &Root, config: &InboxConfig) -> Watcher {
        let parents = [root.bridge(), root.join("bridge/inbox")];
        let inboxes: Vec<PathBuf> = config.agents.iter().map(|agent| root.inbox(agent)).collect();
        let targets = parents
            .iter()
            .map(|path| (path, false))
            .chain(inboxes.iter().map(|path| (path, true)))
            .map(|(path, is_inbox)| Target { path: path.clone(), is_inbox, armed: None })
            .collect::<Vec<_>>();
        let shared = Shared {
            pending: Mutex::default(),
            wake: Condvar::new(),
            inboxes: inboxes.iter().cloned().zip(config.agents.iter().cloned()).collect(),
            watched: targets.iter().map(|target| target.path.clone()).collect(),
            bell: bell(root),
        };
        let mut watcher = Watcher {
            shared: Arc::new(shared),
            enabled: config.watch,
            notify: None,
            targets,
            last_error: None,
            last_return: None,
        };
        watcher.arm();
        watcher
    }

    pub fn waker(&self) -> Waker {
        Waker(Arc::clone(&self.shared))
    }

    /// Whether every inbox that exists is watched now.
    pub fn is_watching(&self) -> bool {
        self.notify.is_some()
            && self.targets.iter().filter(|target| target.is_inbox).all(|target| {
                target.armed.is_some_and(|armed| inode(&target.path) == Some(armed)) || inode(&target.path).is_none()
            })
    }

    /// Waits for something to do, at most `timeout`.
    pub fn wait(&mut self, timeout: Duration) -> Wake {
        let start = Instant::now();
        self.arm();
        loop {
            let left = timeout.saturating_sub(start.elapsed());
            let mut pending = self.shared.wait(left);
            let storm = pending.events.len() > FEW && !pending.rung;
            let spacing = self.last_return.map_or(Duration::ZERO, |last| STORM_SPACING.saturating_sub(last.elapsed()));
            if storm && !spacing.is_zero() && spacing < left {
                drop(pending);
                std::thread::sleep(spacing);
                pending = self.shared.lock();
            }
            let taken = std::mem::take(&mut *pending);
            drop(pending);
            let only_structure = !taken.dirty && !taken.rescan && !taken.rung && taken.error.is_none();
            if !taken.changed.is_empty() {
                for target in &mut self.targets {
                    if taken.changed.contains(&target.path) {
                        target.armed = None;
                    }
                }
                self.arm();
                if only_structure && start.elapsed() < timeout {
                    // arming marks dirty if there is anything to look at
                    continue;
                }
            }
            self.last_return = Some(Instant::now());
            return self.wake_from(taken);
        }
    }

    fn wake_from(&mut self, pending: Pending) -> Wake {
        let mut events: Vec<Event> =
            pending.events.into_iter().map(|((agent, name), (heard, at))| Event { agent, name, heard, at }).collect();
        events.sort_by(|a, b| (a.at, &a.name).cmp(&(b.at, &b.name)));
        let error = pending.error.filter(|error| self.last_error.as_ref() != Some(error));
        if error.is_some() {
            self.last_error.clone_from(&error);
        }
        Wake { dirty: pending.dirty, rescan: pending.rescan, rung: pending.rung, events, error }
    }

    /// Watches what is there and not watched yet. Must not hold the lock: the watcher's thread answers only when its handler,
    /// which takes the lock, is through.
    fn arm(&mut self) {
        if !self.enabled {
            return;
        }
        if self.notify.is_none() {
            let shared = Arc::clone(&self.shared);
            match notify::recommended_watcher(move |event| shared.take_in(event)) {
                Ok(notify) => self.notify = Some(notify),
                Err(error) => {
                    return self.shared.report(format!("failed to watch the inboxes: {error}{}", hint(&error)));
                }
            }
        }
        let Some(notify) = self.notify.as_mut() else { return };
        for target in &mut self.targets {
            let found = inode(&target.path);
            if found.is_some() && found == target.armed {
                continue;
            }
            if target.armed.take().is_some() || found.is_some() {
                // an error here says that it was not watched
                let _ = notify.unwatch(&target.path);
            }
            if found.is_none() {
                continue;
            }
            match notify.watch(&target.path, RecursiveMode::NonRecursive) {
                // made anew meanwhile: the next round sees another inode than this one
                Ok(()) => target.armed = found,
                Err(_) if inode(&target.path).is_none() => continue,
                Err(error) => self.shared.report(watch_failed(&target.path, &error)),
            }
            if target.is_inbox {
                self.shared.mark_dirty();
            }
        }
    }
}

fn watch_failed(path: &Path, error: &notify::Error) -> String {
    format!("failed to watch `{}`: {error}{}", path.display(), hint(error))
}

fn hint(error: &notify::Error) -> String {
    let cure = match &error.kind {
        notify::ErrorKind::MaxFilesWatch => "raise fs.inotify.max_user_watches; ",
        // to make an instance of inotify beyond their number fails with what also says that too many files are open
        notify::ErrorKind::Io(io) if io.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error()) => {
            "raise fs.inotify.max_user_instances, or the number of files that may be open (ulimit -n); "
        }
        _ => "",
    };
    format!(
        "\nhint: {cure}until that is cured orders are found by the scan alone (inbox.rescan_ms, 15 s where it is not set)"
    )
}

fn inode(path: &Path) -> Option<(u64, u64)> {
    Some(Stat::from(rustix::fs::stat(path).ok()?).id())
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Waits until something is pending or the time is over.
    fn wait(&self, timeout: Duration) -> MutexGuard<'_, Pending> {
        let (pending, _) = self
            .wake
            .wait_timeout_while(self.lock(), timeout, |pending| pending.is_empty())
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        pending
    }

    fn mark_dirty(&self) {
        self.lock().dirty = true;
        self.wake.notify_all();
    }

    fn report(&self, error: String) {
        self.lock().error = Some(error);
        // no notify: this is called before a wait, which sees it
    }

    /// The watcher's thread comes here with every event.
    fn take_in(&self, event: Result<notify::Event, notify::Error>) {
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                let mut pending = self.lock();
                pending.rescan = true;
                pending.dirty = true;
                pending.error = Some(format!("the watcher reports: {error}"));
                drop(pending);
                return self.wake.notify_all();
            }
        };
        if event.need_rescan() {
            let mut pending = self.lock();
            pending.rescan = true;
            pending.dirty = true;
            pending.events.clear();
            drop(pending);
            return self.wake.notify_all();
        }
        for path in &event.paths {
            self.take_in_path(path, event.kind);
        }
    }

    fn take_in_path(&self, path: &Path, kind: EventKind) {
        if self.watched.iter().any(|watched| watched == path) {
            let is_structure = matches!(
                kind,
                EventKind::Create(_) | EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)) | EventKind::Any
            );
            if is_structure {
                self.lock().changed.push(path.to_owned());
                self.wake.notify_all();
            }
            return;
        }
        if path == self.bell {
            if !matches!(kind, EventKind::Access(AccessKind::Open(_)) | EventKind::Remove(_)) {
                self.lock().rung = true;
                self.wake.notify_all();
            }
            return;
        }
        let inbox = path.parent().and_then(|parent| self.inboxes.get(parent));
        let (Some(agent), Some(name), Some(heard)) = (inbox, path.file_name(), heard(kind)) else { return };
        let mut pending = self.lock();
        pending.dirty = true;
        if pending.events.len() >= MAX_EVENTS {
            pending.events.clear();
            pending.rescan = true;
        }
        let entry = pending.events.entry((agent.clone(), name.to_owned())).or_insert((heard, Instant::now()));
        if heard != Heard::Touched {
            *entry = (heard, Instant::now());
        }
        drop(pending);
        self.wake.notify_all();
    }
}

/// What an event says of a file in an inbox; `None` where it says nothing to look at. Reading, which we do ourselves, and
/// going away are of that kind.
fn heard(kind: EventKind) -> Option<Heard> {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => Some(Heard::Closed),
        EventKind::Access(_) | EventKind::Remove(_) => None,
        EventKind::Modify(ModifyKind::Name(RenameMode::To)) => Some(Heard::MovedIn),
        EventKind::Modify(ModifyKind::Name(RenameMode::From)) => None,
        // both names of a rename come here; `To` came as well
        EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => None,
        // only inotify reports the closing too
        EventKind::Modify(ModifyKind::Data(_)) if cfg!(target_os = "linux") => Some(Heard::Writing),
        EventKind::Create(_) => Some(Heard::Created),
        _ => Some(Heard::Touched),
    }
}

#[cfg(test)]
mod tests {
    use notify::event::{CreateKind, DataChange, Flag, MetadataKind};

    use super::*;

    #[test]
    fn what_keeps_the_inboxes_from_being_watched_is_told_with_its_cure() {
        let too_many = std::io::Error::from(rustix::io::Errno::MFILE);
        for (error, cure) in [
            (notify::Error::io(too_many), "raise fs.inotify.max_user_instances"),
            (notify::Error::new(notify::ErrorKind::MaxFilesWatch), "raise fs.inotify.max_user_watches"),
            (notify::Error::generic("?"), "until that is cured orders are found by the scan"),
        ] {
            assert!(hint(&error).starts_with(&format!("\nhint: {cure}")), "{}", hint(&error));
            assert!(hint(&error).contains("15 s"));
        }
    }

    fn shared() -> Shared {
        Shared {
            pending: Mutex::default(),
            wake: Condvar::new(),
            inboxes: HashMap::from([(PathBuf::from("/r/bridge/inbox/CLC"), "CLC".to_owned())]),
            watched: vec![PathBuf::from("/r/bridge/inbox/CLC")],
            bell: PathBuf::from("/r/bridge/inbox/.wake"),
        }
    }

    fn event(kind: EventKind, path: &str) -> Result<notify::Event, notify::Error> {
        Ok(notify::Event::new(kind).add_path(path.into()))
    }

    const DATA: EventKind = EventKind::Modify(ModifyKind::Data(DataChange::Any));

    #[test]
    fn an_overflow_drops_what_was_heard() {
        let shared = shared();
        shared.take_in(event(DATA, "/r/bridge/inbox/CLC/WO-1.md"));
        shared.take_in(Ok(notify::Event::new(EventKind::Other).set_flag(Flag::Rescan)));
        let pending = shared.lock();
        assert!(pending.dirty && pending.rescan && pending.events.is_empty());
    }

    #[test]
    fn an_error_of_the_watcher_is_a_rescan() {
        let shared = shared();
        shared.take_in(Err(notify::Error::generic("broken")));
        let pending = shared.lock();
        assert!(pending.dirty && pending.rescan && pending.error.as_ref().is_some_and(|text| text.contains("broken")));
    }

    #[test]
    fn a_flood_of_events_is_bounded_and_becomes_a_rescan() {
        let shared = shared();
        for n in 0..3 * MAX_EVENTS {
            shared.take_in(event(DATA, &format!("/r/bridge/inbox/CLC/WO-{n}.md")));
        }
        let pending = shared.lock();
        assert!(pending.rescan && pending.events.len() <= MAX_EVENTS);
    }

    #[test]
    fn the_last_word_about_a_file_counts() {
        let shared = shared();
        let file = "/r/bridge/inbox/CLC/WO-1.md";
        let closed = EventKind::Access(AccessKind::Close(AccessMode::Write));
        let chmod = EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any));
        for (kind, expect) in [
            (EventKind::Create(CreateKind::File), Heard::Created),
            (DATA, if cfg!(target_os = "linux") { Heard::Writing } else { Heard::Created }),
            (closed, Heard::Closed),
            (chmod, Heard::Closed),
            (EventKind::Access(AccessKind::Close(AccessMode::Read)), Heard::Closed),
            (EventKind::Modify(ModifyKind::Name(RenameMode::To)), Heard::MovedIn),
        ] {
            shared.take_in(event(kind, file));
            let pending = shared.lock();
            assert_eq!(pending.events.values().map(|(heard, _)| *heard).collect::<Vec<_>>(), [expect], "{kind:?}");
        }
    }

    #[test]
    fn folders_and_files_elsewhere_are_not_orders() {
        let shared = shared();
        shared.take_in(event(DATA, "/r/bridge/inbox/CLC/templates/WO-1.md"));
        shared.take_in(event(DATA, "/r/bridge/state/journal.db"));
        assert!(shared.lock().is_empty());
        shared.take_in(event(EventKind::Remove(notify::event::RemoveKind::Folder), "/r/bridge/inbox/CLC"));
        let pending = shared.lock();
        assert!(!pending.dirty && pending.changed.len() == 1);
    }
}
