//! What a text beside a green sign says in words: it must have been measured, as an item of a checklist with the same words.

use workbridge::evidence::Value;

use super::filled;
use super::record::{Taken as _, deployed};

#[test]
fn what_is_said_beside_a_sign_must_be_so() {
    let mut record = deployed();
    let schedule = record.measurements.iter().find(|one| one.key == "export.frequency").unwrap().value.clone();
    record.take("export.schedule", schedule, Some(true));
    record.take("export.compression", Value::Word("Snappy".to_owned()), Some(true));
    record.take("export.rows", Value::Count { n: 864, noun: "rows".to_owned() }, Some(true));
    for (key, path) in [
        ("exporter.runner", "scripts/analytics/run_parquet_exporter.zsh"),
        ("exporter.script", "run/parquet_exporter.cjs"),
        ("service.loaded", "com.02luka.analytics.parquet"),
        ("paths.output", "g/analytics/"),
    ] {
        let one = record.measurements.iter_mut().find(|one| one.key == key).unwrap();
        one.how = format!("{} at `{path}`", one.how);
    }
    let mut wrong = Vec::new();
    for (line, signs) in [
        // denied
        ("- **LaunchAgent loaded:** ✅ Unloaded", "☐❌"),
        ("- **LaunchAgent loaded:** ✅ Not loaded", "☐❌"),
        ("LaunchAgent loaded: ✅ removed", "☐❌"),
        ("- LaunchAgent loaded ✅ (unloaded)", "☐❌"),
        ("- LaunchAgent loaded — ✅ unloaded", "☐❌"),
        ("> **LaunchAgent loaded:** ✅ Unloaded", "☐❌"),
        ("**Exporter script:** ✅ Deleted", "☐❌"),
        ("**Exporter script:** Deleted ✅", "☐❌"),
        ("Exporter script: ✅ missing, as intended", "☐❌"),
        ("**Exporter script:** ✅ Deployed, then removed", "☐❌"),
        ("**Exporter script:** ✅ Ready but not executable", "☐❌"),
        ("**Parquet file:** ✅ Empty", "☐❌"),
        ("**Two readers agree:** ✅ No", "☐❌"),
        ("**Rows:** ✅ none", "☐❌"),
        ("**Compression:** ✅ Disabled", "☐❌"),
        ("**Output directory:** ✅ Cleaned", "☐❌"),
        // other things
        ("**Runner script**: ✅ Deployed (`scripts/other.zsh`)", "☐❌"),
        ("- Runner script: ✅ `scripts/other.zsh`", "☐❌"),
        ("- Runner script: ✅ Installed to /opt/other/run.zsh", "☐❌"),
        ("LaunchAgent loaded: ✅ loaded (com.02luka.optimizer)", "☐❌"),
        ("Output directory: ✅ /var/data", "☐❌"),
        // other times
        ("**Schedule:** ✅ hourly", "☐❌"),
        ("**Schedule:** ✅ weekly", "☐❌"),
        ("- **Schedule:** ✅ every 5 minutes", "☐❌"),
        ("**Schedule:** ✅ every Sunday", "☐❌"),
        ("**Schedule:** ✅ 2:30 PM", "☐❌"),
        ("**Schedule:** ✅ 02:30 Europe/Berlin", "☐❌"),
        ("**Schedule:** ✅ StartInterval 300 s", "☐❌"),
        ("- [x] Schedule (hourly)", "☐❌"),
        ("| Check | Result |\n|---|---|\n| Schedule (hourly) | ✅ |", "☐❌"),
        ("| Component | State |\n|---|---|\n| Schedule (weekly) | ✅ OK |", "☐❌"),
        // what nothing measures
        ("**Parquet file:** ✅ uploaded to S3", "☐❌"),
        ("**Parquet file:** ✅ encrypted", "☐❌"),
        ("**Parquet file:** ✅ written and uploaded to S3", "☐❌"),
        ("LaunchAgent loaded: ✅ survives reboot", "☐❌"),
        ("LaunchAgent loaded: ✅ Loaded, survives reboot", "☐❌"),
        ("LaunchAgent loaded: ✅ runs as root", "☐❌"),
        ("| รายการ | ผลลัพธ์ |\n|---|---|\n| Exporter script | ✅ Deleted |", "☐❌"),
        ("**Exporter script:** ☐ Installed / ✅ Removed", "☐❌"),
        // that it works
        ("**LaunchAgent loaded:** ✅ Loaded", "✅"),
        ("**LaunchAgent loaded:** ✅ Loaded and running", "✅"),
        ("- LaunchAgent loaded ✅ (loaded)", "✅"),
        ("**Exporter script:** ✅ Deployed & executable", "✅"),
        ("**Exporter script:** Deployed ✅", "✅"),
        ("**Exporter script:** ✅ is deployed", "✅"),
        ("**Exporter script:** ✅ ใช้งานได้", "✅"),
        ("**Two readers agree:** ✅ Yes", "✅"),
        ("**Exporter script:** ☐ Pending / ✅ Verified", "✅"),
        ("**Exporter script:** ☐ Pending / ✅ Complete", "✅"),
        ("| รายการ | ผลลัพธ์ |\n|---|---|\n| Exporter script | ✅ Deployed |", "✅"),
        // what was measured
        ("**Runner script**: ✅ scripts/analytics/run_parquet_exporter.zsh", "✅"),
        ("**Runner script**: ✅ Deployed (`scripts/analytics/run_parquet_exporter.zsh`)", "✅"),
        ("- Runner script: ✅ Installed to `scripts/analytics/`", "✅"),
        ("**LaunchAgent loaded:** ✅ loaded as com.02luka.analytics.parquet", "✅"),
        ("**Schedule:** ✅ Daily", "✅"),
        ("**Schedule:** ✅ daily at 2:30 AM", "✅"),
        ("**Schedule:** ✅ 02:30 daily (Asia/Bangkok)", "✅"),
        ("**Schedule:** ✅ runs daily at 02:30", "✅"),
        ("- [x] Schedule (02:30 daily)", "✅"),
        ("**Compression:** ✅ Snappy", "✅"),
        ("**Compression:** ✅ Snappy codec (the default)", "✅"),
        ("**Rows:** ✅ 864", "✅"),
        ("**Rows:** ✅ 864 rows in 4 files", "✅"),
        ("**File size:** ✅ 41.2 kB", "✅"),
        ("**File size:** ✅ 41 kB, well below the limit", "✅"),
        ("**Schema mismatches:** ✅ none", "✅"),
        ("**Schema mismatches:** ✅ 0", "✅"),
        ("**Two readers agree:** ✅ both readers see 864 rows", "✅"),
        // who and where else
        ("**Exporter script:** ✅ Verified by CLC", "✅"),
        ("**Exporter script:** ✅ Tested and working", "✅"),
        ("**Exporter script:** ✅ seen by ops", "✅"),
        ("**Exporter script:** ✅ signed off by CLC", "✅"),
        ("**Exporter script:** ✅ ติดตั้งแล้ว", "✅"),
        ("**Exporter script:** ✅ funktioniert", "✅"),
        ("**LaunchAgent:** ✅ loaded as com.02luka.optimizer", "☐"),
        ("**LaunchAgent:** ✅ loaded from /opt/other.plist", "☐"),
        ("**Exporter script:** ✅ done – see below", "✅"),
        ("**Exporter script:** ✅ Deployed – details in section 4", "✅"),
        ("- **Exporter script:** ✅ Deployed (see `docs/exporter.md`)", "✅"),
        ("- **Exporter script**: ✅ Deployed (Node shim)", "✅"),
        ("- [x] Exporter script (Node shim)", "✅"),
        ("- ✅ **Exporter script** — deployed", "✅"),
    ] {
        let text = filled(&format!("{line}\n"), &record);
        let last = text.trim_end().lines().last().unwrap();
        let shown: Vec<&str> = ["✅", "❌", "☐", "[ ]", "[x]"].into_iter().filter(|sign| last.contains(sign)).collect();
        let is_green = shown.contains(&"✅") || shown.contains(&"[x]");
        if is_green != (signs == "✅") {
            wrong.push(format!("{line}: {last}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// `readable` is asked of what reads the file, not of what sees that it is there.
#[test]
fn a_file_that_can_not_be_read_is_no_readable_one() {
    let mut record = deployed();
    let lines = [
        "**Parquet:** ✅ readable",
        "**Parquet file:** ✅ Valid, readable by DuckDB",
        "- [x] Parquet readable",
        "- [x] Output is valid",
        "| Component | State |\n|---|---|\n| Parquet readable | ✅ OK |",
        "| Metric | Target | Actual | Status |\n|---|---|---|---|\n| Parquet | readable | | |",
        "| Metric | Target | Actual | Status |\n|---|---|---|---|\n| Output file | present and valid | | |",
    ];
    for works in [true, false] {
        record.take("export.validation", super::record::state(works, "2 files"), Some(works));
        for line in lines {
            let text = filled(&format!("{line}\n"), &record);
            let last = text.trim_end().lines().last().unwrap();
            assert_eq!(last.contains('✅') || last.contains("[x]"), works, "{line}: {last}");
        }
        let text = filled("**Parquet file:** ✅ written\n", &record);
        assert!(text.contains("✅"), "{text}");
    }
}
