//! Names in two languages: `File size (ขนาดไฟล์)`, `สคริปต์ส่งออก / Exporter script`.
//!
//! Invariant: two names in one script are never taken for translations of each other; the second may say which of several
//! things is meant (`File size (uncompressed)`).

/// Both names of a label that has one in Latin letters and one in another script; none of any other label.
pub fn names(label: &str) -> Vec<String> {
    let label = label.trim();
    let bracketed = || {
        let (first, second) = label.strip_suffix([')', '）'])?.split_once(['(', '（'])?;
        (!second.contains(['(', '（'])).then_some((first, second))
    };
    let Some((first, second)) = bracketed().or_else(|| label.split_once('/')) else { return Vec::new() };
    let names = [first.trim(), second.trim()];
    let has_letters = |name: &&str| name.chars().any(char::is_alphabetic);
    if !names.iter().all(has_letters) || is_latin(names[0]) == is_latin(names[1]) || names.iter().any(|one| denies(one))
    {
        return Vec::new();
    }
    names.map(str::to_owned).to_vec()
}

fn is_latin(name: &str) -> bool {
    let is_latin = |c: char| c.is_ascii() || ('\u{c0}'..='\u{24f}').contains(&c);
    name.chars().filter(|c| c.is_alphabetic()).all(is_latin)
}

/// `ไม่บีบอัด`, uncompressed: it restricts and doesn't translate.
fn denies(name: &str) -> bool {
    name.starts_with("ไม่") || name.starts_with("ยังไม่")
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
            ("Exporter script/エクスポーター", "Exporter script|エクスポーター"),
            ("ไฟล์ Parquet (Parquet file)", "ไฟล์ Parquet|Parquet file"),
            ("Größe (ขนาด)", "Größe|ขนาด"),
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
