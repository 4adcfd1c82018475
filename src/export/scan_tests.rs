use std::fs;
use std::io::Write as _;

use super::*;

#[test]
fn a_file_is_read_up_to_the_limit_and_no_further() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let content: Vec<u8> = (0..100_000u32).map(|n| n as u8).collect();
    file.write_all(&content).unwrap();
    // the buffer is used again, whatever it held
    let mut buffer = Vec::new();
    for (max, expected) in [(100_000, true), (99_999, false), (200_000, true), (10, false), (100_000, true)] {
        let read = read_bounded(&file.reopen().unwrap(), max, &mut buffer).unwrap();
        assert_eq!(read, expected.then_some(content.len()), "{max}");
        if expected {
            assert!(buffer[..content.len()] == content);
        }
    }
    let empty = tempfile::NamedTempFile::new().unwrap();
    assert_eq!(read_bounded(&empty.reopen().unwrap(), 0, &mut buffer).unwrap(), Some(0));
}

#[test]
fn reports_beside_heartbeats_are_found_whether_they_were_remembered_or_not() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    fs::create_dir_all(at("ops/below")).unwrap();
    for name in [
        "a.md",
        "ops/heartbeat_2025-10-28_19-13-38.md",
        "ops/b.md",
        "ops/.c.md",
        "ops/d.txt",
        "ops/below/heartbeat_2.md",
    ] {
        fs::write(at(name), "x").unwrap();
    }
    let look = || {
        let mut heartbeats = Vec::new();
        let others = heartbeats_and_others(&at("ops"), "ops", &mut |found| {
            heartbeats.push(found.shown());
            true
        });
        assert_eq!(heartbeats, ["ops/heartbeat_2025-10-28_19-13-38.md"]);
        others.unwrap()
    };
    let find = |others: Option<Vec<Found>>| {
        let mut found = Vec::new();
        let heartbeats = HeartbeatsDir { shown: "ops", others };
        reports(root.path(), "", &[], &Own::default(), heartbeats, &mut |entry| {
            found.push(entry.shown());
            true
        })
        .unwrap();
        found.sort();
        found
    };
    assert_eq!(find(None), ["a.md", "ops/b.md", "ops/below/heartbeat_2.md"]);
    let others = look();
    assert!(others.is_some());
    assert_eq!(find(others), find(None));
    for n in 0..1_100 {
        fs::write(at(&format!("ops/{n}.md")), "x").unwrap();
    }
    assert!(look().is_none(), "that many are not remembered");
    assert_eq!(find(None).len(), 1_103);
}

#[test]
fn names_of_heartbeats() {
    for name in ["heartbeat_2025-10-28_19-13-38.md", "heartbeat_x.MD"] {
        assert!(may_be_heartbeat(name.as_bytes()), "{name}");
    }
    for name in ["heartbeat.md", "heartbeat_x.md.tmp", ".heartbeat_x.md", "heartbeat_", "x.md", ""] {
        assert!(!may_be_heartbeat(name.as_bytes()), "{name}");
    }
}

#[test]
fn what_is_only_called_a_heartbeat_is_another_report() {
    const TIMED: &[u8] = b"# OPS-Atomic Monitor Heartbeat\n\n**Timestamp:** 2025-10-28T19:13:38Z\n";
    let long = [TIMED, "ü".repeat(40_000).as_bytes(), b"x"].concat();
    for (name, text, expected) in [
        ("heartbeat_2025-10-28_19-13-38.md", &b"x"[..], true),
        ("heartbeat_2025-10-28_19-13-38-2.md", b"", true),
        // no such date: it is told that it has no time
        ("heartbeat_2025-13-28_19-13-38.md", b"x", true),
        ("heartbeat_latest.md", TIMED, true),
        ("heartbeat_long.md", &long, true),
        ("heartbeat_latest.md", b"\xff\xfe", true),
        ("heartbeat_latest.md", b"# OPS-Atomic Monitor Heartbeat\n\n**Timestamp:** undefined\n", false),
        (
            "heartbeat_summary_2025-10-28.md",
            b"# Heartbeat summary\n\n| day | cycles |\n|---|---|\n| 2025-10-28 | 288 |\n",
            false,
        ),
        ("heartbeat_weekly.md", b"# Weekly heartbeat digest\n\n**Date:** 2025-11-02\n\n**Redis:** 97.2 %\n", false),
    ] {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join(name), text).unwrap();
        let (mut heartbeats, mut others) = (Vec::new(), [Vec::new(), Vec::new()]);
        let known = heartbeats_and_others(root.path(), "ops", &mut |found| {
            heartbeats.push(found.shown());
            true
        });
        for (known, others) in std::iter::zip([known.unwrap(), None], &mut others) {
            let dir = HeartbeatsDir { shown: "ops", others: known };
            reports(root.path(), "ops", &[], &Own::default(), dir, &mut |found| {
                others.push(found.shown());
                true
            })
            .unwrap();
        }
        let shown = vec![format!("ops/{name}")];
        let wanted = if expected { (shown, [vec![], vec![]]) } else { (vec![], [shown.clone(), shown]) };
        assert_eq!(
            (heartbeats, others),
            wanted,
            "{name} {}",
            String::from_utf8_lossy(text.get(..60.min(text.len())).unwrap())
        );
    }
}
