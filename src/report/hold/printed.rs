//! What a command that was measured prints itself, as `KEY: VALUE`.
//!
//! Invariant: of a key that the command prints, what it printed decides, not a measurement that is called so too.

use crate::evidence::{Measurement, Value};
use crate::order::fold;
use crate::order::target::{Target, Unit, compile};

/// All lines that are kept of what these print.
pub fn lines<'m>(own: &[&'m Measurement]) -> impl Iterator<Item = &'m str> {
    let stands = |one: &&'m Measurement| !matches!(one.value, Value::Undone { .. });
    own.iter().copied().filter(stands).flat_map(|one| one.printed.iter().map(String::as_str))
}

/// The value that is printed under `name`.
pub fn under<'m>(own: &[&'m Measurement], name: &str) -> Option<&'m str> {
    let wanted = fold(name);
    let found = lines(own).filter_map(|line| line.split_once(": ")).find(|(key, _)| fold(key) == wanted);
    found.map(|(_, value)| value.trim())
}

/// Whether `line` says no more than which keys are printed: `prints Rows, Size and Validation`.
pub fn lists(own: &[&Measurement], line: &str) -> bool {
    let verbs = ["prints ", "shows ", "lists "];
    let Some(keys) = verbs.iter().find_map(|verb| line.strip_prefix(verb)) else { return false };
    let keys = keys.replace(" and ", ", ");
    keys.trim_end_matches('.')
        .split(',')
        .map(str::trim)
        .filter(|key| !key.is_empty())
        .all(|key| under(own, key).is_some())
}

/// A value that was printed, by its kind; `None` where it says that nothing is known.
pub fn typed(name: &str, value: &str, of: &Measurement) -> Option<Measurement> {
    let folded = fold(value);
    let value = match (folded.split(' ').next().unwrap_or_default(), compile("", &format!("= {value}"))) {
        ("unmeasured" | "", _) => return None,
        (word @ ("passed" | "failed"), _) => Value::State { works: word == "passed", detail: value.to_owned() },
        (_, Target::Compare { number, unit: Unit::Bytes, condition: None, .. }) => Value::Bytes(number as u64),
        (_, Target::Compare { number, unit: Unit::Time, condition: None, .. }) => Value::Duration(number as u64),
        (_, Target::Compare { number, unit: Unit::Count { noun: None }, condition: None, .. }) => {
            Value::Count { n: number as u64, noun: fold(name) }
        }
        _ => Value::Word(value.to_owned()),
    };
    Some(Measurement::new(fold(name), value, "", of.at))
}

/// What the commands count: by a key (`Rows: 288`) or in how it went (`4 files, 288 rows; nothing was changed`).
pub fn counts(own: &[&Measurement]) -> Vec<Measurement> {
    let mut out = Vec::new();
    for one in own {
        let own = [*one];
        let keyed =
            lines(&own).filter_map(|line| line.split_once(": ")).filter_map(|(key, value)| typed(key, value, one));
        out.extend(keyed.filter(|typed| matches!(typed.value, Value::Count { .. })));
        let Value::State { works: true, detail } = &one.value else { continue };
        for part in detail.split([';', ',']).map(str::trim) {
            if let Target::Compare {
                number, unit: Unit::Count { noun: Some(noun) }, condition: None, per: None, ..
            } = compile("", &format!("= {part}"))
                && part.starts_with(|c: char| c.is_ascii_digit())
                && !noun.contains(' ')
            {
                out.push(Measurement::new(one.key.clone(), Value::Count { n: number as u64, noun }, "", one.at));
            }
        }
    }
    out
}
