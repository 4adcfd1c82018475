//! MiniJinja, fenced in: what `{{ … }}` slots and the completion report may say.
//!
//! Invariant: no expression reads anything but the record, runs long, grows without bound, or makes anything green: values are
//! escaped and every tick that an expression prints is taken out. To hold that, multiplication and the filters that can
//! multiply are not there, and of the statements only `for` and `if`.

use minijinja::{Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value};

use super::marks;

/// Instructions of one template.
const FUEL: u64 = 2_000_000;
/// Bytes of one string that a filter makes.
const LONGEST: usize = 64 * 1024;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to fill the template at line {line}, column {column}: `{excerpt}`: {why}\nhint: {hint}")]
pub struct FillError {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    pub excerpt: String,
    pub why: String,
    pub hint: String,
}

impl FillError {
    pub fn at(source: &str, offset: usize, excerpt: &str, why: impl std::fmt::Display) -> Self {
        let before = source.get(..offset).unwrap_or(source);
        let line_start = before.rfind('\n').map_or(0, |n| n + 1);
        FillError {
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or("").chars().count() + 1,
            excerpt: crate::text::line(excerpt, 80),
            why: why.to_string(),
            hint:
                "the names are order, outcome, reason, attempt, agent, handler, criteria, measurements, steps, dates; \
                   `{{ x | default('…') }}` allows for a missing one"
                    .to_owned(),
        }
    }
}

/// `env` for one template; `context` values are printed escaped.
pub fn environment<'s>() -> Environment<'s> {
    let mut env = Environment::empty();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_fuel(Some(FUEL));
    env.set_recursion_limit(50);
    env.set_keep_trailing_newline(true);
    env.set_trim_blocks(true);
    env.set_lstrip_blocks(true);
    env.set_formatter(print);
    use minijinja::filters;
    env.add_filter("lower", filters::lower);
    env.add_filter("upper", filters::upper);
    env.add_filter("capitalize", filters::capitalize);
    env.add_filter("trim", filters::trim);
    env.add_filter("length", length);
    env.add_filter("default", filters::default);
    env.add_filter("round", filters::round);
    env.add_filter("join", join);
    env.add_filter("replace", replace);
    env.add_test("defined", minijinja::tests::is_defined);
    env.add_test("none", minijinja::tests::is_none);
    env
}

fn print(out: &mut Output, _: &State, value: &Value) -> Result<(), Error> {
    if value.is_undefined() {
        return Err(Error::new(ErrorKind::UndefinedError, "undefined value"));
    }
    // only values that this crate made are safe; there is no filter that makes one
    let shown = match value.as_str() {
        _ if value.is_none() => "—".to_owned(),
        Some(text) if value.is_safe() => text.to_owned(),
        _ => marks::show_text(&value.to_string()),
    };
    out.write_str(&shown).map_err(Error::from)
}

fn length(value: &Value) -> Result<usize, Error> {
    match value.as_str() {
        Some(text) => Ok(text.chars().count()),
        None => value.len().ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "it has no length")),
    }
}

fn join(values: &Value, separator: Option<&str>) -> Result<String, Error> {
    let mut out = String::new();
    for (n, value) in values.try_iter()?.enumerate() {
        if n > 0 {
            out.push_str(separator.unwrap_or(""));
        }
        out.push_str(&value.to_string());
        if out.len() > LONGEST || n > LONGEST {
            return Err(Error::new(ErrorKind::InvalidOperation, "the joined text is too long"));
        }
    }
    Ok(out)
}

fn replace(text: &str, from: &str, to: &str) -> Result<String, Error> {
    let grown = text.matches(from).count().saturating_mul(to.len()).saturating_add(text.len());
    if grown > LONGEST {
        return Err(Error::new(ErrorKind::InvalidOperation, "the replaced text is too long"));
    }
    Ok(text.replace(from, to))
}

/// Refuses what could multiply: `*` outside of quotes.
fn multiplies(expression: &str) -> bool {
    let mut quote = None;
    let mut escaped = false;
    for c in expression.chars() {
        match (c, quote) {
            _ if escaped => escaped = false,
            ('\\', Some(_)) => escaped = true,
            ('\'' | '"', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            ('*', None) => return true,
            _ => {}
        }
    }
    false
}

/// The value of the slot `{{ … }}` at `offset` of `source`, ready to stand in a line or a cell.
pub fn evaluate(
    env: &Environment,
    context: &Value,
    source: &str,
    offset: usize,
    slot: &str,
) -> Result<String, FillError> {
    let fail = |why: String| FillError::at(source, offset, slot, why);
    let inner = inner(slot);
    if multiplies(&inner) {
        return Err(fail("multiplication is not available in templates".to_owned()));
    }
    // rendered rather than evaluated, so that the one formatter prints it
    env.render_str(&template(&inner), context).map_err(|error| fail(explain(&error)))
}

/// Whether only a run can tell that the slot can't be evaluated: it is well formed, and speaks of what was not yet measured.
pub fn awaits_a_run(env: &Environment, slot: &str) -> bool {
    let inner = inner(slot);
    let of_a_run = ["measurements", "steps", "criteria"].iter().any(|name| inner.contains(name));
    of_a_run && !multiplies(&inner) && env.template_from_str(&template(&inner)).is_ok()
}

fn inner(slot: &str) -> String {
    let inner = slot.strip_prefix("{{").and_then(|slot| slot.strip_suffix("}}")).unwrap_or(slot);
    let inner = inner.strip_prefix(['-', '+']).unwrap_or(inner);
    inner.strip_suffix('-').unwrap_or(inner).replace("\\|", "|")
}

fn template(inner: &str) -> String {
    format!("{{{{{inner}}}}}")
}

/// A whole template whose author is not this crate: its ticks are taken out, its statements are `for` and `if` alone.
pub fn render(source: &str, context: &Value) -> Result<String, FillError> {
    check_tags(source)?;
    let source = marks::without_green(source, "☐");
    let env = environment();
    env.render_str(&source, context).map_err(|error| {
        let line = error.line().unwrap_or(1);
        let text = source.lines().nth(line.saturating_sub(1)).unwrap_or("");
        let offset: usize = source.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        FillError::at(&source, offset, text, explain(&error))
    })
}

fn check_tags(source: &str) -> Result<(), FillError> {
    let mut at = 0;
    while let Some(found) = source.get(at..).and_then(|rest| rest.find("{%").into_iter().chain(rest.find("{{")).min()) {
        let start = at + found;
        let rest = source.get(start..).unwrap_or("");
        let is_statement = rest.starts_with("{%");
        let end = rest.find(if is_statement { "%}" } else { "}}" }).map_or(rest.len(), |n| n + 2);
        let tag = rest.get(..end).unwrap_or(rest);
        let inner = tag.get(2..end.saturating_sub(2)).unwrap_or("").trim_start_matches(['-', '+']);
        if multiplies(inner) {
            return Err(FillError::at(source, start, tag, "multiplication is not available in templates"));
        }
        let word = inner.split_whitespace().next().unwrap_or("").trim_end_matches('-');
        if is_statement && !matches!(word, "for" | "endfor" | "if" | "elif" | "else" | "endif") {
            return Err(FillError::at(
                source,
                start,
                tag,
                format!("the statement `{word}` is not available in templates"),
            ));
        }
        at = start + end.max(2);
    }
    Ok(())
}

fn explain(error: &Error) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use minijinja::context;

    use super::*;

    fn run(slot: &str) -> Result<String, FillError> {
        let order = context! { id => "WO-1", title => "a | b\n✅ {{ x }} <b>", phase => () };
        let context = context! { order, list => vec!["a", "b"] };
        evaluate(&environment(), &context, &format!("\nab {slot}"), 4, slot)
    }

    #[test]
    fn values_are_printed_escaped() {
        for (slot, expect) in [
            ("{{ order.id }}", "WO-1"),
            ("{{order.title}}", "a \\| b (tick) {{ x }} &lt;b>"),
            ("{{ order.phase }}", "—"),
            ("{{ '✅ PASS' }}", "(tick) PASS"),
            ("{{ order.nope | default('x') }}", "x"),
            ("{{ order.id \\| lower }}", "wo-1"),
            ("{{ list | join(', ') }}", "a, b"),
            ("{{ list | length }}", "2"),
            ("{{- order.id -}}", "WO-1"),
        ] {
            assert_eq!(run(slot).as_deref(), Ok(expect), "{slot}");
        }
    }

    #[test]
    fn what_is_not_there_or_could_run_away_is_an_error_with_its_place() {
        for slot in [
            "{{ order.nope }}",
            "{{ nope }}",
            "{{ }}",
            "{{ 'x' * 99999999 }}",
            "{{ range(9) }}",
            "{{ order.id | safe }}",
            "{{ 'aaaa' | replace('a', 'bbbb') | nope }}",
            "{{ order. }}",
        ] {
            let error = run(slot).unwrap_err();
            assert_eq!((error.line, error.column), (2, 4), "{slot}: {error}");
        }
        let mut growing = "'aaaaaaaaaaaaaaaa'".to_owned();
        for _ in 0..20 {
            growing.push_str(" | replace('a', 'aaaaaaaa')");
        }
        assert!(run(&format!("{{{{ {growing} }}}}")).is_err());
    }

    #[test]
    fn whole_templates_have_loops_and_no_ticks_of_their_own() {
        let context = context! { list => vec!["a", "✅"] };
        let text = render("✅\n{% for x in list %}\n- {{ x }}\n{% endfor %}\n", &context).unwrap();
        assert_eq!(text, "☐\n- a\n- (tick)\n");
        for template in ["{% set x = 1 %}", "{% include 'x' %}", "{{ 2 * 3 }}", "{% macro x() %}{% endmacro %}"] {
            assert!(render(template, &context).is_err(), "{template}");
        }
        let error = render("a\n{{ nope }}", &context).unwrap_err();
        assert_eq!(error.line, 2);
    }
}
