//! Decides when a file is whole. A state machine: events and looks go in with the time they came, verdicts come out; it
//! reads no clock and no file by itself.
//!
//! * moved in by rename: at once;
//! * closed after writing: after the quiet time;
//! * written to and not closed (only where the system reports closing): not before it is closed, or nothing was heard of it
//!   for [`Patience::open`];
//! * nothing known (no watcher, network file systems, other systems, after an overflow): size, times, links and inode equal
//!   across two looks that lie the quiet time apart, and no process seen that has it open for writing;
//! * an empty file (`touch`, then write) gets [`Patience::empty`]; one that lacks its signature, [`Patience::signature`].
//!
//! What will be refused is settled just the same: nothing is pulled away under a writer.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::time::{Duration, Instant};

use super::scan::{Candidate, Look};
use super::{BridgeError, Kind, Refusal, Stat, openers};
use crate::config::InboxConfig;

/// What a watcher event says about a file in an inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    MovedIn,
    /// A new file has the name: what was heard of an earlier one says nothing about it.
    Created,
    /// Closed by a writer.
    Closed,
    /// Written to, on a system that will report the closing too.
    Writing,
    /// Something happened, which says nothing about being whole.
    Touched,
}

/// How long to wait for what; each is a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    pub quiet: Duration,
    /// For the first byte of an empty file.
    pub empty: Duration,
    /// For the closing of a file that was written to, counted from the last event.
    pub open: Duration,
    /// For `NAME.minisig`, counted from when the order itself was settled; `None`: orders need none.
    pub signature: Option<Duration>,
}

impl Patience {
    /// For a daemon, which can wait.
    pub fn daemon(config: &InboxConfig) -> Patience {
        let quiet = Duration::from_millis(config.settle_ms);
        Patience {
            quiet,
            empty: quiet.max(Duration::from_secs(30)),
            open: quiet.max(Duration::from_secs(600)),
            signature: config.require_signature.as_ref().map(|_| quiet.max(Duration::from_secs(60))),
        }
    }

    /// For one run over what lies there: shorter, since a person waits.
    pub fn once(config: &InboxConfig) -> Patience {
        let quiet = Duration::from_millis(config.settle_ms);
        let short = quiet.max(Duration::from_secs(2));
        Patience { quiet, empty: short, open: short, signature: config.require_signature.as_ref().map(|_| short) }
    }
}

/// What one round of looks came to.
#[derive(Debug, Default)]
pub struct Sorted {
    /// Whole; to be taken now.
    pub orders: Vec<Candidate>,
    /// Settled, and to be rejected now.
    pub refused: Vec<(Candidate, Refusal)>,
    pub results: Vec<Candidate>,
    pub ignored: Vec<Candidate>,
    pub unavailable: Vec<(String, BridgeError)>,
    /// Not settled yet.
    pub waiting: Vec<Candidate>,
    /// When to look again for those that wait; `None` when none does.
    pub next_look: Option<Instant>,
}

pub type Probe = fn(&[&Candidate]) -> HashSet<(u64, u64)>;

pub struct Settler {
    patience: Patience,
    probe: Probe,
    files: HashMap<(String, OsString), File>,
    round: u64,
}

#[derive(Debug)]
struct File {
    heard: Option<(Heard, Instant)>,
    seen: Option<Seen>,
    round: u64,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    stat: Stat,
    /// When this status was first seen.
    since: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Whole,
    /// Two looks were equal; whole if nobody writes.
    Quiet,
    Empty,
    Later(Instant),
}

impl Settler {
    pub fn new(patience: Patience) -> Settler {
        Settler::with_probe(patience, openers::being_written)
    }

    /// With another way to ask who writes; for tests.
    pub fn with_probe(patience: Patience, probe: Probe) -> Settler {
        Settler { patience, probe, files: HashMap::new(), round: 0 }
    }

    pub fn set_patience(&mut self, patience: Patience) {
        self.patience = patience;
    }

    /// Takes an event in. An event for a file that no look ever sees is forgotten at the second round after it.
    pub fn hear(&mut self, agent: &str, name: &OsStr, heard: Heard, at: Instant) {
        let round = self.round;
        let file =
            self.files.entry((agent.to_owned(), name.to_owned())).or_insert(File { heard: None, seen: None, round });
        file.round = round;
        match (heard, file.heard) {
            // a change of mode or a new link says nothing against what is known
            (Heard::Touched, Some(_)) => {}
            _ => file.heard = Some((heard, at)),
        }
    }

    /// After an overflow or a watcher error: what was heard may lack the last word.
    pub fn forget_events(&mut self) {
        for file in self.files.values_mut() {
            file.heard = None;
        }
    }

    /// Sorts one round of looks (all of a scan) by what is settled at `now`.
    pub fn sort(&mut self, looks: Vec<Look>, now: Instant) -> Sorted {
        self.round += 1;
        let mut sorted = Sorted::default();
        let mut quiet = Vec::new();
        for look in looks {
            let (candidate, reason) = match look {
                Look::Order(candidate) => (candidate, None),
                Look::Refused { candidate, reason } => (candidate, Some(reason)),
                Look::Result(candidate) => {
                    sorted.results.push(candidate);
                    continue;
                }
                Look::Ignored(candidate) => {
                    sorted.ignored.push(candidate);
                    continue;
                }
                Look::Unavailable { agent, error } => {
                    sorted.unavailable.push((agent, error));
                    continue;
                }
            };
            match self.judge(&candidate, reason.is_none(), now) {
                Verdict::Whole => sorted.settled(candidate, reason),
                Verdict::Empty => sorted.refused.push((candidate, reason.unwrap_or(Refusal::Empty))),
                Verdict::Quiet => quiet.push((candidate, reason)),
                Verdict::Later(at) => sorted.wait(candidate, at),
            }
        }
        self.sort_quiet(quiet, &mut sorted, now);
        let round = self.round;
        self.files.retain(|_, file| file.round + 1 >= round);
        // not in the order of verdicts but of names
        sorted.orders.sort_by(|a, b| (&a.agent, &a.name).cmp(&(&b.agent, &b.name)));
        sorted
    }

    fn sort_quiet(&mut self, quiet: Vec<(Candidate, Option<Refusal>)>, sorted: &mut Sorted, now: Instant) {
        if quiet.is_empty() {
            return;
        }
        let asked: Vec<&Candidate> =
            quiet.iter().map(|(candidate, _)| candidate).filter(|c| c.stat.kind == Kind::Regular).collect();
        let written = if asked.is_empty() { HashSet::new() } else { (self.probe)(&asked) };
        for (candidate, reason) in quiet {
            if written.contains(&candidate.stat.id()) {
                sorted.wait(candidate, now + self.patience.quiet);
            } else if candidate.stat.size == 0 && candidate.stat.kind == Kind::Regular {
                sorted.refused.push((candidate, reason.unwrap_or(Refusal::Empty)));
            } else {
                sorted.settled(candidate, reason);
            }
        }
    }

    fn judge(&mut self, candidate: &Candidate, wants_signature: bool, now: Instant) -> Verdict {
        let patience = self.patience;
        let round = self.round;
        let file = self.files.entry((candidate.agent.clone(), candidate.name.clone())).or_insert(File {
            heard: None,
            seen: None,
            round,
        });
        file.round = round;
        let since = match file.seen {
            Some(seen) if seen.stat == candidate.stat => seen.since,
            _ => {
                file.seen = Some(Seen { stat: candidate.stat, since: now });
                now
            }
        };
        let verdict = whole(file.heard, &candidate.stat, since, patience, now);
        let settled = matches!(verdict, Verdict::Whole | Verdict::Quiet);
        match patience.signature {
            Some(wait) if settled && wants_signature && !candidate.signed && now < since + wait => {
                Verdict::Later(since + wait)
            }
            _ => verdict,
        }
    }
}

fn whole(heard: Option<(Heard, Instant)>, stat: &Stat, since: Instant, patience: Patience, now: Instant) -> Verdict {
    let at = |due: Instant, then: Verdict| if now >= due { then } else { Verdict::Later(due) };
    let empty = stat.kind == Kind::Regular && stat.size == 0;
    match heard {
        Some((Heard::MovedIn, _)) if empty => Verdict::Empty,
        Some((Heard::MovedIn, _)) => Verdict::Whole,
        _ if empty => at(since + patience.empty, Verdict::Quiet),
        Some((Heard::Closed, closed)) => at(closed + patience.quiet, Verdict::Whole),
        Some((Heard::Writing, last)) => at((last + patience.open).max(since + patience.quiet), Verdict::Quiet),
        Some((Heard::Created | Heard::Touched, _)) | None => at(since + patience.quiet, Verdict::Quiet),
    }
}

impl Sorted {
    fn settled(&mut self, candidate: Candidate, reason: Option<Refusal>) {
        match reason {
            Some(reason) => self.refused.push((candidate, reason)),
            None => self.orders.push(candidate),
        }
    }

    fn wait(&mut self, candidate: Candidate, until: Instant) {
        self.next_look = Some(self.next_look.map_or(until, |next| next.min(until)));
        self.waiting.push(candidate);
    }
}

#[cfg(test)]
mod tests;
