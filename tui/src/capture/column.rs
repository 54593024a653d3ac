//! Columns: numbers of one meaning, one after the other, as protobuf's packed varints. They stay bytes
//! until they are read, so that a small hostile file cannot blow up in memory.

use super::Damage;
use prost::encoding::{decode_varint, encode_varint};

/// Appends a number.
pub fn put(column: &mut Vec<u8>, value: u64) {
    encode_varint(value, column);
}

/// Appends a signed number.
pub fn put_signed(column: &mut Vec<u8>, value: i64) {
    put(column, ((value << 1) ^ (value >> 63)) as u64);
}

/// Appends a number as its difference to the one before. Any two numbers have one: it wraps.
pub fn put_delta(column: &mut Vec<u8>, last: &mut u64, value: u64) {
    put_signed(column, value.wrapping_sub(*last) as i64);
    *last = value;
}

/// Reads a column from its start.
#[derive(Clone, Copy, Debug)]
pub struct Column<'a> {
    bytes: &'a [u8],
    last: u64,
}

impl<'a> Column<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, last: 0 }
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub fn next(&mut self) -> Result<u64, Damage> {
        if self.bytes.is_empty() {
            return Err(Damage("a column is too short".to_owned()));
        }
        decode_varint(&mut self.bytes).map_err(|error| Damage(error.to_string()))
    }

    pub fn next_u32(&mut self) -> Result<u32, Damage> {
        u32::try_from(self.next()?).map_err(|_| Damage("a number is too large".to_owned()))
    }

    pub fn next_bool(&mut self) -> Result<bool, Damage> {
        Ok(self.next()? != 0)
    }

    pub fn next_signed(&mut self) -> Result<i64, Damage> {
        let value = self.next()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// The next number of a column of differences.
    pub fn next_delta(&mut self) -> Result<u64, Damage> {
        self.last = self.last.wrapping_add(self.next_signed()? as u64);
        Ok(self.last)
    }

    pub fn next_delta_u32(&mut self) -> Result<u32, Damage> {
        u32::try_from(self.next_delta()?).map_err(|_| Damage("a number is too large".to_owned()))
    }

    /// Nothing may be left when all is read.
    pub fn end(&self) -> Result<(), Damage> {
        if self.is_empty() { Ok(()) } else { Err(Damage("a column is too long".to_owned())) }
    }
}

/// See [`Column::end`], of several.
pub fn all_read(columns: &[Column<'_>]) -> Result<(), Damage> {
    columns.iter().try_for_each(Column::end)
}
