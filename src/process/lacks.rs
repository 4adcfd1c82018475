//! What a program that is there lacks to be started: of its interpreter and its folder too the system says no more than "No
//! such file or directory".

use std::io::{self, Read as _};
use std::path::Path;

/// A `#!` line is no longer than this.
const HEAD_BYTES: u64 = 512;

/// `error`, of starting `program` in `dir`, as what is really missing.
pub(super) fn named(program: &Path, dir: Option<&Path>, error: io::Error) -> io::Error {
    match what(program, dir).filter(|_| error.kind() == io::ErrorKind::NotFound) {
        Some(what) => io::Error::new(io::ErrorKind::NotFound, what),
        None => error,
    }
}

fn what(program: &Path, dir: Option<&Path>) -> Option<String> {
    if let Some(dir) = dir.filter(|dir| !dir.is_dir()) {
        return Some(format!("its folder `{}` does not exist", dir.display()));
    }
    let mut head = Vec::new();
    crate::files::open_regular(program).ok()?.take(HEAD_BYTES).read_to_end(&mut head).ok()?;
    let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    if line.ends_with(b"\r") {
        return Some("its first line ends in CR, which becomes part of a name; save it with LF line ends".to_owned());
    }
    let line = String::from_utf8_lossy(line);
    let interpreter = line.split_whitespace().next()?;
    let shown = crate::text::line(interpreter, 120);
    (!Path::new(interpreter).exists()).then(|| format!("its interpreter `{shown}` does not exist"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::{Spec, run};

    #[test]
    fn what_is_missing_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let script = dir.path().join("db.sh");
        let shown = script.display().to_string();
        for (text, folder, expected) in [
            ("#!/bin/sh\nexit 0\n", "", None),
            ("#!/opt/none/bin/bash -e\nexit 0\n", "", Some("its interpreter `/opt/none/bin/bash` does not exist")),
            ("#! /opt/none/bin/bash", "", Some("its interpreter `/opt/none/bin/bash` does not exist")),
            ("#!/bin/sh\r\nexit 0\r\n", "", Some("its first line ends in CR")),
            ("#!/bin/sh\nexit 0\n", "gone", Some("/gone` does not exist")),
        ] {
            std::fs::write(&script, text).unwrap();
            std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
            let ran = run(&Spec::new(&script).dir(dir.path().join(folder))).map_err(|error| error.to_string());
            match (expected, ran) {
                (None, ran) => assert!(ran.is_ok_and(|ran| ran.success()), "{text}"),
                (Some(said), ran) => {
                    let error = ran.expect_err(text);
                    assert!(error.starts_with(&format!("failed to start `{shown}`: ")), "{error}");
                    assert!(error.contains(said) && !error.contains("No such file"), "{error}");
                }
            }
        }
        // the program itself
        let error = run(&Spec::new(dir.path().join("none"))).unwrap_err().to_string();
        assert!(error.contains("No such file"), "{error}");
    }
}
