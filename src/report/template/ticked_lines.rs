//! Lines that whoever wrote them took for a list, though Markdown takes them for paragraphs: they begin with a tick, a box or
//! a typographic bullet (`• ✅ Redis`), or are a name, a verdict or a sentence that a tick ends (`**DEPLOYMENT COMPLETE ✅**`).
//!
//! Invariant: a line within running text is none, whatever sign it happens to begin or end with; nor is what speaks of the sign
//! itself (`ticked with ✅`).

use super::choices::{Line, is_of_signs, leading, trailing, verdict_options};
use super::claim_lines::{explains, has_key};
use super::key_lines::ends;
use super::outline::{self, BlockKind, Outline, Span};
use crate::report::marks::{self, Sense};
use crate::report::verdicts;

/// The lists, each with its lines. Paragraphs of verdicts that follow each other are one.
pub fn find(source: &str, outline: &Outline) -> Vec<(Span, Vec<Line>)> {
    let mut out: Vec<(Span, Vec<Line>)> = Vec::new();
    let mut seen_item = None;
    // where the paragraph before stands, if it is verdicts and nothing else
    let mut verdicts_before: Option<(Option<usize>, String)> = None;
    for block in &outline.blocks {
        let before = verdicts_before.take();
        let is_items_own = block.item.is_some() && block.item != seen_item;
        seen_item = block.item.or(seen_item);
        // the list's own line is looked at with the list
        if block.kind != BlockKind::Text || is_items_own {
            continue;
        }
        let lines = outline::lines(source, block.span.clone());
        if let [line] = lines.as_slice()
            && let Some(options) = verdict_options(source, line)
        {
            out.push((block.span.clone(), options));
            continue;
        }
        let items = items(source, &lines);
        if !items.iter().any(|item| asks(source, item)) {
            continue;
        }
        let place = (block.item, outline::prefix(source, block.span.start));
        let class = |item: &Line| verdicts::class(source.get(item.text.clone()).unwrap_or(""));
        let is_verdicts = items.len() == lines.len() && items.iter().all(|item| class(item).is_some());
        match out.last_mut() {
            Some((span, list)) if is_verdicts && before.as_ref() == Some(&place) => {
                span.end = block.span.end;
                list.extend(items);
            }
            _ => out.push((block.span.clone(), items)),
        }
        verdicts_before = is_verdicts.then_some(place);
    }
    out
}

/// The lines that begin as a list's do, each with those that it is wrapped onto.
fn items(source: &str, lines: &[Span]) -> Vec<Line> {
    let mut out: Vec<Line> = Vec::new();
    let mut is_list = false;
    let mut before = "";
    // where the text began that runs up to this line
    let mut from = 0;
    for (n, line) in lines.iter().enumerate() {
        let text = source.get(line.clone()).unwrap_or("");
        let is_new = n == 0 || is_list || ends(before);
        from = if is_new || is_ended_by_tick(before) { line.start } else { from };
        let is_end = || n + 1 == lines.len() && !is_new && is_ticked(source, &(from..line.end));
        let marker = bullet(text);
        let start = line.start + marker.unwrap_or(0);
        let lead = leading(source, &(start..line.end));
        let is_explained = lead.is_some_and(|(at, mark)| explains(source.get(at + mark.len..line.end).unwrap_or("")));
        let is_claim = || is_ticked(source, line) && !is_wrapped(source, line, lines.get(n + 1));
        if is_new && (lead.is_some() || marker.is_some()) && !is_explained {
            out.push(Line { marker: line.start..start, text: start..line.end });
            is_list = true;
        } else if (is_new || is_ended_by_tick(before)) && lead.is_none() && is_claim() {
            out.push(Line { marker: line.start..line.start, text: line.clone() });
        } else if is_end() {
            out.push(Line { marker: from..from, text: from..line.end });
        } else if is_list && let Some(last) = out.last_mut() {
            last.text.end = line.end;
        }
        before = text;
    }
    out
}

/// `All criteria met ✅`, `**DEPLOYMENT COMPLETE ✅**`, `Redis is healthy on all of our hosts. ✅`: a text that a green sign ends, and
/// that does not speak of signs. What has a key is a key line.
fn is_ticked(source: &str, span: &Span) -> bool {
    let text = source.get(span.clone()).unwrap_or("");
    let is_green = marks::all(text).iter().all(|(_, mark)| mark.sense == Sense::Green);
    let Some((at, _)) = trailing(source, span).filter(|_| is_green && !has_key(text)) else { return false };
    !is_of_signs(source.get(span.start..at).unwrap_or(""))
}

fn is_ended_by_tick(line: &str) -> bool {
    trailing(line, &(0..line.len())).is_some_and(|(_, mark)| mark.sense == Sense::Green)
}

/// Whether a line goes on in the next one, which neither begins as a list's does nor ends with a tick itself.
fn is_wrapped(source: &str, line: &Span, next: Option<&Span>) -> bool {
    let text = source.get(line.start..line.end).unwrap_or("");
    let is_broken = text.ends_with("  ") || text.ends_with('\\') || text.trim_end().ends_with('>');
    let next = next.filter(|_| !is_broken);
    next.is_some_and(|next| {
        let text = source.get(next.clone()).unwrap_or("");
        leading(source, next).is_none() && bullet(text).is_none() && !has_key(text) && !is_ticked(source, next)
    })
}

/// Whether there is something to tick, or ticked.
fn asks(source: &str, item: &Line) -> bool {
    match leading(source, &item.text) {
        Some((_, mark)) => matches!(mark.sense, Sense::Green | Sense::Open),
        None => marks::has_green(source.get(item.text.clone()).unwrap_or("")),
    }
}

/// The length of the bullet or number that a line begins with, blanks included: one that Markdown doesn't know, or doesn't
/// take for one amid a paragraph. An emoji is one before a sign only.
fn bullet(line: &str) -> Option<usize> {
    let symbol = line.strip_prefix(['•', '·', '▪', '▫', '◦', '‣', '⁃', '■', '►', '▶', '➤', '–', '—', '→']);
    let digits = line.trim_start_matches(char::is_numeric);
    let number = digits.strip_prefix(['.', '．', ')', '）', '、']).filter(|_| digits.len() < line.len());
    let emoji = line.trim_start_matches(|c: char| !c.is_ascii() && !c.is_alphanumeric() && !is_quote(c) && !is_sign(c));
    let emoji = Some(emoji).filter(|rest| rest.len() < line.len() && is_sign_at(rest));
    let behind =
        symbol.or(number).filter(|rest| rest.starts_with(char::is_whitespace) || is_sign_at(rest)).or(emoji)?;
    Some(line.len() - behind.trim_start().len())
}

fn is_quote(c: char) -> bool {
    matches!(c, '“' | '”' | '„' | '«' | '»' | '‘' | '’')
}

fn is_sign(c: char) -> bool {
    marks::at(c.encode_utf8(&mut [0; 4])).is_some()
}

fn is_sign_at(text: &str) -> bool {
    marks::at(text.trim_start_matches(['*', '_', ' ', '\t', '\u{a0}'])).is_some()
}

#[cfg(test)]
mod tests {
    use super::super::slots::find;

    #[test]
    fn lines_that_begin_with_a_tick_are_items_and_running_text_is_not() {
        for (template, expect) in [
            ("✅ **DEPLOYMENT SUCCESSFUL** – all systems operational\n", vec!["✅"]),
            ("✅ Exporter script: deployed\n\n✅ **Redis auth:** working\n\n**✅ COMPLETE**\n", vec!["✅", "✅", "✅"]),
            ("• ✅ Exporter\n• Redis auth ✅\n• Logs ✅ there\n• ❌ nothing\n", vec!["✅", "✅", "✅"]),
            ("１． ✅ Exporter\n２． ✅ Logs\n", vec!["✅", "✅"]),
            ("– ✅ Exporter\n→ **✅ Logs**\n🚀 ✅ Live\n", vec!["✅", "✅", "✅"]),
            ("Results:\n✅ Exporter\n✅ Logs\n", vec!["✅", "✅"]),
            ("✅ one that is wrapped\nonto a second line\n✅ two\n", vec!["✅", "✅"]),
            ("- Exporter\n\n  ✅ deployed\n", vec!["✅"]),
            ("☐ Partial Success\n\n✅ Full Success\n", vec!["☐", "✅", ""]),
            ("> ☐ Partial Success\n\n✅ Full Success\n", vec!["☐", "✅"]),
            ("The rows are marked with\n✅ where they pass, and with\n– as above – so ✅ otherwise.\n", vec![]),
            ("✅ means verified\n✅ = works\n", vec![]),
            ("🚀 Everything is ready, the ✅ says so\n", vec![]),
            ("“✅” is a sign\n2.5 GB are ✅ here\n", vec![]),
            ("⚠️ mind the gap\n", vec![]),
            ("**DEPLOYMENT COMPLETE ✅**\n\nAll acceptance criteria met ✅\n\nRedis ✅\n", vec!["✅", "✅", "✅"]),
            ("**12/12 checks passed** ✅\nRedis ✅ / S3 ✅\nKafka ✅\n", vec!["✅", "✅", "✅", "✅"]),
            ("**All of the many criteria of this very order are met ✅**\n", vec!["✅"]),
            ("Redis ✅  \nis a store\n", vec!["✅"]),
            ("Redis ✅\nis a store\n", vec![]),
            ("The rows that are well\nhave a tick ✅\n", vec![]),
            ("All of the many criteria of this order are met ✅\n", vec!["✅"]),
            ("All criteria have been met. The exporter is production-ready. ✅\n", vec!["✅"]),
            ("The exporter was deployed to all of the hosts\nand **Redis** ✅\n", vec!["✅"]),
            ("First line of a text.\nThe exporter was deployed to all\nof the hosts and is healthy. ✅\n", vec!["✅"]),
            ("Rows of which all of the columns are there are marked ✅\n", vec![]),
            ("Every one of the many rows that pass has been ticked with a ✅\n", vec![]),
            ("Of these many rows some are ❌ and the others are fine ✅\n", vec![]),
            ("We mark them with ✅\n\nRows are ❌ or ✅\n", vec![]),
        ] {
            let slots: Vec<&str> = find(template).into_iter().map(|slot| &template[slot.span]).collect();
            assert_eq!(slots, expect, "{template}");
        }
    }
}
