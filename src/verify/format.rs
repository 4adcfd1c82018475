//! A verification on stdout: text for people, JSON, JUnit XML and TAP 14 for machines, Markdown as in the report.
//!
//! Invariant: an unmeasured check is never shown in a way that a reader of the format counts as passed.

use std::fmt::Write as _;

use serde_json::json;

use super::{CheckResult, Finding, Verification, report};
use crate::text;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    #[default]
    Text,
    Markdown,
    Json,
    Junit,
    Tap,
}

/// Renders verifications that ran together. `report` is shown as the place of each one's report.
pub fn render(verifications: &[(Verification, Option<String>)], format: Format) -> String {
    match format {
        Format::Text => {
            verifications.iter().map(|(one, place)| text_of(one, place.as_deref())).collect::<Vec<_>>().join("\n")
        }
        Format::Markdown => verifications.iter().map(|(one, _)| report::render(one)).collect::<Vec<_>>().join("\n"),
        Format::Json => {
            let all: Vec<_> = verifications.iter().map(|(one, place)| json_of(one, place.as_deref())).collect();
            // one subject gives one object, so that a script need not unpack a list
            let value = match <[_; 1]>::try_from(all) {
                Ok([one]) => one,
                Err(all) => json!(all),
            };
            format!("{value:#}\n")
        }
        Format::Junit => junit(verifications),
        Format::Tap => tap(verifications),
    }
}

fn text_of(verification: &Verification, place: Option<&str>) -> String {
    let mut out = format!("{}\n", verification.title);
    let width = verification.checks.iter().map(|check| check.title.chars().count()).max().unwrap_or(0);
    for check in &verification.checks {
        let _ = writeln!(
            out,
            "{:<10}  {:<width$}  {}",
            check.finding.as_str(),
            check.title,
            text::line(&check.detail, 400)
        );
    }
    for (label, value) in &verification.headline {
        let _ = writeln!(out, "{label}: {}", text::line(value, 400));
    }
    let _ = writeln!(out, "{}", verification.tally());
    if let Some(place) = place {
        let _ = writeln!(out, "report: {}", text::line(place, 1000));
    }
    out
}

fn json_of(verification: &Verification, place: Option<&str>) -> serde_json::Value {
    let checks: Vec<_> = verification
        .checks
        .iter()
        .map(|check| {
            json!({
                "id": check.id,
                "title": check.title,
                "result": check.finding.as_str(),
                "detail": text::escape(&check.detail),
                "measurement": check.measurement,
            })
        })
        .collect();
    let headline: serde_json::Map<_, _> =
        verification.headline.iter().map(|(label, value)| (label.to_lowercase(), json!(value))).collect();
    json!({
        "version": 1,
        "subject": verification.subject,
        "title": verification.title,
        "timestamp": verification.at,
        "repo": verification.root.display().to_string(),
        "good": verification.is_good(),
        "passed": verification.count(Finding::Pass),
        "failed": verification.count(Finding::Fail),
        "unmeasured": verification.count(Finding::Unmeasured),
        "checks": checks,
        "figures": headline,
        "evidence": verification.evidence(),
        "report": place,
    })
}

/// JUnit: what failed is a `failure`, what could not be looked at an `error`.
fn junit(verifications: &[(Verification, Option<String>)]) -> String {
    let mut out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n".to_owned();
    for (one, _) in verifications {
        let counted: Vec<&CheckResult> = one.checks.iter().filter(|check| check.finding != Finding::Info).collect();
        let _ = writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" timestamp=\"{}\">",
            xml(one.subject),
            counted.len(),
            one.count(Finding::Fail),
            one.count(Finding::Unmeasured),
            one.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        );
        for check in counted {
            let head = format!("    <testcase classname=\"{}\" name=\"{}\"", xml(one.subject), xml(check.id));
            let detail = xml(&text::line(&check.detail, 600));
            let _ = match check.finding {
                Finding::Fail => writeln!(out, "{head}><failure message=\"{detail}\"/></testcase>"),
                Finding::Unmeasured => writeln!(out, "{head}><error message=\"unmeasured: {detail}\"/></testcase>"),
                Finding::Pass | Finding::Info => writeln!(out, "{head}><system-out>{detail}</system-out></testcase>"),
            };
        }
        out.push_str("  </testsuite>\n");
    }
    out + "</testsuites>\n"
}

fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// TAP 14. A `# SKIP` would count as passed, so an unmeasured check is `not ok` and its diagnostic says which it is.
fn tap(verifications: &[(Verification, Option<String>)]) -> String {
    let counted: Vec<(&Verification, &CheckResult)> = verifications
        .iter()
        .flat_map(|(one, _)| one.checks.iter().map(move |check| (one, check)))
        .filter(|(_, check)| check.finding != Finding::Info)
        .collect();
    let mut out = format!("TAP version 14\n1..{}\n", counted.len());
    for (n, (one, check)) in counted.iter().enumerate() {
        let ok = if check.finding == Finding::Pass { "ok" } else { "not ok" };
        // `#` would start a directive; a JSON string is a YAML string
        let detail = serde_json::Value::from(text::line(&check.detail, 600));
        let _ = writeln!(out, "{ok} {} - {} {}", n + 1, one.subject, check.id);
        let _ = write!(out, "  ---\n  result: {}\n  detail: {detail}\n  ...\n", check.finding.as_str());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::testing::sample;
    use super::*;

    fn all(format: Format) -> String {
        render(&[(sample(), Some("g/reports/parquet/verify_x.md".to_owned()))], format)
    }

    #[test]
    fn formats_for_people_and_machines() {
        insta::assert_snapshot!("text", all(Format::Text));
        insta::assert_snapshot!("junit", all(Format::Junit));
        insta::assert_snapshot!("tap", all(Format::Tap));
    }

    #[test]
    fn json_holds_every_check_and_its_evidence() {
        let value: serde_json::Value = serde_json::from_str(&all(Format::Json)).unwrap();
        let results: Vec<_> = value["checks"].as_array().unwrap().iter().map(|check| &check["result"]).collect();
        assert_eq!(results, ["pass", "fail", "info", "unmeasured"]);
        assert_eq!((&value["passed"], &value["good"]), (&json!(1), &json!(false)));
        assert_eq!(value["evidence"][0]["id"], "E1");
        let two = render(&[(sample(), None), (sample(), None)], Format::Json);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&two).unwrap().as_array().unwrap().len(), 2);
    }

    #[test]
    fn no_format_shows_an_unmeasured_check_as_passed() {
        assert!(all(Format::Tap).contains("not ok 3 - parquet service.loaded"));
        assert!(all(Format::Junit).contains("errors=\"1\""));
        assert!(all(Format::Text).contains("unmeasured  Service loaded"));
    }
}
