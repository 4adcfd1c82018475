//! Set-up scripts and service templates, run as a person would run them, each in a folder of its own.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{self, Ran};

/// A folder that holds a copy of `scripts/setup.sh`, a cache and a PATH of its own.
struct Setup {
    dir: tempfile::TempDir,
}

impl Setup {
    fn new() -> Setup {
        let dir = tempfile::Builder::new().prefix("wo setup räume ๒ ").tempdir().expect("a folder");
        for made in ["clone/scripts", "cache", "bin"] {
            fs::create_dir_all(dir.path().join(made)).expect("folders");
        }
        fs::copy(repository("scripts/setup.sh"), dir.path().join("clone/scripts/setup.sh")).expect("the script");
        let setup = Setup { dir };
        // the programs that any machine has, and no npm
        for name in [
            "bash",
            "uname",
            "cat",
            "mkdir",
            "mktemp",
            "rm",
            "mv",
            "cut",
            "dirname",
            "tar",
            "gzip",
            "sha512sum",
            "shasum",
        ] {
            let found = workbridge::process::find_on_path(name, &std::env::var("PATH").expect("a PATH"));
            if let Some(found) = found {
                symlink(found, setup.path("bin").join(name)).expect("a link");
            }
        }
        setup
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    /// An `npm` that packs a file with these bytes, whatever it is asked for.
    fn with_npm_that_packs(self, bytes: &str) -> Setup {
        let npm = self.path("bin/npm");
        let script = format!(
            "#!/usr/bin/env bash\n[ \"$1\" = pack ] || exit 1\nname=\"${{3#@}}\"; name=\"${{name/\\//-}}\"\n\
             printf '%s' '{bytes}' >\"${{name/@/-}}.tgz\"\n"
        );
        fs::write(&npm, script).expect("npm");
        fs::set_permissions(&npm, fs::Permissions::from_mode(0o755)).expect("its mode");
        self
    }

    fn run(&self) -> Ran {
        let mut command = Command::new(self.path("bin/bash"));
        command.arg(self.path("clone/scripts/setup.sh")).env_remove("DUCKDB_LIB_DIR").env_remove("WO_BUNDLED_DUCKDB");
        command.env("PATH", self.path("bin")).env("XDG_CACHE_HOME", self.path("cache"));
        support::run(command, b"")
    }

    fn features(&self) -> String {
        fs::read_to_string(self.path("clone/third_party/features")).unwrap_or_default().trim().to_owned()
    }
}

fn repository(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

#[test]
fn without_npm_set_up_compiles_duckdb_and_says_how_long_that_takes() {
    let setup = Setup::new();
    setup.run().expect_exit(0).expect_stderr("npm is missing").expect_stderr("42 CPU-minutes");
    assert_eq!(setup.features(), "bundled-duckdb");
}

#[test]
fn a_library_with_another_checksum_is_refused_and_nothing_of_it_is_used() {
    let setup = Setup::new().with_npm_that_packs("not the library");
    for _ in 0..2 {
        let ran = setup.run();
        assert!(ran.status.code().is_some_and(|code| code != 0), "{ran}");
        ran.expect_stderr("its sha512 is not the pinned one").expect_stderr("hint:");
        assert_eq!(setup.features(), "", "no other way is taken by itself");
        let found = fs::read_dir(setup.path("clone/third_party")).expect("third_party").count();
        assert_eq!(found, 0, "nothing was unpacked");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_side_car_carries_libduckdb_and_finds_it_beside_itself() {
    let mut command = Command::new("ldd");
    // no help from the environment of this test
    command.arg(support::wo_sql()).env_remove("LD_LIBRARY_PATH");
    let ran = support::run(command, b"").expect_exit(0);
    let line = ran.stdout.lines().find(|line| line.contains("libduckdb"));
    if cfg!(feature = "bundled-duckdb") {
        assert_eq!(line, None, "{ran}");
    } else {
        let beside = support::wo_sql().parent().expect("a folder").join("libduckdb.so");
        let line = line.unwrap_or_else(|| panic!("libduckdb expected: {ran}"));
        assert!(line.contains(&beside.display().to_string()), "{line}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_unit_for_systemd_names_program_and_root_whatever_their_names_hold() {
    let dir = tempfile::Builder::new().prefix("wo & 100% räume ๒ ").tempdir().expect("a folder");
    let root = dir.path().canonicalize().expect("the root");
    let mut command = Command::new("bash");
    command.arg(repository("scripts/install-service.sh")).arg("--print").arg(&root).arg(support::wo());
    let ran = support::run(command, b"").expect_exit(0);
    let settings: BTreeMap<&str, &str> = ran.stdout.lines().filter_map(|line| line.split_once('=')).collect();
    let doubled = root.display().to_string().replace('%', "%%");
    let start = format!("\"{}\" --root \"{doubled}\" up", support::wo().display());
    assert_eq!(settings.get("ExecStart"), Some(&start.as_str()), "{ran}");
    assert_eq!(settings.get("WorkingDirectory"), Some(&doubled.as_str()), "{ran}");
    assert!(!ran.stdout.contains("@ROOT@") && !ran.stdout.contains("@WO@"), "{ran}");
}

#[test]
fn the_plist_template_is_a_plist_that_keeps_the_daemon_alive() {
    let value = plist::Value::from_file(repository("launchd/com.02luka.workbridge.plist")).expect("a plist");
    let dictionary = value.as_dictionary().expect("a dictionary");
    let get = |key: &str| dictionary.get(key).unwrap_or_else(|| panic!("{key} is missing"));
    assert_eq!(get("Label").as_string(), Some("com.02luka.workbridge"));
    assert_eq!(get("KeepAlive").as_boolean(), Some(true));
    let arguments: Vec<_> =
        get("ProgramArguments").as_array().expect("argv").iter().filter_map(|arg| arg.as_string()).collect();
    assert_eq!(arguments, ["@WO@", "--root", "@ROOT@", "up"]);
}
