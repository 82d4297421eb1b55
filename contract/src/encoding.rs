//! Bytes as text. By hand, because a Worker's program is bounded: a library for every base there is takes fifty times as
//! much of it. `data-encoding`, which is one, is asked in the tests.

const BASE32HEX: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = vec![0; bytes.len() * 2];
    // It fails for a slice of another length alone.
    let _: Result<(), hex::FromHexError> = hex::encode_to_slice(bytes, &mut text);
    String::from_utf8(text).unwrap_or_default()
}

/// Lower-case base32hex (RFC 4648 §7) without padding: text sorts as the bytes do.
pub(crate) fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(length(bytes.len()));
    let (mut rest, mut bits) = (0u32, 0u32);
    for byte in bytes {
        (rest, bits) = (rest << 8 | u32::from(*byte), bits + 8);
        while bits >= 5 {
            bits -= 5;
            text.push(symbol(rest >> bits));
        }
    }
    if bits > 0 {
        text.push(symbol(rest << (5 - bits)));
    }
    text
}

/// The bytes of such a text; `None` for any other.
pub(crate) fn from_base32<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != length(N) {
        return None;
    }
    let mut bytes = [0; N];
    let mut places = bytes.iter_mut();
    let (mut rest, mut bits) = (0u32, 0u32);
    for symbol in text.bytes() {
        let value = match symbol {
            b'0'..=b'9' => symbol - b'0',
            b'a'..=b'v' => symbol - b'a' + 10,
            _ => return None,
        };
        (rest, bits) = (rest << 5 | u32::from(value), bits + 5);
        if bits >= 8 {
            bits -= 8;
            *places.next()? = (rest >> bits) as u8;
        }
        rest &= (1 << bits) - 1;
    }
    // What is left over of the last symbol says nothing: a text that says something there is another's.
    (rest == 0).then_some(bytes)
}

fn symbol(value: u32) -> char {
    BASE32HEX.get((value & 31) as usize).map_or('0', |symbol| char::from(*symbol))
}

/// How many symbols so many bytes take.
fn length(bytes: usize) -> usize {
    (bytes * 8).div_ceil(5)
}

#[cfg(test)]
mod tests {
    use data_encoding::{HEXLOWER, Specification};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bytes_are_written_as_a_library_writes_them(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut base32hex = Specification::new();
            base32hex.symbols.push_str("0123456789abcdefghijklmnopqrstuv");
            prop_assert_eq!(base32(&bytes), base32hex.encoding().unwrap().encode(&bytes));
            prop_assert_eq!(hex(&bytes), HEXLOWER.encode(&bytes));
        }

        #[test]
        fn texts_are_read_as_a_library_reads_them(text in "[0-9a-vw]{40,44}") {
            let mut base32hex = Specification::new();
            base32hex.symbols.push_str("0123456789abcdefghijklmnopqrstuv");
            let expect = base32hex.encoding().unwrap().decode(text.as_bytes()).ok();
            prop_assert_eq!(from_base32::<26>(&text).map(Vec::from), expect.filter(|bytes| bytes.len() == 26));
        }

        #[test]
        fn what_was_written_is_read(bytes: [u8; 26]) {
            prop_assert_eq!(from_base32(&base32(&bytes)), Some(bytes));
        }
    }
}
