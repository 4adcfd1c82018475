//! Services: every lint finding in a broken and a mended plist, every cause of a failed start.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use plist::{Dictionary, Value};
use workbridge::services::explain::explain;
use workbridge::services::job::{Cause, CauseKind, Job, causes};
use workbridge::services::lint::{Finding, Rule, lint_file};

const LABEL: &str = "com.02luka.analytics.parquet";

/// A job whose plist is as it should be.
struct Good {
    _dir: tempfile::TempDir,
    root: PathBuf,
}

fn good() -> Good {
    let dir = tempfile::Builder::new().prefix("wo services บริการ ").tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    fs::create_dir_all(root.join("g/logs")).unwrap();
    fs::create_dir_all(root.join("run")).unwrap();
    script(&root.join("run/exporter.cjs"), "#!/usr/bin/env sh\nexit 0\n", 0o755);
    Good { _dir: dir, root }
}

fn script(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn texts(values: &[&str]) -> Value {
    Value::Array(values.iter().map(|value| Value::String((*value).to_owned())).collect())
}

fn map(pairs: &[(&str, Value)]) -> Value {
    Value::Dictionary(pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
}

fn text(value: impl ToString) -> Value {
    Value::String(value.to_string())
}

impl Good {
    fn path(&self, relative: &str) -> String {
        self.root.join(relative).display().to_string()
    }

    fn plist(&self) -> Dictionary {
        let log = text(self.path("g/logs/parquet_exporter.log"));
        let entry = map(&[("Hour", Value::Integer(2.into())), ("Minute", Value::Integer(30.into()))]);
        let pairs = [
            ("Label", text(LABEL)),
            ("ProgramArguments", texts(&[&self.path("run/exporter.cjs"), "--all"])),
            ("WorkingDirectory", text(self.root.display())),
            ("EnvironmentVariables", map(&[("PATH", text("/usr/bin:/bin"))])),
            ("StartCalendarInterval", entry),
            ("StandardOutPath", log.clone()),
            ("StandardErrorPath", log),
        ];
        pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    fn file(&self) -> PathBuf {
        self.root.join(format!("{LABEL}.plist"))
    }

    fn lint(&self, root: &Dictionary) -> Vec<Finding> {
        self.lint_with(|out| Value::Dictionary(root.clone()).to_writer_xml(out).unwrap())
    }

    fn lint_with(&self, write: impl FnOnce(&mut Vec<u8>)) -> Vec<Finding> {
        let mut bytes = Vec::new();
        write(&mut bytes);
        script(&self.file(), "", 0o644);
        fs::write(self.file(), bytes).unwrap();
        lint_file(&self.file()).unwrap()
    }

    /// Exactly these rules are broken by the change, each with a cure, and the mended plist has none.
    #[track_caller]
    fn breaks(&self, change: impl FnOnce(&mut Dictionary), rules: &[Rule]) -> String {
        let mut root = self.plist();
        change(&mut root);
        let findings = self.lint(&root);
        let mut found: Vec<Rule> = findings.iter().map(|finding| finding.rule).collect();
        found.sort();
        let mut wanted = rules.to_vec();
        wanted.sort();
        assert_eq!(found, wanted, "{findings:#?}");
        assert!(findings.iter().all(|finding| !finding.cure.is_empty() && !finding.message.is_empty()));
        assert_eq!(self.lint(&self.plist()), []);
        findings.into_iter().map(|finding| finding.message + "\n").collect()
    }

    #[track_caller]
    fn breaks_by(&self, key: &str, value: Value, rules: &[Rule]) -> String {
        self.breaks(|root| drop(root.insert(key.to_owned(), value)), rules)
    }

    fn job(&self) -> Job {
        Job::of_plist(&self.plist())
    }
}

#[test]
fn a_plist_as_it_should_be_has_no_findings_as_xml_and_as_binary() {
    let good = good();
    assert_eq!(good.lint(&good.plist()), []);
    assert_eq!(good.lint_with(|out| Value::Dictionary(good.plist()).to_writer_binary(out).unwrap()), []);
}

#[test]
fn what_is_no_plist_is_said_with_its_line() {
    let good = good();
    let mut xml = Vec::new();
    Value::Dictionary(good.plist()).to_writer_xml(&mut xml).unwrap();
    let raw = String::from_utf8(xml).unwrap().replace("--all", "cd /x && node y");
    let line = raw.lines().position(|line| line.contains("&&")).unwrap() + 1;
    let findings = good.lint_with(|out| out.extend(raw.bytes()));
    assert_eq!(findings.iter().map(|finding| finding.rule).collect::<Vec<_>>(), [Rule::NotAPlist]);
    assert!(findings[0].message.contains(&format!("line {line} has a raw `&`")), "{findings:?}");
    assert_eq!(good.lint_with(|out| out.extend(raw.replace("&&", "&amp;&amp;").bytes())), []);
    for bytes in
        [&b"bplist00"[..], b"", b"#!/bin/sh\n", b"\xff\xfe\x00", b"<plist><dict><key>Label</key></dict></plist>"]
    {
        let findings = good.lint_with(|out| out.extend(bytes));
        assert_eq!(findings.iter().map(|finding| finding.rule).collect::<Vec<_>>(), [Rule::NotAPlist], "{bytes:?}");
    }
    assert!(lint_file(&good.root).is_err());
    assert!(lint_file(&good.root.join("none.plist")).is_err());
}

#[test]
fn paths() {
    let good = good();
    for (key, value) in [
        ("WorkingDirectory", "~/02luka"),
        ("StandardOutPath", "$HOME/02luka/g/logs/x.log"),
        ("StandardErrorPath", "${HOME}/x.log"),
    ] {
        let said = good.breaks_by(key, text(value), &[Rule::Unexpanded]);
        assert!(said.contains(key), "{said}");
    }
    good.breaks_by("ProgramArguments", texts(&["~/02luka/run/x"]), &[Rule::Unexpanded]);
    good.breaks_by("ProgramArguments", texts(&[&good.path("run/exporter.cjs"), "--out=$HOME/x"]), &[Rule::Unexpanded]);
    good.breaks_by("EnvironmentVariables", map(&[("PATH", text("/usr/bin:/bin:$HOME/bin"))]), &[Rule::Unexpanded]);
    // a shell expands what it is given
    good.breaks_by("ProgramArguments", texts(&["/bin/sh", "-c", "cd ~/02luka && exec node $HOME/x"]), &[]);
    good.breaks_by("StandardOutPath", text("g/logs/x.log"), &[Rule::RelativePath]);
    good.breaks_by("WorkingDirectory", text("02luka"), &[Rule::RelativePath]);
    good.breaks_by("ProgramArguments", texts(&["run/exporter.cjs"]), &[Rule::RelativePath]);
    good.breaks_by("WorkingDirectory", text(good.path("gone")), &[Rule::MissingPath]);
    good.breaks_by("ProgramArguments", texts(&[&good.path("run/none.cjs")]), &[Rule::MissingPath]);
    good.breaks_by("ProgramArguments", texts(&["/bin/sh", &good.path("run/none.sh")]), &[Rule::MissingPath]);
    let said = good.breaks_by("ProgramArguments", texts(&["no-such-program"]), &[Rule::MissingPath]);
    assert!(said.contains("not on the job's PATH (/usr/bin:/bin)"), "{said}");
    good.breaks_by("ProgramArguments", texts(&["sh", "-c", "exec x"]), &[]);
    good.breaks_by("StandardErrorPath", text(good.path("g/none/x.log")), &[Rule::LogFolderMissing]);
    good.breaks_by("StandardErrorPath", text(good.path("g/logs")), &[Rule::LogNotWritable]);
    good.breaks(|root| drop(root.remove("ProgramArguments")), &[Rule::ProgramMissing]);
}

#[test]
fn programs() {
    let good = good();
    script(&good.root.join("run/plain.cjs"), "#!/bin/sh\n", 0o644);
    good.breaks_by("ProgramArguments", texts(&[&good.path("run/plain.cjs")]), &[Rule::NotExecutable]);
    script(&good.root.join("run/odd.cjs"), "#!/no/such/interpreter\n", 0o755);
    good.breaks_by("ProgramArguments", texts(&[&good.path("run/odd.cjs")]), &[Rule::BadInterpreter]);
}

#[test]
fn masked_exit_statuses() {
    let good = good();
    for command in ["cd /x && node y.cjs || true", "node y.cjs; exit 0", "node y.cjs || exit 0"] {
        good.breaks_by("ProgramArguments", texts(&["/bin/bash", "-lc", command]), &[Rule::ExitStatusMasked]);
    }
    good.breaks_by("ProgramArguments", texts(&["/bin/sh", "-c", "cd /x && exec node y.cjs"]), &[]);
}

#[test]
fn secrets_are_found_and_never_shown() {
    let good = good();
    let program = good.path("run/exporter.cjs");
    for arguments in [vec![&*program, "--password", "hunter2"], vec![&*program, "redis://:hunter2@127.0.0.1:6379/0"]] {
        let said = good.breaks_by("ProgramArguments", texts(&arguments), &[Rule::SecretInPlist]);
        assert!(!said.contains("hunter2"), "{said}");
    }
    for (name, value) in [("REDIS_PASSWORD", "hunter2"), ("REDIS_URL", "redis://default:hunter2@127.0.0.1")] {
        let said = good.breaks_by("EnvironmentVariables", map(&[(name, text(value))]), &[Rule::SecretInPlist]);
        assert!(said.contains(name) && !said.contains("hunter2"), "{said}");
    }
    good.breaks_by("EnvironmentVariables", map(&[("REDIS_PASSWORD_FILE", text("/etc/hosts"))]), &[]);
}

#[test]
fn labels_keys_and_values() {
    let good = good();
    good.breaks_by("Label", text("com.02luka.parquet"), &[Rule::LabelUnlikeFileName]);
    good.breaks(|root| drop(root.remove("Label")), &[Rule::LabelMissing]);
    let said = good.breaks_by("Keepalive", Value::Boolean(true), &[Rule::UnknownKey]);
    assert!(said.contains("`Keepalive`"));
    good.breaks_by("RunAtLoad", text("true"), &[Rule::BadValue]);
    good.breaks_by("StartInterval", text("3600"), &[Rule::BadValue]);
    good.breaks_by("StartCalendarInterval", map(&[("Hour", text("2"))]), &[Rule::BadValue]);
    good.breaks_by("StartCalendarInterval", map(&[("Hour", Value::Integer(24.into()))]), &[Rule::BadValue]);
}

#[test]
fn schedules() {
    let good = good();
    good.breaks(|root| drop(root.remove("StartCalendarInterval")), &[Rule::NoSchedule]);
    let only = |root: &mut Dictionary, key: &str, value: Value| {
        root.remove("StartCalendarInterval");
        root.insert(key.to_owned(), value);
    };
    good.breaks(|root| only(root, "StartInterval", Value::Integer(300.into())), &[Rule::ShortInterval]);
    good.breaks(|root| only(root, "StartInterval", Value::Integer(600.into())), &[]);
    good.breaks(|root| only(root, "KeepAlive", Value::Boolean(true)), &[]);
    good.breaks(|root| only(root, "KeepAlive", Value::Boolean(false)), &[Rule::NoSchedule]);
    good.breaks(|root| only(root, "RunAtLoad", Value::Boolean(true)), &[]);
    good.breaks_by("KeepAlive", Value::Boolean(true), &[Rule::KeepAliveWithCalendar]);
    good.breaks_by("KeepAlive", map(&[("SuccessfulExit", Value::Boolean(false))]), &[Rule::KeepAliveWithCalendar]);
    good.breaks_by("KeepAlive", Value::Boolean(false), &[]);
    let three = || Value::Integer(3.into());
    for (entry, rules) in [
        (vec![("Hour", three())], &[Rule::EveryMinute][..]),
        (vec![("Weekday", three())], &[Rule::EveryMinute]),
        (vec![("Hour", three()), ("Minute", three())], &[]),
        (vec![("Minute", three())], &[]),
        (vec![], &[]),
    ] {
        good.breaks_by("StartCalendarInterval", map(&entry), rules);
    }
    good.breaks_by("Disabled", Value::Boolean(true), &[Rule::Disabled]);
}

#[test]
fn a_plist_that_others_can_write() {
    let good = good();
    assert_eq!(good.lint(&good.plist()), []);
    for mode in [0o666, 0o664] {
        fs::set_permissions(good.file(), fs::Permissions::from_mode(mode)).unwrap();
        let findings = lint_file(&good.file()).unwrap();
        assert_eq!(findings.iter().map(|finding| finding.rule).collect::<Vec<_>>(), [Rule::WritableByOthers]);
        assert!(findings[0].message.contains(&format!("{mode:o}")));
    }
    fs::set_permissions(good.file(), fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(lint_file(&good.file()).unwrap(), []);
}

#[track_caller]
fn found(job: &Job) -> Vec<(CauseKind, String)> {
    let found = |cause: Cause| (cause.found == Some(true)).then_some((cause.kind, cause.seen));
    causes(job).into_iter().filter_map(found).collect()
}

#[test]
fn each_cause_is_found_where_it_is_and_nowhere_else() {
    let good = good();
    let job = good.job();
    assert_eq!(found(&job), []);
    // every cause was looked at, and on this host all could be told
    let looked: Vec<CauseKind> = causes(&job).iter().map(|cause| cause.kind).collect();
    for kind in [
        CauseKind::LogFile,
        CauseKind::Program,
        CauseKind::WorkingDirectory,
        CauseKind::NotExecutable,
        CauseKind::Interpreter,
    ] {
        assert!(looked.contains(&kind), "{kind:?} in {looked:?}");
    }
    let check = |job: Job, kind: CauseKind, part: &str| {
        let explanation = explain(19968).tested(&job);
        let found: Vec<&Cause> = explanation.found().collect();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].kind, kind);
        assert!(found[0].seen.contains(part) && found[0].cure.is_some(), "{found:?}");
    };
    let path = |relative: &str| Some(good.root.join(relative));
    let program = |name: &str| Job { program: Some(name.to_owned()), arguments: vec![name.to_owned()], ..job.clone() };
    check(Job { stdout: path("g/none/x.log"), ..job.clone() }, CauseKind::LogFolder, "is missing");
    check(Job { stdout: path("run/exporter.cjs/x.log"), ..job.clone() }, CauseKind::LogFolder, "is missing");
    check(Job { working_directory: path("gone"), ..job.clone() }, CauseKind::WorkingDirectory, "is missing");
    check(program(&good.path("run/none")), CauseKind::Program, "is not there");
    check(program("no-such-program"), CauseKind::Program, "not on the job's PATH (/usr/bin:/bin)");
    script(&good.root.join("run/plain"), "#!/bin/sh\n", 0o644);
    check(program(&good.path("run/plain")), CauseKind::NotExecutable, "mode 644");
    check(program(&good.path("run")), CauseKind::NotExecutable, "is a folder");
    for (line, part) in [
        ("#!/no/such/node\n", "/no/such/node"),
        ("#!/bin/sh\r\n", "carriage return"),
        ("#!/usr/bin/env no-such-node\n", "not on the job's PATH"),
        ("#!node\n", "not an executable file"),
        ("#!\n", "names no interpreter"),
    ] {
        script(&good.root.join("run/odd"), line, 0o755);
        check(program(&good.path("run/odd")), CauseKind::Interpreter, part);
    }
    // the PATH that counts is the job's
    script(&good.root.join("run/odd"), "#!/usr/bin/env own-interpreter\n", 0o755);
    script(&good.root.join("run/own-interpreter"), "#!/bin/sh\n", 0o755);
    let mut own = program(&good.path("run/odd"));
    own.environment = [("PATH".to_owned(), format!("/usr/bin:{}", good.path("run")))].into();
    assert_eq!(found_kinds(&own), []);
    let shell = ["/bin/sh".to_owned(), good.path("run/none.sh")];
    check(
        Job { program: Some(shell[0].clone()), arguments: shell.to_vec(), ..job.clone() },
        CauseKind::Script,
        "is not there",
    );
    // what can't be written: whether this user can is what a real attempt says
    let locked = good.root.join("g/locked");
    fs::create_dir_all(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o555)).unwrap();
    let refused = fs::write(locked.join("probe"), "").is_err();
    let kinds = found_kinds(&Job { stdout: Some(locked.join("x.log")), ..job.clone() });
    assert_eq!(kinds, if refused { vec![CauseKind::LogFile] } else { vec![] });
    assert_eq!(found(&job), []);
}

fn found_kinds(job: &Job) -> Vec<CauseKind> {
    found(job).into_iter().map(|(kind, _)| kind).collect()
}

/// Where `wo up` is the manager, nothing can keep `wo up` alive; and what was never there is not booted out.
#[test]
fn the_embedded_schedule_takes_neither_itself_nor_leave_of_strangers() {
    let scene = crate::support::Scene::new();
    scene.wo(["services", "install"]).expect_exit(2).expect_stderr("can't keep it alive").expect_stderr("hint:");
    scene.wo(["jobs", "--json"]).expect_exit(0).expect_no_stdout("com.02luka.workbridge");
    scene
        .wo(["services", "uninstall", "com.02luka.nosuch"])
        .expect_exit(1)
        .expect_no_stdout("booted out")
        .expect_stderr("no such service");
}
