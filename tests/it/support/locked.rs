//! What can't be written to, whoever asks.

use std::path::{Path, PathBuf};

/// A folder that nobody can write to, until this is dropped; for root also a file that nobody can replace.
pub struct Locked(PathBuf);

impl Locked {
    pub fn new(dir: PathBuf) -> Locked {
        change(&dir, "+i", 0o555);
        Locked(dir)
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        change(&self.0, "-i", 0o755);
    }
}

fn change(dir: &Path, attribute: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    if rustix::process::geteuid().is_root() {
        let _ = std::process::Command::new("chattr").arg(attribute).arg(dir).status();
    } else {
        std::fs::set_permissions(dir, std::fs::Permissions::from_mode(mode)).expect("the mode");
    }
}

/// Whether this user, who is root, can lock anything.
pub fn makes_immutable() -> bool {
    let dir = tempfile::tempdir().expect("a folder");
    let _locked = Locked::new(dir.path().to_owned());
    std::fs::write(dir.path().join("file"), "").is_err()
}
