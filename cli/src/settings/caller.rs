use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;

/// Whom a token speaks for.
#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    iss: String,
    sub: String,
}

/// Who asks with a key: the key itself, or, as tokens last for an hour or so, whom a JSON Web Token speaks for. Nothing
/// is verified here; that is the service's to do.
pub(super) fn caller(key: &str) -> String {
    let key = key.trim();
    let claims = claims(key).map(|Claims { iss, sub }| format!("{iss:?} {sub:?}"));
    claims.unwrap_or_else(|| key.to_owned())
}

fn claims(key: &str) -> Option<Claims> {
    let [_, claims, _] = key.split('.').collect::<Vec<_>>().try_into().ok()?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str, signature: &str) -> String {
        format!("e30.{}.{signature}", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn a_token_that_was_renewed_is_of_the_same_caller() {
        let first = token(r#"{"iss": "i", "sub": "s", "exp": 1}"#, "a");
        let later = token(r#"{"iss": "i", "sub": "s", "exp": 2}"#, "b");
        let other = token(r#"{"iss": "i", "sub": "t", "exp": 2}"#, "b");
        assert_eq!(caller(&first), caller(&later));
        assert_ne!(caller(&first), caller(&other));
    }

    #[test]
    fn what_is_no_token_is_its_own_caller() {
        for key in ["", "fb_1", "a.b", "a.b.c", "a.b.c.d", &token("{}", "a")] {
            assert_eq!(caller(key), key);
        }
        assert_eq!(caller(" fb_1\n"), "fb_1");
    }
}
