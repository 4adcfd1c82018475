//! Which fenced verification commands this handler's own measurements answer. Nothing is run here: a command is recognized
//! by the whole of what it asks of what is deployed, and answered by what was measured of that.

use crate::deployed::record::Deployment;
use crate::handlers::Context;
use crate::handlers::command_line::{asks_for_service, names, names_any, script, without_flags};

/// The measurement that answers one command.
pub fn key(context: &Context, words: &[String]) -> Option<String> {
    let deployed = Deployment::load(&context.root).ok().flatten();
    let is_deployed = deployed.is_some();
    let deployment = deployed.unwrap_or_else(|| Deployment::standard(&context.config));
    measured(&deployment, is_deployed, context.root.path(), words).map(str::to_owned)
}

/// A script that no order deployed is somebody else's, whatever it is called: it may do anything.
fn measured(
    deployment: &Deployment,
    is_deployed: bool,
    root: &std::path::Path,
    words: &[String],
) -> Option<&'static str> {
    if asks_for_service(words, &deployment.label) {
        return Some("service.loaded");
    }
    let is = |word: &str, path: &str| names(word, path, root);
    let day_files = |word: &str| {
        is(word, &deployment.output) || names_any(word, &deployment.output, "ops_atomic_", ".parquet", root)
    };
    let is_dry = |arguments: &[String]| matches!(arguments, [dry] if dry == "--dry" || dry == "--dry-run");
    if let (true, Some((path, arguments))) = (is_deployed, script(words)) {
        let runs = |script: &Option<String>| script.as_ref().is_some_and(|script| is(path, script));
        if runs(&deployment.test_script) && arguments.is_empty() {
            // what it is written over; that it is there and whole is one of these checks
            return Some("verify.checks");
        }
        if runs(&deployment.exporter) || runs(&deployment.runner) {
            return match arguments {
                [] => Some("export.live"),
                _ if is_dry(arguments) => Some("export.dry_run"),
                _ => None,
            };
        }
    }
    let plain: Vec<&str> = words.iter().map(String::as_str).collect();
    match plain.as_slice() {
        ["plutil", "-lint", path] => {
            let file = deployment.plist.rsplit('/').next().unwrap_or_default();
            let in_agents = format!("Library/LaunchAgents/{file}");
            (is(path, &deployment.plist) || is(path, &in_agents)).then_some("service.plist")
        }
        ["wo", "services", "status"] => Some("service.loaded"),
        ["wo", "services", "status", label] => (*label == deployment.label).then_some("service.loaded"),
        ["wo", "verify", "parquet"] => Some("verify.checks"),
        ["wo", "export"] | ["wo", "export", "--all"] => Some("export.live"),
        ["wo", "export", "--dry" | "--dry-run"]
        | ["wo", "export", "--all", "--dry" | "--dry-run"]
        | ["wo", "export", "--dry" | "--dry-run", "--all"] => Some("export.dry_run"),
        ["duckdb", "-c", sql] | ["duckdb", ":memory:", "-c", sql] => {
            counted(sql).filter(|path| day_files(path)).map(|_| "export.rows")
        }
        ["ls", ..] => match without_flags(words.get(1..)?) {
            [path] if day_files(path) => Some("parquet.file"),
            [path] if names_any(path, &deployment.summaries, "parquet_export_summary_", ".md", root) => {
                Some("export.summary")
            }
            _ => None,
        },
        ["cat", path] if names_any(path, &deployment.summaries, "parquet_export_summary_", ".md", root) => {
            Some("export.summary")
        }
        _ => None,
    }
}

/// The files whose rows this counts, and nothing else.
fn counted(sql: &str) -> Option<String> {
    let words: Vec<&str> = sql.trim().trim_end_matches(';').split_whitespace().collect();
    let [select, count, from, source] = words.as_slice() else { return None };
    let is = |word: &str, expected: &str| word.eq_ignore_ascii_case(expected);
    if !is(select, "select") || !is(count, "count(*)") || !is(from, "from") {
        return None;
    }
    let source = match source.get(..13).filter(|head| is(head, "read_parquet(")) {
        Some(_) => source.get(13..)?.strip_suffix(')')?,
        None => source,
    };
    source.strip_prefix('\'')?.strip_suffix('\'').map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;
    use crate::handlers::command_line::commands;

    #[test]
    fn what_is_asked_of_what_is_deployed_and_nothing_else() {
        let deployment = Deployment::standard(&Config::default());
        let ask = |line: &str| {
            let words = commands(line).unwrap().concat();
            measured(&deployment, true, Path::new("/srv/home"), &words)
        };
        for (line, expected) in [
            ("launchctl list | grep com.02luka.analytics.parquet", Some("service.loaded")),
            ("launchctl list | grep com.02luka.other", None),
            ("node run/parquet_exporter.cjs --dry", Some("export.dry_run")),
            ("node ~/02luka/run/parquet_exporter.cjs", Some("export.live")),
            ("node run/parquet_exporter.cjs --date 2025-10-28", None),
            ("zsh scripts/analytics/run_parquet_exporter.zsh", Some("export.live")),
            ("./scripts/analytics/test_parquet_exporter.zsh", Some("verify.checks")),
            ("zsh scripts/other/test_parquet_exporter.zsh", None),
            ("ls -lh g/analytics/*.parquet", Some("parquet.file")),
            ("ls -lh g/analytics/ops_atomic_20251028.parquet", None),
            ("ls g/analytics/*.parquet | wc -l", None),
            ("wo verify parquet", Some("verify.checks")),
            ("wo verify monitor", None),
            ("wo export --all --dry-run", Some("export.dry_run")),
            ("duckdb -c \"SELECT count(*) FROM 'g/analytics/*.parquet'\"", Some("export.rows")),
            (
                "duckdb -c \"select count(*) from read_parquet('g/analytics/ops_atomic_*.parquet');\"",
                Some("export.rows"),
            ),
            ("duckdb -c \"select count(*) from '/tmp/x.parquet'\"", None),
            ("duckdb -c \"select sum(x) from 'g/analytics/*.parquet'\"", None),
            ("cat g/reports/parquet/parquet_export_summary_$(date +%Y%m%d).md", Some("export.summary")),
            ("cat g/reports/parquet/parquet_export_summary_20200101.md", None),
            ("tail -5 g/logs/parquet_exporter.log", None),
            ("rm -rf /", None),
        ] {
            assert_eq!(ask(line), expected, "{line}");
        }
        for (line, expected) in [
            ("zsh scripts/analytics/test_parquet_exporter.zsh", None),
            ("node run/parquet_exporter.cjs", None),
            ("wo verify parquet", Some("verify.checks")),
        ] {
            let words = commands(line).unwrap().concat();
            assert_eq!(measured(&deployment, false, Path::new("/srv/home"), &words), expected, "{line}, not deployed");
        }
    }
}
