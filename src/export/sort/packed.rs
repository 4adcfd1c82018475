//! A row as bytes, told from others by its day, time and name without being unpacked.
//!
//! `u32` length of what follows, `u32` day as `YYYYMMDD`, `i64` microseconds, `u32` and the name, `u32` and
//! the hash, all little-endian; then the rest of the row, serialized by postcard.

use std::io;

use jiff::civil::Date;

use crate::export::row::Row;

/// The length before each row.
pub(super) const LENGTH: usize = 4;

/// A row with its day, as bytes.
pub struct Packed(pub(super) Vec<u8>);

impl Packed {
    pub fn new(day: Date, row: &impl Row) -> Result<Packed, postcard::Error> {
        let mut bytes = Vec::with_capacity(row.weight());
        bytes.extend_from_slice(&[0; LENGTH]);
        bytes.extend_from_slice(&pack_day(day).to_le_bytes());
        bytes.extend_from_slice(&row.at_us().to_le_bytes());
        for text in [row.name(), row.sha256()] {
            bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        let mut bytes = postcard::to_extend(row, bytes)?;
        let length = (bytes.len() - LENGTH) as u32;
        bytes[..LENGTH].copy_from_slice(&length.to_le_bytes());
        Ok(Packed(bytes))
    }
}

fn pack_day(day: Date) -> u32 {
    day.year().unsigned_abs() as u32 * 10_000
        + day.month().unsigned_abs() as u32 * 100
        + day.day().unsigned_abs() as u32
}

pub(super) fn unpack_day(n: u32) -> Option<Date> {
    Date::new(i16::try_from(n / 10_000).ok()?, i8::try_from(n / 100 % 100).ok()?, i8::try_from(n % 100).ok()?).ok()
}

/// What orders rows.
pub(super) type Key<'a> = (u32, i64, &'a [u8]);

/// The parts of a packed row, without its length.
pub(super) struct Parts<'a> {
    pub key: Key<'a>,
    pub sha256: &'a [u8],
    pub rest: &'a [u8],
}

pub(super) fn parts(mut bytes: &[u8]) -> Option<Parts<'_>> {
    fn text<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
        let length = u32::from_le_bytes(*bytes.split_off(..4)?.first_chunk()?);
        bytes.split_off(..length as usize)
    }
    let day = u32::from_le_bytes(*bytes.split_off(..4)?.first_chunk()?);
    let at = i64::from_le_bytes(*bytes.split_off(..8)?.first_chunk()?);
    let (name, sha256) = (text(&mut bytes)?, text(&mut bytes)?);
    Some(Parts { key: (day, at, name), sha256, rest: bytes })
}

pub(super) fn decode<T: Row>(bytes: &[u8]) -> io::Result<T> {
    let row = || {
        let Parts { key: (_, at, name), sha256, rest } = parts(bytes)?;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        let row: T = postcard::from_bytes(rest).ok()?;
        Some(row.identified(at, text(name)?, text(sha256)?))
    };
    row().ok_or_else(damaged)
}

pub(super) fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the packed rows of the sort are damaged")
}

/// The packed row that begins at `start`, with its length.
pub(super) fn row_at(held: &[u8], start: u32) -> &[u8] {
    let tail = held.get(start as usize..).unwrap_or_default();
    let length = tail.first_chunk().map_or(0, |length| u32::from_le_bytes(*length) as usize);
    tail.get(..LENGTH + length).unwrap_or_default()
}

pub(super) fn body(row: &[u8]) -> &[u8] {
    row.get(LENGTH..).unwrap_or_default()
}
