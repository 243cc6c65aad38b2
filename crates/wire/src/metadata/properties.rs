use crate::field::{FieldWriter, Fields, delimited_len};

/// Name and value of one property. The protocol says UTF-8; the bytes pass unchanged, as the established
/// clients do it.
pub type Property = (Vec<u8>, Vec<u8>);

/// The properties of a message: a list on the way out, a look into the encoded metadata on the way in.
#[derive(Debug, Clone, Copy)]
pub enum Properties<'a> {
    /// Names and values in the order to write.
    List(&'a [Property]),
    /// Encoded metadata, and the number of the field that holds the properties.
    Encoded(&'a [u8], u32),
}

impl Default for Properties<'_> {
    fn default() -> Self {
        Properties::List(&[])
    }
}

impl PartialEq for Properties<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Properties<'_> {}

impl<'a> Properties<'a> {
    /// Names and values in the order they stand. A pair that cannot be read ends the iteration.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let (list, message, number) = match *self {
            Properties::List(list) => (list, &[][..], 0),
            Properties::Encoded(message, number) => (&[][..], message, number),
        };
        let encoded = Fields::new(message)
            .map_while(Result::ok)
            .filter(move |(found, _)| *found == number)
            .map_while(|(_, value)| read_pair(value.bytes().ok()?));
        list.iter().map(|(name, value)| (name.as_slice(), value.as_slice())).chain(encoded)
    }

    /// Whether there are none, as far as that is known without looking for them.
    #[inline]
    pub fn is_empty(&self) -> bool {
        matches!(self, Properties::List([]))
    }

    /// Value of the property `name`; the last one where it is given twice.
    pub fn get(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.iter().filter(|(found, _)| *found == name).map(|(_, value)| value).last()
    }

    #[inline]
    pub(super) fn encoded_len(&self, number: u32) -> usize {
        if self.is_empty() {
            return 0;
        }
        self.iter().map(|(name, value)| delimited_len(number, pair_len(name, value))).sum()
    }

    pub(super) fn encode(&self, number: u32, out: &mut Vec<u8>) {
        for (name, value) in self.iter() {
            out.put_nested(number, pair_len(name, value));
            out.put_bytes(1, name);
            out.put_bytes(2, value);
        }
    }
}

fn pair_len(name: &[u8], value: &[u8]) -> usize {
    delimited_len(1, name.len()) + delimited_len(2, value.len())
}

/// Reads a `KeyValue`; a missing half is empty.
fn read_pair(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let (mut name, mut content) = (&[][..], &[][..]);
    for field in Fields::new(message) {
        match field.ok()? {
            (1, value) => name = value.bytes().ok()?,
            (2, value) => content = value.bytes().ok()?,
            _ => {}
        }
    }
    Some((name, content))
}
