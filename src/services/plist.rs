//! Property lists of launchd: a [`ServiceDefinition`] rendered, and any plist read (launchd.plist(5)).
//!
//! What must hold: the same definition gives the same bytes; reading is bounded in size and depth, whatever the file holds.

mod xml;

use std::io::Cursor;
use std::thread;

use plist::{Dictionary, Value};

use super::job::Job;
use super::{ServiceDefinition, Start};
use crate::schedule::calendar::Entry;
use crate::schedule::ledger;

/// Larger than any job's definition.
pub(super) const MAX_BYTES: usize = 1024 * 1024;
/// A binary plist nests in a few bytes.
const MAX_BINARY_BYTES: usize = 256 * 1024;
const MAX_DEPTH: usize = 32;
/// Reading and dropping recurse where the library does; enough for the deepest file within the bounds above.
const STACK_BYTES: usize = 256 * 1024 * 1024;

/// The plist of `definition`. `WO_SERVICE` in its environment tells a `wo` that it starts which service it runs for (see
/// [`crate::schedule::ledger`]). launchd knows no seconds: they are dropped from a calendar time.
pub fn render(definition: &ServiceDefinition) -> Vec<u8> {
    let path = |path: &std::path::Path| Value::String(path.to_string_lossy().into_owned());
    let mut environment: Dictionary =
        definition.environment.iter().map(|(key, value)| (key.clone(), Value::String(value.clone()))).collect();
    environment.insert(ledger::SERVICE.to_owned(), Value::String(definition.label.clone()));
    environment.sort_keys();

    let mut root = Dictionary::new();
    let mut put = |key: &str, value: Value| root.insert(key.to_owned(), value);
    put("Label", Value::String(definition.label.clone()));
    put("ProgramArguments", Value::Array(definition.program.iter().cloned().map(Value::String).collect()));
    put("WorkingDirectory", path(&definition.working_directory));
    put("EnvironmentVariables", Value::Dictionary(environment));
    if definition.run_at_load {
        put("RunAtLoad", Value::Boolean(true));
    }
    match &definition.start {
        Start::Calendar { at, weekday } => {
            let entry = Entry::daily(*at, *weekday);
            let fields = [("Hour", entry.hour), ("Minute", entry.minute), ("Weekday", entry.weekday)];
            let known = fields.into_iter().filter_map(|(key, n)| Some((key.to_owned(), Value::Integer(n?.into()))));
            put("StartCalendarInterval", Value::Dictionary(known.collect()));
        }
        Start::Interval { every_s } => {
            put("StartInterval", Value::Integer((*every_s).into()));
        }
        Start::KeepAlive => {
            put("KeepAlive", Value::Boolean(true));
        }
    }
    put("StandardOutPath", path(&definition.stdout));
    put("StandardErrorPath", path(&definition.stderr));

    let mut bytes = Vec::new();
    // writing to memory fails for values that XML has no form for; none of these is one
    let _ = Value::Dictionary(root).to_writer_xml(&mut bytes);
    bytes.push(b'\n');
    bytes
}

/// Reads a plist, XML or binary; `Err` says in words why it is none.
pub fn parse(bytes: &[u8]) -> Result<Dictionary, String> {
    let binary = bytes.starts_with(b"bplist");
    let limit = if binary { MAX_BINARY_BYTES } else { MAX_BYTES };
    if bytes.len() > limit {
        return Err(format!("it has {} bytes; at most {limit} are read", bytes.len()));
    }
    let bytes = bytes.to_vec();
    let reader = thread::Builder::new().stack_size(STACK_BYTES).spawn(move || read(&bytes, binary));
    let reader = reader.map_err(|error| format!("failed to start reading: {error}"))?;
    reader.join().unwrap_or_else(|_| Err("its structure is broken".to_owned()))
}

fn read(bytes: &[u8], binary: bool) -> Result<Dictionary, String> {
    let value = match binary {
        true => Value::from_reader(Cursor::new(bytes)),
        false => Value::from_reader_xml(&*xml::plain(bytes)?),
    };
    let value = value.map_err(|error| error.to_string())?;
    if !is_shallow(&value) {
        return Err(format!("it nests deeper than {MAX_DEPTH}"));
    }
    value.into_dictionary().ok_or_else(|| "its top is not a dictionary".to_owned())
}

fn is_shallow(value: &Value) -> bool {
    let mut left = vec![(value, 0)];
    while let Some((value, depth)) = left.pop() {
        if depth > MAX_DEPTH {
            return false;
        }
        match value {
            Value::Array(values) => left.extend(values.iter().map(|value| (value, depth + 1))),
            Value::Dictionary(values) => left.extend(values.values().map(|value| (value, depth + 1))),
            _ => {}
        }
    }
    true
}

/// What a plist defines, as far as a [`ServiceDefinition`] holds it, and the keys that it has no place for. `Err` says what
/// is missing or can't be had at all.
pub fn definition(root: &Dictionary) -> Result<(ServiceDefinition, Vec<String>), String> {
    const KNOWN: [&str; 11] = [
        "Label",
        "Program",
        "ProgramArguments",
        "WorkingDirectory",
        "EnvironmentVariables",
        "RunAtLoad",
        "StartCalendarInterval",
        "StartInterval",
        "KeepAlive",
        "StandardOutPath",
        "StandardErrorPath",
    ];
    let job = Job::of_plist(root);
    let is_true = |key: &str| root.get(key).and_then(Value::as_boolean) == Some(true);
    let mut program = job.arguments;
    match (job.program, program.first_mut()) {
        (Some(path), Some(first)) => *first = path,
        (Some(path), None) => program.push(path),
        (None, _) => return Err("it names no program".to_owned()),
    }
    let entries = calendar(root)?;
    let interval = root.get("StartInterval").and_then(Value::as_unsigned_integer);
    let start = match (is_true("KeepAlive"), entries.as_slice(), interval) {
        (true, [], None) => Start::KeepAlive,
        (false, [Entry { hour: Some(hour), minute: None, .. }], None) => {
            return Err(format!(
                "its StartCalendarInterval has no Minute, so it fires at every minute of {hour}:00 to {hour}:59; name one"
            ));
        }
        (false, [Entry { month: None, day: None, weekday, hour: Some(hour), minute: Some(minute), .. }], None) => {
            Start::Calendar {
                at: jiff::civil::Time::new(*hour, *minute, 0, 0).map_err(|error| error.to_string())?,
                weekday: weekday.map(crate::schedule::calendar::weekday),
            }
        }
        (false, [], Some(every_s)) => Start::Interval { every_s },
        _ => return Err("it has no schedule, or one that is not one time of day, one interval or KeepAlive".to_owned()),
    };
    let mut environment = job.environment;
    environment.remove(ledger::SERVICE);
    let definition = ServiceDefinition {
        label: job.label.ok_or("it has no Label")?,
        program,
        working_directory: job.working_directory.unwrap_or_else(|| "/".into()),
        environment,
        start,
        run_at_load: is_true("RunAtLoad"),
        stdout: job.stdout.unwrap_or_else(|| "/dev/null".into()),
        stderr: job.stderr.unwrap_or_else(|| "/dev/null".into()),
    };
    let others = root.keys().filter(|key| !KNOWN.contains(&key.as_str())).cloned().collect();
    Ok((definition, others))
}

/// The calendar of a job, from `StartCalendarInterval`: a dictionary or an array of them. `Err` names what can never fire.
pub fn calendar(root: &Dictionary) -> Result<Vec<Entry>, String> {
    match root.get("StartCalendarInterval") {
        None => Ok(Vec::new()),
        Some(Value::Dictionary(entry)) => Ok(vec![calendar_entry(entry)?]),
        Some(Value::Array(entries)) => entries
            .iter()
            .map(|entry| entry.as_dictionary().ok_or("an entry is no dictionary".to_owned()).and_then(calendar_entry))
            .collect(),
        Some(_) => Err("it is neither a dictionary nor an array".to_owned()),
    }
}

fn calendar_entry(entry: &Dictionary) -> Result<Entry, String> {
    let field = |key: &str, low: i8, high: i8| match entry.get(key) {
        None => Ok(None),
        Some(value) => value
            .as_signed_integer()
            .and_then(|n| i8::try_from(n).ok())
            .filter(|n| (low..=high).contains(n))
            .map(Some)
            .ok_or_else(|| format!("{key} is not an integer from {low} to {high}")),
    };
    if let Some(key) = entry.keys().find(|key| !["Month", "Day", "Weekday", "Hour", "Minute"].contains(&key.as_str())) {
        return Err(format!("`{key}` is none of Month, Day, Weekday, Hour and Minute"));
    }
    Ok(Entry {
        month: field("Month", 1, 12)?,
        day: field("Day", 1, 31)?,
        weekday: field("Weekday", 0, 7)?,
        hour: field("Hour", 0, 23)?,
        minute: field("Minute", 0, 59)?,
        second: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::target::Weekday;

    fn definition(start: Start) -> ServiceDefinition {
        ServiceDefinition {
            label: "com.02luka.analytics.parquet".to_owned(),
            program: vec!["/usr/local/bin/wo".to_owned(), "export".to_owned(), "a && <b> \"ค่า\"".to_owned()],
            working_directory: "/Users/icmini/02 luka".into(),
            environment: [("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into(),
            start,
            run_at_load: true,
            stdout: "/Users/icmini/02 luka/g/logs/out.log".into(),
            stderr: "/Users/icmini/02 luka/g/logs/err.log".into(),
        }
    }

    #[test]
    fn what_is_rendered_is_read_back() {
        let sunday = Start::Calendar { at: "02:30".parse().unwrap(), weekday: Some(Weekday::Sunday) };
        let definition = definition(sunday);
        let bytes = render(&definition);
        assert_eq!(bytes, render(&definition));
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(text.starts_with("<?xml") && text.ends_with("</plist>\n"), "{text}");
        let root = parse(&bytes).unwrap();
        let arguments: Vec<&str> =
            root["ProgramArguments"].as_array().unwrap().iter().flat_map(Value::as_string).collect();
        assert_eq!(arguments, definition.program);
        assert_eq!(
            root["EnvironmentVariables"].as_dictionary().unwrap()["WO_SERVICE"].as_string(),
            Some(&*definition.label)
        );
        let entry = Entry { hour: Some(2), minute: Some(30), weekday: Some(0), ..Entry::default() };
        assert_eq!(calendar(&root).unwrap(), [entry]);
        assert_eq!(super::definition(&root).unwrap(), (definition, vec![]));
        let mut binary = Vec::new();
        Value::Dictionary(root.clone()).to_writer_binary(&mut binary).unwrap();
        assert_eq!(parse(&binary).unwrap(), root);
    }

    #[test]
    fn other_starts() {
        let root = parse(&render(&definition(Start::Interval { every_s: 3600 }))).unwrap();
        assert_eq!(root["StartInterval"].as_unsigned_integer(), Some(3600));
        let root = parse(&render(&definition(Start::KeepAlive))).unwrap();
        assert_eq!(root["KeepAlive"].as_boolean(), Some(true));
    }

    #[test]
    fn an_hour_without_a_minute_is_no_time_of_day() {
        let text = |minute: &str| {
            format!(
                "<plist><dict><key>Label</key><string>a.b.c</string><key>Program</key><string>/bin/date</string>\
                 <key>StartCalendarInterval</key><dict><key>Hour</key><integer>3</integer>{minute}</dict></dict></plist>"
            )
        };
        let read = |minute: &str| super::definition(&parse(text(minute).as_bytes()).unwrap());
        assert!(read("").unwrap_err().contains("no Minute"));
        let (definition, _) = read("<key>Minute</key><integer>0</integer>").unwrap();
        assert_eq!(definition.start, Start::Calendar { at: "03:00".parse().unwrap(), weekday: None });
    }

    #[test]
    fn what_is_no_plist() {
        #[track_caller]
        fn check(bytes: impl AsRef<[u8]>, part: &str) {
            let error = parse(bytes.as_ref()).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        check("<plist><dict>\n<key>Label</key>\n<string>a && b</string></dict></plist>", "line 3 has a raw `&`");
        check("<plist><array><string>x</string></array></plist>", "not a dictionary");
        check("", "");
        check("[Unit]\nDescription=x\n", "");
        check(b"bplist00\xff\xff\xff", "");
        check(vec![b' '; MAX_BYTES + 1], "at most");
        let deep = |n: usize| {
            format!("<plist><dict><key>a</key>{}{}</dict></plist>", "<array>".repeat(n), "</array>".repeat(n))
        };
        check(deep(69_000), "deeper");
        check(format!("{} x", deep(60_000).replace("</plist>", "<bad")), "");
        assert!(parse(deep(20).as_bytes()).is_ok());
    }

    #[test]
    fn no_mutation_makes_reading_fail_otherwise_than_by_an_error() {
        let xml = render(&definition(Start::KeepAlive));
        let mut binary = Vec::new();
        Value::Dictionary(parse(&xml).unwrap()).to_writer_binary(&mut binary).unwrap();
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        for n in 0..2_000 {
            let mut bytes = if n % 2 == 0 { xml.clone() } else { binary.clone() };
            for _ in 0..=random(4) {
                let at = random(bytes.len());
                match random(3) {
                    0 => bytes[at] = random(256) as u8,
                    1 => drop(bytes.drain(at..(at + 1 + random(20)).min(bytes.len()))),
                    _ => bytes.insert(at, random(256) as u8),
                }
            }
            if let Ok(root) = parse(&bytes) {
                let _ = (calendar(&root), super::definition(&root));
            }
        }
    }

    #[test]
    fn a_text_in_a_section_is_read_as_any_other() {
        let text = "<plist><dict><key>Label</key><string><![CDATA[a && b]]> &lt;c></string>\n\
                    <key><![CDATA[Program]]></key><string><![CDATA[ /x ]]></string></dict></plist>";
        let root = parse(text.as_bytes()).unwrap();
        assert_eq!(root["Label"].as_string(), Some("a && b <c>"));
        assert_eq!(root["Program"].as_string(), Some(" /x "));
        let unknown = text.replace("&lt;", "&unknown;");
        assert!(parse(unknown.as_bytes()).unwrap_err().contains("line 1 has the entity `&unknown;`"));
    }

    #[test]
    fn calendars_that_never_fire_are_named() {
        #[track_caller]
        fn check(entry: &str, part: &str) {
            let text = format!("<plist><dict><key>StartCalendarInterval</key>{entry}</dict></plist>");
            let error = calendar(&parse(text.as_bytes()).unwrap()).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        check("<dict><key>Hour</key><string>2</string></dict>", "Hour is not an integer");
        check("<dict><key>Minute</key><integer>60</integer></dict>", "from 0 to 59");
        check("<dict><key>minute</key><integer>6</integer></dict>", "`minute` is none of");
        check("<array><string>2</string></array>", "no dictionary");
        check("<string>02:30</string>", "neither");
    }
}
