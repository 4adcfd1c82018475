//! From the bytes of a file to an [`Order`]: what may not be read is refused; all else parses, with diagnostics.
//!
//! decode → which format → front matter or data → body → identity → checks across the whole → parts

use std::collections::HashSet;

use super::blocks;
use super::data::{self, Data, DataError};
use super::draft::Draft;
use super::front_matter::{self, Fences};
use super::layout::Chunk;
use super::model::{Order, Part, PartKind, Shape, Span};
use super::refusal::{MAX_SOURCE_BYTES, ParseRefusal};
use super::source::{Remark, Source};
use super::{body, contradictions, fences, fields, fold, layout, quoted, target};

/// Parses an order. `file_name` (a name or a path; `-` for standard input) helps to find format and identity.
///
/// # Errors
/// Only for what 03 (Hostile input) refuses before it is understood; see [`ParseRefusal`].
pub fn parse(source: &[u8], file_name: &str) -> Result<Order, ParseRefusal> {
    let text = decode(source)?;
    let bom = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let source = Source::new(text);
    let mut reader = Reader { draft: Draft::new(&source), marks: Vec::new(), bom };
    let shape = reader.read(file_name)?;
    Ok(reader.finish(shape, file_name))
}

fn decode(source: &[u8]) -> Result<&str, ParseRefusal> {
    if source.len() > MAX_SOURCE_BYTES {
        return Err(ParseRefusal::TooLong {
            what: "the order".to_owned(),
            bytes: source.len(),
            limit: MAX_SOURCE_BYTES,
        });
    }
    let line_of = |offset: usize| source.iter().take(offset).filter(|byte| **byte == b'\n').count() + 1;
    if let Some(offset) = source.iter().position(|byte| *byte == 0) {
        return Err(ParseRefusal::Nul { line: line_of(offset) });
    }
    std::str::from_utf8(source).map_err(|error| {
        let offset = error.valid_up_to();
        ParseRefusal::NotUtf8 { offset, line: line_of(offset) }
    })
}

struct Reader<'a> {
    draft: Draft<'a>,
    /// Where parts begin.
    marks: Vec<(usize, PartKind, String)>,
    bom: usize,
}

impl Reader<'_> {
    fn text(&self) -> &str {
        self.draft.source.text
    }

    fn read(&mut self, file_name: &str) -> Result<Shape, ParseRefusal> {
        let lower = file_name.to_ascii_lowercase();
        let named_json = lower.ends_with(".json");
        let named_yaml = lower.ends_with(".yaml") || lower.ends_with(".yml");
        let content = self.text().get(self.bom..).unwrap_or("").to_owned();
        let looks_json = content.trim_start().starts_with('{');
        if named_json || named_yaml || looks_json || looks_like_bare_yaml(&content) {
            match self.data(&content, named_json || (looks_json && !named_yaml))? {
                Some(error) if named_json || named_yaml => {
                    let is_markdown = is_markdown(&content)
                        || (looks_like_markdown(&content)
                            && front_matter::find(self.text(), self.bom).is_some_and(|fences| fences.is_closed));
                    let message = format!("the file is not {}: {}", if named_json { "JSON" } else { "YAML" }, error.0);
                    if !is_markdown {
                        let remark = Remark::error("data-syntax", message)
                            .understood("nothing but its file name")
                            .cure("correct it there");
                        let at = error.1;
                        self.draft.remark(&(at..at), remark);
                        return Ok(Shape::Data);
                    }
                    let remark = Remark::warning("not-data", message).understood("Markdown").cure("name the file .md");
                    self.draft.remark(&(self.bom..self.bom), remark);
                }
                Some(_) => {}
                None => return Ok(Shape::Data),
            }
        }
        self.markdown()
    }

    /// Reads the whole as data; the error when it is none.
    fn data(&mut self, content: &str, as_json: bool) -> Result<Option<(String, usize)>, ParseRefusal> {
        let what = "the order";
        let read = if as_json {
            match data::json::read(content, 1, what) {
                // a comma too many, single quotes: YAML takes these
                Err(DataError::Syntax { message, at }) => match data::yaml::read(content, 1, what) {
                    Ok(data) if !data.map.is_empty() && !message.contains("twice") => {
                        let remark = Remark::warning("not-json", format!("not quite JSON: {message}"))
                            .understood("YAML, which takes it")
                            .cure("correct it there");
                        let at = at + self.bom;
                        self.draft.remark(&(at..at), remark);
                        Ok(data)
                    }
                    Err(DataError::Refused(refusal)) => Err(DataError::Refused(refusal)),
                    _ => Err(DataError::Syntax { message, at }),
                },
                result => result,
            }
        } else {
            data::yaml::read(content, 1, what)
        };
        match read {
            Ok(data) if data.map.is_empty() => Ok(Some(("it has no keys".to_owned(), self.bom))),
            Ok(mut data) => {
                shift(&mut data, self.bom);
                self.mark_keys(&data);
                let end = self.text().len();
                fields::apply(&mut self.draft, &data, end)?;
                Ok(None)
            }
            Err(DataError::Syntax { message, at }) => Ok(Some((message, at + self.bom))),
            Err(DataError::Refused(refusal))
                if is_markdown(content)
                    || (looks_like_markdown(content) && front_matter::find(self.text(), self.bom).is_some()) =>
            {
                // the body below front matter is no YAML; the front matter has limits of its own
                Ok(Some((refusal.to_string(), self.bom)))
            }
            Err(DataError::Refused(refusal)) => Err(refusal),
        }
    }

    fn mark_keys(&mut self, data: &Data) {
        self.marks.extend(data.keys.iter().map(|key| (key.start, PartKind::Key, key.name.clone())));
    }

    fn markdown(&mut self) -> Result<Shape, ParseRefusal> {
        let fences = front_matter::find(self.text(), self.bom);
        let body_start = match &fences {
            Some(fences) if fences.is_closed => {
                self.front_matter(fences)?;
                fences.close.end
            }
            Some(fences) => {
                let remark = Remark::error("open-front-matter", "the front matter is never closed")
                    .understood("the whole file is its body")
                    .cure("put a line `---` where it ends");
                let span = fences.open.clone();
                self.draft.remark(&span, remark);
                fences.open.end
            }
            None => self.bom,
        };
        let first_line = self.draft.source.line(body_start);
        let text = self.draft.source.text;
        let mut blocks = blocks::read(text.get(body_start..).unwrap_or(""), body_start, first_line)?;
        let hidden = fences::hidden(&self.draft, &blocks);
        let quoted = quoted::set_aside(&self.draft, &mut blocks);
        let chunks: Vec<Chunk> = layout::chunks(self.draft.source, blocks);
        body::read(&mut self.draft, &chunks)?;
        fences::tell(&mut self.draft, hidden);
        quoted::tell(&mut self.draft, quoted);
        self.marks.extend(chunks.iter().map(|chunk| (chunk.start, chunk.kind, chunk.name.clone())));
        let has_front_matter = fences.is_some_and(|fences| fences.is_closed);
        Ok(if has_front_matter { Shape::FrontMatter } else { body::shape(&self.draft, &chunks) })
    }

    fn front_matter(&mut self, fences: &Fences) -> Result<(), ParseRefusal> {
        self.marks.push((fences.open.start, PartKind::Other, String::new()));
        self.marks.push((fences.inner.start, PartKind::FrontMatter, String::new()));
        let first_line = self.draft.source.line(fences.inner.start);
        match front_matter::read(self.draft.source.text, fences, first_line) {
            Ok(data) => {
                self.mark_keys(&data);
                fields::apply(&mut self.draft, &data, fences.inner.end)?;
            }
            Err(DataError::Syntax { message, at }) => {
                let remark = Remark::error("front-matter-syntax", format!("the front matter can't be read: {message}"))
                    .understood("nothing of it, so the order can't run")
                    .cure("correct it there; quote values that hold `: `, `#` or start with `>`, `@`, `*`, `&`");
                self.draft.remark(&(at..at), remark);
            }
            Err(DataError::Refused(refusal)) => return Err(refusal),
        }
        self.marks.push((fences.close.start, PartKind::Other, String::new()));
        Ok(())
    }

    fn finish(mut self, shape: Shape, file_name: &str) -> Order {
        let mut seen: HashSet<String> = HashSet::new();
        self.draft.order.deliverables.retain(|one| one.path.as_ref().is_none_or(|path| seen.insert(path.clone())));
        unique_criteria(&mut self.draft);
        contradictions::find(&mut self.draft);
        contradictions::find_targets(&mut self.draft);
        check_names(&mut self.draft);
        let Reader { draft, marks, .. } = self;
        let Draft { source, mut order, mut diagnostics, ids, .. } = draft;
        order.shape = shape;
        order.id = ids.settle(source, file_name, &mut diagnostics);
        order.parts = parts(marks, source.text.len());
        order.diagnostics = diagnostics.finish(source);
        order
    }
}

fn shift(data: &mut Data, by: usize) {
    data.keys.iter_mut().for_each(|key| key.start += by);
    data.repairs.iter_mut().for_each(|repair| repair.start += by);
    for duplicate in &mut data.duplicates {
        duplicate.first += by;
        duplicate.second += by;
    }
}

/// A heading or a bold key somewhere: data has neither.
fn looks_like_markdown(content: &str) -> bool {
    content.lines().any(|line| {
        let line = line.trim_start();
        line.starts_with("## ")
            || line.starts_with("**")
            || line.starts_with("- **")
            || line.starts_with("# WO")
            || line.starts_with("# Work")
    })
}

/// Markdown from its first line on that is no comment of YAML: a file with the wrong name.
fn is_markdown(content: &str) -> bool {
    let first =
        content.lines().map(str::trim_end).find(|line| !line.is_empty() && !line.starts_with('#') && *line != "---");
    looks_like_markdown(content)
        && first.is_none_or(|first| !front_matter::looks_like_data(first, front_matter::Kind::Yaml))
}

/// An order as YAML in a file of another name: keys from the first line on, an id or title among them, no Markdown.
fn looks_like_bare_yaml(content: &str) -> bool {
    let content = content.trim_start();
    let fenced = content.strip_prefix("---").filter(|rest| rest.starts_with(['\n', '\r'])).map(str::trim_start);
    let lines = || fenced.unwrap_or(content).lines();
    let first = lines().next().unwrap_or("");
    let is_key =
        front_matter::looks_like_data(first, front_matter::Kind::Yaml) && !first.starts_with(['{', '&', '?', '!']);
    let closes = fenced.is_some() && lines().any(|line| line.trim_end() == "---");
    let names_order = || lines().any(|line| ["id:", "wo_id:", "\"id\":"].iter().any(|key| line.starts_with(key)));
    let has_heading = || lines().any(|line| line.starts_with('#') || line.starts_with("**"));
    is_key && !closes && names_order() && !has_heading()
}

/// Parts from where they begin; each ends where the next begins, so they tile the source.
fn parts(mut marks: Vec<(usize, PartKind, String)>, end: usize) -> Vec<Part> {
    marks.sort_by_key(|(start, ..)| *start);
    if marks.first().is_none_or(|(start, ..)| *start > 0) {
        marks.insert(0, (0, PartKind::Other, String::new()));
    }
    let ends: Vec<usize> = marks.iter().skip(1).map(|(start, ..)| (*start).min(end)).chain([end]).collect();
    let spans =
        marks.into_iter().zip(ends).map(|((start, kind, name), next)| Part { kind, name, span: start.min(end)..next });
    spans.filter(|part| !part.span.is_empty()).collect()
}

/// The same criterion written twice below the same headings counts once, for below others it may be of something else; several tables are all taken, and that is told.
fn unique_criteria(draft: &mut Draft<'_>) {
    let mut seen: HashSet<(String, String, String)> = HashSet::new();
    let mut again: Vec<(Span, String)> = Vec::new();
    draft.order.acceptance.retain(|criterion| {
        let whose: Vec<String> = criterion.whose.iter().map(|one| fold::fold(&one.name)).collect();
        let target = target::normalize(&criterion.target).to_lowercase();
        let is_new = seen.insert((fold::fold(&criterion.metric), target, whose.join("/")));
        if !is_new {
            again.push((criterion.span.clone(), criterion.metric.clone()));
        }
        is_new
    });
    for (span, metric) in again {
        draft.remark(
            &span,
            Remark::note("repeated-criterion", format!("`{metric}` stands there already with this target"))
                .understood("it counts once"),
        );
    }
    if let [_, second, ..] = draft.tables.clone().as_slice() {
        let lines: Vec<String> = draft.tables.iter().map(|span| draft.line(span).to_string()).collect();
        let remark =
            Remark::note("several-tables", format!("criteria stand in several tables (lines {})", lines.join(", ")))
                .understood("all of them count");
        draft.remark(second, remark);
    }
}

/// Bindings and waivers that speak of no criterion: typing errors, most likely.
fn check_names(draft: &mut Draft<'_>) {
    if draft.order.acceptance.is_empty() {
        return;
    }
    let metrics: HashSet<String> =
        draft.order.acceptance.iter().map(|criterion| fold::fold(&criterion.metric)).collect();
    let bound: Vec<String> =
        draft.order.bindings.keys().filter(|metric| !metrics.contains(&fold::fold(metric))).cloned().collect();
    for metric in bound {
        let remark =
            Remark::warning("unused-binding", format!("`bindings` speaks of `{metric}`, which is no criterion"))
                .cure("write the metric as it stands in the acceptance");
        draft.remark(&(0..0), remark);
    }
    let waived: Vec<String> = draft
        .order
        .waive
        .iter()
        .map(|waiver| waiver.metric.clone())
        .filter(|metric| !metrics.contains(&fold::fold(metric)) && !metric.contains('.'))
        .collect();
    for metric in waived {
        let remark = Remark::warning("unused-waiver", format!("`waive` speaks of `{metric}`, which is no criterion"))
            .cure("write the metric as it stands in the acceptance");
        draft.remark(&(0..0), remark);
    }
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
