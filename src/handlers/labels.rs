//! Whether an order names a service by its label, and as more than a mention. Pure.

use crate::order::Item;

/// Whether `text` holds `label` as a whole, not as a part of a longer one, and as more than a mention.
pub fn names_label(text: &str, label: &str) -> bool {
    text.match_indices(label).any(|(at, _)| {
        let inside = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
        let before = text[..at].chars().next_back().is_some_and(|c| inside(c) || c == '.');
        let rest = &text[at + label.len()..];
        let rest = rest.strip_prefix(".plist").unwrap_or(rest);
        let longer = rest.strip_prefix('.').and_then(|rest| rest.chars().next()).is_some_and(inside);
        !before && !longer && !rest.chars().next().is_some_and(inside) && !is_mention(&text[..at])
    })
}

/// A requirement's text, and those nested below it.
pub fn texts(item: &Item) -> Vec<&str> {
    std::iter::once(item.text.as_str()).chain(item.children.iter().flat_map(texts)).collect()
}

/// Words before a name in its clause that tell it from what the order is about.
const MENTIONS: [&str; 21] = [
    "not",
    "don't",
    "never",
    "leave",
    "untouched",
    "like",
    "unlike",
    "similar",
    "replaces",
    "replaced",
    "replacing",
    "instead",
    "than",
    "after",
    "before",
    "beside",
    "besides",
    "alongside",
    "without",
    "except",
    "see",
];

/// A line that begins so mentions what follows its colon.
const FORBIDDING: [&str; 9] = ["do not", "don't", "never", "not", "leave", "keep", "untouched", "except", "see"];

/// Whether what stands before a name says that it is only mentioned. What stands in brackets or before a colon describes
/// something else, unless it forbids to touch it.
pub fn is_mention(before: &str) -> bool {
    let before = without_brackets(before).to_lowercase().replace('’', "'");
    let sentence = before.rsplit(". ").next().unwrap_or(&before);
    let (head, clause) = match sentence.rsplit_once(':') {
        Some((head, clause)) => (Some(head), clause),
        None => (None, sentence),
    };
    let head = head.unwrap_or_default().trim_start_matches(|c: char| !c.is_alphanumeric());
    let forbids = FORBIDDING.iter().any(|lead| {
        head.strip_prefix(lead).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '\''))
    });
    let clause = clause.rsplit([',', ';', '–', '—']).next().unwrap_or(clause);
    forbids || clause.split(|c: char| !c.is_alphanumeric() && c != '\'').any(|word| MENTIONS.contains(&word))
}

/// Without what stands in brackets that are closed.
fn without_brackets(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut open: Vec<usize> = Vec::new();
    for c in text.chars() {
        match (c, open.last().copied()) {
            (')', Some(at)) => {
                kept.truncate(at);
                open.pop();
            }
            _ => {
                if c == '(' {
                    open.push(kept.len());
                }
                kept.push(c);
            }
        }
    }
    kept
}
