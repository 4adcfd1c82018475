//! The comments of settings that an edit removes: they are their author's, and go to the setting that comes next.

use toml_edit::{Item, TableLike, Value};

/// Removes `key`; what is written above, beside and within it is returned, one comment a line.
pub(super) fn remove(table: &mut dyn TableLike, key: &str) -> String {
    let above = table.key(key).and_then(|key| key.leaf_decor().prefix()?.as_str().map(str::to_owned));
    let item = table.remove(key);
    lines(&above.unwrap_or_default(), item.as_ref())
}

/// Puts `comments` above `key`, where they are indented as it is.
pub(super) fn put_above(table: &mut dyn TableLike, key: &str, comments: &str) {
    if comments.is_empty() {
        return;
    }
    let Some(mut key) = table.key_mut(key) else { return };
    let decor = key.leaf_decor_mut();
    let before = decor.prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default().to_owned();
    decor.set_prefix(format!("{comments}{before}"));
}

/// The comments within a value that is replaced; those around it stay where they are.
pub(super) fn within(value: &Value) -> String {
    let mut bare = value.clone();
    bare.decor_mut().clear();
    lines("", Some(&Item::Value(bare)))
}

/// The comments of a whole item.
pub(super) fn of(item: &Item) -> String {
    lines("", Some(item))
}

fn lines(above: &str, item: Option<&Item>) -> String {
    let of_table = |decor: &toml_edit::Decor| {
        let part =
            |part: Option<&toml_edit::RawString>| part.and_then(|part| part.as_str()).unwrap_or_default().to_owned();
        format!("{}\n{}\n", part(decor.prefix()), part(decor.suffix()))
    };
    let beside = match item {
        Some(Item::Table(table)) => of_table(table.decor()) + &table.to_string(),
        Some(item) => item.to_string(),
        None => String::new(),
    };
    find(above).into_iter().chain(find(&beside)).map(|comment| format!("{comment}\n")).collect()
}

/// Every comment of a piece of TOML, from its `#` on; what stands in strings is none.
fn find(toml: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = toml;
    while let Some(at) = rest.find(['#', '"', '\'']) {
        let (_, from) = rest.split_at(at);
        if from.starts_with('#') {
            let line = from.lines().next().unwrap_or_default();
            found.push(line.trim_end().to_owned());
            rest = from.get(line.len()..).unwrap_or_default();
        } else {
            rest = after_string(from);
        }
    }
    found
}

/// What follows the string that `text` begins with.
fn after_string(text: &str) -> &str {
    let quote = if text.starts_with('"') { '"' } else { '\'' };
    let triple: String = [quote; 3].iter().collect();
    let (end, inner) = match text.strip_prefix(triple.as_str()) {
        Some(inner) => (triple, inner),
        None => (quote.to_string(), text.get(1..).unwrap_or_default()),
    };
    let mut rest = inner;
    loop {
        match rest.find(['\\', quote]) {
            None => return "",
            Some(at) => {
                let (_, from) = rest.split_at(at);
                if let Some(after) = from.strip_prefix(end.as_str()) {
                    return after;
                }
                // an escaped character, which has no meaning in single quotes; or one quote of fewer than three
                let skip = if from.starts_with('\\') && quote == '"' {
                    from.chars().take(2).map(char::len_utf8).sum()
                } else {
                    1
                };
                rest = from.get(skip..).unwrap_or_default();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_comment_and_what_stands_in_a_string() {
        for (toml, expected) in [
            ("# a\n\n  # b  \n", vec!["# a", "# b"]),
            (" [\n \"x # no\", # yes\n '\\', # two\n] # three", vec!["# yes", "# two", "# three"]),
            ("\"\"\"a \" # no\n\"\"\" # yes", vec!["# yes"]),
            ("\"a\\\"# no\" # ใช่", vec!["# ใช่"]),
            ("'''# no", vec![]),
            ("\"# no end", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(find(toml), expected, "{toml}");
        }
    }
}
