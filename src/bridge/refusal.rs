//! Why a drop is not taken as an order, in words a person understands; the text becomes `rejected/…/NAME.reason.md`.

use crate::text;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("it is a conflict copy made by {by}: two machines changed the order at once")]
    Conflict { by: &'static str },
    #[error("its name says that it is a copy of `{original}`, which is on this bridge too")]
    CopyOf { original: String },
    #[error("it is a symbolic link; links are never followed")]
    Symlink,
    #[error("it is a directory that is named like an order")]
    Directory,
    #[error("it is a named pipe (FIFO), not a regular file")]
    Fifo,
    #[error("it is a socket, not a regular file")]
    Socket,
    #[error("it is a device, not a regular file")]
    Device,
    #[error("it is not a regular file")]
    NotRegular,
    #[error("it has {0} hard links; its bytes could be changed under another name")]
    Links(u64),
    #[error("its file name can't be used: {0}")]
    Name(String),
    #[error("it has {}, more than the {} that an order may have", text::bytes(*bytes), text::bytes(*limit))]
    TooLarge { bytes: u64, limit: u64 },
    #[error("it is empty and stayed so")]
    Empty,
    #[error("it can't be read: {0}")]
    Unreadable(String),
    #[error("this bridge takes signed orders only, and no `{0}` came with it")]
    Unsigned(String),
    #[error("its signature does not hold: {0}")]
    BadSignature(String),
}

impl Refusal {
    /// A stable word for logs and `--json`.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::Conflict { .. } => "conflict-copy",
            Refusal::CopyOf { .. } => "copy",
            Refusal::Symlink => "symlink",
            Refusal::Directory => "directory",
            Refusal::Fifo => "fifo",
            Refusal::Socket => "socket",
            Refusal::Device => "device",
            Refusal::NotRegular => "not-regular",
            Refusal::Links(_) => "hard-link",
            Refusal::Name(_) => "name",
            Refusal::TooLarge { .. } => "too-large",
            Refusal::Empty => "empty",
            Refusal::Unreadable(_) => "unreadable",
            Refusal::Unsigned(_) => "unsigned",
            Refusal::BadSignature(_) => "bad-signature",
        }
    }

    /// What a person does about it.
    pub fn cure(&self) -> &'static str {
        match self {
            Refusal::Conflict { .. } => {
                "compare it with the order it was copied from; if it holds the text that should run, drop it again \
                 under the order's plain name"
            }
            Refusal::CopyOf { .. } => {
                "if it is an order of its own, give it a name and an id of its own and drop it again"
            }
            Refusal::Symlink | Refusal::Links(_) => "drop the file itself: `wo submit FILE` copies it in whole",
            Refusal::Directory => "drop the files it holds one by one; report templates go into `templates/`",
            Refusal::Fifo | Refusal::Socket | Refusal::Device | Refusal::NotRegular => {
                "write the order to a regular file and drop that"
            }
            Refusal::Name(_) => {
                "name it WO-… with letters, digits, `-`, `_` and `.`, ending in .md, .yaml, .yml or .json"
            }
            Refusal::TooLarge { .. } => {
                "shorten it, or raise `order_bytes` under [limits] in wo.toml, and drop it again"
            }
            Refusal::Empty => {
                "write the order and drop it again; a half-made file is best written elsewhere and moved in"
            }
            Refusal::Unreadable(_) => "make it readable for the user who runs `wo` and drop it again",
            Refusal::Unsigned(_) | Refusal::BadSignature(_) => {
                "sign it (`minisign -Sm FILE`), then move the .minisig into the inbox first and the order after it"
            }
        }
    }

    /// The text of `NAME.reason.md`. It holds no time, so that the same refusal gives the same bytes.
    pub fn markdown(&self, name: &str) -> String {
        reason(name, &self.to_string(), self.cure())
    }
}

/// A reason file in the one shape that all of them have.
pub fn reason(name: &str, why: &str, cure: &str) -> String {
    page(name, why, cure, "Nothing of it was run.")
}

/// The same for an order of which nobody knows whether it has begun.
pub fn reason_in_doubt(name: &str, why: &str, cure: &str) -> String {
    page(name, why, cure, "Whether any of it was run is not known.")
}

fn page(name: &str, why: &str, cure: &str, end: &str) -> String {
    let name = text::line(name, 200).replace('`', "'");
    let why = text::escape(why);
    let cure = text::escape(cure);
    format!("# Rejected: `{name}`\n\n**Reason:** {why}.\n\n**What to do:** {cure}.\n\n{end}\n")
}
