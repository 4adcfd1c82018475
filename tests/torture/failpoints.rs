//! SIGKILL at every failpoint: before and after every commit, rename, fsync and apply. Each is shown to have been hit.

use std::collections::BTreeSet;
use std::fs;

use crate::ground::{Ground, Story, full, loud, stories};

/// The names that an undisturbed run passes, each with the number of its passing.
fn passed(story: &Story) -> Vec<String> {
    let ground = Ground::prepare(story);
    let log = tempfile::NamedTempFile::new().expect("a log");
    let mut command = ground.scene.command(story.act);
    command.env("WO_FAILPOINT_LOG", log.path());
    assert!(command.output().expect("wo").status.code().is_some_and(|code| code <= 1));
    fs::read_to_string(log.path()).expect("the log").lines().map(str::to_owned).collect()
}

fn kill_at_each(story: &Story, points: &[String]) {
    let finals = Ground::finals(story);
    for point in points {
        let ground = Ground::prepare(story);
        let mut command = ground.scene.command(story.act);
        command.env("WO_FAILPOINT", point);
        // shown to have been hit
        let _ = crate::support::run(command, b"").expect_killed();
        ground.recover_and_check(&finals, &format!("{}, killed at {point}", story.name));
    }
}

#[test]
fn every_failpoint_of_every_story() {
    let mut names = BTreeSet::new();
    for (n, story) in stories().iter().enumerate() {
        let points = passed(story);
        names.extend(points.iter().filter_map(|point| Some(point.rsplit_once(':')?.0.to_owned())));
        let chosen: Vec<String> = if full() || n == 0 {
            points
        } else {
            // the first story takes them all; of the others, some of each in the short form
            points.into_iter().rev().step_by(4).collect()
        };
        kill_at_each(story, &chosen);
    }
    for kind in ["commit", "rename", "fsync", "apply"] {
        for side in ["before", "after"] {
            let hit = names.iter().any(|name| name.contains(kind) && name.ends_with(side));
            assert!(hit, "no failpoint {side} a {kind} was passed: {names:?}");
        }
    }
    if full() {
        loud(&format!("failpoints hit: {names:?}"));
    }
}
