//! Which measurement a criterion speaks of: the order's `bindings`, else a measurement's key, else an alias. Labels are
//! compared folded and whole; nothing is guessed.

use std::collections::BTreeMap;

use super::Declaration;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binding {
    Bound {
        key: String,
        by: BoundBy,
    },
    /// Several measurements go by this label.
    Ambiguous(Vec<String>),
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoundBy {
    Bindings,
    Key,
    Alias,
}

/// Binds the metric as written.
pub fn bind(metric: &str, bindings: &BTreeMap<String, String>, declarations: &[Declaration]) -> Binding {
    let label = fold(metric);
    if let Some((_, key)) = bindings.iter().find(|(name, _)| fold(name) == label) {
        return Binding::Bound { key: key.clone(), by: BoundBy::Bindings };
    }
    if let Some(declaration) = declarations.iter().find(|declaration| declaration.key == metric.trim()) {
        return Binding::Bound { key: declaration.key.to_owned(), by: BoundBy::Key };
    }
    let mut keys: Vec<String> = declarations
        .iter()
        .filter(|declaration| {
            fold(declaration.key) == label || declaration.aliases.iter().any(|alias| fold(alias) == label)
        })
        .map(|declaration| declaration.key.to_owned())
        .collect();
    keys.sort();
    keys.dedup();
    match keys.len() {
        0 => Binding::None,
        1 => Binding::Bound { key: keys.swap_remove(0), by: BoundBy::Alias },
        _ => Binding::Ambiguous(keys),
    }
}

/// A label without case, punctuation, emoji and width: words parted by one space.
pub fn fold(label: &str) -> String {
    use unicode_normalization::UnicodeNormalization as _;
    let words: String = label
        .nfkc()
        .flat_map(char::to_lowercase)
        .map(|c| if c.is_alphanumeric() || unicode_normalization::char::is_combining_mark(c) { c } else { ' ' })
        .collect();
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECLARED: &[Declaration] = &[
        Declaration { key: "export.file_size", aliases: &["File size", "Parquet size"], about: "" },
        Declaration { key: "export.rows", aliases: &["Rows", "Size"], about: "" },
        Declaration { key: "other.size", aliases: &["Size"], about: "" },
    ];

    #[test]
    fn labels() {
        let bindings = BTreeMap::from([("My metric".to_owned(), "export.rows".to_owned())]);
        let bound = |key: &str, by| Binding::Bound { key: key.to_owned(), by };
        for (metric, expected) in [
            ("File size", bound("export.file_size", BoundBy::Alias)),
            ("📦 **FILE – SIZE**", bound("export.file_size", BoundBy::Alias)),
            ("export.file_size", bound("export.file_size", BoundBy::Key)),
            ("my  METRIC", bound("export.rows", BoundBy::Bindings)),
            ("Size", Binding::Ambiguous(vec!["export.rows".to_owned(), "other.size".to_owned()])),
            ("File size of another file", Binding::None),
            ("", Binding::None),
        ] {
            assert_eq!(bind(metric, &bindings, DECLARED), expected, "{metric}");
        }
    }
}
