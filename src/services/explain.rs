//! Exit statuses of services in words, e.g. 19968.
//!
//! Three kinds of numbers are around. `LastExitStatus` of `launchctl list LABEL` is a raw wait status: an exit status times
//! 256, or a signal's number (plus 128 with a core dump). The second column of `launchctl list` and our own reports hold
//! the exit status itself, negative for a signal. A number from 1 to 255 may be either; then both readings are given. Any
//! other number is none, and is called so.

use serde::Serialize;

use super::job::{Cause, Job, causes};

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The number that was asked for.
    pub status: i32,
    /// Exit status, negative for a signal.
    pub exit: i32,
    /// What it means, one sentence a line.
    pub meaning: Vec<String>,
    /// The usual causes, each tested, when the job's plist was given.
    pub causes: Vec<Cause>,
}

impl Explanation {
    /// Tests the usual causes for `job`.
    pub fn tested(mut self, job: &Job) -> Self {
        if self.exit != 0 {
            self.causes = causes(job);
        }
        self
    }

    /// The causes that were found.
    pub fn found(&self) -> impl Iterator<Item = &Cause> {
        self.causes.iter().filter(|cause| cause.found == Some(true))
    }
}

/// Linux has 64 signals, macOS 31.
const SIGNAL_MAX: i32 = 64;

/// Exit status, negative for a signal, of a raw wait status such as launchd's `LastExitStatus`.
pub fn decode_wait_status(raw: i32) -> i32 {
    match raw & 0x7f {
        0 => (raw >> 8) & 0xff,
        signal => -signal,
    }
}

/// Explains a status, raw or not.
pub fn explain(status: i32) -> Explanation {
    let is_raw = (256..=255 * 256).contains(&status) && status % 256 == 0;
    if !is_raw && !(-SIGNAL_MAX..256).contains(&status) {
        let why = format!(
            "{status} is no status that a process ends with: neither an exit status (0 to 255), nor one times 256, nor a signal \
             (-1 to -{SIGNAL_MAX})"
        );
        return Explanation { status, exit: status, meaning: vec![why], causes: Vec::new() };
    }
    let exit = if is_raw { decode_wait_status(status) } else { status };
    let mut meaning = Vec::new();
    if is_raw {
        meaning.push(format!("{status} is a raw wait status: {exit} × 256, so the exit status is {exit}"));
    }
    meaning.push(if exit < 0 { signal_meaning(exit.unsigned_abs()) } else { exit_meaning(exit) });
    let as_raw = decode_wait_status(status).unsigned_abs();
    // 127 in the low bits would be "stopped", which a job that ended is not
    if (1..256).contains(&status) && (1..=31).contains(&as_raw) {
        let core = if status & 0x80 != 0 { ", with a core dump" } else { "" };
        let meaning_as_raw = signal_meaning(as_raw);
        meaning.push(format!(
            "if it is `LastExitStatus` of `launchctl list LABEL`, it is a raw wait status{core}: {meaning_as_raw}"
        ));
    }
    Explanation { status, exit, meaning, causes: Vec::new() }
}

fn exit_meaning(exit: i32) -> String {
    let text = match exit {
        0 => "success; a program that produced nothing ends so, too",
        1 => "the program failed in its own way; its log says how",
        2 => "the program was used wrongly: arguments or configuration; of a shell, a syntax error",
        64..=77 => return format!("exit status {exit}: the program failed ({})", sysexits(exit)),
        78 => {
            "EX_CONFIG: launchd could not even start the program: a log path that can't be opened, a working directory or \
             volume that is gone, a program that is missing or not executable, a bad `#!` line, or macOS refused access \
             (TCC: ~/Documents, ~/Desktop, removable volumes)"
        }
        126 => "a shell found the command but could not execute it: not executable, or a bad `#!` line",
        127 => "a shell did not find the command: it is not on the job's PATH",
        128 => "the program ended with an odd status; of git, a fatal error",
        129..=159 => {
            return format!(
                "exit status {exit}: of a shell, its command was ended by {}",
                signal_name(exit.unsigned_abs() - 128)
            );
        }
        255 => "the program failed with -1; of ssh, the connection failed",
        _ => "the program failed in its own way; its log says how",
    };
    format!("exit status {exit}: {text}")
}

/// sysexits.h
fn sysexits(exit: i32) -> &'static str {
    const NAMES: [&str; 14] = [
        "EX_USAGE: wrong arguments",
        "EX_DATAERR: bad input",
        "EX_NOINPUT: an input file is missing",
        "EX_NOUSER: unknown user",
        "EX_NOHOST: unknown host",
        "EX_UNAVAILABLE: something it needs is not available",
        "EX_SOFTWARE: an error inside the program",
        "EX_OSERR: the system refused",
        "EX_OSFILE: a system file is missing",
        "EX_CANTCREAT: an output file can't be made",
        "EX_IOERR: reading or writing failed",
        "EX_TEMPFAIL: try again later",
        "EX_PROTOCOL: the other side spoke nonsense",
        "EX_NOPERM: not permitted",
    ];
    usize::try_from(exit - 64).ok().and_then(|n| NAMES.get(n)).copied().unwrap_or("unknown")
}

fn signal_meaning(signal: u32) -> String {
    let text = match signal {
        15 => "asked to end: the normal end when a service is booted out, replaced or restarted",
        9 => "killed: by launchd after it ignored SIGTERM, by a person, or for want of memory",
        2 => "interrupted",
        1 => "hung up",
        6 => "it aborted itself: a failed assertion or a panic",
        4 | 5 | 7 | 8 | 10 | 11 => "it crashed",
        13 => "it wrote to a pipe that nobody read",
        _ => "ended by a signal",
    };
    format!("{}: {text}", signal_name(signal))
}

fn signal_name(signal: u32) -> String {
    let name = match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        _ => return format!("signal {signal}"),
    };
    format!("signal {signal} ({name})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses() {
        #[track_caller]
        fn check(status: i32, exit: i32, parts: &[&str]) {
            let explanation = explain(status);
            let text = explanation.meaning.join("\n");
            assert_eq!(explanation.exit, exit, "{text}");
            parts.iter().for_each(|part| assert!(text.contains(part), "{part} in {text}"));
        }
        check(19968, 78, &["78 × 256", "EX_CONFIG", "could not even start", "TCC"]);
        check(78, 78, &["EX_CONFIG"]);
        check(0, 0, &["success"]);
        check(256, 1, &["1 × 256", "its log"]);
        check(32512, 127, &["not on the job's PATH"]);
        check(127, 127, &["not on the job's PATH"]);
        check(126, 126, &["not executable"]);
        check(-15, -15, &["SIGTERM", "normal"]);
        check(15, 15, &["exit status 15", "raw wait status: signal 15 (SIGTERM)"]);
        check(139, 139, &["SIGSEGV", "core dump"]);
        check(143, 143, &["ended by signal 15"]);
        check(70, 70, &["EX_SOFTWARE"]);
        check(65280, 255, &["255 × 256"]);
        check(-64, -64, &["signal 64"]);
        // 65536 is no success, and 4991 is that of a process that was stopped
        for none in [65536, 131_072, 65_281, 257, 4991, -65, -256, i32::MIN, i32::MAX] {
            check(none, none, &["no status that a process ends with"]);
        }
    }

    #[test]
    fn raw_statuses() {
        for (raw, exit) in [(0, 0), (19968, 78), (15, -15), (9, -9), (139, -11), (256, 1), (65280, 255)] {
            assert_eq!(decode_wait_status(raw), exit);
        }
    }
}
