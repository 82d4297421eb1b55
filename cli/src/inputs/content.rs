//! What a file is, by its first bytes; by its name only where they do not say.

use std::path::Path;

use clap::ValueEnum;
use forebay::Input;
use forebay_contract::{InputKind, MediaType};
use serde_json::Value;

use super::MOST_BYTES;

/// What kind of thing an input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// JPEG, PNG, WebP, GIF, BMP or TIFF
    Image,
    /// UTF-8
    Text,
    /// JSON: numbers in nested arrays
    Tensor,
}

const PICTURES: &str = "JPEG, PNG, WebP, GIF, BMP or TIFF";

/// The input that `bytes` are.
pub(crate) fn read(name: &str, bytes: Vec<u8>, kind: Option<Kind>) -> Result<Input, String> {
    if bytes.len() as u64 > MOST_BYTES {
        return Err(format!("{name} is larger than {} MB", MOST_BYTES >> 20));
    }
    let image = MediaType::of_content(&bytes).filter(|found| found.kind() == InputKind::Image);
    match (kind, image) {
        (None | Some(Kind::Image), Some(media_type)) => {
            Ok(Input::Image { media_type: media_type.name(), bytes: bytes.into() })
        }
        (Some(Kind::Image), None) => Err(format!("{name} is no picture of a known kind: send {PICTURES}")),
        (Some(Kind::Tensor), _) => tensor(name, &bytes),
        (None, None) if by_name(Path::new(name)) == Some(Kind::Tensor) => tensor(name, &bytes),
        (None | Some(Kind::Text), _) => match String::from_utf8(bytes) {
            Ok(text) if text.is_empty() => Err(format!("{name} is empty")),
            Ok(text) => Ok(Input::Text(text)),
            Err(_) => Err(format!("{name} is neither a picture ({PICTURES}) nor UTF-8 text")),
        },
    }
}

fn tensor(name: &str, bytes: &[u8]) -> Result<Input, String> {
    match serde_json::from_slice(bytes) {
        Ok(tensor @ Value::Array(_)) => Ok(Input::Tensor(tensor)),
        Ok(_) => Err(format!("{name} is no tensor: write numbers in nested arrays")),
        Err(error) => Err(format!("{name} is no tensor: {error}")),
    }
}

/// What a file in a folder is by its name; `None`: not for us.
pub(crate) fn by_name(path: &Path) -> Option<Kind> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "png" | "jpg" | "jpeg" | "jpe" | "jfif" | "jif" | "pjpeg" | "pjp" => Some(Kind::Image),
        "webp" | "gif" | "bmp" | "tif" | "tiff" => Some(Kind::Image),
        "txt" => Some(Kind::Text),
        "json" => Some(Kind::Tensor),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
    const JPEG: &[u8] = b"\xff\xd8\xff";

    #[test]
    fn a_name_says_what_is_for_us() {
        for (name, expect) in [
            ("a.png", Some(Kind::Image)),
            ("a.JPG", Some(Kind::Image)),
            ("a.jpe", Some(Kind::Image)),
            ("a.Jfif", Some(Kind::Image)),
            ("a.pjpeg", Some(Kind::Image)),
            ("a.webp", Some(Kind::Image)),
            ("a.TIF", Some(Kind::Image)),
            ("a.txt", Some(Kind::Text)),
            ("a.json", Some(Kind::Tensor)),
            ("a.heic", None),
            ("jpg", None),
        ] {
            assert_eq!(by_name(Path::new(name)), expect, "{name}");
        }
    }

    #[test]
    fn content_says_what_it_is() {
        for (name, bytes, kind, expect) in [
            ("a.txt", PNG, None, "Image(image/png, 8 bytes)"),
            ("a", JPEG, Some(Kind::Image), "Image(image/jpeg, 3 bytes)"),
            ("a", b"GIF89a", None, "Image(image/gif, 6 bytes)"),
            ("a", b"hello", None, "Text(5 bytes)"),
            ("a.json", b"[[1,2]]", None, "Tensor(…)"),
            ("a", b"[1]", Some(Kind::Tensor), "Tensor(…)"),
            ("a.json", b"[1]", Some(Kind::Text), "Text(3 bytes)"),
            ("a.json", b"{}", None, "a.json is no tensor: write numbers in nested arrays"),
            (
                "a",
                b"hello",
                Some(Kind::Image),
                "a is no picture of a known kind: send JPEG, PNG, WebP, GIF, BMP or TIFF",
            ),
            ("a", b"\xff\x00", None, "a is neither a picture (JPEG, PNG, WebP, GIF, BMP or TIFF) nor UTF-8 text"),
            ("a", b"", None, "a is empty"),
        ] {
            let found = read(name, bytes.to_vec(), kind);
            let shown = found.map_or_else(|error| error, |input| format!("{input:?}"));
            assert_eq!(shown, expect, "{name}");
        }
        assert!(read("a", vec![b'x'; (MOST_BYTES + 1) as usize], None).unwrap_err().contains("larger"));
    }
}
