//! The report of a verification: `verify_YYYY-MM-DD_HH-MM-SS.md` (UTC), in the format that the field's tools read:
//! heading, `**Timestamp:**`, `**Repo:**`, counts, the lists Passed, Failed and Info with a bullet a check, then Evidence.
//!
//! Pure: the same verification gives the same text.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::{CheckResult, Finding, Verification};
use crate::durable::{self, DurableError};
use crate::evidence::Measurement;
use crate::text;

pub fn render(verification: &Verification) -> String {
    let evidence = verification.evidence();
    let mut out = String::new();
    let count = |finding| verification.count(finding);
    // writing to a String can't fail
    let _ = write!(
        out,
        "## 🔍 {}\n\n**Timestamp:** {}\n**Repo:** {}\n\n**Passed:** {}\n**Failed:** {}\n**Unmeasured:** {}\n",
        verification.title,
        stamp(verification),
        text::line(&verification.root.display().to_string(), 1000),
        count(Finding::Pass),
        count(Finding::Fail),
        count(Finding::Unmeasured),
    );
    let lists = [
        ("Passed", Finding::Pass, "✅"),
        ("Failed", Finding::Fail, "❌"),
        ("Unmeasured", Finding::Unmeasured, "☐ unmeasured:"),
        ("Info", Finding::Info, "ℹ️"),
    ];
    for (heading, finding, mark) in lists {
        let _ = write!(out, "\n### {heading}\n\n");
        if count(finding) == 0 {
            out.push_str("- none\n");
        }
        for check in verification.with(finding) {
            let _ = writeln!(out, "- {mark} {}{}", bullet(check), reference(check, &evidence));
        }
    }
    if !verification.headline.is_empty() {
        out.push_str("\n### Figures\n\n");
        for (label, value) in &verification.headline {
            let _ = writeln!(out, "- {label}: {}", text::line(value, 400));
        }
    }
    out.push_str(
        "\n### Evidence\n\n| ID | Key | Value | How | When | Artifact | SHA-256 |\n|---|---|---|---|---|---|---|\n",
    );
    for measurement in &evidence {
        let artifact = measurement.artifact.as_ref();
        let _ = writeln!(
            out,
            "| {} | `{}` | {} | {} | {} | {} | {} |",
            measurement.id,
            measurement.key,
            text::cell(&measurement.value.to_string()),
            text::cell(&measurement.how),
            measurement.at,
            artifact.map(|artifact| format!("`{}`", text::cell(&artifact.path))).unwrap_or_default(),
            artifact.map(|artifact| format!("`{}`", artifact.sha256)).unwrap_or_default(),
        );
    }
    out
}

fn stamp(verification: &Verification) -> String {
    verification.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn bullet(check: &CheckResult) -> String {
    format!("**{}** (`{}`): {}", check.title, check.id, text::line(&check.detail, 600))
}

fn reference(check: &CheckResult, evidence: &[Measurement]) -> String {
    let own = check.measurement.as_ref();
    let found = own.and_then(|own| evidence.iter().find(|measurement| measurement.key == own.key));
    found.map(|measurement| format!(" [{}]", measurement.id)).unwrap_or_default()
}

/// Writes the report into `dir`, under the time of the verification, and returns where. Two in one second get two names.
pub fn write(verification: &Verification, dir: &Path) -> Result<PathBuf, DurableError> {
    let stamp = verification.at.strftime("%Y-%m-%d_%H-%M-%S").to_string();
    let names =
        std::iter::once(format!("verify_{stamp}.md")).chain((2..1000).map(|n| format!("verify_{stamp}_{n}.md")));
    let mut path = dir.join(format!("verify_{stamp}.md"));
    for name in names {
        path = dir.join(name);
        if path.symlink_metadata().is_err() {
            break;
        }
    }
    durable::write(&path, render(verification).as_bytes(), 0o644)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_has_the_fields_form() {
        insta::assert_snapshot!(render(&super::super::testing::sample()));
    }

    #[test]
    fn two_reports_of_one_second_are_two_files() {
        let dir = tempfile::Builder::new().prefix("ราก ").tempdir().unwrap();
        let verification = super::super::testing::sample();
        let first = write(&verification, &dir.path().join("g/reports")).unwrap();
        let second = write(&verification, &dir.path().join("g/reports")).unwrap();
        assert_eq!(first.file_name().unwrap(), "verify_2025-10-29_02-31-07.md");
        assert_ne!(first, second);
    }
}
