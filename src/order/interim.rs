//! Front matter alone, until the parser of all shapes lands and replaces this file.

use super::*;

#[derive(Debug, thiserror::Error)]
#[error("it is not UTF-8")]
pub struct ParseRefusal;
pub fn parse(source: &[u8], file_name: &str) -> Result<Order, ParseRefusal> {
    let text = std::str::from_utf8(source).map_err(|_| ParseRefusal)?;
    let front = text.strip_prefix("---\n").and_then(|t| t.split("\n---").next()).unwrap_or("");
    let v: serde_json::Value = serde_yaml::from_str(front).unwrap_or_default();
    let s = |k: &str| v.get(k).and_then(|v| v.as_str()).map(str::to_owned);
    let acceptance = v
        .get("acceptance")
        .and_then(|a| a.as_array())
        .cloned()
        .unwrap_or_default()
        .iter()
        .map(|c| {
            let m = c["metric"].as_str().unwrap_or("").to_owned();
            let t = c["target"].as_str().unwrap_or("").to_owned();
            Criterion {
                compiled: target::compile(&m, &t),
                metric: m,
                target: t,
                measured_by: None,
                source: CriterionSource::FrontMatter,
                span: 0..0,
            }
        })
        .collect();
    let requires = v
        .get("requires")
        .and_then(|a| a.as_array())
        .cloned()
        .unwrap_or_default()
        .iter()
        .map(|c| Requirement::OrderDone { id: c.as_str().unwrap_or("").trim_end_matches(" done").to_owned() })
        .collect();
    Ok(Order {
        id: s("id").unwrap_or_else(|| file_name.trim_end_matches(".md").to_owned()),
        shape: Shape::FrontMatter,
        title: None,
        phase: None,
        origin: None,
        assignee: None,
        priority: Priority::P2,
        created: None,
        expires: None,
        handler: s("handler"),
        template: s("template"),
        params: v.get("params").and_then(|p| p.as_object()).cloned().unwrap_or_default(),
        objective: None,
        requirements: vec![],
        deliverables: vec![],
        dependencies: vec![],
        requires,
        acceptance,
        bindings: Default::default(),
        waive: vec![],
        verification: vec![],
        next_phase: None,
        needs_approval: v.get("approval").is_some(),
        extra: Default::default(),
        parts: vec![],
        diagnostics: vec![],
    })
}
