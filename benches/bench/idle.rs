//! What a daemon with nothing to do costs: resident memory, processor time and wake-ups over a minute.

use std::error::Error;
use std::fs;
use std::time::Duration;

use super::place::Place;
use super::{Line, Outcome};

const WATCHED: Duration = Duration::from_secs(60);

struct Cost {
    resident_kib: u64,
    cpu_ns: u64,
    wake_ups: u64,
}

pub fn bench() -> Outcome {
    if !cfg!(target_os = "linux") {
        return Err("the daemon's cost is read from /proc, which only Linux has".into());
    }
    let bare = Place::new("")?;
    let whole = Place::new("")?;
    std::fs::write(whole.path("wo.toml"), WITH_MONITOR)?;
    Ok(vec![
        watch(&bare, "without monitor and status page")?,
        watch(&whole, "with the default monitor, one cycle in five minutes, and the status page")?,
    ])
}

const WITH_MONITOR: &str = "[services]\nmanager = \"embedded\"\n[web]\nlisten = \"127.0.0.1:0\"\n";

fn watch(place: &Place, what: &str) -> Result<Line, Box<dyn Error>> {
    let up = place.up()?;
    // the start is over when the first scan is
    std::thread::sleep(Duration::from_secs(2));
    let before = cost(up.0.id())?;
    std::thread::sleep(WATCHED);
    let after = cost(up.0.id())?;
    let cpu_ms = after.cpu_ns.saturating_sub(before.cpu_ns) as f64 / 1e6;
    let wake_ups = after.wake_ups.saturating_sub(before.wake_ups) as f64 / WATCHED.as_secs_f64();
    Ok(Line {
        what: format!("idle wo up over {} s, {what}", WATCHED.as_secs()),
        measured: format!(
            "{:.1} MiB resident, {cpu_ms:.1} ms of processor time, {wake_ups:.1} wake-ups/s",
            after.resident_kib as f64 / 1024.0
        ),
        floor: "none: a process that sleeps".to_owned(),
        ratio: None,
        goal: None,
        at_most: None,
    })
}

fn cost(pid: u32) -> Result<Cost, Box<dyn Error>> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let (mut wake_ups, mut cpu_ns) = (0, 0);
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let task = task?.path();
        wake_ups += number(&fs::read_to_string(task.join("status"))?, "voluntary_ctxt_switches:")?;
        let times = fs::read_to_string(task.join("schedstat"))?;
        cpu_ns += times.split_whitespace().next().ok_or("an odd schedstat")?.parse::<u64>()?;
    }
    Ok(Cost { resident_kib: number(&status, "VmRSS:")?, cpu_ns, wake_ups })
}

fn number(status: &str, key: &str) -> Result<u64, Box<dyn Error>> {
    let line = status.lines().find_map(|line| line.strip_prefix(key)).ok_or("an odd /proc/PID/status")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}
