//! Names of files as text, also where they are none.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

/// A name as people and JSON have it: what of it is no UTF-8 is written `\xHH`, a byte each.
pub(crate) fn shown(name: impl AsRef<OsStr>) -> String {
    name.as_ref().as_bytes().utf8_chunks().fold(String::new(), |text, chunk| {
        let escaped: String = chunk.invalid().iter().map(|byte| format!("\\x{byte:02X}")).collect();
        text + chunk.valid() + &escaped
    })
}

/// A name such that no two are alike: itself where it is text, else its bytes.
pub(super) fn exact(name: &OsStr) -> String {
    match name.to_str() {
        Some(text) => format!("path {text}"),
        None => format!("bytes {}", hex::encode(name.as_bytes())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_no_text_is_shown_and_differs_from_another() {
        for (name, expect) in [
            (&b"caf\xc3\xa9.png"[..], "caf\u{e9}.png"),
            (b"caf\xe9.png", r"caf\xE9.png"),
            (b"\xff\xfe", r"\xFF\xFE"),
            (b"", ""),
        ] {
            assert_eq!(shown(OsStr::from_bytes(name)), expect);
        }
        let names = [&b"caf\xe9.png"[..], br"caf\xE9.png", b"caf\xe8.png"].map(|name| exact(OsStr::from_bytes(name)));
        assert!(names[0] != names[1] && names[0] != names[2], "{names:?}");
        assert_eq!(exact(OsStr::new("a b")), "path a b");
    }
}
