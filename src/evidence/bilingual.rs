//! Names in two languages: `File size (ขนาดไฟล์)`, `สคริปต์ส่งออก / Exporter script`.
//!
//! Invariant: what isn't known for a translation of the other name is none; it may say which of several things is meant
//! (`File size (ก่อนบีบอัด)`, before compression).

use crate::order::fold;

/// Names of what is measured, as the field's bilingual documents write them, and the words of the same in English.
const TRANSLATIONS: [(&str, &str); 38] = [
    ("ขนาดไฟล์", "size"),
    ("ขนาด", "size"),
    ("จำนวนแถว", "row"),
    ("จำนวนแถว", "rows"),
    ("แถว", "rows"),
    ("จำนวนระเบียน", "records"),
    ("ความถี่", "frequency"),
    ("ความถี่ในการส่งออก", "frequency"),
    ("กำหนดการ", "schedule"),
    ("ตารางเวลา", "schedule"),
    ("การบีบอัด", "compression"),
    ("บีบอัด", "compression"),
    ("เวลาตรวจสอบ", "validation time"),
    ("เวลาในการตรวจสอบ", "validation time"),
    ("ระยะเวลา", "duration"),
    ("การตรวจสอบ", "verification"),
    ("การตรวจสอบ", "validation"),
    ("สคริปต์ส่งออก", "exporter"),
    ("ตัวส่งออก", "exporter"),
    ("การส่งออก", "export"),
    ("สคริปต์ทดสอบ", "test script"),
    ("การทดสอบ", "tests"),
    ("ไฟล์ข้อมูล", "file"),
    ("ไฟล์", "file"),
    ("ไฟล์ Parquet", "parquet file"),
    ("โครงสร้างข้อมูล", "schema"),
    ("สคีมา", "schema"),
    ("รายงานสรุป", "summary"),
    ("บริการ", "service"),
    ("บริการ", "launchagent"),
    ("เอเจนต์", "launchagent"),
    ("โฟลเดอร์ล็อก", "log directory"),
    ("ฐานข้อมูล", "database"),
    ("การเชื่อมต่อ Redis", "redis"),
    ("สถานะ", "status"),
    ("เวลาทำงาน", "uptime"),
    ("ข้อผิดพลาด", "errors"),
    ("สัญญาณชีพ", "heartbeats"),
];

/// Both names of a label that has one in Latin letters and, in another script, its translation; none of any other label.
pub fn names(label: &str) -> Vec<String> {
    let label = label.trim();
    let bracketed = || {
        let (first, second) = label.strip_suffix([')', '）'])?.split_once(['(', '（'])?;
        (!second.contains(['(', '（'])).then_some((first, second))
    };
    let Some((first, second)) = bracketed().or_else(|| label.split_once('/')) else { return Vec::new() };
    let names = [first.trim(), second.trim()];
    let has_letters = |name: &&str| name.chars().any(char::is_alphabetic);
    let is_pair = match (is_latin(names[0]), is_latin(names[1])) {
        (true, false) => translates(names[1], names[0]),
        (false, true) => translates(names[0], names[1]),
        _ => false,
    };
    if !is_pair || !names.iter().all(has_letters) {
        return Vec::new();
    }
    names.map(str::to_owned).to_vec()
}

fn is_latin(name: &str) -> bool {
    let is_latin = |c: char| c.is_ascii() || ('\u{c0}'..='\u{24f}').contains(&c);
    name.chars().filter(|c| c.is_alphabetic()).all(is_latin)
}

/// Whether `other` is known for what `latin` is called by.
fn translates(other: &str, latin: &str) -> bool {
    let (other, latin) = (fold(other), format!(" {} ", fold(latin)));
    TRANSLATIONS.iter().any(|(known, words)| fold(known) == other && latin.contains(&format!(" {words} ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_in_two_scripts_are_translations() {
        for (label, expect) in [
            ("File size (ขนาดไฟล์)", "File size|ขนาดไฟล์"),
            ("ขนาดไฟล์ （File size）", "ขนาดไฟล์|File size"),
            ("สคริปต์ส่งออก / Exporter script", "สคริปต์ส่งออก|Exporter script"),
            ("Exporter script/エクスポーター", ""),
            ("Exporter script / ขนาดไฟล์", ""),
            ("File size (ก่อนบีบอัด)", ""),
            ("File size (未压缩)", ""),
            ("LaunchAgent (เก่า)", ""),
            ("ไฟล์ Parquet (Parquet file)", "ไฟล์ Parquet|Parquet file"),
            ("Größe (ขนาด)", ""),
            ("File size (uncompressed)", ""),
            ("File size (ไม่บีบอัด)", ""),
            ("File size / Rows", ""),
            ("File size (5)", ""),
            ("ขนาดไฟล์ (ใหญ่สุด)", ""),
            ("File size", ""),
            ("(ขนาดไฟล์)", ""),
            ("File size (ขนาดไฟล์) of all", ""),
        ] {
            assert_eq!(names(label).join("|"), expect, "{label}");
        }
    }
}
