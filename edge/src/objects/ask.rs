//! One call of an object of ours, by the runtime's own language.

use js_sys::{Promise, Reflect};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use worker::{Env, wasm_bindgen_futures::JsFuture};

use forebay_account::platform::CallError;

#[wasm_bindgen(inline_js = r#"
// A call of a method costs less than a request, which is a stream of bytes each way.
export async function ask(env, binding, name, call, patience) {
  let timer;
  const late = new Promise((_, refuse) => {
    const refuses = () => refuse(Object.assign(new Error(`no answer within ${patience} ms`), { retryable: true }));
    timer = setTimeout(refuses, patience);
  });
  try {
    return await Promise.race([env[binding].getByName(name).ask(call), late]);
  } finally {
    clearTimeout(timer);
  }
}
"#)]
extern "C" {
    fn ask(env: &JsValue, binding: &str, name: &str, call: &str, patience_ms: f64) -> Promise;
}

/// A class of Durable Objects.
#[derive(Debug, Clone, Copy)]
pub enum Class {
    /// One an account.
    Account,
    /// One a lane, and one a scope of shared limits.
    Lane,
}

/// What the object `name` of `class` answers to `call` within so long: its method `ask`.
pub async fn ask_object(
    env: &Env,
    class: Class,
    name: &str,
    call: &str,
    patience_ms: u64,
) -> Result<String, CallError> {
    let binding = match class {
        Class::Account => "ACCOUNT",
        Class::Lane => "LANE",
    };
    let asked = ask(env.as_ref(), binding, name, call, patience_ms as f64);
    let answer = JsFuture::from(asked).await.map_err(|error| {
        let says = |word: &str| Reflect::get(&error, &word.into()).is_ok_and(|value| value.is_truthy());
        let (overloaded, retryable) = (says("overloaded"), says("retryable"));
        CallError { what: worker::Error::from(error).to_string(), overloaded, retryable }
    })?;
    answer.as_string().ok_or_else(|| CallError::new("not a text"))
}
