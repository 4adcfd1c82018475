//! Orders through a running `wo up`: from the drop of one to its report, and a backlog of ten thousand. The floor is the
//! bare sequence of writes and fsyncs that the protocol demands (design 03): the same commits, files, renames and directory
//! fsyncs, with nothing in between.
//!
//! The orders are for the handler of the engine's own tests (feature `probe`), whose one step appends a line to a ledger and
//! fsyncs it.

use std::error::Error;
use std::fs::{self, File};
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::place::{Place, wait_for};
use super::{Line, Outcome, time};

const ORDERS: usize = 300;
const BACKLOG: usize = 10_000;
/// `limits.claim_batch`
const BATCH: usize = 128;

fn text(id: &str, steps: usize) -> String {
    format!(
        "---\nid: {id}\nhandler: probe\nparams:\n  steps: {steps}\n---\n\n# Work Order: {id}\n\n## Objective\n\nOne line.\n"
    )
}

pub fn bench() -> Outcome {
    let place = Place::new("")?;
    let (mut orders, mut floors) = (Vec::new(), Vec::new());
    let mut bare = Bare::new(&place.path("floor"))?;
    let _up = place.up()?;
    // the floor has a thread of its own that otherwise sleeps, as the daemon's do: on a busy machine the scheduler holds the
    // waiting below against the thread that waits, and the floor must not pay for that
    let (ask, asked) = mpsc::channel();
    let (answer, answered) = mpsc::channel();
    let worker = std::thread::spawn(move || {
        for n in asked {
            let taken: Result<Duration, String> = bare.order(n).map_err(|error| error.to_string());
            if answer.send(taken).is_err() {
                break;
            }
        }
    });
    for n in 0..ORDERS {
        ask.send(n)?;
        floors.push(answered.recv()??);
        orders.push(one_order(&place, n)?);
    }
    drop(ask);
    let _ = worker.join();
    let mut lines = Vec::new();
    for (name, part) in [("p50", 0.5), ("p99", 0.99)] {
        let what = format!("drop → report of a trivial order, {name} of {ORDERS}");
        let floor = ("for the bare writes and fsyncs", quantile(&mut floors, part));
        lines.push(Line::times(what, quantile(&mut orders, part), floor, 2.0, 4.0));
    }
    Ok(lines)
}

fn quantile(times: &mut [Duration], part: f64) -> Duration {
    times.sort_unstable();
    let last = times.len().saturating_sub(1);
    times.get((last as f64 * part).round() as usize).copied().unwrap_or_default()
}

fn one_order(place: &Place, n: usize) -> Result<Duration, Box<dyn Error>> {
    let id = format!("WO-BENCH-PROBE-{n:05}");
    let hidden = place.path(format!("bridge/inbox/CLC/.{id}.tmp"));
    write_synced(&hidden, text(&id, 1).as_bytes())?;
    let report = place.path(format!("bridge/outbox/CLC/{id}_REPORT.md"));
    let result = place.path(format!("bridge/outbox/CLC/{id}.result.json"));
    let start = Instant::now();
    fs::rename(&hidden, place.path(format!("bridge/inbox/CLC/{id}.md")))?;
    wait_for(|| Ok(report.exists() && result.exists()))?;
    let taken = start.elapsed();
    // whatever comes next finds the daemon at rest
    let root = workbridge::root::Root::at(place.root())?;
    let reader = workbridge::journal::Reader::open_existing(&root)?.ok_or("there is no journal")?;
    while reader.last_run_of(&id)?.is_none_or(|run| run.phase.ended().is_none()) {
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(taken)
}

/// The same writes, renames, commits and fsyncs, with nothing in between.
struct Bare {
    dir: std::path::PathBuf,
    journal: rusqlite::Connection,
    ledger: File,
}

impl Bare {
    fn new(dir: &Path) -> Result<Bare, Box<dyn Error>> {
        for made in ["inbox", "processing", "outbox", "archive"] {
            fs::create_dir_all(dir.join(made))?;
        }
        let journal = rusqlite::Connection::open(dir.join("journal.db"))?;
        journal.pragma_update(None, "journal_mode", "WAL")?;
        journal.pragma_update(None, "synchronous", "FULL")?;
        journal.execute_batch("CREATE TABLE events (id INTEGER PRIMARY KEY, bytes BLOB)")?;
        let ledger = fs::OpenOptions::new().create(true).append(true).open(dir.join("ledger.txt"))?;
        Ok(Bare { dir: dir.to_owned(), journal, ledger })
    }

    /// One order, alone; the time up to its report and result, as for the real one.
    fn order(&mut self, n: usize) -> Result<Duration, Box<dyn Error>> {
        let name = format!("WO-BENCH-PROBE-{n:05}.md");
        let source = text(&name, 1);
        write_synced(&self.dir.join("inbox/.drop.tmp"), source.as_bytes())?;
        let start = Instant::now();
        fs::rename(self.dir.join("inbox/.drop.tmp"), self.dir.join("inbox").join(&name))?;
        // claim: raw bytes and `received`, then the move
        let bytes = fs::read(self.dir.join("inbox").join(&name))?;
        self.commit(&bytes)?;
        fs::rename(self.dir.join("inbox").join(&name), self.dir.join("processing").join(&name))?;
        self.sync_dirs(&["processing", "inbox"])?;
        // the step: intent, effect, done with its evidence; the verdict shares that commit
        self.commit(&[b'i'; 400])?;
        std::io::Write::write_all(&mut self.ledger, b"WO-BENCH-PROBE 1 1\n")?;
        self.ledger.sync_all()?;
        self.commit(&[b'd'; 1_200])?;
        // the two files of the outbox
        for (suffix, size) in [("_REPORT.md", 2_500), (".result.json", 2_500)] {
            let hidden = self.dir.join("outbox/.report.tmp");
            write_synced(&hidden, &vec![b'r'; size])?;
            fs::rename(&hidden, self.dir.join(format!("outbox/{name}{suffix}")))?;
            if suffix == "_REPORT.md" {
                self.sync_dirs(&["outbox"])?;
            }
        }
        let taken = start.elapsed();
        self.sync_dirs(&["outbox"])?;
        fs::rename(self.dir.join("processing").join(&name), self.dir.join("archive").join(&name))?;
        self.sync_dirs(&["processing", "archive"])?;
        self.commit(&[b'e'; 400])?;
        Ok(taken)
    }

    /// A backlog, each group sharing its commits and directory fsyncs.
    fn backlog(&mut self, names: &[String]) -> Result<Duration, Box<dyn Error>> {
        for name in names {
            fs::write(self.dir.join("inbox").join(name), text(name, 0))?;
        }
        let start = Instant::now();
        for group in names.chunks(BATCH) {
            let mut claimed = Vec::new();
            for name in group {
                claimed.extend(fs::read(self.dir.join("inbox").join(name))?);
            }
            self.commit(&claimed)?;
            for name in group {
                fs::rename(self.dir.join("inbox").join(name), self.dir.join("processing").join(name))?;
            }
            self.sync_dirs(&["processing", "inbox"])?;
            self.commit(&vec![b'j'; 800 * group.len()])?;
            for name in group {
                for suffix in ["_REPORT.md", ".result.json"] {
                    let hidden = self.dir.join("outbox/.report.tmp");
                    write_synced(&hidden, &[b'r'; 2_500])?;
                    fs::rename(&hidden, self.dir.join(format!("outbox/{name}{suffix}")))?;
                }
                fs::rename(self.dir.join("processing").join(name), self.dir.join("archive").join(name))?;
            }
            self.sync_dirs(&["outbox", "processing", "archive"])?;
            self.commit(&vec![b'e'; 400 * group.len()])?;
        }
        Ok(start.elapsed())
    }

    fn commit(&mut self, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
        let transaction = self.journal.transaction()?;
        transaction.execute("INSERT INTO events (bytes) VALUES (?1)", [bytes])?;
        Ok(transaction.commit()?)
    }

    fn sync_dirs(&self, names: &[&str]) -> std::io::Result<()> {
        names.iter().try_for_each(|name| File::open(self.dir.join(name))?.sync_all())
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    std::io::Write::write_all(&mut file, bytes)?;
    file.sync_all()
}

/// A backlog that waits in the inbox before `wo run` starts.
pub fn backlog() -> Outcome {
    let place = Place::new("")?;
    let names: Vec<String> = (0..BACKLOG).map(|n| format!("WO-BENCH-PROBE-{n:05}.md")).collect();
    let floor = Bare::new(&place.path("floor"))?.backlog(&names)?;
    for name in &names {
        let id = name.trim_end_matches(".md");
        fs::write(place.path("bridge/inbox/CLC").join(name), text(id, 0))?;
    }
    let start = Instant::now();
    // orders without criteria end `partial`, so the exit code says nothing here
    let ended = place.wo(&["run"]).output()?;
    let taken = start.elapsed();
    let reports = fs::read_dir(place.path("bridge/outbox/CLC"))?
        .filter(|entry| entry.as_ref().is_ok_and(|entry| entry.file_name().to_string_lossy().ends_with("_REPORT.md")))
        .count();
    if reports != BACKLOG {
        let stderr = String::from_utf8_lossy(&ended.stderr).chars().take(2_000).collect::<String>();
        return Err(format!("{reports} reports of {BACKLOG} orders; wo run: {}: {stderr}", ended.status).into());
    }
    let rate = |taken: Duration| format!("{:.0} orders/s ({})", BACKLOG as f64 / taken.as_secs_f64(), time(taken));
    Ok(vec![Line {
        what: format!("backlog of {BACKLOG} trivial orders"),
        measured: rate(taken),
        floor: format!("{} for the same files in the same groups", rate(floor)),
        ratio: Some(taken.as_secs_f64() / floor.as_secs_f64().max(1e-9)),
        goal: None,
        at_most: None,
    }])
}
