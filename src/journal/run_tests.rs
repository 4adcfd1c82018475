use super::*;

fn run() -> Run {
    Run::new(RunKey {
        run: 1,
        id: "WO-1".to_owned(),
        attempt: 1,
        agent: "CLC".to_owned(),
        file: "WO-1.md".to_owned(),
        sha256: String::new(),
        received: Timestamp::UNIX_EPOCH,
    })
}

fn spec(n: usize, measures_only: bool) -> StepSpec {
    StepSpec {
        name: format!("step-{n}"),
        describe: String::new(),
        subjects: Vec::new(),
        params: serde_json::Value::Null,
        deadline_s: None,
        measures_only,
    }
}

/// Whether each step only measures, the one that fails, whether what was done stays then, and whether it is undone.
#[test]
fn a_measurement_that_fails_undoes_what_was_done_where_a_change_was_to_follow() {
    for (steps, failing, keep, undone) in [
        (&[false, true, false][..], 1, false, true),
        (&[false, true, false], 1, true, false),
        (&[false, true, true], 1, false, false),
        (&[true, true, false, true], 0, false, true),
        (&[false, true], 1, false, false),
        (&[true], 0, false, false),
        (&[false, true], 0, false, true),
    ] {
        let at = Timestamp::UNIX_EPOCH;
        let mut run = run();
        let specs = steps.iter().enumerate().map(|(n, measures)| spec(n, *measures));
        run.steps = specs.clone().map(StepRun::new).collect();
        run.plan = Some(Plan { steps: specs.collect(), keep_on_failure: keep, notes: Vec::new() });
        let name = |n: usize| format!("step-{n}");
        let failed = Event::StepFailed { step: name(failing), why: "x".to_owned(), measurements: Vec::new() };
        run.apply(&failed, at).unwrap();
        assert_eq!(run.phase == Phase::Undoing, undone, "{steps:?} {failing} {keep}");

        // what an earlier `wo` wrote after that, which undid nothing, is read as it was
        let done =
            |n| Event::StepDone { step: name(n), already: true, note: "measured".to_owned(), measurements: vec![] };
        for n in (failing + 1..steps.len()).filter(|n| steps[*n]) {
            run.apply(&done(n), at).unwrap();
        }
        let judged = Event::Judged { outcome: Outcome::Failed, reason: "step failed".to_owned(), criteria: Vec::new() };
        run.apply(&judged, at).unwrap();
        run.apply(&Event::Ended { reports: Vec::new(), source: "archive/x".to_owned() }, at).unwrap();
        assert_eq!(run.phase.ended(), Some(Outcome::Failed));
        assert!(run.steps.iter().all(|step| step.progress != Progress::Undone));
    }
}

/// Steps with how each ended and whether it only measures; each gave one measurement.
#[test]
fn what_was_undone_says_nothing_and_what_was_not_touched_stands() {
    use Progress::{Already, Done, Failed, NotReached, Undone};
    for (steps, void) in [
        (vec![(Already, false), (Done, false), (Done, true)], vec![]),
        (vec![(Already, false), (Undone, false), (Already, false)], vec!["E2"]),
        (vec![(Done, true), (Undone, false), (Done, true), (Failed, false)], vec!["E2", "E3", "E4"]),
        (vec![(Undone, false), (Already, true), (NotReached, false)], vec!["E1", "E2", "E3"]),
    ] {
        let at = Timestamp::UNIX_EPOCH;
        let mut run = run();
        for (n, (progress, measures_only)) in steps.into_iter().enumerate() {
            let value = Value::State { works: true, detail: "fine".to_owned() };
            let evidence = run.record(&[Measurement::new(format!("key.{n}"), value, "", at).ok(true)]);
            run.steps.push(StepRun { progress, evidence, ..StepRun::new(spec(n, measures_only)) });
        }
        let undone = |one: &Measurement| one.ok.is_none() && one.value.to_string().ends_with("; it was fine");
        let standing = run.standing_measurements();
        let found: Vec<&str> = standing.iter().filter(|one| undone(one)).map(|one| one.id.as_str()).collect();
        assert_eq!(found, void);
        assert!(standing.iter().all(|one| undone(one) || one.ok == Some(true)));
    }
}

#[test]
fn files_that_undo_left_as_they_were_count_as_changed() {
    let file = |path: &str| FileChange { path: path.to_owned(), before: None, after: None };
    let at = Timestamp::UNIX_EPOCH;
    let step = |note: &str, kept: &[&str]| {
        let mut run = run();
        run.steps = vec![StepRun { files: vec![file("a"), file("b")], ..StepRun::new(spec(0, false)) }];
        let kept = kept.iter().map(|path| (*path).to_owned()).collect();
        run.apply(&Event::StepUndone { step: "step-0".to_owned(), note: note.to_owned(), kept }, at).unwrap();
        let record = run.step_records().remove(0);
        (record.after, record.files)
    };
    assert_eq!(step("", &[]), ("undone".to_owned(), vec![]));
    assert_eq!(step("restored a, b", &[]), ("undone: restored a, b".to_owned(), vec![]));
    assert_eq!(step("NOT restored: b", &["b"]), ("undone: NOT restored: b".to_owned(), vec![file("b")]));
}
