//! The export of 10,000 heartbeats, as `wo export --all` does it, against reading the same files with the same threads.
//!
//! Warm: all files are in the page cache, for both sides. Cold: both sides find them evicted, as a nightly job does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::SignedDuration;

use super::field::Heartbeats;
use super::{Line, Outcome, median, timed};

const HEARTBEATS: usize = 10_000;
const ROUNDS: usize = 7;

pub fn bench() -> Outcome {
    let dir = tempfile::Builder::new().prefix("wo bench export ").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let root = dir.path();
    fs::create_dir_all(root.join("bridge"))?;
    let start = "2025-09-20T00:00:07.137Z".parse()?;
    let files = Heartbeats::series(start, SignedDuration::from_mins(5), HEARTBEATS)
        .redis_down(100..102, "undefined")
        .database_missing(4_000..4_358)
        .api_down(6_000..6_107)
        .write(&root.join("g/reports/ops_atomic"))?;
    let threads = std::thread::available_parallelism()?.get().min(8);

    let mut lines = Vec::new();
    for (name, cold) in [("warm", false), ("cold", true)] {
        let (mut floors, mut exports) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            put_away(root, &format!("{name} {round}"))?;
            prepare(&files, cold)?;
            floors.push(timed(|| read_all(&files, threads))?.1);
            prepare(&files, cold)?;
            exports.push(timed(|| export(root))?.1);
        }
        lines.push(Line::times(
            format!("export of {HEARTBEATS} heartbeats, 35 days, read back twice, fsynced ({name})"),
            median(exports),
            (&format!("to read the files, {threads} threads"), median(floors)),
            1.5,
            3.0,
        ));
    }
    Ok(lines)
}

fn export(root: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let ended = Command::new(env!("CARGO_BIN_EXE_wo"))
        .args(["export", "--all", "--root"])
        .arg(root)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()?;
    if ended.status.success() {
        return Ok(());
    }
    Err(format!("wo export: {}: {}", ended.status, String::from_utf8_lossy(&ended.stderr)).into())
}

/// Takes what the round before made out of the way, so that every day is exported again. It is not removed: ext4 gives no
/// inode anew that was freed in the last minutes and looks at each of them whenever a file is created, which costs more
/// with every round and has nothing to do with an export.
fn put_away(root: &Path, round: &str) -> std::io::Result<()> {
    let past = root.join("past").join(round);
    fs::create_dir_all(&past)?;
    for (made, name) in [("g/analytics", "analytics"), ("g/reports/parquet", "summary")] {
        match fs::rename(root.join(made), past.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Brings all files into the page cache, or evicts them.
fn prepare(files: &[PathBuf], cold: bool) -> std::io::Result<()> {
    for path in files {
        if cold {
            let file = fs::File::open(path)?;
            // dirty pages stay whatever one advises
            file.sync_all()?;
            #[cfg(target_os = "linux")]
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
        } else {
            fs::read(path)?;
        }
    }
    Ok(())
}

fn read_all(files: &[PathBuf], threads: usize) -> std::io::Result<usize> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut bytes = 0;
        while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            bytes += fs::read(path)?.len();
        }
        Ok(bytes)
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| Err(std::io::ErrorKind::Other.into()))).sum()
    })
}
