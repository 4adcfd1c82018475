//! Items and labels that say what must hold: judged as the same line of an order is, and green only where that passes.

use workbridge::evidence::{Outcome, Value};

use super::filled;
use super::record::{Taken as _, deployed, empty, state};

#[test]
fn an_item_that_states_a_criterion_is_ticked_where_it_holds() {
    let mut record = deployed();
    record.take("export.rows", Value::Count { n: 288, noun: "rows".to_owned() }, Some(true));
    record.take("export.coverage", Value::Ratio { pass: 4, of: 4 }, Some(true));
    let mut wrong = Vec::new();
    for (item, expect) in [
        ("File size ≤ 5 MB/day", "[x]"),
        ("**File size:** ≤ 5 MB", "[x]"),
        ("File size ≤ 1 kB", "[ ] ❌ [E1]"),
        ("Compression: Snappy", "[x]"),
        ("Compression is Snappy", "[x]"),
        ("Compression: zstd", "[ ] ❌ [E4]"),
        ("Row count > 0", "[x]"),
        ("Row count > 0 (in 4 files)", "[ ] (unmeasured)"),
        ("Row count > 500", "[ ] ❌ [E18]"),
        ("Schema mismatches: 0", "[x]"),
        ("Validation time < 2 s", "[x]"),
        ("Export frequency: 1× daily (02:30)", "[x]"),
        ("Export frequency: 1× daily (03:30)", "[ ] (unmeasured)"),
        ("Exporter script deployed", "[x]"),
        ("Log directory exists", "[x]"),
        ("LaunchAgent is loaded", "[x]"),
        ("Summary generated", "[x]"),
        ("Parquet file created", "[x]"),
        ("LaunchAgent runs automatically", "[x]"),
        ("ไฟล์ (Parquet file) created", "[x]"),
        ("สคริปต์ส่งออก (Exporter script)", "[x]"),
        ("Exporter script / สคริปต์ส่งออก", "[x]"),
        ("no schema errors", "[x]"),
        // a number says nothing good by being there
        ("Errors exist", "[ ] (unmeasured)"),
        ("Rows", "[x]"),
        ("File size", "[x]"),
        ("Compression", "[ ] (unmeasured)"),
        ("LaunchAgent not loaded", "[ ] (unmeasured)"),
        ("LaunchAgent is not loaded", "[ ] (unmeasured)"),
        ("No LaunchAgent loaded", "[ ] (unmeasured)"),
        ("❌ File size > 1 kB", "[ ] (unmeasured)"),
        ("File size > 1 kB ❌", "[ ] (unmeasured)"),
        ("Reject if: File size > 1 kB", "[ ] (unmeasured)"),
        ("~~File size ≤ 5 MB~~", "[ ] (unmeasured)"),
        ("Uptime ≥ 99%", "[ ] (unmeasured)"),
        ("Redis is loaded", "[ ] (unmeasured)"),
        ("CSV exporter script deployed", "[ ] (unmeasured)"),
        ("Exporter script `run/csv_exporter.cjs` deployed", "[ ] (unmeasured)"),
        ("Parquet file created in the backup", "[ ] (unmeasured)"),
        ("File size (of the backup) ≤ 5 MB", "[ ] (unmeasured)"),
        ("Owner: GG", "[ ] (unmeasured)"),
        ("Something nobody can measure", "[ ] (unmeasured)"),
    ] {
        let ticked = |mark: &str, record| {
            let text = filled(&format!("- {mark} {item}\n"), record);
            text.lines().next().and_then(|line| line.strip_suffix(item)).unwrap_or(&text).trim().to_owned()
        };
        let came_open = expect.replace(" (unmeasured)", "");
        let found = [ticked("[x]", &record), ticked("[ ]", &record), ticked("[x]", &empty(Outcome::Failed))];
        if found != [format!("- {expect}"), format!("- {came_open}"), "- [ ] (unmeasured)".to_owned()] {
            wrong.push((item, found));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_row_s_label_that_states_a_criterion_is_judged_alike() {
    let record = deployed();
    for (row, expect) in [
        ("| File size ≤ 5 MB/day | ✅ | |", "| File size ≤ 5 MB/day | ✅ Verified | 41.2 kB · "),
        ("| File size ≤ 1 kB | ✅ | |", "| File size ≤ 1 kB | ❌ Failed | 41.2 kB · "),
        ("| LaunchAgent is loaded | ✅ | |", "| LaunchAgent is loaded | ✅ Verified | loaded, pid 4711"),
        ("| สคริปต์ส่งออก (Exporter script) | ✅ | |", "| สคริปต์ส่งออก (Exporter script) | ✅ Verified | executable"),
        ("| Uptime ≥ 99% | ✅ | |", "| Uptime ≥ 99% | ☐ unmeasured | unmeasured: nothing measures it |"),
    ] {
        let text = filled(&format!("| Component | Status | Details |\n|---|---|---|\n{row}\n"), &record);
        assert!(text.contains(expect), "{row}: {text}");
    }
    let template =
        "| Component | Path | Status |\n|---|---|---|\n| Exporter script deployed | run/csv_exporter.cjs | ✅ |\n";
    assert!(filled(template, &record).contains("run/csv_exporter.cjs | ☐ unmeasured: "));
}

#[test]
fn what_an_item_states_of_something_broken_is_not_ticked() {
    let mut record = deployed();
    record.take("exporter.script", state(false, "not executable"), Some(false));
    record.take("export.file_size", Value::Bytes(6_000_000), Some(true));
    let text = filled("- [x] Exporter script deployed\n- [x] File size ≤ 5 MB\n", &record);
    assert!(text.starts_with("- [ ] ❌ [E18] Exporter script deployed\n- [ ] ❌ [E19] File size ≤ 5 MB\n"), "{text}");
}
