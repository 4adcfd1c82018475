//! A handler for tests of the engine alone: each step appends one line to a ledger and fsyncs it, so that a test can count
//! how often each step took effect. Only in debug builds or with the feature `probe`, and only where `WO_PROBE` is set.
//!
//! `params:` of the order: `steps` (default 2), `fail` (name of a step whose verify says no), `hang` (name of a step that
//! never returns), `wait_ms` (the last step asks to be verified later), `uncertain` (name of a step whose check can't
//! tell), `no_undo` (name of a step whose undo fails), `files = true` (each step also writes its number into `probe.txt`,
//! which undo puts back), `subject` (what all steps touch; default: the order's id), `measure = false` (take no
//! measurement), `deadline_s` (of each step).

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::{Applied, Check, Context, Descriptor, Handler, HandlerError, Plan, Step, StepSpec, Verified};
use crate::config::Config;
use crate::durable::DurableError;
use crate::evidence::{Declaration, Measurement, Value, Vocabulary};
use crate::order::{Criterion, Order};

static DECLARED: LazyLock<Vocabulary> = LazyLock::new(|| {
    Vocabulary::new([Declaration::new("probe.lines", &["Ledger lines"], "lines of this order in the ledger")])
});

static DESCRIPTOR: LazyLock<Descriptor> = LazyLock::new(|| Descriptor {
    name: "probe",
    about: "appends to a ledger; for tests",
    id_patterns: &["WO-*PROBE*"],
    service_labels: &[],
    deliverable_paths: &[],
    measurements: &DECLARED,
    default_criteria: &[],
    default_template: None,
});

pub struct Probe;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Params {
    n: u64,
    #[serde(default)]
    fail: bool,
    #[serde(default)]
    hang: bool,
    #[serde(default)]
    uncertain: bool,
    #[serde(default)]
    no_undo: bool,
    #[serde(default)]
    files: bool,
    #[serde(default)]
    wait_ms: u64,
    measure: bool,
}

impl Handler for Probe {
    fn descriptor(&self) -> &Descriptor {
        &DESCRIPTOR
    }

    fn diagnose(&self, _order: &Order, _context: &Context) -> Result<serde_json::Value, HandlerError> {
        Ok(serde_json::Value::Null)
    }

    fn plan(
        &self,
        order: &Order,
        _criteria: &[Criterion],
        _facts: &serde_json::Value,
        _config: &Config,
    ) -> Result<Plan, HandlerError> {
        let number =
            |key: &str, default: u64| order.params.get(key).and_then(serde_json::Value::as_u64).unwrap_or(default);
        let is = |key: &str, name: &str| order.params.get(key).and_then(serde_json::Value::as_str) == Some(name);
        let subject = order.params.get("subject").and_then(serde_json::Value::as_str).unwrap_or(&order.id).to_owned();
        let steps = number("steps", 2).min(100);
        let measure = order.params.get("measure").and_then(serde_json::Value::as_bool).unwrap_or(true);
        let specs = (1..=steps).map(|n| {
            let name = format!("line-{n}");
            let params = Params {
                n,
                fail: is("fail", &name),
                hang: is("hang", &name),
                uncertain: is("uncertain", &name),
                no_undo: is("no_undo", &name),
                files: order.params.get("files").and_then(serde_json::Value::as_bool).unwrap_or(false),
                wait_ms: if n == steps { number("wait_ms", 0) } else { 0 },
                measure,
            };
            Ok(StepSpec {
                describe: format!("append line {n} to the ledger"),
                subjects: vec![subject.clone()],
                params: serde_json::to_value(params).map_err(|error| HandlerError::failed("plan", error))?,
                deadline_s: order.params.get("deadline_s").and_then(serde_json::Value::as_u64),
                measures_only: false,
                name,
            })
        });
        Ok(Plan { steps: specs.collect::<Result<_, HandlerError>>()?, keep_on_failure: false, notes: Vec::new() })
    }

    fn step(&self, spec: &StepSpec) -> Result<Box<dyn Step>, HandlerError> {
        let params: Params = serde_json::from_value(spec.params.clone())
            .map_err(|error| HandlerError::failed(spec.name.clone(), error))?;
        Ok(Box::new(Line(params)))
    }
}

struct Line(Params);

impl Line {
    fn ledger(context: &Context) -> PathBuf {
        context.root.join("ledger.txt")
    }

    fn file(context: &Context) -> PathBuf {
        context.root.join("probe.txt")
    }

    fn text(&self, context: &Context) -> String {
        format!("{} {} {}", context.order.id, context.attempt, self.0.n)
    }

    /// How often this step's line stands in the ledger.
    fn count(&self, context: &Context) -> Result<usize, HandlerError> {
        let path = Self::ledger(context);
        match std::fs::File::open(&path) {
            Ok(file) => {
                let text = self.text(context);
                Ok(BufReader::new(file).lines().map_while(Result::ok).filter(|line| *line == text).count())
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(DurableError::io("read", &path)(error).into()),
        }
    }
}

impl Step for Line {
    fn files(&self, context: &Context) -> Result<Vec<PathBuf>, HandlerError> {
        Ok(if self.0.files { vec![Self::file(context)] } else { Vec::new() })
    }

    fn check(&self, context: &Context) -> Result<Check, HandlerError> {
        if self.0.uncertain && self.count(context)? == 0 {
            return Ok(Check::Unknown("the test says so".to_owned()));
        }
        Ok(match self.count(context)? {
            0 => Check::Needed("not in the ledger".to_owned()),
            n => Check::Already(format!("{n} in the ledger")),
        })
    }

    fn apply(&self, context: &Context) -> Result<Applied, HandlerError> {
        if self.0.hang {
            loop {
                std::thread::park();
            }
        }
        // before the line, which says that all of it is done
        if self.0.files {
            crate::durable::write(&Self::file(context), format!("{}\n", self.text(context)).as_bytes(), 0o640)?;
        }
        let path = Self::ledger(context);
        let new = !path.exists();
        let mut file =
            OpenOptions::new().create(true).append(true).open(&path).map_err(DurableError::io("open", &path))?;
        file.write_all(format!("{}\n", self.text(context)).as_bytes()).map_err(DurableError::io("write", &path))?;
        crate::durable::sync_file(&file, &path)?;
        if new {
            crate::durable::sync_dir(context.root.path())?;
        }
        Ok(Applied { after: "in the ledger".to_owned() })
    }

    fn verify(&self, context: &Context) -> Result<Verified, HandlerError> {
        let count = self.count(context)?;
        let now = context.clock.now();
        let measured = Measurement::new(
            "probe.lines",
            Value::Count { n: count as u64, noun: "lines".to_owned() },
            "lines of this step in ledger.txt",
            now,
        )
        .ok(count == 1);
        let measurements = if self.0.measure { vec![measured] } else { Vec::new() };
        if self.0.fail {
            return Ok(Verified::No { why: "the test says so".to_owned(), measurements });
        }
        if self.0.wait_ms > 0 {
            let due = context.step_applied.unwrap_or(now) + std::time::Duration::from_millis(self.0.wait_ms);
            if now < due {
                return Ok(Verified::Wait { until: due, why: "the test says so".to_owned() });
            }
        }
        Ok(if count == 1 {
            Verified::Yes(measurements)
        } else {
            Verified::No { why: format!("{count} lines"), measurements }
        })
    }

    fn undo(&self, context: &Context) -> Result<(), HandlerError> {
        if self.0.no_undo {
            return Err(HandlerError::failed("failed to take back the line", "the test says so"));
        }
        let path = Self::ledger(context);
        let mut file =
            OpenOptions::new().append(true).create(true).open(&path).map_err(DurableError::io("open", &path))?;
        file.write_all(format!("undo {}\n", self.text(context)).as_bytes())
            .map_err(DurableError::io("write", &path))?;
        Ok(crate::durable::sync_file(&file, &path)?)
    }
}
