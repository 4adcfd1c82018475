//! Repairs in `wo.toml`: a password's reference, a native database check.
//!
//! Invariant: a step leaves `wo.toml` as a whole that parses; a password is written to its 0600 file before anything
//! refers to it, and that file is in no backup and no report, so not even its hash is.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::super::facts::{self, DatabaseFault, RedisFault};
use super::super::settings::{self, Edit};
use super::super::{credentials::Candidate, database};
use crate::config::Config;
use crate::durable::{self, Keep};
use crate::handlers::{Applied, Check, Context, HandlerError, Step, Verified};
use crate::monitor::checks::State;
use crate::monitor::config::CheckConfig;
use crate::secret::SecretRef;

pub struct Redis {
    pub fault: RedisFault,
}

pub struct Database {
    pub fault: DatabaseFault,
}

/// The check of this name as `wo.toml` has it now.
fn check_of(config: &Config, name: &str) -> Result<CheckConfig, HandlerError> {
    let checks = config.monitor.checks(&config.paths);
    let missing = || HandlerError::failed(format!("the check `{name}` is gone"), "wo.toml was changed meanwhile");
    checks.into_iter().find(|check| check.name == name).ok_or_else(missing)
}

/// State and words of the check of this name, now.
fn state_of(context: &Context, config: &Config, name: &str) -> Result<(State, String), HandlerError> {
    let cycle = facts::look(context, config)?;
    let found = cycle.observed.into_iter().find(|observed| observed.name == name);
    let finding = found.map(|observed| observed.finding);
    finding
        .map(|finding| (finding.state, finding.message))
        .ok_or_else(|| HandlerError::failed(format!("the check `{name}` is gone"), "wo.toml was changed meanwhile"))
}

/// The file that `wo.toml` is, where it is a link: a link stays one.
fn file(context: &Context) -> PathBuf {
    let path = context.root.config();
    path.canonicalize().unwrap_or(path)
}

/// Writes `wo.toml` with the edit; its mode and owner are kept.
fn write(context: &Context, config: &Config, edit: &Edit<'_>) -> Result<(), HandlerError> {
    let text = settings::read(&context.root)?;
    let edited = settings::apply(&text, edit, &config.monitor.checks(&config.paths))?;
    let path = file(context);
    let keep = path.metadata().map_or(Keep { mode: 0o644, ..Keep::default() }, |metadata| Keep {
        mode: metadata.permissions().mode() & 0o777,
        owner: Some((metadata.uid(), metadata.gid())),
        modified: None,
    });
    durable::write_keeping(&path, edited.as_bytes(), &keep)?;
    tell_daemon(context);
    Ok(())
}

/// The daemon that runs this step reads `wo.toml` again, so that it knows the new secret and masks it.
fn tell_daemon(context: &Context) {
    use crate::bridge::lock::{Role, holder};
    let own = rustix::process::getpid();
    let is_us = |pid: u32| i32::try_from(pid).is_ok_and(|pid| pid == own.as_raw_nonzero().get());
    if let Ok(Some(holder)) = holder(&context.root)
        && holder.role == Role::Daemon
        && is_us(holder.pid)
    {
        // it listens to this signal before it runs its first step
        let _ = rustix::process::kill_process(own, rustix::process::Signal::HUP);
    }
}

impl Redis {
    /// Whether the server takes the credentials of `wo.toml`, and in the loop as well as here.
    fn is_repaired(&self, config: &Config, context: &Context, message: &str) -> Result<bool, HandlerError> {
        let works = !facts::is_refusal(message);
        let only_here =
            self.fault.only_here && !facts::missed_by_loop(&check_of(config, &self.fault.check)?, context)?.is_empty();
        Ok(works && !only_here)
    }

    /// Also where that can't be told.
    fn is_referred_to(&self, context: &Context) -> bool {
        let Ok(config) = facts::settings(context) else { return true };
        config.monitor.secret_refs(&config.paths).contains(&SecretRef::File(self.fault.file.clone()))
    }

    /// The password that the server accepts now; the source that the diagnosis found comes first.
    fn password(&self, check: &CheckConfig, context: &Context) -> Result<Candidate, HandlerError> {
        let (accepted, refused) = facts::search(check, self.fault.source.as_ref(), context)?;
        if let Some(candidate) = accepted {
            return Ok(candidate);
        }
        let tried = match refused.is_empty() {
            true => "nothing was found anywhere".to_owned(),
            false => refused.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        };
        let why = format!(
            "no password that was found is accepted by the server; tried: {tried}\n\
             hint: put the right one into `.env` as REDIS_PASSWORD, or into `{}`, 0600",
            self.fault.file.display()
        );
        Err(HandlerError::failed(format!("failed to repair the check `{}`", self.fault.check), why))
    }
}

impl Step for Redis {
    fn files(&self, context: &Context) -> Result<Vec<PathBuf>, HandlerError> {
        Ok(vec![file(context)])
    }

    fn check(&self, context: &Context) -> Result<Check, HandlerError> {
        let config = facts::settings(context)?;
        let (_, message) = state_of(context, &config, &self.fault.check)?;
        Ok(match self.is_repaired(&config, context, &message)? {
            true => Check::Already(message),
            false => Check::Needed(if self.fault.only_here { self.fault.why.clone() } else { message }),
        })
    }

    fn apply(&self, context: &Context) -> Result<Applied, HandlerError> {
        let config = facts::settings(context)?;
        let check = check_of(&config, &self.fault.check)?;
        let Candidate { source, user, password } = self.password(&check, context)?;
        let at = context.root.join(&self.fault.file);
        let dir = durable::parent_of(&at);
        if !dir.is_dir() {
            durable::create_dir_all(dir)?;
            std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700))
                .map_err(durable::DurableError::io("set the mode of", dir))?;
        }
        durable::write(&at, format!("{}\n", password.expose()).as_bytes(), 0o600)?;
        let edit = Edit::Password { check: &self.fault.check, file: &self.fault.file, user: user.as_deref() };
        write(context, &config, &edit)?;
        let file = self.fault.file.display();
        Ok(Applied { after: format!("the password of {source} is stored in `{file}`, 0600, and wo.toml refers to it") })
    }

    fn verify(&self, context: &Context) -> Result<Verified, HandlerError> {
        let config = facts::settings(context)?;
        let (state, message) = state_of(context, &config, &self.fault.check)?;
        match self.is_repaired(&config, context, &message)? {
            true => Ok(green(&self.fault.check, state, message)),
            false => Ok(green(&self.fault.check, State::Error, message)),
        }
    }

    /// Removes the secret file that was not there before, unless `wo.toml` refers to it: one that someone changed meanwhile
    /// was not restored, and a check that worked must not lose its password.
    fn clear(&self, context: &Context) -> Result<(), HandlerError> {
        if self.fault.stored || self.is_referred_to(context) {
            return Ok(());
        }
        let at = context.root.join(&self.fault.file);
        match std::fs::remove_file(&at) {
            Ok(()) => durable::sync_dir(durable::parent_of(&at))?,
            // something else is in its way, so it was never made
            Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {}
            Err(error) => {
                return Err(HandlerError::failed(format!("failed to remove `{}`", self.fault.file.display()), error));
            }
        }
        // only when it is empty
        let _ = std::fs::remove_dir(durable::parent_of(&at));
        Ok(())
    }
}

/// A repair measures nothing itself: what is green is measured after all of them.
fn green(check: &str, state: State, message: String) -> Verified {
    match state {
        State::Error => Verified::No { why: format!("{check} is not repaired: {message}"), measurements: Vec::new() },
        _ => Verified::Yes(Vec::new()),
    }
}

impl Database {
    fn path(&self, config: &Config, context: &Context) -> Result<PathBuf, HandlerError> {
        let is_there = |path: &Path| database::is_database(&context.root.join(path));
        if let Some(path) = self.fault.found.as_ref().filter(|path| is_there(path)) {
            return Ok(path.clone());
        }
        let name = match self.fault.name.as_str() {
            "" => config.paths.database.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            name => name.to_owned(),
        };
        let found = database::find(&context.root, &name);
        found.only(&config.paths.database).ok_or_else(|| {
            let links: String = self.fault.dangling.iter().map(|link| format!("; {link}")).collect();
            let why = format!(
                "{}{links}\n\
                 hint: put it back, or name it as the check's `path`, or as `database` under [paths], in wo.toml",
                database::none_or_several(&found.databases)
            );
            HandlerError::failed(format!("failed to repair the check `{}`", self.fault.check), why)
        })
    }
}

impl Step for Database {
    fn files(&self, context: &Context) -> Result<Vec<PathBuf>, HandlerError> {
        Ok(vec![file(context)])
    }

    fn check(&self, context: &Context) -> Result<Check, HandlerError> {
        let config = facts::settings(context)?;
        let check = check_of(&config, &self.fault.check)?;
        let (state, message) = state_of(context, &config, &self.fault.check)?;
        Ok(match check.kind == "sqlite" && state != State::Error {
            true => Check::Already(message),
            false => Check::Needed(format!("a check of kind {}: {message}", check.kind)),
        })
    }

    fn apply(&self, context: &Context) -> Result<Applied, HandlerError> {
        let config = facts::settings(context)?;
        let path = self.path(&config, context)?;
        write(context, &config, &Edit::Sqlite { check: &self.fault.check, path: &path })?;
        Ok(Applied { after: format!("a native check of `{}`", path.display()) })
    }

    fn verify(&self, context: &Context) -> Result<Verified, HandlerError> {
        let (state, message) = state_of(context, &facts::settings(context)?, &self.fault.check)?;
        Ok(green(&self.fault.check, state, message))
    }
}
