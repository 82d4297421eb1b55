//! Signatures are checked by the runtime's own cryptography: it is fast, takes constant time, and is not in the bundle.

use forebay_contract::catalog::JwtAlgorithm;
use js_sys::Promise;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use worker::wasm_bindgen_futures::JsFuture;

#[wasm_bindgen(inline_js = r#"
const WAYS = {
  HS256: { name: "HMAC", hash: "SHA-256" },
  RS256: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
  ES256: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  EdDSA: { name: "Ed25519" },
};
// Importing a key takes longer than using it. Keys are few; when they are not, beginning anew bounds them.
const MOST_KEYS = 64;
const imported = new Map();

async function key(algorithm, jwk) {
  const name = algorithm + jwk;
  const known = imported.get(name);
  if (known !== undefined) return known;
  const fresh = await crypto.subtle.importKey("jwk", JSON.parse(jwk), WAYS[algorithm], false, ["verify"]);
  if (imported.size >= MOST_KEYS) imported.clear();
  imported.set(name, fresh);
  return fresh;
}

export async function verify(algorithm, jwk, data, signature) {
  // Copied before the first wait: the bytes lie in wasm's memory, which moves.
  const copy = signature.slice();
  const by = await key(algorithm, jwk);
  try {
    return await crypto.subtle.verify(WAYS[algorithm], by, copy, new TextEncoder().encode(data));
  } catch {
    // The key is good, so it is the signature that is not: some algorithms complain of its length.
    return false;
  }
}
"#)]
extern "C" {
    fn verify(algorithm: &str, jwk: &str, data: &str, signature: &[u8]) -> Promise;
}

/// Whether the key made this signature over `signed`; an error says why the key cannot check any.
pub(super) async fn holds(algorithm: JwtAlgorithm, jwk: &str, signed: &str, signature: &[u8]) -> Result<bool, String> {
    let answer = JsFuture::from(verify(algorithm.name(), jwk, signed, signature)).await;
    answer.map(|holds| holds == JsValue::TRUE).map_err(|error| worker::Error::from(error).to_string())
}
