//! systemd user units and timers (systemd.service(5), systemd.timer(5), systemd.time(7)) rendered from a definition, so that
//! whoever keeps services with systemd can install them by hand. `wo` does not drive systemd: on Linux the schedule that
//! `wo up` embeds is the manager, and choosing `systemd` in `wo.toml` is an error that says so.

use std::fmt::Write as _;
use std::path::Path;

use super::{ServiceDefinition, Start};
use crate::schedule::calendar::describe;
use crate::schedule::ledger;

/// `LABEL.service`, and `LABEL.timer` for what is started by time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Units {
    pub service: String,
    pub timer: Option<String>,
}

pub fn render(definition: &ServiceDefinition) -> Units {
    Units { service: service(definition), timer: timer(definition) }
}

fn service(definition: &ServiceDefinition) -> String {
    let kept_alive = definition.start == Start::KeepAlive;
    let mut text = format!("[Unit]\nDescription={} ({})\n", definition.label, describe(&definition.start));
    text.push_str("\n[Service]\n");
    text.push_str(if kept_alive { "Type=exec\n" } else { "Type=oneshot\n" });
    let words: Vec<String> = definition.program.iter().map(|word| quoted(&word.replace('$', "$$"))).collect();
    let _ = writeln!(text, "ExecStart={}", words.join(" "));
    let _ = writeln!(text, "WorkingDirectory={}", path(&definition.working_directory));
    let service = (ledger::SERVICE.to_owned(), definition.label.clone());
    for (key, value) in definition.environment.iter().chain([(&service.0, &service.1)]) {
        let _ = writeln!(text, "Environment={}", quoted(&format!("{key}={value}")));
    }
    let _ = writeln!(text, "StandardOutput=append:{}", path(&definition.stdout));
    let _ = writeln!(text, "StandardError=append:{}", path(&definition.stderr));
    if kept_alive {
        text.push_str("Restart=always\nRestartSec=10\n\n[Install]\nWantedBy=default.target\n");
    }
    text
}

fn timer(definition: &ServiceDefinition) -> Option<String> {
    let when = match &definition.start {
        Start::KeepAlive => return None,
        Start::Calendar { at, weekday } => {
            let day = weekday.map(|weekday| format!("{weekday:?}").chars().take(3).collect::<String>() + " ");
            // Persistent makes up a run that was missed while the machine was off
            format!("OnCalendar={}*-*-* {}\nPersistent=true\n", day.unwrap_or_default(), at.strftime("%H:%M:%S"))
        }
        Start::Interval { every_s } => format!("OnActiveSec={every_s}s\nOnUnitActiveSec={every_s}s\n"),
    };
    let at_load = if definition.run_at_load { "OnActiveSec=0\n" } else { "" };
    Some(format!(
        "[Unit]\nDescription={label} ({when})\n\n[Timer]\n{at_load}{lines}AccuracySec=1s\nUnit={label}.service\n\n\
         [Install]\nWantedBy=timers.target\n",
        label = definition.label,
        when = describe(&definition.start),
        lines = when,
    ))
}

/// One word of `ExecStart` or `Environment`: quoted, with C escapes, `%` doubled since it begins a specifier.
fn quoted(word: &str) -> String {
    let mut text = String::from("\"");
    for c in word.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            '%' => text.push_str("%%"),
            c if c.is_control() => text.push_str(&format!("\\x{:02x}", c as u32)),
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

/// A path setting takes the rest of its line as it is, but for specifiers.
fn path(path: &Path) -> String {
    path.to_string_lossy().replace('%', "%%").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::target::Weekday;

    fn definition(start: Start) -> ServiceDefinition {
        ServiceDefinition {
            label: "com.02luka.analytics.parquet".to_owned(),
            program: vec!["/bin/echo".to_owned(), "50% of \"ค่า\" $HOME".to_owned()],
            working_directory: "/tmp".into(),
            environment: [("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into(),
            start,
            run_at_load: true,
            stdout: "/tmp/with space/out.log".into(),
            stderr: "/tmp/with space/err.log".into(),
        }
    }

    #[test]
    fn a_daily_job() {
        let weekday = Some(Weekday::Sunday);
        let units = render(&definition(Start::Calendar { at: "02:30".parse().unwrap(), weekday }));
        assert_eq!(
            units.service,
            "[Unit]\nDescription=com.02luka.analytics.parquet (Sundays at 02:30)\n\n[Service]\nType=oneshot\n\
             ExecStart=\"/bin/echo\" \"50%% of \\\"ค่า\\\" $$HOME\"\nWorkingDirectory=/tmp\n\
             Environment=\"PATH=/usr/bin:/bin\"\nEnvironment=\"WO_SERVICE=com.02luka.analytics.parquet\"\n\
             StandardOutput=append:/tmp/with space/out.log\nStandardError=append:/tmp/with space/err.log\n"
        );
        assert_eq!(
            units.timer.unwrap(),
            "[Unit]\nDescription=com.02luka.analytics.parquet (Sundays at 02:30)\n\n[Timer]\nOnActiveSec=0\n\
             OnCalendar=Sun *-*-* 02:30:00\nPersistent=true\nAccuracySec=1s\nUnit=com.02luka.analytics.parquet.service\n\n\
             [Install]\nWantedBy=timers.target\n"
        );
    }

    #[test]
    fn kept_alive_needs_no_timer() {
        let units = render(&definition(Start::KeepAlive));
        assert!(units.service.contains("Restart=always") && units.timer.is_none());
        let timer = render(&definition(Start::Interval { every_s: 3600 })).timer.unwrap();
        assert!(timer.contains("OnUnitActiveSec=3600s"));
    }

    /// systemd's own opinion, where it is to be had; the texts above are held to everywhere.
    #[test]
    fn systemd_verifies_what_is_rendered() {
        let Some(analyze) = crate::process::find_on_path("systemd-analyze", crate::process::DEFAULT_PATH) else {
            eprintln!("NOT RUN: systemd-analyze is not here, so no unit was verified by systemd itself");
            return;
        };
        let daily = Start::Calendar { at: "02:30".parse().unwrap(), weekday: Some(Weekday::Sunday) };
        for start in [daily, Start::Interval { every_s: 3600 }, Start::KeepAlive] {
            let dir = tempfile::tempdir().unwrap();
            let definition = definition(start);
            let units = render(&definition);
            let service = dir.path().join(format!("{}.service", definition.label));
            let timer = dir.path().join(format!("{}.timer", definition.label));
            std::fs::write(&service, &units.service).unwrap();
            let mut files = vec![service.clone()];
            if let Some(text) = &units.timer {
                std::fs::write(&timer, text).unwrap();
                files.push(timer);
            }
            let verify = |files: &[std::path::PathBuf]| {
                let spec = crate::process::Spec::new(&analyze)
                    .args(["--user", "verify", "--man=no", "--recursive-errors=no"])
                    .args(files)
                    .env("HOME", dir.path())
                    .env("XDG_RUNTIME_DIR", dir.path());
                crate::process::run(&spec).unwrap()
            };
            let output = verify(&files);
            assert!(output.success() && output.stderr.is_empty(), "{}", output.stderr_text());
            // and it does tell a bad one
            std::fs::write(&service, units.service.replace("ExecStart=", "ExecStrat=")).unwrap();
            assert_ne!(verify(&files).stderr_text(), "");
        }
    }
}
