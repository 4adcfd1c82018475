//! The signs of a line and the choices that they offer: `☐ Pending / ✅ Verified`.

use super::outline::Span;
use crate::report::marks::{self, Form, Mark, Sense};
use crate::report::{text, verdicts};

/// A line of a list.
pub struct Line {
    /// The item's own text.
    pub text: Span,
    /// What the list marker is written with, blanks included.
    pub marker: Span,
}

/// The alternatives of `☐ Pending / ✅ Verified`, each from its sign on; empty where `text` doesn't start with one.
pub fn choices(text: &str) -> Vec<(Sense, &str)> {
    let signs = marks::all(text);
    if signs.first().is_none_or(|(offset, _)| *offset != 0) {
        return Vec::new();
    }
    let mut out = Vec::new();
    for (n, (offset, mark)) in signs.iter().enumerate() {
        let end = signs.get(n + 1).map_or(text.len(), |(next, _)| *next);
        let option =
            text.get(*offset..end).unwrap_or("").trim_end_matches(|c: char| c.is_whitespace() || "/|\\,·;".contains(c));
        let option = option.strip_suffix(" or").unwrap_or(option);
        out.push((mark.sense, option));
    }
    out
}

/// The choices of `⬜ Not started ⬜ In progress ✅ Complete`, which are parted by their signs alone: a form of which one is ticked
/// and all stay.
pub fn form(text: &str) -> Option<Vec<(Sense, &str)>> {
    let options = choices(text);
    let offers = |sense| options.iter().any(|(own, _)| *own == sense);
    let bytes = |text: &str| text.split_whitespace().map(str::len).sum::<usize>();
    let is_blank = bytes(text) == options.iter().map(|(_, option)| bytes(option)).sum::<usize>();
    let is_named = options.iter().all(|(_, option)| option.contains(char::is_alphanumeric));
    (offers(Sense::Open) && offers(Sense::Green) && is_blank && is_named).then_some(options)
}

/// A form with the choice `chosen` ticked by `sign` and no other.
pub fn ticked(options: &[(Sense, &str)], chosen: Option<usize>, sign: &str) -> String {
    let show = |(n, (_, option)): (usize, &(Sense, &str))| {
        let said = option.get(marks::at(option).map_or(0, |mark| mark.len)..).unwrap_or("");
        let open = options
            .iter()
            .find(|(sense, _)| *sense == Sense::Open)
            .and_then(|(_, option)| option.get(..marks::at(option)?.len));
        format!("{}{said}", if chosen == Some(n) { sign } else { open.unwrap_or("☐") })
    };
    options.iter().enumerate().map(show).collect::<Vec<_>>().join(" ")
}

/// `✅ Complete / ☐ Partial / ☐ Failed`: a verdict list on one line.
pub fn verdict_options(source: &str, line: &Span) -> Option<Vec<Line>> {
    let text = source.get(line.clone())?;
    let options = choices(text.trim_end());
    let classes: Vec<Option<verdicts::Class>> = options.iter().map(|(_, option)| verdicts::class(option)).collect();
    let is_verdict = verdicts::is_list(&classes) && classes.iter().all(Option::is_some);
    let starts = marks::all(text).into_iter().map(|(offset, _)| line.start + offset);
    is_verdict.then(|| {
        let spans = starts.zip(options).map(|(start, (_, option))| start..start + option.len());
        spans.map(|text| Line { marker: text.start..text.start, text }).collect()
    })
}

/// The sign that leads a text, emphasis skipped.
pub fn leading(source: &str, text: &Span) -> Option<(usize, Mark)> {
    let content = source.get(text.clone())?;
    let inner = content.trim_start_matches(['*', '_', ' ']);
    marks::at(inner).map(|mark| (text.end - inner.len(), mark))
}

/// A sign that ends a text: `- Redis ✅`.
pub fn trailing(source: &str, text: &Span) -> Option<(usize, Mark)> {
    let content = source.get(text.clone())?;
    let (offset, mark) = marks::all(content).pop()?;
    let behind = content.get(offset + mark.len..)?;
    (marks::is_tail(behind) && mark.form == Form::Sign).then_some((text.start + offset, mark))
}

/// Whether what stands in front of a sign speaks of the sign itself: `the ✅`, `ticked with ✅`.
pub fn is_of_signs(before: &str) -> bool {
    const WORDS: &str = "a an the this that each every no with by of to as and or mark marked marks tick ticked ticks put sign \
        symbol icon emoji checkmark";
    text::words(before).last().is_none_or(|last| WORDS.split_whitespace().any(|word| word == last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_keep_all_their_choices() {
        for (text, expect) in [
            ("⬜ Not started ⬜ In progress ✅ Complete", Some("⬜ Not started ✅ In progress ⬜ Complete")),
            ("☐ Pending ✅ Verified", Some("☐ Pending ✅ Verified")),
            ("☐ Pending / ✅ Verified", None),
            ("☐ Pending or ✅ Verified", None),
            ("✅ Verified", None),
            ("☐ ✅ Verified", None),
            ("✅ Redis ✅ S3", None),
        ] {
            assert_eq!(form(text).map(|options| ticked(&options, Some(1), "✅")).as_deref(), expect, "{text}");
        }
    }

    #[test]
    fn choices_are_split_at_their_signs() {
        assert_eq!(choices("☐ Pending / ✅ Verified"), [(Sense::Open, "☐ Pending"), (Sense::Green, "✅ Verified")]);
        assert_eq!(choices("✅ Yes or ❌ No"), [(Sense::Green, "✅ Yes"), (Sense::Bad, "❌ No")]);
        assert_eq!(choices("✅ OK"), [(Sense::Green, "✅ OK")]);
        assert!(choices("maybe ✅").is_empty());
    }
}
