//! SHA-256 in lower-case hex, as `sha256sum` prints it: of bytes, of what is read to its end, of what comes in parts.

use std::io::{self, Read};

use sha2::Digest as _;

/// Of `bytes`.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&sha2::Sha256::digest(bytes))
}

/// Of all that `reader` has, read as a stream so that its size doesn't matter; before it, how many bytes that were.
pub(crate) fn sha256_of(mut reader: impl Read) -> io::Result<(u64, String)> {
    let mut hasher = Hasher::default();
    let mut bytes = 0;
    let mut chunk = vec![0; 64 * 1024];
    loop {
        match reader.read(&mut chunk) {
            Ok(0) => return Ok((bytes, hasher.finish())),
            Ok(n) => {
                hasher.add(chunk.get(..n).unwrap_or(&chunk));
                bytes += n as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Of parts, one after the other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hasher(sha2::Sha256);

impl Hasher {
    pub(crate) fn add(&mut self, part: impl AsRef<[u8]>) {
        self.0.update(part);
    }

    pub(crate) fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |n: u8| char::from(DIGITS[usize::from(n & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_sha256sum_prints_however_the_bytes_come() {
        for (text, expect) in [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ] {
            assert_eq!(sha256(text.as_bytes()), expect);
            assert_eq!(sha256_of(text.as_bytes()).unwrap(), (text.len() as u64, expect.to_owned()));
            let mut hasher = Hasher::default();
            text.chars().for_each(|c| hasher.add(c.to_string()));
            assert_eq!(hasher.finish(), expect);
        }
    }
}
