//! What the fuzz targets have seen: their bodies run over their corpora, so that what was once found stays found.

use std::path::Path;

#[path = "../../fuzz/bodies.rs"]
mod bodies;

fn run(target: &str, body: fn(&[u8])) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut inputs: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    inputs.sort();
    // what fuzzing reached, one JSON string a line
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/found").join(target).with_extension("jsonl");
    for (n, line) in std::fs::read_to_string(&found).unwrap().lines().enumerate() {
        let input: String = serde_json::from_str(line).unwrap();
        if std::panic::catch_unwind(|| body(input.as_bytes())).is_err() {
            panic!("line {} of {} breaks a promise", n + 1, found.display());
        }
    }
    assert!(!inputs.is_empty(), "{}", dir.display());
    for input in inputs {
        let bytes = std::fs::read(&input).unwrap();
        if std::panic::catch_unwind(|| body(&bytes)).is_err() {
            panic!("{} breaks a promise", input.display());
        }
    }
}

#[test]
fn order() {
    run("order", bodies::order);
}

#[test]
fn front_matter() {
    run("front_matter", bodies::front_matter);
}

#[test]
fn target() {
    run("target", bodies::target);
}

#[test]
fn slots() {
    run("slots", bodies::slots);
}

#[test]
fn heartbeat() {
    run("heartbeat", bodies::heartbeat);
}
