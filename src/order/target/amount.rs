//! Numbers of targets in the unit that people write them in. Exact: `≤ 1.5 ms` is not shown as 1 ms, for what is shown is
//! what is judged. (Measured values are rounded where they are shown; see [`crate::text`].)

use super::Unit;

/// A number in its unit as people write it, to its last digit.
pub(crate) fn quantity(number: f64, unit: &Unit) -> String {
    match unit {
        Unit::Bytes => whole(number).map_or_else(|| format!("{} B", plain(number)), bytes),
        Unit::Time => whole(number).map_or_else(|| format!("{} ns", plain(number)), time),
        Unit::Percent => format!("{}%", plain(number)),
        Unit::Count { noun: Some(noun) } => format!("{} {noun}", plain(number)),
        Unit::Count { noun: None } => plain(number),
    }
}

/// Nine decimals are more than anyone writes, and hide what binary fractions add.
fn plain(number: f64) -> String {
    let text = format!("{number:.9}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The whole number that it is but for binary fractions: `1.005 µs` is 1,005 ns.
fn whole(number: f64) -> Option<u64> {
    let rounded = number.round();
    let is_whole = (number - rounded).abs() <= rounded.abs() * 1e-12;
    (is_whole && (0.0..9e15).contains(&rounded)).then_some(rounded as u64)
}

/// `n / size` with all its decimals; `size` is a power of ten.
fn scaled(n: u64, size: u64) -> String {
    let digits = size.ilog10() as usize;
    let fraction = format!("{:0digits$}", n % size);
    let fraction = if digits == 0 { "" } else { fraction.trim_end_matches('0') };
    if fraction.is_empty() { (n / size).to_string() } else { format!("{}.{fraction}", n / size) }
}

fn bytes(n: u64) -> String {
    const DECIMAL: [(&str, u64); 3] = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
    const BINARY: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let decimal = DECIMAL.iter().find(|(_, size)| n >= *size).map(|(unit, size)| (unit, scaled(n, *size)));
    let Some((unit, text)) = decimal else { return format!("{n} B") };
    let binary = BINARY.iter().find(|(_, size)| n >= *size && n.is_multiple_of(*size));
    match binary {
        Some((unit, size)) if text.split('.').nth(1).is_some_and(|fraction| fraction.len() > 2) => {
            format!("{} {unit}", n / size)
        }
        _ => format!("{text} {unit}"),
    }
}

fn time(ns: u64) -> String {
    const SMALL: [(&str, u64); 3] = [("s", 1_000_000_000), ("ms", 1_000_000), ("µs", 1_000)];
    const MINUTE: u64 = 60_000_000_000;
    if ns < MINUTE {
        let fitting = SMALL.iter().find(|(_, size)| ns >= *size);
        return fitting.map_or_else(|| format!("{ns} ns"), |(unit, size)| format!("{} {unit}", scaled(ns, *size)));
    }
    let minutes = ns / MINUTE;
    let parts = [(minutes / 1_440, "d"), (minutes / 60 % 24, "h"), (minutes % 60, "min")];
    let mut shown: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n} {unit}")).collect();
    if !ns.is_multiple_of(MINUTE) {
        shown.push(format!("{} s", scaled(ns % MINUTE, 1_000_000_000)));
    }
    shown.join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::compile;

    #[test]
    fn targets_are_shown_to_their_last_digit() {
        for (target, expect) in [
            ("≤ 1.5 ms", "≤ 1.5 ms"),
            ("≤ 999.9 ms", "≤ 999.9 ms"),
            ("≤ 59.999 s", "≤ 59.999 s"),
            ("≤ 1.234 s", "≤ 1.234 s"),
            ("≤ 0.9 µs", "≤ 900 ns"),
            ("≤ 1.005 µs", "≤ 1.005 µs"),
            ("≤ 0.5 ns", "≤ 0.5 ns"),
            ("≤ 1 h 30 min 30 s", "≤ 1 h 30 min 30 s"),
            ("≤ 1 d 2 h 59 min", "≤ 1 d 2 h 59 min"),
            ("≤ 61.5 s", "≤ 1 min 1.5 s"),
            ("≤ 0 s", "≤ 0 ns"),
            ("≤ 5.25 MB", "≤ 5.25 MB"),
            ("≤ 1.2345 kB", "≤ 1234.5 B"),
            ("≤ 1.2345 MB", "≤ 1.2345 MB"),
            ("≤ 1500 B", "≤ 1.5 kB"),
            ("≤ 1.05 kB", "≤ 1.05 kB"),
            ("≤ 5 MiB", "≤ 5 MiB"),
            ("≤ 1 GiB", "≤ 1 GiB"),
            ("≤ 999 B", "≤ 999 B"),
            ("≤ 1 TB", "≤ 1000 GB"),
            ("≥ 99.99999%", "≥ 99.99999%"),
            ("≥ 1234567.5", "≥ 1234567.5"),
        ] {
            assert_eq!(compile("x", target).to_string(), expect, "{target}");
        }
    }
}
