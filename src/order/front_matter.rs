//! Front matter: YAML between `---` lines, TOML between `+++` lines. gray_matter splits it, through an engine of ours
//! that holds the limits of `refusal`; its own YAML engine would clone aliased trees without a budget.
//!
//! Invariant: spans are found here, by the same rule as gray_matter's (a test holds the two together), because
//! gray_matter trims and normalises what it gives back.

use gray_matter::engine::Engine;
use gray_matter::{Matter, Pod};
use serde::{Deserialize, Serialize};

use super::data::{self, Data, DataError};
use super::model::Span;
use super::refusal::{MAX_FRONT_MATTER_BYTES, ParseRefusal};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Yaml,
    Toml,
}

impl Kind {
    fn fence(self) -> &'static str {
        match self {
            Kind::Yaml => "---",
            Kind::Toml => "+++",
        }
    }
}

/// Where front matter stands; offsets of the source.
#[derive(Debug, PartialEq)]
pub(crate) struct Fences {
    pub kind: Kind,
    /// The opening line with its line break.
    pub open: Span,
    pub inner: Span,
    /// The closing line with its line break; empty at the end of the text when it is missing.
    pub close: Span,
    pub is_closed: bool,
}

/// Finds front matter that begins at `from` (past a BOM), after blank lines at most. A `---` line before prose is a
/// separator, not front matter.
pub(crate) fn find(text: &str, from: usize) -> Option<Fences> {
    let mut lines = Lines { text, at: from };
    let open = loop {
        let line = lines.next()?;
        if !text.get(line.clone())?.trim().is_empty() {
            break line;
        }
    };
    let kind = match text.get(open.clone())?.trim_end() {
        "---" => Kind::Yaml,
        "+++" => Kind::Toml,
        _ => return None,
    };
    let inner_start = open.end;
    let mut first = None;
    for line in lines {
        let content = text.get(line.clone())?;
        if content.trim_end() == kind.fence() {
            let is_data = first.is_some_and(|first| looks_like_data(first, kind));
            return is_data.then_some(Fences {
                kind,
                open,
                inner: inner_start..line.start,
                close: line,
                is_closed: true,
            });
        }
        if first.is_none() && !content.trim().is_empty() && !content.trim_start().starts_with('#') {
            first = Some(content);
        }
    }
    let is_data = first.is_some_and(|first| looks_like_data(first, kind));
    let end = text.len();
    is_data.then_some(Fences { kind, open, inner: inner_start..end, close: end..end, is_closed: false })
}

struct Lines<'a> {
    text: &'a str,
    at: usize,
}

impl Iterator for Lines<'_> {
    type Item = Span;

    fn next(&mut self) -> Option<Span> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let length = rest.find('\n').map_or(rest.len(), |at| at + 1);
        let span = self.at..self.at + length;
        self.at = span.end;
        Some(span)
    }
}

/// A first line such as `id: WO-1`, `"id": 1`, `{id: 1}`, `id = "WO-1"`, `[params]`.
pub(crate) fn looks_like_data(line: &str, kind: Kind) -> bool {
    let line = line.trim();
    if kind == Kind::Toml {
        return line.contains('=') || line.starts_with('[');
    }
    if line.starts_with(['{', '&', '?', '!']) {
        return true;
    }
    let Some((name, rest)) = line.split_once(':') else { return false };
    let name = name.trim_end().trim_matches(['"', '\'']);
    let plain = name.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '<')
        && name.chars().all(|c| c.is_alphanumeric() || " _-.<".contains(c) || !c.is_ascii())
        && name.split_whitespace().count() <= 4;
    plain && (rest.is_empty() || rest.starts_with(char::is_whitespace))
}

/// What the engine hands back through gray_matter: its `Pod` maps have no order, so the data travels as JSON text.
#[derive(Serialize, Deserialize)]
struct Carried(Result<Data, DataError>);

struct LimitedYaml;
struct LimitedToml;

impl Engine for LimitedYaml {
    fn parse(content: &str) -> gray_matter::Result<Pod> {
        carry(data::yaml::read(content, 1, "the front matter"))
    }
}

impl Engine for LimitedToml {
    fn parse(content: &str) -> gray_matter::Result<Pod> {
        carry(data::toml::read(content, 1, "the front matter"))
    }
}

fn carry(result: Result<Data, DataError>) -> gray_matter::Result<Pod> {
    serde_json::to_string(&Carried(result))
        .map(Pod::String)
        .map_err(|error| gray_matter::Error::DeserializeError(error.to_string()))
}

/// Reads the front matter; offsets and lines in the result are those of the source. `first_line` is that of `inner`.
pub(crate) fn read(text: &str, fences: &Fences, first_line: usize) -> Result<Data, DataError> {
    let bytes = fences.inner.len();
    if bytes > MAX_FRONT_MATTER_BYTES {
        let what = "the front matter".to_owned();
        return Err(DataError::Refused(ParseRefusal::TooLong { what, bytes, limit: MAX_FRONT_MATTER_BYTES }));
    }
    let inner = text.get(fences.inner.clone()).unwrap_or("");
    // gray_matter trims what it splits, which would unindent the first line alone; a comment before it takes the trim
    let fence = fences.kind.fence();
    let fenced = format!("{fence}\n{GUARD}{inner}\n{fence}\n");
    let result = match fences.kind {
        Kind::Yaml => split::<LimitedYaml>(&fenced, fences.kind),
        Kind::Toml => split::<LimitedToml>(&fenced, fences.kind),
    };
    let places = Places::new(inner, fences.inner.start, first_line);
    match result {
        Ok(mut data) => {
            data.keys.iter_mut().for_each(|key| key.start = places.back(key.start));
            data.repairs.iter_mut().for_each(|repair| repair.start = places.back(repair.start));
            for duplicate in &mut data.duplicates {
                duplicate.first = places.back(duplicate.first);
                duplicate.second = places.back(duplicate.second);
            }
            Ok(data)
        }
        Err(DataError::Syntax { message, at }) => Err(DataError::Syntax { message, at: places.back(at) }),
        Err(DataError::Refused(refusal)) => Err(DataError::Refused(places.refusal(refusal))),
    }
}

fn split<E: Engine>(fenced: &str, kind: Kind) -> Result<Data, DataError> {
    let mut matter = Matter::<E>::new();
    matter.delimiter = kind.fence().to_owned();
    let fail = |message: String| DataError::Syntax { message, at: 0 };
    let parsed = matter.parse::<String>(fenced).map_err(|error| fail(error.to_string()))?;
    let Some(carried) = parsed.data else { return Ok(Data::default()) };
    let Carried(result) = serde_json::from_str(&carried).map_err(|error| fail(error.to_string()))?;
    result
}

const GUARD: &str = "#\n";

/// gray_matter gives the engine lines joined by `\n`, after our guard: this finds the places of the source again.
struct Places {
    /// Where each line begins, in the source and as the engine saw it.
    lines: Vec<(usize, usize)>,
    first_line: usize,
}

impl Places {
    fn new(inner: &str, base: usize, first_line: usize) -> Self {
        let mut lines = Vec::new();
        let (mut at, mut seen) = (base, GUARD.len());
        for line in inner.split_inclusive('\n') {
            lines.push((at, seen));
            at += line.len();
            seen += line.strip_suffix('\n').map_or(line, |line| line.strip_suffix('\r').unwrap_or(line)).len() + 1;
        }
        Places { lines, first_line }
    }

    fn back(&self, at: usize) -> usize {
        let n = self.lines.partition_point(|(_, seen)| *seen <= at).saturating_sub(1);
        self.lines.get(n).map_or(0, |(start, seen)| start + at.saturating_sub(*seen))
    }

    fn refusal(&self, refusal: ParseRefusal) -> ParseRefusal {
        // the guard is line 1 of what the engine saw
        let shift = |line: usize| line.saturating_sub(2) + self.first_line;
        match refusal {
            ParseRefusal::Alias { what, line } => ParseRefusal::Alias { what, line: shift(line) },
            ParseRefusal::TooDeep { what, line, limit } => ParseRefusal::TooDeep { what, line: shift(line), limit },
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn front_matter_is_told_from_separators() {
        for (text, inner) in [
            ("---\nid: x\n---\nbody", Some("id: x\n")),
            ("\n\n---\r\nid: x\r\n---  \r\nbody", Some("id: x\r\n")),
            ("---\n# comment\nid: x\n---", Some("# comment\nid: x\n")),
            ("+++\nid = 1\n+++\n", Some("id = 1\n")),
            ("---\n\n# Title\n\n**Phase:** x\n---\n", None),
            ("---\n## 🧠 WORK ORDER: WO-1\n**Phase:** x\n---\n", None),
            ("---\nA sentence that goes on: so\n---\n", None),
            ("---\n---\n", None),
            ("# Title\n---\nid: x\n---\n", None),
            ("----\nid: x\n---\n", None),
            ("---\nid: x\nno end", Some("id: x\nno end")),
        ] {
            let found = find(text, 0);
            assert_eq!(found.as_ref().map(|fences| &text[fences.inner.clone()]), inner, "{text:?}");
            if let Some(fences) = found {
                assert_eq!(fences.is_closed, !text.ends_with("no end"));
                assert_eq!(fences.open.end, fences.inner.start);
                assert_eq!(fences.inner.end, fences.close.start);
            }
        }
    }

    #[test]
    fn the_spans_are_those_of_what_gray_matter_splits() {
        struct Echo;
        impl Engine for Echo {
            fn parse(content: &str) -> gray_matter::Result<Pod> {
                Ok(Pod::String(content.to_owned()))
            }
        }
        for text in [
            "---\nid: x\ny: 2\n---\nbody",
            "---\r\n\r\n  id: x\r\n  y: 2\r\n\r\n---\r\nbody",
            "---\nid: é\n--- \n---\nz",
        ] {
            let fences = find(text, 0).unwrap();
            let inner = &text[fences.inner.clone()];
            let split = Matter::<Echo>::new().parse::<String>(text).unwrap();
            assert_eq!(split.data.as_deref(), Some(inner.replace("\r\n", "\n").trim()));
            let guarded = format!("---\n{GUARD}{inner}\n---\n");
            let seen = Matter::<Echo>::new().parse::<String>(&guarded).unwrap().data.unwrap();
            assert_eq!(seen, format!("{GUARD}{}", inner.replace("\r\n", "\n")).trim());
            let places = Places::new(inner, fences.inner.start, 1);
            for (at, c) in seen.char_indices().skip(GUARD.len()).filter(|(_, c)| *c != '\n') {
                assert_eq!(text.get(places.back(at)..).unwrap().chars().next(), Some(c), "{text:?}");
            }
        }
    }

    #[test]
    fn limits_hold_and_name_the_line_of_the_source() {
        let read_all = |text: &str| {
            let fences = find(text, 0).unwrap();
            read(text, &fences, 2)
        };
        let long = format!("---\nid: {}\n---\n", "x".repeat(70_000));
        assert!(matches!(read_all(&long), Err(DataError::Refused(ParseRefusal::TooLong { .. }))));
        let bomb = "---\n\nid: x\na: &a [1]\nb: *a\n---\n";
        assert!(matches!(read_all(bomb), Err(DataError::Refused(ParseRefusal::Alias { line: 4, .. }))));
        let deep = format!("+++\nid = 1\na = {}\n+++\n", "[".repeat(1000));
        assert!(matches!(read_all(&deep), Err(DataError::Refused(ParseRefusal::TooDeep { line: 3, .. }))));
        let broken = "---\nid: x\nb: [\n---\n";
        assert!(matches!(read_all(broken), Err(DataError::Syntax { at, .. }) if at >= 10));
        assert_eq!(read_all("---\n  id: x\n  y: 2\n---\n").unwrap().map["y"], 2);
        let data = read_all("---\r\nid: x\r\nid: y\r\n---\r\n").unwrap();
        assert_eq!(data.duplicates[0].second, 12);
    }
}
