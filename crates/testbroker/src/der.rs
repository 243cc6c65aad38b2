//! As much of DER as certificates and public keys need.

/// Tag and content of the first element, and what is behind it.
pub(crate) fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, bytes) = bytes.split_first()?;
    let (first, mut bytes) = bytes.split_first()?;
    let mut len = usize::from(*first);
    if len >= 0x80 {
        let (digits, rest) = bytes.split_at_checked(len & 0x7f)?;
        bytes = rest;
        len = digits
            .iter()
            .try_fold(0usize, |len, digit| len.checked_mul(256)?.checked_add(usize::from(*digit)))?;
    }
    let (content, rest) = bytes.split_at_checked(len)?;
    Some((*tag, content, rest))
}
