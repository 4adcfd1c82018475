//! The templates that ship with Workbridge, and the names of reports.

/// `templates/NAME.md`, as it was at compile time.
const BUILTIN: [(&str, &str); 2] = [
    ("COMPLETION_REPORT", include_str!("../../templates/COMPLETION_REPORT.md")),
    ("PHASE7_8_VERIFICATION_TEMPLATE", include_str!("../../templates/PHASE7_8_VERIFICATION_TEMPLATE.md")),
];

/// A shipped template by its name, with or without `.md`; case folded.
pub fn builtin(name: &str) -> Option<&'static str> {
    let name = name.strip_suffix(".md").unwrap_or(name);
    BUILTIN.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, text)| *text)
}

/// All of them, without `.md`.
pub fn builtin_names() -> impl Iterator<Item = &'static str> {
    BUILTIN.iter().map(|(name, _)| *name)
}

/// The file name of a report: `WO-ID_REPORT.md` for the completion report, `WO-ID_NAME.md` for the template
/// `NAME[_TEMPLATE][.md]`; from the second attempt on with `.attempt-2` before `.md`. `attempt` counts from 1.
pub fn file_name(id: &str, template_name: Option<&str>, attempt: u32) -> String {
    let template_name = template_name.map(stem).filter(|name| !name.is_empty());
    let name = template_name.clone().unwrap_or_else(|| "REPORT".to_owned());
    // a template named like the completion report must not replace it
    let name = if template_name.is_some() && name.eq_ignore_ascii_case("report") {
        "REPORT_TEMPLATE".to_owned()
    } else {
        name
    };
    match attempt {
        0 | 1 => format!("{id}_{name}.md"),
        n => format!("{id}_{name}.attempt-{n}.md"),
    }
}

/// The last part of a template's name, safe as part of a file name.
fn stem(template_name: &str) -> String {
    let base = template_name.rsplit(['/', '\\']).next().unwrap_or("");
    let base = without_suffix(base, ".md");
    let base = without_suffix(base, "_TEMPLATE");
    base.chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' })
        .take(80)
        .collect()
}

fn without_suffix<'t>(text: &'t str, suffix: &str) -> &'t str {
    let cut = text.len().saturating_sub(suffix.len());
    match (text.get(..cut), text.get(cut..)) {
        (Some(before), Some(end)) if end.eq_ignore_ascii_case(suffix) && !before.is_empty() => before,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_named_after_order_template_and_attempt() {
        for (template, attempt, expect) in [
            (None, 1, "WO-1_REPORT.md"),
            (None, 2, "WO-1_REPORT.attempt-2.md"),
            (Some("PHASE7_8_VERIFICATION_TEMPLATE"), 1, "WO-1_PHASE7_8_VERIFICATION.md"),
            (Some("PHASE7_8_VERIFICATION_TEMPLATE.md"), 3, "WO-1_PHASE7_8_VERIFICATION.attempt-3.md"),
            (Some("SMOKE.md"), 1, "WO-1_SMOKE.md"),
            (Some("../x/ไทย|A_template.md"), 1, "WO-1_____A.md"),
            (Some("REPORT_TEMPLATE.md"), 1, "WO-1_REPORT_TEMPLATE.md"),
            (Some(""), 1, "WO-1_REPORT.md"),
        ] {
            let name = file_name("WO-1", template, attempt);
            assert_eq!(name, expect, "{template:?}");
        }
    }

    #[test]
    fn shipped_templates_are_found_by_name() {
        for name in builtin_names() {
            assert!(builtin(name).is_some_and(|text| text.len() > 100), "{name}");
            assert_eq!(builtin(&format!("{}.md", name.to_lowercase())), builtin(name));
        }
        assert_eq!(builtin("NOPE"), None);
    }
}
