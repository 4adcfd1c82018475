//! A report that is no heartbeat, read for its row: title, kind, time, front matter, headings, text.
//!
//! Invariant: pure, bounded by the size of the text, and nothing here panics; what can't be understood stays in the text.

use jiff::tz::TimeZone;
use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use super::row::{CreatedFrom, ReportRow};
use crate::dates;
use crate::digest::sha256;
use crate::order::data;
use crate::text;

const FRONT_MATTER_BYTES: usize = 64 * 1024;
const HEADINGS: usize = 1_000;

/// The row for a report's bytes. `path` is relative to the root; `modified_us` is called only when neither the text nor
/// the file name has a date.
pub fn report_row(
    path: &str,
    bytes: &[u8],
    zone: &TimeZone,
    modified_us: impl FnOnce() -> std::io::Result<i64>,
) -> Result<ReportRow, String> {
    let raw =
        std::str::from_utf8(bytes).map_err(|error| format!("not UTF-8: byte {} is not text", error.valid_up_to()))?;
    let text = text::without_ansi(raw.strip_prefix('\u{feff}').unwrap_or(raw)).into_owned();
    let (front, body) = match split_front_matter(&text) {
        (Some(front), _) if !front.is_meant() => (None, text.as_str()),
        split => split,
    };
    let front_matter = front.and_then(parse_front_matter);
    let headings = headings(body);
    let name = path.rsplit('/').next().unwrap_or(path);
    let stated = |key: &str| front_matter.as_ref().and_then(|front| front.get(key)).and_then(|value| value.as_str());
    let front_time = |keys: &[&str]| front_matter.as_ref().and_then(|front| time_in(front, keys, zone));
    // a line of the front matter is the first there is, in TOML and with its key in quotes as well
    let in_report = front_time(&["timestamp", "date"]).or_else(|| dates::stated(&text, zone));
    let (created_us, created_from) = if let Some(at) = in_report {
        (at, CreatedFrom::Report)
    } else if let Some(at) = dates::in_file_name(name, zone) {
        (at, CreatedFrom::FileName)
    } else if let Some(at) = front_time(&["created"]) {
        (at, CreatedFrom::Report)
    } else {
        let at = modified_us().map_err(|error| format!("no date in it, and no time of its own: {error}"))?;
        (at, CreatedFrom::Mtime)
    };
    Ok(ReportRow {
        path: path.to_owned(),
        title: stated("title").map(str::to_owned).or_else(|| headings.first().map(|(_, text)| text.clone())),
        kind: stated("type").map_or_else(|| kind(name), str::to_owned),
        created_us,
        created_from,
        headings,
        sha256: sha256(bytes),
        front_matter: front_matter.map(|front| front.to_string()),
        text,
    })
}

/// The time of the first of `keys` that stands in the front matter and can be read; microseconds since the epoch.
fn time_in(front: &serde_json::Value, keys: &[&str], zone: &TimeZone) -> Option<i64> {
    let is_asked = |name: &str| keys.iter().any(|key| key.eq_ignore_ascii_case(name));
    let values = front.as_object()?.iter().filter(|(name, _)| is_asked(name)).filter_map(|(_, value)| value.as_str());
    let mut times = values.filter_map(|text| dates::read(text.trim())?.at(zone));
    Some(times.next()?.as_microsecond())
}

/// `OPS_ATOMIC_DAILY_20251028.md` → `ops_atomic_daily`; orders' reports are `work_order_report`.
fn kind(name: &str) -> String {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    if stem.to_ascii_uppercase().starts_with("WO-") {
        return "work_order_report".to_owned();
    }
    let words: Vec<String> = stem
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().any(char::is_alphabetic) && !is_time(word))
        .map(str::to_lowercase)
        .collect();
    if words.is_empty() { "report".to_owned() } else { words.join("_") }
}

/// `20251028T191338Z`, `2025W44`.
fn is_time(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit()) && word.chars().all(|c| c.is_ascii_digit() || "TtZzWw".contains(c))
}

enum Front<'a> {
    Yaml(&'a str),
    Toml(&'a str),
}

impl Front<'_> {
    /// Whether it is front matter, well made or not, and no report that begins with a rule: then its first lines are a title, or
    /// other text.
    fn is_meant(&self) -> bool {
        let (Front::Yaml(text) | Front::Toml(text)) = self;
        let mut lines = text.lines().map(str::trim_end);
        // a comment before the keys looks like a title, but no empty line follows it
        if let (Some(first), Some(second)) = (lines.next(), lines.next())
            && first.starts_with("# ")
            && second.is_empty()
        {
            return false;
        }
        let first = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with('#'));
        let key = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '"' | '\'' | ' ' | '[' | ']');
        let is_key = |line: &str| {
            let end = line.find(|c| !key(c)).unwrap_or(line.len());
            line.get(end..).is_some_and(|rest| rest.starts_with([':', '=']))
        };
        first.is_some_and(is_key)
    }
}

/// The front matter between `---` or `+++` lines, and what follows.
fn split_front_matter(text: &str) -> (Option<Front<'_>>, &str) {
    let Some((first, rest)) = text.split_once('\n') else { return (None, text) };
    let fence = first.trim_end();
    if !matches!(fence, "---" | "+++") {
        return (None, text);
    }
    let mut offset = 0;
    for line in rest.split_inclusive('\n') {
        if line.trim_end() == fence {
            let (front, body) = (&rest[..offset], &rest[offset + line.len()..]);
            let front = if fence == "---" { Front::Yaml(front) } else { Front::Toml(front) };
            return (Some(front), body);
        }
        offset += line.len();
        if offset > FRONT_MATTER_BYTES {
            break;
        }
    }
    (None, text)
}

/// As JSON; `None` when it is no mapping. The YAML library bounds depth and the expansion of aliases.
fn parse_front_matter(front: Front) -> Option<serde_json::Value> {
    let value = match front {
        Front::Yaml(text) => data::yaml::read_leniently(text).ok()?,
        Front::Toml(text) => data::toml::read_leniently(text).ok()?,
    };
    value.as_object().is_some_and(|map| !map.is_empty()).then_some(value)
}

fn headings(body: &str) -> Vec<(i32, String)> {
    let mut found = Vec::new();
    let mut open: Option<(i32, String)> = None;
    for event in Parser::new(body) {
        match event {
            Event::Start(Tag::Heading { level, .. }) => open = Some((level as i32, String::new())),
            Event::End(TagEnd::Heading(_)) => {
                if let Some((level, text)) = open.take() {
                    found.push((level, text.split_whitespace().collect::<Vec<_>>().join(" ")));
                }
                if found.len() == HEADINGS {
                    break;
                }
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some((_, heading)) = &mut open {
                    heading.push_str(&text);
                }
            }
            Event::SoftBreak | Event::HardBreak => {
                if let Some((_, heading)) = &mut open {
                    heading.push(' ');
                }
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(path: &str, text: &str) -> ReportRow {
        report_row(path, text.as_bytes(), &TimeZone::UTC, || Ok(7)).unwrap()
    }

    #[test]
    fn a_report_with_everything() {
        let text = "---\ntitle: Tägliche Übersicht\ntags: [a, b]\ndate: 2025-10-28\n---\n# 🧠 First `code`\n\ntext\n\n\
                    ```\n# not a heading\n```\n\nUnder\n---\n";
        let row = row("g/reports/daily/OPS_ATOMIC_DAILY_20251027.md", text);
        assert_eq!(row.title.as_deref(), Some("Tägliche Übersicht"));
        assert_eq!(row.kind, "ops_atomic_daily");
        assert_eq!((row.created_us, row.created_from), (1_761_609_600_000_000, CreatedFrom::Report));
        assert_eq!(row.headings, [(1, "🧠 First code".to_owned()), (2, "Under".to_owned())]);
        let json = r#"{"title":"Tägliche Übersicht","tags":["a","b"],"date":"2025-10-28"}"#;
        assert_eq!(row.front_matter.as_deref(), Some(json));
        assert_eq!(row.text, text);
        assert_eq!(row.sha256, sha256(text.as_bytes()));
    }

    #[test]
    fn missing_headings_and_ansi() {
        let row = row("g/reports/x.md", "\u{1b}[1;32mall \u{1b}]8;;http://x\u{7}good\u{1b}[0m\r\nno heading\n");
        assert_eq!(row.text, "all good\r\nno heading\n");
        assert_eq!((row.title, row.kind.as_str()), (None, "x"));
        assert_eq!((row.created_us, row.created_from), (7, CreatedFrom::Mtime));
    }

    #[test]
    fn a_rule_at_the_start_is_no_front_matter() {
        let text =
            "---\n# Daily Digest 28 Oct\n\n**Date:** 2025-10-28\n**Agent:** CLC\n\n---\n\n## Section A\n\ntext\n";
        let headings = [(1, "Daily Digest 28 Oct".to_owned()), (2, "Section A".to_owned())];
        for text in [text.to_owned(), text.replace("**", ""), text.replace("---\n# ", "---\n\n# ")] {
            let row = row("x.md", &text);
            assert_eq!((row.title.as_deref(), row.front_matter), (Some("Daily Digest 28 Oct"), None), "{text}");
            assert_eq!(row.headings, headings, "{text}");
        }
        // front matter that can't be read is no text of the report
        for front in ["title: \"Foo: bar\": baz\ndate: 2025-10-28", "# made by x\ntitle: [a", "\"quoted key\": {"] {
            let row = row("x.md", &format!("---\n{front}\n---\n# Real\n"));
            assert_eq!((row.title.as_deref(), row.headings.len()), (Some("Real"), 1), "{front}");
        }
        let row = row("x.md", "---\n# made by x\ntitle: T\n---\n# Real\n");
        assert_eq!(row.title.as_deref(), Some("T"));
    }

    #[test]
    fn kinds_of_names() {
        for (name, expected) in [
            ("WO-251029-X_REPORT.md", "work_order_report"),
            ("digest_2025-10-28_09-00-00.md", "digest"),
            ("optimizer_20251028T040000Z.md", "optimizer"),
            ("2025W44.md", "report"),
            ("20251028.md", "report"),
            ("PHASE7_8 Verification.MD", "phase7_8_verification"),
        ] {
            let seen = kind(name);
            if name.starts_with("PHASE") {
                assert!(seen.starts_with("phase7") && seen.ends_with("verification"), "{seen}");
            } else {
                assert_eq!(seen, expected, "{name}");
            }
        }
    }

    #[test]
    fn a_time_in_the_front_matter_is_the_reports_in_each_language() {
        let at = 1_761_618_600_000_000; // 2025-10-28T02:30:00Z
        let day = 1_761_609_600_000_000;
        let (report, file_name, mtime) = (CreatedFrom::Report, CreatedFrom::FileName, CreatedFrom::Mtime);
        for (path, text, expected) in [
            ("w.md", "+++\ntitle = \"W\"\ndate = 2025-10-28T02:30:00Z\n+++\n", (at, report)),
            ("w.md", "+++\ntimestamp = 2025-10-28\n+++\n", (day, report)),
            ("w.md", "+++\nDate = \"2025-10-28 02:30\"\n+++\n# W\n\nDate: 2025-11-01\n", (at, report)),
            ("w.md", "---\n\"date\": \"2025-10-28\"\n---\n", (day, report)),
            ("w.md", "---\n'timestamp': 2025-10-28T02:30:00Z\n---\n", (at, report)),
            ("w.md", "---\ncreated: 2025-10-28\n---\n# W\n", (day, report)),
            ("w.md", "---\ncreated: 2025-11-01\n---\n# W\n\n**Date:** 2025-10-28\n", (day, report)),
            // the line of that name is what is asked first, then the file's name
            ("w_20251028.md", "---\ncreated: 2025-11-01\n---\n# W\n", (day, file_name)),
            ("w.md", "---\ndate: yesterday\n---\n# W\n\n**Date:** 2025-10-28\n", (day, report)),
            ("w.md", "+++\ndate = 02:30:00\n[x]\ndate = 7\n+++\n", (7, mtime)),
        ] {
            let row = row(path, text);
            assert_eq!((row.created_us, row.created_from), expected, "{text}");
        }
        let toml = row("w.md", "+++\ndate = 2025-10-28T02:30:00Z\n[x]\nat = [07:32:00, 2025-10-28]\n+++\n");
        let json = r#"{"date":"2025-10-28T02:30:00Z","x":{"at":["07:32:00","2025-10-28"]}}"#;
        assert_eq!(toml.front_matter.as_deref(), Some(json));
    }

    #[test]
    fn front_matter_is_kept_whatever_its_values_are() {
        for (text, expected) in [
            ("---\nrun_id: 20251028023000123456\nok: 1\n---\n", r#"{"run_id":"20251028023000123456","ok":1}"#),
            ("---\na: !x 1\nb: .nan\n---\n", r#"{"a":1,"b":".nan"}"#),
            ("---\na: &x 1\nb: *x\nb: 2\n---\n", r#"{"a":1,"b":2}"#),
        ] {
            assert_eq!(row("x.md", text).front_matter.as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn hostile_front_matter_is_text() {
        let mut bomb = "---\na0: &a0 [x]\n".to_owned();
        for i in 1..40 {
            bomb.push_str(&format!("a{i}: &a{i} [*a{0},*a{0},*a{0},*a{0},*a{0},*a{0},*a{0},*a{0}]\n", i - 1));
        }
        bomb.push_str("---\n# T\n");
        assert_eq!(row("x.md", &bomb).front_matter, None);
        let deep = format!("---\na: {}1{}\n---\n", "[".repeat(5_000), "]".repeat(5_000));
        assert_eq!(row("x.md", &deep).front_matter, None);
        assert_eq!(row("x.md", "---\njust text\n---\n").front_matter, None);
        assert_eq!(row("x.md", "---\nnever closed: 1\n").front_matter, None);
        assert_eq!(row("x.md", "+++\na = 1\n+++\n").front_matter.as_deref(), Some("{\"a\":1}"));
    }

    #[test]
    fn what_is_not_text_is_an_error() {
        let error = report_row("x.md", b"ok\xff", &TimeZone::UTC, || Ok(7)).unwrap_err();
        assert_eq!(error, "not UTF-8: byte 2 is not text");
    }
}
