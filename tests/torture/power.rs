//! Power cuts: the root lies on ext4 on a loop device that is shut down, unflushed, before a call that changes something;
//! then it is mounted again, recovered and checked. What was not fsynced by then is gone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::ground::{CONFIG, Cut, Ground, State, Story, cut, full, loud, stories};
use crate::support::{Scene, wait_for};

/// An ext4 file system in a file, mounted.
pub struct Disk {
    // unmounted before its folders go
    mount: PathBuf,
    image: PathBuf,
    _dir: tempfile::TempDir,
}

impl Disk {
    /// `Err` where this machine does not allow it, with what stands in the way. Anything else that fails is a failure of the
    /// test: where loop devices exist, it must run.
    pub fn new() -> Result<Disk, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("mounting needs root".to_owned());
        }
        if !Path::new("/dev/loop-control").exists() {
            return Err("there are no loop devices (/dev/loop-control)".to_owned());
        }
        let dir = tempfile::Builder::new().prefix("wo-disk-").tempdir().expect("a folder");
        let disk = Disk { mount: dir.path().join("mount"), image: dir.path().join("image"), _dir: dir };
        fs::create_dir(&disk.mount).expect("the mount point");
        fs::File::create(&disk.image).and_then(|file| file.set_len(24 << 20)).expect("the image");
        let made = run("mkfs.ext4", &["-q", "-F", &disk.image.to_string_lossy()]);
        made.expect("mkfs.ext4 (install e2fsprogs)");
        match disk.mount() {
            Err(why) if why.contains("permission") || why.contains("permitted") => Err(format!("mounting: {why}")),
            other => {
                other.expect("a mount");
                Ok(disk)
            }
        }
    }

    pub fn path(&self) -> &Path {
        &self.mount
    }

    fn mount(&self) -> Result<(), String> {
        run("mount", &["-t", "ext4", "-o", "loop", &self.image.to_string_lossy(), &self.mount.to_string_lossy()])
    }

    fn unmount(&self) {
        // a killed process may hold it for a moment longer
        wait_for("the file system is let go of", || run("umount", &[&self.mount.to_string_lossy()]).is_ok());
    }

    /// What the next boot does.
    pub fn remount(&self) {
        self.unmount();
        self.mount().expect("the mount after the cut");
    }

    fn sync(&self) {
        run("sync", &["-f", &self.mount.to_string_lossy()]).expect("sync");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = run("umount", &["-l", &self.mount.to_string_lossy()]);
    }
}

fn run(program: &str, args: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(args).output().map_err(|error| format!("{program}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() { Ok(()) } else { Err(format!("{program} {args:?}: {text}")) }
}

/// Cuts the power before call `n` of the story's act.
fn cut_at(story: &Story, finals: &[State], n: usize) -> Cut {
    let disk = Disk::new().expect("a disk, as before");
    let scene = Scene::new_in(disk.path()).config(CONFIG).env("WO_PROBE", "1");
    let ground = Ground::prepare_in(scene, story);
    disk.sync();
    let (end, calls) = cut(&ground.scene, story.act, n, Some(disk.path()));
    if end == Cut::Off {
        disk.remount();
        let what = format!("{}, power cut before call {}", story.name, calls.last().expect("a call"));
        ground.recover_and_check(finals, &what);
    }
    drop(ground);
    end
}

#[test]
fn power_cuts() {
    if let Err(why) = Disk::new().map(drop) {
        loud(&format!("POWER CUTS DID NOT RUN: {why}"));
        return;
    }
    // two thirds over the order that ends done, the rest over every other story
    let total: usize = if full() { 300 } else { 15 };
    let stories = stories();
    let mut cuts = 0;
    for (index, story) in stories.iter().enumerate() {
        let wanted = if index == 0 { total * 2 / 3 } else { (total / 3).div_ceil(stories.len() - 1) };
        let finals = Ground::finals(story);
        let ground = Ground::prepare(story);
        let (_, calls) = cut(&ground.scene, story.act, 0, None);
        // the short form leaves out the making of the journal, where all cuts are alike
        let first = if full() { 0 } else { calls.len() / 3 };
        let mut hit = 0;
        // a run may make a call fewer than the one before; more cuts than calls begin anew
        for k in 0.. {
            let n = first + 1 + (k * (calls.len() - first) / wanted) % (calls.len() - first);
            hit += usize::from(cut_at(story, &finals, n) == Cut::Off);
            if hit == wanted {
                break;
            }
            assert!(k < 2 * wanted, "{}: {hit} of {k} cuts hit", story.name);
        }
        cuts += hit;
    }
    loud(&format!("{cuts} power cuts"));
    assert!(cuts >= total, "{cuts} of {total}");
}
