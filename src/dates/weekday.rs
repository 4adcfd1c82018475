//! Days of the week as people write them.

/// From Monday.
pub(super) const NAMES: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Which day of the week a word names, from Monday as 0: `Monday`, `mondays`, `Mon`.
pub fn weekday(word: &str) -> Option<usize> {
    let is_short = |name: &&str| name.get(..3).is_some_and(|short| short.eq_ignore_ascii_case(word));
    full_weekday(word).or_else(|| NAMES.iter().position(is_short))
}

/// As [`weekday`], of whole names alone: `sun`, `sat` and `wed` are words too.
pub fn full_weekday(word: &str) -> Option<usize> {
    let one = word.strip_suffix(['s', 'S']).unwrap_or(word);
    NAMES.iter().position(|name| name.eq_ignore_ascii_case(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_known_by_name() {
        for (word, all, full) in [
            ("Monday", Some(0), Some(0)),
            ("sundays", Some(6), Some(6)),
            ("Wed", Some(2), None),
            ("weds", None, None),
            ("mondayss", None, None),
            ("tues", None, None),
            ("", None, None),
        ] {
            assert_eq!((weekday(word), full_weekday(word)), (all, full), "{word}");
        }
    }
}
