//! From an order to a stored plan: handler, diagnosis, steps, template and criteria. Changes nothing outside the journal.

use std::path::Path;
use std::sync::Arc;

use super::criteria::{self, Wanted};
use super::error::{self, classify};
use super::tape::Tape;
use super::{EngineError, Executor, dispatch, gate, pipeline};
use crate::durable::DurableError;
use crate::evidence::Outcome;
use crate::handlers::{Context, Handler, HandlerError, Plan};
use crate::journal::event::TemplateText;
use crate::journal::{Event, Run};
use crate::order::{Criterion, Order, Severity};
use crate::report::{self, RunRecord};
use crate::root::Root;

/// Most bytes of a report template.
const TEMPLATE_MAX_BYTES: u64 = 1024 * 1024;

/// Everything that is decided before the first step.
pub struct Planned {
    pub handler: Arc<dyn Handler>,
    pub dispatch: String,
    pub facts: serde_json::Value,
    pub plan: Plan,
    pub template: Option<TemplateText>,
    pub criteria: Vec<Criterion>,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum Unplanned {
    /// The order is rejected, for this reason.
    #[error("{0}")]
    Rejected(String),
    /// The machine's trouble: it says nothing about the order, which is planned once it is over.
    #[error(transparent)]
    Machine(#[from] EngineError),
}

impl From<String> for Unplanned {
    fn from(reason: String) -> Self {
        Unplanned::Rejected(reason)
    }
}

impl From<dispatch::Refused> for Unplanned {
    fn from(refused: dispatch::Refused) -> Self {
        Unplanned::Rejected(refused.to_string())
    }
}

impl From<HandlerError> for Unplanned {
    fn from(error: HandlerError) -> Self {
        match classify(error) {
            error::Severity::Step(reason) => Unplanned::Rejected(reason),
            error::Severity::Machine(error) => Unplanned::Machine(error),
        }
    }
}

/// Plans the run; the inner error is the reason for which the order is rejected.
pub fn plan(tape: &mut Tape<'_>, order: &Arc<Order>) -> Result<Result<(), String>, EngineError> {
    let context = pipeline::context(tape.executor, tape, order);
    let settings = tape.executor.settings();
    let planned = match prepare(order, &tape.run().key.agent, &context, &settings.handlers) {
        Ok(planned) => planned,
        Err(Unplanned::Rejected(reason)) => return Ok(Err(reason)),
        Err(Unplanned::Machine(error)) => return Err(error),
    };
    tape.push(Event::Planned {
        handler: planned.handler.descriptor().name.to_owned(),
        dispatch: planned.dispatch,
        facts: planned.facts,
        plan: planned.plan,
        template: planned.template,
        criteria: planned.criteria,
    })?;
    Ok(Ok(()))
}

/// What would be done for `order`; the error says why it would be rejected.
pub fn prepare(
    order: &Arc<Order>,
    agent: &str,
    context: &Context,
    handlers: &[Arc<dyn Handler>],
) -> Result<Planned, Unplanned> {
    let errors: Vec<String> = order
        .diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .map(|diagnostic| format!("line {}: {}", diagnostic.line, diagnostic.message))
        .collect();
    if !errors.is_empty() {
        return Err(format!("the order can't be carried out as it is: {}", errors.join("; ")).into());
    }
    if order.expires.is_some_and(|expires| expires <= context.clock.now()) {
        let at = order.expires.map(|at| at.to_string()).unwrap_or_default();
        return Err(format!("the order expired at {at}").into());
    }
    if let Some(why) = gate::never_measured(order).next() {
        return Err(why.into());
    }
    let (handler, dispatch) = dispatch::dispatch(order, &context.config, handlers)?;
    let mut template = find_template(order, handler.template(order), &context.root, agent)?;
    let facts = handler.diagnose(order, context)?;
    let asked = handler.asked(order, &facts, &context.config);
    if let Some(template) = &mut template {
        let record = record_before(order, agent, context, handler.as_ref());
        let refuse = |error| format!("the report template `{}` can't be filled: {error}", template.name);
        // what it asks of this order is settled with the plan, and stays
        let resolved = report::resolve(&template.text, &record, &asked).map_err(refuse)?.into_owned();
        report::check(&resolved, &record).map_err(refuse)?;
        template.text = resolved;
    }
    let wanted = Wanted {
        defaults: &handler.default_criteria(&facts),
        asked: &asked,
        unmet: &handler.unmet(order),
        known: handler.measurements(order),
    };
    let criteria = criteria::of(order, &wanted, template.as_ref());
    let mut plan = handler.plan(order, &criteria, &facts, &context.config)?;
    plan.notes.extend(passed_over(order));
    Ok(Planned { handler, dispatch, facts, plan, template, criteria })
}

/// What may be meant as a criterion and is not judged, so that who reads the report alone sees it.
fn passed_over(order: &Order) -> impl Iterator<Item = String> + '_ {
    let is_one = |code: &str| matches!(code, "criteria-elsewhere" | "acceptance-text");
    order.diagnostics.iter().filter(move |told| is_one(&told.code)).map(|told| match &told.understood {
        Some(understood) => format!("line {}: {}; read as {understood}", told.line, told.message),
        None => format!("line {}: {}", told.line, told.message),
    })
}

/// What a report may speak of before anything was done.
fn record_before(order: &Order, agent: &str, context: &Context, handler: &dyn Handler) -> RunRecord {
    RunRecord {
        order: order.clone(),
        agent: agent.to_owned(),
        order_sha256: String::new(),
        attempt: context.attempt,
        handler: Some(handler.descriptor().name.to_owned()),
        received: context.attempt_started,
        started: context.attempt_started,
        ended: context.attempt_started,
        outcome: Outcome::Partial,
        reason: String::new(),
        criteria: Vec::new(),
        measurements: Vec::new(),
        declarations: handler.measurements(order),
        steps: Vec::new(),
        commands: Vec::new(),
        reference: Vec::new(),
        notes: Vec::new(),
        zone: "UTC".to_owned(),
    }
}

/// The template that the order names, else the handler's, else the one whose phase is the order's.
fn find_template(
    order: &Order,
    handlers: Option<&str>,
    root: &Root,
    agent: &str,
) -> Result<Option<TemplateText>, Unplanned> {
    let places = [root.agent_templates(agent), root.templates()];
    if let Some(name) = order.template.as_deref().or(handlers) {
        return load_template(name, &places)?.map(Some).ok_or_else(|| {
            let places: Vec<String> = places.iter().map(|place| format!("`{}`", root.show(place))).collect();
            format!("the report template `{name}` is neither in {} nor built in", places.join(" nor in ")).into()
        });
    }
    let Some(phase) = order.phase.as_deref().and_then(phase_number) else { return Ok(None) };
    let prefix = format!("PHASE{}_", phase.replace('.', "_"));
    for place in &places {
        let mut names = names_in(place).map_err(unreadable("look for a report template in", place))?;
        names.sort();
        if let Some(name) = names.iter().find(|name| name.starts_with(&prefix) && name.ends_with(".md")) {
            return load_template(name.trim_end_matches(".md"), &places);
        }
    }
    let builtin = report::builtin_names().into_iter().find(|name| name.starts_with(&prefix));
    builtin.map_or(Ok(None), |name| load_template(name, &places))
}

/// `7.8 – Data Analytics` → `7.8`.
fn phase_number(phase: &str) -> Option<&str> {
    let end = phase.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(phase.len());
    let number = phase[..end].trim_end_matches('.');
    (!number.is_empty()).then_some(number)
}

/// The names in a folder; none where there is no folder.
fn names_in(place: &Path) -> std::io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(place) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let names = entries.map(|entry| Ok(entry?.file_name().into_string().ok()));
    names.filter_map(Result::transpose).collect()
}

/// What can't be read is no sign that there is no template: without its rows the order might end green.
fn unreadable<'a>(op: &'static str, path: &'a Path) -> impl FnOnce(std::io::Error) -> Unplanned + use<'a> {
    move |source| HandlerError::Durable(DurableError::io(op, path)(source)).into()
}

fn load_template(name: &str, places: &[std::path::PathBuf]) -> Result<Option<TemplateText>, Unplanned> {
    let name = name.trim_end_matches(".md");
    if name.is_empty() || name.contains(['/', '\\', '\0']) || name.starts_with('.') {
        return Err(format!("`{}` is not the name of a report template", crate::text::line(name, 80)).into());
    }
    for place in places {
        let path = place.join(format!("{name}.md"));
        match read_template(&path) {
            Ok(text) => return Ok(Some(TemplateText { name: name.to_owned(), text })),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(unreadable("read the report template", &path)(error)),
        }
    }
    Ok(report::builtin(name).map(|text| TemplateText { name: name.to_owned(), text: text.to_owned() }))
}

fn read_template(path: &Path) -> std::io::Result<String> {
    use std::io::Read as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits() as i32;
    let file = std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other("it is not a regular file"));
    }
    let mut text = String::new();
    file.take(TEMPLATE_MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > TEMPLATE_MAX_BYTES {
        return Err(std::io::Error::other(format!("it is larger than {TEMPLATE_MAX_BYTES} bytes")));
    }
    Ok(text)
}

/// The handler that the run was planned for; `None` while it has none (cancelled before it was planned), and the name of one
/// that is no longer there.
pub fn handler_of(run: &Run, executor: &Executor) -> Result<Option<Arc<dyn Handler>>, String> {
    let Some(name) = &run.handler else { return Ok(None) };
    executor.settings().handler(name).map(Some).ok_or_else(|| name.clone())
}
