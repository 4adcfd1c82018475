//! Reads a heartbeat: which line is what. What it is about is told in [`super::about`], what a value says in [`super::values`].
//!
//! Liberal: the field's shape and what people make of it by hand.

use compact_str::CompactString;
use jiff::Timestamp;

use super::about::{self, component, field, item, label_mark, unnumbered};
use super::durations::milliseconds;
use super::header::{self, Line};
use super::values::{cut_at_bold, names_zone, status_of, time, trim, unmark, unmarked, worst_mark};
use super::{AGENTS, API, CheckResult, DATABASE, Heartbeat, HeartbeatError, REDIS, State, Status, name_time, named};
use crate::text;

/// Reads a heartbeat from the file of that name. A time that names no zone is UTC, unless the name, which is UTC, says
/// that it is the local time of a zone: then it is moved there.
pub fn parse_file(file_name: &str, text: &str) -> Result<Heartbeat, HeartbeatError> {
    let text = &text::without_ansi(text);
    let mut heartbeat = parse(text)?;
    if let (Some(at), Some(named)) = (heartbeat.timestamp, name_time(file_name))
        && let Some(offset) = offset_between(at, named)
        && !timestamp_names_zone(text)
    {
        heartbeat.timestamp = at.checked_sub(offset).ok();
    }
    Ok(heartbeat)
}

/// The offset of a zone by which `at` is ahead of `named`, which is the same moment: a multiple of a quarter of an hour.
pub fn offset_between(at: Timestamp, named: Timestamp) -> Option<jiff::SignedDuration> {
    const QUARTER_MS: i64 = 15 * 60 * 1_000;
    // between the start of a cycle and the name of its report
    const SLACK_MS: i64 = 60 * 1_000;
    let apart = at.as_millisecond() - named.as_millisecond();
    let offset = (apart + QUARTER_MS / 2).div_euclid(QUARTER_MS) * QUARTER_MS;
    let is_offset = offset != 0 && offset.abs() <= 14 * 3_600_000 && (apart - offset).abs() <= SLACK_MS;
    is_offset.then(|| jiff::SignedDuration::from_millis(offset))
}

/// Whether the report's Timestamp line says which zone its time is of.
fn timestamp_names_zone(text: &str) -> bool {
    let stamps = lines(text).map(trim).filter_map(|line| match header::stated(line, field(line))? {
        Line::Timestamp(value) => Some(names_zone(value)),
        Line::Status(_) | Line::Duration(_) => None,
    });
    stamps.take(1).any(|names_zone| names_zone)
}

/// Reads a heartbeat. Errors only when there is nothing of a heartbeat in `text`.
pub fn parse(text: &str) -> Result<Heartbeat, HeartbeatError> {
    let text = text::without_ansi(text.strip_prefix('\u{feff}').unwrap_or(text));
    if text.trim().is_empty() {
        return Err(HeartbeatError::Empty);
    }
    let mut reading = Reading::default();
    lines(&text).for_each(|line| reading.line(line));
    reading.finish()
}

/// The section that stands for none.
const CHECKS: &str = "Health Checks";

/// What has been read so far.
#[derive(Default)]
struct Reading<'a> {
    heartbeat: Heartbeat,
    recognized: bool,
    section: Option<Section<'a>>,
    /// Whether the header has a Status line, readable or not: then the summary is not asked.
    has_status: bool,
    /// The component, or the service, of the item in a section of checks that the indented lines below it speak of.
    owner: Option<CompactString>,
    /// Of each check, where it stands.
    places: Vec<Place>,
    /// The line before is a row of a table, whose check has the name that it gives itself; so has the head of a table.
    is_named_row: bool,
    from_summary: Option<Status>,
    /// A title stands above that has a heartbeat above itself.
    is_another: bool,
    /// Heartbeats behind the first one, with another time.
    others: usize,
    /// How deep the section of checks, or of a component, lies that is being read: what lies deeper is part of it.
    checks_level: Option<usize>,
    /// A line across the page stands above, and since then there was nothing but what a report says of itself.
    is_ruled: bool,
    /// What the section, if it turns out to be none of a component, says of how long the cycle took.
    duration_ms: Option<u64>,
}

/// The part of the report that is being read.
#[derive(Clone, Copy)]
struct Section<'a> {
    name: &'a str,
    /// As many as it has `#`; a line that only looks like a heading is below all.
    level: usize,
    /// That ends the heading.
    mark: Option<State>,
    /// Checks that were there before it.
    before: usize,
    /// It is about the report as a whole.
    is_of_report: bool,
    /// It is a component, or lies within the checks.
    is_component: bool,
    /// Nothing of it was read yet.
    is_new: bool,
}

/// Where a check was read.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// In the section of its component.
    Own,
    /// In a section of checks, with a mark.
    Marked,
    Elsewhere,
    /// In the section of its component, by a program that said no more: it counts where nothing else does.
    Printed,
}

impl<'a> Reading<'a> {
    fn line(&mut self, line: &'a str) {
        let indented = line.starts_with([' ', '\t']);
        let line = trim(line);
        if line.is_empty() {
            return;
        }
        if let Some((level, heading)) = heading(line) {
            let is_title = contains_folded(heading, "heartbeat");
            self.recognized = self.recognized || is_title;
            let is_begun = self.heartbeat.timestamp.is_some() || !self.heartbeat.checks.is_empty();
            self.is_another |= is_title && level == 1 && is_begun && !super::is_aside(heading);
            // the title opens the header, every other heading a section
            let (name, mark) = about::cut_end_mark(heading);
            self.enter(name, level, mark);
            return;
        }
        let may_be_head = std::mem::take(&mut self.is_named_row);
        if named::is_table_rule(line) {
            if may_be_head {
                self.heartbeat.checks.pop();
                self.places.pop();
            }
            return;
        }
        let field = field(line);
        let Some(section) = self.section else {
            self.header(line, field);
            return;
        };
        if header::is_rule(line) {
            // above what a component says of itself it parts nothing
            let has_checks = self.heartbeat.checks.len() > section.before;
            self.is_ruled = !section.is_new && (has_checks || !section.is_component);
            return;
        }
        self.section = Some(Section { is_new: false, ..section });
        if !indented && self.says_of_itself(section, line, field) {
            return;
        }
        if let Some((label, value)) = field
            && label.eq_ignore_ascii_case("next check")
        {
            self.heartbeat.next_check = Some(value.to_owned());
        } else if unnumbered(section.name).eq_ignore_ascii_case("summary") {
            self.summary(line, field);
        } else if let Some((name, mark)) = bare_name(line, field, indented) {
            self.enter(name, usize::MAX, mark);
        } else if let Some(owner) = self.owner.take().filter(|_| indented && is_of_owner(line, field)) {
            self.take(&owner, None, line, field, field);
            self.owner = Some(owner);
        } else if let Some((_, value)) =
            field.filter(|(label, _)| !indented && is_flat_detail(section.name, label, line))
        {
            self.flat_latency(section, value);
        } else {
            let before = self.heartbeat.checks.len();
            self.take(section.name, section.mark, line, field.filter(|_| indented), field);
            let new = self.heartbeat.checks.get(before..).and_then(<[CheckResult]>::last);
            self.owner = new.filter(|_| !indented).and_then(|check| owner(section.name, check));
        }
    }

    /// It is the component's own check's, or else that of the item above it.
    fn flat_latency(&mut self, section: Section, value: &str) {
        let checks = self.heartbeat.checks.get_mut(section.before..).unwrap_or_default();
        let is_own = |check: &CheckResult| matches!(check.name.as_str(), "redis" | "database");
        let at = checks.iter().position(is_own).or(checks.len().checked_sub(1));
        if let Some(check) = at.and_then(|at| checks.get_mut(at)) {
            check.latency_ms = check.latency_ms.or_else(|| milliseconds(value));
        }
    }

    /// Takes what a line in a section says of the report as a whole.
    fn says_of_itself(&mut self, section: Section, line: &str, field: Option<(&str, &str)>) -> bool {
        let stated = header::stated(line, field);
        let is_next = field.is_some_and(|(label, _)| label.eq_ignore_ascii_case("next check"));
        self.is_ruled = self.is_ruled && (stated.is_some() || is_next || header::is_signature(line));
        let Some(stated) = stated else { return false };
        let is_item = !line.starts_with("**");
        let has_checks = self.heartbeat.checks.len() > section.before;
        let is_bold = header::is_bold(line) || line.starts_with('|');
        match stated {
            // not below what tells of an earlier time or of another thing
            _ if self.is_ruled
                && !is_item
                && (section.is_of_report || section.is_component || about::is_of_checks(section.name)) =>
            {
                self.state(stated);
            }
            // a header that has a heading
            Line::Timestamp(_)
                if section.is_of_report && self.heartbeat.timestamp.is_none() && self.heartbeat.checks.is_empty() =>
            {
                self.leave();
                self.state(stated);
            }
            Line::Status(_) if section.is_of_report && is_bold && header::is_overall(field) => self.state(stated),
            // a component may have one too, and may say only later what it is
            Line::Duration(value) if section.is_of_report && is_bold => {
                self.duration_ms = self.duration_ms.or(header::duration_ms(value));
            }
            // above the first of the checks
            Line::Duration(_) if about::is_of_checks(section.name) && !is_item && !has_checks => self.state(stated),
            _ => return false,
        }
        true
    }

    /// The first that is read counts; of a Status line there need be no more than its label.
    fn state(&mut self, stated: Line) {
        let heartbeat = &mut self.heartbeat;
        match stated {
            Line::Timestamp(value) => {
                let at = time(value);
                let is_another = std::mem::take(&mut self.is_another);
                self.others += usize::from(is_another && at != heartbeat.timestamp);
                heartbeat.timestamp = heartbeat.timestamp.or(at);
            }
            Line::Status(value) => {
                self.has_status = true;
                heartbeat.status = heartbeat.status.or_else(|| status_of(value));
            }
            Line::Duration(value) => {
                heartbeat.duration_ms = heartbeat.duration_ms.or_else(|| header::duration_ms(value))
            }
        }
        self.recognized = true;
    }

    fn header(&mut self, line: &str, field: Option<(&str, &str)>) {
        // a mark before the label counts as one behind it
        let is_led = || label_mark(line).is_some();
        match (header::stated(line, field), field) {
            (Some(Line::Status(_)), _) if !line.starts_with('|') && is_led() => self.state(Line::Status(line)),
            (Some(stated), _) => self.state(stated),
            // before any section, only what names its component
            (None, Some((label, _))) if about::known(label).is_some() => self.take(CHECKS, None, line, None, field),
            (None, None) if worst_mark(line).is_some() => self.take(CHECKS, None, line, None, None),
            (None, _) if line.starts_with('|') => self.take(CHECKS, None, line, None, None),
            (None, _) => {}
        }
    }

    fn take(
        &mut self,
        section: &str,
        mark: Option<State>,
        line: &str,
        detail: Option<(&str, &str)>,
        field: Option<(&str, &str)>,
    ) {
        if let Some((label, value)) = detail
            && take_detail(&mut self.heartbeat, section, label, value)
        {
            return;
        }
        // what stands in the header is a check only where it names its component
        let named = || if self.section.is_some() { named::check(section, line) } else { None };
        if let Some(check) = about::check(section, line, field, mark).or_else(named) {
            self.is_named_row = line.starts_with('|') && about::known(&check.name).is_none();
            let is_quoted = line.starts_with('>');
            let place = match () {
                () if !is_quoted && about::known(section) == Some(check.component.as_str()) => Place::Own,
                () if !is_quoted && about::is_of_checks(section) && worst_mark(line).is_some() => Place::Marked,
                () => Place::Elsewhere,
            };
            self.push(check, place);
        } else if let Some((check, is_own)) = about::plain_failure(section, line, field) {
            self.push(check, if is_own { Place::Own } else { Place::Printed });
        }
    }

    fn push(&mut self, check: CheckResult, place: Place) {
        self.heartbeat.checks.push(check);
        self.places.push(place);
        self.recognized = true;
    }

    /// Once a component's own section says how it is, a line elsewhere counts only where checks stand, and with a mark: what
    /// quotes, explains or lists versions does not.
    fn drop_asides(&mut self) {
        if self.places.iter().all(|place| *place == Place::Own) {
            return;
        }
        let of_whole = |check: &CheckResult| matches!(check.component.as_str(), REDIS | DATABASE | API);
        let is_same = |one: &CheckResult, other: &CheckResult| match of_whole(one) {
            true => one.component == other.component,
            false => one.component == other.component && one.name == other.name,
        };
        let is_own_name =
            |check: &CheckResult| !of_whole(check) || matches!(check.name.as_str(), "redis" | "database" | "api");
        let checks = std::mem::take(&mut self.heartbeat.checks);
        let settled: Vec<CheckResult> = std::iter::zip(&checks, &self.places)
            .filter(|(check, place)| **place == Place::Own && check.state != State::Unknown && is_own_name(check))
            .map(|(check, _)| check.clone())
            .collect();
        let is_settled = |check: &CheckResult| settled.iter().any(|own| is_same(own, check));
        let said: std::collections::HashSet<CompactString> = std::iter::zip(&checks, &self.places)
            .filter(|(check, place)| **place != Place::Printed && check.state != State::Unknown && is_own_name(check))
            .map(|(check, _)| check.component.clone())
            .collect();
        let is_aside = |check: &CheckResult, place: Place| match place {
            Place::Elsewhere => about::known(&check.component).is_some() && is_settled(check),
            Place::Printed => said.contains(&check.component),
            Place::Own | Place::Marked => false,
        };
        let kept = std::iter::zip(checks, &self.places).filter(|(check, place)| !is_aside(check, **place));
        self.heartbeat.checks = kept.map(|(check, _)| check).collect();
    }

    /// The worst that any line of the summary says; `Failed: 0` says nothing.
    fn summary(&mut self, line: &str, field: Option<(&str, &str)>) {
        let is_none = |value: &str| matches!(value, "0" | "none" | "None" | "no" | "-");
        if !self.has_status && !field.is_some_and(|(_, value)| is_none(value)) {
            self.from_summary = self.from_summary.max(status_of(line));
        }
    }

    fn enter(&mut self, name: &'a str, level: usize, mark: Option<State>) {
        self.is_ruled = false;
        if let Some(section) = self.section
            && level > section.level
            && level != usize::MAX
            && about::known(section.name).is_some()
            && is_part(name)
        {
            return;
        }
        self.leave();
        let before = self.heartbeat.checks.len();
        let is_of_report = header::is_of_report(name);
        self.checks_level = self.checks_level.filter(|above| level > *above);
        let is_within = self.checks_level.is_some();
        if !is_within && !is_of_report && level > 1 {
            self.checks_level = Some(level);
        }
        let is_of_report = header::is_own(name) && !is_within;
        let is_component = is_within || about::known(name).is_some();
        let section = Section { name, level, mark, before, is_of_report, is_component, is_new: true };
        self.section = (level > 1).then_some(section);
    }

    /// A heading whose mark nothing below took up speaks for itself.
    fn leave(&mut self) {
        self.owner = None;
        let duration_ms = self.duration_ms.take();
        let Some(section) = self.section.take() else { return };
        // one with a state in it is a component's
        let said = self.heartbeat.checks.get(section.before..).unwrap_or_default();
        if said.iter().all(|check| check.state == State::Unknown) {
            self.heartbeat.duration_ms = self.heartbeat.duration_ms.or(duration_ms);
        }
        if self.heartbeat.checks.len() == section.before
            && let Some(check) = about::of_heading(section.name, section.mark)
        {
            self.push(check, Place::Own);
        }
    }

    fn finish(mut self) -> Result<Heartbeat, HeartbeatError> {
        self.leave();
        self.drop_asides();
        if !self.has_status {
            self.heartbeat.status = self.from_summary;
        }
        if self.others > 0 {
            return Err(HeartbeatError::Several(self.others + 1));
        }
        if self.recognized { Ok(self.heartbeat) } else { Err(HeartbeatError::NotAHeartbeat) }
    }
}

/// Whether a heading only parts what is said of one component.
fn is_part(heading: &str) -> bool {
    const PARTS: [&str; 7] = ["status", "details", "detail", "result", "results", "health", "state"];
    PARTS.iter().any(|part| heading.eq_ignore_ascii_case(part))
}

/// A line that only names a component and so begins what follows about it: `**Redis**`, `**Redis** ❌`, `- Redis:`; with its
/// mark. An item with a mark is a check.
fn bare_name<'a>(line: &'a str, field: Option<(&'a str, &'a str)>, indented: bool) -> Option<(&'a str, Option<State>)> {
    let (name, mark) = match field {
        Some((label, "")) => (label, label_mark(line)),
        _ => {
            let (before, rest) = unmark(item(line));
            let (name, rest) = cut_at_bold(rest.strip_prefix("**")?)?;
            let (beside, name) = unmarked(name);
            let (behind, words) = unmark(rest);
            (words.is_empty().then_some(name)?, before.max(beside).max(behind))
        }
    };
    let name = name.trim_matches('`');
    let is_item = line.starts_with(['-', '*', '+']) && !line.starts_with("**");
    let is_name = !indented && about::known(name).is_some() && !(is_item && mark.is_some());
    is_name.then_some((name, mark))
}

/// Of whom the indented lines below an item of a section of checks speak: its component, or the service that it only names.
fn owner(section: &str, check: &CheckResult) -> Option<CompactString> {
    match about::known(&check.component)? {
        AGENTS => (check.message.is_empty() && about::known(&check.name).is_some()).then(|| check.name.clone()),
        _ => about::is_of_checks(section).then(|| check.component.clone()),
    }
}

/// Whether an indented line says no other component's name.
fn is_of_owner(line: &str, field: Option<(&str, &str)>) -> bool {
    let name = field.map_or_else(|| unmarked(item(line)).1, |(label, _)| label);
    about::known(name).is_none()
}

/// A detail that stands beside its check, not below it: `- **Latency:** 1.8ms`.
fn is_flat_detail(section: &str, label: &str, line: &str) -> bool {
    label.eq_ignore_ascii_case("latency")
        && matches!(about::known(section), Some(REDIS | DATABASE | API))
        && worst_mark(line).is_none()
}

/// Lines that end in LF, CR or both; between the two of CRLF lies an empty one.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let ends = memchr::memchr2_iter(b'\n', b'\r', text.as_bytes());
    let mut start = 0;
    ends.chain(std::iter::once(text.len())).map(move |end| {
        let line = text.get(start..end).unwrap_or_default();
        start = end + 1;
        line
    })
}

/// The text of `## 🧠 Heading`, without decoration.
fn heading(line: &str) -> Option<(usize, &str)> {
    if !line.starts_with('#') {
        return None;
    }
    let rest = line.trim_start_matches('#');
    let level = line.len() - rest.len();
    if level > 6 || !rest.starts_with([' ', '\t']) {
        return None;
    }
    Some((
        level,
        rest.trim_start_matches(|c: char| !c.is_alphanumeric()).trim_end_matches([' ', '\t', '#', ':', '*', '`']),
    ))
}

/// Whether `word`, which is ASCII, occurs in `text` in any case.
fn contains_folded(text: &str, word: &str) -> bool {
    let (text, word) = (text.as_bytes(), word.as_bytes());
    let starts = |window: &[u8]| window.first().map(u8::to_ascii_lowercase) == word.first().map(u8::to_ascii_lowercase);
    text.windows(word.len()).any(|window| starts(window) && window.eq_ignore_ascii_case(word))
}

/// A nested bullet below a check, as [`render`] writes it.
fn take_detail(heartbeat: &mut Heartbeat, section: &str, label: &str, value: &str) -> bool {
    let Some(check) = heartbeat.checks.last_mut().filter(|check| check.component == component(section)) else {
        return false;
    };
    if label.eq_ignore_ascii_case("detail") {
        check.detail = Some(value.to_owned());
    } else if label.eq_ignore_ascii_case("latency") {
        check.latency_ms = milliseconds(value);
    } else if label.eq_ignore_ascii_case("consecutive failures") {
        check.consecutive_failures = value.parse().ok();
    } else if label.eq_ignore_ascii_case("since") {
        check.since = time(value);
    } else {
        return false;
    }
    true
}
