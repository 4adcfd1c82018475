//! A stand-in for macOS's `launchctl` and launchd, for tests on machines that have neither.
//!
//! It keeps real state in the directory `$LAUNCHCTL_STATE`: one JSON file a bootstrapped service, with the property list as
//! it was read, the process, the raw wait status of the last run. Each service has a supervisor process that starts its job
//! as launchd does (RunAtLoad, KeepAlive, StartInterval, StartCalendarInterval, kickstart), with nothing but the plist's
//! environment and launchd's default PATH. What launchd refuses is refused; what could not start ends with 78 << 8.
//! Messages and exit statuses are those that launchctl(1) prints.
//!
//! A supervisor ends on bootout, when its state is gone, when the process `$LAUNCHCTL_OWNER` is gone, or after
//! `$LAUNCHCTL_LIFE_S` (1800 s): no test leaves one behind. `$LAUNCHCTL_THROTTLE_MS` replaces the 10 s between starts of a
//! kept-alive job. The verb `tick LABEL`, which the real one lacks, does what launchd does when the calendar matches.
//!
//! It shares no code with Workbridge, which is tested against it.
#![allow(clippy::print_stdout, reason = "it is a program")]

use std::path::PathBuf;
use std::process::ExitCode;

mod definition;
mod process;
mod state;
mod supervisor;
mod verbs;

use state::State;

/// An exit status and what goes to standard error with it.
struct Refusal(u8, String);

type Answer = Result<(), Refusal>;

fn refuse(code: u8, text: impl Into<String>) -> Refusal {
    Refusal(code, text.into())
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let Some(dir) = std::env::var_os("LAUNCHCTL_STATE").map(PathBuf::from) else {
        eprintln!("launchctl (stand-in): LAUNCHCTL_STATE names no directory");
        return ExitCode::from(64);
    };
    let state = State { dir };
    match state.answer(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Refusal(code, text)) => {
            eprintln!("{text}");
            ExitCode::from(code)
        }
    }
}
