//! Collects the steps of a plan. Each step's parameters are what a handler's own type makes of its work, as data.

use serde::Serialize;

use super::{HandlerError, StepSpec};

/// `params` adds to a step's work what all steps of the plan share.
pub struct Steps<F> {
    params: F,
    steps: Vec<StepSpec>,
}

impl<F> Steps<F> {
    pub fn new(params: F) -> Self {
        Steps { params, steps: Vec::new() }
    }

    pub fn finish(self) -> Vec<StepSpec> {
        self.steps
    }

    /// A step that may change something.
    pub fn change<W, P>(
        &mut self,
        name: &str,
        describe: String,
        subjects: Vec<String>,
        work: W,
    ) -> Result<(), HandlerError>
    where
        F: Fn(W) -> P,
        P: Serialize,
    {
        self.add(name, describe, subjects, work, false)
    }

    /// A step that only measures.
    pub fn measure<W, P>(
        &mut self,
        name: &str,
        describe: String,
        subjects: Vec<String>,
        work: W,
    ) -> Result<(), HandlerError>
    where
        F: Fn(W) -> P,
        P: Serialize,
    {
        self.add(name, describe, subjects, work, true)
    }

    fn add<W, P>(
        &mut self,
        name: &str,
        describe: String,
        subjects: Vec<String>,
        work: W,
        measures_only: bool,
    ) -> Result<(), HandlerError>
    where
        F: Fn(W) -> P,
        P: Serialize,
    {
        let params = serde_json::to_value((self.params)(work))
            .map_err(|error| HandlerError::failed("failed to write down the plan", error))?;
        let name = name.to_owned();
        self.steps.push(StepSpec { name, describe, subjects, params, deadline_s: None, measures_only });
        Ok(())
    }
}

/// Paths as a step's description names them.
pub fn list(paths: &[String]) -> String {
    paths.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ")
}
