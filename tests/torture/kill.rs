//! SIGKILL before each system call that changes a file system, swept from the first to the last; and again during the
//! recovery, for each distinct state that the first kill leaves.

use std::collections::BTreeSet;

use crate::ground::{Cut, Ground, State, Story, cut, full, loud, plain, stories};

/// The calls of an undisturbed run; the sweep's length.
fn calls_of(story: &Story) -> Vec<String> {
    let ground = Ground::prepare(story);
    let (end, calls) = cut(&ground.scene, story.act, 0, None);
    assert_eq!(end, Cut::Through);
    // I5, for whatever was written and wherever
    let root = ground.scene.dir();
    for call in &calls {
        let path = call.splitn(3, ' ').nth(2).unwrap_or_default();
        assert!(path.is_empty() || std::path::Path::new(path).starts_with(&root), "I5 {}: {call}", story.name);
    }
    calls
}

/// Which calls the short form takes: the first of each run of calls of one kind on one file, and the last of all.
fn chosen(calls: &[String]) -> Vec<usize> {
    let what = |line: &String| line.split_once(' ').map(|(_, what)| what.to_owned()).unwrap_or_default();
    let mut chosen: Vec<usize> =
        (1..=calls.len()).filter(|n| full() || *n == 1 || what(&calls[n - 1]) != what(&calls[n - 2])).collect();
    if chosen.last() != Some(&calls.len()) {
        chosen.push(calls.len());
    }
    chosen
}

/// Kills before call `n`, recovers, checks. `false` when the run made fewer calls than that.
fn kill_at(story: &Story, finals: &[State], n: usize, seen: &mut BTreeSet<String>) -> bool {
    let ground = Ground::prepare(story);
    let (end, calls) = cut(&ground.scene, story.act, n, None);
    if end == Cut::Through {
        return false;
    }
    let what = format!("{}, killed before call {}", story.name, calls.last().expect("a call"));
    ground.check_visible(finals, &what);
    if !seen.insert(fingerprint(&ground)) {
        ground.recover_and_check(finals, &what);
        return true;
    }
    // a state not seen before: the recovery is killed too, at calls that move on from state to state
    let again = 1 + (n * 7) % 90;
    let (end, calls) = cut(&ground.scene, &["run"], again, None);
    let what = match end {
        Cut::Off => format!("{what}, then the recovery before its call {}", calls.last().expect("a call")),
        Cut::Through => what,
    };
    ground.recover_and_check(finals, &what);
    true
}

/// The state that a kill left, but for times.
fn fingerprint(ground: &Ground) -> String {
    let hidden: Vec<String> = ground
        .scene
        .tree("bridge")
        .into_keys()
        .map(|path| path.chars().filter(|c| !c.is_ascii_digit()).collect())
        .collect();
    format!("{:?} {hidden:?}", ground.state())
}

fn sweep(story: &Story, choose: impl Fn(&[String]) -> Vec<usize>) {
    let finals = Ground::finals(story);
    let calls = calls_of(story);
    // of a journal that is written and synced there are many; fewer, and calls were overlooked
    assert!(calls.iter().filter(|call| call.contains("write") || call.contains("sync")).count() > 10, "{calls:#?}");
    let mut seen = BTreeSet::new();
    let mut killed = 0;
    let chosen = choose(&calls);
    for n in &chosen {
        killed += usize::from(kill_at(story, &finals, *n, &mut seen));
    }
    // threads share the count, so a run may make a call more or fewer than the last one
    if full() {
        let mut n = calls.len() + 1;
        while kill_at(story, &finals, n, &mut seen) {
            killed += 1;
            n += 1;
        }
        loud(&format!("{}: {killed} kills over {} calls, {} states", story.name, calls.len(), seen.len()));
    }
    assert!(killed * 10 >= chosen.len() * 9, "{}: only {killed} of {} kills hit", story.name, chosen.len());
}

#[test]
fn before_each_call_of_an_order_that_ends_done() {
    sweep(&plain(), chosen);
}

#[test]
fn before_calls_of_every_other_story() {
    for story in stories().into_iter().skip(1) {
        sweep(&story, |calls| {
            if full() {
                return (1..=calls.len()).collect();
            }
            // what comes first is much the same in all stories
            chosen(calls).into_iter().filter(|n| *n > calls.len() / 3).step_by(3).collect()
        });
    }
}
