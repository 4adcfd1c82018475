//! The journal under fault: eight processes that die on one bridge, and a database whose bits flip.

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use workbridge::journal::{Journal, Reader};
use workbridge::root::Root;

use crate::support::{Scene, wait_for};

const ORDERS: usize = 200;
const PROCESSES: usize = 8;

fn probe(n: usize) -> String {
    format!(
        "---\nid: WO-{n}-PROBE\nhandler: probe\nparams: {{ steps: 1 }}\nacceptance:\n  - {{ metric: Ledger lines, target: \"= 1\" }}\n---\n"
    )
}

fn ledger(scene: &Scene) -> Vec<String> {
    let text = fs::read_to_string(scene.path("ledger.txt")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn eight_processes_on_one_bridge_whose_holder_is_killed_again_and_again() {
    let scene = Scene::new().env("WO_PROBE", "1");
    for n in 0..ORDERS {
        scene.drop_order(&format!("WO-{n}-PROBE.md"), probe(n));
    }
    let over = AtomicBool::new(false);
    let kills = std::thread::scope(|threads| {
        for _ in 0..PROCESSES {
            threads.spawn(|| {
                while !over.load(Ordering::SeqCst) {
                    // killed or not: the next one goes on
                    scene.command(["run"]).output().expect("wo run");
                }
            });
        }
        let mut kills = 0;
        let mut seen = 0;
        wait_for("all orders took effect", || {
            let lines = ledger(&scene).len();
            if lines >= seen + 6 && lines < ORDERS {
                seen = lines;
                // the lock's text names its holder
                let holder = fs::read_to_string(scene.path("bridge/state/lock")).unwrap_or_default();
                let holder: serde_json::Value = serde_json::from_str(&holder).unwrap_or_default();
                let pid = holder["pid"].as_i64().and_then(|pid| rustix::process::Pid::from_raw(pid as i32));
                if let Some(pid) = pid
                    && rustix::process::kill_process(pid, rustix::process::Signal::KILL).is_ok()
                {
                    kills += 1;
                }
            }
            lines >= ORDERS
        });
        over.store(true, Ordering::SeqCst);
        kills
    });
    scene.wo(["run"]).expect_exit(0);
    assert!(kills >= 5, "only {kills} holders were killed");
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for line in ledger(&scene) {
        *counts.entry(line).or_default() += 1;
    }
    assert_eq!(counts.len(), ORDERS);
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    assert_eq!(scene.list("bridge/archive/CLC").len(), ORDERS);
    assert_eq!(scene.list("bridge/processing/CLC"), Vec::<String>::new());
    for n in 0..ORDERS {
        assert_eq!(scene.result(&format!("WO-{n}-PROBE"))["outcome"], "done", "{n}");
    }
}

/// All that the journal says, in words; an error when it can't be trusted.
fn told(root: &Root) -> Result<String, String> {
    drop(Journal::open(root).map_err(|error| error.to_string())?);
    let read = || {
        let reader = Reader::open(root)?;
        let mut text = String::new();
        for row in reader.recent_runs(1_000)? {
            text.push_str(&format!("{row:?} {:?} {:?}\n", reader.load(&row.key)?, reader.bytes(&row.key)?));
        }
        Ok::<_, workbridge::journal::JournalError>(text)
    };
    read().map_err(|error| error.to_string())
}

#[test]
fn a_thousand_mutations_of_the_journal_are_refused_or_change_nothing() {
    let scene = Scene::new().env("WO_PROBE", "1");
    for n in 0..3 {
        scene.drop_order(&format!("WO-{n}-PROBE.md"), probe(n));
    }
    scene.wo(["run"]).expect_exit(0);
    let root = scene.root();
    let expected = told(&root).unwrap();
    let journal = scene.path("bridge/state/journal.db");
    let good = fs::read(&journal).unwrap();
    // a fixed sequence, so that a failure can be seen again
    let mut seed: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut next = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    let mut refused = 0;
    for n in 0..1_000 {
        let mut bad = good.clone();
        let what = if n % 10 == 0 {
            let length = next(good.len());
            bad.truncate(length);
            format!("cut to {length} bytes")
        } else {
            let (at, bit) = (next(good.len()), next(8));
            bad[at] ^= 1 << bit;
            format!("bit {bit} of byte {at} flipped")
        };
        for beside in ["-wal", "-shm"] {
            let _ = fs::remove_file(scene.path(format!("bridge/state/journal.db{beside}")));
        }
        fs::write(&journal, &bad).unwrap();
        match told(&root) {
            Err(_) => refused += 1,
            Ok(text) => assert!(text == expected, "{what}: taken for sound, yet it tells something else"),
        }
    }
    assert!(refused > 100, "only {refused} of 1000 were noticed");
    fs::write(&journal, &good).unwrap();
    assert_eq!(told(&root).unwrap(), expected);
}
