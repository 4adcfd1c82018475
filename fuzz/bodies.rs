//! What the fuzz targets do with their bytes. `tests/it/corpora.rs` runs the same over the corpora, so that what was once
//! found stays found.
//!
//! Invariant: a body fails (panics) exactly when a promise is broken, whatever the bytes are.
#![allow(dead_code, reason = "each target uses one")]

use jiff::Timestamp;
use workbridge::evidence::{Outcome, Vocabulary};
use workbridge::order::{self, target};
use workbridge::{monitor, report};

/// The first byte chooses the file's name, the rest is the file.
pub fn order(data: &[u8]) {
    let Some((choice, bytes)) = data.split_first() else { return };
    let name = ["WO-1.md", "WO-1.yaml", "WO-1.json", "-", "order", "../WO-1.md"][usize::from(*choice) % 6];
    check(bytes, name);
}

/// Between fences; the first byte chooses which.
pub fn front_matter(data: &[u8]) {
    let Some((choice, inner)) = data.split_first() else { return };
    let fence = if choice % 2 == 0 { "---" } else { "+++" };
    let bytes =
        [fence.as_bytes(), b"\n", inner, b"\n", fence.as_bytes(), b"\n# Title\n\n## Acceptance\n- a < 1 s\n"].concat();
    check(&bytes, "WO-1.md");
}

fn check(bytes: &[u8], name: &str) {
    let order = match order::parse(bytes, name) {
        Ok(order) => order,
        Err(refusal) => {
            assert!(refusal.to_string().contains("hint: "));
            return;
        }
    };
    let text = std::str::from_utf8(bytes).expect("what parses is UTF-8");
    let mut at = 0;
    for part in &order.parts {
        assert_eq!(part.span.start, at, "the parts tile the source");
        assert!(part.span.end > at && text.is_char_boundary(part.span.end));
        at = part.span.end;
    }
    assert_eq!(at, text.len(), "the parts tile the source");
    let safe = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    assert!(
        order.id.starts_with("WO-") && order.id.len() <= 120 && order.id.chars().all(safe) && !order.id.contains("..")
    );
    for criterion in &order.acceptance {
        assert!(text.get(criterion.span.clone()).is_some());
    }
    for found in &order.diagnostics {
        assert!(text.get(found.span.clone()).is_some() && found.line >= 1 && found.column >= 1);
    }
}

/// Metric and target, parted by a line break.
pub fn target(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (metric, wanted) = text.split_once('\n').unwrap_or(("", text));
    let compiled = target::compile(metric, wanted);
    assert!(!compiled.to_string().is_empty());
    assert_eq!(compiled, target::compile(metric, wanted));
}

/// A template, filled from a record in which nothing was measured: nothing may come out green.
pub fn slots(data: &[u8]) {
    let Ok(template) = std::str::from_utf8(data) else { return };
    let _ = report::template_criteria(template);
    let _ = report::template_commands(template);
    if let Ok(order) = order::parse(b"# WO-1\n", "WO-1.md") {
        let at = Timestamp::UNIX_EPOCH;
        let record = report::RunRecord {
            order,
            agent: "CLC".to_owned(),
            order_sha256: String::new(),
            attempt: 1,
            handler: None,
            received: at,
            started: at,
            ended: at,
            outcome: Outcome::Partial,
            reason: String::new(),
            criteria: Vec::new(),
            measurements: Vec::new(),
            declarations: Vocabulary::empty(),
            steps: Vec::new(),
            commands: Vec::new(),
            reference: Vec::new(),
            notes: Vec::new(),
            zone: "UTC".to_owned(),
        };
        if let Ok(filled) = report::fill(template, &record) {
            assert!(filled.slots.iter().all(|slot| slot.state != report::State::Green), "nothing was measured");
            let again = report::fill(template, &record).map(|filled| filled.text).ok();
            assert_eq!(Some(filled.text), again, "same record, same bytes");
        }
    }
}

/// A heartbeat report.
pub fn heartbeat(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = monitor::heartbeat::parse(text);
}
