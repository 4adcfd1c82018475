//! Green signs by which a line claims something: a line of a quote (`> ✅ Redis auth`) and a key line (`**LaunchAgent:** ✅ Loaded`,
//! `Final verdict — ✅ APPROVED`, `**Sign-off** ✅ GG`).
//!
//! Invariant: only signs are slots, and only where the line or the key's value begins or ends with one; a sign in the middle of a
//! sentence stays.

use super::choices::{choices, is_of_signs, trailing};
use super::key_lines::{self, confirms_line};
use super::outline::{self, BlockKind, Outline, Span};
use super::slot::{Slot, SlotKind};
use super::whole::Places;
use crate::report::marks::{self, Mark, Sense};
use crate::report::text;

pub fn find(source: &str, outline: &Outline, places: &Places, out: &mut Vec<Slot>) {
    for block in outline.blocks.iter().filter(|block| block.kind == BlockKind::Text) {
        let is_quoted = block.item.is_none() && outline::prefix(source, block.span.start).contains('>');
        for line in outline::lines(source, block.span.clone()) {
            let text = source.get(line.clone()).unwrap_or("");
            if !marks::has_green(text) && !text.contains("[x]") || confirms_line(source, line.clone()).is_some() {
                continue;
            }
            let before = out.len();
            for part in key_lines::parts(source, &line) {
                key_line(source, part, places, out);
            }
            if is_quoted && out.len() == before {
                let names = text::names(&marks::without_green(text, ""));
                signs(line.start, marks::claims(text), &names, out);
            }
        }
    }
}

/// Keys of lines that explain a sign.
const EXPLAINING: [&str; 14] = [
    "note", "notes", "legend", "key", "symbol", "symbols", "meaning", "example", "examples", "hint", "tip", "remark",
    "nb", "e g",
];

fn key_line(source: &str, part: Span, places: &Places, out: &mut Vec<Slot>) {
    let part = within_brackets(source, part);
    let text = source.get(part.clone()).unwrap_or("");
    let Some(Key { name, value, is_apart }) = key(text) else { return };
    let short = text::plain(name).split_whitespace().count();
    // without a sentence's length or punctuation, unless it is set apart
    let is_name = is_apart || (short <= 6 && !name.contains(['?', '!']) && !name.contains(". ") && !has_sign(name));
    let folded = text::key(&text::plain(name));
    // what a test expects is no claim
    if folded.is_empty() || EXPLAINING.contains(&folded.as_str()) || folded.starts_with("expect") {
        return;
    }
    if !is_name {
        // a sentence with a colon in it
        if ends_green(text) {
            let all = text::names(&marks::without_green(text, ""));
            signs(part.start, marks::claims(text), &all, out);
        }
        return;
    }
    let names = text::names(&marks::without_green(name, ""));
    if has_sign(name) {
        let start = text.find(name).map_or(part.start, |at| part.start + at);
        signs(start, marks::claims(name), &names, out);
        return;
    }
    let signs_of_value = marks::claims(value);
    let begins = value.trim_start_matches(['*', '_', '`', ' ', '\t', '\u{a0}']);
    let leads = marks::at(begins);
    let is_claim = leads.is_some() || is_apart || (short <= 3 && text::words(value).len() <= 6) || ends_green(value);
    if !is_claim || leads.is_some_and(|mark| explains(begins.get(mark.len..).unwrap_or(""))) {
        return;
    }
    let options = choices(begins.trim_end());
    let offers = |sense| options.iter().any(|(own, _)| *own == sense);
    if options.len() > 1 && offers(Sense::Open) && offers(Sense::Green) {
        let start = part.end - begins.len();
        let was = begins.trim_end().to_owned();
        out.push(Slot { span: start..start + was.len(), kind: SlotKind::Choice { names, was } });
        return;
    }
    // `Verdict — ✅ GO`
    if key_lines::is_whole(name) && leads.is_some_and(|mark| mark.sense == Sense::Green) {
        let names = if places.is_whole(name, part.start) { Vec::new() } else { places.names_at(part.start).to_vec() };
        let start = part.end - begins.len();
        let was = begins.trim_end_matches(['*', '_', ' ', '\t', '\\']).to_owned();
        out.push(Slot { span: start..start + was.len(), kind: SlotKind::Status { names, was } });
        return;
    }
    signs(part.end - value.len(), signs_of_value, &names, out);
}

/// `[redis:: ✅ up]`, a field of Obsidian's that stands alone, without its brackets.
fn within_brackets(source: &str, part: Span) -> Span {
    let text = source.get(part.clone()).unwrap_or("").trim();
    let inner =
        [('[', ']'), ('(', ')')].into_iter().find_map(|(open, close)| text.strip_prefix(open)?.strip_suffix(close));
    match inner.filter(|inner| inner.contains("::") && !inner.contains(['[', ']', '(', ')'])) {
        Some(inner) => {
            let start =
                source.get(part.clone()).and_then(|text| text.find(inner)).map_or(part.start, |at| part.start + at);
            start..start + inner.len()
        }
        None => part,
    }
}

/// Whether a text ends with a green sign, has no other, and does not speak of it.
fn ends_green(text: &str) -> bool {
    let is_green = marks::all(text).iter().all(|(_, mark)| mark.sense == Sense::Green);
    let last = trailing(text, &(0..text.len())).filter(|_| is_green);
    last.is_some_and(|(at, _)| !is_of_signs(text.get(..at).unwrap_or("")))
}

fn has_sign(text: &str) -> bool {
    !marks::all(text).is_empty()
}

/// `means verified`, `= works`: what stands behind a sign that is explained.
pub(super) fn explains(behind: &str) -> bool {
    let first = behind.trim_start();
    first.starts_with(['=', '→', ':'])
        || ["means", "is", "stands", "marks", "says", "denotes", "indicates", "signifies"]
            .contains(&text::words(first).first().map_or("", String::as_str))
}

/// Whether a line has a key: its sign is then that key's.
pub(super) fn has_key(line: &str) -> bool {
    key(line).is_some()
}

struct Key<'t> {
    name: &'t str,
    value: &'t str,
    /// All of it is in bold or code: a name, however long.
    is_apart: bool,
}

/// The key of a line and its value, which begins behind a colon, behind a dash where a sign follows or behind what is set
/// apart.
fn key(text: &str) -> Option<Key<'_>> {
    // `🔐 **Security:** ✅`
    let lead = text.trim_start_matches(|c: char| !c.is_alphanumeric() && !"*_`[".contains(c));
    if let Some((name, length)) = key_lines::bold_key(lead) {
        return Some(Key { name, value: lead.get(length..)?, is_apart: true });
    }
    let by_colon = key_lines::colon(text).filter(|colon| {
        let behind = text.get(colon.end..).unwrap_or("");
        // `02:30`, `https://`
        let parts = |c: char| c.is_whitespace() || matches!(c, '*' | '_');
        behind.starts_with(parts) || text.get(colon.clone()) == Some("：") || marks::at(behind).is_some()
    });
    if let Some(colon) = by_colon {
        let name = text.get(..colon.start)?;
        let is_apart = code(name.trim()).is_some_and(|(_, length)| length == name.trim().len());
        return Some(Key { name, value: text.get(colon.end..)?, is_apart });
    }
    if let Some((name, length)) = key_lines::bold(lead).or_else(|| code(lead)) {
        let behind = lead.get(length..)?.trim_start();
        let value = behind.trim_start_matches(['–', '—', '→', '=']);
        if value.len() < behind.len() || marks::at(value).is_some() {
            return Some(Key { name, value, is_apart: true });
        }
    }
    let sign = marks::all(text).into_iter().find(|(offset, _)| *offset > 0)?.0;
    let before = text.get(..sign)?.trim_end();
    let name = before.trim_end_matches(['–', '—', '→', '=']);
    (name.len() < before.len()).then_some(Key { name, value: text.get(sign..)?, is_apart: false })
}

/// The code that `text` starts with, in its marks, and its length.
fn code(text: &str) -> Option<(&str, usize)> {
    let close = text.strip_prefix('`')?.find('`')?;
    Some((text.get(..close + 2)?, close + 2)).filter(|(_, length)| *length > 2)
}

/// The first sign is the subject's; what more of them stand for nothing measures.
fn signs(start: usize, found: Vec<(usize, Mark)>, names: &[String], out: &mut Vec<Slot>) {
    for (n, (offset, was)) in found.into_iter().enumerate() {
        let names = if n == 0 { names.to_vec() } else { Vec::new() };
        let span = start + offset..start + offset + was.len;
        out.push(Slot { span, kind: SlotKind::Check { names, was, repeats: false } });
    }
}

#[cfg(test)]
mod tests {
    use super::super::slots::find;

    #[test]
    fn signs_that_claim_are_slots_and_sentences_are_not() {
        for (template, expect) in [
            ("**LaunchAgent:** ✅ Loaded and running\n", vec!["✅"]),
            ("**Compression:** 🟢 Snappy  \n**Owner:** GG ✅\n", vec!["🟢", "✅"]),
            ("Conclusion: ✅ SUCCESS\n", vec!["✅ SUCCESS"]),
            ("Ready for Phase 7.9: ✅ Yes\n", vec!["✅"]),
            ("**Ready for Phase 7.9:** ✅ Yes\n", vec!["✅"]),
            ("Final sign-off — ✅ APPROVED\n", vec!["✅"]),
            ("Final verdict — ✅ GO\n", vec!["✅ GO"]),
            ("**Verdict** ✅ GO  \nnext\n", vec!["✅ GO"]),
            ("**Sign-off** ✅ GG  ✅ CLC\n", vec!["✅", "✅"]),
            ("**Redis:** ☐ Pending / ✅ Verified\n", vec!["☐ Pending / ✅ Verified"]),
            ("**Redis auth**： ✅ OK\nRedis auth：✅ ผ่าน\n", vec!["✅", "✅"]),
            ("**`g/reports/parquet/a_b_c_d.md`:** ✅ written\n`g/reports/parquet/a.md`: ✅\n", vec!["✅", "✅"]),
            ("Summary (`g/reports/parquet/a_b_c_d.md`): ✅ written\n", vec!["✅"]),
            ("**Security review completed by the platform team:** ✅ approved\n", vec!["✅"]),
            ("🔐 **Security review completed by the platform team:** ✅ approved\n", vec!["✅"]),
            ("**Is it deployed?** ✅ Yes<br>**1. Redis:** ✅ up\n", vec!["✅", "✅"]),
            ("**Owner:** GG<br>**`run/a.cjs`:** ✅ OK **🔐 Auth:** ✅ **✅ Logs:** there\n", vec!["✅", "✅", "✅"]),
            ("`all the many/many/many/many/many words of a.cjs`: ✅\n", vec!["✅"]),
            ("**Exporter** – deployed ✅\n`run/a.cjs` – ✅ there\n", vec!["✅", "✅"]),
            ("redis:: ✅ up\n**Redis**:: ✅ up\n**Redis::** ✅ up\n", vec!["✅", "✅", "✅"]),
            ("redis::✅ up\n[redis:: ✅ up]\n(redis:: ✅ up)\n", vec!["✅", "✅", "✅"]),
            ("status:: ✅ done\n[status:: ✅ done]\n", vec!["✅ done", "✅ done"]),
            ("redis::white_check_mark: up\n**Redis**::white_check_mark: up\n", vec![":white_check_mark:"; 2]),
            ("**Redis** – auth: ✅ PONG\n**Auth** :white_check_mark: on\n", vec!["✅", ":white_check_mark:"]),
            ("**Sign:** the ✅ in a sentence\n`✅` – ticked by ✅ alone\nA **bold** word, ✅ in the middle\n", vec![]),
            ("> ✅ **All systems operational** – signed off\n", vec!["✅"]),
            ("> [!NOTE]\n> ✅ Redis auth\n> Exporter ✅\n", vec!["✅", "✅"]),
            ("> the ✅ sign is prose\n", vec![]),
            ("Redis auth ✅ PONG. Exporter ✅ deployed. Everything green.\n", vec![]),
            ("**Note:** ✅ means verified\n", vec![]),
            ("Expected: ✅ exporter present\n**Expected output:** ✅ OK\n", vec![]),
            ("Reading this: ✅ means verified\n", vec![]),
            ("The ✅ sign is prose: ✅ here too.\n", vec![]),
            ("a line ✅ is prose\n", vec![]),
            ("See also: all the many documents that were written for this long ago ✅\n", vec!["✅"]),
            ("Production readiness: all of the criteria are met and it is in use. ✅\n", vec!["✅"]),
            ("It was deployed to all hosts of production: no problem at all ✅\n", vec!["✅"]),
            ("Reading: rows of which all the columns are there are marked ✅\n", vec![]),
            ("Note: all of the criteria are met and the exporter is ready ✅\n", vec![]),
        ] {
            let slots: Vec<&str> = find(template).into_iter().map(|slot| &template[slot.span]).collect();
            assert_eq!(slots, expect, "{template}");
        }
    }
}
