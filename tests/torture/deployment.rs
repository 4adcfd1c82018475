//! A whole deployment under SIGKILL: the order of the Parquet exporter, from the drop to its measured report, killed at the
//! failpoints that such a run passes. After a restart it ends once, and what it leaves is, but for times, what an undisturbed
//! run leaves: reports, scripts, property list, Parquet files, and one loaded service with the run that its manager started.
//!
//! All runs happen under one and the same path, for scripts and property lists name it and their hashes stand in the reports.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::ground::{files_below, full, loud, runs_in, without_times};
use crate::support::{Heartbeats, Ran, Scene, TestLaunchd, launchd::is_real, sha256};

const ID: &str = "WO-251029-PARQUET-EXPORTER";
const LABEL: &str = "com.02luka.analytics.parquet";
const ORDER: &str = include_str!("../fixtures/orders/WO-251029-PARQUET-EXPORTER.md");

struct World {
    scene: Scene,
    launchd: TestLaunchd,
    /// The root as every run finds it.
    pristine: tempfile::TempDir,
}

impl World {
    fn new() -> World {
        let launchd = TestLaunchd::new();
        let memory = Path::new("/dev/shm");
        let top = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let settings = "[inbox]\nsettle_ms = 1\nrescan_ms = 200\n\n[limits]\nworkers = 1\n\n[web]\nenabled = false\n\n[monitor]\nenabled = false\n";
        let five_minutes = jiff::SignedDuration::from_mins(5);
        let start = "2025-10-27T23:30:00.137Z".parse().expect("a time");
        let scene = Scene::new_in(&top)
            .config(&format!("{settings}\n{}", launchd.config()))
            .heartbeats(Heartbeats::series(start, five_minutes, 12))
            .database()
            .order(&format!("{ID}.md"), ORDER);
        let pristine = tempfile::tempdir_in(&top).expect("a folder");
        copy(&scene.dir(), pristine.path());
        World { scene, launchd, pristine }
    }

    /// The root and launchd as they were before anything ran.
    fn reset(&self) {
        let target = format!("{}/{LABEL}", self.launchd.domain());
        drop(self.launchd.launchctl(["bootout", &target]));
        let _ = fs::remove_dir_all(self.launchd.state());
        for path in files_below(&self.launchd.agents()) {
            fs::remove_file(path).expect("an agent");
        }
        for entry in fs::read_dir(self.scene.dir()).expect("the root") {
            let path = entry.expect("an entry").path();
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.expect("an empty root");
        }
        copy(self.pristine.path(), &self.scene.dir());
    }

    fn run(&self, env: &[(&str, &str)]) -> Ran {
        let mut command = self.scene.command(["run"]);
        command.envs(env.iter().copied());
        crate::support::run(command, b"")
    }

    /// What counts in the end: every visible file but the state and the logs, without times.
    fn end(&self) -> BTreeMap<String, String> {
        let root = self.scene.dir();
        let mut files = BTreeMap::new();
        for path in files_below(&root) {
            let name = path.strip_prefix(&root).expect("beneath").to_string_lossy().into_owned();
            let is_hidden = name.split('/').any(|part| part.starts_with('.'));
            if !is_hidden && !name.starts_with("bridge/state") && !name.starts_with("g/logs") {
                files.insert(name, fs::read(&path).expect("a file"));
            }
        }
        for path in files_below(&self.launchd.agents()) {
            if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")) {
                // what a kill left unfinished; launchd passes it over as we do
                continue;
            }
            files.insert(
                format!("LaunchAgents/{}", path.file_name().expect("a name").display()),
                fs::read(&path).expect("an agent"),
            );
        }
        files.into_iter().map(|(name, bytes)| (untimed(&name), comparable(&name, &bytes))).collect()
    }

    /// What the manager says: whether it holds the service, and how often it started it by itself.
    fn service(&self) -> String {
        let listed = self.launchd.launchctl(["list", LABEL]);
        format!("{:?} {}", listed.status.code(), listed.stdout.contains("\"LastExitStatus\" = 0;"))
    }
}

fn comparable(name: &str, bytes: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(bytes) else { return format!("sha256 {}", sha256(bytes)) };
    if is_timed(name) {
        // the one that its manager started and the order's own take turns at them
        return "there".to_owned();
    }
    if name.ends_with(".json") {
        let mut value = serde_json::from_str(text).expect("JSON");
        forget(&mut value);
        return untimed(&serde_json::to_string_pretty(&value).expect("JSON"));
    }
    text.lines()
        .map(|line| untimed(&if is_timed(line) { unsized_and_unhashed(line) } else { line.to_owned() }) + "\n")
        .collect()
}

/// Whether a file is spoken of that itself holds times: summaries and reports of `wo export` and `wo verify`.
fn is_timed(text: &str) -> bool {
    text.contains("g/reports/parquet/")
}

/// Sizes and hashes of files that hold times, and measured durations.
fn forget(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(fields) => {
            if fields.get("path").and_then(serde_json::Value::as_str).is_some_and(is_timed) {
                fields.retain(|key, _| key != "bytes" && key != "sha256");
            }
            if fields.get("type").is_some_and(|kind| kind == "duration") {
                fields.remove("value");
            }
            fields.values_mut().for_each(forget);
        }
        serde_json::Value::Array(values) => values.iter_mut().for_each(forget),
        _ => {}
    }
}

/// `1.3 kB … sha256 706989f7e924…` without the size and the hash.
fn unsized_and_unhashed(line: &str) -> String {
    let is_hash = |word: &str| word.len() >= 12 && word.chars().all(|c| c.is_ascii_hexdigit());
    let mut words: Vec<&str> = line.split(' ').collect();
    for n in 0..words.len() {
        if is_hash(words[n].trim_end_matches('…')) {
            words[n] = "<hash>";
        }
        if n > 0 && ["B", "kB"].iter().any(|unit| words[n].trim_end_matches(',') == *unit) {
            words[n - 1] = "<size>";
        }
    }
    words.join(" ")
}

/// Without times, the days around this one with their weekdays (midnight, or the time of a scheduled run, may pass meanwhile), what
/// the manager says of the moment, and which of several files took the longest.
fn untimed(text: &str) -> String {
    let mut text = without_times(text);
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    for days in -2..=3 {
        let date = today.saturating_add(jiff::Span::new().days(days));
        for format in ["%a %Y-%m-%d", "%Y-%m-%d", "%Y%m%d"] {
            text = text.replace(&date.strftime(format).to_string(), "<date>");
        }
    }
    // the run at load may still be under way
    text = without(&text, "launchd: loaded in gui/", |c| !matches!(c, '"' | '|' | '\n'));
    // its lines tell how long a run took
    text = without(&text, "parquet_exporter.log`, ", |c| c.is_ascii_digit());
    text = without(&text, "/verify_<date>_", |c| c.is_ascii_digit() || matches!(c, '-' | '_'));
    if text.contains("the slowest of") {
        text = without(&text, "/ops_atomic_", |c| c.is_ascii_digit());
    }
    text
}

/// Without the run of such characters after each `mark`.
fn without(text: &str, mark: &str, such: impl Fn(char) -> bool) -> String {
    let mut parts = text.split(mark);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(mark);
        out.push_str(part.trim_start_matches(&such));
    }
    out
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from.join(".")).arg(to).status().expect("cp");
    assert!(copied.success(), "cp -a {} {}", from.display(), to.display());
}

/// Both ends side by side, where they differ.
fn check_same(found: &BTreeMap<String, String>, expected: &BTreeMap<String, String>, what: &str) {
    let names: BTreeSet<&String> = found.keys().chain(expected.keys()).collect();
    let mut text = String::new();
    for name in names {
        match (found.get(name), expected.get(name)) {
            (Some(found), Some(expected)) if found == expected => {}
            (Some(found), Some(expected)) => {
                text.push_str(&format!("--- {name}\n"));
                for (found, expected) in found.lines().zip(expected.lines()).filter(|(a, b)| a != b) {
                    text.push_str(&format!("found:    {found}\nexpected: {expected}\n"));
                }
                if found.lines().count() != expected.lines().count() {
                    text.push_str(&format!("lines: {} and {}\n", found.lines().count(), expected.lines().count()));
                }
            }
            (found, _) => {
                text.push_str(&format!("--- {name}: {}\n", if found.is_some() { "not expected" } else { "missing" }))
            }
        }
    }
    assert!(text.is_empty(), "{what}: the end differs from an undisturbed one\n{text}");
}

#[test]
fn a_deployment_killed_at_any_failpoint_ends_as_an_undisturbed_one() {
    if is_real() {
        // its label is the field's own
        return loud("A DEPLOYMENT WAS NOT KILLED: not with this machine's own launchd");
    }
    let world = World::new();
    let log = tempfile::NamedTempFile::new().expect("a log");
    let undisturbed = world.run(&[("WO_FAILPOINT_LOG", &log.path().to_string_lossy())]);
    let points: Vec<String> = fs::read_to_string(log.path()).expect("the log").lines().map(str::to_owned).collect();
    let undisturbed = undisturbed.expect_exit(0).expect_stdout("done");
    drop(undisturbed);
    let (expected, service) = (world.end(), world.service());
    assert!(expected.keys().any(|name| name.ends_with(".parquet")), "{:?}", expected.keys());
    assert_eq!(service, "Some(0) true");

    // so that what differs below differs because of the kill
    world.reset();
    drop(world.run(&[]).expect_exit(0));
    check_same(&world.end(), &expected, "a second undisturbed run");

    let step = if full() { 1 } else { points.len().div_ceil(12) };
    let chosen: Vec<&String> = points.iter().skip(step / 2).step_by(step).collect();
    for point in &chosen {
        world.reset();
        let what = format!("killed at {point}");
        drop(world.run(&[("WO_FAILPOINT", point)]).expect_killed());
        let again = world.run(&[]);
        assert_eq!(again.status.code(), Some(0), "{what}: {again}");
        check_same(&world.end(), &expected, &what);
        assert_eq!(world.service(), service, "{what}");
        let runs = runs_in(&world.scene.path("bridge/state"));
        assert!(matches!(runs.as_slice(), [run] if run.contains("\"ended\"")), "{what}: {runs:?}");
        let before = world.scene.tree("bridge/outbox");
        drop(world.run(&[]).expect_exit(0));
        assert_eq!(world.scene.tree("bridge/outbox"), before, "{what}: a further run changed something");
    }
    loud(&format!("a deployment killed at {} of its {} failpoints", chosen.len(), points.len()));
    world.reset();
}
