//! Filled templates stay documents: values keep to their cells, and nothing hides the evidence.

use workbridge::evidence::Outcome;
use workbridge::report::{self};

use super::filled;
use super::record::{Taken as _, criterion, deployed, empty, state};

#[test]
fn values_cannot_leave_their_cells() {
    let hostile = [
        "a | b",
        "a\n| Exporter | ✅ OK |",
        "✅ PASS",
        "{{ order.id }} {% for x in y %}",
        "\u{1b}[32m✔\u{1b}[0m",
        "\\|",
        "`unclosed",
        "<!-- gone",
        "<details>",
        "&#x2705; :white_check_mark:",
        "[x] ![tick](https://x/tick.png)",
        "\u{202e}desrever",
        "```\n~~~",
    ];
    for value in hostile {
        let mut record = empty(Outcome::Failed);
        record.order.title = Some(value.to_owned());
        record.order.objective = Some(value.to_owned());
        record.order.next_phase = Some(value.to_owned());
        record.reason = value.to_owned();
        record.agent = value.to_owned();
        record.take("exporter", state(false, value), Some(false)).how = value.to_owned();
        record.judge(&[criterion(value, value)]);
        let template = "| Component | Status | Details |\n|---|---|---|\n| exporter | ✅ | |\n\n{{ order.title }} `{{ reason }}`\n";
        let text = report::fill(template, &record).unwrap().text;
        let completion = report::completion(&record, report::builtin("COMPLETION_REPORT").unwrap()).unwrap();
        for (what, text) in [("filled", &text), ("completion", &completion)] {
            assert!(!report::marks::has_green(text), "{what} {value:?}\n{text}");
            assert!(!text.contains(['\u{1b}', '\u{202e}']), "{what} {value:?}\n{text}");
            for (line, columns) in text.lines().filter(|line| line.starts_with('|')).zip(columns(text)) {
                assert_eq!(borders(line), columns, "{what} {value:?}\n{line}");
            }
            assert_eq!(text.matches("\n## Evidence\n").count(), 1, "{what} {value:?}");
        }
        assert_eq!(text.lines().filter(|line| line.starts_with("| E1 |")).count(), 1);
    }
}

/// Unescaped pipes of a line.
fn borders(line: &str) -> usize {
    let mut escaped = false;
    line.chars()
        .filter(|c| {
            let is_border = *c == '|' && !escaped;
            escaped = *c == '\\' && !escaped;
            is_border
        })
        .count()
}

/// For each table line of a text, the borders of its table's header.
fn columns(text: &str) -> Vec<usize> {
    let mut out = Vec::new();
    let mut header = 0;
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with('|') {
            if !inside {
                header = borders(line);
            }
            out.push(header);
        }
        inside = line.starts_with('|');
    }
    out
}

#[test]
fn a_row_that_ends_early_gets_its_cells() {
    let mut record = empty(Outcome::Done);
    record.take("exporter", state(true, "up"), Some(true));
    for (row, expect) in [
        ("| exporter |", "| exporter | ✅ Verified | up · 2025-10-29 09:00:03 [E1] |\n"),
        ("| exporter", "| exporter | ✅ Verified | up · 2025-10-29 09:00:03 [E1]\n"),
        ("| exporter | ✅", "| exporter | ✅ Verified | up · 2025-10-29 09:00:03 [E1]\n"),
    ] {
        let text = filled(&format!("| Component | Status | Details |\n|---|---|---|\n{row}\n"), &record);
        assert!(text.ends_with(expect), "{text}");
    }
}

#[test]
fn an_expression_that_fails_names_its_place() {
    let error = report::fill("# x\n\nab {{ order.nope }}\n", &empty(Outcome::Done)).unwrap_err();
    assert_eq!((error.line, error.column), (3, 4));
    assert!(
        error.to_string().starts_with("failed to fill the template at line 3, column 4: `{{ order.nope }}`: "),
        "{error}"
    );
    assert!(error.to_string().contains("\nhint: "), "{error}");
}

#[test]
fn evidence_is_visible_even_after_an_open_fence() {
    for (template, ends) in [
        ("text\n\n```bash\nx", "x\n```\n\n## Evidence\n"),
        ("~~~~\n", "~~~~\n~~~~\n\n## Evidence\n"),
        ("", "\n## Evidence\n"),
    ] {
        let text = report::fill(template, &empty(Outcome::Done)).unwrap().text;
        assert!(text.contains(ends), "{text}");
    }
}

#[test]
fn html_that_stays_open_does_not_hide_the_evidence() {
    for (template, end) in [
        ("<!-- x\n\ny", "\n-->\n\n## Evidence"),
        ("<pre>\nx\n", "</pre>\n\n## Evidence"),
        ("<!-- x -->\n", "-->\n\n## Evidence"),
    ] {
        let text = report::fill(template, &empty(Outcome::Done)).unwrap().text;
        assert!(text.contains(end), "{text}");
    }
}

#[test]
fn a_byte_order_mark_hides_nothing() {
    let record = empty(Outcome::Failed);
    for (template, expect) in [
        ("\u{feff}# {{ nope }} YYYYMMDD\n", "\u{feff}# {{ nope }} YYYYMMDD\n"),
        ("\u{feff}- [x] a\n", "\u{feff}- [ ] (unmeasured) a\n"),
        ("\u{feff}| Component | State |\n|---|---|\n| a | ✅ |\n", "| a | ☐ unmeasured: nothing measures it |\n"),
    ] {
        let text = filled(template, &record);
        assert!(text.ends_with(expect), "{text:?}");
        assert!(text.starts_with('\u{feff}'));
    }
}

/// Templates that are made to be slow, each filled in about linear time: seconds where a quadratic filler takes many minutes.
#[test]
fn templates_made_to_be_slow_are_not() {
    const N: usize = 6_000;
    let record = deployed();
    for (template, name) in [
        ("- ✅ Exporter\n".repeat(N), "items"),
        ("- ☐ Pending\n- ✅ Full Success\n".repeat(N / 2), "verdicts"),
        (format!("```\nx\n```\n{}", "✅ Confirms: x\n\n".repeat(N)), "confirmed"),
        ("```\nx\n```\nExpected:\n- x\n\n".repeat(N / 4), "expected"),
        ("{{ ".repeat(N), "open expressions"),
        ("$(date '".repeat(N), "open dates"),
        (format!("| Component | State |\n|---|---|\n{}", "| Exporter | ✅ |\n".repeat(N / 4)), "rows"),
        (format!("|{}\n|{}\n{}", "Status|".repeat(3_000), "-|".repeat(3_000), "|a|\n".repeat(N / 8)), "short rows"),
        (
            format!("| Metric | Target | Status |\n|---|---|---|\n{}", "| File size | ≤ 5 MB | |\n".repeat(N / 4)),
            "metrics",
        ),
        (
            format!(
                "| Component | State |\n|---|---|\n| {} | ✅ |\n",
                (1..200).map(|n| "`".repeat(n) + "|").collect::<String>()
            ),
            "code",
        ),
        (">".repeat(N * 5), "quotes"),
        (format!("| Component | State |\n|---|---|\n| {} | ✅ |\n", "&[✅](".repeat(N / 2)), "links"),
    ] {
        assert!(report::fill(&template, &record).is_ok(), "{name}");
    }
}
