//! Slots of operational tests: a fenced command, then a `✅ Confirms: …` line, an `Expected:` block or a `**Result:** ✅ …` of its
//! own.
//!
//! Invariant: a line that confirms is bound to the commands that stand above it in the same section and to no others; all
//! lines that speak of a test are bound to what is expected of it, wherever among them that stands.

use std::collections::HashSet;
use std::sync::Arc;

use super::choices::choices;
use super::columns;
use super::key_lines::{self, confirms_line};
use super::outline::{self, Block, BlockKind, Outline, Span};
use super::slot::{Expected, Slot, SlotKind, Test};
use super::whole::Places;
use crate::order::Command;
use crate::report::marks::{self, Mark, Sense};
use crate::report::{text, verdicts};

/// Fences in these languages show data, not commands.
const DATA: [&str; 24] = [
    "json", "jsonc", "yaml", "yml", "xml", "toml", "text", "txt", "output", "log", "markdown", "md", "csv", "html",
    "diff", "ini", "plist", "mermaid", "indented", "expected", "tree", "env", "conf", "plain",
];

/// Characters of what a line claims that are looked at.
const LONGEST_CLAIM: usize = 1_000;

pub fn find(source: &str, outline: &Outline, places: &Places, out: &mut Vec<Slot>, tests: &mut Vec<Command>) {
    let mut commands: Vec<Command> = Vec::new();
    // what is shared by all lines that confirm the same commands
    let mut group: Option<Arc<Test>> = None;
    // a test that was confirmed is over with the next command
    let mut used = false;
    let mut awaits_block = false;
    let mut after_fence = false;
    for (n, block) in outline.blocks.iter().enumerate() {
        let is_expected_block = std::mem::take(&mut awaits_block);
        let follows_fence = std::mem::take(&mut after_fence);
        match &block.kind {
            BlockKind::Heading => {
                commands.clear();
                group = None;
                used = false;
            }
            BlockKind::Code { language, text, .. } if !is_expected_block && !DATA.contains(&language.as_str()) => {
                if used {
                    commands.clear();
                    used = false;
                }
                group = None;
                commands.push(Command { language: language.clone(), text: text.clone(), span: block.span.clone() });
                after_fence = true;
            }
            BlockKind::Text => {
                let lines = outline::lines(source, block.span.clone());
                for (n, line) in lines.iter().cloned().enumerate() {
                    let line_end = line.end;
                    let at = line.start;
                    let asked = key_lines::of_line(source, &line, lines.get(n + 1));
                    let mark = confirms_line(source, line.clone())
                        .filter(|(_, was)| was.is_some() || !commands.is_empty())
                        .or_else(|| claim_line(source, line).filter(|_| follows_fence && block.item.is_none()));
                    if let Some((span, was)) = mark {
                        let test = group.get_or_insert_with(|| remember(&commands, tests)).clone();
                        let claim = source.get(span.end..line_end.max(span.end)).unwrap_or("");
                        let claim = cut(claim);
                        out.push(Slot { span, kind: SlotKind::TestMark { test, was, claim } });
                        used = true;
                        continue;
                    }
                    let is_near = Near { follows_fence, is_tested: group.is_some() };
                    for (key, span) in asked.into_iter().filter(|_| !commands.is_empty()) {
                        if is_near.asks_for_it(&key, !places.is_whole(&key, at)) {
                            let test = group.get_or_insert_with(|| remember(&commands, tests)).clone();
                            let claim = green_words(source.get(span.clone()).unwrap_or(""));
                            out.push(Slot { span, kind: SlotKind::TestStatus { test, claim } });
                            used = true;
                        }
                    }
                }
                let Some(rest) = expected(source, block).filter(|_| !commands.is_empty()) else { continue };
                used = true;
                awaits_block = rest.is_empty();
                let last = if awaits_block { block_after(outline, n) } else { Some((block.span.clone(), true)) };
                let (span, _) = last.unwrap_or((block.span.clone(), true));
                let known = group.get_or_insert_with(|| remember(&commands, tests)).clone();
                let wanted = wanted(source, outline, n, rest, &span);
                let test = Arc::new(Test { commands: known.commands.clone(), expected: Some(also(&known, wanted)) });
                rebind(out, &known, &test);
                group = Some(test.clone());
                out.push(result_slot(source, block, span, test));
            }
            _ => {}
        }
    }
    without_repeats(out);
}

/// A test that has a `Result` or `Status` of its own is told there and nowhere else.
fn without_repeats(out: &mut Vec<Slot>) {
    let told = |slot: &Slot| match &slot.kind {
        SlotKind::TestStatus { test, .. } => Some(Arc::as_ptr(test)),
        _ => None,
    };
    let told: HashSet<*const Test> = out.iter().filter_map(told).collect();
    out.retain(|slot| match &slot.kind {
        SlotKind::TestResult { test, .. } => !told.contains(&Arc::as_ptr(test)),
        _ => true,
    });
}

fn cut(claim: &str) -> String {
    claim.chars().take(LONGEST_CLAIM).collect()
}

/// What the value of a status line claims beyond that the test passed: its green alternative, if it offers several.
fn green_words(value: &str) -> String {
    if !marks::has_green(value) {
        return String::new();
    }
    // `[✅ PASS / ❌ 0 rows]`; `[x] PASS` begins with its sign
    let is_open = marks::all(value).first().is_some_and(|(at, _)| *at > 0);
    let options = choices(if is_open { value.trim_start_matches(['[', '(', '`', ' ']) } else { value });
    let green = options.iter().find(|(sense, _)| *sense == Sense::Green).map_or(value, |(_, option)| *option);
    let words = marks::without_green(green, "");
    if verdicts::says_no_more_than_good(&words) { String::new() } else { cut(words.trim()) }
}

/// How a status line stands to the commands above it.
struct Near {
    follows_fence: bool,
    /// Another line speaks of the same commands as a test.
    is_tested: bool,
}

impl Near {
    /// Whether a key asks for the test's result: `Result` does behind any command, what asks for a status where it stands right
    /// below the command or where the section is the test's own.
    fn asks_for_it(&self, key: &str, is_local: bool) -> bool {
        match text::key(key).as_str() {
            "result" => true,
            "status" | "verdict" | "outcome" => self.follows_fence || (self.is_tested && is_local),
            _ => is_local && key_lines::is_whole(key) && (self.follows_fence || self.is_tested),
        }
    }
}

/// A group of commands that are a test; it is made once, by the first line that speaks of it.
fn remember(commands: &[Command], tests: &mut Vec<Command>) -> Arc<Test> {
    tests.extend_from_slice(commands);
    Arc::new(Test { commands: commands.to_vec(), expected: None })
}

/// Lines that stand above the `Expected:` of their test are held to it too.
fn rebind(slots: &mut [Slot], from: &Arc<Test>, to: &Arc<Test>) {
    // they were found last
    for slot in slots.iter_mut().rev() {
        match &mut slot.kind {
            SlotKind::TestMark { test, .. } | SlotKind::TestResult { test, .. } | SlotKind::TestStatus { test, .. }
                if Arc::ptr_eq(test, from) =>
            {
                *test = to.clone();
            }
            _ => return,
        }
    }
}

/// What is expected, from the text behind `Expected:` (`rest`), else from the block that follows, which lies in `span`.
fn wanted(source: &str, outline: &Outline, n: usize, rest: &str, span: &Span) -> Expected {
    if !rest.is_empty() {
        let code = rest.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')).filter(|code| !code.contains('`'));
        let is_number = rest.starts_with(|c: char| c.is_ascii_digit()) && !rest.contains('\n');
        return Expected { text: code.unwrap_or(rest).to_owned(), is_literal: code.is_some() || is_number };
    }
    match outline.blocks.get(n + 1).map(|next| (&next.kind, &next.span)) {
        Some((BlockKind::Code { text, .. }, code)) if code.start >= span.start && code.end <= span.end => {
            Expected { text: text.clone(), is_literal: true }
        }
        Some((_, next)) if next.start >= span.start && next.end <= span.end => {
            Expected { text: source.get(span.clone()).unwrap_or("").to_owned(), is_literal: false }
        }
        _ => Expected { text: String::new(), is_literal: false },
    }
}

/// A second `Expected:` of one test asks for more.
fn also(known: &Test, wanted: Expected) -> Expected {
    const MOST_BYTES: usize = 8 * 1024;
    match &known.expected {
        // a line that nothing prints, so that what is left out can't be met
        Some(first) if first.text.len() > MOST_BYTES => {
            let more = if first.is_literal { "\n(more than can be compared)" } else { "" };
            Expected { text: format!("{}{more}", first.text), is_literal: false }
        }
        Some(first) => Expected {
            text: format!("{}\n{}", first.text.trim_end(), wanted.text),
            is_literal: first.is_literal && wanted.is_literal,
        },
        None => wanted,
    }
}

/// The block that follows, with the outermost list or quote around it.
fn block_after(outline: &Outline, n: usize) -> Option<(Span, bool)> {
    let before = outline.blocks.get(n)?.span.end;
    let next =
        outline.blocks.get(n + 1).filter(|next| next.kind != BlockKind::Heading && next.kind != BlockKind::Other)?;
    let first = outline.containers.partition_point(|container| container.start < before);
    let around = outline
        .containers
        .iter()
        .skip(first)
        .take_while(|container| container.start <= next.span.start)
        .filter(|container| next.span.end <= container.end + 1)
        .max_by_key(|container| container.len());
    Some((around.cloned().unwrap_or(next.span.clone()), false))
}

fn result_slot(source: &str, block: &Block, expected: Span, test: Arc<Test>) -> Slot {
    let end = outline::end_of(source, &expected);
    let rest = source.get(end..).unwrap_or("");
    let line_end = rest.find('\n').map_or(source.len(), |n| end + n + 1);
    let next = source.get(line_end..).unwrap_or("").lines().next();
    let blank_after = next.is_some_and(|line| !line.trim_matches([' ', '\t', '>', '\r']).is_empty());
    let prefix = outline::prefix(source, block.span.start);
    Slot { span: end..end, kind: SlotKind::TestResult { test, prefix, blank_after } }
}

/// A line right below a command that starts green says that the command did.
fn claim_line(source: &str, line: Span) -> Option<(Span, Option<Mark>)> {
    let text = source.get(line.clone())?;
    let start = text.trim_start_matches(['*', '_', ' ', '\t']);
    let mark = marks::at(start).filter(|mark| mark.sense == Sense::Green)?;
    let at = line.end - start.len();
    Some((at..at + mark.len, Some(mark)))
}

/// What stands behind `Expected:` in a text that starts a line with it.
fn expected<'s>(source: &'s str, block: &Block) -> Option<&'s str> {
    let mut lines = outline::lines(source, block.span.clone()).into_iter();
    let line = lines.find(|line| {
        let line = source.get(line.clone()).unwrap_or("");
        let words = text::words(line.split(':').next().unwrap_or(""));
        let first = words.first().map(String::as_str);
        line.contains(':') && first == Some("expected") && words.len() <= 4
    })?;
    let colon = source.get(line.clone())?.find(':')?;
    let dressing = |c: char| c.is_whitespace() || matches!(c, '*' | '_');
    let begins = source.get(line.start + colon + 1..line.end)?.contains(|c| !dressing(c));
    // the result below is not expected
    let is_result = |line: &Span| key_lines::is_one(source, line) || is_answer(source, line, begins);
    let end = lines.find(is_result).map_or(block.span.end, |line| line.start);
    Some(source.get(line.start + colon + 1..end)?.trim_matches(dressing))
}

/// `**Actual output:** …`, `Status: …`: a key whose value is what there was. In a block below a bare `Expected:` a status may be
/// what is expected.
fn is_answer(source: &str, line: &Span, begins: bool) -> bool {
    let text = source.get(line.clone()).unwrap_or("");
    let Some(colon) = key_lines::colon(text) else { return false };
    let name = text.get(..colon.start).unwrap_or("");
    // `Result: healthy` is still expected; `Status: ✅ PASS` and `Result:` answer
    let value = text.get(colon.end..).unwrap_or("");
    let value = value.trim_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '_' | '`'));
    let is_verdict =
        || marks::at(value).is_some() || text::words(value).iter().all(|word| verdicts::is_of_verdicts(word));
    columns::is_actual(name) || (begins && key_lines::is_whole(name) && is_verdict())
}

#[cfg(test)]
mod tests {
    use super::super::slot::SlotKind;
    use super::super::slots::{find, survey};

    #[test]
    fn a_test_is_a_command_with_what_confirms_it() {
        let template = "### 1\n```bash\na --dry\n```\n✅ Confirms: works\n\n```bash\nb\n```\n**Confirms:** b\n\n### 2\n```sh\nc\n```\n\
            Expected:\n```\nrows\n```\n\n### 3\n```\nd\n```\n✅ rows written\n\n```\nnot a test\n```\n";
        let survey = survey(template);
        let commands: Vec<&str> = survey.commands.iter().map(|command| command.text.trim()).collect();
        assert_eq!(commands, ["a --dry", "b", "c", "d"]);
        let slots: Vec<(&str, &str)> =
            survey.slots.iter().map(|slot| (&template[slot.span.clone()], &template[slot.span.end..][..6])).collect();
        assert_eq!(slots, [("✅", " Confi"), ("", "**Conf"), ("", "\n\n### "), ("✅", " rows ")]);
    }

    /// Whether it shows a command or its output can't be told, and a test that left a command out would be green too soon.
    #[test]
    fn a_fence_without_a_language_beside_a_shells_is_asked_for_too() {
        for template in
            ["```bash\na\n```\n```\nb\n```\n✅ Confirms: it\n", "```\na\n```\n```sh\nb\n```\n✅ Confirms: it\n"]
        {
            let survey = survey(template);
            let commands: Vec<&str> = survey.commands.iter().map(|command| command.text.trim()).collect();
            assert_eq!(commands, ["a", "b"], "{template}");
        }
    }

    #[test]
    fn prose_that_expects_or_confirms_without_a_command_is_prose() {
        for template in
            ["Expected: nothing\n", "Confirms: nothing\n", "# h\n```json\n{}\n```\nExpected: x\n", "We confirm: x\n"]
        {
            assert_eq!(find(template), [], "{template}");
        }
        assert_eq!(find("✅ Confirms: pre-ticked\n").len(), 1);
    }

    #[test]
    fn what_is_expected_is_known_to_every_line_of_its_test() {
        for (template, text, is_literal) in [
            ("```sh\na\n```\nExpected:\n```\n999\n```\n", "999\n", true),
            ("```sh\na\n```\n✅ Confirms: it\n\nExpected: `8 rows`\n", "8 rows", true),
            ("```sh\na\n```\nExpected: 8 rows\n", "8 rows", true),
            ("```sh\na\n```\nExpected: exit code 1\n", "exit code 1", false),
            ("```sh\na\n```\nExpected:\n\n- x\n- y\n", "- x\n- y", false),
            ("```sh\na\n```\nExpected:\n\n## next\n", "", false),
        ] {
            for slot in find(template) {
                let (SlotKind::TestMark { test, .. } | SlotKind::TestResult { test, .. }) = slot.kind else { continue };
                let expected = test.expected.as_ref().map(|one| (one.text.trim_end(), one.is_literal));
                assert_eq!(expected, Some((text.trim_end(), is_literal)), "{template}");
            }
            assert_eq!(survey(template).commands.len(), 1, "{template}");
        }
    }

    #[test]
    fn what_is_expected_ends_where_the_answer_begins() {
        for (below, text) in [
            ("Expected: `8`\nActual: `___`\nStatus: PASS\n", "8"),
            ("**Expected output:** 8 rows\n**Actual output:** 8 rows\n", "8 rows"),
            ("Expected: 8\nStatus: PASS\n", "8"),
            ("Expected: a: passed\nResult: healthy\nRows: 9\n", "a: passed\nResult: healthy\nRows: 9"),
            ("Expected: 8\nGot: 9\n", "8"),
            ("Expected:\nStatus: healthy\nRows: 8\n", "Status: healthy\nRows: 8"),
            ("Expected:\nRows: 8\nActual:\nRows: 9\n", "Rows: 8"),
            ("Expected: 8 rows\nSize: 4 kB\n", "8 rows\nSize: 4 kB"),
        ] {
            let slots = find(&format!("```sh\na\n```\n{below}"));
            let SlotKind::TestResult { test, .. } = &slots.last().unwrap().kind else { panic!("{slots:?}") };
            assert_eq!(test.expected.as_ref().map(|one| one.text.as_str()), Some(text), "{below}");
        }
    }

    #[test]
    fn a_test_with_a_result_of_its_own_gets_no_second() {
        for (below, results) in [
            ("Expected: 8\n**Result:** ✅ PASS\n", 0),
            ("**Expected:** 8\n\n**Actual:**\n\n**Status:** ✅ PASS\n", 0),
            ("- **Expected:** 8\n- **Result:** ✅ PASS\n", 0),
            ("**Result:** ✅ PASS\n\nExpected:\n```\n8\n```\n", 0),
            ("Expected: 8\n", 1),
            ("Expected: 8\n**Result:** to be filled\n", 1),
            ("Expected: 8\n\n```sh\nb\n```\nExpected: 9\n**Result:** ✅ PASS\n", 1),
        ] {
            let slots = find(&format!("### Test 1\n```sh\na\n```\n{below}"));
            let found = slots.iter().filter(|slot| matches!(slot.kind, SlotKind::TestResult { .. })).count();
            assert_eq!(found, results, "{below}: {slots:?}");
        }
    }

    #[test]
    fn the_result_goes_behind_the_expected_block() {
        for (template, before) in [
            ("```sh\na\n```\nExpected: rows\nand more\n\nnext", "and more"),
            ("```sh\na\n```\n**Expected:**\n\n- x\n- y\n\nnext", "- y"),
            ("```sh\na\n```\nExpected output:\n> q\n> r\n\nnext", "> r"),
            ("```sh\na\n```\nExpected:\n```json\n{}\n```\nnext", "```"),
            ("- run\n  ```sh\n  a\n  ```\n  Expected: x\n- next", "Expected: x"),
            ("```sh\na\n```\nExpected:\n\n## next", "Expected:"),
            ("```sh\na\n```\nExpected:", "Expected:"),
        ] {
            let slots = find(template);
            let slot = slots.last().unwrap_or_else(|| panic!("{template}"));
            assert!(template[..slot.span.end].ends_with(before), "{template}: {:?}", &template[..slot.span.end]);
        }
    }
}
