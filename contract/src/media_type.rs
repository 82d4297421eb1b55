use serde::{Deserialize, Serialize};

/// What kind of thing a model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum InputKind {
    /// Nothing: the parameters say it all.
    None,
    /// UTF-8 text.
    Text,
    /// An encoded picture.
    Image,
    /// An encoded sound.
    Audio,
    /// Numbers, as a JSON array of the shape the model declares (without the batch dimension).
    Tensor,
}

/// The encodings in which inputs travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MediaType {
    /// No input at all.
    #[serde(rename = "none")]
    Empty,
    /// `text/plain; charset=utf-8`
    #[serde(rename = "text/plain")]
    PlainText,
    /// `image/jpeg`
    #[serde(rename = "image/jpeg")]
    Jpeg,
    /// `image/png`
    #[serde(rename = "image/png")]
    Png,
    /// `image/webp`
    #[serde(rename = "image/webp")]
    Webp,
    /// `image/gif`
    #[serde(rename = "image/gif")]
    Gif,
    /// `image/bmp`
    #[serde(rename = "image/bmp")]
    Bmp,
    /// `image/tiff`
    #[serde(rename = "image/tiff")]
    Tiff,
    /// `audio/wav`
    #[serde(rename = "audio/wav")]
    Wav,
    /// `audio/flac`
    #[serde(rename = "audio/flac")]
    Flac,
    /// `audio/mpeg`: MP3.
    #[serde(rename = "audio/mpeg")]
    Mp3,
    /// `audio/ogg`: Vorbis in Ogg.
    #[serde(rename = "audio/ogg")]
    Ogg,
    /// `application/json`: a tensor as nested or flat arrays of numbers.
    #[serde(rename = "application/json")]
    Json,
}

impl MediaType {
    /// Every encoding that a body may have.
    pub const ALL: [Self; 12] = [
        Self::PlainText,
        Self::Jpeg,
        Self::Png,
        Self::Webp,
        Self::Gif,
        Self::Bmp,
        Self::Tiff,
        Self::Wav,
        Self::Flac,
        Self::Mp3,
        Self::Ogg,
        Self::Json,
    ];

    /// The name as in `Content-Type`; `none` for no input.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "none",
            Self::PlainText => "text/plain",
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Gif => "image/gif",
            Self::Bmp => "image/bmp",
            Self::Tiff => "image/tiff",
            Self::Wav => "audio/wav",
            Self::Flac => "audio/flac",
            Self::Mp3 => "audio/mpeg",
            Self::Ogg => "audio/ogg",
            Self::Json => "application/json",
        }
    }

    /// The kind of input this is an encoding of.
    pub fn kind(self) -> InputKind {
        match self {
            Self::Empty => InputKind::None,
            Self::PlainText => InputKind::Text,
            Self::Jpeg | Self::Png | Self::Webp | Self::Gif | Self::Bmp | Self::Tiff => InputKind::Image,
            Self::Wav | Self::Flac | Self::Mp3 | Self::Ogg => InputKind::Audio,
            Self::Json => InputKind::Tensor,
        }
    }

    /// The picture or sound that begins like this, told by its first bytes. `None` says nothing: an MP3 may begin with
    /// anything, and so may a text.
    pub fn of_content(bytes: &[u8]) -> Option<Self> {
        Some(match bytes {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Self::Png,
            [0xFF, 0xD8, 0xFF, ..] => Self::Jpeg,
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Self::Webp,
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Self::Gif,
            // With its reserved words of zero: two letters alone may begin a text.
            [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => Self::Bmp,
            [b'I', b'I', b'*', 0, ..] | [b'M', b'M', 0, b'*', ..] => Self::Tiff,
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Self::Wav,
            [b'f', b'L', b'a', b'C', ..] => Self::Flac,
            [b'O', b'g', b'g', b'S', ..] => Self::Ogg,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_json() {
        for media_type in MediaType::ALL.into_iter().chain([MediaType::Empty]) {
            assert_eq!(serde_json::to_value(media_type).unwrap(), media_type.name());
        }
    }

    #[test]
    fn content_says_what_it_is_where_it_does() {
        for (bytes, expect) in [
            (&b"\x89PNG\r\n\x1a\n"[..], Some(MediaType::Png)),
            (b"\x89PNG", None),
            (b"\xff\xd8\xff\xe0", Some(MediaType::Jpeg)),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some(MediaType::Webp)),
            (b"RIFF\0\0\0\0WAVEfmt ", Some(MediaType::Wav)),
            (b"RIFF\0\0\0\0AVI ", None),
            (b"GIF89a", Some(MediaType::Gif)),
            (b"BM\x36\0\0\0\0\0\0\0\x36", Some(MediaType::Bmp)),
            (b"BM and other codes", None),
            (b"II*\0", Some(MediaType::Tiff)),
            (b"MM\0*", Some(MediaType::Tiff)),
            (b"fLaC", Some(MediaType::Flac)),
            (b"OggS", Some(MediaType::Ogg)),
            (b"hello", None),
            (b"", None),
        ] {
            assert_eq!(MediaType::of_content(bytes), expect, "{bytes:?}");
        }
    }
}
