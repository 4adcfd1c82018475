//! A file system that runs out of space or inodes when a test says so.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system in memory over a folder of a scene.
pub struct Tmpfs(PathBuf);

impl Tmpfs {
    /// `Err` where this machine does not allow it.
    pub fn over(dir: &Path, options: &str) -> Result<Tmpfs, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("mounting needs root".to_owned());
        }
        let output = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(dir).output();
        let output = output.expect("mount");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        match output.status.success() {
            true => Ok(Tmpfs(dir.to_owned())),
            false if text.contains("permission") || text.contains("permitted") => Err(text),
            false => panic!("mount: {text}"),
        }
    }

    pub fn remount(&self, options: &str) {
        let mounted = Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(&self.0).status();
        assert!(mounted.expect("mount").success(), "remount {options}");
    }

    /// Takes every byte.
    pub fn fill(&self) {
        let mut filler = fs::File::create(self.0.join(".filler")).expect("a filler");
        let mut size = 64 * 1024;
        while size > 0 {
            if filler.write_all(&vec![0; size]).is_err() {
                size /= 2;
            }
        }
    }

    /// Takes every inode.
    pub fn fill_inodes(&self) {
        fs::create_dir(self.0.join(".fillers")).expect("a folder of fillers");
        for n in 0.. {
            if fs::File::create(self.0.join(format!(".fillers/{n}"))).is_err() {
                return;
            }
        }
    }

    pub fn free(&self) {
        let _ = fs::remove_file(self.0.join(".filler"));
        let _ = fs::remove_dir_all(self.0.join(".fillers"));
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
