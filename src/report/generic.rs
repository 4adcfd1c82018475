//! The words of a report's own, which name no thing: `Summary`, `Verification Results`, `สรุปผล`.

use super::verdicts;

/// The words that name a report's own parts, beside those that a verdict is made of; any other is of a thing.
const GENERIC: &str = "state verdict outcome result results health conclusion conclusions summary executive final closing current \
    general report reports validation verify acceptance approval approvals decision sign off signoff signed \
    reviewed assessment evaluation testing operational check checklist criteria criterion metric metrics system \
    component components project production release readiness ready go live delivery deliverables implementation \
    execution run rollout wrap up closeout handover overview information details key tl dr the of for a at glance \
    post pre quality";

/// The same in Thai, which writes no blanks between words.
const GENERIC_THAI: &str = "สถานะ สรุป รายงาน ผลลัพธ์ ผล การ ตรวจสอบ ตรวจ ทดสอบ ดำเนินงาน ดำเนินการ ติดตั้ง โดยรวม รวม ทั้งหมด สุดท้าย ภาพ \
    ระบบ ใบ สั่ง งาน ขั้น ข้อ บท คำ ตัดสิน ความ พร้อม สำเร็จ อนุมัติ";

/// Whether a word is one of them.
pub fn is_generic(word: &str) -> bool {
    if word.chars().all(char::is_numeric) || GENERIC.split(' ').any(|one| one == word) || verdicts::is_of_verdicts(word)
    {
        return true;
    }
    let mut rest = word;
    while let Some(behind) =
        GENERIC_THAI.split(' ').filter_map(|part| rest.strip_prefix(part)).min_by_key(|rest| rest.len())
    {
        rest = behind;
    }
    rest.is_empty()
}
