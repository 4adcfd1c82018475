//! What a file name in an inbox says about the file. Pure: a name in, its kind out.
//!
//! * An order is `WO-*.md`, `.yaml`, `.yml` or `.json`; the case of prefix and extension does not matter.
//! * `….result.json`, `….ack.json`, `…_COMPLETE.md` are results that others left: not orders, not ours to move.
//! * Hidden names and what editors, browsers and copy programs write before the real name are passed over in silence.
//! * Conflict copies are refused by what cloud-sync programs are known to write into names. `NAME 2.md`, `NAME (1).md` and
//!   `NAME copy.md` may be orders of their own: they count as copies only where `NAME.md` is on this bridge.
//! * Everything else is a stray: left where it is and said once.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use crate::digest::sha256;
use crate::text;

/// A name must leave room for `.reason.md` and a number within the 255 bytes of a file name.
pub const MAX_BYTES: usize = 200;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    Order,
    /// An order by its name, and a copy if this name is on the bridge too.
    OrderUnlessCopyOf(String),
    Result,
    Conflict {
        by: &'static str,
    },
    /// Named like an order, and unusable.
    Bad(String),
    /// A detached signature; it goes with its order.
    Signature,
    /// Hidden, temporary or an editor's own.
    Passing,
    Stray,
}

const EXTENSIONS: [&str; 4] = ["md", "yaml", "yml", "json"];

pub fn classify(name: &OsStr) -> Name {
    let bytes = name.as_bytes();
    if is_passing(bytes) {
        return Name::Passing;
    }
    let Some(text) = name.to_str() else {
        let named_like_an_order = bytes.get(..3).is_some_and(|prefix| prefix.eq_ignore_ascii_case(b"wo-"));
        return if named_like_an_order { Name::Bad("it is not valid UTF-8".to_owned()) } else { Name::Stray };
    };
    if has_extension(text, "minisig") {
        return Name::Signature;
    }
    let Some((stem, extension)) = order_parts(text) else { return Name::Stray };
    let folded = stem.to_lowercase();
    if is_result(&folded) {
        return Name::Result;
    }
    if text::escape(text) != text || text.contains(['\n', '\t', '\\']) {
        return Name::Bad("it holds control characters, a backslash or characters that reorder text".to_owned());
    }
    if text.len() > MAX_BYTES {
        return Name::Bad(format!("it has {} bytes; at most {MAX_BYTES} leave room for a report's name", text.len()));
    }
    if let Some(by) = conflict(&folded) {
        return Name::Conflict { by };
    }
    match copied_stem(stem) {
        Some(original) => Name::OrderUnlessCopyOf(format!("{original}.{extension}")),
        None => Name::Order,
    }
}

/// Whether only the missing `WO-` keeps a file from being taken for an order; results are none under any name.
pub fn is_misnamed_order(name: &OsStr) -> bool {
    let parts = name.to_str().and_then(|text| text.rsplit_once('.'));
    classify(name) == Name::Stray
        && parts.is_some_and(|(stem, extension)| is_order_extension(extension) && !is_result(&stem.to_lowercase()))
}

/// The signature's file name for an order's.
pub fn signature_of(name: &OsStr) -> OsString {
    let mut name = name.to_owned();
    name.push(".minisig");
    name
}

/// The names that a moved file may get, from 1: `WO-1.md`, `WO-1.2.md`, `WO-1.3.md` …
pub fn nth(name: &OsStr, n: u64) -> OsString {
    if n <= 1 { name.to_owned() } else { numbered(name, n) }
}

/// `WO-1.md` → `WO-1.2.md`: the same name with a number, extension kept.
fn numbered(name: &OsStr, n: u64) -> OsString {
    let bytes = name.as_bytes();
    let dot = bytes.iter().rposition(|b| *b == b'.').filter(|at| *at > 0).unwrap_or(bytes.len());
    let (stem, extension) = bytes.split_at(dot);
    let mut out = stem.to_vec();
    out.extend_from_slice(format!(".{n}").as_bytes());
    out.extend_from_slice(extension);
    OsStr::from_bytes(&out).to_owned()
}

/// A name that leaves room for `.reason.md` and a number: a longer one is cut, with a digest of the whole.
pub(super) fn shortened(name: &OsStr) -> OsString {
    let bytes = name.as_bytes();
    if bytes.len() <= MAX_BYTES {
        return name.to_owned();
    }
    let text = name.to_string_lossy();
    let mut end = 0;
    for (at, c) in text.char_indices() {
        if at + c.len_utf8() > 160 {
            break;
        }
        end = at + c.len_utf8();
    }
    let digest = sha256(bytes);
    let extension = text.rsplit_once('.').map(|(_, last)| last).filter(|last| last.len() <= 8).unwrap_or("md");
    format!("{}-{}.{extension}", text.get(..end).unwrap_or_default(), digest.get(..8).unwrap_or_default()).into()
}

fn is_passing(name: &[u8]) -> bool {
    const SUFFIXES: [&[u8]; 17] = [
        b"~",
        b".tmp",
        b".temp",
        b".part",
        b".partial",
        b".filepart",
        b".crdownload",
        b".download",
        b".swp",
        b".swo",
        b".swx",
        b".lock",
        b".bak",
        b".orig",
        b".icloud",
        b"___jb_tmp___",
        b"___jb_old___",
    ];
    let folded = name.to_ascii_lowercase();
    folded.starts_with(b".")
        || folded.starts_with(b"~$")
        || (folded.starts_with(b"#") && folded.ends_with(b"#"))
        || SUFFIXES.iter().any(|suffix| folded.ends_with(suffix))
        // vim tries whether it may write to a directory by making `4913`
        || (!folded.is_empty() && folded.iter().all(u8::is_ascii_digit))
}

fn has_extension(name: &str, extension: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, last)| last.eq_ignore_ascii_case(extension))
}

/// Stem and extension of a name that is an order's.
fn order_parts(name: &str) -> Option<(&str, &str)> {
    let (stem, extension) = name.rsplit_once('.')?;
    let prefixed = stem.get(..3).is_some_and(|prefix| prefix.eq_ignore_ascii_case("wo-"));
    (prefixed && is_order_extension(extension)).then_some((stem, extension))
}

fn is_order_extension(extension: &str) -> bool {
    EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

fn is_result(stem: &str) -> bool {
    ["_complete", "_completed", ".result", ".ack"].iter().any(|suffix| stem.ends_with(suffix))
}

/// Which program writes such a conflict copy; `stem` is folded.
fn conflict(stem: &str) -> Option<&'static str> {
    // Dropbox and Nextcloud translate the words
    const WORDS: [(&str, &str); 12] = [
        ("conflicted copy", "Dropbox or Nextcloud"),
        ("case conflict", "Dropbox"),
        ("in konflikt stehende kopie", "Dropbox"),
        ("copie en conflit", "Dropbox"),
        ("copia en conflicto", "Dropbox"),
        ("copia in conflitto", "Dropbox"),
        ("cópia em conflito", "Dropbox"),
        ("競合コピー", "Dropbox"),
        ("(sfconflict", "Seafile"),
        ("[conflict]", "Google Drive"),
        ("[conflicted]", "Google Drive"),
        ("_conf(", "Google Drive"),
    ];
    if let Some((_, by)) = WORDS.iter().find(|(word, _)| stem.contains(word)) {
        return Some(by);
    }
    if after(stem, ".sync-conflict-").is_some_and(is_stamp) {
        return Some("Syncthing");
    }
    if after(stem, "_conflict-").is_some_and(is_stamp) {
        return Some("ownCloud");
    }
    let synology = stem.strip_suffix("_conflict").and_then(|rest| rest.rsplit_once('_')).is_some_and(|(_, date)| {
        // Feb-01-1234-2020
        let parts: Vec<&str> = date.split('-').collect();
        parts.iter().map(|part| part.len()).eq([3, 2, 4, 4])
            && parts.iter().skip(1).all(|part| part.bytes().all(|b| b.is_ascii_digit()))
    });
    synology.then_some("Synology Drive")
}

fn after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    text.find(mark).and_then(|at| text.get(at + mark.len()..))
}

/// `20240131-235959…`
fn is_stamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 15
        && bytes.iter().take(15).enumerate().all(|(at, b)| if at == 8 { *b == b'-' } else { b.is_ascii_digit() })
}

/// The stem of which this one is a copy by name: iCloud `S 2`, Finder `S copy`, `S copy 3`, browsers and Google Drive
/// `S (1)`, Windows `S - Copy (2)`.
fn copied_stem(stem: &str) -> Option<&str> {
    let without_number = strip_number(stem);
    let base = without_number.unwrap_or(stem);
    let lower = base.to_ascii_lowercase();
    let word = [" - copy", " copy"].iter().find(|word| lower.ends_with(**word));
    let original = match word {
        Some(word) => base.get(..base.len() - word.len())?,
        None => without_number?,
    };
    (original.len() > 3).then_some(original)
}

fn strip_number(stem: &str) -> Option<&str> {
    let is_number = |text: &str| (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let (before, last) = stem.rsplit_once(' ')?;
    let number = last.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')).unwrap_or(last);
    is_number(number).then_some(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, expect: Name) {
        assert_eq!(classify(OsStr::new(name)), expect, "{name}");
    }

    #[test]
    fn orders_by_name() {
        for name in [
            "WO-251029-PARQUET-EXPORTER.md",
            "WO-1.yaml",
            "WO-1.yml",
            "WO-1.json",
            "wo-1.MD",
            "Wo-1.Json",
            "WO-251030-WEEKLY_REPORT.md",
            "WO-FIX_MERGE_CONFLICT.md",
            "WO-RESOLVE_CONFLICT-2.md",
            "WO-งาน-ทดสอบ.md",
            "WO-with spaces in it.md",
            "WO-a.b.c.md",
            "WO-RESULT.md",
        ] {
            check(name, Name::Order);
        }
    }

    #[test]
    fn not_orders() {
        for name in
            ["README.md", "notes.md", "WO-1.txt", "WO1.md", "XWO-1.md", "WO-1", "PHASE7_8_VERIFICATION_TEMPLATE.md"]
        {
            check(name, Name::Stray);
        }
        for name in [
            ".WO-1.md",
            ".WO-1.md.swp",
            ".#WO-1.md",
            "#WO-1.md#",
            "WO-1.md~",
            "WO-1.md.tmp",
            "WO-1.tmp",
            "WO-1.md.part",
            "WO-1.md.crdownload",
            "WO-1.md___jb_tmp___",
            "~$WO-1.md",
            "4913",
            ".WO-1.md.Xa81Qz",
            ".DS_Store",
        ] {
            check(name, Name::Passing);
        }
        for name in ["WO-1_COMPLETE.md", "WO-1.result.json", "WO-1.ack.json", "wo-1_complete.md"] {
            check(name, Name::Result);
        }
        check("WO-1.md.minisig", Name::Signature);
    }

    #[test]
    fn conflict_copies_of_each_program() {
        for (name, by) in [
            ("WO-1 (conflicted copy 2025-10-28).md", "Dropbox or Nextcloud"),
            ("WO-1 (Bob's conflicted copy 2025-10-28).md", "Dropbox or Nextcloud"),
            ("WO-1 (Case Conflict).md", "Dropbox"),
            ("WO-1.sync-conflict-20251028-101112-ABCDEFG.md", "Syncthing"),
            ("WO-1_conflict-20251028-101112.md", "ownCloud"),
            ("WO-1 (SFConflict bob@example.org 2025-10-28).md", "Seafile"),
            ("WO-1_DiskStation_Oct-28-1011-2025_Conflict.md", "Synology Drive"),
            ("WO-1 [Conflict].md", "Google Drive"),
        ] {
            check(name, Name::Conflict { by });
        }
    }

    #[test]
    fn copies_are_copies_only_beside_their_original() {
        for name in
            ["WO-1 2.md", "WO-1 (1).md", "WO-1 copy.md", "WO-1 copy 2.md", "WO-1 - Copy.md", "WO-1 - Copy (2).md"]
        {
            check(name, Name::OrderUnlessCopyOf("WO-1.md".to_owned()));
        }
        check("WO-plan for 2025.md", Name::Order);
    }

    #[test]
    fn unusable_names() {
        for name in ["WO-\u{1b}[31m.md", "WO-\u{202e}dm.md", "WO-a\nb.md", "WO-a\\b.md"] {
            assert!(matches!(classify(OsStr::new(name)), Name::Bad(_)), "{name:?}");
        }
        assert!(matches!(classify(OsStr::new(&format!("WO-{}.md", "x".repeat(220)))), Name::Bad(_)));
        assert!(matches!(classify(OsStr::from_bytes(b"WO-\xff.md")), Name::Bad(_)));
        assert_eq!(classify(OsStr::from_bytes(b"\xff.md")), Name::Stray);
    }

    #[test]
    fn numbers_keep_the_extension() {
        assert_eq!(nth(OsStr::new("WO-1.md"), 1), "WO-1.md");
        assert_eq!(nth(OsStr::new("WO-1.md"), 2), "WO-1.2.md");
        assert_eq!(numbered(OsStr::new("WO-1"), 3), "WO-1.3");
        assert_eq!(numbered(OsStr::new(".x"), 3), ".x.3");
    }

    #[test]
    fn long_names_are_cut_and_stay_apart() {
        let a = OsString::from(format!("WO-{}a.md", "ก".repeat(80)));
        let b = OsString::from(format!("WO-{}b.md", "ก".repeat(80)));
        assert!(a.len() > MAX_BYTES);
        let (short_a, short_b) = (shortened(&a), shortened(&b));
        assert!(short_a.len() <= MAX_BYTES && short_a != short_b);
        assert!(short_a.to_str().is_some_and(|name| name.starts_with("WO-ก") && name.ends_with(".md")));
        assert_eq!(shortened(OsStr::new("WO-1.md")), "WO-1.md");
    }
}
