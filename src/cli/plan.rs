//! `wo plan FILE`: what would be done for an order and how its criteria are bound. Changes nothing.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use super::{CliError, Exit, Global, output};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::engine::Settings;
use crate::engine::plan::{self, Planned};
use crate::evidence::{Binder, Binding};
use crate::handlers::{Check, Context, Deadline, StepSpec};
use crate::order::{Criterion, Order};
use crate::secret::Masker;

/// Show what would be done for an order, changing nothing
#[derive(clap::Args)]
pub struct Args {
    /// the order; `-` reads it from stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// the agent whose templates are looked at [default: the first of inbox.agents]
    #[arg(long, env = "WO_AGENT", value_name = "AGENT")]
    agent: Option<String>,
    /// print JSON
    #[arg(long, env = "WO_JSON")]
    json: bool,
}

pub fn run(args: Args, global: &Global) -> Result<Exit, CliError> {
    let root = global.root()?;
    let agent = super::submit::agent(&root, args.agent.as_deref())?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let settings = Settings::load(&root, Config::load(&root)?, &clock)?;
    let (bytes, name) = super::read_input(&args.file, settings.config.limits.order_bytes)?;
    let order = Arc::new(crate::order::parse(&bytes, &name)?);
    let now = clock.now();
    let mut context = Context {
        root: root.clone(),
        deadline: Deadline::after(std::time::Duration::from_secs(settings.config.limits.step_deadline_s)),
        config: Arc::clone(&settings.config),
        clock,
        services: settings.services,
        masker: settings.masker,
        order: Arc::clone(&order),
        attempt: 1,
        facts: Arc::new(serde_json::Value::Null),
        attempt_started: now,
        step_applied: None,
        program: std::env::current_exe()?,
        cancelled: Arc::default(),
    };
    let planned = match plan::prepare(&order, &agent, &context, &settings.handlers) {
        Ok(planned) => planned,
        Err(plan::Unplanned::Machine(error)) => return Err(error.into()),
        Err(plan::Unplanned::Rejected(reason)) => {
            let reason = context.masker.mask(&reason);
            if args.json {
                output::print_json(&json!({ "id": order.id, "outcome": "rejected", "reason": reason }))?;
            } else {
                output::print(&format!("{}  would be rejected: {reason}\n", order.id))?;
            }
            return Ok(Exit::Bad);
        }
    };
    context.facts = Arc::new(planned.facts.clone());
    let outlook = Outlook {
        steps: steps(&planned, &context),
        criteria: bound(&planned, &order),
        planned: &planned,
        order: &order,
    };
    if args.json {
        output::print_json(&outlook.as_json())?;
    } else {
        output::print(&outlook.as_text(&context.masker))?;
    }
    Ok(Exit::Good)
}

/// What is shown of a plan.
struct Outlook<'a> {
    order: &'a Order,
    planned: &'a Planned,
    /// Each with how it stands now.
    steps: Vec<(&'a StepSpec, String)>,
    /// Each with what measures it.
    criteria: Vec<(&'a Criterion, String)>,
}

fn steps<'a>(planned: &'a Planned, context: &Context) -> Vec<(&'a StepSpec, String)> {
    let stands = |spec: &StepSpec| {
        if spec.measures_only {
            return "measured then".to_owned();
        }
        match planned.handler.step(spec).and_then(|step| step.check(context)) {
            Ok(Check::Already(note)) => format!("already so: {note}"),
            Ok(Check::Needed(before)) => format!("needed: {before}"),
            Ok(Check::Unknown(why)) => format!("can't be told: {why}"),
            Err(error) => format!("can't be checked: {error}"),
        }
    };
    planned.plan.steps.iter().map(|spec| (spec, context.masker.mask(&stands(spec)))).collect()
}

fn bound<'a>(planned: &'a Planned, order: &Order) -> Vec<(&'a Criterion, String)> {
    let binder = Binder::new(&order.bindings, planned.handler.measurements(order));
    let measured_by = |criterion: &Criterion| match binder.bind(criterion) {
        Binding::Bound { key, .. } => key,
        Binding::Ambiguous(keys) => format!("ambiguous: {}", keys.join(", ")),
        Binding::None => "nothing: it will be UNMEASURED".to_owned(),
    };
    planned.criteria.iter().map(|criterion| (criterion, measured_by(criterion))).collect()
}

impl Outlook<'_> {
    fn as_json(&self) -> serde_json::Value {
        let Outlook { order, planned, steps, criteria } = self;
        json!({
            "id": order.id,
            "handler": planned.handler.descriptor().name,
            "dispatch": planned.dispatch,
            "facts": planned.facts,
            "notes": planned.plan.notes,
            "template": planned.template.as_ref().map(|template| &template.name),
            "steps": steps.iter().map(|(spec, now)| json!({
                "name": spec.name, "describe": spec.describe, "subjects": spec.subjects, "measures_only": spec.measures_only, "now": now,
            })).collect::<Vec<_>>(),
            "criteria": criteria.iter().map(|(criterion, bound)| json!({
                "metric": criterion.metric, "target": criterion.target, "source": criterion.source, "measurement": bound,
            })).collect::<Vec<_>>(),
        })
    }

    fn as_text(&self, masker: &Masker) -> String {
        let Outlook { order, planned, steps, criteria } = self;
        let mut text = format!("{}  {} ({})\n", order.id, planned.handler.descriptor().name, planned.dispatch);
        if let Some(template) = &planned.template {
            text.push_str(&format!("report template: {}\n", template.name));
        }
        for note in &planned.plan.notes {
            text.push_str(&format!("note: {}\n", masker.mask(note)));
        }
        text.push_str(&output::table(
            &["Step", "What", "Now"],
            steps.iter().map(|(spec, now)| vec![spec.name.clone(), spec.describe.clone(), now.clone()]),
        ));
        text.push_str(&output::table(
            &["Metric", "Target", "Measured by"],
            criteria
                .iter()
                .map(|(criterion, bound)| vec![criterion.metric.clone(), criterion.target.clone(), bound.clone()]),
        ));
        text
    }
}
