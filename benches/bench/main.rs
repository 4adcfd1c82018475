//! `make bench`: each number beside its floor, measured in the same run, and the ratio of the two. Exits 1 when a ratio is over
//! its "at most". `cargo bench --bench bench -- export lint` runs only those.
//!
//! A floor is the least that the work demands of the machine: the same files read, the same text parsed, the same writes and
//! fsyncs done bare. Both sides are run in turns and the medians are compared, so that whatever else the machine does
//! falls on both.

mod export;
#[path = "../../tests/it/support/field.rs"]
mod field;
mod idle;
mod lint;
mod monitor;
mod order;
mod place;

use std::process::ExitCode;
use std::time::{Duration, Instant};

/// One line of the result.
pub struct Line {
    pub what: String,
    pub measured: String,
    pub floor: String,
    /// Measured by floor, where there is a floor.
    pub ratio: Option<f64>,
    pub goal: Option<f64>,
    /// Over this, the bench fails.
    pub at_most: Option<f64>,
}

impl Line {
    /// A time against its floor.
    pub fn times(
        what: impl Into<String>,
        measured: Duration,
        floor: (&str, Duration),
        goal: f64,
        at_most: f64,
    ) -> Line {
        let (about, floor) = floor;
        Line {
            what: what.into(),
            measured: time(measured),
            floor: format!("{} {about}", time(floor)),
            ratio: Some(measured.as_secs_f64() / floor.as_secs_f64().max(1e-9)),
            goal: Some(goal),
            at_most: Some(at_most),
        }
    }

    fn is_over(&self) -> bool {
        self.ratio.zip(self.at_most).is_some_and(|(ratio, at_most)| ratio > at_most)
    }
}

pub type Outcome = Result<Vec<Line>, Box<dyn std::error::Error>>;

/// A part by its name on the command line.
type Part = (&'static str, fn() -> Outcome);

const PARTS: &[Part] = &[
    ("export", export::bench),
    ("lint", lint::bench),
    ("order", order::bench),
    ("backlog", order::backlog),
    ("monitor", monitor::bench),
    ("idle", idle::bench),
];

fn main() -> ExitCode {
    // cargo passes --bench; whatever is no flag names a part
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    if let Some(unknown) = wanted.iter().find(|name| PARTS.iter().all(|(known, _)| known != name)) {
        let known: Vec<&str> = PARTS.iter().map(|(name, _)| *name).collect();
        eprintln!("error: there is no part `{unknown}`; there are {}", known.join(", "));
        return ExitCode::from(2);
    }
    let mut failed = false;
    for (name, part) in PARTS {
        if !wanted.is_empty() && wanted.iter().all(|one| one != name) {
            continue;
        }
        match part() {
            Ok(lines) => {
                for line in &lines {
                    print(line);
                    failed |= line.is_over();
                }
            }
            Err(error) => {
                println!("{name}: not measured: {error}");
                failed = true;
            }
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn print(line: &Line) {
    println!("{}", line.what);
    println!("    measured  {}", line.measured);
    println!("    floor     {}", line.floor);
    if let Some(ratio) = line.ratio {
        let bound = |name: &str, bound: Option<f64>| bound.map_or(String::new(), |bound| format!(", {name} {bound}"));
        let (goal, at_most) = (bound("goal", line.goal), bound("at most", line.at_most));
        let verdict = match () {
            () if line.is_over() => "OVER",
            () if line.goal.is_some_and(|goal| ratio > goal) => "within the bound, not at the goal",
            // a figure that nothing was set for is no success
            () if line.goal.is_none() && line.at_most.is_none() => "no bound is set",
            () => "good",
        };
        println!("    ratio     {ratio:.2}{goal}{at_most}: {verdict}");
    }
}

/// How long `work` takes.
pub fn timed<T, E>(work: impl FnOnce() -> Result<T, E>) -> Result<(T, Duration), E> {
    let start = Instant::now();
    let value = work()?;
    Ok((value, start.elapsed()))
}

/// Neither the luckiest nor the unluckiest run.
pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

pub fn time(duration: Duration) -> String {
    match duration.as_secs_f64() {
        s if s >= 1.0 => format!("{s:.2} s"),
        s if s >= 1e-3 => format!("{:.2} ms", s * 1e3),
        s => format!("{:.1} µs", s * 1e6),
    }
}
