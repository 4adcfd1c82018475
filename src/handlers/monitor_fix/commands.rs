//! Which fenced verification commands this handler's own measurements answer: by the whole of what they ask, never by a
//! word of it.

use super::{facts, redis_cli};
use crate::deployed::record::MonitorDeployment;
use crate::handlers::Context;
use crate::handlers::command_line::{asks_for_service, names, names_any, script, without_flags};
use crate::monitor::checks::redis::Redis;

/// The measurement that answers one command.
pub fn key(context: &Context, words: &[String]) -> Option<String> {
    let deployment = MonitorDeployment::load(&context.root).ok().flatten();
    let heartbeats = context.config.paths.heartbeats.to_string_lossy();
    measured(deployment.as_ref(), &heartbeats, &redis_checks(context), context.root.path(), words).map(str::to_owned)
}

/// The Redis checks as they were measured: after what the order repaired.
fn redis_checks(context: &Context) -> Vec<Redis> {
    let Ok(config) = facts::settings(context) else { return Vec::new() };
    let checks = config.monitor.checks(&config.paths).into_iter().filter(|check| check.kind == "redis");
    checks.filter_map(|check| check.settings.try_into().ok()).collect()
}

fn measured(
    deployment: Option<&MonitorDeployment>,
    heartbeats: &str,
    redis: &[Redis],
    root: &std::path::Path,
    words: &[String],
) -> Option<&'static str> {
    if let Some(deployment) = deployment {
        if asks_for_service(words, &deployment.label) {
            return Some("service.loaded");
        }
        let is_script = |path: &str| deployment.script.as_ref().is_some_and(|script| names(path, script, root));
        if script(words).is_some_and(|(path, arguments)| is_script(path) && arguments.is_empty()) {
            return Some("monitor.verification");
        }
    }
    let plain: Vec<&str> = words.iter().map(String::as_str).collect();
    match plain.as_slice() {
        ["plutil", "-lint", path] => {
            let plist = &deployment?.plist;
            let in_agents = format!("Library/LaunchAgents/{}", plist.rsplit('/').next().unwrap_or_default());
            (names(path, plist, root) || names(path, &in_agents, root)).then_some("service.plist")
        }
        ["redis-cli", rest @ ..] => redis_cli::asks_for_pong(rest, redis).then_some("monitor.redis"),
        ["wo", "verify", "monitor"] => Some("monitor.verification"),
        // which ends well where no check is in error
        ["wo", "monitor", "--once"] => Some("monitor.errors"),
        ["ls", ..] => match without_flags(words.get(1..)?) {
            [path, rest @ ..] if is_cut(rest) => {
                let all = names(path, heartbeats, root)
                    || ["heartbeat_", ""].iter().any(|prefix| names_any(path, heartbeats, prefix, ".md", root));
                all.then_some("monitor.cycles")
            }
            _ => None,
        },
        _ => None,
    }
}

/// Nothing, or a pipe that only shortens what is shown.
fn is_cut(words: &[String]) -> bool {
    let plain: Vec<&str> = words.iter().map(String::as_str).collect();
    matches!(plain.as_slice(), [] | ["|", "head" | "tail"] | ["|", "head" | "tail", _])
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::handlers::command_line::commands;

    #[test]
    fn what_is_asked_of_the_monitor_and_nothing_else() {
        let deployment = MonitorDeployment {
            version: crate::deployed::record::VERSION,
            label: "com.02luka.ops_atomic_monitor.loop".to_owned(),
            plist: "launchd/com.02luka.ops_atomic_monitor.loop.plist".to_owned(),
            script: Some("run/verify_monitor.zsh".to_owned()),
        };
        let ask = |line: &str| {
            let words = commands(line).unwrap().concat();
            measured(Some(&deployment), "g/reports/ops_atomic", &[Redis::default()], Path::new("/srv/home"), &words)
        };
        for (line, expected) in [
            ("launchctl list | grep ops_atomic", Some("service.loaded")),
            ("launchctl list | grep other", None),
            ("zsh run/verify_monitor.zsh", Some("monitor.verification")),
            ("wo verify monitor", Some("monitor.verification")),
            ("wo verify parquet", None),
            ("wo monitor --once", Some("monitor.errors")),
            ("wo monitor", None),
            ("wo monitor --test-alert", None),
            ("redis-cli ping", Some("monitor.redis")),
            ("redis-cli -a \"$P\" ping | grep -q PONG", Some("monitor.redis")),
            ("redis-cli -p 7000 ping", None),
            ("redis-cli -a x ping", None),
            ("redis-cli -a \"$P\" flushall", None),
            ("ls -t g/reports/ops_atomic/*.md | head -2", Some("monitor.cycles")),
            ("ls -lt g/reports/ops_atomic/heartbeat_*.md", Some("monitor.cycles")),
            ("ls g/reports/ops_atomic | wc -l", None),
            ("ls g/reports/other/*.md", None),
            ("sqlite3 knowledge/02luka.db 'select 1'", None),
        ] {
            assert_eq!(ask(line), expected, "{line}");
        }
        let words = commands("launchctl list | grep ops_atomic").unwrap().concat();
        assert_eq!(measured(None, "g/reports/ops_atomic", &[], Path::new("/"), &words), None);
    }
}
