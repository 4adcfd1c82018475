//! An order's id: front matter or data key, else the ID line, else the first `WO-…` of the title, else the file name.
//!
//! Invariant: what comes out is safe as a file name: ASCII letters, digits, `-`, `_`, `.`, at most 120 bytes, `WO-` first.

use super::fold;
use super::model::Span;
use super::refusal::ParseRefusal;
use super::source::{Diagnostics, Remark, Source};
use crate::digest::sha256;

const MAX_ID_BYTES: usize = 120;
/// What is looked at of a longer run.
const MAX_ID_CHARS: usize = 1_000;

/// The code of the note that an order is known by another id than is written.
pub const OTHER_NAME: &str = "id-letters";

/// Where an id was found, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// `id` of the front matter or of a data order.
    Data,
    Line,
    Title,
}

impl Place {
    fn name(self) -> &'static str {
        match self {
            Place::Data => "the key `id`",
            Place::Line => "the ID line",
            Place::Title => "the title",
        }
    }
}

/// The ids that an order gives itself.
#[derive(Default)]
pub(crate) struct Candidates(Vec<(Place, String, Span)>);

impl Candidates {
    /// An id that is given as such, whole: `WO-251029-X`, `251029-x`, `` `WO-1` (rev 2) ``. Text without any id is none.
    pub fn explicit(&mut self, place: Place, raw: &str, span: &Span) -> Result<(), ParseRefusal> {
        let plain = fold::widths(&fold::inline(raw));
        let token = plain
            .split_whitespace()
            .next()
            .unwrap_or("")
            .trim_matches(['"', '\'', '<', '>', '(', ')', '[', ']', ',', ';']);
        let unsafe_name =
            token.contains(['/', '\\', '\0', ':']) || token.contains("..") || token.chars().any(char::is_control);
        if unsafe_name {
            return Err(ParseRefusal::UnsafeId { id: crate::text::line(token, 80), place: place.name().to_owned() });
        }
        if let Some(id) = find(&plain).or_else(|| bare(token)) {
            self.0.push((place, id, span.clone()));
        }
        Ok(())
    }

    /// The first `WO-…` in a text.
    pub fn within(&mut self, place: Place, text: &str, span: &Span) {
        if let Some(id) = find(&fold::widths(&fold::inline(text))) {
            self.0.push((place, id, span.clone()));
        }
    }

    /// Whether ids were given and none of them is that of `raw`.
    pub fn has_other_than(&self, raw: &str) -> bool {
        let id = find(&fold::widths(&fold::inline(raw)));
        id.is_some_and(|id| !self.0.is_empty() && self.0.iter().all(|(_, own, _)| !own.eq_ignore_ascii_case(&id)))
    }

    /// Takes over what a text within a value gave, as of that value's span.
    pub fn merge(&mut self, other: Candidates, span: &Span) {
        self.0.extend(other.0.into_iter().map(|(place, id, _)| (place, id, span.clone())));
    }

    #[cfg(test)]
    pub fn has(&self, place: Place) -> bool {
        self.0.iter().any(|(found, ..)| *found == place)
    }

    /// The id of the strongest place; each place that disagrees gets a warning that names both.
    pub fn settle(mut self, source: &Source<'_>, file_name: &str, diagnostics: &mut Diagnostics) -> String {
        let file_id = find(&fold::widths(stem(file_name)));
        self.0.sort_by_key(|(place, ..)| *place);
        let mut found = self.0.into_iter();
        let Some((place, id, span)) = found.next() else {
            let id = file_id.unwrap_or_else(|| from_file_name(file_name, source.text));
            let remark = Remark::warning("missing-id", "the order has no id of its own")
                .understood(format!(
                    "its id is {id}, from {}",
                    if stem(file_name).is_empty() { "its text" } else { "its file name" }
                ))
                .cure("add a line `**ID:** WO-YYMMDD-NAME`");
            diagnostics.add(source, &(0..0), remark);
            return id;
        };
        tell_other_name(&id, &span, source, diagnostics);
        let where_is = |place: Place, span: &Span| format!("{} (line {})", place.name(), source.line(span.start));
        for (other_place, other, other_span) in found.filter(|(_, other, _)| !other.eq_ignore_ascii_case(&id)) {
            let message =
                format!("{} says {id}, {} says {other}", where_is(place, &span), where_is(other_place, &other_span));
            let remark = Remark::warning("id-disagreement", message)
                .understood(format!("its id is {id}"))
                .cure("make them agree");
            diagnostics.add(source, &other_span, remark);
        }
        if let Some(other) = file_id.filter(|other| !other.eq_ignore_ascii_case(&id)) {
            let message = format!(
                "{} says {id}, the file name `{}` says {other}",
                where_is(place, &span),
                crate::text::line(file_name, 120)
            );
            let remark = Remark::warning("id-disagreement", message)
                .understood(format!("its id is {id}"))
                .cure("rename the file or correct the id");
            diagnostics.add(source, &span, remark);
        }
        id
    }
}

/// An id that can't be kept as it is written is known by another name, which its author must learn.
fn tell_other_name(id: &str, span: &Span, source: &Source<'_>, diagnostics: &mut Diagnostics) {
    let text = fold::widths(&fold::inline(source.slice(span)));
    let Some(run) = run_in(&text).filter(|run| !run.is_ascii() && safe(run) == id) else { return };
    let remark = Remark::note(
        OTHER_NAME,
        format!("the id `WO-{}` has letters that can't stand in every file name", crate::text::line(run, 120)),
    )
    .understood(format!("the order is known as {id}; commands and `requires` take either"))
    .cure("use A to Z, digits, `-`, `_` and `.` in ids");
    diagnostics.add(source, span, remark);
}

/// The id under which an order is known whose id is written so: one with letters beyond ASCII is known by another.
pub fn known_as(written: &str) -> String {
    if written.is_ascii() { written.to_owned() } else { find(&fold::widths(written)).unwrap_or(written.to_owned()) }
}

/// The first `WO-…` in a text whose widths are folded. Letters beyond ASCII can't stand in the name of a file on every
/// system; they become a short hash, so that two ids that differ only in them stay two.
fn find(text: &str) -> Option<String> {
    run_in(text).map(safe)
}

/// What stands behind the `WO-` of the first id in a text.
fn run_in(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    for (at, lead) in bytes.windows(3).enumerate() {
        let starts_word = at
            .checked_sub(1)
            .and_then(|before| bytes.get(before))
            .is_none_or(|before| !before.is_ascii_alphanumeric() && *before != b'-' && *before != b'_');
        if !starts_word || !lead.eq_ignore_ascii_case(b"wo-") {
            continue;
        }
        let rest = text.get(at + 3..)?;
        let belongs = |c: char| c.is_alphanumeric() || "-_.".contains(c) || is_mark(c);
        let end = rest.char_indices().take(MAX_ID_CHARS).find(|(_, c)| !belongs(*c)).map(|(end, _)| end);
        let end = end.or_else(|| rest.char_indices().nth(MAX_ID_CHARS).map(|(end, _)| end)).unwrap_or(rest.len());
        let run = rest.get(..end)?.trim_end_matches(['-', '_', '.']);
        if run.chars().next().is_some_and(char::is_alphanumeric) && !run.contains("..") {
            return Some(run);
        }
    }
    None
}

/// Combining marks belong to the letters before them (Thai vowels and tones).
fn is_mark(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

/// An id without its prefix: `251029-parquet`. Must have a digit or a dash, so that no plain word becomes one.
fn bare(token: &str) -> Option<String> {
    let run = token.trim_matches(['-', '_', '.']);
    let fits = !run.is_empty()
        && run.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        && run.contains(|c: char| c.is_ascii_digit() || c == '-');
    fits.then(|| safe(run))
}

fn safe(run: &str) -> String {
    let mut id = String::from("WO-");
    let mut last_kept = true;
    for c in run.chars() {
        let keep = c.is_ascii_alphanumeric() || "-_.".contains(c);
        if keep {
            id.push(c);
        } else if last_kept && !id.ends_with('-') {
            id.push('-');
        }
        last_kept = keep;
    }
    let is_ascii = run.is_ascii();
    if is_ascii && id.len() <= MAX_ID_BYTES {
        return id;
    }
    let hash = short_hash(run.as_bytes());
    id.truncate(MAX_ID_BYTES - hash.len() - 1);
    let head = id.trim_end_matches(['-', '_', '.']);
    format!("{head}-{hash}")
}

fn short_hash(bytes: &[u8]) -> String {
    sha256(bytes).chars().take(8).collect()
}

/// The file name without directories and the endings of orders.
pub(crate) fn stem(file_name: &str) -> &str {
    let name = file_name.rsplit(['/', '\\']).next().unwrap_or(file_name);
    let lower = name.to_ascii_lowercase();
    let ending = [".md", ".markdown", ".yaml", ".yml", ".json", ".txt"].iter().find(|ending| lower.ends_with(*ending));
    let stem = ending.and_then(|ending| name.get(..name.len() - ending.len())).unwrap_or(name);
    // standard input has no name
    if stem == "-" || name == "stdin.md" { "" } else { stem }
}

/// The id of a file whose text, once it can be read, need not be an order: the text's own where it is one, else the name's.
pub fn id_of(bytes: &[u8], file_name: &str) -> String {
    super::parse(bytes, file_name).map_or_else(|_| named_by(file_name), |order| order.id)
}

/// The id that a file's name alone gives.
pub fn named_by(file_name: &str) -> String {
    find(&fold::widths(stem(file_name))).unwrap_or_else(|| from_file_name(file_name, ""))
}

fn from_file_name(file_name: &str, text: &str) -> String {
    let run: String = fold::widths(stem(file_name))
        .chars()
        .map(|c| if c.is_alphanumeric() || "-_.".contains(c) || is_mark(c) { c } else { '-' })
        .collect();
    let run = run.trim_matches(['-', '_', '.']).replace("..", "-");
    if run.is_empty() { format!("WO-UNNAMED-{}", short_hash(text.as_bytes())) } else { safe(&run) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_as_they_are_written() {
        for (text, expect) in [
            ("WORK ORDER: WO-251029-PARQUET-EXPORTER", Some("WO-251029-PARQUET-EXPORTER")),
            ("**WO–251029–X** (rev 2)", Some("WO-251029-X")),
            ("ＷＯ－251029－Ｘ", Some("WO-251029-X")),
            ("wo-251029-x.", Some("WO-251029-x")),
            ("`WO-251030-PHASE5_CONTINUOUS_OPS`", Some("WO-251030-PHASE5_CONTINUOUS_OPS")),
            ("TWO-1 and WO-2", Some("WO-2")),
            ("WO: title", None),
            ("WO-", None),
            ("WO-…", None),
            ("nothing", None),
        ] {
            assert_eq!(find(&fold::widths(&fold::inline(text))).as_deref(), expect, "{text}");
        }
    }

    #[test]
    fn ids_are_safe_and_stay_apart() {
        let thai = |text: &str| find(text).unwrap();
        let (a, b) = (thai("WO-251029-รายงาน"), thai("WO-251029-ราคา"));
        assert!(a != b && a.is_ascii() && a.starts_with("WO-251029-"), "{a} {b}");
        let long = find(&format!("WO-{}", "x".repeat(300))).unwrap();
        assert!(long.len() <= MAX_ID_BYTES);
        assert_eq!(from_file_name("dir/my order (1).md", ""), "WO-my-order--1");
        assert_eq!(from_file_name("-", "x").len(), "WO-UNNAMED-".len() + 8);
        assert!(from_file_name("../..", "x").starts_with("WO-UNNAMED"));
    }

    #[test]
    fn an_id_is_known_by_the_same_name_wherever_it_is_written() {
        let known = find("WO-251212-ส่งออก-PARQUET").unwrap();
        assert_eq!(known_as("WO-251212-ส่งออก-PARQUET"), known);
        for same in [known.as_str(), "WO-251212-X", "not an id", "WO-my-order--1"] {
            assert_eq!(known_as(same), same);
        }
        assert_eq!(known_as("WO–251212–X"), "WO-251212-X");
        assert_eq!(known_as("รายงาน"), "รายงาน");
    }

    #[test]
    fn unsafe_ids_are_refused() {
        for raw in ["../../etc/passwd", "WO-1/../x", "/etc/passwd", "C:\\x", "WO-..", "WO-1\u{7}"] {
            assert!(Candidates::default().explicit(Place::Data, raw, &(0..0)).is_err(), "{raw}");
        }
        for (raw, expect) in [
            ("251029-x", "WO-251029-x"),
            ("`WO-1` (rev 2)", "WO-1"),
            ("WO-1 / WO-2", "WO-1"),
            ("WO-1, see WO-2", "WO-1"),
        ] {
            let mut candidates = Candidates::default();
            candidates.explicit(Place::Data, raw, &(0..0)).unwrap();
            assert_eq!(candidates.0[0].1, expect, "{raw}");
        }
        let mut candidates = Candidates::default();
        candidates.explicit(Place::Line, "see title", &(0..0)).unwrap();
        assert!(!candidates.has(Place::Line));
    }
}
