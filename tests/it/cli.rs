//! What every command has in common: arguments, exit codes, output, and what the binaries are linked to.

use std::collections::BTreeMap;
use std::io::BufRead as _;
use std::process::Command;

use crate::support::{self, Scene, probe, wait_for};

#[test]
fn version_goes_to_stdout() {
    let expected = format!("wo {}", env!("CARGO_PKG_VERSION"));
    Scene::bare().wo(["--version"]).expect_exit(0).expect_stdout(&expected).expect_silent_stderr();
}

#[test]
fn wrong_arguments_exit_2_and_name_the_argument() {
    for args in [&["frobnicate"][..], &["--no-such-flag"], &["--root"], &[]] {
        let ran = Scene::new().wo(args).expect_exit(2);
        assert_eq!(ran.stdout, "", "{args:?}");
        assert!(ran.stderr.contains("--help") && args.iter().all(|arg| ran.stderr.contains(arg)), "{args:?}: {ran}");
    }
}

#[test]
fn an_empty_folder_is_no_root_and_says_how_to_make_one() {
    let scene = Scene::bare();
    scene
        .wo(["--root", "nowhere", "new", "verification"])
        .expect_exit(2)
        .expect_stderr("`nowhere`")
        .expect_stderr("wo init");
}

#[test]
fn init_makes_a_root_once_and_leaves_what_is_there() {
    let scene = Scene::bare();
    let first = scene.wo(["init", "--json"]).expect_exit(0).json();
    assert!(first["made"].as_array().unwrap().iter().any(|path| path == "wo.toml"), "{first}");
    let before = scene.tree(".");
    let second = scene.wo(["init", "--json"]).expect_exit(0).json();
    assert_eq!(second["made"], serde_json::json!([]));
    assert_eq!(scene.tree("."), before);
    assert!(scene.list("bridge/inbox/CLC").iter().all(|name| name == "templates"), "nothing waits to be run");
    scene.wo(["init", "wo.toml"]).expect_exit(2).expect_stderr("not a directory");
}

#[test]
fn a_flag_can_be_given_as_a_variable_in_the_words_that_people_use() {
    for (value, json) in [("1", true), ("true", true), ("yes", true), ("0", false), ("false", false), ("", false)] {
        let ran = Scene::bare().env("WO_JSON", value).wo(["init"]).expect_exit(0);
        assert_eq!(ran.stdout.starts_with('{'), json, "WO_JSON={value:?}: {ran}");
    }
}

/// A variable that is set for one command must not make another refuse it.
#[test]
fn each_argument_is_explained_and_each_variable_means_one_thing() {
    let command = workbridge::cli::command();
    let mut meant: BTreeMap<String, (String, Vec<String>)> = BTreeMap::new();
    let nested = command.get_subcommands().flat_map(|sub| std::iter::once(sub).chain(sub.get_subcommands()));
    for sub in nested.filter(|sub| sub.get_name() != "help") {
        for arg in sub.get_arguments().filter(|arg| !["help", "version"].contains(&arg.get_id().as_str())) {
            let shown = format!("wo {} --{}", sub.get_name(), arg.get_id());
            assert!(arg.get_help().is_some(), "{shown} has no help");
            let Some(variable) = arg.get_env() else { continue };
            let values: Vec<String> =
                arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
            let variable = variable.to_string_lossy().into_owned();
            let (first, known) = meant.entry(variable.clone()).or_insert_with(|| (shown.clone(), values.clone()));
            assert_eq!(values, *known, "{variable} of {first} and of {shown}");
        }
    }
}

#[test]
fn a_new_order_names_its_handler_and_an_unknown_one_is_refused_with_the_known() {
    let scene = Scene::bare();
    let ran = scene.wo(["new", "parquet-exporter", "--id", "WO-X"]).expect_exit(0).expect_stdout("id: WO-X");
    ran.expect_stdout("handler: parquet-exporter").expect_stdout("| File size | ≤ 5 MB |");
    scene.wo(["new", "parket"]).expect_exit(2).expect_stderr("`parket`").expect_stderr("parquet-exporter");
}

#[test]
fn what_new_and_init_write_is_clean_for_lint_and_goes_to_its_handler() {
    let scene = Scene::bare();
    scene.wo(["init"]).expect_exit(0);
    let lint = |scene: &Scene, order: &str, handler: &str| {
        let read = &scene.wo(["lint", "--json", order]).expect_exit(0).json()[0];
        assert_eq!(read["handler"]["name"], handler, "{read:#}");
        assert_eq!(read["findings"], serde_json::json!([]), "{handler}: {read:#}");
        for criterion in read["criteria"].as_array().expect("criteria") {
            assert!(criterion["binding"]["key"].is_string(), "{handler}: {criterion}");
        }
        read["criteria"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(lint(&scene, "examples/WO-251029-PARQUET-EXPORTER.md", "parquet-exporter"), 6);
    for handler in workbridge::handlers::all(&workbridge::config::Config::default()) {
        let name = handler.descriptor().name;
        let order = scene.wo(["new", name]).expect_exit(0).stdout;
        let files: Vec<&str> = order.lines().filter(|line| line.contains(". `")).collect();
        assert!(files.iter().all(|line| !line.contains('*') && !line.contains("`Library/")), "{name}: {files:?}");
        scene.write("new.md", order);
        assert_eq!(lint(&scene, "new.md", name), handler.descriptor().default_criteria.len(), "{name}");
    }
}

#[test]
fn completions_and_man_pages_know_the_commands() {
    let scene = Scene::bare();
    for shell in ["bash", "zsh", "fish"] {
        scene.wo(["completions", shell]).expect_exit(0).expect_stdout("completions").expect_silent_stderr();
    }
    scene.wo(["man"]).expect_exit(0).expect_stdout(".TH wo 1");
    scene.wo(["man", "--out-dir", "man pages"]).expect_exit(0);
    assert!(scene.list("man pages").contains(&"wo-init.1".to_owned()), "{:?}", scene.list("man pages"));
}

#[test]
fn output_into_a_closed_pipe_is_no_error() {
    let mut child = Scene::bare()
        .command(["completions", "bash"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // the reader is gone before the first byte
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
    assert!(ended.status.success(), "{}", ended.status);
}

/// Also where nothing more happens that it could print.
#[test]
fn a_log_that_is_followed_ends_with_its_reader() {
    let scene = Scene::new().env("WO_PROBE", "1").order("WO-1-PROBE.md", probe("WO-1-PROBE", ""));
    drop(scene.wo(["run"]).expect_exit(0));
    let mut child = scene
        .command(["log", "-f", "-n", "1"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("WO-1-PROBE#1"), "{line}");
    wait_for("`wo log -f` has ended", || child.try_wait().unwrap().is_some());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
    assert!(ended.status.success(), "{}", ended.status);
}

#[test]
fn help_fits_into_80_columns() {
    let command = workbridge::cli::command();
    let commands = command.get_subcommands().map(|sub| vec![sub.get_name(), "--help"]);
    for args in std::iter::once(vec!["--help"]).chain(commands.filter(|args| args[0] != "help")) {
        let ran = Scene::bare().env("COLUMNS", "80").wo(&args).expect_exit(0);
        for line in ran.stdout.lines() {
            assert!(line.chars().count() <= 80, "{args:?}: {line}");
        }
    }
}

#[test]
fn one_version_of_arrow_parquet_and_duckdb_is_locked() {
    let lock = include_str!("../../Cargo.lock");
    for name in ["arrow", "parquet", "duckdb"] {
        let line = format!("name = \"{name}\"");
        assert_eq!(lock.lines().filter(|l| *l == line).count(), 1, "versions of {name} in Cargo.lock");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn wo_is_not_linked_to_libduckdb() {
    let ran = support::run(with_arg("ldd", support::wo()), b"").expect_exit(0);
    assert!(ran.stdout.contains("libc.so"), "a listing expected: {ran}");
    ran.expect_no_stdout("duckdb");
}

#[cfg(target_os = "macos")]
#[test]
fn wo_is_not_linked_to_libduckdb() {
    let mut command = with_arg("otool", "-L");
    command.arg(support::wo());
    support::run(command, b"").expect_exit(0).expect_stdout("libSystem").expect_no_stdout("duckdb");
}

fn with_arg(program: &str, arg: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.arg(arg);
    command
}
