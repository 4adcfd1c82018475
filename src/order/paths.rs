//! Paths in the text of an order, as written; whether they may be touched is decided elsewhere.

use super::fold;

/// The paths that a text names: what stands in backticks and looks like one, else words that do.
pub(crate) fn in_text(raw: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut quoted = false;
    for (n, part) in raw.split('`').enumerate() {
        if n % 2 == 1 {
            quoted = true;
            let part = part.trim();
            if is_path(part, true) && !found.iter().any(|known| known == part) {
                found.push(part.to_owned());
            }
        }
    }
    if !found.is_empty() || (quoted && raw.split('`').count() > 2 && has_only_code(raw)) {
        return found;
    }
    for word in fold::inline(raw).split_whitespace() {
        let word = word.trim_matches(['(', ')', ',', ';', '"', '\'', '[', ']']).trim_end_matches(['.', ':']);
        if is_path(word, false) && !found.iter().any(|known| known == word) {
            found.push(word.to_owned());
        }
    }
    found
}

/// Nothing but one code span: if that is no path, its words are none either.
fn has_only_code(raw: &str) -> bool {
    let raw = fold::strip_marks(raw);
    raw.starts_with('`') && raw.ends_with('`') && raw.matches('`').count() == 2
}

/// Whether a text is a path. Text in backticks may hold blanks and may be a bare file name.
pub(crate) fn is_path(text: &str, quoted: bool) -> bool {
    if text.is_empty()
        || text.len() > 400
        || text.contains("://")
        || text.contains(['\n', '|', '<', '>', '=', '"', '&', ';', '\0'])
    {
        return false;
    }
    let first = text.split_whitespace().next().unwrap_or("");
    if text.contains(char::is_whitespace)
        && (!quoted || !first.contains('/') || text.split_whitespace().any(|word| word.starts_with('-')))
    {
        return false;
    }
    let plain = text.chars().all(|c| c.is_alphanumeric() || "/._-~+@{}$()*% ".contains(c) || !c.is_ascii());
    let starts = text.starts_with(|c: char| c.is_alphanumeric() || "/.~_${".contains(c));
    if !plain || !starts || !text.chars().any(char::is_alphabetic) {
        return false;
    }
    let name = text.rsplit('/').next().unwrap_or(text);
    let has_ending = name.rsplit_once('.').is_some_and(|(stem, ending)| {
        !stem.is_empty()
            && (1..=9).contains(&ending.len())
            && ending.chars().all(|c| c.is_ascii_alphanumeric())
            && ending.starts_with(|c: char| c.is_ascii_alphabetic())
    });
    match text.matches('/').count() {
        0 => has_ending && (quoted || is_file_ending(name)) && !is_key(text, quoted),
        1 if !quoted => has_ending || text.ends_with('/') || text.starts_with(['/', '~', '.']),
        _ => true,
    }
}

/// `export.file_size` is a key, `digest.cjs` a file.
fn is_key(text: &str, quoted: bool) -> bool {
    quoted && text.contains('_') && !is_file_ending(text)
}

/// A bare word that ends so names a file. What programs leave beside their work is left out: without backticks, such a word is
/// more often a key or a unit (`worker.pid`, `export.timer`) than something to deliver.
fn is_file_ending(name: &str) -> bool {
    const LEFT_OUT: [&str; 7] = ["sqlite", "sqlite3", "lock", "pid", "timer", "gz", "zip"];
    file_ending(name).is_some_and(|ending| !LEFT_OUT.contains(&ending))
}

/// The endings of files that these systems have.
const ENDINGS: [&str; 42] = [
    "md", "cjs", "mjs", "js", "ts", "tsx", "jsx", "zsh", "sh", "bash", "py", "rb", "rs", "go", "plist", "parquet",
    "json", "jsonl", "yaml", "yml", "toml", "sql", "db", "sqlite", "sqlite3", "csv", "tsv", "html", "css", "xml",
    "log", "txt", "pdf", "conf", "ini", "service", "timer", "env", "lock", "pid", "gz", "zip",
];

/// The ending of a file's name, in lower case, where it is a known one.
pub(crate) fn file_ending(name: &str) -> Option<&'static str> {
    let (_, ending) = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty())?;
    ENDINGS.into_iter().find(|known| known.eq_ignore_ascii_case(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_from_words() {
        for (raw, expect) in [
            ("`run/parquet_exporter.cjs`", vec!["run/parquet_exporter.cjs"]),
            ("`a/b.zsh` and `c/d.zsh` (or `a/b.zsh`)", vec!["a/b.zsh", "c/d.zsh"]),
            ("`~/Library/LaunchAgents/com.x.plist`", vec!["~/Library/LaunchAgents/com.x.plist"]),
            ("knowledge/perf_rollup.cjs", vec!["knowledge/perf_rollup.cjs"]),
            ("writes g/reports/parquet/ and more.", vec!["g/reports/parquet/"]),
            ("digest.cjs (new)", vec!["digest.cjs"]),
            ("`digest.cjs`", vec!["digest.cjs"]),
            ("g/analytics/ops_atomic_YYYYMMDD.parquet", vec!["g/analytics/ops_atomic_YYYYMMDD.parquet"]),
            ("and/or, n/a, 3/3, 1× / day", vec![]),
            ("`node run/x.cjs --dry`", vec![]),
            ("`wo export --all`", vec![]),
            ("http://x/y.md", vec![]),
            ("`export.file_size`", vec![]),
            ("v1.2 and e.g. this", vec![]),
            ("worker.pid and Digest.CJS", vec!["Digest.CJS"]),
            ("`worker.pid` and `export_run.timer`", vec!["worker.pid"]),
            ("`g/my reports/ü.md`", vec!["g/my reports/ü.md"]),
        ] {
            assert_eq!(in_text(raw), expect, "{raw}");
        }
    }
}
