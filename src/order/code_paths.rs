//! Deliverables in a block of code: a list of paths that someone put between fences.

use super::blocks::{Block, Code};
use super::draft::Draft;
use super::layout::Chunk;
use super::source::Remark;
use super::{below, deliverables, fold, paths};

/// Reads blocks that hold nothing but paths; whether there was one.
pub(super) fn read(draft: &mut Draft<'_>, chunk: &Chunk) -> bool {
    let mut has_read = false;
    for code in plain(chunk) {
        let mut at = code.span.start;
        let mut found = Vec::new();
        for line in draft.source.slice(&code.span).split_inclusive('\n') {
            let text = line.trim();
            let start = at + (line.len() - line.trim_start().len());
            at += line.len();
            if !text.is_empty() && !text.starts_with("```") && !text.starts_with("~~~") {
                found.push((path(text).map(str::to_owned), start..start + text.len()));
            }
        }
        if found.is_empty() || found.iter().any(|(path, _)| path.is_none()) {
            continue;
        }
        has_read = true;
        let remark = Remark::note("deliverables-code", "the deliverables stand in a code block")
            .understood("each of its lines is the path of one");
        draft.remark(&code.span, remark);
        for (path, span) in found {
            deliverables::named(draft, &format!("`{}`", path.unwrap_or_default()), &span);
        }
    }
    has_read
}

/// A block that names paths among other things, where nothing else of its section does.
pub(super) fn tell_unread(draft: &mut Draft<'_>, chunk: &Chunk) {
    let named = plain(chunk).find_map(|code| {
        let path = code.text.lines().flat_map(paths::in_text).next()?;
        Some((path, code.span.clone()))
    });
    if let Some((path, span)) = named {
        let remark = Remark::warning("deliverables-code", format!("the code block names files (`{path}`)"))
            .understood("code: none of them is looked for")
            .cure("list them, e.g. ``- `run/x.cjs` ``, or put one path on each line");
        draft.remark(&span, remark);
    }
}

fn plain(chunk: &Chunk) -> impl Iterator<Item = &Code> {
    chunk.blocks.iter().filter_map(|block| match block {
        Block::Code(code) if below::is_plain(code) => Some(code),
        _ => None,
    })
}

/// The path that a line is, but for its bullet and a remark behind `#`.
fn path(line: &str) -> Option<&str> {
    let line = line.split_once(" #").map_or(line, |(path, _)| path);
    let bullet = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let bulleted = ["- ", "* ", "+ ", ". ", ") "].iter().find_map(|mark| bullet.strip_prefix(mark));
    let line = fold::strip_marks(bulleted.unwrap_or(line)).trim().trim_matches('`');
    paths::is_path(line, true).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_paths_are_told_from_others() {
        for (line, expect) in [
            ("run/x.cjs", Some("run/x.cjs")),
            ("- run/x.cjs  # the exporter", Some("run/x.cjs")),
            ("2. `./run/x.cjs`", Some("./run/x.cjs")),
            (".github/x.yml", Some(".github/x.yml")),
            ("2025/x.md", Some("2025/x.md")),
            ("digest.cjs", Some("digest.cjs")),
            ("node run/x.cjs --dry", None),
            ("├── x.cjs", None),
            ("the exporter", None),
        ] {
            assert_eq!(path(line), expect, "{line}");
        }
    }
}
