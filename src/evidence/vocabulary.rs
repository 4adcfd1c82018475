//! What a handler can measure, with the labels that people write for it.
//!
//! Invariant: a label is folded once for the life of the program, not once for each order: binding one order must not cost more
//! for a handler that measures more.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::ops::Deref;
use std::sync::LazyLock;

use super::{Declaration, Kind, subject};
use crate::order::fold;

/// Words that ask whether what is there can be read.
pub const READ: [&str; 7] = ["readable", "valid", "validated", "verified", "queryable", "intact", "uncorrupted"];

/// Words that ask whether the service manager has it.
const LOADED: [&str; 4] = ["loaded", "installed", "registered", "bootstrapped"];

/// Declarations, in the order they were made, and their folded labels.
#[derive(Debug)]
pub struct Vocabulary {
    declarations: Vec<Declaration>,
    labels: HashMap<String, BTreeSet<&'static str>>,
    states: BTreeSet<&'static str>,
    words: BTreeSet<String>,
}

impl Vocabulary {
    pub fn new(declarations: impl Into<Vec<Declaration>>) -> Vocabulary {
        let declarations = declarations.into();
        let mut labels: HashMap<String, BTreeSet<&'static str>> = HashMap::new();
        let mut states = BTreeSet::new();
        for declaration in &declarations {
            if matches!(declaration.kind, None | Some(Kind::State | Kind::Runs)) {
                states.insert(declaration.key);
            }
            // a key written as words is a label too: `export file size`
            for label in declaration.aliases.iter().chain([&declaration.key]) {
                labels.entry(united(&fold(label)).into_owned()).or_default().insert(declaration.key);
            }
        }
        let words = labels.keys().flat_map(|label| subject::words(label)).collect();
        for declaration in &declarations {
            for (key, words) in [(declaration.read_by, &READ[..]), (declaration.loaded_by, &LOADED)] {
                let Some(key) = key.filter(|key| declarations.iter().any(|one| one.key == *key)) else { continue };
                let asking = |alias| words.iter().map(move |word| fold(&format!("{alias} {word}")));
                for label in declaration.aliases.iter().flat_map(asking) {
                    labels.entry(united(&label).into_owned()).or_insert_with(|| BTreeSet::from([key]));
                }
            }
        }
        Vocabulary { declarations, labels, states, words }
    }

    /// Nothing is measured.
    pub fn empty() -> &'static Vocabulary {
        static EMPTY: LazyLock<Vocabulary> = LazyLock::new(|| Vocabulary::new([]));
        &EMPTY
    }

    /// The keys that a folded label stands for.
    pub fn named(&self, folded: &str) -> Option<&BTreeSet<&'static str>> {
        self.labels.get(united(folded).as_ref())
    }

    /// Each folded label with the keys that it stands for, in no order.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &BTreeSet<&'static str>)> {
        self.labels.iter().map(|(label, keys)| (label.as_str(), keys))
    }

    /// Whether the name of a thing may be one of what is measured, or of a part that every such thing has: a word of it is one
    /// of the labels'. A name in another script is not told from one.
    pub fn knows(&self, name: &str) -> bool {
        const PARTS: [&str; 16] = [
            "storage",
            "data",
            "pipeline",
            "automation",
            "performance",
            "quality",
            "reliability",
            "integration",
            "analytics",
            "scheduler",
            "system",
            "core",
            "all",
            "output",
            "job",
            "overall",
        ];
        let is_known = |word: &String| PARTS.contains(&word.as_str()) || self.words.contains(word);
        !name.is_ascii() || subject::words(name).iter().any(is_known)
    }

    /// Whether the key is of what is there and works, or isn't and doesn't: no number.
    pub fn is_state(&self, key: &str) -> bool {
        self.states.contains(key)
    }

    /// What declares this key.
    pub fn of_key(&self, key: &str) -> Option<&Declaration> {
        self.declarations.iter().find(|declaration| declaration.key == key)
    }
}

/// A folded label with each number and the hour or day behind it as one word: `24 h` is `24h`.
fn united(folded: &str) -> Cow<'_, str> {
    const UNITS: [&str; 2] = ["h", "d"];
    if !folded.bytes().any(|byte| byte.is_ascii_digit()) {
        return Cow::Borrowed(folded);
    }
    let is_number = |word: &str| word.chars().all(|c| c.is_ascii_digit());
    let mut out = String::new();
    let mut last = "";
    for word in folded.split(' ') {
        let is_its_unit = UNITS.contains(&word) && is_number(last);
        if !out.is_empty() && !is_its_unit {
            out.push(' ');
        }
        out.push_str(word);
        last = word;
    }
    if out.len() == folded.len() { Cow::Borrowed(folded) } else { Cow::Owned(out) }
}

impl Deref for Vocabulary {
    type Target = [Declaration];

    fn deref(&self) -> &[Declaration] {
        &self.declarations
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_by_its_labels_and_by_its_own_words() {
        let known = Vocabulary::new([
            Declaration::new("export.file_size", &["Size (MB)", "Ｏｕｔｐｕｔ size"], "").of(Kind::Bytes),
            Declaration::new("export.live", &["Export", "Output size"], "").of(Kind::State),
            Declaration::new("export.file", &["File", "Output"], "").read_by("export.live"),
        ]);
        let named = |label: &str| known.named(label).map(|keys| keys.iter().copied().collect::<Vec<_>>());
        assert_eq!(named("size mb"), Some(vec!["export.file_size"]));
        assert_eq!(named("export file size"), Some(vec!["export.file_size"]));
        assert_eq!(named("output size"), Some(vec!["export.file_size", "export.live"]));
        assert_eq!(named("Output size"), None);
        for (label, expected) in
            [("runs in 24 h", true), ("runs in 24h", true), ("runs in h", false), ("runs in 24 x", false)]
        {
            let known = Vocabulary::new([Declaration::new("a.b", &["Runs in 24 h"], "")]);
            assert_eq!(known.named(label).is_some(), expected, "{label}");
        }
        assert_eq!(named("output"), Some(vec!["export.file"]));
        assert_eq!(named("output readable"), Some(vec!["export.live"]));
        assert_eq!(named("export readable"), None);
        assert!(known.is_state("export.live") && !known.is_state("export.file_size"));
        assert_eq!(known.of_key("export.live").map(|found| found.aliases.len()), Some(2));
        assert!(Vocabulary::empty().is_empty() && Vocabulary::empty().named("export").is_none());
    }
}
