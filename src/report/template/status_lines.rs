//! Slots of status lines: `**Overall Status:** ✅ Verified`, a key that asks how things are, and a value with a sign.
//!
//! Invariant: a slot ends where the next key of its line begins; only that key's value is the slot.

use super::key_lines;
use super::outline::{self, BlockKind, Outline};
use super::slot::{Slot, SlotKind};
use super::whole::Places;
use crate::report::text;

pub fn find(source: &str, outline: &Outline, places: &Places, out: &mut Vec<Slot>) {
    for block in outline.blocks.iter().filter(|block| block.kind == BlockKind::Text) {
        let lines = outline::lines(source, block.span.clone());
        for (n, line) in lines.iter().enumerate() {
            for (key, value) in key_lines::of_line(source, line, lines.get(n + 1)) {
                let names = match key_lines::is_whole(&key) {
                    true if places.is_whole(&key, line.start) => Vec::new(),
                    true => places.names_at(line.start).to_vec(),
                    false => text::names(&key),
                };
                let was = source.get(value.clone()).unwrap_or("").to_owned();
                out.push(Slot { span: value, kind: SlotKind::Status { names, was } });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::slots::find;

    #[test]
    fn status_lines_are_slots_only_with_a_sign() {
        for (template, expect) in [
            ("**Status:** ✅ VERIFIED\n", vec!["✅ VERIFIED"]),
            ("**Overall Status:** ☐ Pending / ✅ Verified\n", vec!["☐ Pending / ✅ Verified"]),
            ("**Overall Status:** ☐ Pending | ✅ Verified\n", vec!["☐ Pending | ✅ Verified"]),
            ("**Status: ✅ VERIFIED**\n", vec!["✅ VERIFIED"]),
            ("**Overall Status:** COMPLETE ✅\n", vec!["COMPLETE ✅"]),
            ("**Overall Status:**\n✅ COMPLETE\n", vec!["✅ COMPLETE"]),
            ("- **Overall Status:**\n  ✅ COMPLETE\n", vec!["✅ COMPLETE"]),
            ("**{{ order.id }} Status:** ✅ COMPLETE\n", vec!["{{ order.id }}", "✅ COMPLETE"]),
            ("**Redis Status:** ✅ OK | **Owner:** GG, see `g/x.log`\n", vec!["✅ OK"]),
            ("**Redis Status:** ✅ OK, **Owner:** GG\n", vec!["✅ OK"]),
            ("**Redis Status:** ✅ OK · **API Status:** ✅ OK\n", vec!["✅ OK", "✅ OK"]),
            ("Status: ✅ OK | Owner: GG\n", vec!["✅ OK"]),
            ("**Owner:** GG | **Status:** ✅ OK\n", vec!["✅ OK"]),
            ("**Overall Status：** ✅ COMPLETE\n", vec!["✅ COMPLETE"]),
            ("**Redis Status**：✅ OK<br>**`run/a.cjs` Status:** ✅ OK\n", vec!["✅ OK", "✅"]),
            ("**สถานะ:** ✅ ผ่าน\n**สถานะรวม:** ✅ สำเร็จ\n**ผลลัพธ์:** ✅\n", vec!["✅ ผ่าน", "✅ สำเร็จ", "✅"]),
            ("**สถานะ (Status):** ✅ สำเร็จ\n**Status (สถานะ):** ✅ OK\n", vec!["✅ สำเร็จ", "✅ OK"]),
            ("**Status:** DROPPED\n", vec![]),
            ("**Status:**\nDROPPED\n", vec![]),
            ("The ✅ sign is prose: ✅ here too.\n", vec![]),
            ("**Note:** ✅ means verified\n", vec![]),
        ] {
            let slots: Vec<&str> = find(template).into_iter().map(|slot| &template[slot.span]).collect();
            assert_eq!(slots, expect, "{template}");
        }
    }
}
