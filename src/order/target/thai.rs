//! Targets in Thai: `ไม่เกิน 5 MB ต่อวัน`, `ทุกวัน เวลา 02:30 น.`, `ผ่านทั้งหมด`.
//!
//! What must hold: Thai has no blanks between words, so a comparator counts only where no denial stands before it in the
//! same run of letters (`ไม่ควรมากกว่า` is no `มากกว่า`). What isn't in these lists stays as it was written.

use std::borrow::Cow;

use super::Comparator;

/// Longest first where one is the beginning of another.
const COMPARATORS: [(&str, Comparator); 31] = [
    ("น้อยกว่าหรือเท่ากับ", Comparator::AtMost),
    ("มากกว่าหรือเท่ากับ", Comparator::AtLeast),
    ("ไม่ควรน้อยกว่า", Comparator::AtLeast),
    ("ไม่ควรต่ำกว่า", Comparator::AtLeast),
    ("ไม่ควรมากกว่า", Comparator::AtMost),
    ("ไม่ควรเกิน", Comparator::AtMost),
    ("ไม่น้อยกว่า", Comparator::AtLeast),
    ("ไม่ต่ำกว่า", Comparator::AtLeast),
    ("ไม่มากกว่า", Comparator::AtMost),
    ("ไม่สูงกว่า", Comparator::AtMost),
    ("ไม่นานกว่า", Comparator::AtMost),
    ("ไม่เกินกว่า", Comparator::AtMost),
    ("ไม่เกิน", Comparator::AtMost),
    ("ห้ามเกิน", Comparator::AtMost),
    ("อย่างน้อย", Comparator::AtLeast),
    ("อย่างมาก", Comparator::AtMost),
    ("น้อยกว่า", Comparator::Less),
    ("ต่ำกว่า", Comparator::Less),
    ("เล็กกว่า", Comparator::Less),
    ("เร็วกว่า", Comparator::Less),
    ("สั้นกว่า", Comparator::Less),
    ("มากกว่า", Comparator::Greater),
    ("สูงกว่า", Comparator::Greater),
    ("นานกว่า", Comparator::Greater),
    ("ใหญ่กว่า", Comparator::Greater),
    ("เท่ากับ", Comparator::Equal),
    ("ประมาณ", Comparator::About),
    ("ภายใน", Comparator::AtMost),
    ("สูงสุด", Comparator::AtMost),
    ("ขั้นต่ำ", Comparator::AtLeast),
    ("ต่ำสุด", Comparator::AtLeast),
];

/// What stands behind a number.
const UNITS: [(&str, &str); 9] = [
    ("มิลลิวินาที", "ms"),
    ("วินาที", "s"),
    ("ชั่วโมง", "h"),
    ("ชม.", "h"),
    ("นาที", "min"),
    ("สัปดาห์", "weeks"),
    ("วัน", "days"),
    ("เปอร์เซ็นต์", "%"),
    ("ไบต์", "bytes"),
];

/// Parts of schedules and of amounts in a time.
const PARTS: [(&str, &str); 18] = [
    ("/ชั่วโมง", "per hour"),
    ("/วัน", "per day"),
    ("หรือน้อยกว่า", "or less"),
    ("หรือมากกว่า", "or more"),
    ("ต่อชั่วโมง", "per hour"),
    ("ต่อสัปดาห์", "per week"),
    ("ต่อเดือน", "per month"),
    ("ต่อนาที", "per minute"),
    ("ต่อวัน", "per day"),
    ("ทุกชั่วโมง", "hourly"),
    ("ทุกสัปดาห์", "weekly"),
    ("ทุกเดือน", "monthly"),
    ("ทุกวัน", "daily"),
    ("วันละ", "daily"),
    ("ขึ้นไป", "or more"),
    ("ครั้ง", "times"),
    ("เวลา", "at"),
    ("ทุก", "every"),
];

/// Texts that say all by themselves.
const WHOLE: [(&str, &str); 18] = [
    ("ผ่านทั้งหมด", "all pass"),
    ("ผ่านทุกข้อ", "all pass"),
    ("ผ่าน", "pass"),
    ("สำเร็จ", "success"),
    ("ปกติ", "OK"),
    ("ทำงานปกติ", "working"),
    ("ทำงานได้ปกติ", "working"),
    ("ทำงานได้", "working"),
    ("ทำงาน", "working"),
    ("ใช้งานได้", "working"),
    ("พร้อมใช้งาน", "ready"),
    ("พร้อม", "ready"),
    ("เสร็จสมบูรณ์", "complete"),
    ("เสร็จสิ้น", "done"),
    ("เชื่อมต่อได้", "connected"),
    ("ไม่มีข้อผิดพลาด", "no errors"),
    ("ไม่มี", "none"),
    ("ถูกต้อง", "correct"),
];

/// Must, in front of what must hold.
const MUST: &str = "ต้อง";

pub(super) fn is_letter(c: char) -> bool {
    matches!(c, '\u{e01}'..='\u{e5b}')
}

/// A comparator at the front of a text, and the rest.
pub(super) fn comparator(text: &str) -> Option<(Comparator, &str)> {
    let text = text.strip_prefix(MUST).unwrap_or(text);
    COMPARATORS.iter().find_map(|(words, comparator)| text.strip_prefix(words).map(|rest| (*comparator, rest)))
}

/// Whether a comparator may begin behind this text.
pub(super) fn may_begin(before: &str) -> bool {
    let run = before.rsplit(|c: char| !is_letter(c)).next().unwrap_or_default();
    !["ไม่", "ห้าม", "อย่า"].iter().any(|denial| run.contains(denial))
}

/// The text with its Thai units, periods and verdicts in the words that the rest of the grammar reads. Comparators stay:
/// the lexer knows them.
pub(super) fn in_english(text: &str) -> Cow<'_, str> {
    if !text.contains(is_letter) {
        return Cow::Borrowed(text);
    }
    let whole = text.strip_prefix(MUST).unwrap_or(text).trim();
    if let Some((_, english)) = WHOLE.iter().find(|(thai, _)| *thai == whole) {
        return Cow::Borrowed(english);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after_number = out.trim_end().ends_with(|c: char| c.is_ascii_digit());
        let found = comparator(rest)
            .and_then(|(_, after)| rest.strip_suffix(after).map(|words| (words, after)))
            .or_else(|| part(rest, &PARTS))
            .or_else(|| after_number.then(|| part(rest, &UNITS).or_else(|| clock_mark(&out, rest))).flatten());
        let (words, after) = match found {
            Some((words, after)) => (format!(" {words} "), after),
            None => (c.to_string(), rest.get(c.len_utf8()..).unwrap_or_default()),
        };
        out.push_str(&words);
        rest = after;
    }
    Cow::Owned(out.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn part<'a>(text: &'a str, parts: &[(&str, &'static str)]) -> Option<(&'static str, &'a str)> {
    parts.iter().find_map(|(thai, english)| text.strip_prefix(thai).map(|rest| (*english, rest)))
}

/// `02:30 น.`: that it is a time of day says nothing more behind its colon.
fn clock_mark<'a>(before: &str, text: &'a str) -> Option<(&'static str, &'a str)> {
    let is_time = before.trim_end().rsplit(' ').next().is_some_and(|word| word.contains(':'));
    let rest = text.strip_prefix('น').filter(|rest| !rest.starts_with(is_letter))?;
    is_time.then(|| ("", rest.strip_prefix('.').unwrap_or(rest)))
}

#[cfg(test)]
mod tests {
    use super::super::{comparison_in, compile};

    #[test]
    fn what_thai_orders_ask_for_is_read() {
        for (target, expect) in [
            ("ไม่เกิน 5 MB", "≤ 5 MB"),
            ("ไม่เกิน 5 MB ต่อวัน", "≤ 5 MB per day"),
            ("ไม่เกิน 5 MB/วัน", "≤ 5 MB per day"),
            ("ต้องไม่เกิน 5MB", "≤ 5 MB"),
            ("น้อยกว่า 2 วินาที", "< 2 s"),
            ("น้อยกว่า ๒ วินาที", "< 2 s"),
            ("น้อยกว่าหรือเท่ากับ 200 มิลลิวินาที", "≤ 200 ms"),
            ("< 2 วินาที", "< 2 s"),
            ("ภายใน 10 นาที", "≤ 10 min"),
            ("อย่างน้อย 288 ครั้งต่อวัน", "≥ 288 times per day"),
            ("ไม่น้อยกว่า 99 เปอร์เซ็นต์", "≥ 99%"),
            ("5 MB หรือน้อยกว่า", "≤ 5 MB"),
            ("ทุกวัน เวลา 02:30 น.", "once a day at 02:30"),
            ("ทุกวันเวลา 02:30", "once a day at 02:30"),
            ("วันละ 1 ครั้ง (02:30 น.)", "once a day at 02:30"),
            ("ทุก 5 นาที", "within 10% of 5 min"),
            ("ผ่านทั้งหมด", "all pass"),
            ("ผ่าน", "works (pass)"),
            ("✅ ทำงานปกติ", "works (working)"),
            ("ไม่มีข้อผิดพลาด", "no errors"),
        ] {
            let shown = compile("x", target).to_string();
            assert_eq!(shown, expect, "{target}");
        }
    }

    #[test]
    fn what_is_denied_is_not_turned_round() {
        for (text, expect) in [
            ("ขนาดไฟล์ไม่เกิน 5 MB", Some("ไม่เกิน 5 MB")),
            ("ขนาดไฟล์ มากกว่า 5 MB", Some("มากกว่า 5 MB")),
            ("ขนาดไฟล์ต้องไม่เกิน 5 MB", Some("ต้องไม่เกิน 5 MB")),
            ("ขนาดไฟล์ไม่ได้มากกว่า 5 MB", None),
            ("ขนาดไฟล์ไม่เกินห้า", None),
        ] {
            assert_eq!(comparison_in(text).map(|(_, comparison)| comparison), expect, "{text}");
        }
    }
}
