//! Which fenced verification commands this handler's own measurements answer. Nothing is run here: a command is recognized
//! by what it asks, and answered by what was measured.

/// What a line asks, by words it holds: all of them → the measurement. The first that fits counts.
const ASKS: &[(&[&str], &str)] = &[
    (&["launchctl", "list"], "service.loaded"),
    (&["launchctl", "print"], "service.loaded"),
    (&["wo ", "services", "status"], "service.loaded"),
    (&["plutil", "-lint"], "service.plist"),
    (&["wo ", "verify"], "verify.checks"),
    (&["test_parquet_exporter"], "verify.checks"),
    (&["parquet_exporter", "--dry"], "export.dry_run"),
    (&["wo ", "export", "--dry"], "export.dry_run"),
    (&["run_parquet_exporter"], "export.live"),
    (&["parquet_exporter.cjs"], "export.live"),
    (&["wo ", "export"], "export.live"),
    (&["duckdb", "count("], "export.rows"),
    (&["duckdb"], "export.validation"),
    (&["wo ", "query"], "export.validation"),
    (&["ls", ".parquet"], "parquet.file"),
    (&["ls", "g/analytics"], "parquet.file"),
    (&["ls", "parquet_export_summary"], "export.summary"),
    (&["cat", "parquet_export_summary"], "export.summary"),
    (&["parquet_exporter.log"], "paths.logs"),
];

/// The measurements that answer a block, all of whose lines must be recognized.
pub fn keys(block: &str) -> Option<Vec<String>> {
    let mut keys = Vec::new();
    for line in block.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let folded = format!("{} ", line.to_lowercase());
        let (_, key) = ASKS.iter().find(|(words, _)| words.iter().all(|word| folded.contains(word)))?;
        if !keys.iter().any(|known| known == key) {
            keys.push((*key).to_owned());
        }
    }
    (!keys.is_empty()).then_some(keys)
}

#[cfg(test)]
mod tests {
    use super::keys;

    #[test]
    fn blocks() {
        for (block, expected) in [
            ("launchctl list | grep com.02luka.analytics.parquet", Some(vec!["service.loaded"])),
            (
                "# dry\nnode run/parquet_exporter.cjs --dry\nls -lh g/analytics/*.parquet",
                Some(vec!["export.dry_run", "parquet.file"]),
            ),
            ("rm -rf /", None),
            ("ls -lh g/analytics/*.parquet\nrm -rf /", None),
            ("# only a comment", None),
            ("", None),
        ] {
            let expected = expected.map(|keys| keys.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(keys(block), expected, "{block}");
        }
    }
}
