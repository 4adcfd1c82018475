//! The schedule in the real `wo up`.

use workbridge::services::{ServiceDefinition, Start};

use super::{LABEL, text, wait_for};
use crate::support::Scene;

/// A root with one job that a person defined in `launchd/`.
fn scene(script: &str) -> Scene {
    let scene =
        Scene::new().config("[schedule]\npoll_ms = 100\n\n[monitor]\nenabled = false\n\n[web]\nenabled = false\n");
    std::fs::create_dir_all(scene.path("g/logs")).unwrap();
    let definition = ServiceDefinition {
        label: LABEL.to_owned(),
        program: vec!["/bin/sh".to_owned(), "-c".to_owned(), script.to_owned()],
        working_directory: scene.root().path().to_owned(),
        environment: Default::default(),
        start: Start::Calendar { at: "02:30".parse().unwrap(), weekday: None },
        run_at_load: true,
        stdout: scene.path("g/logs/job.log"),
        stderr: scene.path("g/logs/job.log"),
    };
    let bytes = workbridge::services::plist::render(&definition);
    scene.file(format!("launchd/{LABEL}.plist"), bytes)
}

#[test]
fn wo_up_runs_the_schedule_and_says_so() {
    let scene = scene("[ -e fail ] && exit 7; exit 0");
    scene.wo(["jobs"]).expect_exit(0).expect_stdout("no jobs");
    scene.wo(["services", "install", LABEL]).expect_exit(2).expect_stderr("no service manager answers");
    // registered, and nobody runs it
    scene.wo(["jobs"]).expect_exit(0).expect_stdout("nobody").expect_stdout("none: nothing runs the schedule");
    scene.wo(["services", "status"]).expect_exit(1).expect_stdout("not known");
    scene.wo(["jobs", "run", "parquet"]).expect_exit(0).expect_stdout("ok");
    std::fs::write(scene.path("fail"), "").unwrap();
    scene.wo(["jobs", "run", "parquet"]).expect_exit(1).expect_stdout("ended with 7");
    std::fs::remove_file(scene.path("fail")).unwrap();

    let up = scene.up();
    let held = format!("wo up, pid {}, since ", up.pid());
    let job = || scene.wo(["jobs", "--json"]).expect_exit(0).json()[0].clone();
    wait_for("the run at load", || {
        let last = &job()["last"];
        (last["started_by"]["manager"]["cause"] == "at load" && last["exit"] == 0).then_some(())
    });
    assert!(job()["held_by"].as_str().unwrap().starts_with(&held), "{}", job());
    assert!(job()["next"].is_string(), "{}", job());
    scene.wo(["services", "install", LABEL]).expect_exit(0).expect_stdout("loaded");
    scene.wo(["services", "status", LABEL]).expect_exit(0).expect_stdout(&format!("embedded in {held}"));
    scene.wo(["jobs", "run", LABEL]).expect_exit(0).expect_stdout("ok");
    assert_eq!(job()["last"]["started_by"], "kicked");
    std::fs::write(scene.path("fail"), "").unwrap();
    scene.wo(["jobs", "run", LABEL]).expect_exit(1).expect_stdout("ended with 7");
    scene.wo(["jobs", "run", "none"]).expect_exit(2).expect_stderr(LABEL);
    up.stop().expect_exit(0);
    scene.wo(["jobs"]).expect_exit(0).expect_stdout("nobody");
    scene.wo(["services", "status"]).expect_exit(1).expect_stdout("not known");
}

#[test]
fn a_job_that_outlives_a_killed_wo_up_is_never_started_twice() {
    let script =
        "mkdir busy || { echo >> overlap; exit 9; }; echo >> begun; until [ -e go ]; do sleep 0.05; done; rmdir busy";
    let scene = scene(script);
    let up = scene.up();
    // loaded once the schedule of this `wo up` answers
    wait_for("the schedule", || (scene.wo(["services", "install", LABEL]).status.code() == Some(0)).then_some(()));
    let begun = |n: usize| wait_for("the job", || (text(&scene.path("begun")).lines().count() == n).then_some(()));
    begun(1);
    up.kill();
    let _up = scene.up();
    let loaded = || scene.wo(["services", "status", LABEL]).status.code() == Some(0);
    wait_for("the new schedule", || loaded().then_some(()));
    scene.wo(["jobs", "run", LABEL, "--no-wait"]).expect_exit(0);
    // it waits for the old one
    scene.wo(["services", "status", LABEL]).expect_exit(0);
    assert_eq!(text(&scene.path("begun")).lines().count(), 1);
    std::fs::write(scene.path("go"), "").unwrap();
    // nobody saw how the run at load ended, so it is owed again; then comes the kicked one
    begun(3);
    let job = || scene.wo(["jobs", "--json"]).expect_exit(0).json()[0].clone();
    wait_for("the end of the kicked run", || {
        (job()["last"]["started_by"] == "kicked" && job()["last"]["exit"] == 0).then_some(())
    });
    assert!(!scene.exists("overlap"));
}
