//! Signatures of Standard Webhooks 1.0 over `id.timestamp.body`, by the runtime's own cryptography, as in
//! `isolate/tokens/signature.rs`: it is fast, takes constant time, and is not in the bundle.

use js_sys::Promise;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::runtime::text;
use forebay_account::NewKeys;

#[wasm_bindgen(inline_js = r#"
const HMAC = { name: "HMAC", hash: "SHA-256" };
const ED25519 = { name: "Ed25519" };
const text = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)));
const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

// A secret (whsec_), a private key (PKCS #8) and its public one (whpk_).
export async function new_keys() {
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const { privateKey, publicKey } = await crypto.subtle.generateKey(ED25519, true, ["sign", "verify"]);
  const signing = await crypto.subtle.exportKey("pkcs8", privateKey);
  const verifying = await crypto.subtle.exportKey("raw", publicKey);
  return `whsec_${text(secret)}\n${text(signing)}\nwhpk_${text(verifying)}`;
}

// `v1` with the secret, `v1a` with the private key.
export async function signatures(secret, signing, content) {
  const data = new TextEncoder().encode(content);
  const shared = await crypto.subtle.importKey("raw", bytes(secret.replace("whsec_", "")), HMAC, false, ["sign"]);
  const own = await crypto.subtle.importKey("pkcs8", bytes(signing), ED25519, false, ["sign"]);
  const [v1, v1a] = await Promise.all([
    crypto.subtle.sign(HMAC, shared, data),
    crypto.subtle.sign(ED25519, own, data),
  ]);
  return `v1,${text(v1)} v1a,${text(v1a)}`;
}
"#)]
extern "C" {
    #[wasm_bindgen(js_name = new_keys)]
    fn draw_keys() -> Promise;
    #[wasm_bindgen(js_name = signatures)]
    fn sign(secret: &str, signing_key: &str, content: &str) -> Promise;
}

/// New keys, from the runtime's own randomness.
pub async fn new_keys() -> Result<NewKeys, String> {
    let keys = text(draw_keys()).await?;
    let mut keys = keys.split('\n').map(str::to_owned);
    let mut key = || keys.next().ok_or_else(|| "no keys".to_owned());
    Ok(NewKeys { secret: key()?, signing_key: key()?, public_key: key()? })
}

/// `v1` by the secret and `v1a` by the private key.
pub async fn signatures([secret, signing_key]: [&str; 2], content: &str) -> Result<String, String> {
    text(sign(secret, signing_key, content)).await
}
