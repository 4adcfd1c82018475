//! What every command has in common: arguments, exit codes, output, and what the binaries are linked to.

use std::process::Command;

use crate::support::{self, Scene};

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
