//! How folders are written: in the configuration, and in what is shown of them.

use std::path::{Component, Path, PathBuf};

/// `path` below `root` as it is shown, or the whole of it.
pub fn shown(root: &Path, path: &Path) -> String {
    let relative = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = relative.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/").replacen("//", "/", 1)
}

/// `configured` beneath `root`, without `.` parts. What is written with `..`, or reaches the root by another name of it (a link
/// on the way, as `/tmp` is on macOS), is told by its way from the root: two settings of the same folder are to be the same.
pub fn resolve(root: &Path, configured: &Path) -> PathBuf {
    let plain: PathBuf = root.join(configured).components().collect();
    let climbs = |path: &Path| path.components().any(|part| part == Component::ParentDir);
    if plain.starts_with(root) && !climbs(&plain) {
        return plain;
    }
    let there = plain.ancestors().find_map(|above| Some((above.canonicalize().ok()?, plain.strip_prefix(above).ok()?)));
    let Some((mut real, rest)) = there else { return plain };
    // what is not there yet has no links
    for part in rest.components() {
        match part {
            Component::ParentDir => drop(real.pop()),
            part => real.push(part),
        }
    }
    if real.starts_with(root) { real } else { plain }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_folder_beneath_the_root_is_the_same_however_it_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        let root = dir.join("private/root");
        fs::create_dir_all(root.join("g/reports")).unwrap();
        fs::create_dir_all(dir.join("elsewhere")).unwrap();
        std::os::unix::fs::symlink("private", dir.join("public")).unwrap();
        std::os::unix::fs::symlink(dir.join("elsewhere"), root.join("linked")).unwrap();
        let public = dir.join("public/root/g/reports/new");
        for (written, expected) in [
            ("g/reports", root.join("g/reports")),
            ("./g/./reports", root.join("g/reports")),
            ("g/../g/reports", root.join("g/reports")),
            ("g/reports/../new/../reports/new", root.join("g/reports/new")),
            (public.to_str().unwrap(), root.join("g/reports/new")),
            // what leads out of the root stays as it is written
            ("linked", root.join("linked")),
            ("../../elsewhere", root.join("../../elsewhere")),
        ] {
            assert_eq!(resolve(&root, Path::new(written)), expected, "{written}");
        }
    }
}
