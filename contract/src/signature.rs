use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq as _};

/// The header that carries the signature of a report: `t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">`.
pub const SIGNATURE_HEADER: &str = "forebay-signature";

/// The fewest characters of a secret that edge and workers share, and of the operator's token.
///
/// HMAC-SHA256 wants a key of at least 32 bytes ([RFC 2104 §3](https://www.rfc-editor.org/rfc/rfc2104#section-3)).
pub const SECRET_MIN_CHARS: usize = 32;

/// How far the signer's clock may be from ours, either way.
const TOLERANCE_S: u64 = 300;

/// Why a signature was refused. Callers answer all of them alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The header is not of the form above.
    #[error("malformed signature")]
    Malformed,
    /// The signature is older or newer than five minutes.
    #[error("signature too old or too new")]
    Stale,
    /// The signature was made with another secret or over another body.
    #[error("signature does not match")]
    Mismatch,
}

/// The header value for `body`, signed at `now_ms`.
pub fn sign(secret: &[u8], now_ms: u64, body: &[u8]) -> String {
    let seconds = now_ms / 1000;
    format!("t={seconds},v1={}", crate::encoding::hex(&mac(secret, seconds, body)))
}

/// Checks a header value against `body`: one of `secrets` made it. During a rotation there are two.
///
/// The comparison takes the same time whatever the header says, and whichever secret it was.
pub fn verify(secrets: &[impl AsRef<[u8]>], now_ms: u64, header: &str, body: &[u8]) -> Result<(), SignatureError> {
    let (time, signature) = header.split_once(',').ok_or(SignatureError::Malformed)?;
    let seconds: u64 = time.strip_prefix("t=").and_then(|text| text.parse().ok()).ok_or(SignatureError::Malformed)?;
    let given = signature.strip_prefix("v1=").ok_or(SignatureError::Malformed)?;
    let mut bytes = [0; 32];
    hex::decode_to_slice(given, &mut bytes).map_err(|_| SignatureError::Malformed)?;
    if seconds.abs_diff(now_ms / 1000) > TOLERANCE_S {
        return Err(SignatureError::Stale);
    }
    let made_by = |secret: &dyn AsRef<[u8]>| mac(secret.as_ref(), seconds, body).ct_eq(&bytes);
    let known = secrets.iter().fold(Choice::from(0), |known, secret| known | made_by(secret));
    if bool::from(known) { Ok(()) } else { Err(SignatureError::Mismatch) }
}

fn mac(secret: &[u8], seconds: u64, body: &[u8]) -> [u8; 32] {
    // HMAC takes keys of every length; the empty key stands in for an error that cannot be.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap_or_else(|_| Hmac::new(&Default::default()));
    mac.update(seconds.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 1_800_000_000_000;

    #[test]
    fn what_is_signed_verifies_within_five_minutes() {
        let header = sign(b"secret", NOW_MS, b"{}");
        for (now_ms, expect) in [
            (NOW_MS, Ok(())),
            (NOW_MS + 300_000, Ok(())),
            (NOW_MS - 300_000, Ok(())),
            (NOW_MS + 301_000, Err(SignatureError::Stale)),
            (NOW_MS - 301_000, Err(SignatureError::Stale)),
        ] {
            assert_eq!(verify(&["secret"], now_ms, &header, b"{}"), expect, "{now_ms}");
        }
    }

    #[test]
    fn other_secrets_bodies_and_times_are_refused() {
        let header = sign(b"secret", NOW_MS, b"{}");
        assert_eq!(verify(&["other"], NOW_MS, &header, b"{}"), Err(SignatureError::Mismatch));
        assert_eq!(verify(&["secret"], NOW_MS, &header, b"{ }"), Err(SignatureError::Mismatch));
        let moved = header.replacen("t=1800000000", "t=1800000001", 1);
        assert_eq!(verify(&["secret"], NOW_MS, &moved, b"{}"), Err(SignatureError::Mismatch));
    }

    #[test]
    fn each_of_two_secrets_is_taken_and_no_third() {
        let secrets = ["new", "old"];
        for (signer, expect) in [
            ("new", Ok(())),
            ("old", Ok(())),
            ("older", Err(SignatureError::Mismatch)),
            ("", Err(SignatureError::Mismatch)),
        ] {
            let header = sign(signer.as_bytes(), NOW_MS, b"{}");
            assert_eq!(verify(&secrets, NOW_MS, &header, b"{}"), expect, "{signer}");
        }
        let header = sign(b"", NOW_MS, b"{}");
        assert_eq!(verify(&[""; 0], NOW_MS, &header, b"{}"), Err(SignatureError::Mismatch), "no secret at all");
    }

    #[test]
    fn malformed_headers_are_refused() {
        for header in ["", "t=1", "t=1,v1=", "t=x,v1=00", "v1=00,t=1", &format!("t=-1,v1={}", "0".repeat(64))] {
            assert_eq!(verify(&["secret"], NOW_MS, header, b""), Err(SignatureError::Malformed), "{header}");
        }
    }
}
