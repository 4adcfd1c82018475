//! Labels of services: `com.02luka.optimizer`. In a criterion they are the name of the thing, wherever they stand.

use super::target::{self, Target};

/// Whether a word is the label of a service: `com.02luka.optimizer`.
pub(crate) fn is_service_label(word: &str) -> bool {
    const FIRST: [&str; 13] =
        ["com", "org", "net", "io", "dev", "local", "me", "app", "co", "th", "homebrew", "gui", "system"];
    let parts: Vec<&str> = word.split('.').collect();
    let plain = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || "-_*".contains(c));
    parts.len() >= 3 && parts.first().is_some_and(|first| FIRST.contains(first)) && parts.iter().all(plain)
}

/// A metric with the service's label that stands beside what its target says of it: `LaunchAgent | com.02luka.digest loaded`.
pub(crate) fn label_apart(metric: &str, target: &str) -> Option<(String, String)> {
    let text = target.replace('`', "");
    let words: Vec<&str> = text.split_whitespace().collect();
    let (label, said) = match words.as_slice() {
        [label, said @ ..] if is_service_label(label) => (*label, said),
        [said @ .., label] => {
            (label.strip_prefix('(')?.strip_suffix(')').filter(|label| is_service_label(label))?, said)
        }
        [] => return None,
    };
    let said = said.join(" ");
    matches!(target::compile(metric, &said), Target::Ready { .. }).then(|| (format!("{metric} ({label})"), said))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_services_label_is_the_things_name_wherever_it_stands() {
        for (metric, target, expect) in [
            ("LaunchAgent", "`com.02luka.x` loaded", Some(("LaunchAgent (com.02luka.x)", "loaded"))),
            (
                "LaunchAgent",
                "loaded & running (com.02luka.x)",
                Some(("LaunchAgent (com.02luka.x)", "loaded & running")),
            ),
            ("LaunchAgent", "loaded", None),
            ("LaunchAgent", "com.02luka.x", None),
            ("LaunchAgent", "com.02luka.x ≤ 5", None),
            ("LaunchAgent", "loaded (twice)", None),
        ] {
            let expect = expect.map(|(metric, target)| (metric.to_owned(), target.to_owned()));
            assert_eq!(label_apart(metric, target), expect, "{metric} | {target}");
        }
    }
}
