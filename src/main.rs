//! `wo`: everything but SQL.

use std::process::ExitCode;

fn main() -> ExitCode {
    workbridge::cli::main()
}
