//! URLs are taken apart by the runtime's own parser: what it makes of a host is what `fetch` connects to.

use wasm_bindgen::prelude::wasm_bindgen;

use forebay_admission::webhook::target::Parsed;

#[wasm_bindgen(inline_js = r#"
// One text for all parts: none of them has a line break once it is parsed.
export function take_apart(text) {
  let url;
  try {
    url = new URL(text);
  } catch {
    return "";
  }
  url.hash = "";
  const credentials = url.username !== "" || url.password !== "";
  return [url.protocol.slice(0, -1), credentials ? "1" : "", url.hostname, url.port, url.href].join("\n");
}
"#)]
extern "C" {
    fn take_apart(text: &str) -> String;
}

/// The URL's parts; `None` where it is not an absolute one.
pub(super) fn url(text: &str) -> Option<Parsed> {
    let parts = take_apart(text);
    let mut lines = parts.split('\n');
    let mut line = || lines.next().map(str::to_owned);
    let (scheme, credentials, host, port) = (line()?, line()?, line()?, line()?);
    Some(Parsed { scheme, credentials: !credentials.is_empty(), host, port: port.parse().ok(), href: line()? })
}
