//! The codec that an order asks for: what its criteria say, else its requirements. Pure.
//!
//! A codec in a requirement is asked for where its part of a sentence speaks of what is written or compressed and of nothing
//! else, and neither denies it nor leaves it open: `instead of Snappy`, `rotate the logs with gzip`, `Snappy or zstd`.

use super::DECLARED;
use crate::config::Config;
use crate::deployed::record::Deployment;
use crate::evidence::Binder;
use crate::order::target::{CODECS, Target};
use crate::order::{Item, Order, Span};

const WRITTEN: [&str; 2] = ["snappy", "zstd"];

/// A codec that a requirement names, in lower case, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct Wish {
    pub codec: String,
    pub span: Span,
}

/// Takes the codec of the criteria that are bound to it, else that of the requirements, where it is one that the exporter
/// writes. Two different ones are none.
pub fn adopt(order: &Order, deployment: &mut Deployment, notes: &mut Vec<String>) {
    let accepted = accepted(order);
    let asked: Vec<String> = accepted.iter().filter(|codec| WRITTEN.contains(&codec.as_str())).cloned().collect();
    for other in accepted.iter().filter(|codec| !WRITTEN.contains(&codec.as_str())) {
        notes.push(format!("the exporter writes snappy or zstd, not {}", crate::text::line(other, 40)));
    }
    match asked.as_slice() {
        [] => {}
        [codec] => deployment.compression = Some(codec.clone()),
        several => notes.push(format!(
            "the acceptance asks for {}; files are compressed as configured ([export] compression in wo.toml)",
            several.join(" and for ")
        )),
    }
    let wished = wishes(order);
    let named = || wished.iter().map(|wish| wish.codec.as_str()).collect::<Vec<_>>().join(" and for ");
    match wished.as_slice() {
        [] => {}
        all if !accepted.is_empty() => {
            if all.iter().any(|wish| !accepted.contains(&wish.codec)) {
                let accepted = accepted.join(" and for ");
                notes.push(format!(
                    "the acceptance asks for {accepted}, a requirement for {}: the acceptance counts",
                    named()
                ));
            }
        }
        [wish] if WRITTEN.contains(&wish.codec.as_str()) => {
            deployment.compression = Some(wish.codec.clone());
        }
        _ => {
            notes
                .push(format!("the requirements ask for {}; the exporter writes snappy or zstd, one of them", named()));
        }
    }
}

/// The codec that the deployed files are to have, as the target of a criterion.
pub fn target(deployment: &Deployment, config: &Config) -> String {
    match deployment.codec(config).as_str() {
        "snappy" => "Snappy".to_owned(),
        codec => codec.to_owned(),
    }
}

/// What the requirements ask for and the exporter doesn't do, as the target of a criterion, where no criterion says it.
pub fn unmet(order: &Order) -> Option<Wish> {
    let wished = wishes(order);
    let is_met = matches!(wished.as_slice(), [wish] if WRITTEN.contains(&wish.codec.as_str()));
    let first = wished.first().filter(|_| !is_met && accepted(order).is_empty())?;
    let codecs: Vec<&str> = wished.iter().map(|wish| wish.codec.as_str()).collect();
    Some(Wish { codec: codecs.join(" and "), span: first.span.clone() })
}

/// The codecs of the criteria that are bound to the compression, once each.
fn accepted(order: &Order) -> Vec<String> {
    let binder = Binder::new(&order.bindings, &DECLARED);
    let mut found: Vec<String> = Vec::new();
    for criterion in &order.acceptance {
        let Target::Category { word } = &criterion.compiled else { continue };
        let word = word.to_lowercase();
        if binder.key_of(criterion).as_deref() == Some("export.compression") && !found.contains(&word) {
            found.push(word);
        }
    }
    found
}

fn wishes(order: &Order) -> Vec<Wish> {
    let mut found = Vec::new();
    order.requirements.iter().for_each(|item| read(item, false, &mut found));
    found
}

/// What says that files are written or compressed.
const CUES: [&str; 9] = ["compress", "codec", "parquet", "encod", "use", "using", "write", "output", "file"];

/// What is not the export's output, or what is no demand.
const OTHERS: [&str; 43] = [
    "read",
    "reads",
    "reading",
    "input",
    "inputs",
    "source",
    "decompress",
    "decompresses",
    "accept",
    "slower",
    "faster",
    "log",
    "logs",
    "backup",
    "backups",
    "archive",
    "archives",
    "csv",
    "rotate",
    "rotation",
    "logrotate",
    "http",
    "response",
    "responses",
    "digest",
    "dump",
    "dumps",
    "upload",
    "transfer",
    "mail",
    "was",
    "were",
    "currently",
    "optional",
    "optionally",
    "may",
    "could",
    "later",
    "evaluate",
    "compare",
    "if",
    "supports",
    "size",
];

const DENYING: [&str; 13] = [
    "twice",
    "those",
    "not",
    "no",
    "never",
    "instead",
    "than",
    "without",
    "from",
    "replaces",
    "replacing",
    "over",
    "rather",
];

/// What is wanted, without why: `because gzip is slower`.
fn without_reason(part: &str) -> &str {
    if ["because ", "since ", "as ", "while "].iter().any(|lead| part.starts_with(lead)) {
        return "";
    }
    part.split(" because ").next().unwrap_or(part)
}

fn read(item: &Item, is_cued: bool, found: &mut Vec<Wish>) {
    let lower = item.text.to_lowercase();
    let mut heads = is_cued;
    for sentence in lower.split([';', '\n']).flat_map(|part| part.split(". ")) {
        let mut cued = is_cued;
        let mut is_other = false;
        for part in sentence.split(", ").flat_map(|part| part.split(" and ")) {
            let part = without_reason(part);
            let words: Vec<&str> = part.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
            let forbids = matches!(words.as_slice(), ["do", "not", ..] | ["don", "t", ..] | ["never" | "avoid", ..]);
            // `rotate logs, compress them with gzip`
            let goes_on = is_other && words.iter().any(|word| ["it", "them", "these", "those"].contains(word));
            is_other = forbids || goes_on || words.iter().any(|word| OTHERS.contains(word));
            cued = !is_other && (cued || words.iter().any(|word| CUES.iter().any(|cue| word.starts_with(cue))));
            heads |= cued;
            let is_codec = |at: usize| words.get(at).is_some_and(|word| CODECS.contains(word));
            for at in (0..words.len()).filter(|at| cued && is_codec(*at)) {
                let before = words.get(at.saturating_sub(2)..at).unwrap_or_default();
                let is_denied = before.iter().any(|word| DENYING.contains(word));
                // either will do
                let is_open = words.get(at + 1) == Some(&"or") || before.last() == Some(&"or");
                if is_denied || is_open {
                    continue;
                }
                let codec = match words.get(at).copied().unwrap_or_default() {
                    "zstandard" => "zstd",
                    codec => codec,
                };
                if !found.iter().any(|known| known.codec == codec) {
                    found.push(Wish { codec: codec.to_owned(), span: item.span.clone() });
                }
            }
        }
    }
    item.children.iter().for_each(|child| read(child, heads, found));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(requirements: &str, acceptance: &str) -> Order {
        let text = format!(
            "# Work Order: WO-1-PARQUET-EXPORTER\n\n## Requirements\n\n{requirements}\n\n## Acceptance Criteria\n\n- File size ≤ 5 MB\n{acceptance}\n"
        );
        crate::order::parse(text.as_bytes(), "WO-1-PARQUET-EXPORTER.md").expect("an order")
    }

    #[test]
    fn requirements_say_the_codec_or_nothing_of_it() {
        for (requirements, taken, unmet) in [
            ("1. Use zstd instead of Snappy", Some("zstd"), None),
            ("1. **Compress** the files with zstd", Some("zstd"), None),
            ("1. Compression: zstd", Some("zstd"), None),
            ("1. **Write** zstd-compressed Parquet", Some("zstd"), None),
            ("1. **Export**\n   - Compression: Zstandard", Some("zstd"), None),
            ("1. Write Parquet (Snappy, not gzip)", Some("snappy"), None),
            ("1. Compress with gzip", None, Some("gzip")),
            ("1. **Compress** with Brotli\n2. **Write** lz4 files", None, Some("brotli and lz4")),
            ("1. Compress with Snappy or zstd", None, None),
            ("1. Move the files from Snappy to zstd", Some("zstd"), None),
            ("1. Do not compress with gzip", None, None),
            ("1. Rotate the logs with gzip", None, None),
            ("1. **Rotate** logs, compress them with gzip", None, None),
            ("1. Replaces the gzip dump of the CSV files", None, None),
            ("1. Write Parquet files daily", None, None),
            ("1. **Read** heartbeat files that are compressed with zstd", None, None),
            ("1. Use Snappy because gzip is slower to read", Some("snappy"), None),
            ("1. Write Parquet with Snappy, since zstd is slower", Some("snappy"), None),
        ] {
            let order = order(requirements, "");
            let mut deployment = Deployment::standard(&crate::config::Config::default());
            let mut notes = Vec::new();
            adopt(&order, &mut deployment, &mut notes);
            assert_eq!(deployment.compression.as_deref(), taken, "{requirements}");
            assert_eq!(super::unmet(&order).map(|wish| wish.codec).as_deref(), unmet, "{requirements}");
            assert_eq!(notes.is_empty(), unmet.is_none(), "{requirements}: {notes:?}");
        }
    }

    #[test]
    fn the_acceptance_counts_before_a_requirement() {
        let order = order("1. Compress with gzip", "- Compression: Snappy");
        let mut deployment = Deployment::standard(&crate::config::Config::default());
        let mut notes = Vec::new();
        adopt(&order, &mut deployment, &mut notes);
        assert_eq!(deployment.compression.as_deref(), Some("snappy"));
        assert!(unmet(&order).is_none() && notes.len() == 1, "{notes:?}");
    }
}
