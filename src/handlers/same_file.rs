//! How a step that writes a whole file sees whether it is written already.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{Check, HandlerError};
use crate::deployed::shims;

/// Whether the file holds these bytes under this mode.
pub fn same_file(path: &Path, bytes: &[u8], mode: u32) -> Result<Check, HandlerError> {
    let metadata = match path.metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Check::Needed("there is no such file".to_owned()));
        }
        Err(error) => return Err(HandlerError::failed(format!("failed to look at `{}`", path.display()), error)),
    };
    if !metadata.is_file() {
        let why = format!("`{}` is in the way: it is no file\nhint: move it elsewhere", path.display());
        return Err(HandlerError::Refused(why));
    }
    let found = std::fs::read(path)
        .map_err(|error| HandlerError::failed(format!("failed to read `{}`", path.display()), error))?;
    let size = crate::text::bytes(found.len() as u64);
    let has = metadata.permissions().mode() & 0o777;
    Ok(if found != bytes {
        let ours = String::from_utf8_lossy(&found).contains(shims::MARKER);
        let whose = if ours { "an older shim" } else { "another file" };
        Check::Needed(format!("{whose}, {size}, mode {has:o}"))
    } else if has != mode {
        Check::Needed(format!("as ordered, but its mode is {has:o}, not {mode:o}"))
    } else {
        Check::Already(format!("{size}, mode {has:o}"))
    })
}
