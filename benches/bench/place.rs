//! A scratch root on the file system of the build (fsync costs nothing on a tmpfs), and a daemon in it.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const CONFIG: &str = "[services]\nmanager = \"embedded\"\n[monitor]\nenabled = false\n[web]\nenabled = false\n";
/// Nothing here takes longer; a bench that hangs must end.
const PATIENCE: Duration = Duration::from_secs(900);

pub struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    pub fn new(more_config: &str) -> Result<Place, Box<dyn Error>> {
        let dir = tempfile::Builder::new().prefix("wo bench ").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let place = Place { dir };
        for made in ["bridge/inbox/CLC", "bridge/outbox/CLC", "bridge/archive/CLC", "floor"] {
            fs::create_dir_all(place.path(made))?;
        }
        fs::write(place.path("wo.toml"), format!("{CONFIG}{more_config}"))?;
        Ok(place)
    }

    pub fn root(&self) -> &Path {
        self.dir.path()
    }

    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root().join(relative)
    }

    pub fn wo(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wo"));
        command.args(args).current_dir(self.root()).stdin(Stdio::null()).stdout(Stdio::null()).env("WO_PROBE", "1");
        command
    }

    /// `wo up`, once it holds the bridge.
    pub fn up(&self) -> Result<Daemon, Box<dyn Error>> {
        let log = fs::File::create(self.path("up.log"))?;
        let child = self.wo(&["up"]).stderr(log).spawn()?;
        let mut daemon = Daemon(child);
        let pid = format!("\"pid\":{}", daemon.0.id());
        wait_for(|| {
            if let Some(status) = daemon.0.try_wait()? {
                return Err(format!("wo up: {status}: {}", fs::read_to_string(self.path("up.log"))?).into());
            }
            Ok(fs::read_to_string(self.path("bridge/state/lock")).is_ok_and(|text| text.contains(&pid)))
        })?;
        Ok(daemon)
    }
}

/// Ends when it is dropped.
pub struct Daemon(pub Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Looks again and again, every 50 µs, so that what is waited for is hardly late.
pub fn wait_for(mut condition: impl FnMut() -> Result<bool, Box<dyn Error>>) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    while !condition()? {
        if start.elapsed() > PATIENCE {
            return Err("what was waited for never came".into());
        }
        std::thread::sleep(Duration::from_micros(50));
    }
    Ok(())
}
