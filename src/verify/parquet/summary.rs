//! The newest export summary: whether it lists files, and whether they lie there with the very bytes that it tells of.

use std::path::{Path, PathBuf};

use super::super::artifact::artifact;
use super::Scope;
use crate::evidence::{Measurement, Value};
use crate::export::summary;

/// `None` where there is none to look at.
pub fn measurement(scope: &Scope) -> Option<Measurement> {
    let path = newest(&scope.path(&scope.deployment.summaries))?;
    let shown = format!("`{}`", scope.root.show(&path));
    let said = crate::files::read_regular(&path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let (works, detail) = match said.map(|text| summary::files(&text)) {
        Err(error) => (false, format!("{shown} can't be read: {error}")),
        Ok(files) if files.is_empty() => (false, format!("{shown} lists no exported file")),
        Ok(files) => match files.iter().find_map(|(file, sha256)| trouble(scope, file, sha256)) {
            None => (true, format!("{shown}, {} as listed", counted(files.len()))),
            Some(why) => (false, format!("{shown} is not about what lies there: {why}")),
        },
    };
    let how = "read the newest summary and compared the files that it lists with their sha256 in it";
    let measurement = Measurement::new("export.summary", Value::State { works, detail }, how, scope.now).ok(works);
    Some(match artifact(scope.root, &path) {
        Ok(artifact) => measurement.artifact(artifact),
        Err(_) => measurement,
    })
}

fn counted(n: usize) -> String {
    if n == 1 { "1 file".to_owned() } else { format!("{n} files") }
}

fn trouble(scope: &Scope, file: &str, sha256: &str) -> Option<String> {
    match artifact(scope.root, &scope.path(file)) {
        Err(error) => Some(format!("`{file}`: {error}")),
        Ok(found) if found.sha256 != sha256 => Some(format!("`{file}` has other bytes")),
        Ok(_) => None,
    }
}

/// The one that was written last, whatever day it is about.
fn newest(dir: &Path) -> Option<PathBuf> {
    let is_summary = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let day = name.strip_prefix("parquet_export_summary_").and_then(|rest| rest.strip_suffix(".md"));
        day.is_some_and(|day| day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let entries = std::fs::read_dir(dir).ok()?;
    let summaries = entries.flatten().map(|entry| entry.path()).filter(is_summary);
    summaries.max_by_key(|path| (path.metadata().and_then(|meta| meta.modified()).ok(), path.clone()))
}
