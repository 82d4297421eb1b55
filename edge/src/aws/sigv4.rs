use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign,
    },
    sign::v4,
};

/// Signs requests to AWS (Signature Version 4).
pub struct Signer {
    /// Such as `eu-central-1`.
    pub region: String,
    /// The key's public half.
    pub access_key_id: String,
    /// The key's secret half.
    pub secret_access_key: String,
    /// What temporary keys are sent with.
    pub session_token: Option<String>,
}

/// What is signed.
pub struct Signable<'a> {
    /// `sqs` or `s3`.
    pub service: &'static str,
    /// In upper case.
    pub method: &'a str,
    /// The absolute URL.
    pub url: &'a str,
    /// Header fields besides those that signing adds.
    pub headers: &'a [(&'static str, String)],
    /// The body or its hash.
    pub body: Payload<'a>,
}

/// A body to sign.
pub enum Payload<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// Bytes of this SHA-256, in hex.
    Sha256(&'a str),
}

impl Signer {
    /// The header fields to add to the request. The time is an argument: wasm has no clock of its own.
    pub fn sign(&self, now_ms: u64, request: &Signable<'_>) -> Result<Vec<(String, String)>, String> {
        let identity = Credentials::new(
            self.access_key_id.as_str(),
            self.secret_access_key.as_str(),
            self.session_token.clone(),
            None,
            "forebay",
        )
        .into();
        let mut settings = SigningSettings::default();
        if request.service == "s3" {
            // S3 signs paths as they are and wants the body's hash as a field.
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(request.service)
            .time(SystemTime::UNIX_EPOCH + Duration::from_millis(now_ms))
            .settings(settings)
            .build()
            .map_err(|error| error.to_string())?
            .into();
        let body = match request.body {
            Payload::Bytes(bytes) => SignableBody::Bytes(bytes),
            Payload::Sha256(hex) => SignableBody::Precomputed(hex.to_owned()),
        };
        let headers = request.headers.iter().map(|(name, value)| (*name, value.as_str()));
        let signable =
            SignableRequest::new(request.method, request.url, headers, body).map_err(|error| error.to_string())?;
        let (instructions, _) = sign(signable, &params).map_err(|error| error.to_string())?.into_parts();
        Ok(instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

/// Keys are never printed.
impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({})", self.region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer() -> Signer {
        Signer {
            region: "us-east-1".to_owned(),
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
            session_token: None,
        }
    }

    fn header(headers: &[(String, String)], name: &str) -> Option<String> {
        headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone())
    }

    /// «get-vanilla» of AWS's own test suite for Signature Version 4.
    #[test]
    fn the_vector_of_the_suite() {
        let request = Signable {
            service: "service",
            method: "GET",
            url: "https://example.amazonaws.com/",
            headers: &[],
            body: Payload::Bytes(b""),
        };
        let headers = signer().sign(1_440_938_160_000, &request).unwrap();
        assert_eq!(
            header(&headers, "authorization").unwrap(),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders=host;x-amz-date, \
             Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
        );
    }

    #[test]
    fn s3_gets_the_bodys_hash_and_temporary_keys_their_token() {
        let sha256 = "0".repeat(64);
        let request = Signable {
            service: "s3",
            method: "PUT",
            url: "http://127.0.0.1:4566/bucket/inputs/00/x",
            headers: &[("content-type", "image/png".to_owned())],
            body: Payload::Sha256(&sha256),
        };
        let signer = Signer { session_token: Some("token".to_owned()), ..signer() };
        let headers = signer.sign(1_440_938_160_000, &request).unwrap();
        assert_eq!(header(&headers, "x-amz-content-sha256"), Some(sha256));
        assert_eq!(header(&headers, "x-amz-security-token"), Some("token".to_owned()));
        assert!(
            header(&headers, "authorization").unwrap().contains("content-type;host;x-amz-content-sha256;x-amz-date")
        );
    }
}
