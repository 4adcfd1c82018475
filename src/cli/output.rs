//! Results on stdout. A reader that went away (`wo status | head -1`) is no error.

use std::io::{self, Write as _};
use std::time::Duration;

use comfy_table::{ContentArrangement, Table, presets};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::CliError;

/// Prints `text` as it is.
pub fn print(text: &str) -> Result<(), CliError> {
    print_on(text).map(drop)
}

/// The same, for what goes on printing: whether there is still somebody who reads.
pub fn print_on(text: &str) -> Result<bool, CliError> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(CliError::new(format!("failed to write the result: {error}"))),
    }
}

/// Pauses for `time`, and ends sooner where the reader goes away. Whether there is one still.
pub fn pause_while_read(time: Duration) -> bool {
    let out = io::stdout();
    // nothing is asked for: that the other end is closed is told all the same
    let mut looks = [PollFd::new(&out, PollFlags::empty())];
    let Ok(patience) = Timespec::try_from(time) else { return true };
    match poll(&mut looks, Some(&patience)) {
        Ok(0) => true,
        Ok(_) if looks.iter().any(|look| look.revents().intersects(PollFlags::ERR | PollFlags::HUP)) => false,
        // a signal, or nothing that can be asked
        _ => {
            std::thread::sleep(time);
            true
        }
    }
}

/// A line on stderr. Where that can't be written to there is nobody to tell, and the exit code says the rest.
pub fn complain(text: impl std::fmt::Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Prints `value` as indented JSON and a newline.
pub fn print_json(value: &impl serde::Serialize) -> Result<(), CliError> {
    print(&format!("{}\n", serde_json::to_string_pretty(value)?))
}

/// A plain table; cells are escaped and wrap at the terminal's width.
pub fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header);
    for row in rows {
        table.add_row(row.iter().map(|cell| crate::text::line(cell, 1_000)));
    }
    format!("{table}\n")
}
