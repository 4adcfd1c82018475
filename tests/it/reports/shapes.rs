//! Whole reports, as snapshots, and the shape of the result.

use serde_json::Value as Json;
use workbridge::evidence::{Outcome, Value};
use workbridge::order::Command;
use workbridge::report::{self, State};

use super::record::{Taken as _, artifact, at, criterion, deployed, empty, state, waived, waiver};

const PHASE: &str = "PHASE7_8_VERIFICATION_TEMPLATE";

#[test]
fn the_shipped_verification_template_of_a_working_deployment() {
    let mut record = deployed();
    let template = &*report::resolve(report::builtin(PHASE).unwrap(), &record, &[]).unwrap();
    record.judge(&report::template_criteria(template));
    let filled = report::fill(template, &record).unwrap();
    insta::assert_snapshot!("verification_done", filled.text);
    // one test was not run: policy
    let unmeasured: Vec<&str> =
        filled.slots.iter().filter(|slot| slot.state == State::Unmeasured).map(|slot| slot.became.as_str()).collect();
    assert_eq!(unmeasured, ["☐ (unmeasured: not run: policy)"]);
    assert!(filled.slots.iter().all(|slot| slot.state != State::Failed));
}

#[test]
fn the_shipped_verification_template_where_nothing_works() {
    let mut record = empty(Outcome::Failed);
    record.declarations = deployed().declarations;
    let template = &*report::resolve(report::builtin(PHASE).unwrap(), &record, &[]).unwrap();
    record.order.waive = vec![waiver("LaunchAgent")];
    record.take("exporter.script", state(false, "no such file | ✅"), Some(false));
    record.take("export.file_size", Value::Bytes(6_000_000), None);
    record.judge(&report::template_criteria(template));
    let filled = report::fill(template, &record).unwrap();
    insta::assert_snapshot!("verification_failed", filled.text);
    assert!(filled.slots.iter().all(|slot| slot.state != State::Green));
    assert!(!filled.text.contains('✅'));
}

#[test]
fn the_shipped_verification_template_asks_what_the_order_asks() {
    let mut record = deployed();
    record.order.acceptance = vec![
        criterion("Validation time", "< 3 s"),
        criterion("Codec", "zstd"),
        criterion("Schedule", "Sundays at 04:45"),
        criterion("Nobody's", "| a | `b` |"),
    ];
    let template = report::resolve(report::builtin(PHASE).unwrap(), &record, &[]).unwrap();
    let rows = report::template_criteria(&template);
    let found: Vec<(&str, &str)> = rows.iter().map(|row| (row.metric.as_str(), row.target.as_str())).collect();
    assert_eq!(
        found,
        [
            ("File size", "≤ 5 MB"),
            ("Export frequency", "Sundays at 04:45"),
            ("Validation time", "< 3 s"),
            ("Compression", "zstd"),
            ("Schema mismatch", "0"),
            ("LaunchAgent", "loads & runs automatically"),
        ]
    );
    assert!(rows.iter().all(|row| !matches!(row.compiled, workbridge::order::Target::Unclear { .. })), "{rows:?}");
    record.judge(&rows);
    let filled = report::fill(&template, &record).unwrap().text;
    let row = filled.lines().find(|line| line.starts_with("| Compression |")).unwrap();
    assert!(row.contains("| zstd | snappy") && row.contains("FAIL"), "{row}");
    for broken in ["{{ target('x') }}", "{{ target() }}", "{{ target('a', 'b'"] {
        let template = format!("| Metric | Target | Actual |\n|---|---|---|\n| x | {broken} |  |\n");
        assert_eq!(report::resolve(&template, &record, &[]).is_err(), broken.ends_with("}}"), "{broken}");
    }
}

#[test]
fn the_completion_report() {
    let mut record = deployed();
    record.judge(&[
        criterion("File size", "≤ 5 MB/day"),
        criterion("Compression", "Snappy"),
        criterion("Row count", "> 0"),
    ]);
    let text = report::completion(&record, report::builtin("COMPLETION_REPORT").unwrap()).unwrap();
    insta::assert_snapshot!("completion_done", text);
}

#[test]
fn the_completion_report_of_an_order_that_did_nothing() {
    for outcome in [Outcome::Failed, Outcome::Rejected, Outcome::Uncertain, Outcome::Cancelled, Outcome::Partial] {
        let mut record = empty(outcome);
        record.order.title = None;
        let text = report::completion(&record, report::builtin("COMPLETION_REPORT").unwrap()).unwrap();
        for word in ["✅", "done", "success", "works"] {
            let found =
                text.lines().find(|line| line.to_lowercase().contains(word) && !line.starts_with("## Success Metrics"));
            assert_eq!(found, None, "{outcome}: {word}");
        }
        if outcome == Outcome::Failed {
            insta::assert_snapshot!("completion_failed", text);
        }
    }
}

#[test]
fn an_order_that_ended_before_its_commands_names_them_all_the_same() {
    let mut record = empty(Outcome::Failed);
    let said = |record: &_| report::completion(record, report::builtin("COMPLETION_REPORT").unwrap()).unwrap();
    let (none, ended) =
        ("The order names no command to run.", "None was run: the order ended before its verification.");
    assert!(said(&record).contains(none) && !said(&record).contains(ended));
    record.order.verification =
        vec![Command { language: "bash".to_owned(), text: "redis-cli ping".to_owned(), span: 0..14 }];
    assert!(!said(&record).contains(none) && said(&record).contains(ended));
}

#[test]
fn a_completion_report_has_these_sections_in_this_order() {
    let text = report::completion(&deployed(), report::builtin("COMPLETION_REPORT").unwrap()).unwrap();
    let sections: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(
        sections,
        [
            "Summary",
            "Work Completed",
            "Files Modified",
            "Validation Results",
            "Current System Status",
            "Success Metrics",
            "Artifacts Generated",
            "Commands for Reference",
            "Next Phase",
            "Evidence"
        ]
    );
    let bullets: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("- **")?.split(":**").next()).collect();
    assert_eq!(bullets, ["Agent", "Created", "Duration", "Status"]);
}

#[test]
fn the_result_fits_its_schema() {
    let schema: Json = serde_json::from_str(report::SCHEMA).unwrap();
    let mut full = deployed();
    full.judge(&[criterion("File size", "≤ 5 MB/day"), criterion("Something else", "Snappy")]);
    full.criteria.push(waived("LaunchAgent", "loads & runs automatically"));
    full.take("a.percent", Value::Percent(99.5), None);
    full.take("a.ratio", Value::Ratio { pass: 2, of: 3 }, Some(false));
    for record in [full.clone(), empty(Outcome::Rejected)] {
        let result = report::result_json(&record);
        let mut faults = Vec::new();
        check(&schema, &schema, &result, "", &mut faults);
        assert_eq!(faults, Vec::<String>::new(), "{result:#}");
    }
    let result = report::result_json(&full);
    assert_eq!(result["schema_version"], 1);
    assert_eq!(result["criteria"][2]["verdict"], "WAIVED");
    assert_eq!(result["criteria"][2]["reason"], "waived");
    assert_eq!(result["criteria"][2]["waiver"]["until"], "2026-12-31");
    assert_eq!(result["artifacts"][0]["sha256"], "2e".repeat(32));
}

#[test]
fn the_schema_finds_what_does_not_fit() {
    let schema: Json = serde_json::from_str(report::SCHEMA).unwrap();
    let good = report::result_json(&deployed());
    for (pointer, value) in [
        ("/outcome", Json::from("great")),
        ("/attempt", Json::from("1")),
        ("/attempt", Json::from(0)),
        ("/schema_version", Json::from(2)),
        ("/measurements/0/ok", Json::from("yes")),
        ("/steps/0/state", Json::from("fine")),
        ("/times", Json::Null),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = value;
        let mut faults = Vec::new();
        check(&schema, &schema, &bad, "", &mut faults);
        assert_eq!(faults.len(), 1, "{pointer}: {faults:?}");
    }
    let mut bad = good;
    bad.as_object_mut().unwrap().remove("reason");
    bad.as_object_mut().unwrap().insert("more".to_owned(), Json::Null);
    let mut faults = Vec::new();
    check(&schema, &schema, &bad, "", &mut faults);
    assert_eq!(faults.len(), 2, "{faults:?}");
}

/// The part of JSON Schema that our schema is written in; a keyword beyond it is a fault too.
fn check(root: &Json, schema: &Json, value: &Json, path: &str, faults: &mut Vec<String>) {
    for (keyword, wanted) in schema.as_object().unwrap() {
        match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" => {}
            "$ref" => {
                let target = root.pointer(wanted.as_str().unwrap().strip_prefix('#').unwrap()).expect("a definition");
                check(root, target, value, path, faults);
            }
            "const" if value == wanted => {}
            "enum" if wanted.as_array().unwrap().contains(value) => {}
            "minimum" if value.as_f64().is_none_or(|n| n >= wanted.as_f64().unwrap()) => {}
            "const" | "enum" | "minimum" => faults.push(format!("{path}: {keyword} {wanted}, not {value}")),
            "type" => {
                let is = |kind: &Json| match kind.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "integer" => value.is_i64() || value.is_u64(),
                    "boolean" => value.is_boolean(),
                    "null" => value.is_null(),
                    other => panic!("type {other}"),
                };
                if !wanted.as_array().map_or_else(|| is(wanted), |kinds| kinds.iter().any(is)) {
                    faults.push(format!("{path}: not of type {wanted}: {value}"));
                    return;
                }
            }
            "required" if value.is_object() => {
                let missing =
                    wanted.as_array().unwrap().iter().filter(|key| value.get(key.as_str().unwrap()).is_none());
                faults.extend(missing.map(|key| format!("{path}: {key} is missing")));
            }
            "additionalProperties" if value.is_object() => {
                let known = schema["properties"].as_object().unwrap();
                let more = value.as_object().unwrap().keys().filter(|key| !known.contains_key(*key));
                faults.extend(more.map(|key| format!("{path}: {key} is not known")));
            }
            "properties" if value.is_object() => {
                for (key, schema) in wanted.as_object().unwrap() {
                    if let Some(value) = value.get(key) {
                        check(root, schema, value, &format!("{path}/{key}"), faults);
                    }
                }
            }
            "items" if value.is_array() => {
                for (n, item) in value.as_array().unwrap().iter().enumerate() {
                    check(root, wanted, item, &format!("{path}/{n}"), faults);
                }
            }
            "required" | "additionalProperties" | "properties" | "items" => {}
            other => faults.push(format!("{path}: the schema uses `{other}`")),
        }
    }
}

#[test]
fn records_that_differ_in_times_alone_give_reports_that_differ_in_times_alone() {
    let template = report::builtin(PHASE).unwrap();
    let first = deployed();
    let mut second = deployed();
    second.started = at("2025-10-29T05:00:01Z");
    second.ended = at("2025-10-29T05:00:05.25Z");
    second.received = at("2025-10-29T05:00:00Z");
    for measurement in &mut second.measurements {
        measurement.at = at("2025-10-29T05:00:04Z");
    }
    let times = |text: &str| -> String {
        text.split(' ')
            .map(|word| if word.contains(":0") && word.len() >= 8 { "T" } else { word })
            .collect::<Vec<_>>()
            .join(" ")
    };
    let fill = |record: &report::RunRecord| report::fill(template, record).unwrap().text;
    assert_ne!(fill(&first), fill(&second));
    assert_eq!(times(&fill(&first)), times(&fill(&second)));
    assert_eq!(fill(&first), fill(&first.clone()));
    let completion =
        |record: &report::RunRecord| report::completion(record, report::builtin("COMPLETION_REPORT").unwrap()).unwrap();
    assert_eq!(times(&completion(&first)), times(&completion(&second)));
    let mut longer = artifact("x", 1, "00");
    longer.bytes = 2;
    second.measurements[0].artifact = Some(longer);
    assert_ne!(times(&fill(&first)), times(&fill(&second)));
}

#[test]
fn a_verdict_survives_the_journal() {
    let mut record = deployed();
    record.judge(&[criterion("File size", "≤ 5 MB/day")]);
    for judged in [waived("LaunchAgent", "Automatic"), record.criteria[0].clone()] {
        let text = serde_json::to_string(&judged).unwrap();
        let back = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(judged, back, "{text}");
    }
}
