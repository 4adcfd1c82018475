//! Slots of lists: the lines of verdict lists and the marks of checklists.

use super::choices::{Line, choices, is_of_signs, leading, trailing};
use super::key_lines::{self, confirms_line};
use super::outline::{self, Outline, Span};
use super::slot::{Slot, SlotKind, VerdictLists};
use super::ticked_lines;
use super::whole::Places;
use crate::evidence::subject;
use crate::report::marks::{self, Form, Mark, Sense};
use crate::report::{figures, text, verdicts};

pub fn find(source: &str, outline: &Outline, places: &Places, out: &mut Vec<Slot>, verdict_lists: &mut VerdictLists) {
    let own = outline.lists.iter().cloned().zip(lines_by_list(outline));
    let lists: Vec<(Span, Vec<Line>)> = own.chain(ticked_lines::find(source, outline)).collect();
    let mut next = lists.len();
    for (list, (span, lines)) in lists.into_iter().enumerate() {
        let classes: Vec<Option<verdicts::Class>> =
            lines.iter().map(|line| verdicts::class(source.get(line.text.clone()).unwrap_or(""))).collect();
        let marked =
            lines.iter().filter(|line| leading(source, &line.text).is_some() || trailing(source, &line.text).is_some());
        if verdicts::is_list(&classes) && marked.count() * 2 > lines.len() {
            verdict_list(source, list, &span, &lines, out);
            verdict_lists.insert(list, classes);
            continue;
        }
        for line in &lines {
            match verdict_alone(source, line).filter(|_| list >= outline.lists.len()) {
                Some(class) => {
                    // `### Redis`, `✅ Complete`
                    let names = places.names_at(line.text.start);
                    for (n, (start, was)) in green_signs(source, &line.text).into_iter().enumerate() {
                        let repeats = n > 0;
                        let kind = match names {
                            [] => SlotKind::VerdictSign { list: next, line: 0, was },
                            _ if n >= MOST_MARKS => SlotKind::Check { names: Vec::new(), was, repeats },
                            _ => SlotKind::VerdictOf { list: next, names: names.to_vec(), was, repeats },
                        };
                        out.push(Slot { span: start..start + was.len, kind });
                    }
                    verdict_lists.insert(next, vec![Some(class)]);
                    next += 1;
                }
                None => checks(source, line, out),
            }
        }
    }
}

/// `✅ **DEPLOYMENT SUCCESSFUL** – …`, `✅ Status: complete`, `**COMPLETE ✅**`: a line that says by its tick how the whole order
/// ended.
fn verdict_alone(source: &str, line: &Line) -> Option<verdicts::Class> {
    let own = leading(source, &line.text).or_else(|| trailing(source, &line.text));
    own.filter(|(_, mark)| mark.sense == Sense::Green)?;
    let text = source.get(line.text.clone())?;
    let said =
        text.split_once([':', '：']).filter(|(name, _)| key_lines::is_whole(name)).map_or(text, |(_, said)| said);
    // what others did is no outcome
    let others = ["test", "tests", "review", "approved", "accepted"];
    let is_others = text::words(said).iter().any(|word| others.contains(&word.as_str()));
    verdicts::class(said).filter(|_| !is_others && !claims_more(said))
}

/// Whether what stands behind a verdict tells of a number or of a thing (`SUCCESS – Redis is healthy`), which no outcome bears out.
fn claims_more(said: &str) -> bool {
    let plain = text::plain(said).replace(" - ", " – ");
    let remark =
        plain.split_once(['–', '—', ':', '(', '.', ',', ';', '→', '…', '|', '=']).map_or("", |(_, remark)| remark);
    !figures::find(remark).is_empty() || !subject::things_in(remark).is_empty()
}

/// The items of each list that have a text of their own, each with its first.
fn lines_by_list(outline: &Outline) -> Vec<Vec<Line>> {
    let mut texts: Vec<Option<&Span>> = vec![None; outline.items.len()];
    for block in outline.blocks.iter().filter(|block| block.kind == outline::BlockKind::Text) {
        if let Some(text) = block.item.and_then(|item| texts.get_mut(item)) {
            text.get_or_insert(&block.span);
        }
    }
    let mut out: Vec<Vec<Line>> = outline.lists.iter().map(|_| Vec::new()).collect();
    for (item, text) in outline.items.iter().zip(texts) {
        if let (Some(text), Some(list)) = (text.filter(|text| item.span.start <= text.start), out.get_mut(item.list)) {
            list.push(Line { text: text.clone(), marker: item.span.start..text.start });
        }
    }
    out
}

/// The signs that lead a text, one behind the other, emphasis skipped: `[x] ✅ Redis`.
fn leading_all(content: &str) -> Vec<(usize, Mark)> {
    let mut out = Vec::new();
    let mut rest = content.trim_start_matches(['*', '_', ' ']);
    while let Some(mark) = marks::at(rest) {
        out.push((content.len() - rest.len(), mark));
        rest = rest.get(mark.len..).unwrap_or("").trim_start_matches(['*', '_', ' ', '\t', '\u{a0}']);
    }
    out
}

fn verdict_list(source: &str, list: usize, span: &Span, lines: &[Line], out: &mut Vec<Slot>) {
    let mut form = Form::Sign;
    for (n, line) in lines.iter().enumerate() {
        let own = leading(source, &line.text).or_else(|| trailing(source, &line.text));
        for (start, was) in green_signs(source, &line.text) {
            if own.is_none_or(|(own, _)| own != start) {
                let kind = SlotKind::VerdictSign { list, line: n, was };
                out.push(Slot { span: start..start + was.len, kind });
            }
        }
        match own {
            Some((start, mark)) => {
                form = mark.form;
                let kind = SlotKind::Verdict { list, line: n, form, was: Some(mark) };
                out.push(Slot { span: start..start + mark.len, kind });
            }
            None => {
                let kind = SlotKind::Verdict { list, line: n, form, was: None };
                out.push(Slot { span: line.text.start..line.text.start, kind });
            }
        }
    }
    // the outcome goes on a line of its own, in line with the list
    let Some(first) = lines.first() else { return };
    let marker = source.get(first.marker.clone()).unwrap_or("- ");
    let apart = marker.is_empty();
    let prefix = outline::prefix(source, first.marker.start) + marker;
    let end = outline::end_of(source, span);
    out.push(Slot { span: end..end, kind: SlotKind::VerdictEnd { list, prefix, apart } });
}

fn green_signs(source: &str, text: &Span) -> Vec<(usize, Mark)> {
    let content = source.get(text.clone()).unwrap_or("");
    let mut signs = leading_all(content);
    let from = signs.last().map_or(0, |(offset, mark)| offset + mark.len);
    signs.extend(marks::all(content).into_iter().filter(|(offset, _)| *offset >= from));
    signs.retain(|(_, mark)| mark.sense == Sense::Green);
    signs.into_iter().map(|(offset, mark)| (text.start + offset, mark)).collect()
}

fn checks(source: &str, item: &Line, out: &mut Vec<Slot>) {
    let lines = outline::lines(source, item.text.clone());
    // where the text began that runs up to this line
    let mut from = item.text.start;
    for (n, line) in lines.iter().enumerate() {
        let before = n.checked_sub(1).and_then(|n| source.get(lines.get(n)?.clone())).unwrap_or("");
        let is_new =
            || key_lines::ends(before) || !marks::all(before).is_empty() || key_lines::bold_key(before).is_some();
        if n > 0 && (is_new() || leading(source, line).is_some()) {
            from = line.start;
        }
        if confirms_line(source, line.clone()).is_some() || key_lines::is_one(source, line) {
            continue;
        }
        // the first line may be wrapped: then all of the item is its name, as what a line ends that began above it is its
        let whole = if n == 0 { item.text.clone() } else { from..line.end };
        let mut names = text::names(&without_marks(source.get(whole).unwrap_or("")));
        if n == 0 && lines.len() > 1 {
            names.extend(text::names(&without_marks(source.get(line.clone()).unwrap_or(""))));
        }
        check_line(source, line, &names, out);
    }
}

/// Marks in front of one item that are ticked where it works.
const MOST_MARKS: usize = 8;

fn check_line(source: &str, line: &Span, whole: &[String], out: &mut Vec<Slot>) {
    let content = source.get(line.clone()).unwrap_or("");
    let asks = |mark: &Mark| matches!(mark.sense, Sense::Green | Sense::Open);
    let leading = leading_all(content);
    for (n, (offset, mark)) in leading.iter().filter(|(_, mark)| asks(mark)).enumerate() {
        let start = line.start + offset;
        // nobody means more of them, and each with its names would be many bytes
        let names = if n < MOST_MARKS { whole.to_vec() } else { Vec::new() };
        let kind = SlotKind::Check { names, was: *mark, repeats: n > 0 };
        out.push(Slot { span: start..start + mark.len, kind });
    }
    let from = leading.last().map_or(0, |(offset, mark)| offset + mark.len);
    let signs: Vec<(usize, Mark)> = marks::all(content).into_iter().filter(|(offset, _)| *offset >= from).collect();
    let is_alone = signs.len() == 1;
    // of the sign before
    let mut known: Option<Vec<String>> = None;
    for (offset, mark) in signs {
        if !asks(&mark) {
            continue;
        }
        let before = content.get(..offset).unwrap_or("").trim_end_matches([' ', '\t', '*', '_', '\u{a0}']);
        let behind = content.get(offset + mark.len..).unwrap_or("");
        let start = line.start + offset;
        let span = start..start + mark.len;
        let name = before.trim_end_matches([':', '：', '–', '—', '→', '=', '-', '|']);
        let own = segment(content, offset, from);
        let repeats = own.is_empty() && known.is_some();
        if name.len() < before.len() {
            let names = text::names(&without_marks(name));
            let value = content.get(offset..).unwrap_or("").trim_end();
            if choices(value).len() > 1 {
                let was = value.to_owned();
                out.push(Slot { span: start..start + value.len(), kind: SlotKind::Choice { names, was } });
                return;
            }
            out.push(Slot { span, kind: SlotKind::Check { names, was: mark, repeats: false } });
        } else if mark.sense == Sense::Green
            && (ends_with_signs(behind) || repeats || (is_name(own) && !is_scale(behind)))
        {
            let names = match known.take() {
                Some(names) if repeats => names,
                None if ends_with_signs(behind) => whole.to_vec(),
                // what is said behind it must be of what was measured too
                None if is_alone => whole.iter().cloned().chain(text::names(own)).collect(),
                _ => text::names(own),
            };
            known = Some(names.clone());
            out.push(Slot { span, kind: SlotKind::Check { names, was: mark, repeats: false } });
        }
    }
}

/// Whether nothing but signs, punctuation or a remark in brackets stands behind a sign.
fn ends_with_signs(behind: &str) -> bool {
    marks::is_tail(behind) || behind.chars().all(|c| c.is_whitespace() || "*_.!)✅".contains(c))
}

/// Whether what stands in front of a sign names what it is of: what is set apart, or is no longer than a name, unless its last
/// word speaks of the sign itself (`the ✅`, `ticked with ✅`).
pub(super) fn is_name(before: &str) -> bool {
    let is_apart = key_lines::bold(before).is_some_and(|(_, length)| before.get(length..).is_none_or(str::is_empty))
        || (before.len() > 2 && before.starts_with('`') && before.ends_with('`') && before.matches('`').count() == 2);
    !text::words(before).is_empty() && (is_apart || (before.split_whitespace().count() <= 6 && !is_of_signs(before)))
}

/// `✅ / ❌`, `✅ or ☐`: the signs that there are.
fn is_scale(behind: &str) -> bool {
    let next = behind.trim_start_matches(|c: char| c.is_whitespace() || "/|,".contains(c));
    let next = next.strip_prefix("or ").unwrap_or(next).trim_start();
    marks::at(next).is_some_and(|mark| mark.sense != Sense::Green)
}

/// The text between the sign before and the one at `offset`, without the marks around it; behind a sign what follows the last
/// comma or slash.
fn segment(content: &str, offset: usize, from: usize) -> &str {
    let before = content.get(from..offset).unwrap_or("");
    let last = marks::all(before).last().map(|(at, mark)| at + mark.len);
    let own = before.get(last.unwrap_or(0)..).unwrap_or("");
    let own = match last {
        Some(_) => {
            [", ", "; ", " / ", " · ", " | "].into_iter().fold(own, |own, by| own.rsplit(by).next().unwrap_or(own))
        }
        None => own,
    };
    let own = own.trim_matches(|c: char| c.is_whitespace() || "/,;·|+&(（".contains(c));
    // emphasis that opens before the sign and closes behind it
    own.strip_suffix("**").filter(|own| own.matches("**").count() % 2 == 0).unwrap_or(own).trim_end()
}

/// One that denies stays, for it turns round what the text says.
fn without_marks(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for (offset, mark) in marks::all(text) {
        out.push_str(text.get(from..offset).unwrap_or(""));
        if mark.sense == Sense::Bad {
            out.push('❌');
        }
        from = offset + mark.len;
    }
    out.push_str(text.get(from..).unwrap_or(""));
    out
}

#[cfg(test)]
mod tests {
    use super::super::slots::find;

    #[test]
    fn marks_of_items_are_slots_and_their_words_are_not() {
        for (template, expect) in [
            ("- [ ] a\n- [x] b\n  - ☐ c\n    1. ✅ d\n", vec!["[ ]", "[x]", "☐", "✅"]),
            ("- [x] ✅ a\n- ✅ ✅ b\n- ✅ [x] c\n", vec!["[x]", "✅", "✅", "✅", "✅", "[x]"]),
            ("- Redis ✅ / Postgres ✅\n", vec!["✅", "✅"]),
            ("- Redis ✅ (PONG in 3 ms)\n- Redis – PASSED ✔️ (2025-10-28)\n", vec!["✅", "✔️"]),
            ("✅ Complete / ☐ Partial / ☐ Failed\n", vec!["✅", "☐", "☐", ""]),
            ("✅ Redis / ☐ Postgres\n", vec!["✅"]),
            (
                "- ☐ Pending\n- ☐ Partial Success ✅ most of it\n- ✅ Full Success ✅\n",
                vec!["☐", "☐", "✅", "✅", "✅", ""],
            ),
            ("- **✅ a**\n- ✔️ b\n* ☑ c\n", vec!["✅", "✔️", "☑"]),
            ("- Redis: ✅ fixed\n- **DB:** 🟢 up\n- api – ✅\n- job ✅\n", vec!["✅", "🟢", "✅", "✅"]),
            ("- **Redis**： ✅ OK\n- Redis：✅ ผ่าน\n", vec!["✅", "✅"]),
            ("- Redis: ☐ Pending / ✅ Verified\n", vec!["☐ Pending / ✅ Verified"]),
            (
                "- Redis auth ✅ configured\n- 🔐 **Scan** ✅ no findings\n- Review – done ✅, see x\n",
                vec!["✅", "✅", "✅"],
            ),
            ("- Backup (✅ verified)\n- `redis-cli ping` ✅ PONG\n", vec!["✅", "✅"]),
            ("- **The review by all of the people of the team** ✅ done\n", vec!["✅"]),
            ("- Redis ✅ up, Postgres ✅ too; **DB ✅ ✅ there**\n", vec!["✅", "✅", "✅", "✅"]),
            (
                "- what all of these many people say ✅ is prose\n- tick with ✅ alone\n- rows are ✅ or ❌ each\n",
                vec![],
            ),
            ("- a ✅ in the middle stays\n- ❌ never do this\n- ⚠️ mind\n- [x](y) link\n", vec![]),
            ("- ☐ Pending…\n- ☐ Partial Success – some\n- ✅ Full Success – all\n", vec!["☐", "☐", "✅", ""]),
            ("> - [ ] Pending\n> - [x] Full Success\n", vec!["[ ]", "[x]", ""]),
            ("- Pending\n- Full Success\n", vec![]),
            ("☐ Pending  \n☐ Partial Success  \n✅ Full Success  \n", vec!["☐", "☐", "✅", ""]),
            ("✅ Exporter\n✅ Logs\n", vec!["✅", "✅"]),
            ("a line ✅ is prose\n\ntwo ✅\nlines are too\n", vec![]),
            ("- ✅ a\n  ✅ b\n  c\n", vec!["✅", "✅"]),
            ("- Backup of the\n  Redis ✅\n", vec!["✅"]),
        ] {
            let slots: Vec<&str> = find(template).into_iter().map(|slot| &template[slot.span]).collect();
            assert_eq!(slots, expect, "{template}");
        }
    }
}
