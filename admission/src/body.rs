//! What kind of body it is, decided from the header fields before a byte of it is read.

use forebay_contract::{MediaType, ProblemCode};

use super::{Refusal, refusal::quoted};

/// The most bytes of any body, on the wire.
pub const MAX_BODY_BYTES: usize = 10_000_000;

/// What a bare input may be.
const BARE: &str = "image/jpeg, image/png, image/webp, image/gif, image/bmp, image/tiff, audio/wav, audio/flac, audio/mpeg, \
                    audio/ogg, text/plain or application/json (a tensor)";

/// The character sets that are UTF-8, or a part of it, by the names that clients give them.
const UTF8: [&str; 4] = ["utf-8", "utf8", "us-ascii", "ascii"];

/// The header fields that describe a body.
#[derive(Debug, Clone, Copy, Default)]
pub struct BodyFields<'a> {
    /// `Content-Type`
    pub content_type: Option<&'a str>,
    /// `Content-Encoding`
    pub content_encoding: Option<&'a str>,
    /// `Content-Length`
    pub content_length: Option<&'a str>,
}

impl BodyFields<'_> {
    /// Refuses what can be refused without reading. The length is a claim: it refuses early, it admits nothing.
    pub fn check(&self, max_bytes: usize) -> Result<(), Refusal> {
        if let Some(encoding) = self.content_encoding.map(str::trim)
            && !encoding.is_empty()
            && !encoding.eq_ignore_ascii_case("identity")
        {
            let detail = format!("Content-Encoding {} is not taken: send the body as it is", quoted(encoding));
            return Err(Refusal::new(ProblemCode::UnsupportedEncoding, detail));
        }
        match self.content_length.and_then(|length| length.trim().parse::<u64>().ok()) {
            Some(length) if length > max_bytes as u64 => Err(too_large(max_bytes)),
            _ => Ok(()),
        }
    }

    /// Accepts `application/json` alone.
    pub fn expect_json(&self) -> Result<(), Refusal> {
        match self.essence().as_deref() {
            Some("application/json") => self.expect_utf8(),
            _ => Err(self.unsupported("application/json")),
        }
    }

    /// The media type of a bare input; no `Content-Type` means no input.
    pub fn bare_media_type(&self) -> Result<MediaType, Refusal> {
        match self.essence().as_deref() {
            None => Ok(MediaType::Empty),
            // The registered name, and what clients call it.
            Some("image/jpeg" | "image/jpg" | "image/pjpeg") => Ok(MediaType::Jpeg),
            Some("image/png" | "image/x-png") => Ok(MediaType::Png),
            Some("image/webp") => Ok(MediaType::Webp),
            Some("image/gif") => Ok(MediaType::Gif),
            Some("image/bmp" | "image/x-bmp" | "image/x-ms-bmp") => Ok(MediaType::Bmp),
            Some("image/tiff" | "image/tif" | "image/x-tiff") => Ok(MediaType::Tiff),
            Some("audio/wav" | "audio/x-wav" | "audio/wave" | "audio/vnd.wave") => Ok(MediaType::Wav),
            Some("audio/flac" | "audio/x-flac") => Ok(MediaType::Flac),
            Some("audio/mpeg" | "audio/mp3" | "audio/x-mp3") => Ok(MediaType::Mp3),
            Some("audio/ogg" | "audio/vorbis" | "application/ogg") => Ok(MediaType::Ogg),
            Some("text/plain") => self.expect_utf8().map(|()| MediaType::PlainText),
            Some("application/json") => self.expect_utf8().map(|()| MediaType::Json),
            Some(_) => Err(self.unsupported(BARE)),
        }
    }

    /// The type without its parameters, in lower case.
    fn essence(&self) -> Option<String> {
        let essence = self.content_type?.split(';').next()?.trim();
        (!essence.is_empty()).then(|| essence.to_ascii_lowercase())
    }

    fn expect_utf8(&self) -> Result<(), Refusal> {
        let parameters = self.content_type.unwrap_or_default().split(';').skip(1);
        for parameter in parameters {
            if let Some((name, value)) = parameter.split_once('=')
                && name.trim().eq_ignore_ascii_case("charset")
            {
                let charset = value.trim().trim_matches('"').trim();
                if !UTF8.iter().any(|name| charset.eq_ignore_ascii_case(name)) {
                    let detail = format!("charset {} is not read: send UTF-8", quoted(charset));
                    return Err(Refusal::new(ProblemCode::UnsupportedMediaType, detail));
                }
            }
        }
        Ok(())
    }

    fn unsupported(&self, allowed: &str) -> Refusal {
        let detail = match self.essence() {
            Some(found) => format!("Content-Type {} is not taken here; send {allowed}", quoted(&found)),
            None => format!("there is no Content-Type; send {allowed}"),
        };
        Refusal::new(ProblemCode::UnsupportedMediaType, detail).with_header("accept", allowed.to_owned())
    }
}

/// The refusal of a body above the bound.
pub fn too_large(max_bytes: usize) -> Refusal {
    Refusal::new(ProblemCode::BodyTooLarge, format!("the body may have at most {max_bytes} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(content_type: Option<&str>) -> BodyFields<'_> {
        BodyFields { content_type, ..BodyFields::default() }
    }

    #[test]
    fn bare_bodies_are_known_by_their_type() {
        for (content_type, expect) in [
            (None, Ok(MediaType::Empty)),
            (Some("image/jpeg"), Ok(MediaType::Jpeg)),
            (Some("image/jpg"), Ok(MediaType::Jpeg)),
            (Some("Image/PJPEG"), Ok(MediaType::Jpeg)),
            (Some("IMAGE/PNG; x=1"), Ok(MediaType::Png)),
            (Some("image/x-png"), Ok(MediaType::Png)),
            (Some("audio/vnd.wave"), Ok(MediaType::Wav)),
            (Some("text/plain; charset=\"UTF-8\""), Ok(MediaType::PlainText)),
            (Some("text/plain;charset=latin1"), Err(ProblemCode::UnsupportedMediaType)),
            (Some("application/json"), Ok(MediaType::Json)),
            (Some("audio/wav"), Ok(MediaType::Wav)),
            (Some("image/webp"), Ok(MediaType::Webp)),
            (Some("image/x-ms-bmp"), Ok(MediaType::Bmp)),
            (Some("audio/mp3"), Ok(MediaType::Mp3)),
            (Some("application/ogg"), Ok(MediaType::Ogg)),
            (Some("image/avif"), Err(ProblemCode::UnsupportedMediaType)),
            (Some("image"), Err(ProblemCode::UnsupportedMediaType)),
        ] {
            assert_eq!(
                typed(content_type).bare_media_type().map_err(|refusal| refusal.code),
                expect,
                "{content_type:?}"
            );
        }
    }

    #[test]
    fn every_media_type_is_read_by_its_name_and_named_in_a_refusal() {
        let refusal = typed(Some("image/avif")).bare_media_type().unwrap_err();
        for known in MediaType::ALL {
            assert_eq!(typed(Some(known.name())).bare_media_type(), Ok(known));
            assert!(refusal.detail.contains(known.name()), "{}: {}", known.name(), refusal.detail);
        }
    }

    #[test]
    fn only_json_is_taken_as_json() {
        for parameters in [
            "",
            ";",
            ";charset=utf-8",
            "; charset=utf8",
            ";Charset=\"UTF-8\"",
            "; charset=UTF8",
            ";charset=ascii",
            "; v=1",
        ] {
            let content_type = format!("application/json{parameters}");
            assert_eq!(typed(Some(&content_type)).expect_json(), Ok(()), "{content_type}");
        }
        for content_type in [None, Some(""), Some("text/json"), Some("application/json; charset=utf-16")] {
            let code = typed(content_type).expect_json().map_err(|refusal| refusal.code);
            assert_eq!(code, Err(ProblemCode::UnsupportedMediaType), "{content_type:?}");
        }
        for charset in ["latin1", "iso-8859-1", "utf-16le", "utf-88", ""] {
            let refusal = typed(Some(&format!("application/json; charset={charset}"))).expect_json().unwrap_err();
            assert_eq!(refusal.detail, format!("charset `{charset}` is not read: send UTF-8"));
        }
    }

    #[test]
    fn encodings_and_claimed_lengths_are_refused_before_reading() {
        let fields =
            |content_encoding, content_length| BodyFields { content_type: None, content_encoding, content_length };
        for (encoding, length, expect) in [
            (None, None, Ok(())),
            (Some("identity"), Some("10"), Ok(())),
            (Some("gzip"), Some("10"), Err(ProblemCode::UnsupportedEncoding)),
            (None, Some("11"), Err(ProblemCode::BodyTooLarge)),
            (None, Some("99999999999999999999999"), Ok(())),
            (None, Some("lies"), Ok(())),
        ] {
            assert_eq!(fields(encoding, length).check(10).map_err(|refusal| refusal.code), expect);
        }
    }
}
