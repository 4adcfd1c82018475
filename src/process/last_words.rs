//! Why a program failed, in its own words.

/// What it named last as its error, else its last line; its standard error before its output.
pub fn why<'t>(stderr: &'t str, stdout: &'t str) -> Option<&'t str> {
    error(stderr).or_else(|| error(stdout)).or_else(|| last_line(stderr, stdout))
}

/// The last line that says something.
pub fn last_line<'t>(stderr: &'t str, stdout: &'t str) -> Option<&'t str> {
    lines(stderr).next().or_else(|| lines(stdout).next())
}

/// The last line that names an error: `ModuleNotFoundError: No module named 'memory'`, with its own words or a trace behind it.
pub fn error(text: &str) -> Option<&str> {
    lines(text).find(|line| names_error(line))
}

/// The lines of a program, last first, without the version with which Node ends every crash.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let is_version = |line: &&str| line.strip_prefix("Node.js v").is_some_and(|version| !version.contains(' '));
    text.lines().rev().map(str::trim).filter(move |line| !line.is_empty() && !is_version(line))
}

/// `Error: …`, `TypeError: …`, `Error [ERR_MODULE_NOT_FOUND]: …`, `sqlite3.OperationalError: …`
fn names_error(line: &str) -> bool {
    let Some((name, _)) = line.split_once(": ") else { return false };
    let name = name.split_once(" [").map_or(name, |(name, code)| if code.ends_with(']') { name } else { "" });
    let is_name = name.chars().all(|c| c.is_alphanumeric() || "._$".contains(c));
    is_name && (name.ends_with("Error") || name.ends_with("Exception"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_what_the_program_names_as_its_error() {
        let node = "node:internal/modules/cjs/loader:1143\n  throw err;\n  ^\n\nError: Cannot find module './index.cjs'\n\
                    Require stack:\n- /r/knowledge/check.cjs\n    at Module._resolveFilename (node:internal:1140:15) {\n  \
                    code: 'MODULE_NOT_FOUND',\n  requireStack: [ '/r/knowledge/check.cjs' ]\n}\n\nNode.js v20.20.2\n";
        let module = "Error [ERR_MODULE_NOT_FOUND]: Cannot find module '/r/index.mjs' imported from /r/check.mjs";
        for (stderr, stdout, expected) in [
            (node, "", "Error: Cannot find module './index.cjs'"),
            (&format!("{module}\n    at finalizeResolution\n\nNode.js v22.1.0"), "", module),
            (
                &format!("{node}npm error code 1\nnpm error command failed\n"),
                "> node x",
                "Error: Cannot find module './index.cjs'",
            ),
            (
                "Traceback:\n  File \"x.py\"\nModuleNotFoundError: No module named 'memory'\n",
                "",
                "ModuleNotFoundError: No module named 'memory'",
            ),
            ("sqlite3.OperationalError: no such table: x\n", "", "sqlite3.OperationalError: no such table: x"),
            (
                &format!(
                    "{}AssertionError: 3 rows expected, 0 found\n",
                    "DeprecationWarning: x is deprecated\n".repeat(30)
                ),
                "",
                "AssertionError: 3 rows expected, 0 found",
            ),
            // none is named: the last line, as it stands
            ("", "5 failed jobs\n\n", "5 failed jobs"),
            ("first\nlast: it failed\n", "more", "last: it failed"),
            ("Node.js v20.20.2", "", ""),
            ("Node.js v20 is too old\n", "", "Node.js v20 is too old"),
        ] {
            assert_eq!(why(stderr, stdout).unwrap_or_default(), expected, "{stderr}");
        }
    }
}
