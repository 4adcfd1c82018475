//! A launchd of a test's own: the stand-in `examples/launchctl/` with its state in a temporary folder, or, with
//! `WO_TEST_LAUNCHCTL=real` on macOS, the session's own. Whatever was loaded is booted out when it is dropped.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Ran, run, wo};

pub struct TestLaunchd {
    dir: tempfile::TempDir,
    launchctl: PathBuf,
}

impl TestLaunchd {
    pub fn new() -> TestLaunchd {
        let dir = tempfile::Builder::new().prefix("wo launchd ตัวแทน ").tempdir().expect("a temporary folder");
        fs::create_dir_all(dir.path().join("LaunchAgents")).expect("LaunchAgents");
        if is_real() {
            return TestLaunchd { dir, launchctl: "/bin/launchctl".into() };
        }
        let program = wo().parent().expect("the folder of wo").join("examples/launchctl");
        assert!(program.is_file(), "{} is missing: `cargo build --examples` first", program.display());
        let launchctl = dir.path().join("launchctl");
        // the state and the owner, which a job's clean environment lacks
        let text = format!(
            "#!/bin/sh\n\
             [ \"$1\" = bootstrap ] && [ -e '{refused}' ] && grep -q -f '{refused}' \"$3\" && \
             {{ echo 'Bootstrap failed: 5: Input/output error' >&2; exit 5; }}\n\
             [ \"$1\" = bootstrap ] && [ -e '{arrivals}' ] && . '{arrivals}'\n\
             [ \"$1\" = list ] && [ -s '{unanswered}' ] && sed 1d '{unanswered}' > '{unanswered}.rest' && \
             mv '{unanswered}.rest' '{unanswered}' && {{ echo 'Could not connect' >&2; exit 42; }}\n\
             LAUNCHCTL_STATE='{}' LAUNCHCTL_OWNER={} LAUNCHCTL_THROTTLE_MS=50 exec '{}' \"$@\"\n",
            dir.path().join("state").display(),
            std::process::id(),
            program.display(),
            arrivals = dir.path().join("arrivals").display(),
            refused = dir.path().join("refused").display(),
            unanswered = dir.path().join("unanswered").display(),
        );
        let temporary = dir.path().join("launchctl.tmp");
        fs::write(&temporary, text).expect("a launchctl");
        fs::set_permissions(&temporary, fs::Permissions::from_mode(0o755)).expect("its mode");
        fs::rename(temporary, &launchctl).expect("its name");
        TestLaunchd { dir, launchctl }
    }

    /// From now on a bootstrap of a plist with a line that matches `pattern` is refused; only the stand-in can.
    pub fn refuse(&self, pattern: &str) {
        fs::write(self.dir.path().join("refused"), format!("{pattern}\n")).expect("what is refused");
    }

    /// Each bootstrap moves the file `from` to `to` first, as if it arrived just then; only the stand-in can.
    pub fn let_arrive(&self, from: &Path, to: &Path) {
        let text = format!("mv \"{}\" \"{}\"\n", from.display(), to.display());
        fs::write(self.dir.path().join("arrivals"), text).expect("what arrives");
    }

    /// The next `times` questions for what is loaded get no answer; only the stand-in can.
    pub fn leave_unanswered(&self, times: usize) {
        fs::write(self.dir.path().join("unanswered"), "one\n".repeat(times)).expect("what is not answered");
    }

    /// A label that no other test uses: the real launchd is shared.
    pub fn label(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        format!("com.02luka.test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// The `[services]` section that makes `wo` use it.
    pub fn config(&self) -> String {
        let text = |path: &Path| toml_string(&path.display().to_string());
        format!(
            "[services]\nmanager = \"launchd\"\nlaunchctl = {}\nlaunch_agents = {}\n",
            text(&self.launchctl),
            text(&self.agents())
        )
    }

    pub fn agents(&self) -> PathBuf {
        self.dir.path().join("LaunchAgents")
    }

    /// Where the stand-in keeps its state.
    pub fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    pub fn domain(&self) -> String {
        format!("gui/{}", rustix::process::getuid().as_raw())
    }

    /// Runs `launchctl` itself.
    #[track_caller]
    pub fn launchctl<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Ran {
        let mut command = Command::new(&self.launchctl);
        command.args(args);
        run(command, b"")
    }
}

/// Whether the tests run against macOS's own launchd.
pub fn is_real() -> bool {
    std::env::var("WO_TEST_LAUNCHCTL").is_ok_and(|which| which == "real")
}

impl Drop for TestLaunchd {
    fn drop(&mut self) {
        let entries = fs::read_dir(self.agents()).into_iter().flatten().flatten();
        for name in entries.filter_map(|entry| entry.file_name().into_string().ok()) {
            if let Some(label) = name.strip_suffix(".plist") {
                let target = format!("{}/{label}", self.domain());
                let _ = Command::new(&self.launchctl).args(["bootout", &target]).output();
            }
        }
    }
}

fn toml_string(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
