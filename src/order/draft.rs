//! An order while it is read: fields that are set once, the first writer wins, and a second that says otherwise is told.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::identity::{Candidates, Place};
use super::model::{Order, Priority, Span, Whose, blank};
use super::names::Scalar;
use super::refusal::ParseRefusal;
use super::source::{Diagnostics, Remark, Source};
use super::{body_gates, fold, names, section_names};
use crate::dates;

/// What stands around the criteria that are read.
pub(crate) struct Around {
    pub denied: Option<String>,
    whose: usize,
}

pub(crate) struct Draft<'a> {
    pub source: &'a Source<'a>,
    pub order: Order,
    pub diagnostics: Diagnostics,
    pub ids: Candidates,
    /// Tables of criteria, for the note that there is more than one.
    pub tables: Vec<Span>,
    /// Whether criteria were left out because there are too many, which is an error.
    pub has_too_many: bool,
    /// The columns and keys, folded, of which it was told that they change nothing.
    pub told_asides: std::collections::BTreeSet<String>,
    /// What says that the criteria which are being read must not hold: a mark, or the label above them (see [`denial`](super::denial)).
    pub denied: Option<String>,
    /// What the criteria that are being read stand below or beside, the outermost first.
    pub whose: Vec<Whose>,
    /// Which key set a field, its value and where.
    set: BTreeMap<Scalar, (String, String, Span, Place)>,
    extra: BTreeMap<String, (String, Span)>,
}

impl<'a> Draft<'a> {
    pub fn new(source: &'a Source<'a>) -> Self {
        let diagnostics = Diagnostics::new();
        Draft {
            source,
            order: blank(""),
            diagnostics,
            ids: Candidates::default(),
            tables: Vec::new(),
            has_too_many: false,
            told_asides: std::collections::BTreeSet::new(),
            denied: None,
            whose: Vec::new(),
            set: BTreeMap::new(),
            extra: BTreeMap::new(),
        }
    }

    pub fn remark(&mut self, span: &Span, remark: Remark) {
        self.diagnostics.add(self.source, span, remark);
    }

    /// What is read from here on is denied by this, where it is given. Gives what denied it before, to be put back.
    pub fn deny(&mut self, by: Option<String>) -> Option<String> {
        let outer = self.denied.clone();
        if by.is_some() {
            self.denied = by;
        }
        outer
    }

    /// What denies the criteria that are read now and whose they are, to be put back with [`Draft::restore`].
    pub fn around(&self) -> Around {
        Around { denied: self.denied.clone(), whose: self.whose.len() }
    }

    pub fn restore(&mut self, around: &Around) {
        self.denied.clone_from(&around.denied);
        self.whose.truncate(around.whose);
    }

    /// What is read from here on stands below or beside `name`. A sentence is no name.
    pub fn head(&mut self, name: &str, is_thing: bool) {
        let name = fold::inline(fold::strip_marks(name));
        let name = name.trim_end_matches([':', '：', ' ']);
        let is_name = !fold::fold(name).is_empty() && name.split_whitespace().count() <= names::MAX_NAME_WORDS;
        let is_bare = name.split_whitespace().count() <= 2 && section_names::is_acceptance_alone(name);
        if is_name && !is_bare {
            self.whose.push(Whose { name: name.to_owned(), is_thing });
        }
    }

    pub fn line(&self, span: &Span) -> usize {
        self.source.line(span.start)
    }

    pub fn is_set(&self, scalar: Scalar) -> bool {
        self.set.contains_key(&scalar)
    }

    /// Sets a one-line field from text. `place` is where ids from here count as found.
    pub fn set(&mut self, scalar: Scalar, key: &str, raw: &str, span: &Span, place: Place) -> Result<(), ParseRefusal> {
        let value = fold::inline(&fold::without_struck(raw));
        if value.is_empty() {
            return Ok(());
        }
        // each gate counts, however many there are
        if matches!(scalar, Scalar::Approval | Scalar::Requires) {
            if !body_gates::apply(self, scalar, key, &value, span) {
                self.extra(key, serde_json::Value::String(value), span);
            }
            return Ok(());
        }
        if let Some((first_key, first, first_span, first_place)) = self.set.get(&scalar) {
            if !first.eq_ignore_ascii_case(&value) {
                let message = format!(
                    "`{key}` stands there twice: `{first}` (`{first_key}`, line {}) and `{value}` (line {})",
                    self.source.line(first_span.start),
                    self.source.line(span.start)
                );
                let understood = format!("the first counts: `{first}`");
                let same_key = fold::fold(first_key) == fold::fold(key);
                // ids of several places are settled together
                if same_key && (scalar != Scalar::Id || *first_place == place) {
                    self.remark(
                        span,
                        Remark::warning("duplicate-key", message).understood(understood).cure("keep one of them"),
                    );
                }
            }
            if scalar == Scalar::Id {
                self.ids.explicit(place, raw, span)?;
            }
            return Ok(());
        }
        self.set.insert(scalar, (key.to_owned(), value.clone(), span.clone(), place));
        match scalar {
            Scalar::Id => self.ids.explicit(place, raw, span)?,
            Scalar::Title => {
                self.ids.within(Place::Title, &value, span);
                self.order.title = Some(value);
            }
            Scalar::Phase => self.order.phase = Some(value),
            Scalar::Origin => self.order.origin = Some(value),
            Scalar::Assignee => self.order.assignee = Some(value),
            Scalar::Owner => self.owner(&value),
            Scalar::Priority => self.priority(&value, span),
            Scalar::Created => self.created(value, span),
            Scalar::Expires => self.expires(&value, span),
            Scalar::Handler => self.handler(&value, span),
            Scalar::Approval | Scalar::Requires => {}
        }
        Ok(())
    }

    /// `GG → CLC`: origin and assignee, unless they are given by themselves.
    fn owner(&mut self, value: &str) {
        let parts = ["→", "->", "=>", "⟶", "➜", "➡"].iter().find_map(|arrow| value.split_once(arrow));
        let (from, to) = match parts {
            Some((from, to)) => {
                (Some(fold::strip_marks(from).trim().to_owned()), fold::strip_marks(to).trim().to_owned())
            }
            None => (None, value.to_owned()),
        };
        if self.order.origin.is_none() {
            self.order.origin = from.filter(|from| !from.is_empty());
        }
        if self.order.assignee.is_none() && !to.is_empty() {
            self.order.assignee = Some(to);
        }
    }

    fn priority(&mut self, value: &str, span: &Span) {
        match priority(value) {
            Some(priority) => self.order.priority = priority,
            None => self.remark(
                span,
                Remark::warning("unknown-priority", format!("`{value}` is no priority"))
                    .understood("P2")
                    .cure("use P0, P1, P2 or P3"),
            ),
        }
    }

    fn created(&mut self, value: String, span: &Span) {
        if value.contains("$(") || value.contains("${") {
            let remark =
                Remark::warning("unexpanded-date", format!("`{value}` is a shell command that was never expanded"))
                    .understood("it is not known when the order was created")
                    .cure("write the date, e.g. 2025-10-28");
            self.remark(span, remark);
        } else {
            self.order.created = Some(value);
        }
    }

    fn expires(&mut self, value: &str, span: &Span) {
        match end_of_validity(value) {
            None if is_never(value) => self.remark(
                span,
                Remark::note("no-expiry", format!("`{value}` names no time")).understood("the order does not expire"),
            ),
            // a year of the Buddhist era, read as one of ours, would never come
            Some((at, _)) if at >= BUDDHIST_ERA => self.remark(
                span,
                Remark::error("unreadable-expires", format!("`{value}` lies centuries ahead"))
                    .understood("the order does not run, for it may have expired")
                    .cure("write the year of the common era, e.g. 2026 for 2569"),
            ),
            Some((at, assumed)) => {
                self.order.expires = Some(at);
                if assumed {
                    self.remark(
                        span,
                        Remark::note("assumed-utc", format!("`{value}` names no time zone"))
                            .understood(format!("it expires at {at}")),
                    );
                }
            }
            None => self.remark(
                span,
                Remark::error("unreadable-expires", format!("`{value}` is no time at which an order can expire"))
                    .understood("the order does not run, for it may have expired")
                    .cure("write e.g. 2025-12-31 or 2025-12-31T18:00:00Z"),
            ),
        }
    }

    fn handler(&mut self, value: &str, span: &Span) {
        if is_handler_name(value) {
            self.order.handler = Some(value.to_owned());
        } else {
            let remark = Remark::error("bad-handler", format!("`{value}` is no name of a handler"))
                .cure("use its name as `wo new` lists it, e.g. parquet-exporter");
            self.remark(span, remark);
        }
    }

    /// A key that the model has no field for.
    pub fn extra(&mut self, key: &str, value: serde_json::Value, span: &Span) {
        let folded = fold::fold(key);
        if let Some((first, first_span)) = self.extra.get(&folded) {
            if self.order.extra.get(first) != Some(&value) {
                let message = format!(
                    "`{key}` stands there twice (lines {} and {})",
                    self.source.line(first_span.start),
                    self.source.line(span.start)
                );
                self.remark(
                    span,
                    Remark::warning("duplicate-key", message).understood("the first counts").cure("keep one of them"),
                );
            }
            return;
        }
        self.extra.insert(folded, (key.to_owned(), span.clone()));
        self.order.extra.insert(key.to_owned(), value);
    }

    /// A key line of the body: a field, or kept as it is.
    pub fn body_key(&mut self, name: &str, value: &str, span: &Span) -> Result<(), ParseRefusal> {
        let folded = fold::heading(name);
        match names::scalar(&folded) {
            // in prose a handler may be a person: only what looks like a name of ours counts
            Some(Scalar::Handler) if value.chars().any(|c| c.is_uppercase() || c.is_whitespace()) => {}
            Some(scalar) => return self.set(scalar, name, value, span, Place::Line),
            None => {}
        }
        self.extra(name, serde_json::Value::String(fold::inline(value)), span);
        Ok(())
    }
}

pub(super) fn is_handler_name(value: &str) -> bool {
    !value.is_empty() && value.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c))
}

/// Whether an order can expire at it.
pub(super) fn is_time(value: &str) -> bool {
    end_of_validity(value).is_some()
}

/// `P1 – Core Analytics`, `HIGH`, `normal`, `1`; of `was P0, now P2` the second, of `P0 / P2` none.
fn priority(value: &str) -> Option<Priority> {
    const NO_MORE: [&str; 10] =
        ["not", "no", "never", "was", "were", "formerly", "former", "previously", "from", "old"];
    let folded = fold::fold(value);
    let mut words: Vec<&str> = Vec::new();
    let mut before = "";
    for word in folded.split(' ') {
        if !NO_MORE.contains(&before) {
            words.push(word);
        }
        before = word;
    }
    let of_word = |word: &str| match word {
        "p0" | "critical" | "urgent" | "blocker" | "emergency" | "สูงสุด" => Some(Priority::P0),
        "p1" | "high" | "important" | "สูง" => Some(Priority::P1),
        "p2" | "medium" | "med" | "normal" | "default" | "moderate" | "ปานกลาง" => Some(Priority::P2),
        "p3" | "low" | "minor" | "trivial" | "ต่ำ" => Some(Priority::P3),
        _ => None,
    };
    let mut levels: Vec<Priority> =
        words.iter().filter(|word| word.starts_with('p')).filter_map(|word| of_word(word)).collect();
    levels.dedup();
    let number = || match folded.as_str() {
        "0" => Some(Priority::P0),
        "1" => Some(Priority::P1),
        "2" => Some(Priority::P2),
        "3" => Some(Priority::P3),
        _ => None,
    };
    match levels.as_slice() {
        [] => number().or_else(|| words.iter().find_map(|word| of_word(word))),
        [level] => Some(*level),
        _ => None,
    }
}

/// Its year 2400 is 1857: no order that lives that long was meant to.
const BUDDHIST_ERA: Timestamp = Timestamp::constant(13_569_465_600, 0);

/// `none`, `n/a`, `—`: a field that is filled in because a form has it.
fn is_never(value: &str) -> bool {
    const NEVER: [&str; 14] = [
        "none",
        "n a",
        "na",
        "nil",
        "null",
        "no",
        "false",
        "never",
        "not applicable",
        "no expiry",
        "no expiration",
        "does not expire",
        "never expires",
        "ไม่มี",
    ];
    let is_dash = !value.is_empty() && value.chars().all(|c| matches!(c, '-' | '–' | '—' | '−'));
    is_dash || NEVER.contains(&fold::fold(value).as_str())
}

/// When it ends to be valid, and whether UTC was assumed. A date is valid through its day, in UTC.
fn end_of_validity(value: &str) -> Option<(Timestamp, bool)> {
    let value = value.trim().trim_matches(['"', '\'']);
    if let Ok(at) = value.parse::<Timestamp>() {
        return Some((at, false));
    }
    if let Ok(at) = value.parse::<jiff::Zoned>() {
        return Some((at.timestamp(), false));
    }
    let (civil, assumed) = match value.strip_suffix("UTC").or_else(|| value.strip_suffix("GMT")) {
        Some(civil) => (civil.trim(), false),
        None => (value, true),
    };
    let day_after = |date: Date| date.tomorrow().ok()?.to_zoned(TimeZone::UTC).ok().map(|at| (at.timestamp(), false));
    if civil.len() <= 10
        && let Ok(date) = civil.parse::<Date>()
    {
        return day_after(date);
    }
    if let Ok(at) =
        civil.parse::<jiff::civil::DateTime>().or_else(|_| jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M", civil))
    {
        return at.to_zoned(TimeZone::UTC).ok().map(|at| (at.timestamp(), assumed));
    }
    // as people write it: what could be two days is none
    let stated = dates::alone(value)?;
    match (stated.time, stated.zone) {
        (None, _) => day_after(stated.date),
        (Some(time), zone) => {
            let assumed = zone.is_none();
            let at = stated.date.to_datetime(time).to_zoned(zone.unwrap_or(TimeZone::UTC)).ok()?;
            Some((at.timestamp(), assumed))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_in_all_their_spellings() {
        for (text, expect) in [
            ("P1 – Core Analytics Enablement", Some(Priority::P1)),
            ("**P0**", Some(Priority::P0)),
            ("HIGH", Some(Priority::P1)),
            ("🔴 High (P0)", Some(Priority::P0)),
            ("normal", Some(Priority::P2)),
            ("low", Some(Priority::P3)),
            ("3", Some(Priority::P3)),
            ("soon", None),
            ("not urgent", None),
            ("not urgent, low", Some(Priority::P3)),
            ("was P0, now P2", Some(Priority::P2)),
            ("P1 (was P0)", Some(Priority::P1)),
            ("from P0 to P2", Some(Priority::P2)),
            ("P0 / P2", None),
        ] {
            assert_eq!(priority(text), expect, "{text}");
        }
    }

    #[test]
    fn the_end_of_validity_is_read_or_refused() {
        for (text, expect) in [
            ("2025-12-31", Some("2026-01-01T00:00:00Z")),
            ("2025-12-31T18:00:00Z", Some("2025-12-31T18:00:00Z")),
            ("2025-12-31T18:00:00+07:00", Some("2025-12-31T11:00:00Z")),
            ("2025-12-31 18:00", Some("2025-12-31T18:00:00Z")),
            ("2025-12-31 18:00:00 UTC", Some("2025-12-31T18:00:00Z")),
            ("31.12.2025", Some("2026-01-01T00:00:00Z")),
            ("31/12/2025", Some("2026-01-01T00:00:00Z")),
            ("1 Jan 2027", Some("2027-01-02T00:00:00Z")),
            ("Dec 31, 2027", Some("2028-01-01T00:00:00Z")),
            ("31 December 2027 18:00 +07:00", Some("2027-12-31T11:00:00Z")),
            ("31 Dec 2027 18:00", Some("2027-12-31T18:00:00Z")),
            ("01/02/2027", None),
            ("31 Dec", None),
            ("a week after 31 Dec 2027", None),
            ("2027-12-31 to 2028-12-31", None),
            ("soon", None),
            ("never", None),
            ("2025-13-01", None),
        ] {
            assert_eq!(end_of_validity(text).map(|(at, _)| at.to_string()).as_deref(), expect, "{text}");
        }
    }

    #[test]
    fn a_field_that_says_no_time_is_told_from_one_that_is_not_understood() {
        for (value, expect) in [
            ("none", "no-expiry"),
            ("N/A", "no-expiry"),
            ("—", "no-expiry"),
            ("-", "no-expiry"),
            ("no", "no-expiry"),
            ("**Never**", "no-expiry"),
            ("ไม่มี", "no-expiry"),
            ("TBD", "unreadable-expires"),
            ("?", "unreadable-expires"),
            ("no later than Friday", "unreadable-expires"),
            ("never mind", "unreadable-expires"),
            ("31/12/2569", "unreadable-expires"),
        ] {
            let text = format!("# WO-1\n\n| Field | Value |\n|---|---|\n| Handler | ext |\n| Expires | {value} |\n");
            let order = crate::order::parse(text.as_bytes(), "WO-1.md").unwrap();
            let told: Vec<_> =
                order.diagnostics.iter().map(|d| d.code.as_str()).filter(|c| c.contains("exp")).collect();
            assert_eq!((order.expires, told), (None, vec![expect]), "{value}");
        }
    }
}
