//! The ground that every torture stands on: a story (orders, what was done before, the one command that is tortured), the
//! final state that an undisturbed run of it leaves, and the invariants:
//!
//! * I1 nothing lost: every dropped file is still there, byte for byte (where it belongs, says I3);
//! * I2 each step took effect once: no line stands twice in the ledger that the probe handler fsyncs;
//! * I3 no torn visible file: whatever is visible is, but for times, as an undisturbed run leaves it — right after the
//!   break as well as at the end;
//! * I4 a further restart changes nothing, byte for byte;
//! * I5 nothing was written outside the root, nor inside it where nothing of the kind belongs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::support::{Scene, tree};

/// Whether the long form was asked for.
pub fn full() -> bool {
    std::env::var("WO_TORTURE").is_ok_and(|form| form == "full")
}

/// Says something that the test harness doesn't swallow.
pub fn loud(line: &str) {
    let _ = writeln!(std::io::stderr(), "\n*** torture: {line} ***");
}

pub const CONFIG: &str = "[inbox]\nsettle_ms = 1\nrescan_ms = 200\n\n[limits]\nworkers = 1\nretry_first_ms = 10\n";

/// An order for the probe handler; `front` is more front matter.
pub fn probe(id: &str, front: &str) -> (String, String) {
    let text = format!(
        "---\nid: {id}\nhandler: probe\n{front}acceptance:\n  - {{ metric: probe.lines, target: \"1\" }}\n---\n# {id}\n\nAppend to the ledger.\n"
    );
    (format!("{id}.md"), text)
}

/// What is tortured.
pub struct Story {
    pub name: &'static str,
    /// Files in the inbox before anything runs.
    pub drops: Vec<(String, String)>,
    /// Commands that run undisturbed.
    pub before: &'static [&'static [&'static str]],
    /// Files dropped after those.
    pub then_drops: Vec<(String, String)>,
    /// The command that is broken.
    pub act: &'static [&'static str],
    /// After a break it may also be that `act` never happened (a request that was not yet durable).
    pub may_be_undone: bool,
    /// After a break a step may be uncertain anew; a person then says once more to apply it again.
    pub person_answers: bool,
}

/// An order that goes through, with the steps that `wo run` makes of it.
pub fn plain() -> Story {
    story("an order that ends done", [probe("WO-1-PROBE", "")])
}

fn story(name: &'static str, drops: impl IntoIterator<Item = (String, String)>) -> Story {
    Story {
        name,
        drops: drops.into_iter().collect(),
        before: &[],
        then_drops: Vec::new(),
        act: &["run"],
        may_be_undone: false,
        person_answers: false,
    }
}

/// Every way an order can go.
pub fn stories() -> Vec<Story> {
    let failing = probe("WO-1-PROBE", "params: { steps: 3, fail: line-3, files: true }\n");
    let waiting = probe("WO-1-PROBE", "params: { wait_ms: 50 }\n");
    let uncertain = probe("WO-1-PROBE", "params: { uncertain: line-2 }\n");
    let approved = probe("WO-1-PROBE", "approval: true\n");
    let gated = probe("WO-2-PROBE", "requires: [\"WO-1-PROBE done\"]\n");
    let shut = probe("WO-2-PROBE", "requires: [\"WO-9-PROBE done\"]\n");
    let revised = ("WO-1-PROBE.md".to_owned(), format!("{}\nRevised.\n", probe("WO-1-PROBE", "").1));
    let unknown = ("WO-3.md".to_owned(), "---\nid: WO-3\nhandler: nobody\n---\n# WO-3\n".to_owned());
    let copy = ("WO-1-PROBE (conflicted copy 2025-10-28).md".to_owned(), "anything".to_owned());
    let large = ("WO-4.md".to_owned(), "x".repeat(1024 * 1024 + 1));
    vec![
        plain(),
        story("an order that fails and is undone", [failing.clone()]),
        story("an order whose step waits", [waiting]),
        story("an order that waits for another", [probe("WO-1-PROBE", ""), gated]),
        story("drops that are rejected", [unknown, copy, large]),
        Story {
            before: &[&["run"]],
            then_drops: vec![probe("WO-1-PROBE", "")],
            ..story("the same order again", [probe("WO-1-PROBE", "")])
        },
        Story {
            before: &[&["run"]],
            then_drops: vec![revised],
            ..story("a new revision of an order", [probe("WO-1-PROBE", "")])
        },
        Story {
            before: &[&["run"]],
            act: &["retry", "WO-1-PROBE"],
            may_be_undone: true,
            ..story("a retry", [failing.clone()])
        },
        Story { before: &[&["run"]], act: &["cancel", "WO-2-PROBE"], may_be_undone: true, ..story("a cancel", [shut]) },
        Story {
            before: &[&["run"]],
            act: &["resolve", "WO-1-PROBE", "--again"],
            may_be_undone: true,
            ..story("an answer to an uncertain step", [uncertain.clone()])
        },
        Story {
            before: &[&["run"]],
            act: &["approve", "WO-1-PROBE"],
            may_be_undone: true,
            ..story("an approval", [approved.clone()])
        },
        Story {
            before: &[&["run"], &["resolve", "WO-1-PROBE", "--again"]],
            person_answers: true,
            ..story("an uncertain step that is applied again", [uncertain.clone()])
        },
        Story {
            before: &[&["run"], &["resolve", "WO-1-PROBE", "--done"]],
            ..story("an uncertain step that is not as a person says", [uncertain])
        },
        Story { before: &[&["run"], &["approve", "WO-1-PROBE"]], ..story("an order that was approved", [approved]) },
        Story { before: &[&["run"], &["retry", "WO-1-PROBE"]], ..story("a second attempt", [failing]) },
    ]
}

/// The state that counts, but for times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Every visible file beneath the root but `bridge/state`: path → text without times.
    pub files: BTreeMap<String, String>,
    /// Per run: id, attempt, phase without times.
    pub runs: Vec<String>,
}

/// A root for the probe handler, in memory where that can be had: a kill leaves what was written, synced or not.
pub fn scene() -> Scene {
    let memory = Path::new("/dev/shm");
    let top = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    Scene::new_in(&top).config(CONFIG).env("WO_PROBE", "1")
}

/// A root in the middle of a story.
pub struct Ground {
    pub scene: Scene,
    drops: Vec<(String, String)>,
    person_answers: bool,
    outside: BTreeMap<String, String>,
}

impl Ground {
    /// The root as the story's act finds it.
    pub fn prepare(story: &Story) -> Ground {
        Ground::prepare_in(scene(), story)
    }

    /// The same in a scene that lies somewhere particular.
    pub fn prepare_in(scene: Scene, story: &Story) -> Ground {
        for (name, text) in &story.drops {
            scene.drop_order(name, text);
        }
        for args in story.before {
            let ran = scene.wo(*args);
            assert!(ran.status.code().is_some_and(|code| code <= 1), "{}: {ran}", story.name);
        }
        for (name, text) in &story.then_drops {
            scene.drop_order(name, text);
        }
        let drops = story.drops.iter().chain(&story.then_drops).cloned().collect();
        let outside = outside(&scene);
        Ground { scene, drops, person_answers: story.person_answers, outside }
    }

    /// `wo run`, whatever it makes of the orders; a signal or a usage error is a defect.
    #[track_caller]
    pub fn run(&self) {
        self.wo(&["run"]);
    }

    #[track_caller]
    pub fn wo(&self, args: &[&str]) {
        let ran = self.scene.wo(args);
        assert!(ran.status.code().is_some_and(|code| code <= 1), "{ran}");
        assert!(!ran.stderr.contains("panicked"), "{ran}");
    }

    /// What an undisturbed run of the story leaves, in each way in which it may end.
    pub fn finals(story: &Story) -> Vec<State> {
        let through = Ground::prepare(story);
        through.wo(story.act);
        through.run();
        let mut finals = vec![through.state()];
        if story.may_be_undone {
            let undone = Ground::prepare(story);
            undone.run();
            finals.push(undone.state());
        }
        let lines = through.scene.list("bridge/inbox/CLC");
        assert!(lines.is_empty(), "{}: left in the inbox by an undisturbed run: {lines:?}", story.name);
        finals
    }

    pub fn state(&self) -> State {
        State { files: visible(&self.scene.dir()), runs: self.runs() }
    }

    fn runs(&self) -> Vec<String> {
        if !self.scene.exists("bridge/state/journal.db") {
            return Vec::new();
        }
        runs_in(&self.scene.path("bridge/state"))
    }

    /// Recovers from the break and checks all five invariants.
    #[track_caller]
    pub fn recover_and_check(&self, finals: &[State], what: &str) {
        self.check_visible(finals, what);
        self.run();
        if self.person_answers && self.runs().iter().any(|run| run.contains("\"phase\":\"uncertain\"")) {
            self.wo(&["resolve", "WO-1-PROBE", "--again"]);
            self.run();
        }
        self.check(finals, what);
    }

    /// I3 right after the break: what is visible in the outbox is a whole file of an end that is allowed.
    #[track_caller]
    pub fn check_visible(&self, finals: &[State], what: &str) {
        for (path, text) in visible(&self.scene.path("bridge/outbox")) {
            let path = format!("bridge/outbox/{path}");
            let whole = finals.iter().any(|end| end.files.get(&path) == Some(&text));
            assert!(whole, "I3 {what}: {path} is visible and not as an undisturbed run leaves it:\n{text}");
        }
    }

    /// All five invariants at the end.
    #[track_caller]
    pub fn check(&self, finals: &[State], what: &str) {
        self.check_nothing_lost(what);
        self.check_ledger(what);
        let state = self.state();
        if !finals.contains(&state) {
            panic!("I3 {what}: the end differs from an undisturbed one\n{}", difference(&state, &finals[0]));
        }
        let before = self.bytes();
        self.run();
        assert_eq!(self.bytes(), before, "I4 {what}: a further run changed something");
        assert_eq!(self.state(), state, "I4 {what}: a further run changed the journal");
        assert_eq!(outside(&self.scene), self.outside, "I5 {what}: something was written outside the root");
    }

    /// I1
    #[track_caller]
    pub fn check_nothing_lost(&self, what: &str) {
        for (name, text) in &self.drops {
            // an order that waits lies in processing/; that none is left there that should not be, I3 sees
            let kept = ["bridge/archive/CLC", "bridge/rejected/CLC", "bridge/processing/CLC"]
                .iter()
                .flat_map(|dir| files_below(&self.scene.path(dir)))
                .any(|path| fs::read(path).is_ok_and(|bytes| bytes == text.as_bytes()));
            assert!(kept, "I1 {what}: {name} is gone");
        }
    }

    /// I2; undoing a step twice is no harm.
    #[track_caller]
    pub fn check_ledger(&self, what: &str) {
        let path = self.scene.path("ledger.txt");
        let ledger = fs::read_to_string(path).unwrap_or_default();
        let mut seen = BTreeSet::new();
        for line in ledger.lines().filter(|line| !line.starts_with("undo ")) {
            assert!(seen.insert(line), "I2 {what}: `{line}` took effect twice:\n{ledger}");
        }
    }

    /// Every visible byte but those of `bridge/state`.
    fn bytes(&self) -> BTreeMap<String, String> {
        let mut all = self.scene.tree("");
        all.retain(|path, _| !path.starts_with("bridge/state"));
        all
    }
}

/// Everything of the scene that is not the root.
fn outside(scene: &Scene) -> BTreeMap<String, String> {
    let root = scene.dir();
    let top = root.parent().expect("a folder around the root");
    let name = root.file_name().expect("a name").to_string_lossy().into_owned();
    let mut all = tree(top);
    all.retain(|path, _| !path.starts_with(&name));
    all
}

/// The runs of the journal in `state`, read from a copy so that looking changes nothing.
pub fn runs_in(state: &Path) -> Vec<String> {
    let copy = tempfile::tempdir().expect("a folder for the copy");
    for name in ["journal.db", "journal.db-wal"] {
        if state.join(name).exists() {
            fs::copy(state.join(name), copy.path().join(name)).expect("a copy of the journal");
        }
    }
    let journal = rusqlite::Connection::open(copy.path().join("journal.db")).expect("the copy");
    let tables: i64 = journal
        .query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'runs'", [], |row| row.get(0))
        .expect("the copy's schema");
    if tables == 0 {
        return Vec::new();
    }
    let mut select = journal.prepare("SELECT id, attempt, phase FROM runs ORDER BY id, attempt").expect("runs");
    let rows = select.query_map([], |row| {
        Ok(format!("{} {} {}", row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?))
    });
    rows.expect("runs").map(|row| without_times(&row.expect("a run"))).collect()
}

/// Path → text of every file beneath `dir` that no name on its way hides, `bridge/state` left out.
fn visible(dir: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for path in files_below(dir) {
        let relative = path.strip_prefix(dir).expect("beneath").to_path_buf();
        let is_hidden = relative.iter().any(|part| part.to_string_lossy().starts_with('.'));
        if is_hidden || relative.starts_with("bridge/state") {
            continue;
        }
        let text = String::from_utf8_lossy(&fs::read(&path).expect("a visible file")).into_owned();
        let mut text = without_times(&text);
        if relative == Path::new("ledger.txt") {
            // undoing a step again after a crash is allowed and no change
            let mut seen = BTreeSet::new();
            text = text.lines().filter(|line| seen.insert((*line).to_owned())).collect::<Vec<_>>().join("\n");
        }
        files.insert(relative.to_string_lossy().into_owned(), text);
    }
    files
}

pub fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(dir) else { return found };
    for entry in entries {
        let path = entry.expect("an entry").path();
        let meta = path.symlink_metadata().expect("its metadata");
        if meta.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The text with every time and duration replaced: what may differ between two runs.
pub fn without_times(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let in_word = at > 0 && chars.get(at - 1).is_some_and(|before| before.is_alphanumeric() || *before == '_');
        let length = if c.is_ascii_digit() && !in_word { time_at(&chars[at..]) } else { 0 };
        if length == 0 {
            out.push(c);
            at += 1;
        } else {
            out.push_str("<time>");
            at += length;
        }
    }
    // `1 min 20 s` and `43 ms` are the same but for time
    while out.contains("<time> <time>") {
        out = out.replace("<time> <time>", "<time>");
    }
    out
}

/// How many characters of a time or a duration stand here.
fn time_at(chars: &[char]) -> usize {
    let matches = |pattern: &str| {
        pattern.chars().zip(chars).filter(|(p, c)| if *p == '9' { c.is_ascii_digit() } else { p == *c }).count()
            == pattern.chars().count()
    };
    let digits_from = |start: usize| chars.iter().skip(start).take_while(|c| c.is_ascii_digit()).count();
    if matches("9999-99-99T99:99:99") || matches("9999-99-99 99:99:99") {
        let mut end = 19;
        if chars.get(end) == Some(&'.') {
            end += 1 + digits_from(end + 1);
        }
        if chars.get(end) == Some(&'Z') {
            end += 1;
        }
        return end;
    }
    let mut end = digits_from(0);
    if chars.get(end) == Some(&'.') && digits_from(end + 1) > 0 {
        end += 1 + digits_from(end + 1);
    }
    if chars.get(end) != Some(&' ') {
        return 0;
    }
    let unit: String = chars.iter().skip(end + 1).take_while(|c| c.is_alphabetic() || **c == 'µ').collect();
    if ["ns", "µs", "ms", "s", "min", "h", "d"].contains(&unit.as_str()) { end + 1 + unit.chars().count() } else { 0 }
}

fn difference(found: &State, expected: &State) -> String {
    let mut text = String::new();
    let paths: BTreeSet<&String> = found.files.keys().chain(expected.files.keys()).collect();
    for path in paths {
        match (found.files.get(path), expected.files.get(path)) {
            (Some(found), Some(expected)) if found != expected => {
                text.push_str(&format!("--- {path}\n"));
                for (found, expected) in found.lines().zip(expected.lines()).filter(|(a, b)| a != b) {
                    text.push_str(&format!("found:    {found}\nexpected: {expected}\n"));
                }
                if found.lines().count() != expected.lines().count() {
                    text.push_str(&format!("--- whole:\n{found}\n"));
                }
            }
            (Some(found), None) => text.push_str(&format!("--- not expected: {path}\n{found}\n")),
            (None, Some(_)) => text.push_str(&format!("--- missing: {path}\n")),
            _ => {}
        }
    }
    text.push_str(&format!("--- runs\nfound:    {:?}\nexpected: {:?}\n", found.runs, expected.runs));
    text
}

/// A C program of this suite, compiled once.
#[cfg(target_os = "linux")]
fn helper(name: &str, source: &Path) -> PathBuf {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    // tests in processes of their own compile it at once: each sees a whole program
    let own = out.with_extension(std::process::id().to_string());
    let compiled =
        std::process::Command::new("cc").args(["-O1", "-o"]).arg(&own).arg(source).output().expect("a C compiler");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    fs::rename(own, &out).expect("the helper in its place");
    out
}

/// How [`cut`] ended.
#[cfg(target_os = "linux")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Before the call.
    Off,
    /// The program made fewer calls and ended by itself.
    Through,
}

/// Runs `wo` and cuts it off before its `n`-th call that changes a file system (see `cut.c`); `mount` is shut down first.
#[cfg(target_os = "linux")]
#[track_caller]
pub fn cut(scene: &Scene, args: &[&str], n: usize, mount: Option<&Path>) -> (Cut, Vec<String>) {
    let (code, said, calls) = disturbed(scene, args, n, mount.map_or(std::ffi::OsStr::new("-"), Path::as_os_str));
    match code {
        Some(250) => (Cut::Off, calls),
        Some(0 | 1) => (Cut::Through, calls),
        other => panic!("cut {n} of {args:?}: {other:?}\n{said}\n{calls:?}"),
    }
}

/// Runs `wo`, whose `n`-th call that changes a file system fails with `errno`: its exit code, what it said, its calls.
#[cfg(target_os = "linux")]
pub fn failing(scene: &Scene, args: &[&str], n: usize, errno: rustix::io::Errno) -> (Option<i32>, String, Vec<String>) {
    disturbed(scene, args, n, std::ffi::OsStr::new(&format!("errno:{}", errno.raw_os_error())))
}

#[cfg(target_os = "linux")]
fn disturbed(scene: &Scene, args: &[&str], n: usize, how: &std::ffi::OsStr) -> (Option<i32>, String, Vec<String>) {
    use std::process::{Command, Stdio};
    use std::sync::OnceLock;

    static HELPER: OnceLock<PathBuf> = OnceLock::new();
    let source = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/torture/cut.c"));
    let helper = HELPER.get_or_init(|| helper("cut", source));
    let log = tempfile::NamedTempFile::new().expect("a log");
    let inner = scene.command(args);
    let mut command = Command::new(helper);
    command.arg(n.to_string()).arg(log.path()).arg(how);
    command.arg(inner.get_program()).args(inner.get_args());
    command.env_clear().envs(inner.get_envs().filter_map(|(key, value)| Some((key, value?))));
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.current_dir(scene.dir()).stdin(Stdio::null());
    let output = command.output().expect("cut");
    let calls = fs::read_to_string(log.path()).expect("the log").lines().map(str::to_owned).collect();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (output.status.code(), said.into_owned(), calls)
}

#[test]
fn times_are_taken_out_and_nothing_else() {
    for (text, expect) in [
        ("at 2026-11-24T21:49:57.934692725Z.", "at <time>."),
        ("2026-11-24 21:49:57 +00:00", "<time> +00:00"),
        ("**Duration:** 2 ms", "**Duration:** <time>"),
        ("1 min 20 s", "<time>"),
        ("1 lines, 2 steps, WO-1 2 files", "1 lines, 2 steps, WO-1 2 files"),
        ("sha256 ab12 s", "sha256 ab12 s"),
        ("3.25 s", "<time>"),
    ] {
        assert_eq!(without_times(text), expect);
    }
}

#[test]
fn two_undisturbed_runs_end_alike() {
    for story in stories() {
        assert_eq!(Ground::finals(&story), Ground::finals(&story), "{}", story.name);
    }
}

/// So that none of the stories passes for a reason of its own.
#[test]
fn the_stories_end_as_they_are_told() {
    let ends: Vec<String> = stories()
        .iter()
        .map(|story| {
            let outcomes: Vec<String> = Ground::finals(story)[0]
                .runs
                .iter()
                .filter_map(|run| Some(run.rsplit_once("\"outcome\":\"")?.1.trim_end_matches("\"}").to_owned()))
                .collect();
            format!("{}: {}", story.name, outcomes.join(" "))
        })
        .collect();
    assert_eq!(
        ends,
        [
            "an order that ends done: done",
            "an order that fails and is undone: failed",
            "an order whose step waits: done",
            "an order that waits for another: done done",
            "drops that are rejected: rejected",
            "the same order again: done",
            "a new revision of an order: done done",
            "a retry: failed failed",
            "a cancel: cancelled",
            "an answer to an uncertain step: done",
            "an approval: done",
            "an uncertain step that is applied again: done",
            "an uncertain step that is not as a person says: failed",
            "an order that was approved: done",
            "a second attempt: failed failed",
        ]
    );
}
