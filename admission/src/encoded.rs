//! Base64 as clients write it: plain, wrapped in lines, URL-safe, without padding, as a data URI.

use base64::{
    DecodeError, Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// Padding says nothing that the length does not.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The bytes that `text` stands for; or what is wrong with it, to be read after the name of its field.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, String> {
    let text = content(text.trim_ascii())?;
    // Megabytes that are as they should be are not copied.
    LENIENT.decode(text.as_bytes()).or_else(|_| {
        let plain = plain(text)?;
        LENIENT.decode(&plain).map_err(|error| complaint(&error, &plain))
    })
}

/// What a data URI (RFC 2397) holds; any other text is itself.
fn content(text: &str) -> Result<&str, String> {
    if !text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) {
        return Ok(text);
    }
    let (head, content) = text.split_once(',').ok_or("is a data URI without a comma before its content")?;
    let base64 = head.rsplit(';').next().is_some_and(|last| last.trim().eq_ignore_ascii_case("base64"));
    if !base64 || !head.contains(';') {
        return Err(
            "is a data URI that is not base64: it must begin with `data:image/png;base64,` or the like".to_owned()
        );
    }
    Ok(content)
}

/// In one line and the standard alphabet (RFC 4648 §4).
fn plain(text: &str) -> Result<Vec<u8>, String> {
    let (mut standard, mut url_safe) = (false, false);
    let mut plain = Vec::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'\r' | b'\n' | b'\t' => continue,
            b' ' => return Err("holds a space: was a `+` lost on its way through a form or a URL?".to_owned()),
            b'+' | b'/' => standard = true,
            b'-' | b'_' => url_safe = true,
            _ => {}
        }
        plain.push(match byte {
            b'-' => b'+',
            b'_' => b'/',
            byte => byte,
        });
    }
    if standard && url_safe {
        return Err("mixes the two alphabets of base64: `+` and `/` with `-` and `_`".to_owned());
    }
    Ok(plain)
}

fn complaint(error: &DecodeError, plain: &[u8]) -> String {
    match *error {
        DecodeError::InvalidByte(at, b'=') => {
            format!("is not base64: it has a `=` at character {}, before its end", at + 1)
        }
        DecodeError::InvalidByte(at, byte) if byte.is_ascii_graphic() => {
            format!("is not base64: it has a `{}` at character {}", char::from(byte), at + 1)
        }
        DecodeError::InvalidByte(at, _) => format!("is not base64: it has something else at character {}", at + 1),
        DecodeError::InvalidLength(_) | DecodeError::InvalidLastSymbol(..) => {
            format!("is base64 that was cut: {} characters hold no whole number of bytes", plain.len())
        }
        DecodeError::InvalidPadding => "is not base64: its padding is wrong".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_stands_for_the_same_bytes_is_the_same() {
        // Every character in which the alphabets differ, and padding.
        let bytes = [0xfb, 0xef, 0xbe, 0xff, 0xff, 0xff, 0x00];
        for text in [
            "++++////AA==",
            "++++////AA",
            "----____AA==",
            "----____AA",
            "++++\r\n////\r\nAA==\r\n",
            "++++////AA==\n",
            "\n ++++////AA== ",
            "data:image/png;base64,++++////AA==",
            "DATA:image/png;charset=x;BASE64,----____AA",
            "data:;base64,++++////\nAA==",
        ] {
            assert_eq!(decode(text).as_deref(), Ok(bytes.as_slice()), "{text:?}");
        }
        assert_eq!(decode(""), Ok(Vec::new()));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, needle) in [
            ("%%%%", "a `%` at character 1"),
            ("AAAA AAAA", "a `+` lost"),
            ("++++____", "mixes the two alphabets"),
            ("AAAAA", "was cut: 5 characters"),
            ("AAAAAB", "was cut: 6 characters"),
            ("AA==AAAA", "a `=` at character 3"),
            ("A\u{e9}AA", "something else at character 2"),
            ("data:image/png,abc", "not base64: it must begin with"),
            ("data:image/png;base64", "without a comma"),
            ("data:base64,AAAA", "not base64: it must begin with"),
            ("/home/me/cat.png", "a `.` at character"),
        ] {
            let found = decode(text).unwrap_err();
            assert!(found.contains(needle), "{text}: {found}");
        }
    }

    proptest! {
        #[test]
        fn every_way_of_writing_gives_the_bytes_back(bytes: Vec<u8>, width in 1usize..90) {
            for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
                let text = engine.encode(&bytes);
                let chunks = text.as_bytes().chunks(width);
                let lines: Vec<String> = chunks.map(|line| String::from_utf8_lossy(line).into()).collect();
                prop_assert_eq!(&decode(&lines.join("\r\n")), &Ok(bytes.clone()));
                prop_assert_eq!(&decode(&format!("data:image/jpeg;base64,{text}")), &Ok(bytes.clone()));
            }
        }

        #[test]
        fn foreign_texts_never_panic(text: String) {
            let _ = decode(&text);
            let _ = decode(&format!("data:{text}"));
        }
    }
}
