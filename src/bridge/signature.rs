//! Signed orders: `NAME.minisig` beside `NAME`, checked over the very bytes that were read, before anything parses them.
//!
//! A missing signature is waited for ([`super::settle::Patience::signature`]), since it may arrive after the order; then the
//! order is refused. The trusted comment is not looked at: what counts is who signed these bytes.

use minisign_verify::{PublicKey, Signature};

use super::Refusal;
use super::names::signature_of;
use super::scan::Candidate;
use super::take::{self, TakeError};

/// A signature is about 300 bytes; its comments may be longer.
pub const MAX_BYTES: u64 = 8 * 1024;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error(
        "failed to understand the public key under [inbox] require_signature: {0}\nhint: the second line of a minisign .pub file goes there"
    )]
    Key(String),
    #[error("failed to understand the signature: {0}")]
    Format(String),
    #[error("the signature is not one of these bytes by the configured key: {0}")]
    Wrong(String),
}

/// Checks `signature` (the text of a `.minisig`) over `bytes`. `public_key` is the base64 line of a minisign `.pub` file,
/// or the whole file's text.
pub fn check(public_key: &str, bytes: &[u8], signature: &str) -> Result<(), SignatureError> {
    let key = key(public_key)?;
    let signature = Signature::decode(signature).map_err(|error| SignatureError::Format(error.to_string()))?;
    key.verify(bytes, &signature, false).map_err(|error| SignatureError::Wrong(error.to_string()))
}

/// Parses the configured key, so that a bad one is found when the configuration is loaded.
pub fn key(public_key: &str) -> Result<PublicKey, SignatureError> {
    let text = public_key.trim();
    let parsed = if text.contains('\n') { PublicKey::decode(text) } else { PublicKey::from_base64(text) };
    parsed.map_err(|error| SignatureError::Key(error.to_string()))
}

/// Checks the signature that lies beside `candidate` over the bytes that were taken from it.
pub fn check_beside(public_key: &str, candidate: &Candidate, bytes: &[u8]) -> Result<(), TakeError> {
    let name = signature_of(&candidate.name);
    let text = match take::read_beneath(candidate, &name, MAX_BYTES) {
        Ok(taken) => String::from_utf8_lossy(&taken.bytes).into_owned(),
        Err(TakeError::Gone) => {
            return Err(Refusal::Unsigned(crate::text::line(&name.to_string_lossy(), 255)).into());
        }
        Err(TakeError::Refused(refusal)) => return Err(Refusal::BadSignature(refusal.to_string()).into()),
        Err(other) => return Err(other),
    };
    check(public_key, bytes, &text).map_err(|error| Refusal::BadSignature(error.to_string()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    // the example of the minisign-verify crate's documentation
    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    const SIGNATURE: &str = "untrusted comment: signature from minisign secret key\n\
        RUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/z7SrlQgXdy8ofjb7bNJJylDOocrCo8KLzZwo=\n\
        trusted comment: timestamp:1633700835\tfile:test\tprehashed\n\
        wLMDjy9FLAuxZ3q4NlEvkgtyhrr0gtTu6KC4KBJdITbbOeAi1zBIYo0v4iTgt8jJpIidRJnp94ABQkJAgAooBQ==";

    #[test]
    fn a_signature_holds_for_its_bytes_alone() {
        assert_eq!(check(KEY, b"test", SIGNATURE), Ok(()));
        assert!(matches!(check(KEY, b"Test", SIGNATURE), Err(SignatureError::Wrong(_))));
        assert!(matches!(check(KEY, b"test", "nonsense"), Err(SignatureError::Format(_))));
        assert!(matches!(check("nonsense", b"test", SIGNATURE), Err(SignatureError::Key(_))));
        let other = "RWSGOq2NVecA2UPNdBUZykf1CCb147pkmdtYxgb3Ti+JO/wCYvhbAb/U";
        assert!(matches!(check(other, b"test", SIGNATURE), Err(SignatureError::Wrong(_))));
    }

    #[test]
    fn a_whole_key_file_is_understood() {
        let file = format!("untrusted comment: minisign public key\n{KEY}\n");
        assert_eq!(check(&file, b"test", SIGNATURE), Ok(()));
    }
}
