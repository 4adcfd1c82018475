//! Whether an order names a service by its label. Pure.

use crate::order::Item;

/// Whether `text` holds `label` as a whole: not as a part of a longer one.
pub fn names_label(text: &str, label: &str) -> bool {
    text.match_indices(label).any(|(at, _)| {
        let inside = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
        let before = text[..at].chars().next_back().is_some_and(|c| inside(c) || c == '.');
        let rest = &text[at + label.len()..];
        let rest = rest.strip_prefix(".plist").unwrap_or(rest);
        let longer = rest.strip_prefix('.').and_then(|rest| rest.chars().next()).is_some_and(inside);
        !before && !longer && !rest.chars().next().is_some_and(inside)
    })
}

/// A requirement's text, and those nested below it.
pub fn texts(item: &Item) -> Vec<&str> {
    std::iter::once(item.text.as_str()).chain(item.children.iter().flat_map(texts)).collect()
}
