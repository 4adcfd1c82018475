//! Orders parsed and their criteria bound, as `wo lint` does it, against pulldown-cmark alone over the same text.

use std::hint::black_box;
use std::time::{Duration, Instant};

use pulldown_cmark::{Options, Parser};
use workbridge::evidence::bind::{Binder, Binding};
use workbridge::handlers;
use workbridge::order;

use super::{Line, Outcome, median, time};

/// As people write them: `wo init` lays the same one.
const SAMPLE: &str = include_str!("../../src/cli/sample_order.md");
const ROUNDS: usize = 21;
/// Bytes that each round parses.
const VOLUME: usize = 4 * 1024 * 1024;

pub fn bench() -> Outcome {
    let long = long_order();
    let mut lines = Vec::new();
    for (what, text) in [("an order as people write it", SAMPLE), ("an order with a body of 60 KB", &long)] {
        let times = VOLUME / text.len();
        let (mut floors, mut lints) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            floors.push(repeat(times, || {
                black_box(Parser::new_ext(black_box(text), Options::ENABLE_TABLES).into_offset_iter().count());
            }));
            lints.push(repeat(times, || {
                black_box(lint(black_box(text)));
            }));
        }
        let (floor, taken) = (median(floors), median(lints));
        let rate = |taken: Duration| format!("{:.0} MB/s", (times * text.len()) as f64 / 1e6 / taken.as_secs_f64());
        lines.push(Line {
            what: format!("lint of {what} ({} bytes)", text.len()),
            measured: format!("{}, {} an order", rate(taken), time(taken / times as u32)),
            floor: format!("{} for pulldown-cmark alone", rate(floor)),
            ratio: Some(taken.as_secs_f64() / floor.as_secs_f64().max(1e-9)),
            goal: None,
            at_most: None,
        });
    }
    Ok(lines)
}

fn repeat(times: usize, work: impl Fn()) -> Duration {
    let start = Instant::now();
    (0..times).for_each(|_| work());
    start.elapsed()
}

/// The criteria that are bound.
fn lint(text: &str) -> usize {
    let Ok(order) = order::parse(text.as_bytes(), "WO-251029-PARQUET-EXPORTER.md") else { return 0 };
    let handler = &*handlers::parquet_exporter::DESCRIPTOR;
    let binder = Binder::new(&order.bindings, handler.measurements);
    order
        .acceptance
        .iter()
        .filter(|criterion| matches!(black_box(binder.bind(criterion)), Binding::Bound { .. }))
        .count()
}

/// The sample with a long tail of what bodies are made of.
fn long_order() -> String {
    let mut text = SAMPLE.to_owned();
    let mut n = 0;
    while text.len() < 60 * 1024 {
        n += 1;
        text.push_str(&format!(
            "\n## 🧱 Background {n}\n\nSince 2025-10-{:02} the *monitor* writes `heartbeat_{n}.md` – บันทึกทุก 5 นาที – into \
             **g/reports/ops_atomic/**:\n\n1. read it\n   - with [care](https://example.org/{n})\n2) keep it\n\n\
             | Field | Meaning |\n|---|---|\n| `a\\|b` | a pipe in code |\n| Duration | {n} ms |\n\n```js\nconst n = {n}; \
             // | not a table |\n```\n",
            n % 31 + 1
        ));
    }
    text
}
