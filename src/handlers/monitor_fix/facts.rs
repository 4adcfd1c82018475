//! The diagnosis: what is wrong with the monitor, and what would cure it. Reads the world and changes nothing.
//!
//! Invariant: facts go to the journal, so they hold places of secrets and never a secret.

mod of_database;
mod of_job;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use of_database::Seen;

use super::asked::Asked;
use super::credentials::{self, Candidate, Places, Source};
use super::{database, layout::Layout};
use crate::config::Config;
use crate::handlers::place::Bounds;
use crate::handlers::{Context, HandlerError, read_facts};
use crate::monitor::checks::State;
use crate::monitor::config::CheckConfig;
use crate::monitor::cycle::{Cycle, Observed};
use crate::monitor::{self, Parts};
use crate::secret::{Secret, SecretRef};
use crate::services::ManagerKind;
use crate::verify::monitor as proof;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    #[serde(flatten)]
    pub bounds: Bounds,
    pub manager: ManagerKind,
    /// Each check as it is now: name, state and what it says.
    pub checks: Vec<(String, String, String)>,
    pub redis: Vec<RedisFault>,
    pub database: Vec<DatabaseFault>,
    /// What a person must do, since no repair here can.
    pub beyond: Vec<String>,
    pub old_job: Option<OldJob>,
    /// The loop's label is loaded as something else than would be installed.
    pub old_loop: Option<OldJob>,
    /// Whether the loop's service is loaded as it would be installed, or as one of its own that works; `None` where no
    /// manager answers.
    pub loop_loaded: Option<bool>,
    /// The loop is loaded by a plist that Workbridge did not write, and proven: it stays.
    #[serde(default)]
    pub own_loop: bool,
    /// Folders that the loop needs and that are missing, parents first, relative to the root.
    pub missing_folders: Vec<PathBuf>,
    /// Folders of the plists and the script that are missing, likewise.
    pub missing_parents: Vec<PathBuf>,
    /// Two heartbeats of a loop prove that it works already.
    pub proven: bool,
    /// The order asks for the loop as a service, not only for heartbeats.
    #[serde(default)]
    pub wants_service: bool,
    /// The measurements of components that no check is configured for, so that nothing takes them.
    #[serde(default)]
    pub unconfigured: Vec<String>,
}

/// Redis answers, but not to us.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RedisFault {
    pub check: String,
    /// `NOAUTH: …`
    pub why: String,
    /// Where the password is that the server accepts.
    pub source: Option<Source>,
    /// The ACL user whose password it is, where the check names none.
    #[serde(default)]
    pub user: Option<String>,
    /// The check works here, with a password from the environment, which a service manager does not give to the loop.
    #[serde(default)]
    pub only_here: bool,
    /// Sources whose password it does not accept.
    pub refused: Vec<Source>,
    /// Where the password is to be stored, relative to the root.
    pub file: PathBuf,
    /// Whether that file is there already, with this very password.
    pub stored: bool,
}

/// The database check points nowhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatabaseFault {
    pub check: String,
    pub why: String,
    /// What the database's file is called.
    #[serde(default)]
    pub name: String,
    /// Where the database is, relative to the root.
    pub found: Option<PathBuf>,
    /// Where it is not known which one it is: all of that name, relative to the root.
    pub others: Vec<PathBuf>,
    /// Links whose target is missing, in words.
    pub dangling: Vec<String>,
}

/// A job of the field that never fires, or fails.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OldJob {
    pub label: String,
    pub loaded: bool,
    /// Where its plist is installed.
    pub plist: Option<PathBuf>,
    /// What that plist is a link to, where it is one.
    #[serde(default)]
    pub link: Option<PathBuf>,
    /// What is wrong with it, in words.
    pub faults: Vec<String>,
}

impl Facts {
    pub fn read(value: &serde_json::Value) -> Result<Facts, HandlerError> {
        read_facts(value)
    }

    pub fn is_healthy(&self) -> bool {
        self.redis.is_empty()
            && self.database.is_empty()
            && self.beyond.is_empty()
            && self.old_job.is_none()
            && self.old_loop.is_none()
            && self.missing_folders.is_empty()
            && self.proven
            && !self.lacks_service()
    }

    /// The order asks for a service, and it is not loaded; where no manager answers, none can be.
    fn lacks_service(&self) -> bool {
        self.wants_service && self.loop_loaded == Some(false)
    }

    /// Whether the loop's service is installed and loaded: a loop that is proven and that nobody asks a service of needs none.
    pub fn deploys(&self) -> bool {
        !self.is_healthy() || self.wants_service
    }

    /// Every finding in words, for the reader of the plan.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for fault in &self.redis {
            let cure = match &fault.source {
                Some(source) => {
                    let of = fault.user.as_ref().map(|user| format!(" from the user `{user}`")).unwrap_or_default();
                    format!("{source} holds a password that the server accepts{of}")
                }
                None => format!("no password was found that the server accepts; tried: {}", list(&fault.refused)),
            };
            notes.push(format!("{}: {}; {cure}", fault.check, fault.why));
        }
        for fault in &self.database {
            let mut note = format!("{}: {}", fault.check, fault.why);
            fault.dangling.iter().for_each(|link| note.push_str(&format!("; {link}")));
            match &fault.found {
                Some(path) => note.push_str(&format!("; the database is `{}`", path.display())),
                None => note.push_str(&format!("; {}", database::none_or_several(&fault.others))),
            }
            notes.push(note);
        }
        for job in self.old_job.iter().chain(&self.old_loop) {
            notes.push(format!("{}: {}", job.label, job.faults.join("; ")));
        }
        for folder in &self.missing_folders {
            notes.push(format!("the folder `{}` is missing", folder.display()));
        }
        notes.extend(self.beyond.iter().map(|what| format!("beyond this handler: {what}")));
        match self.loop_loaded {
            Some(true) if self.own_loop => {
                notes.push(
                    "the loop is loaded, by a plist that Workbridge did not write; it works and stays".to_owned(),
                );
            }
            Some(true) => notes.push("the loop is loaded".to_owned()),
            // told with what is wrong with it
            Some(false) if self.old_loop.is_some() => {}
            Some(false) => notes.push("the loop is not loaded".to_owned()),
            None => notes.push("no service manager answers: whether the loop runs can't be told".to_owned()),
        }
        notes
    }
}

fn list(sources: &[Source]) -> String {
    match sources.is_empty() {
        true => "nothing was found anywhere".to_owned(),
        false => sources.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

pub fn parts(context: &Context, config: Config) -> Parts {
    Parts {
        root: context.root.clone(),
        config: Arc::new(config),
        clock: Arc::clone(&context.clock),
        services: Arc::clone(&context.services),
    }
}

/// The settings as `wo.toml` has them now: an earlier step of this order may have changed them.
pub fn settings(context: &Context) -> Result<Config, HandlerError> {
    Config::load(&context.root).map_err(|error| HandlerError::failed("failed to read the settings", error))
}

/// One look at every check.
pub fn look(context: &Context, config: &Config) -> Result<Cycle, HandlerError> {
    monitor::look(&parts(context, config.clone()))
        .map_err(|error| HandlerError::failed("failed to run the checks", error))
}

/// `asked` is what the order wants to see.
pub fn diagnose(layout: &Layout, bounds: Bounds, asked: &Asked, context: &Context) -> Result<Facts, HandlerError> {
    let config = settings(context)?;
    let cycle = look(context, &config)?;
    let checks = config.monitor.checks(&config.paths);
    let mut facts = Facts {
        bounds,
        manager: context.services.kind(),
        checks: Vec::new(),
        redis: Vec::new(),
        database: Vec::new(),
        beyond: Vec::new(),
        old_job: layout.old_label.as_ref().and_then(|label| of_job::replaced(label, context)),
        old_loop: None,
        own_loop: false,
        loop_loaded: context.services.is_installed(&layout.definition(context)).ok(),
        missing_folders: Vec::new(),
        missing_parents: Vec::new(),
        proven: false,
        wants_service: asked.service,
        unconfigured: proof::unconfigured(&config),
    };
    let parent = |file: &String| Path::new(file).parent().map(Path::to_owned).unwrap_or_default();
    let needed = [parent(&layout.log), config.paths.heartbeats.clone(), config.paths.logs.clone()];
    facts.missing_folders = missing(needed.iter().map(PathBuf::as_path), context);
    let names: Vec<String> = proof::proof_checks(&config).into_iter().map(|check| check.name).collect();
    facts.proven = {
        let now = context.clock.now();
        let wanted = proof::Asked { since: None, names: &names, may_warn: true, wanted: asked.cycles, now };
        let process = proof::process_of(context.services.as_ref(), &layout.label);
        process.and_then(|process| proof::chain(&context.root, &config, &wanted, process)).is_ok()
    };
    if facts.loop_loaded == Some(false) {
        facts.own_loop = facts.proven && !layout.lists_plist && of_job::is_kept_alive(&layout.label, context);
        match facts.own_loop {
            true => facts.loop_loaded = Some(true),
            false => facts.old_loop = of_job::other_loop(&layout.label, context),
        }
    }
    let plists = layout.plists.iter().filter(|_| !facts.own_loop);
    let parents: Vec<PathBuf> = plists.chain(&layout.script).map(parent).collect();
    facts.missing_parents = missing(parents.iter().map(PathBuf::as_path), context);
    // a loop of the service manager that is loaded and green reads whatever it needs
    let loop_works = facts.proven && (facts.loop_loaded == Some(true) || !facts.wants_service);
    for (check, observed) in checks.iter().zip(&cycle.observed) {
        let finding = &observed.finding;
        facts.checks.push((observed.name.clone(), finding.state.as_str().to_owned(), finding.message.clone()));
        if check.kind == "redis" && is_refused(observed) {
            facts.redis.push(redis_fault(check, observed, context)?);
        } else if check.kind == "redis" && finding.state == State::Error {
            facts.beyond.push(format!("{}: {}", observed.name, finding.message));
        } else if check.kind == "redis" && !loop_works {
            facts.redis.extend(fault_of_environment(check, observed, context)?);
        }
        match of_database::look(check, observed, &config, context) {
            Seen::Well => {}
            Seen::Nowhere(fault) => facts.database.push(fault),
            Seen::Beyond(what) => facts.beyond.push(what),
        }
    }
    facts.beyond.extend(asked.missing(&facts));
    Ok(facts)
}

/// Whether the server is there and wants other credentials, however loud the check is about it.
fn is_refused(observed: &Observed) -> bool {
    is_refusal(&observed.finding.message)
}

/// Whether the words of a Redis check are those of a refusal.
pub fn is_refusal(message: &str) -> bool {
    ["NOAUTH", "WRONGPASS"].iter().any(|code| message.starts_with(code))
}

fn redis_fault(check: &CheckConfig, observed: &Observed, context: &Context) -> Result<RedisFault, HandlerError> {
    let (accepted, refused) = search(check, None, context)?;
    let (file, stored) = secret_file(check, accepted.as_ref().map(|candidate| &candidate.password), context);
    let user = accepted.as_ref().and_then(|candidate| candidate.user.clone());
    Ok(RedisFault {
        check: check.name.clone(),
        why: observed.finding.message.clone(),
        source: accepted.map(|candidate| candidate.source),
        user,
        only_here: false,
        refused,
        file,
        stored,
    })
}

/// The variables that a check which works would miss in the loop, which a service manager starts with an environment of
/// its own.
pub fn missed_by_loop(check: &CheckConfig, context: &Context) -> Result<Vec<String>, HandlerError> {
    let built = check.build().map_err(|why| HandlerError::failed("failed to understand a check", why))?;
    let user = check.settings.get("username").and_then(toml::Value::as_str);
    let mut variables = Vec::new();
    for reference in built.secrets() {
        match reference {
            SecretRef::Env(name) => variables.push(name),
            SecretRef::File(_) => {
                if let Ok(password) = reference.read(context.root.path())
                    && accepts(check, user, &password, context)?
                {
                    return Ok(Vec::new());
                }
            }
        }
    }
    Ok(variables)
}

fn fault_of_environment(
    check: &CheckConfig,
    observed: &Observed,
    context: &Context,
) -> Result<Option<RedisFault>, HandlerError> {
    let variables = missed_by_loop(check, context)?;
    // one that answers without any password works everywhere
    if variables.is_empty() || observed.finding.state != State::Ok {
        return Ok(None);
    }
    let why = format!(
        "it works here with {} of this environment, which the service manager does not give to the loop",
        variables.join(", ")
    );
    Ok(Some(RedisFault { why, only_here: true, ..redis_fault(check, observed, context)? }))
}

/// The first password that the server of this check accepts, and the sources before it, which it does not. `first` is tried
/// before all others.
pub fn search(
    check: &CheckConfig,
    first: Option<&Source>,
    context: &Context,
) -> Result<(Option<Candidate>, Vec<Source>), HandlerError> {
    let built = check.build().map_err(|why| HandlerError::failed("failed to understand a check", why))?;
    let user = check.settings.get("username").and_then(toml::Value::as_str);
    let places = Places::of_machine(agents_dir(context).into_iter().collect());
    let mut refused = Vec::new();
    let credentials::Found { mut candidates, passed } =
        credentials::find(&context.root, &places, &built.secrets(), user);
    candidates.sort_by_key(|found| (Some(&found.source) != first, !found.source.names(&check.name)));
    let mut try_each = |candidates: Vec<Candidate>| -> Result<Option<Candidate>, HandlerError> {
        for mut candidate in candidates {
            if user.is_some() {
                candidate.user = None;
            }
            if accepts(check, user.or(candidate.user.as_deref()), &candidate.password, context)? {
                return Ok(Some(candidate));
            }
            if !refused.contains(&candidate.source) {
                refused.push(candidate.source);
            }
        }
        Ok(None)
    };
    let mut accepted = try_each(candidates)?;
    if accepted.is_none() {
        accepted = try_each(credentials::in_containers(&context.root, &places))?;
        refused.extend(passed);
    }
    Ok((accepted, refused))
}

/// Whether the server of this check answers PONG to this password alone.
fn accepts(
    check: &CheckConfig,
    user: Option<&str>,
    password: &Secret,
    context: &Context,
) -> Result<bool, HandlerError> {
    use crate::monitor::checks::redis::{Server, ping};
    let failed = |why: String| HandlerError::failed(format!("failed to ask Redis ({})", check.name), why);
    let text = |key: &str| check.settings.get(key).and_then(toml::Value::as_str);
    let ca = text("ca_file").map(|path| std::fs::read(context.root.join(path))).transpose();
    let ca = ca.map_err(|error| failed(format!("`ca_file` can't be read: {error}")))?;
    let db = check.settings.get("db").and_then(toml::Value::as_integer);
    let url = text("url").unwrap_or("redis://127.0.0.1:6379");
    let server = Server::new(url, db, ca).map_err(|fault| failed(fault.to_string()))?;
    let timeout = std::time::Duration::from_millis(check.timeout_ms.unwrap_or(context.config.monitor.timeout_ms));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| failed(error.to_string()))?;
    let passwords = [password.clone()];
    let answer = runtime.block_on(async { tokio::time::timeout(timeout, ping(&server, user, &passwords)).await });
    runtime.shutdown_background();
    Ok(matches!(answer, Ok(Ok(pong)) if pong.accepted == Some(0)))
}

/// Where the password of a check goes: a file of its own that nobody else uses.
fn secret_file(check: &CheckConfig, password: Option<&Secret>, context: &Context) -> (PathBuf, bool) {
    let name: String = check.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let dir = Path::new("bridge/state/secrets");
    for n in 1..100 {
        let file = dir.join(if n == 1 { name.clone() } else { format!("{name}-{n}") });
        let at = context.root.join(&file);
        if at.symlink_metadata().is_err() {
            return (file, false);
        }
        let holds = |password: &Secret| {
            SecretRef::File(file.clone()).read(context.root.path()).is_ok_and(|known| known == *password)
        };
        if password.is_some_and(holds) {
            return (file, true);
        }
    }
    (dir.join(format!("{name}-new")), false)
}

/// Where plists are installed, for a manager that has such a place.
pub fn agents_dir(context: &Context) -> Option<PathBuf> {
    let any = super::layout::definition("com.02luka.any", &context.root, &context.program, "");
    context.services.files(&any).first().and_then(|path| path.parent()).map(Path::to_owned)
}

/// Of these folders and those above them the ones that are missing, parents first.
fn missing<'a>(folders: impl IntoIterator<Item = &'a Path>, context: &Context) -> Vec<PathBuf> {
    let mut missing = Vec::new();
    for folder in folders {
        let mut above: Vec<&Path> = folder.ancestors().filter(|folder| !folder.as_os_str().is_empty()).collect();
        above.reverse();
        for folder in above {
            if !context.root.join(folder).is_dir() && !missing.contains(&folder.to_owned()) {
                missing.push(folder.to_owned());
            }
        }
    }
    missing
}
