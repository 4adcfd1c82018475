//! Edits `wo.toml` in place: what is not changed keeps its bytes, comments and layout included, and no comment is lost.
//!
//! Invariant: the result is parsed as a [`Config`] before anything is written, so an edit never leaves settings that a
//! daemon would refuse.

mod comments;

use std::path::Path;

use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value};

use crate::config::Config;
use crate::handlers::HandlerError;
use crate::monitor::config::{CheckConfig, Severity};
use crate::root::Root;

/// The text of a root's `wo.toml`; empty where there is none.
pub fn read(root: &Root) -> Result<String, HandlerError> {
    match std::fs::read_to_string(root.config()) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(HandlerError::failed("failed to read `wo.toml`", error)),
    }
}

/// One change of one check.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit<'a> {
    /// `password = { file = "…" }`, replacing what was there, and the user whose password it is, where that is not the
    /// default one.
    Password { check: &'a str, file: &'a Path, user: Option<&'a str> },
    /// Makes it a native `sqlite` check of this path; settings of another kind go.
    Sqlite { check: &'a str, path: &'a Path },
}

impl Edit<'_> {
    fn check(&self) -> &str {
        match self {
            Edit::Password { check, .. } | Edit::Sqlite { check, .. } => check,
        }
    }
}

/// `text` with the edit; `checks` are those in force, written out when `text` has none of its own.
pub fn apply(text: &str, edit: &Edit<'_>, checks: &[CheckConfig]) -> Result<String, HandlerError> {
    let failed = |why: String| HandlerError::failed("failed to edit `wo.toml`", why);
    let edited = as_before(text, &edit_document(text, edit, checks)?);
    Config::parse(&edited, Path::new("wo.toml")).map_err(|error| failed(error.to_string()))?;
    Ok(edited)
}

/// `edited` with the byte order mark and the line ends of `text`, which the editor of TOML does not keep.
fn as_before(text: &str, edited: &str) -> String {
    let ends_in_cr = |line: &&str| line.ends_with("\r\n");
    let windows = text.split_inclusive('\n').filter(ends_in_cr).count() * 2 > text.matches('\n').count();
    let bare = |line: &str| line.trim_end_matches(['\n', '\r']).to_owned();
    let mut rest: Vec<&str> = text.trim_start_matches('\u{feff}').split_inclusive('\n').collect();
    let mut out = if text.starts_with('\u{feff}') { "\u{feff}".to_owned() } else { String::new() };
    for line in edited.trim_start_matches('\u{feff}').split_inclusive('\n') {
        match rest.iter().position(|known| bare(known) == bare(line) && known.ends_with('\n') == line.ends_with('\n')) {
            Some(at) => {
                out.push_str(rest[at]);
                rest.drain(..=at);
            }
            None => {
                out.push_str(&bare(line));
                out.push_str(if !line.ends_with('\n') {
                    ""
                } else if windows {
                    "\r\n"
                } else {
                    "\n"
                });
            }
        }
    }
    out
}

fn edit_document(text: &str, edit: &Edit<'_>, checks: &[CheckConfig]) -> Result<String, HandlerError> {
    let failed = |why: String| HandlerError::failed("failed to edit `wo.toml`", why);
    let mut document: DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| failed(error.message().to_owned()))?;
    let monitor = document.entry("monitor").or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    });
    let monitor = monitor.as_table_like_mut().ok_or_else(|| failed("`monitor` is not a table".to_owned()))?;
    if monitor.get("check").is_none_or(Item::is_none) {
        // one check of one's own replaces the default set, so the whole set is written out
        let mut tables = ArrayOfTables::new();
        for check in checks {
            tables.push(table_of(check).map_err(failed)?);
        }
        monitor.insert("check", Item::ArrayOfTables(tables));
    }
    let name = edit.check();
    let item = monitor.get_mut("check").ok_or_else(|| failed("`monitor.check` is gone".to_owned()))?;
    let has_name = |value: Option<&str>| value == Some(name);
    let missing = || failed(format!("no check is named `{name}`"));
    match item {
        Item::ArrayOfTables(tables) => {
            let table = tables.iter_mut().find(|table| has_name(table.get("name").and_then(Item::as_str)));
            edit_table(table.ok_or_else(missing)?, edit);
        }
        Item::Value(Value::Array(array)) => {
            let tables = array.iter_mut().filter_map(Value::as_inline_table_mut);
            let table = tables.into_iter().find(|table| has_name(table.get("name").and_then(Value::as_str)));
            edit_table(table.ok_or_else(missing)?, edit);
        }
        _ => return Err(failed("`monitor.check` is not a list of tables".to_owned())),
    }
    Ok(document.to_string())
}

fn edit_table(table: &mut dyn toml_edit::TableLike, edit: &Edit<'_>) {
    match edit {
        Edit::Password { file, user, .. } => {
            if let Some(user) = user {
                set(table, "username", (*user).into());
            }
            let mut reference = InlineTable::new();
            reference.insert("file", file.display().to_string().into());
            set(table, "password", Value::InlineTable(reference));
        }
        Edit::Sqlite { path, .. } => {
            if table.get("kind").and_then(Item::as_str) != Some("sqlite") {
                let common = ["name", "kind", "timeout_ms", "severity"];
                let other: Vec<String> =
                    table.iter().map(|(key, _)| key.to_owned()).filter(|key| !common.contains(&key.as_str())).collect();
                // the comments of a setting that goes belong to the one that stays after it, in the order of the file
                let keys: Vec<String> = table.iter().map(|(key, _)| key.to_owned()).collect();
                let mut homeless = String::new();
                for key in keys {
                    match other.contains(&key) {
                        true => homeless.push_str(&comments::remove(table, &key)),
                        false => comments::put_above(table, &key, &std::mem::take(&mut homeless)),
                    }
                }
                set(table, "kind", "sqlite".into());
                set(table, "path", path.display().to_string().into());
                comments::put_above(table, "path", &homeless);
                return;
            }
            set(table, "path", path.display().to_string().into());
        }
    }
}

/// Sets a value; the blanks and the comment around the old one stay.
fn set(table: &mut dyn toml_edit::TableLike, key: &str, mut value: Value) {
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) => {
            let within = comments::within(old);
            *value.decor_mut() = old.decor().clone();
            *old = value;
            comments::put_above(table, key, &within);
        }
        None => {
            let before = table.insert(key, Item::Value(value)).map(|item| comments::of(&item)).unwrap_or_default();
            comments::put_above(table, key, &before);
        }
    }
}

fn table_of(check: &CheckConfig) -> Result<Table, String> {
    let mut table = Table::new();
    table.insert("name", toml_edit::value(check.name.as_str()));
    table.insert("kind", toml_edit::value(check.kind.as_str()));
    if let Some(timeout_ms) = check.timeout_ms {
        table.insert("timeout_ms", toml_edit::value(i64::try_from(timeout_ms).unwrap_or(i64::MAX)));
    }
    if check.severity == Severity::Warn {
        table.insert("severity", toml_edit::value("warn"));
    }
    for (key, value) in &check.settings {
        table.insert(key, Item::Value(value_of(value)?));
    }
    Ok(table)
}

fn value_of(value: &toml::Value) -> Result<Value, String> {
    Ok(match value {
        toml::Value::String(text) => text.as_str().into(),
        toml::Value::Integer(n) => (*n).into(),
        toml::Value::Float(n) => (*n).into(),
        toml::Value::Boolean(yes) => (*yes).into(),
        toml::Value::Array(items) => Value::Array(items.iter().map(value_of).collect::<Result<Array, _>>()?),
        toml::Value::Table(pairs) => {
            let mut table = InlineTable::new();
            for (key, value) in pairs {
                table.insert(key, value_of(value)?);
            }
            Value::InlineTable(table)
        }
        toml::Value::Datetime(at) => return Err(format!("no setting of a check is a time: {at}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELD: &str = r#"# ของเรา: keep me
[monitor]
interval_s = 0.5   # fast

# the password is missing here
[[monitor.check]]
name = "redis"     # first
kind = "redis"
url = "redis://127.0.0.1:7001" # private

[[monitor.check]]
name = "database"
# shells out
kind = "command"   # bad
command = ["/usr/bin/node", "-e", "require('./knowledge/check.cjs')"]
timeout_ms = 900

[paths]
analytics = "g/analytics" # here
"#;

    #[test]
    fn only_the_lines_of_the_check_change() {
        let password = Edit::Password { check: "redis", file: Path::new("bridge/state/secrets/redis"), user: None };
        let sqlite = Edit::Sqlite { check: "database", path: Path::new("knowledge/02luka.db") };
        let edited = apply(&apply(FIELD, &password, &[]).unwrap(), &sqlite, &[]).unwrap();
        let expected = FIELD
            .replace("# private\n", "# private\npassword = { file = \"bridge/state/secrets/redis\" }\n")
            .replace("kind = \"command\"   # bad", "kind = \"sqlite\"   # bad")
            .replace("command = [\"/usr/bin/node\", \"-e\", \"require('./knowledge/check.cjs')\"]\n", "")
            .replace("timeout_ms = 900\n", "timeout_ms = 900\npath = \"knowledge/02luka.db\"\n");
        assert_eq!(edited, expected);
        assert_eq!(apply(&edited, &password, &[]).unwrap(), expected, "a second time changes nothing");
        let acl = Edit::Password { check: "redis", file: Path::new("s"), user: Some("ops") };
        let edited = apply(FIELD, &acl, &[]).unwrap();
        let added = "# private\nusername = \"ops\"\npassword = { file = \"s\" }\n";
        assert_eq!(edited, FIELD.replace("# private\n", added));
    }

    #[test]
    fn line_ends_and_a_byte_order_mark_stay() {
        let password = Edit::Password { check: "redis", file: Path::new("s"), user: None };
        let sqlite = Edit::Sqlite { check: "database", path: Path::new("k.db") };
        let edit = |text: &str| apply(&apply(text, &password, &[]).unwrap(), &sqlite, &[]).unwrap();
        let plain = edit(FIELD);
        let windows = |text: &str| text.replace('\n', "\r\n");
        assert_eq!(edit(&windows(FIELD)), windows(&plain));
        assert_eq!(edit(&format!("\u{feff}{FIELD}")), format!("\u{feff}{plain}"));
        // one line of another kind, and none at the end
        let mixed = FIELD.replace("interval_s = 0.5   # fast\n", "interval_s = 0.5   # fast\r\n");
        let mixed = mixed.trim_end();
        let expected = plain.replace("interval_s = 0.5   # fast\n", "interval_s = 0.5   # fast\r\n");
        assert_eq!(edit(mixed).trim_end(), expected.trim_end());
    }

    #[test]
    fn an_old_reference_is_replaced_and_keeps_its_comment() {
        let text = "[[monitor.check]]\nname = 'r'\nkind = 'redis'\npassword = [{ env = 'A' }, { file = 'b' }] # why\n";
        let edited = apply(text, &Edit::Password { check: "r", file: Path::new("s"), user: None }, &[]).unwrap();
        assert_eq!(edited, "[[monitor.check]]\nname = 'r'\nkind = 'redis'\npassword = { file = \"s\" } # why\n");
    }

    #[test]
    fn comments_of_settings_that_go_stay() {
        let text = "[[monitor.check]]\nname = 'database'\nkind = 'command' # bad\n\n\
                    # ask Lisa: the real one is on the NAS (ห้ามลบ)\n# see docs/db.md\n\
                    command = [\n  '/usr/bin/node', # v20\n  'a#b.cjs',\n] # gone since Phase 6\n\
                    # restart window\ncontains = \"# ok\"\n  # slow disk\n  timeout_ms = 900 # ms\n\n[web]\n";
        let edited = apply(text, &Edit::Sqlite { check: "database", path: Path::new("k.db") }, &[]).unwrap();
        let expected = "[[monitor.check]]\nname = 'database'\nkind = \"sqlite\" # bad\n\
                        # ask Lisa: the real one is on the NAS (ห้ามลบ)\n# see docs/db.md\n# v20\n# gone since Phase 6\n\
                        # restart window\n  # slow disk\n  timeout_ms = 900 # ms\npath = \"k.db\"\n\n[web]\n";
        assert_eq!(edited, expected);
        let last = text.replace("  # slow disk\n  timeout_ms = 900 # ms\n", "");
        let edited = apply(&last, &Edit::Sqlite { check: "database", path: Path::new("k.db") }, &[]).unwrap();
        assert!(edited.contains("# restart window\npath = \"k.db\"\n"), "{edited}");
        let text = "[[monitor.check]]\nname = 'r'\nkind = 'redis'\npassword = [\n  { env = 'A' }, # of ops\n] # why\n";
        let edited = apply(text, &Edit::Password { check: "r", file: Path::new("s"), user: None }, &[]).unwrap();
        assert!(edited.ends_with("# of ops\npassword = { file = \"s\" } # why\n"), "{edited}");
    }

    #[test]
    fn inline_checks_are_edited_too() {
        let text = "monitor = { check = [{ name = 'r', kind = 'redis' }] } # x\n";
        let edited = apply(text, &Edit::Password { check: "r", file: Path::new("s"), user: None }, &[]).unwrap();
        assert!(edited.contains("kind = 'redis'") && edited.contains("password = { file = \"s\" }"), "{edited}");
        assert!(edited.ends_with("# x\n"));
    }

    #[test]
    fn without_checks_of_its_own_the_default_set_is_written_out() {
        let config = Config::default();
        let checks = config.monitor.checks(&config.paths);
        let text = "# top\n[web]\n";
        let edited =
            apply(text, &Edit::Password { check: "redis", file: Path::new("s"), user: None }, &checks).unwrap();
        assert!(edited.starts_with(text), "{edited}");
        let after = Config::parse(&edited, Path::new("wo.toml")).unwrap();
        let now = after.monitor.checks(&after.paths);
        assert_eq!(now.len(), checks.len());
        assert!(now[0].settings.contains_key("password"));
        assert_eq!(now[1..], checks[1..]);
    }

    #[test]
    fn the_commented_settings_of_a_new_root_keep_every_line() {
        let text = include_str!("../../cli/wo.toml.in");
        let config = Config::parse(text, Path::new("wo.toml")).unwrap();
        let checks = config.monitor.checks(&config.paths);
        let edit = Edit::Password { check: "redis", file: Path::new("s"), user: None };
        let edited = apply(text, &edit, &checks).unwrap();
        let mut rest = edited.lines();
        for line in text.lines() {
            assert!(rest.any(|kept| kept == line), "{line}: {edited}");
        }
        assert_eq!(Config::parse(&edited, Path::new("wo.toml")).unwrap().monitor.checks.len(), checks.len());
    }

    #[test]
    fn other_ways_to_write_the_same_settings() {
        let config = Config::default();
        let checks = config.monitor.checks(&config.paths);
        let texts = [
            "monitor.interval_s = 2.0 # dotted\n\n[web]\nenabled = false\n",
            "[web]\nenabled = false\n\n[monitor] # last\ninterval_s = 2.0",
            "monitor = { interval_s = 2.0 } # inline\n[web]\nenabled = false\n",
            "[[monitor.check]]\nname = \"redis\"\nkind = \"redis\"\n[monitor.check.password] # a table\nenv = \"A\"\n\n[web]\n",
            "[web]\n[[ monitor . check ]]\n'name' = 'redis'\n\"kind\" = '''redis'''   # odd\n# end\n",
        ];
        for text in texts {
            let edit = Edit::Password { check: "redis", file: Path::new("s"), user: None };
            let edited = apply(text, &edit, &checks).unwrap_or_else(|error| panic!("{text}: {error}"));
            let after = Config::parse(&edited, Path::new("wo.toml")).unwrap();
            let redis = &after.monitor.checks[0];
            let file = redis.settings.get("password").and_then(|password| password.get("file")?.as_str());
            assert_eq!(file, Some("s"), "{edited}");
            assert_eq!(after.monitor.interval_s == 2.0, text.contains("2.0"), "{edited}");
            for comment in text.lines().filter_map(|line| line.split_once('#')).map(|(_, comment)| comment) {
                assert!(edited.contains(comment), "{comment}: {edited}");
            }
        }
    }

    #[test]
    fn what_would_not_parse_is_not_returned() {
        for (text, name) in
            [("[[monitor.check]]\nname = 'a'\nkind = 'tcp'\naddress = 'h:1'\n", "a"), ("", "zzz"), ("= =", "a")]
        {
            assert!(
                apply(text, &Edit::Password { check: name, file: Path::new("s"), user: None }, &[]).is_err(),
                "{text}"
            );
        }
    }
}
