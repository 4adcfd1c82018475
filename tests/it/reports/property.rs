//! Templates whose generator writes the slots itself, and so knows where they are without asking the filler.

use std::sync::LazyLock;

use proptest::prelude::*;
use workbridge::evidence::{Declaration, Outcome, Value, Vocabulary};
use workbridge::report::slot::SlotKind;
use workbridge::report::{self, CommandEnd, CommandResult, RunRecord};

use super::record::{Taken as _, empty, state};

const SUBJECTS: usize = 24;
/// Distinct names: their words are letters alone, so that no name is part of another.
const NAMES: [&str; SUBJECTS] = [
    "Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Ginkgo", "Hazel", "Ironwood", "Juniper", "Katsura", "Larch",
    "Maple", "Nutmeg", "Oak", "Pine", "Quince", "Rowan", "Spruce", "Teak", "Umbrella", "Viburnum", "Willow", "Yew",
];

static DECLARED: [Declaration; SUBJECTS] = declared();

static KNOWN: LazyLock<Vocabulary> = LazyLock::new(|| Vocabulary::new(DECLARED));

const fn declared() -> [Declaration; SUBJECTS] {
    const KEYS: [&str; SUBJECTS] = [
        "tree.alder",
        "tree.birch",
        "tree.cedar",
        "tree.dogwood",
        "tree.elm",
        "tree.fir",
        "tree.ginkgo",
        "tree.hazel",
        "tree.ironwood",
        "tree.juniper",
        "tree.katsura",
        "tree.larch",
        "tree.maple",
        "tree.nutmeg",
        "tree.oak",
        "tree.pine",
        "tree.quince",
        "tree.rowan",
        "tree.spruce",
        "tree.teak",
        "tree.umbrella",
        "tree.viburnum",
        "tree.willow",
        "tree.yew",
    ];
    const ALIASES: [[&str; 1]; SUBJECTS] = {
        let mut out = [[""; 1]; SUBJECTS];
        let mut n = 0;
        while n < SUBJECTS {
            out[n] = [NAMES[n]];
            n += 1;
        }
        out
    };
    let mut out = [const { Declaration::new("", &[], "") }; SUBJECTS];
    let mut n = 0;
    while n < SUBJECTS {
        out[n] = Declaration::new(KEYS[n], &ALIASES[n], "");
        n += 1;
    }
    out
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Works,
    Broken,
    /// Nothing measured it.
    Missing,
    /// Measured as a mere number.
    Number,
}

/// A template under construction: what stays and what may change, in turn.
#[derive(Debug, Default)]
struct Doc {
    kept: Vec<String>,
    source: String,
    /// Subjects that a slot speaks of, each with how often green may stand for it.
    subjects: Vec<usize>,
    verdict_lists: Vec<bool>,
    next: usize,
}

impl Doc {
    fn keep(&mut self, text: &str) {
        match self.kept.last_mut() {
            Some(last) => last.push_str(text),
            None => self.kept.push(text.to_owned()),
        }
        self.source.push_str(text);
    }

    fn slot(&mut self, text: &str) {
        self.source.push_str(text);
        self.kept.push(String::new());
    }

    fn subject(&mut self) -> &'static str {
        let n = self.next % SUBJECTS;
        self.next += 1;
        self.subjects.push(n);
        NAMES[n]
    }
}

/// Statuses as templates bring them.
const ARRIVING: [&str; 16] = [
    "✅ Verified",
    "✅ OK",
    "☐ Pending / ✅ Verified",
    "🟢 Active",
    "",
    "OK",
    "**✅ PASS**",
    "✅ Verified on 2025-10-01, 4.2 kB ✅",
    ":white_check_mark: Working",
    "✔️ done",
    "[x]",
    "☑ Working",
    "✅",
    "&#9989; OK",
    "☐ Pending / ✅ Verified / ❌ Broken",
    "`✅`",
];

/// Text that no filler may touch.
const PROSE: [&str; 13] = [
    "# ✅ Heading YYYYMMDD {{ order.id }} $(date)",
    "## 🧪 Status: ✅ OK",
    "The sign ✅ in a sentence stays, as does ☐ or [x] here.",
    "```bash\n| Component | State |\n|---|---|\n| x | ✅ OK |\n- ✅ done YYYYMMDD {{ nope }} $(date '+%F')\n```",
    "~~~\n✅ Confirms: nothing\n```\n~~~",
    "| Symbol | Meaning |\n|---|---|\n| ✅ | works |\n| ☐ | open |",
    "<!-- ✅ YYYY-MM-DD {{ x }} -->",
    "⸻",
    "ภาษาไทย กับ `code ✅` และ **ตัวหนา** ✅ กลางประโยค",
    "- a list\n- of prose that is longer than a name is, ✅ in the middle of it\n  - nested\n1. numbered",
    "    indented ✅ code YYYYMMDD",
    "* * *",
    "Setext ✅ YYYY-MM-DD\n===",
];

fn block(doc: &mut Doc, kind: u8, picks: &[u8], prefix: &str) {
    let mut picks = picks.iter().copied().cycle();
    let mut pick = move |n: usize| usize::from(picks.next().unwrap_or(0)) % n;
    let eol = "\n";
    match kind % 14 {
        0 => {
            let text = PROSE[pick(PROSE.len())];
            for line in text.lines() {
                doc.keep(&format!("{prefix}{line}{eol}"));
            }
        }
        1 => {
            // components
            let header = ["Component", "**COMPONENT**", "🧩 Component name", "`Service`"][pick(4)];
            let status = ["Status", "STATUS", "✅ Status", "*Current status*"][pick(4)];
            doc.keep(&format!("{prefix}| {header} | {status} | Details |{eol}{prefix}|:---|:-:|---|{eol}"));
            for _ in 0..=pick(3) {
                let name = doc.subject();
                let name = [name.to_owned(), format!("**{name}**"), format!("{name} (a \\| b)"), format!("`{name}`")]
                    [pick(4)]
                .clone();
                doc.keep(&format!("{prefix}| {name} |"));
                let arriving = ARRIVING[pick(ARRIVING.len())];
                doc.slot(&format!(" {arriving} "));
                doc.keep("|");
                doc.slot([" ", "", " ✅ all good, 5 kB ", " `a\\|b` "][pick(4)]);
                let end = ["|", "|  ", "|"][pick(3)];
                doc.keep(&format!("{end}{eol}"));
            }
        }
        2 => {
            // states, with or without outer borders
            let bare = pick(2) == 1;
            let (open, close) = if bare { ("", "") } else { ("| ", " |") };
            doc.keep(&format!("{prefix}{open}Component | State{close}{eol}{prefix}{open}---|---{close}{eol}"));
            for _ in 0..=pick(3) {
                let name = doc.subject();
                doc.keep(&format!("{prefix}{open}{name} | "));
                let arriving = ARRIVING[pick(ARRIVING.len())];
                doc.slot(if arriving.is_empty() && bare { "✅" } else { arriving });
                doc.keep(&format!("{close}{eol}"));
            }
        }
        3 => {
            // metrics, judged by the filler for want of a verdict of the engine
            let actual = ["Actual", "MEASURED", "Actual value"][pick(3)];
            doc.keep(&format!("{prefix}| Metric | Target | {actual} | Status |{eol}{prefix}|---|---|---|---|{eol}"));
            for _ in 0..=pick(3) {
                let name = doc.subject();
                doc.keep(&format!("{prefix}| {name} | OK |"));
                doc.slot([" ", " 4.2 kB ✅ ", ""][pick(3)]);
                doc.keep("|");
                doc.slot(&format!(" {} ", ARRIVING[pick(ARRIVING.len())]));
                doc.keep(&format!("|{eol}"));
            }
        }
        4 => {
            // a checklist
            let marks = ["[ ]", "[x]", "☐", "✅", "☑", "✔️", "🟢"];
            for _ in 0..=pick(4) {
                let bullet = ["-", "*", "1."][pick(3)];
                doc.keep(&format!("{prefix}{bullet} "));
                doc.slot(marks[pick(marks.len())]);
                let name = doc.subject();
                if pick(3) == 0 {
                    doc.keep(" ");
                    doc.slot(["✅", "☐"][pick(2)]);
                    doc.subjects.extend(doc.subjects.last().copied());
                }
                doc.keep(&format!(" {name}{eol}"));
            }
        }
        5 => {
            // a test that is confirmed
            let name = doc.subject();
            doc.keep(&format!("{prefix}```bash{eol}{prefix}run {name}{eol}{prefix}```{eol}{prefix}"));
            doc.slot(["✅", "☐", "🟢"][pick(3)]);
            doc.keep(&format!(" Confirms: it runs{eol}"));
        }
        6 => {
            // a test with what is expected of it
            let name = doc.subject();
            doc.keep(&format!(
                "{prefix}```sh{eol}{prefix}run {name}{eol}{prefix}```{eol}{prefix}Expected: `ran {name}`"
            ));
            doc.slot("");
            doc.keep(eol);
        }
        7 => {
            let bracket = pick(2) == 1;
            let fits = pick(2) == 1;
            let (open, ticked) = if bracket { ("[ ]", "[x]") } else { ("☐", "✅") };
            let mut lines =
                vec![(open, "Pending…"), (open, "Partial Success – some of it"), (ticked, "Full Success – all of it")];
            if fits {
                lines.push((ticked, "Failed (see above)"));
            }
            for (n, (mark, text)) in lines.iter().enumerate() {
                doc.keep(&format!("{prefix}- "));
                doc.slot(mark);
                doc.keep(&format!(" {text}"));
                if n + 1 == lines.len() {
                    doc.slot("");
                }
                doc.keep(eol);
            }
            doc.verdict_lists.push(fits);
        }
        8 => {
            // a status line, of what nothing measures, with a key behind it
            doc.keep(&format!("{prefix}**Zebra Status:** "));
            doc.slot(["✅ OK", "done ✅", "☐ Pending / ✅ Verified"][pick(3)]);
            doc.keep(&format!("{}**Owner:** GG ", [" | ", " · ", ", "][pick(3)]));
            doc.slot("✅");
            doc.keep(eol);
        }
        9 => {
            // a form, whose columns say nothing
            let head = ["Feld | Wert", "รายการตรวจ | สถานะ", "Thing | How it went"][pick(3)];
            doc.keep(&format!("{prefix}| {head} |{eol}{prefix}|---|---|{eol}"));
            for _ in 0..=pick(3) {
                let name = doc.subject();
                let (before, behind) = [("", " done"), ("done ", ""), ("**", " done**"), ("", "")][pick(4)];
                doc.keep(&format!("{prefix}| {name} | {before}"));
                doc.slot(["✅", "🟢", "✔️"][pick(3)]);
                doc.keep(&format!("{behind} |{eol}"));
            }
        }
        10 => {
            // a callout
            doc.keep(&format!("{prefix}> [!NOTE]{eol}"));
            for _ in 0..=pick(2) {
                doc.keep(&format!("{prefix}> "));
                doc.slot(["✅", "💚", "☑"][pick(3)]);
                let name = doc.subject();
                doc.keep(&format!(" {name}{eol}"));
            }
        }
        11 => {
            // a key line whose key asks for no status
            let name = doc.subject();
            doc.keep(&format!("{prefix}{}", [format!("**{name}:** "), format!("{name}: ")][pick(2)]));
            doc.slot(["✅", "🟢", "☑"][pick(3)]);
            doc.keep(&format!(" up and running{eol}"));
        }
        12 => {
            // an item with a remark behind its tick
            let name = doc.subject();
            doc.keep(&format!("{prefix}- {name} "));
            doc.slot(["✅", "🟢", "✔️"][pick(3)]);
            doc.keep(&format!("{}{eol}", [" (seen by ops)", "", " **(it works)**"][pick(3)]));
        }
        _ => {
            doc.keep(&format!("{prefix}**Date:** "));
            doc.slot(["$(date '+%Y-%m-%d %H:%M:%S')", "$(date +%s)", "YYYY-MM-DD"][pick(3)]);
            doc.keep(" `g/ops_");
            doc.slot(["YYYYMMDD", "YYYYWW", "{{ dates.compact }}"][pick(3)]);
            doc.keep(&format!(".parquet` of {}", ["", "**"][pick(2)]));
            doc.slot("{{ order.id }}");
            doc.keep(eol);
        }
    }
    doc.keep(&format!("{}{eol}", prefix.trim_end()));
}

/// Puts CRLF for LF, in what is kept and in the source alike.
fn crlf(doc: &mut Doc) {
    doc.source = doc.source.replace('\n', "\r\n");
    doc.kept.iter_mut().for_each(|kept| *kept = kept.replace('\n', "\r\n"));
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![3 => Just(Fate::Works), 2 => Just(Fate::Broken), 1 => Just(Fate::Missing), 1 => Just(Fate::Number)]
}

/// Details that would leak, were they not escaped.
const HOSTILE: [&str; 5] =
    ["fine", "✅ | ✅ PASS |", "a\n| x | ✅ OK |\n", "[x] {{ nope }} $(date) `", "\u{1b}[32m✔ <b>&#9989;"];

fn record(fates: &[Fate], outcome: Outcome, hostile: usize) -> RunRecord {
    let mut record = empty(outcome);
    record.reason = HOSTILE[hostile % HOSTILE.len()].to_owned();
    record.declarations = &KNOWN;
    for (n, fate) in fates.iter().enumerate() {
        let detail = HOSTILE[(hostile + n) % HOSTILE.len()];
        let (key, name) = (DECLARED[n].key, NAMES[n]);
        // an older measurement says the opposite of the newest
        if matches!(fate, Fate::Works | Fate::Broken) {
            record.take(key, state(*fate != Fate::Works, detail), Some(*fate != Fate::Works));
            record.take(key, state(*fate == Fate::Works, detail), Some(*fate == Fate::Works));
        }
        if *fate == Fate::Number {
            record.take(key, Value::Bytes(5), None);
        }
        let evidence =
            record.measurements.iter().filter(|m| m.key == key).map(|m| m.id.clone()).next_back().into_iter().collect();
        let output = format!("ran {name}\nsaw {detail}");
        let (result, evidence) = match fate {
            Fate::Works => (CommandEnd::Passed { output }, evidence),
            Fate::Broken => (CommandEnd::Failed { output, why: detail.to_owned() }, evidence),
            Fate::Missing => (CommandEnd::NotRun { why: detail.to_owned() }, Vec::new()),
            // it ended with 0 and showed nothing
            Fate::Number => (CommandEnd::Passed { output: " \n".to_owned() }, Vec::new()),
        };
        record.commands.push(CommandResult { command: format!("run {name}"), result, evidence, is_cut: false });
    }
    record
}

/// The report without its Evidence table.
fn without_evidence<'t>(text: &'t str, source: &str) -> &'t str {
    let heading = if source.contains("\r\n") { "\r\n## Evidence\r\n" } else { "\n## Evidence\n" };
    &text[..text.rfind(heading).expect("an Evidence table")]
}

/// Whether `kept` stand in `text` in order, the first at its start and the last at its end, with anything between.
fn keeps(text: &str, kept: &[String]) -> Result<(), String> {
    let (first, rest) = kept.split_first().expect("a part");
    let mut left = text.strip_prefix(first.as_str()).ok_or_else(|| format!("does not start with {first:?}"))?;
    let Some((last, middle)) = rest.split_last() else {
        return if left.is_empty() { Ok(()) } else { Err(format!("added {left:?}")) };
    };
    for part in middle {
        let at = left.find(part.as_str()).ok_or_else(|| format!("lost {part:?} of {left:?}"))?;
        left = &left[at + part.len()..];
    }
    left.strip_suffix(last.as_str()).map(drop).ok_or_else(|| format!("does not end with {last:?}: {left:?}"))
}

fn greens(text: &str) -> usize {
    text.matches(['✅', '✔', '☑', '🟢', '✓', '💚']).count()
        + ["[x]", ":white_check_mark:", "&#9989;"].iter().map(|tick| text.matches(tick).count()).sum::<usize>()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_slots_change_and_only_what_works_is_green(
        blocks in proptest::collection::vec((any::<u8>(), proptest::collection::vec(any::<u8>(), 8..24), any::<bool>()), 1..10),
        fates in proptest::collection::vec(fate(), SUBJECTS),
        outcome in prop_oneof![
            Just(Outcome::Done), Just(Outcome::Partial), Just(Outcome::Failed), Just(Outcome::Rejected), Just(Outcome::Noop),
            Just(Outcome::Uncertain), Just(Outcome::Cancelled)
        ],
        hostile in 0..HOSTILE.len(),
        windows in any::<bool>(),
    ) {
        let mut doc = Doc::default();
        doc.keep("Intro ✅ kept.\n\n");
        for (kind, picks, quoted) in &blocks {
            block(&mut doc, *kind, picks, if *quoted { "> " } else { "" });
            // ends a quote and the section of a test
            doc.keep("\n### next ✅\n\n");
        }
        if windows {
            crlf(&mut doc);
        }
        let record = record(&fates, outcome, hostile);
        let filled = report::fill(&doc.source, &record).unwrap();
        let body = without_evidence(&filled.text, &doc.source);
        let kept = keeps(body, &doc.kept);
        prop_assert!(kept.is_ok(), "{kept:?}\n--- source\n{}\n--- filled\n{}", doc.source, body);

        let works = doc.subjects.iter().filter(|n| fates[**n] == Fate::Works).count();
        let verdicts = doc.verdict_lists.iter().filter(|with_failed| match outcome {
            Outcome::Done | Outcome::Noop | Outcome::Partial => true,
            _ => **with_failed,
        }).count();
        let stay: usize = doc.kept.iter().map(|kept| greens(kept)).sum();
        prop_assert_eq!(greens(body), stay + works + verdicts, "--- source\n{}\n--- filled\n{}", doc.source, body);
        // the Evidence table ticks nothing
        prop_assert_eq!(greens(&filled.text[body.len()..]), 0);
        // what the filler says of its slots is what stands there
        let green = filled.slots.iter().filter(|slot| slot.state == report::State::Green).count();
        let good = if outcome.is_good() { doc.verdict_lists.len() } else { 0 };
        prop_assert_eq!(green, works + good);
    }

    #[test]
    fn any_text_is_filled_or_refused_without_a_panic(template in "(?s).{0,400}") {
        let _ = report::fill(&template, &empty(Outcome::Done));
        let _ = report::template_criteria(&template);
        let _ = report::completion(&empty(Outcome::Done), &template);
    }

    #[test]
    fn any_markdown_is_filled_without_a_panic_and_slots_stay_in_order(
        parts in proptest::collection::vec(prop_oneof![
            Just("| "), Just("|"), Just("\n"), Just("\r\n"), Just("> "), Just("- "), Just("  "), Just("✅"), Just("☐"), Just("[x]"),
            Just("Component"), Just("State"), Just("Status"), Just("---|"), Just("---"), Just("```"), Just("~~~"), Just("`"),
            Just("Expected:"), Just("Confirms:"), Just("YYYYMMDD"), Just("$(date"), Just("'+%F')"), Just("**"), Just("\\"),
            Just("Pending"), Just("Full Success"), Just("Metric | Target | Actual | Status"), Just(" "), Just("# "), Just("ไ"),
            Just("<!--"), Just("1. "), Just("\t"), Just("{{ order.id }}"), Just("&#9989;"), Just("/"), Just(":"), Just("\u{feff}"),
        ], 0..60)
    ) {
        let template = parts.concat();
        let slots = report::slots::find(&template);
        let mut from = 0;
        for slot in &slots {
            prop_assert!(slot.span.start >= from && slot.span.end >= slot.span.start, "{template:?} {slots:?}");
            prop_assert!(template.get(slot.span.clone()).is_some(), "{template:?} {slots:?}");
            from = slot.span.end;
        }
        if let Ok(filled) = report::fill(&template, &empty(Outcome::Failed)) {
            // nothing was measured: no slot is green
            prop_assert!(filled.slots.iter().all(|slot| slot.state != report::State::Green), "{template:?}");
            for slot in filled.slots.iter().filter(|slot| !matches!(slot.slot.kind, SlotKind::Verdict { .. } | SlotKind::VerdictSign { .. })) {
                prop_assert!(!report::marks::has_green(&slot.became), "{template:?}: {slot:?}");
            }
        }
    }
}
