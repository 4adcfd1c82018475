//! `wo up`: the daemon. Watches the inboxes, runs orders, heartbeats, the embedded schedule and the status endpoints until
//! SIGTERM or SIGINT; SIGHUP reads `wo.toml` again.

use std::sync::Arc;

use super::executor::{self, TakeError};
use super::signals::Signals;
use super::{CliError, Exit, Global};
use crate::bridge::lock::Role;
use crate::config::Config;
use crate::engine::daemon::{self, Mode};
use crate::engine::{Executor, Settings};
use crate::schedule::Scheduler;

/// Watch the inbox, run orders, heartbeats and scheduled jobs until stopped
#[derive(clap::Args)]
pub struct Args {
    /// leave the heartbeat loop off
    #[arg(long, env = "WO_NO_MONITOR")]
    no_monitor: bool,
}

pub fn run(args: Args, global: &Global, signals: &Signals) -> Result<Exit, CliError> {
    let root = global.root()?;
    super::log_to_stderr();
    let held = match executor::take(&root, Role::Daemon, Arc::clone(&signals.stop)) {
        Ok(held) => held,
        Err(TakeError::Held(who)) => {
            return Err(CliError::new(format!("{who}\nhint: stop that one first, or leave the work to it")));
        }
        Err(TakeError::Other(error)) => return Err(error),
    };
    let executor = Arc::clone(&held.executor);
    let config = executor.settings().config;
    let (shutdown, on_shutdown) = tokio::sync::watch::channel(false);

    let scheduler = Scheduler::start(&root, &config.schedule, Arc::clone(&held.clock))?;
    let monitor = if args.no_monitor || !config.monitor.enabled {
        None
    } else {
        let services = executor.settings().services;
        let started = crate::monitor::start(
            root.clone(),
            Arc::clone(&config),
            Arc::clone(&held.clock),
            services,
            on_shutdown.clone(),
        );
        Some(started?)
    };
    let web = crate::web::start(root.clone(), Arc::clone(&config), Arc::clone(&held.clock), on_shutdown);

    tracing::info!(
        "workbridge {} works in {}, pid {}",
        env!("CARGO_PKG_VERSION"),
        root.path().display(),
        std::process::id()
    );
    let clock = Arc::clone(&held.clock);
    let result = daemon::run(
        &executor,
        Mode::Daemon,
        &|executor| {
            if signals.take_reload() {
                read_settings_again(executor, &clock);
            }
            // an fsync that failed there is no less fatal than one here
            if scheduler.has_failed() || monitor.as_ref().is_some_and(std::thread::JoinHandle::is_finished) {
                executor.stop.set();
            }
        },
        |waker| signals.wake_with(waker),
    );

    let _ = shutdown.send(true);
    let stopped = scheduler.stop();
    let monitor = monitor.map(std::thread::JoinHandle::join);
    if let Some(web) = web {
        let _ = web.thread.join();
    }
    if let Err(error) = result {
        return Err(CliError::new(format!(
            "{error}\nhint: nothing more was claimed; mend the cause and start `wo up` again"
        ))
        .exit(Exit::Bad));
    }
    stopped?;
    if let Some(Ok(Err(error))) = monitor {
        return Err(CliError::from(error).exit(Exit::Bad));
    }
    tracing::info!("stopped");
    Ok(Exit::Good)
}

/// SIGHUP: a `wo.toml` that can't be used is refused, and the settings stay as they were.
fn read_settings_again(executor: &Executor, clock: &Arc<dyn crate::clock::Clock>) {
    let settings = Config::load(&executor.root).map_err(crate::engine::EngineError::from).and_then(|mut config| {
        // their folders and watches were made at the start
        config.inbox.agents.clone_from(&executor.settings().config.inbox.agents);
        Settings::load(&executor.root, config, clock)
    });
    match settings {
        Ok(settings) => {
            executor.replace_settings(settings);
            tracing::info!(
                "wo.toml was read again; agents, watch, workers, schedule, web and whether the monitor runs take effect at \
                 the next start, the monitor's other settings at its next cycle"
            );
        }
        Err(error) => tracing::error!("{error}\nthe settings stay as they were"),
    }
}
