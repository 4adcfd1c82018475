//! The scripts that jobs and habits name: thin shims over `wo export` and `wo verify`.
//!
//! Invariant: each pins the absolute `wo` and root and passes its arguments on unchanged; no path, whatever characters it
//! holds, is ever read as code. Each runs with nothing but `/bin/sh`, whatever shell or runtime its name speaks of.

use std::path::{Path, PathBuf};

/// What tells a shim of ours from a script of someone else's.
pub const MARKER: &str = "deployed by Workbridge";

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    /// `.cjs`, `.js`, `.mjs`: for Node, and for `/bin/sh` where Node is missing.
    Node,
    /// `.zsh`, `.sh`, `.bash`: all three understand the same body.
    Shell,
}

impl Language {
    /// By the name of the script's file.
    pub fn of(path: &str) -> Language {
        match Path::new(path).extension().and_then(|extension| extension.to_str()) {
            Some("cjs" | "js" | "mjs") => Language::Node,
            _ => Language::Shell,
        }
    }
}

/// Why a script can't name a path.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unnameable(String);

/// The text of a shim that runs `wo --root ROOT ARGS… "$@"`.
pub fn render(
    language: Language,
    about: &str,
    program: &Path,
    root: &Path,
    args: &[String],
) -> Result<String, Unnameable> {
    let program = plain(program)?;
    let root = plain(root)?;
    let words: Vec<&str> = [program, "--root", root].into_iter().chain(args.iter().map(String::as_str)).collect();
    let command = words.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ");
    Ok(match language {
        Language::Shell => {
            format!("#!/bin/sh\n# {about}; {MARKER}.\n# Arguments are passed on, e.g. --dry.\nexec {command} \"$@\"\n")
        }
        Language::Node => {
            let list = words[1..].iter().map(|word| js_string(word)).collect::<Vec<_>>().join(", ");
            // the second line is a string and a comment to Node, and the whole program to a shell
            format!(
                "#!/bin/sh\n\
                 ':' //; exec {command} \"$@\"\n\
                 // {about}; {MARKER}.\n\
                 // Arguments are passed on, e.g. --dry. Run by Node or by any shell.\n\
                 'use strict';\n\
                 const {{ spawnSync }} = require('node:child_process');\n\
                 const run = spawnSync({program}, [{list}, ...process.argv.slice(2)], {{ stdio: 'inherit' }});\n\
                 if (run.error) {{\n  \
                   console.error(`failed to start wo: ${{run.error.message}}`);\n  \
                   process.exit(2);\n\
                 }}\n\
                 process.exit(run.status === null ? 1 : run.status);\n",
                program = js_string(program),
            )
        }
    })
}

/// Whether a shim of ours, as it stands on disk, is about this root: one that was moved or copied with its root still pins
/// the old place.
pub fn is_about(shim: &[u8], root: &Path) -> bool {
    let Ok(root) = plain(root) else { return false };
    let word = format!(" --root {} ", shell_word(root));
    String::from_utf8_lossy(shim).lines().any(|line| line.contains("exec ") && line.contains(&word))
}

/// The `wo` that a shim of ours names, as it stands on disk. Another program than one of that name is none of ours.
pub fn program(shim: &[u8]) -> Option<PathBuf> {
    let text = String::from_utf8_lossy(shim);
    let word = text.lines().find_map(|line| Some(line.split_once("exec ")?.1.split_once(" --root ")?.0))?;
    let word = word.strip_prefix('\'').and_then(|word| word.strip_suffix('\'')).unwrap_or(word);
    Some(PathBuf::from(word.replace("'\\''", "'"))).filter(|path| path.file_name().is_some_and(|name| name == "wo"))
}

/// A path that can stand in a line of a script: UTF-8 and without line ends of any kind.
fn plain(path: &Path) -> Result<&str, Unnameable> {
    let refuse = |why| {
        Unnameable(format!(
            "a script cannot name `{}`: the path {why}\nhint: move the root or `wo` to a path of ordinary characters",
            path.display().to_string().escape_debug()
        ))
    };
    let text = path.to_str().ok_or_else(|| refuse("is not UTF-8"))?;
    if text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        return Err(refuse("holds control characters or line separators"));
    }
    Ok(text)
}

/// One word for a POSIX shell: single quotes, and each single quote closed, escaped and opened again.
fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A JavaScript string; JSON's are a subset since ES2019.
fn js_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::{self, Spec};

    const ODD: &str = "ราก it's \"a\" $(touch x) `b` \\n ; & | * ? # ! ~ é";

    /// A program that prints its arguments, one a line, and exits 7.
    fn echo(dir: &Path) -> std::path::PathBuf {
        let path = dir.join("wo");
        crate::durable::write(
            &path,
            b"#!/bin/sh\nfor word in \"$@\"; do printf '%s\\n' \"$word\"; done\nexit 7\n",
            0o755,
        )
        .unwrap();
        path
    }

    fn run(spec: Spec) -> (process::End, String) {
        let output = process::run(&spec).unwrap();
        (output.end, output.stdout_text() + &output.stderr_text())
    }

    #[test]
    fn each_language_passes_every_character_and_the_exit_status() {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().join(ODD);
        std::fs::create_dir_all(&root).unwrap();
        let wo = echo(&root);
        let args = ["export".to_owned(), "--compression".to_owned(), "zstd".to_owned()];
        let expected = format!("--root\n{}\nexport\n--compression\nzstd\n--dry\ntwo words $HOME\n", root.display());
        for (language, name) in [(Language::Shell, "runner.zsh"), (Language::Node, "exporter.cjs")] {
            let text = render(language, "Parquet exporter", &wo, &root, &args).unwrap();
            assert!(is_about(text.as_bytes(), &root) && !is_about(text.as_bytes(), scratch.path()), "{text}");
            assert_eq!(program(text.as_bytes()).as_ref(), Some(&wo), "{text}");
            let other = render(language, "Parquet exporter", Path::new("/usr/bin/true"), &root, &args).unwrap();
            assert_eq!(program(other.as_bytes()), None, "{other}");
            let path = root.join(name);
            crate::durable::write(&path, text.as_bytes(), 0o755).unwrap();
            let mut ways = vec![Spec::new(&path)];
            for shell in ["sh", "bash", "zsh", "dash"] {
                let program = process::find_on_path(shell, process::DEFAULT_PATH);
                ways.extend(program.map(|program| Spec::new(program).args([&path])));
            }
            if language == Language::Node {
                let program = process::find_on_path("node", &std::env::var("PATH").unwrap_or_default());
                ways.extend(program.map(|program| Spec::new(program).args([&path])));
            }
            for way in ways {
                let shown = way.program.display().to_string();
                let (end, text) = run(way.args(["--dry", "two words $HOME"]).dir("/"));
                assert_eq!((end, text.as_str()), (process::End::Exit(7), expected.as_str()), "{shown}");
            }
        }
        assert!(!root.join("x").exists() && !Path::new("/x").exists());
    }

    #[test]
    fn a_path_that_would_end_the_line_is_refused() {
        for odd in ["/a\nb", "/a\rb", "/a\u{2028}b", "/a\u{1b}[0m"] {
            let result = render(Language::Node, "x", Path::new("/wo"), Path::new(odd), &[]);
            assert!(result.is_err(), "{odd:?}");
        }
    }
}
