//! Records as an attempt leaves them in the journal, made by hand.

use std::sync::LazyLock;

use jiff::Timestamp;
use workbridge::evidence::{
    Artifact, Judged, Made, Measurement, Outcome, ServiceRun, StartedBy, Value, Verdict, Vocabulary, judge,
};
use workbridge::handlers::parquet_exporter;
use workbridge::order::{Criterion, CriterionSource, Order, Priority, Shape, Waiver, target};
use workbridge::report::{CommandEnd, CommandResult, FileChange, RunRecord, StepRecord, StepState};

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// An order with this id and nothing else.
pub fn order(id: &str) -> Order {
    Order {
        id: id.to_owned(),
        shape: Shape::Banner,
        title: Some("Parquet exporter".to_owned()),
        phase: Some("7.8 – Data Analytics Integration".to_owned()),
        origin: Some("GG".to_owned()),
        assignee: Some("CLC".to_owned()),
        priority: Priority::P1,
        created: Some("2025-10-28".to_owned()),
        expires: None,
        handler: None,
        template: None,
        params: serde_json::Map::new(),
        objective: Some("Export the telemetry to Parquet, daily.".to_owned()),
        requirements: Vec::new(),
        deliverables: Vec::new(),
        left_alone: Vec::new(),
        dependencies: Vec::new(),
        requires: Vec::new(),
        acceptance: Vec::new(),
        bindings: Default::default(),
        waive: Vec::new(),
        verification: Vec::new(),
        next_phase: Some("7.9 – dashboards".to_owned()),
        needs_approval: false,
        extra: serde_json::Map::new(),
        parts: Vec::new(),
        diagnostics: Vec::new(),
    }
}

/// A record of an attempt in which nothing was measured.
pub fn empty(outcome: Outcome) -> RunRecord {
    RunRecord {
        order: order("WO-251029-PARQUET-EXPORTER"),
        agent: "CLC".to_owned(),
        order_sha256: "ab".repeat(32),
        attempt: 1,
        handler: Some("parquet-exporter".to_owned()),
        received: at("2025-10-29T02:00:00Z"),
        started: at("2025-10-29T02:00:01Z"),
        ended: at("2025-10-29T02:00:05.25Z"),
        outcome,
        reason: "said by the engine".to_owned(),
        criteria: Vec::new(),
        measurements: Vec::new(),
        declarations: Vocabulary::empty(),
        steps: Vec::new(),
        commands: Vec::new(),
        reference: vec!["wo verify parquet".to_owned(), "wo audit WO-251029-PARQUET-EXPORTER".to_owned()],
        notes: Vec::new(),
        zone: "Asia/Bangkok".to_owned(),
    }
}

pub fn artifact(path: &str, bytes: u64, byte: &str) -> Artifact {
    Artifact { path: path.to_owned(), bytes, sha256: byte.repeat(32) }
}

pub fn state(works: bool, detail: &str) -> Value {
    Value::State { works, detail: detail.to_owned() }
}

impl Taken for RunRecord {
    fn take(&mut self, key: &str, value: Value, ok: Option<bool>) -> &mut Measurement {
        let n = self.measurements.len();
        let mut measurement = Measurement::new(key, value, format!("looked at {key}"), at("2025-10-29T02:00:03Z"));
        measurement.id = format!("E{}", n + 1);
        measurement.ok = ok;
        self.measurements.push(measurement);
        &mut self.measurements[n]
    }

    fn judge(&mut self, criteria: &[Criterion]) {
        let today = self.ended.to_zoned(jiff::tz::TimeZone::UTC).date();
        self.criteria.extend(judge::judge(criteria, &self.order, &self.measurements, self.declarations, today));
    }
}

pub trait Taken {
    /// Records a measurement as the engine does: `E1`, `E2`, …
    fn take(&mut self, key: &str, value: Value, ok: Option<bool>) -> &mut Measurement;
    fn judge(&mut self, criteria: &[Criterion]);
}

pub fn criterion(metric: &str, wanted: &str) -> Criterion {
    Criterion {
        metric: metric.to_owned(),
        target: wanted.to_owned(),
        compiled: target::compile(metric, wanted),
        measured_by: None,
        source: CriterionSource::Table,
        span: 0..0,
        whose: Vec::new(),
    }
}

pub static DECLARED: LazyLock<Vocabulary> =
    LazyLock::new(|| Vocabulary::new(parquet_exporter::declarations::DECLARATIONS));

/// The exporter's order as it ends when everything works.
pub fn deployed() -> RunRecord {
    let mut record = empty(Outcome::Done);
    record.declarations = &DECLARED;
    let next = vec![at("2025-10-29T19:30:00Z"), at("2025-10-30T19:30:00Z")];
    let schedule =
        Value::Schedule { next, zone: "Asia/Bangkok".to_owned(), manager: "embedded (wo up, pid 4711)".to_owned() };
    let run = ServiceRun {
        started: at("2025-10-29T02:00:02Z"),
        ended: Some(at("2025-10-29T02:00:03Z")),
        exit: Some(0),
        started_by: StartedBy::Manager { cause: "at load".to_owned() },
        made: Made::Something("it exported 1 file, 288 rows".to_owned()),
    };
    record.take("export.file_size", Value::Bytes(41_234), Some(true)).artifact =
        Some(artifact("g/analytics/ops_atomic_20251029.parquet", 41_234, "1f"));
    record.take("export.frequency", schedule, Some(true));
    record.take("export.validation_time", Value::Duration(180_000_000), None);
    record.take("export.compression", Value::Word("snappy".to_owned()), None);
    record.take("export.schema_mismatches", Value::Count { n: 0, noun: "mismatches".to_owned() }, Some(true));
    record.take("service.runs", Value::Runs { manager: "embedded".to_owned(), runs: vec![run] }, Some(true));
    for (key, detail) in [
        ("exporter.script", "executable, ran with --dry"),
        ("exporter.runner", "executable, ran with --dry"),
        ("exporter.test_script", "executable, 4 of 4 passed"),
        ("service.plist", "no finding"),
        ("parquet.file", "3 day files with a footer"),
        ("export.summary", "speaks of this export"),
        ("service.loaded", "loaded, pid 4711"),
        ("paths.output", "can be written"),
        ("paths.logs", "can be written"),
        ("export.validation", "both readers see 864 rows"),
        ("export.deterministic", "the same bytes twice"),
    ] {
        record.take(key, state(true, detail), Some(true));
    }
    for (key, path) in [
        ("exporter.script", "run/parquet_exporter.cjs"),
        ("exporter.runner", "scripts/analytics/run_parquet_exporter.zsh"),
        ("exporter.test_script", "scripts/analytics/test_parquet_exporter.zsh"),
        ("service.plist", "launchd/com.02luka.analytics.parquet.plist"),
        ("parquet.file", "g/analytics/ops_atomic_20251029.parquet"),
        ("export.summary", "g/reports/parquet/parquet_export_summary_20251029.md"),
    ] {
        let found = record.measurements.iter_mut().find(|measurement| measurement.key == key).unwrap();
        found.artifact = Some(artifact(path, 1_234, "2e"));
    }
    record.commands = vec![
        CommandResult {
            command: "wo export --all --dry-run\n".to_owned(),
            result: CommandEnd::Passed { output: "864 reports, nothing written".to_owned() },
            evidence: vec!["E7".to_owned()],
            is_cut: false,
        },
        CommandResult {
            command: "wo verify parquet\n".to_owned(),
            result: CommandEnd::Passed { output: "Passed: 14 | Failed: 0".to_owned() },
            evidence: vec!["E16".to_owned()],
            is_cut: false,
        },
        CommandResult {
            command: "wo query \"SELECT count(DISTINCT heartbeats) FROM heartbeats\"\n".to_owned(),
            result: CommandEnd::NotRun { why: "policy".to_owned() },
            evidence: Vec::new(),
            is_cut: false,
        },
    ];
    record.steps = vec![
        StepRecord {
            name: "scripts".to_owned(),
            describe: "write the exporter's scripts".to_owned(),
            state: StepState::Applied,
            before: "no such file".to_owned(),
            after: "three scripts, executable".to_owned(),
            files: vec![FileChange {
                path: "run/parquet_exporter.cjs".to_owned(),
                before: None,
                after: Some(artifact("run/parquet_exporter.cjs", 1_234, "2e")),
            }],
            started: at("2025-10-29T02:00:01Z"),
            ended: Some(at("2025-10-29T02:00:02Z")),
            evidence: vec!["E7".to_owned(), "E8".to_owned()],
        },
        StepRecord {
            name: "service".to_owned(),
            describe: "install com.02luka.analytics.parquet".to_owned(),
            state: StepState::Already,
            before: "loaded".to_owned(),
            after: String::new(),
            files: Vec::new(),
            started: at("2025-10-29T02:00:02Z"),
            ended: Some(at("2025-10-29T02:00:02.5Z")),
            evidence: vec!["E13".to_owned()],
        },
    ];
    record
}

/// A verdict that is waived, as one that the journal holds.
pub fn waived(metric: &str, wanted: &str) -> Judged {
    Judged {
        metric: metric.to_owned(),
        target: wanted.to_owned(),
        source: CriterionSource::Template,
        key: None,
        actual: None,
        verdict: Verdict::Waived { reason: "no launchd | here ✅".to_owned(), until: jiff::civil::date(2026, 12, 31) },
        reason: "waived".to_owned(),
        evidence: Vec::new(),
    }
}

pub fn waiver(metric: &str) -> Waiver {
    Waiver {
        metric: metric.to_owned(),
        reason: "no launchd on this host".to_owned(),
        until: jiff::civil::date(2026, 12, 31),
    }
}
