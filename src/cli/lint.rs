//! `wo lint FILE…`: what an order is understood to be, before any work starts: identity, handler, each criterion with its
//! typed target and what measures it, and all that is wrong with it, each with its cure.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{CliError, Exit, Global, findings, output};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::engine::criteria::{self, Wanted};
use crate::engine::dispatch::{self, Refused};
use crate::engine::gate;
use crate::evidence::{Binder, Binding, BoundBy, Declaration, Kind, Vocabulary, bind};
use crate::handlers::{deliverables, registry};
use crate::order::{self, Criterion, CriterionSource, Diagnostic, Order, Severity, Target};
use crate::root::{Root, RootError};
use crate::text;

/// Check orders: how they are understood, what measures each criterion, and what is wrong with them
#[derive(clap::Args)]
pub struct Args {
    /// orders; `-` reads one from stdin
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// print JSON
    #[arg(long, env = "WO_JSON")]
    json: bool,
}

/// 0 when nothing stops the orders, 1 when something does, 2 when one can't be read at all.
pub fn run(args: Args, global: &Global) -> Result<Exit, CliError> {
    let (root, config) = settings(global)?;
    let place = (root.as_ref(), &config);
    let mut exit = Exit::Good;
    let mut results = Vec::new();
    for file in &args.files {
        let linted = lint(file, place);
        exit = exit.max(linted.as_ref().map_or(Exit::Usage, Linted::exit));
        match linted {
            Ok(linted) if args.json => results.push(linted.json()),
            Ok(linted) => output::print(&linted.text(colour()))?,
            Err(error) if args.json => {
                results.push(json!({ "file": file.display().to_string(), "unreadable": error.message }))
            }
            Err(error) => output::complain(format_args!("error: {}", error.message)),
        }
    }
    if args.json {
        output::print_json(&results)?;
    }
    Ok(exit)
}

/// The root and its settings; the defaults where there is none, for an order can be checked anywhere.
fn settings(global: &Global) -> Result<(Option<Root>, Config), CliError> {
    let here = std::env::current_dir()?;
    match Root::find(global.root.as_deref(), &here) {
        Ok(root) => Config::load(&root).map(|config| (Some(root), config)).map_err(Into::into),
        Err(RootError::NotFound(_)) => Ok((None, Config::default())),
        Err(error) => Err(error.into()),
    }
}

fn colour() -> bool {
    use std::io::IsTerminal as _;
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

pub(super) struct Linted {
    file: String,
    source: String,
    order: Order,
    /// The handler with the reason, or why there is none.
    handler: Result<(&'static str, String), Refused>,
    /// What the handler measures.
    measures: Vec<&'static str>,
    criteria: Vec<(Criterion, Binding)>,
    findings: Vec<Diagnostic>,
}

fn lint(file: &Path, place: (Option<&Root>, &Config)) -> Result<Linted, CliError> {
    let (bytes, name) = super::read_input(file, place.1.limits.order_bytes)?;
    let order = order::parse(&bytes, &name).map_err(|refusal| {
        CliError::new(format!("failed to read `{}`: {refusal}", text::line(&file.display().to_string(), 200)))
    })?;
    Ok(examine(order, String::from_utf8(bytes)?, file, place, SystemClock.now()))
}

/// How `order`, read from `source`, meets the root, if there is one, and its settings at `now`.
pub(super) fn examine(
    order: Order,
    source: String,
    file: &Path,
    (root, config): (Option<&Root>, &Config),
    now: Timestamp,
) -> Linted {
    let handlers = registry::all(config);
    let mut unmet = Vec::new();
    let mut asked = Vec::new();
    let mut refused = None;
    let (handler, declarations, defaults) = match dispatch::dispatch(&order, config, &handlers) {
        Ok((handler, why)) => {
            let descriptor = handler.descriptor();
            unmet = handler.unmet(&order);
            asked = handler.asked(&order, &handler.glance(root), config);
            refused = handler.refuses(&order);
            (Ok((descriptor.name, why)), handler.measurements(&order), descriptor.default_criteria)
        }
        Err(refused) => (Err(refused), Vocabulary::empty(), [].as_slice()),
    };
    let binder = Binder::new(&order.bindings, declarations);
    let wanted = Wanted { defaults, asked: &asked, unmet: &unmet, known: declarations };
    let bound = |criterion: Criterion| {
        let binding = binder.bind(&criterion);
        (criterion, binding)
    };
    let criteria: Vec<(Criterion, Binding)> = criteria::of(&order, &wanted, None).into_iter().map(bound).collect();
    let mut found = order.diagnostics.clone();
    if let Some(at) = order.expires.filter(|at| *at <= now) {
        found.push(finding(
            &source,
            0..0,
            Severity::Error,
            "expired",
            &format!("the order expired at {at}"),
            "it would be rejected",
            "set a later `expires`, or take it out",
        ));
    }
    found.extend(gate::never_measured(&order).map(|why| {
        let cure = "ask for an order, or for what heartbeats tell: `monitor.healthy_for >= 24h`";
        finding(&source, 0..0, Severity::Error, "unmeasured-requirement", &why, "it would be rejected", cure)
    }));
    match &handler {
        // what it can measure of an order that it doesn't take says nothing
        Ok(_) if let Some((why, cure)) = refused => {
            found.push(finding(&source, 0..0, Severity::Error, "refused", why, "it would be rejected", cure));
        }
        Ok((name, _)) => {
            let own = criteria.iter().filter(|(criterion, _)| criterion.source != CriterionSource::Handler);
            found.extend(
                // what the handler set it knows, or tells itself
                own.filter_map(|(criterion, binding)| {
                    unbound(criterion, binding, &binder, declarations, name, &source)
                }),
            );
            found.extend(unfilled(&order, &criteria, &source));
        }
        Err(refused) => found.push(finding(
            &source,
            0..0,
            Severity::Warning,
            "no-handler",
            &refused.to_string(),
            "it would be rejected",
            match refused {
                Refused::TakesAway(_) => "do that by hand: `wo services uninstall LABEL`, then remove the files",
                Refused::NotOne(_) => "name one with `handler:` in the front matter",
            },
        )),
    }
    found.extend(unmet.iter().map(|one| {
        let message = format!("a requirement asks for `{} | {}`: {}", one.metric, one.target, one.instead);
        let understood = "it is a criterion that what is deployed won't meet, so the order can't end `done`";
        let cure = "ask for what the handler does, or take it out";
        finding(&source, one.span.clone(), Severity::Warning, "unmet-requirement", &message, understood, cure)
    }));
    if criteria.is_empty() {
        let message = "the order says nowhere when it is done";
        found.push(finding(
            &source,
            0..0,
            Severity::Warning,
            "no-criteria",
            message,
            "it can't end `done`",
            "add a table `| Metric | Target |` under Acceptance Criteria",
        ));
    }
    found.sort_by_key(|finding| finding.span.start);
    let measures = declarations.iter().map(|declaration| declaration.key).collect();
    Linted { file: file.display().to_string(), source, order, handler, measures, criteria, findings: found }
}

/// What is said of a criterion that nothing measures, or that two things could.
fn unbound(
    criterion: &Criterion,
    binding: &Binding,
    binder: &Binder,
    declarations: &[Declaration],
    handler: &str,
    source: &str,
) -> Option<Diagnostic> {
    let metric = &criterion.metric;
    let (code, message, cure) = match binding {
        Binding::Bound { key, by: BoundBy::Bindings } if !declared(declarations, key) => (
            "unknown-measurement",
            format!("`{metric}` is bound to `{key}`, which {handler} does not measure"),
            "bind it to one of `measures` in `wo lint --json`".to_owned(),
        ),
        Binding::Bound { key, .. } => {
            let kind = declarations.iter().find(|one| bind::key_matches(one.key, key)).and_then(|one| one.kind)?;
            if matches!(criterion.compiled, Target::Unclear { .. }) {
                return None;
            }
            let counted: Vec<(&str, &str)> = declarations
                .iter()
                .filter_map(|one| match one.kind {
                    Some(Kind::Count(noun)) => Some((one.key, noun)),
                    _ => None,
                })
                .collect();
            if !kind.can_judge(key, metric, &criterion.compiled) {
                let (words, fitting) = kind.words();
                (
                    "never-judged",
                    format!("`{}` can't be held against `{key}`, which is {words}", criterion.target),
                    format!("write what such a value can meet, e.g. `{fitting}`, or bind it to another measurement"),
                )
            } else if !kind.can_hold(key, metric, &criterion.compiled, &counted) {
                (
                    "unmeasured-condition",
                    format!(
                        "{handler} measures nothing by which the condition of `{}` could be seen to hold",
                        criterion.target
                    ),
                    "leave the condition out, or waive the criterion with `waive`".to_owned(),
                )
            } else {
                return None;
            }
        }
        Binding::Ambiguous(keys) => (
            "ambiguous-metric",
            format!("`{metric}` could mean {}", keys.join(" or ")),
            format!("choose: `bindings: {{ \"{metric}\": {} }}`", keys.first().map_or("", String::as_str)),
        ),
        Binding::None if let Some(name) = binder.other(criterion) => (
            "unmeasured",
            format!("`{metric}` is of `{}`, which {handler} does not measure", text::line(&name, 60)),
            format!("say what measures it: `bindings: {{ \"{metric}\": … }}`, or waive it with `waive`"),
        ),
        Binding::None => {
            let near = binder.near(metric);
            let cure = match near.first() {
                Some(key) => {
                    format!("bind it if one of {} is meant: `bindings: {{ \"{metric}\": {key} }}`", near.join(", "))
                }
                None => "bind it with `bindings`, or waive it with `waive`".to_owned(),
            };
            ("unmeasured", format!("nothing that {handler} measures goes by the name `{metric}`"), cure)
        }
    };
    Some(finding(
        source,
        criterion.span.clone(),
        Severity::Warning,
        code,
        &message,
        "it will be UNMEASURED, so the order can't end `done`",
        &cure,
    ))
}

/// What is said of deliverables that can't be looked for, where a criterion asks whether all are there.
fn unfilled(order: &Order, criteria: &[(Criterion, Binding)], source: &str) -> Vec<Diagnostic> {
    let is_asked = |(_, binding): &(Criterion, Binding)| matches!(binding, Binding::Bound { key, .. } if key == deliverables::PRESENT);
    if !criteria.iter().any(is_asked) {
        return Vec::new();
    }
    let told = order.deliverables.iter().filter_map(|deliverable| {
        let why = deliverables::unfilled(deliverable)?;
        let shown = text::line(deliverable.path.as_ref()?, 120);
        Some(finding(
            source,
            deliverable.span.clone(),
            Severity::Warning,
            "unfilled-deliverable",
            &format!("`{shown}` {why}"),
            "where no file is called so, whether all deliverables are there will be UNMEASURED",
            "name the file, or its folder with a `/` at its end",
        ))
    });
    told.collect()
}

fn declared(declarations: &[Declaration], key: &str) -> bool {
    declarations.iter().any(|declaration| bind::key_matches(declaration.key, key))
}

/// A finding about how the order meets this root, placed like those of the parser.
fn finding(
    source: &str,
    span: order::Span,
    severity: Severity,
    code: &str,
    message: &str,
    understood: &str,
    cure: &str,
) -> Diagnostic {
    let before = source.get(..span.start).unwrap_or("");
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = source.get(line_start..).and_then(|rest| rest.lines().next()).unwrap_or("");
    Diagnostic {
        severity,
        code: code.to_owned(),
        message: text::line(message, 600),
        understood: Some(understood.to_owned()),
        cure: Some(text::line(cure, 300)),
        line: before.matches('\n').count() + 1,
        column: before.get(line_start..).unwrap_or("").chars().count() + 1,
        excerpt: text::line(line, 160),
        span,
    }
}

fn bound_text(binding: &Binding) -> String {
    match binding {
        Binding::Bound { key, by: BoundBy::Bindings } => format!("{key} (by `bindings`)"),
        Binding::Bound { key, .. } => key.clone(),
        Binding::Ambiguous(keys) => format!("ambiguous: {}", keys.join(", ")),
        Binding::None => "nothing".to_owned(),
    }
}

impl Linted {
    /// Why the order is sure to be rejected: what is wrong with it, or that nothing carries it out here.
    pub(super) fn rejection(&self) -> Option<String> {
        let error = self.findings.iter().find(|finding| finding.severity == Severity::Error);
        error.map(|first| first.message.clone()).or_else(|| self.handler.as_ref().err().map(ToString::to_string))
    }

    /// What is doubtful about it, a line each.
    pub(super) fn warnings(&self) -> impl Iterator<Item = String> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Warning).map(|finding| {
            let more = [
                finding.understood.as_deref().map(|it| format!(": {it}")),
                finding.cure.as_deref().map(|it| format!("; {it}")),
            ];
            let more: String = more.into_iter().flatten().collect();
            format!("warning: {}:{}: {}{more}", text::line(&self.file, 200), finding.line, finding.message)
        })
    }

    fn exit(&self) -> Exit {
        let stopped = self.findings.iter().any(|finding| finding.severity == Severity::Error);
        if stopped { Exit::Bad } else { Exit::Good }
    }

    fn text(&self, colour: bool) -> String {
        let order = &self.order;
        let shape = serde_json::to_value(order.shape).ok().and_then(|shape| shape.as_str().map(str::to_owned));
        let mut out = format!("{}  {:?}  {} shape\n", order.id, order.priority, shape.unwrap_or_default());
        let mut field = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                out.push_str(&format!("  {name:<12}{}\n", text::line(&value, 200)));
            }
        };
        field("title", order.title.clone());
        field("phase", order.phase.clone());
        field("origin", order.origin.clone());
        field("assignee", order.assignee.clone());
        field("created", order.created.clone());
        field("expires", order.expires.map(|at| at.to_string()));
        field("approval", order.needs_approval.then(|| "a person must approve it".to_owned()));
        field(
            "handler",
            Some(match &self.handler {
                Ok((name, why)) => format!("{name} ({why})"),
                Err(_) => "none".to_owned(),
            }),
        );
        for requirement in &order.requires {
            field("requires", Some(requirement_text(requirement)));
        }
        for waiver in &order.waive {
            field("waived", Some(format!("{} until {}: {}", waiver.metric, waiver.until, waiver.reason)));
        }
        let counts = [
            ("requirement", order.requirements.len()),
            ("deliverable", order.deliverables.len()),
            ("command", order.verification.len()),
        ];
        let counts: Vec<String> = counts
            .iter()
            .filter(|(_, n)| *n > 0)
            .map(|(name, n)| format!("{n} {name}{}", if *n == 1 { "" } else { "s" }))
            .collect();
        field("holds", (!counts.is_empty()).then(|| counts.join(", ")));
        if !self.criteria.is_empty() {
            out.push_str(if order.acceptance.is_empty() {
                "criteria (the handler's, for the order has none)\n"
            } else {
                "criteria\n"
            });
            let rows = self.criteria.iter().map(|(criterion, binding)| {
                vec![
                    criterion.metric.clone(),
                    criterion.target.clone(),
                    criterion.compiled.to_string(),
                    bound_text(binding),
                ]
            });
            out.push_str(&output::table(&["Metric", "Target", "Understood as", "Measured by"], rows));
        }
        out.push_str(&findings::render(&self.findings, &self.source, &self.file, colour));
        let count = |severity: Severity| self.findings.iter().filter(|finding| finding.severity == severity).count();
        out.push_str(&format!(
            "{}: {} error(s), {} warning(s), {} note(s)\n",
            text::line(&self.file, 200),
            count(Severity::Error),
            count(Severity::Warning),
            count(Severity::Note)
        ));
        out
    }

    fn json(&self) -> Value {
        let order = &self.order;
        let criteria: Vec<Value> = self
            .criteria
            .iter()
            .map(|(criterion, binding)| {
                let binding = match binding {
                    Binding::Bound { key, by } => json!({ "key": key, "by": format!("{by:?}").to_lowercase() }),
                    Binding::Ambiguous(keys) => json!({ "ambiguous": keys }),
                    Binding::None => Value::Null,
                };
                json!({
                    "metric": criterion.metric,
                    "target": criterion.target,
                    "typed": criterion.compiled,
                    "understood": criterion.compiled.to_string(),
                    "measured_by": criterion.measured_by,
                    "source": criterion.source,
                    "span": criterion.span,
                    "binding": binding,
                })
            })
            .collect();
        let handler = match &self.handler {
            Ok((name, why)) => json!({ "name": name, "why": why, "measures": self.measures }),
            Err(refused) => json!({ "name": null, "why": refused.to_string() }),
        };
        json!({
            "file": self.file,
            "id": order.id,
            "shape": order.shape,
            "title": order.title,
            "priority": order.priority,
            "handler": handler,
            "criteria": criteria,
            "findings": self.findings,
            "order": order,
        })
    }
}

fn requirement_text(requirement: &order::Requirement) -> String {
    match requirement {
        order::Requirement::OrderDone { id } => format!("{id} done"),
        order::Requirement::Measurement { key, compiled, .. } => format!("{key} {compiled}"),
        order::Requirement::Unclear { text, .. } => format!("`{text}`, which is not understood: it waits for a person"),
    }
}
