//! YAML: `saphyr-parser` walks the events for depth, anchors, aliases and the places of keys; only what passed goes to
//! `serde_yaml`.

mod node;

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::Value;

use self::node::Node;
pub(crate) use self::node::read_leniently;
use super::{Data, DataError, Duplicate, Repair, TopKey, line_starts};
use crate::order::refusal::{MAX_DATA_DEPTH, ParseRefusal};

/// Reads a mapping. `first_line` is the line of the source at which `text` begins, for messages.
pub(crate) fn read(text: &str, first_line: usize, what: &str) -> Result<Data, DataError> {
    match read_strictly(text, first_line, what) {
        Err(DataError::Syntax { message, at }) => {
            // plain scalars that YAML can't hold: `title: WO: x`, `target: >80%`
            let (repaired, repairs) = quote_plain_scalars(text);
            match read_strictly(&repaired, first_line, what) {
                Ok(mut data) if !repairs.is_empty() => {
                    restore_places(&mut data, text);
                    data.repairs = repairs;
                    Ok(data)
                }
                Err(DataError::Refused(refusal)) => Err(DataError::Refused(refusal)),
                _ => Err(DataError::Syntax { message, at }),
            }
        }
        result => result,
    }
}

fn read_strictly(text: &str, first_line: usize, what: &str) -> Result<Data, DataError> {
    let keys = walk(text, first_line, what)?;
    let (single, duplicates, keys) = without_duplicates(text, keys);
    let Node(value) = serde_yaml::from_str::<Node<true>>(&single).map_err(|error| syntax(&single, &error))?;
    match value {
        Value::Object(map) => Ok(Data { map, keys, duplicates, repairs: Vec::new() }),
        Value::Null => Ok(Data::default()),
        _ => Err(DataError::Syntax { message: "it is not a mapping of keys to values".to_owned(), at: 0 }),
    }
}

fn syntax(text: &str, error: &serde_yaml::Error) -> DataError {
    let at = error
        .location()
        .map_or(0, |location| line_starts(text).get(location.line().saturating_sub(1)).copied().unwrap_or(0));
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or(&message);
    DataError::Syntax { message: message.to_owned(), at }
}

/// The limits, and the keys of the top-level mapping.
fn walk(text: &str, first_line: usize, what: &str) -> Result<Vec<TopKey>, DataError> {
    let starts = line_starts(text);
    let start_of = |line: usize| starts.get(line.saturating_sub(1)).copied().unwrap_or(text.len());
    let mut keys: Vec<TopKey> = Vec::new();
    let mut documents = 0;
    // whether the open collections are mappings; in the top one keys and values alternate
    let mut open: Vec<bool> = Vec::new();
    let mut expects_key = true;
    let mut parser = Parser::new_from_str(text);
    while let Some(next) = parser.next_event() {
        let (event, span) = next.map_err(|error| {
            let line = error.marker().line();
            let source_line = first_line + line.saturating_sub(1);
            if error.info().contains("unknown anchor") {
                return DataError::Refused(ParseRefusal::Alias { what: "alias".to_owned(), line: source_line });
            }
            if error.info().contains("recursion") {
                return DataError::Refused(too_deep(what, source_line));
            }
            DataError::Syntax { message: error.info().to_owned(), at: start_of(line) }
        })?;
        let line = span.start.line();
        let source_line = first_line + line.saturating_sub(1);
        let anchored = match &event {
            Event::Alias(_) => Some("alias"),
            Event::Scalar(_, _, anchor, _) | Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _)
                if *anchor != 0 =>
            {
                Some("anchor")
            }
            _ => None,
        };
        if let Some(kind) = anchored {
            return Err(DataError::Refused(ParseRefusal::Alias { what: kind.to_owned(), line: source_line }));
        }
        let in_top_mapping = open.len() == 1 && open.first() == Some(&true);
        match event {
            Event::DocumentStart(_) => {
                documents += 1;
                if documents > 1 {
                    let message = "a second YAML document begins here; an order is one".to_owned();
                    return Err(DataError::Syntax { message, at: start_of(line) });
                }
            }
            Event::MappingStart(..) | Event::SequenceStart(..) => {
                if open.len() >= MAX_DATA_DEPTH {
                    return Err(DataError::Refused(too_deep(what, source_line)));
                }
                if in_top_mapping {
                    // a collection as a key is no name of ours; its value follows all the same
                    expects_key = !expects_key;
                }
                open.push(matches!(event, Event::MappingStart(..)));
                if open.len() == 1 {
                    expects_key = true;
                }
            }
            Event::MappingEnd | Event::SequenceEnd => {
                open.pop();
            }
            Event::Scalar(value, style, ..) if in_top_mapping => {
                if expects_key {
                    keys.push(TopKey { name: value.into_owned(), start: start_of(line), raw: None });
                } else if let Some(key) = keys.last_mut().filter(|_| style == ScalarStyle::Plain) {
                    key.raw = Some(value.into_owned());
                }
                expects_key = !expects_key;
            }
            _ => {}
        }
    }
    Ok(keys)
}

fn too_deep(what: &str, line: usize) -> ParseRefusal {
    ParseRefusal::TooDeep { what: what.to_owned(), line, limit: MAX_DATA_DEPTH }
}

/// The text without the later ones of keys that stand there twice, where each key has lines of its own.
fn without_duplicates(text: &str, keys: Vec<TopKey>) -> (String, Vec<Duplicate>, Vec<TopKey>) {
    let mut first_of: std::collections::HashMap<String, (usize, usize)> = std::collections::HashMap::new();
    let mut duplicates = Vec::new();
    let mut kept = String::with_capacity(text.len());
    let mut copied = 0;
    for (n, key) in keys.iter().enumerate() {
        let end = keys.get(n + 1).map_or(text.len(), |next| next.start);
        let Some((start, first_end)) = first_of.get(&key.name).copied() else {
            first_of.insert(key.name.clone(), (key.start, end));
            continue;
        };
        let has_own_lines = end > key.start
            && n.checked_sub(1).and_then(|before| keys.get(before)).is_none_or(|before| before.start < key.start);
        if has_own_lines {
            let same = text.get(start..first_end).map(str::trim) == text.get(key.start..end).map(str::trim);
            duplicates.push(Duplicate { name: key.name.clone(), first: start, second: key.start, same });
            kept.push_str(text.get(copied..key.start).unwrap_or(""));
            copied = end;
        }
    }
    kept.push_str(text.get(copied..).unwrap_or(""));
    (kept, duplicates, keys)
}

/// Lines `key: value` whose plain value YAML does not take, with the value quoted; the line count stays.
fn quote_plain_scalars(text: &str) -> (String, Vec<Repair>) {
    let mut out = String::with_capacity(text.len() + 64);
    let mut repairs = Vec::new();
    let mut at = 0;
    // lines of a block scalar are text, not keys
    let mut block_indent: Option<usize> = None;
    for line in text.split_inclusive('\n') {
        let body = line.trim_end();
        let indent = body.len() - body.trim_start().len();
        if block_indent.is_some_and(|outer| !body.trim().is_empty() && indent <= outer) {
            block_indent = None;
        }
        let quoted = if block_indent.is_some() { None } else { quoted_line(body) };
        if block_indent.is_none() && quoted.is_none() && ends_with_block_mark(body) {
            block_indent = Some(indent);
        }
        match quoted {
            Some(quoted) => {
                repairs.push(Repair { start: at + indent, what: body.trim().to_owned() });
                out.push_str(&quoted);
                out.push_str(line.get(body.len()..).unwrap_or(""));
            }
            None => out.push_str(line),
        }
        at += line.len();
    }
    (out, repairs)
}

fn ends_with_block_mark(body: &str) -> bool {
    let Some(mark) = body.rsplit(' ').next() else { return false };
    let first = mark.chars().next();
    matches!(first, Some('|' | '>'))
        && mark.len() <= 3
        && mark.chars().skip(1).all(|c| c.is_ascii_digit() || c == '+' || c == '-')
}

fn quoted_line(body: &str) -> Option<String> {
    let (key, value) = body.split_once(": ")?;
    let name = key.trim().trim_start_matches("- ").trim_matches(['"', '\'']);
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || " _-.".contains(c) || !c.is_ascii());
    let value = value.trim();
    // anchors and aliases are refused, not made harmless
    let quotable = match value.chars().next()? {
        '@' | '`' | '%' | ',' | ']' | '}' => true,
        '>' | '|' => !ends_with_block_mark(body),
        '"' | '\'' | '[' | '{' | '&' | '*' | '!' | '#' => false,
        _ => value.contains(": ") || value.ends_with(':'),
    };
    (is_name && quotable).then(|| format!("{key}: '{}'", value.replace('\'', "''")))
}

/// Places found in the repaired text, by lines, as those of the text.
fn restore_places(data: &mut Data, text: &str) {
    let original = line_starts(text);
    let (repaired, _) = quote_plain_scalars(text);
    let starts = line_starts(&repaired);
    let back = |at: usize| {
        original.get(starts.partition_point(|start| *start <= at).saturating_sub(1)).copied().unwrap_or(text.len())
    };
    for key in &mut data.keys {
        key.start = back(key.start);
    }
    for duplicate in &mut data.duplicates {
        duplicate.first = back(duplicate.first);
        duplicate.second = back(duplicate.second);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Vec<String> {
        let data = read(text, 1, "x").unwrap();
        data.keys.iter().map(|key| format!("{}@{}", key.name, key.start)).collect()
    }

    #[test]
    fn keys_are_found_where_they_stand() {
        assert_eq!(keys("a: 1\nข: [x, y]\nc:\n  d: 1\n  e: 2\nf: |\n  g: 1\n"), ["a@0", "ข@5", "c@17", "f@34"]);
        assert_eq!(keys("{a: 1, b: 2}\n"), ["a@0", "b@0"]);
        assert_eq!(keys("# c\r\na: 1\r\nb: 2\r\n"), ["a@5", "b@11"]);
        assert_eq!(keys(""), Vec::<String>::new());
        let data = read("id: 0251029\nn: 5\n", 1, "x").unwrap();
        assert_eq!(data.keys[0].raw.as_deref(), Some("0251029"));
    }

    #[test]
    fn bombs_and_depth_are_refused_before_anything_is_built() {
        let refused = |text: &str| matches!(read(text, 1, "x"), Err(DataError::Refused(_)));
        assert!(refused("a: &x [1]\nb: *x\n"));
        assert!(refused("a: &x 1\n"));
        assert!(refused("<<: *x\n"));
        assert!(refused(&format!("a: {}1{}\n", "[".repeat(16), "]".repeat(16))));
        assert!(!refused(&format!("a: {}1{}\n", "[".repeat(15), "]".repeat(15))));
        assert!(refused(&format!("a: {}\n", "[".repeat(30_000))));
        let bomb: String = (1..10).map(|n| format!("a{n}: &a{n} [*a{0}, *a{0}]\n", n - 1)).collect();
        assert!(refused(&format!("a0: &a0 lol\n{bomb}")));
        assert!(matches!(
            read("a: b\nc: [&x 1]\n", 10, "x"),
            Err(DataError::Refused(ParseRefusal::Alias { line: 11, .. }))
        ));
    }

    #[test]
    fn a_key_that_stands_there_twice_keeps_its_first_value() {
        let data = read("a: 1\nb:\n  - x\na: 2\nb:\n  - x\n", 1, "x").unwrap();
        assert_eq!(data.map["a"], 1);
        let found: Vec<_> = data.duplicates.iter().map(|d| (d.name.as_str(), d.first, d.second, d.same)).collect();
        assert_eq!(found, [("a", 0, 14, false), ("b", 5, 19, true)]);
        assert!(matches!(read("a: {x: 1, x: 2}\n", 1, "x"), Err(DataError::Syntax { .. })));
    }

    #[test]
    fn plain_scalars_that_yaml_does_not_take_are_put_right() {
        let data = read(
            "title: WO: a thing\nacceptance:\n  - metric: x\n    target: >80%\nnote: |\n  a: b: c\nz: @x\n",
            1,
            "x",
        )
        .unwrap();
        assert_eq!(data.map["title"], "WO: a thing");
        assert_eq!(data.map["acceptance"][0]["target"], ">80%");
        assert_eq!(data.map["note"], "a: b: c\n");
        assert_eq!(data.map["z"], "@x");
        assert_eq!(data.repairs.len(), 3);
        assert_eq!(data.keys[1].start, 19);
        assert!(matches!(read("a: [\n", 1, "x"), Err(DataError::Syntax { .. })));
    }
}
