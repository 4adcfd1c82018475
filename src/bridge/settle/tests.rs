use std::sync::Arc;

use super::super::scan::open_dir;
use super::*;

const QUIET: Duration = Duration::from_millis(300);

fn patience() -> Patience {
    Patience { quiet: QUIET, empty: QUIET * 10, open: QUIET * 100, signature: None }
}

fn nobody(_: &[&Candidate]) -> HashSet<(u64, u64)> {
    HashSet::new()
}

fn somebody(candidates: &[&Candidate]) -> HashSet<(u64, u64)> {
    candidates.iter().map(|candidate| candidate.stat.id()).collect()
}

fn candidate(size: u64, mtime_ns: i64) -> Candidate {
    let name = OsString::from("WO-1.md");
    Candidate {
        agent: "CLC".to_owned(),
        path: std::path::Path::new("/").join(&name),
        name,
        stat: Stat { dev: 1, ino: 2, size, mtime_ns, ctime_ns: mtime_ns, nlink: 1, kind: Kind::Regular },
        signed: false,
        dir: Arc::new(open_dir(std::path::Path::new("/")).unwrap()),
    }
}

/// One look at one file; what it came to in a word.
fn look(settler: &mut Settler, size: u64, mtime_ns: i64, now: Instant) -> &'static str {
    let sorted = settler.sort(vec![Look::Order(candidate(size, mtime_ns))], now);
    match (sorted.orders.len(), sorted.refused.len(), sorted.waiting.len()) {
        (1, 0, 0) => "whole",
        (0, 1, 0) => "refused",
        (0, 0, 1) => {
            assert!(sorted.next_look.is_some_and(|at| at > now), "a file that waits has a next look");
            "waits"
        }
        other => panic!("{other:?}"),
    }
}

fn hear(settler: &mut Settler, heard: Heard, at: Instant) {
    settler.hear("CLC", OsStr::new("WO-1.md"), heard, at);
}

#[test]
fn unknown_needs_two_equal_looks_a_quiet_time_apart() {
    let t = Instant::now();
    let mut settler = Settler::with_probe(patience(), nobody);
    assert_eq!(look(&mut settler, 10, 1, t), "waits");
    assert_eq!(look(&mut settler, 10, 1, t + QUIET / 2), "waits");
    assert_eq!(look(&mut settler, 10, 1, t + QUIET), "whole");
}

#[test]
fn unknown_starts_over_with_every_change() {
    let t = Instant::now();
    let mut settler = Settler::with_probe(patience(), nobody);
    assert_eq!(look(&mut settler, 10, 1, t), "waits");
    assert_eq!(look(&mut settler, 11, 2, t + QUIET), "waits");
    assert_eq!(look(&mut settler, 11, 3, t + QUIET * 2), "waits");
    assert_eq!(look(&mut settler, 11, 3, t + QUIET * 3), "whole");
}

#[test]
fn unknown_waits_while_somebody_writes() {
    let t = Instant::now();
    let mut settler = Settler::with_probe(patience(), somebody);
    for n in 0..50 {
        assert_eq!(look(&mut settler, 10, 1, t + QUIET * n), "waits");
    }
}

#[test]
fn moved_in_is_whole_at_once() {
    let t = Instant::now();
    let mut settler = Settler::with_probe(patience(), somebody);
    hear(&mut settler, Heard::MovedIn, t);
    assert_eq!(look(&mut settler, 10, 1, t), "whole");
}

#[test]
fn moved_in_and_written_again_waits_for_the_closing() {
    let t = Instant::now();
    let mut settler = Settler::with_probe(patience(), nobody);
    hear(&mut settler, Heard::MovedIn, t);
    hear(&mut settler, Heard::Writing, t);
    assert_eq!(look(&mut settler, 10, 1, t), "waits");
    hear(&mut settler, Heard::Closed, t + QUIET);
    assert_eq!(look(&mut settler, 10, 1, t + QUIET * 2), "whole");
}

#[test]
fn closed_waits_for_the_quiet_time_alone() {
    let t = Instant::now();
    let mut settler = Settler::with_probe(patience(), nobody);
    hear(&mut settler, Heard::Closed, t);
    assert_eq!(look(&mut settler, 10, 1, t), "waits");
    assert_eq!(look(&mut settler, 10, 1, t + QUIET), "whole");
}

#[test]
fn a_pausing_writer_is_waited_for() {
    let t = Instant::now();
    let mut settler = Settler::with_probe(patience(), nobody);
    hear(&mut settler, Heard::Writing, t);
    for n in 0..40 {
        assert_eq!(look(&mut settler, 10, 1, t + QUIET * n), "waits");
    }
    hear(&mut settler, Heard::Closed, t + QUIET * 40);
    assert_eq!(look(&mut settler, 10, 1, t + QUIET * 41), "whole");
}

#[test]
fn a_closing_that_never_comes_has_a_bound() {
    let t = Instant::now();
    let mut settler = Settler::with_probe(patience(), nobody);
    hear(&mut settler, Heard::Writing, t);
    assert_eq!(look(&mut settler, 10, 1, t), "waits");
    assert_eq!(look(&mut settler, 10, 1, t + QUIET * 100), "whole");
}

#[test]
fn touched_does_not_take_away_what_is_known() {
    let t = Instant::now();
    let mut settler = Settler::with_probe(patience(), nobody);
    hear(&mut settler, Heard::MovedIn, t);
    hear(&mut settler, Heard::Touched, t);
    assert_eq!(look(&mut settler, 10, 1, t), "whole");
}

#[test]
fn after_an_overflow_nothing_heard_counts() {
    let t = Instant::now();
    let mut settler = Settler::with_probe(patience(), nobody);
    hear(&mut settler, Heard::MovedIn, t);
    settler.forget_events();
    assert_eq!(look(&mut settler, 10, 1, t), "waits");
}

#[test]
fn an_empty_file_gets_its_time_and_is_then_refused() {
    let t = Instant::now();
    let mut settler = Settler::with_probe(patience(), nobody);
    hear(&mut settler, Heard::Closed, t);
    assert_eq!(look(&mut settler, 0, 1, t), "waits");
    assert_eq!(look(&mut settler, 0, 1, t + QUIET * 9), "waits");
    let mut written = Settler::with_probe(patience(), nobody);
    assert_eq!(look(&mut written, 0, 1, t), "waits");
    hear(&mut written, Heard::Closed, t + QUIET * 5);
    assert_eq!(look(&mut written, 7, 2, t + QUIET * 6), "whole");
    let sorted = settler.sort(vec![Look::Order(candidate(0, 1))], t + QUIET * 10);
    assert!(matches!(sorted.refused.as_slice(), [(_, Refusal::Empty)]));
}

#[test]
fn an_empty_file_that_was_moved_in_is_refused_at_once() {
    let t = Instant::now();
    let mut settler = Settler::with_probe(patience(), nobody);
    hear(&mut settler, Heard::MovedIn, t);
    assert_eq!(look(&mut settler, 0, 1, t), "refused");
}

#[test]
fn refusals_settle_too() {
    let t = Instant::now();
    let mut settler = Settler::with_probe(patience(), nobody);
    let refused = || Look::Refused { candidate: candidate(10, 1), reason: Refusal::Links(2) };
    assert_eq!(settler.sort(vec![refused()], t).waiting.len(), 1);
    assert!(matches!(settler.sort(vec![refused()], t + QUIET).refused.as_slice(), [(_, Refusal::Links(2))]));
}

#[test]
fn a_signature_is_waited_for_and_not_for_ever() {
    let t = Instant::now();
    let patience = Patience { signature: Some(QUIET * 20), ..patience() };
    let mut settler = Settler::with_probe(patience, nobody);
    hear(&mut settler, Heard::MovedIn, t);
    assert_eq!(look(&mut settler, 10, 1, t), "waits");
    let signed = || Look::Order(Candidate { signed: true, ..candidate(10, 1) });
    assert_eq!(settler.sort(vec![signed()], t + QUIET).orders.len(), 1);
    // still without one at the bound: it goes on, and the check of the signature refuses it
    let mut settler = Settler::with_probe(patience, nobody);
    hear(&mut settler, Heard::MovedIn, t);
    assert_eq!(look(&mut settler, 10, 1, t), "waits");
    assert_eq!(look(&mut settler, 10, 1, t + QUIET * 20), "whole");
}

#[test]
fn what_is_gone_is_forgotten() {
    let t = Instant::now();
    let mut settler = Settler::with_probe(patience(), nobody);
    for n in 0..1000 {
        settler.hear("CLC", OsStr::new(&format!("WO-{n}.md")), Heard::Closed, t);
    }
    for n in 0..3 {
        settler.sort(Vec::new(), t + QUIET * n);
    }
    assert!(settler.files.is_empty());
}

#[test]
fn another_file_under_the_name_starts_over() {
    let t = Instant::now();
    let mut settler = Settler::with_probe(patience(), nobody);
    assert_eq!(look(&mut settler, 10, 1, t), "waits");
    let mut other = candidate(10, 1);
    other.stat.ino = 3;
    assert_eq!(settler.sort(vec![Look::Order(other)], t + QUIET).waiting.len(), 1);
}

#[test]
fn a_new_file_does_not_inherit_what_was_heard_of_the_old() {
    let t = Instant::now();
    let mut settler = Settler::with_probe(patience(), nobody);
    hear(&mut settler, Heard::MovedIn, t);
    hear(&mut settler, Heard::Created, t);
    assert_eq!(look(&mut settler, 0, 1, t), "waits");
    assert_eq!(look(&mut settler, 5, 2, t + QUIET / 2), "waits");
}
