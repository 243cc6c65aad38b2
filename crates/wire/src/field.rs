//! Protobuf fields read from, and written to, plain byte buffers.

use crate::WireError;

/// One field's value, borrowed from the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
}

impl<'a> Value<'a> {
    #[inline]
    pub fn varint(self) -> Result<u64, WireError> {
        match self {
            Value::Varint(value) => Ok(value),
            _ => Err(WireError::Protobuf("field is not a varint")),
        }
    }

    /// An `int32` or enum: negative numbers travel as ten-byte varints, so only the low half counts.
    #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
    #[inline]
    pub fn int32(self) -> Result<i32, WireError> {
        Ok(self.varint()? as i32)
    }

    /// A `uint32`: the low half of the varint, as protobuf prescribes.
    #[allow(clippy::cast_possible_truncation)]
    #[inline]
    pub fn uint32(self) -> Result<u32, WireError> {
        Ok(self.varint()? as u32)
    }

    /// An `int64`, whose varint carries the two's complement.
    #[allow(clippy::cast_possible_wrap)]
    pub fn int64(self) -> Result<i64, WireError> {
        Ok(self.varint()? as i64)
    }

    #[inline]
    pub fn boolean(self) -> Result<bool, WireError> {
        Ok(self.varint()? != 0)
    }

    #[inline]
    pub fn bytes(self) -> Result<&'a [u8], WireError> {
        match self {
            Value::Bytes(value) => Ok(value),
            _ => Err(WireError::Protobuf("field is not length-delimited")),
        }
    }
}

/// Iterates over the fields of one protobuf message: (field number, value).
///
/// Groups, which the protocol never had, are malformed here.
#[derive(Debug, Clone)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub fn new(message: &'a [u8]) -> Self {
        Fields { rest: message }
    }

    #[allow(clippy::inline_always)] // on the way of every message that is received
    #[inline(always)]
    fn read(&mut self) -> Result<(u32, Value<'a>), WireError> {
        let key = read_varint(&mut self.rest)?;
        let number = u32::try_from(key >> 3).map_err(|_| WireError::Protobuf("field number too large"))?;
        if number == 0 {
            return Err(WireError::Protobuf("field number 0"));
        }
        let value = match key & 7 {
            0 => Value::Varint(read_varint(&mut self.rest)?),
            1 => Value::Fixed64(u64::from_le_bytes(*self.take_array()?)),
            2 => Value::Bytes(self.take_delimited()?),
            5 => Value::Fixed32(u32::from_le_bytes(*self.take_array()?)),
            _ => return Err(WireError::Protobuf("unsupported wire type")),
        };
        Ok((number, value))
    }

    fn take_array<const N: usize>(&mut self) -> Result<&'a [u8; N], WireError> {
        let (head, tail) = self.rest.split_first_chunk().ok_or(WireError::Protobuf("field ends early"))?;
        self.rest = tail;
        Ok(head)
    }

    fn take_delimited(&mut self) -> Result<&'a [u8], WireError> {
        let length = read_varint(&mut self.rest)?;
        let length = usize::try_from(length).map_err(|_| WireError::Protobuf("length too large"))?;
        let (head, tail) =
            self.rest.split_at_checked(length).ok_or(WireError::Protobuf("field ends early"))?;
        self.rest = tail;
        Ok(head)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Value<'a>), WireError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.read();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

/// Reads a packed run of `int64`.
#[allow(clippy::cast_possible_wrap)] // the varint carries the two's complement
pub(crate) fn read_packed(mut packed: &[u8], values: &mut Vec<i64>) -> Result<(), WireError> {
    while !packed.is_empty() {
        values.push(read_varint(&mut packed)? as i64);
    }
    Ok(())
}

#[inline]
pub(crate) fn read_varint(rest: &mut &[u8]) -> Result<u64, WireError> {
    match rest.split_first() {
        Some((&byte, tail)) if byte < 0x80 => {
            *rest = tail;
            Ok(u64::from(byte))
        }
        _ => read_long_varint(rest),
    }
}

#[inline]
fn read_long_varint(rest: &mut &[u8]) -> Result<u64, WireError> {
    let mut value = 0u64;
    for (index, &byte) in rest.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            // The tenth byte holds the single bit that is left of 64.
            if index == 9 && byte > 1 {
                return Err(WireError::Protobuf("varint too long"));
            }
            *rest = &rest[index + 1..];
            return Ok(value);
        }
    }
    Err(WireError::Protobuf(if rest.len() < 10 { "varint ends early" } else { "varint too long" }))
}

/// Bytes that `value` takes as a varint.
#[inline]
pub(crate) fn varint_len(value: u64) -> usize {
    // 7 bits a byte, and 0 takes one: ceil(bits / 7) without a division.
    ((64 - (value | 1).leading_zeros()) as usize * 9 + 64) / 64
}

/// Writes protobuf fields to the end of a buffer.
pub(crate) trait FieldWriter {
    fn put_varint(&mut self, value: u64);
    fn put_uint(&mut self, number: u32, value: u64);
    fn put_int(&mut self, number: u32, value: i64);
    fn put_bytes(&mut self, number: u32, value: &[u8]);
    /// Key and length of a nested message of `length` bytes, which the caller writes next.
    fn put_nested(&mut self, number: u32, length: usize);
}

impl FieldWriter for Vec<u8> {
    #[inline]
    #[allow(clippy::cast_possible_truncation)] // each byte takes the low seven bits on purpose
    fn put_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.push(value as u8);
    }

    #[inline]
    fn put_uint(&mut self, number: u32, value: u64) {
        self.put_varint(u64::from(number) << 3);
        self.put_varint(value);
    }

    #[inline]
    #[allow(clippy::cast_sign_loss)] // two's complement is the encoding
    fn put_int(&mut self, number: u32, value: i64) {
        self.put_uint(number, value as u64);
    }

    #[inline]
    fn put_bytes(&mut self, number: u32, value: &[u8]) {
        self.put_nested(number, value.len());
        self.extend_from_slice(value);
    }

    #[inline]
    fn put_nested(&mut self, number: u32, length: usize) {
        self.put_varint(u64::from(number) << 3 | 2);
        self.put_varint(length as u64);
    }
}

/// Bytes of a varint field, key included.
#[inline]
pub(crate) fn uint_len(number: u32, value: u64) -> usize {
    varint_len(u64::from(number) << 3) + varint_len(value)
}

/// Bytes of a signed varint field, key included.
#[inline]
#[allow(clippy::cast_sign_loss)] // two's complement is the encoding
pub(crate) fn int_len(number: u32, value: i64) -> usize {
    uint_len(number, value as u64)
}

/// Bytes of a length-delimited field with `length` bytes of content, key and length included.
#[inline]
pub(crate) fn delimited_len(number: u32, length: usize) -> usize {
    varint_len(u64::from(number) << 3) + varint_len(length as u64) + length
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn varints_agree_with_prost(value: u64) {
            let mut ours = Vec::new();
            ours.put_varint(value);
            let mut theirs = Vec::new();
            prost::encoding::encode_varint(value, &mut theirs);
            prop_assert_eq!(&ours, &theirs);
            prop_assert_eq!(varint_len(value), theirs.len());
            let mut rest = ours.as_slice();
            prop_assert_eq!(read_varint(&mut rest), Ok(value));
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn reading_is_total(bytes: Vec<u8>) {
            for _ in Fields::new(&bytes) {}
        }

        #[test]
        fn varint_reading_agrees_with_prost(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            let mut rest = bytes.as_slice();
            let ours = read_varint(&mut rest);
            let mut theirs_rest = bytes.as_slice();
            let theirs = prost::encoding::decode_varint(&mut theirs_rest);
            prop_assert_eq!(ours.ok(), theirs.ok());
        }
    }

    #[test]
    fn lengths_at_the_borders() {
        for shift in 0..64 {
            for value in [(1u64 << shift) - 1, 1 << shift] {
                let mut buffer = Vec::new();
                buffer.put_varint(value);
                assert_eq!(varint_len(value), buffer.len(), "value {value}");
            }
        }
    }
}
