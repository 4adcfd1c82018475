//! Requests from many processes at once while the executor is killed in the middle of each: none lost, none done twice.
//!
//! What a request's process hears is what the journal says: one accepted retry is one more attempt, one accepted cancel one
//! cancelled order, and every attempt's steps take effect once.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::ground::{CONFIG, full, probe, runs_in};
use crate::support::{Scene, wait_for};

const PROCESSES: usize = 8;
const UP: &str = "[web]\nenabled = false\n\n[monitor]\nenabled = false\n";

/// The phases of all attempts at `id`, oldest first.
fn attempts(scene: &Scene, id: &str) -> Vec<String> {
    let prefix = format!("{id} ");
    runs_in(&scene.path("bridge/state")).into_iter().filter(|run| run.starts_with(&prefix)).collect()
}

fn ended(run: &str) -> bool {
    run.contains("\"ended\"")
}

/// Executors, one after the other, each killed after a moment of work that differs from round to round; the last one stays.
fn with_dying_executors(scene: &Scene, over: &AtomicBool) -> usize {
    let mut kills = 0;
    while !over.load(Ordering::SeqCst) {
        let daemon = scene.start(["up"]);
        // from the first instants on to well into the work
        let lifetime = Duration::from_millis(5 + (kills as u64 * 37) % 160);
        let born = std::time::Instant::now();
        while born.elapsed() < lifetime && !over.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        daemon.kill();
        kills += 1;
    }
    kills
}

/// Runs `args` to its answer in `PROCESSES` processes at once, `rounds` times each, beside dying executors; how many were
/// accepted. Every one of them must be answered.
fn storm(scene: &Scene, rounds: usize, args: impl Fn(usize, usize) -> Vec<String> + Sync) -> usize {
    let (over, accepted, left) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(PROCESSES));
    std::thread::scope(|threads| {
        for process in 0..PROCESSES {
            let (args, over, accepted, left) = (&args, &over, &accepted, &left);
            threads.spawn(move || {
                // ends the executors also when this thread fails
                struct Done<'a>(&'a AtomicUsize, &'a AtomicBool);
                impl Drop for Done<'_> {
                    fn drop(&mut self) {
                        if self.0.fetch_sub(1, Ordering::SeqCst) == 1 {
                            self.1.store(true, Ordering::SeqCst);
                        }
                    }
                }
                let _done = Done(left, over);
                for round in 0..rounds {
                    let ran = scene.wo(args(process, round));
                    assert!(!ran.stderr.contains("panicked"), "{ran}");
                    match ran.status.code() {
                        Some(0) => {
                            accepted.fetch_add(1, Ordering::SeqCst);
                        }
                        // refused, with the reason
                        Some(1) => assert!(!ran.stderr.trim().is_empty(), "{ran}"),
                        _ => panic!("{ran}"),
                    }
                }
            });
        }
        let kills = with_dying_executors(scene, &over);
        assert!(kills > 1, "the executor was killed {kills} times");
    });
    accepted.load(Ordering::SeqCst)
}

/// Lets one executor finish everything.
fn finish(scene: &Scene) {
    let ran = scene.wo(["run"]);
    assert!(ran.status.code().is_some_and(|code| code <= 1), "{ran}");
    let ledger = scene.read("ledger.txt");
    let mut seen = BTreeSet::new();
    for line in ledger.lines().filter(|line| !line.starts_with("undo ")) {
        assert!(seen.insert(line), "I2: `{line}` took effect twice\n{ledger}");
    }
}

fn scene_with(orders: impl IntoIterator<Item = (String, String)>) -> Scene {
    let scene = Scene::new().config(&format!("{CONFIG}\n{UP}")).env("WO_PROBE", "1");
    for (name, text) in orders {
        scene.drop_order(&name, text);
    }
    let ran = scene.wo(["run"]);
    assert!(ran.status.code().is_some_and(|code| code <= 1), "{ran}");
    scene
}

fn rounds() -> usize {
    if full() { 10 } else { 2 }
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

#[test]
fn retries_are_attempts_one_for_one() {
    let scene = scene_with([probe("WO-1-PROBE", "")]);
    let accepted = storm(&scene, rounds(), |_, _| words("retry WO-1-PROBE"));
    finish(&scene);
    let attempts = attempts(&scene, "WO-1-PROBE");
    assert_eq!(attempts.len(), 1 + accepted, "{attempts:?}");
    assert!(attempts.iter().all(|run| ended(run)), "{attempts:?}");
    assert!(accepted > 0);
    assert_eq!(scene.read("ledger.txt").lines().count(), 2 * attempts.len());
}

#[test]
fn cancels_end_each_order_once() {
    let orders =
        (0..PROCESSES * rounds()).map(|n| probe(&format!("WO-{n}-PROBE"), "requires: [\"WO-99-PROBE done\"]\n"));
    let scene = scene_with(orders.chain([probe("WO-ALONE-PROBE", "")]));
    let accepted =
        storm(&scene, rounds(), |process, round| words(&format!("cancel WO-{}-PROBE", process * rounds() + round)));
    finish(&scene);
    assert_eq!(accepted, PROCESSES * rounds(), "each order was open and is cancelled");
    for n in 0..PROCESSES * rounds() {
        let attempts = attempts(&scene, &format!("WO-{n}-PROBE"));
        assert!(matches!(attempts.as_slice(), [run] if ended(run) && run.contains("cancelled")), "{attempts:?}");
    }
}

#[test]
fn approvals_let_each_order_run_once() {
    let orders = (0..PROCESSES).map(|n| probe(&format!("WO-{n}-PROBE"), "approval: true\n"));
    let scene = scene_with(orders);
    assert!(!scene.exists("ledger.txt"), "nothing runs before its approval");
    // every process approves every order in turn: all but the first of each may find it ended
    let accepted = storm(&scene, PROCESSES, |process, round| {
        words(&format!("approve WO-{}-PROBE", (process + round) % PROCESSES))
    });
    assert!(accepted >= PROCESSES, "{accepted}");
    finish(&scene);
    for n in 0..PROCESSES {
        let attempts = attempts(&scene, &format!("WO-{n}-PROBE"));
        assert!(matches!(attempts.as_slice(), [run] if ended(run) && run.contains("done")), "{attempts:?}");
    }
}

#[test]
fn answers_to_uncertain_steps_count_once() {
    let orders = (0..PROCESSES).map(|n| probe(&format!("WO-{n}-PROBE"), "params: { uncertain: line-2 }\n"));
    let scene = scene_with(orders);
    let accepted = storm(&scene, PROCESSES, |process, round| {
        words(&format!("resolve WO-{}-PROBE --again", (process + round) % PROCESSES))
    });
    finish(&scene);
    // an executor that died between its intent and the effect leaves the step uncertain once more: then it was not applied,
    // and it is for the person to say so again
    let is_open = |n: usize| !attempts(&scene, &format!("WO-{n}-PROBE")).iter().all(|run| ended(run));
    let mut answered = accepted;
    for n in (0..PROCESSES).filter(|n| is_open(*n)) {
        drop(scene.wo(words(&format!("resolve WO-{n}-PROBE --again"))).expect_exit(0));
        answered += 1;
    }
    finish(&scene);
    for n in 0..PROCESSES {
        let attempts = attempts(&scene, &format!("WO-{n}-PROBE"));
        assert!(matches!(attempts.as_slice(), [run] if ended(run) && run.contains("done")), "{attempts:?}");
    }
    let uncertain: i64 = scene
        .journal()
        .query_row("SELECT count(*) FROM events WHERE body LIKE '{\"event\":\"step-uncertain\"%'", [], |row| row.get(0))
        .expect("the events");
    assert_eq!(answered as i64, uncertain, "one answer counts for each, the others hear that nothing was uncertain");
    assert!(accepted >= PROCESSES, "{accepted}");
    assert_eq!(scene.read("ledger.txt").lines().count(), 2 * PROCESSES);
}

/// `wo run FILE` from all processes: each brings its own order and hears how it ended.
#[test]
fn runs_with_files_beside_dying_executors() {
    let scene = scene_with([probe("WO-ALONE-PROBE", "")]);
    for n in 0..PROCESSES * rounds() {
        let (name, text) = probe(&format!("WO-{n}-PROBE"), "");
        scene.write(Path::new("orders").join(name), text);
    }
    let accepted = storm(&scene, rounds(), |process, round| {
        words(&format!("run orders/WO-{}-PROBE.md", process * rounds() + round))
    });
    finish(&scene);
    assert_eq!(accepted, PROCESSES * rounds(), "each hears that its order is done");
    assert_eq!(scene.list("bridge/archive/CLC").len(), 1 + PROCESSES * rounds());
    wait_for("nothing is left", || scene.list("bridge/processing/CLC").is_empty());
}

use std::path::Path;
