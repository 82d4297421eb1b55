/// Rust as a reader of braces sees it: what is code, what is a comment, what is within a literal.
#[derive(Debug)]
pub(super) struct Rust {
    /// The text with comments and the insides of literals blanked, byte for byte.
    pub(super) code: Vec<u8>,
    /// The text with comments blanked, byte for byte.
    pub(super) speaking: Vec<u8>,
    /// Where strings lie, as ranges of bytes.
    strings: Vec<(usize, usize)>,
}

impl Rust {
    /// Reads what compiles; of anything else it says something.
    pub(super) fn read(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut rust = Self { code: bytes.to_vec(), speaking: bytes.to_vec(), strings: Vec::new() };
        let mut at = 0;
        while at < bytes.len() {
            let rest = bytes.get(at..).unwrap_or_default();
            let follows_a_word = at.checked_sub(1).and_then(|at| bytes.get(at)).is_some_and(|byte| is_word(*byte));
            if rest.starts_with(b"//") {
                let end = at + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                blank(&mut rust.code, at, end);
                blank(&mut rust.speaking, at, end);
                at = end;
            } else if rest.starts_with(b"/*") {
                let end = at + block_comment(rest);
                blank(&mut rust.code, at, end);
                blank(&mut rust.speaking, at, end);
                at = end;
            } else if let Some((open, length)) = raw_string(rest).filter(|_| !follows_a_word) {
                blank(&mut rust.code, at + open, at + length);
                rust.strings.push((at, at + length));
                at += length;
            } else if rest.starts_with(b"\"") {
                let length = string(rest);
                blank(&mut rust.code, at + 1, at + length - 1);
                rust.strings.push((at, at + length));
                at += length;
            } else if let Some(length) = character(rest) {
                blank(&mut rust.code, at + 1, at + length - 1);
                at += length;
            } else {
                at += 1;
            }
        }
        rust
    }

    /// Whether the byte lies within a string.
    pub(super) fn is_in_string(&self, at: usize) -> bool {
        let after = self.strings.partition_point(|(start, _)| *start <= at);
        after.checked_sub(1).and_then(|last| self.strings.get(last)).is_some_and(|(_, end)| at < *end)
    }
}

/// Whether the byte may stand in a name.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Line breaks stay, so that lines can be counted.
fn blank(bytes: &mut [u8], from: usize, to: usize) {
    for byte in bytes.get_mut(from..to.max(from)).unwrap_or_default() {
        if *byte != b'\n' {
            *byte = b' ';
        }
    }
}

/// How long the block comment is that begins here; they nest.
fn block_comment(bytes: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        if rest.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                break;
            }
        } else {
            at += 1;
        }
    }
    at
}

/// Where the inside of the raw string begins that begins here, and how long all of it is.
fn raw_string(bytes: &[u8]) -> Option<(usize, usize)> {
    let prefix = [&b"r"[..], b"br", b"cr"]
        .into_iter()
        .find(|prefix| bytes.starts_with(prefix) && matches!(bytes.get(prefix.len()), Some(b'"' | b'#')))?;
    let hashes = bytes.iter().skip(prefix.len()).take_while(|byte| **byte == b'#').count();
    let open = prefix.len() + hashes + 1;
    if bytes.get(open - 1) != Some(&b'"') {
        return None;
    }
    let close: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
    let inside = bytes.get(open..)?;
    let length = inside.windows(close.len()).position(|window| window == close).unwrap_or(inside.len());
    Some((open, (open + length + close.len()).min(bytes.len())))
}

/// How long the string is that begins here.
fn string(bytes: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// How long the character is that begins here; a lifetime is none.
fn character(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [b'\'', b'\\', _, rest @ ..] => Some(3 + rest.iter().position(|byte| *byte == b'\'')? + 1),
        [b'\'', first, ..] => {
            let width = match first {
                0..0x80 => 1,
                0x80..0xe0 => 2,
                0xe0..0xf0 => 3,
                _ => 4,
            };
            (bytes.get(1 + width) == Some(&b'\'')).then_some(width + 2)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_in_literals_and_comments_are_no_braces() {
        let text = "fn a<'x>() { // {\n  let _ = (\"{\\\"\", '{', '\\'', '\\u{7b}', b'{', r#\"{\"{\"#, br\"{\"); /* { /* { */ */ }";
        let rust = Rust::read(text);
        let count = |wanted: u8| rust.code.iter().filter(|byte| **byte == wanted).count();
        assert_eq!((count(b'{'), count(b'}')), (1, 1), "{}", String::from_utf8_lossy(&rust.code));
        assert_eq!(rust.code.len(), text.len());
        assert!(rust.is_in_string(text.find("r#").unwrap() + 4));
        assert!(!rust.is_in_string(0));
    }

    #[test]
    fn a_name_that_ends_in_r_begins_no_string() {
        let rust = Rust::read("let r = bar\"x\";");
        assert_eq!(String::from_utf8_lossy(&rust.code), "let r = bar\" \";");
    }
}
