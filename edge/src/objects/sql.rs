//! One statement of an object's database, by the runtime's own language.

use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

#[wasm_bindgen(inline_js = r#"
// One crossing each way, however many columns a row has.
export function run_sql(storage, statement, values, named) {
  const { sql } = storage;
  // Several statements stand or fall together.
  if (!values && statement.includes(";")) return storage.transactionSync(() => (sql.exec(statement), "[]"));
  const cursor = values ? sql.exec(statement, ...JSON.parse(values)) : sql.exec(statement);
  return JSON.stringify(named ? cursor.toArray() : [...cursor.raw()]);
}
"#)]
extern "C" {
    #[wasm_bindgen(catch)]
    fn run_sql(storage: &JsValue, statement: &str, values: Option<&str>, named: bool) -> Result<String, JsValue>;
}

/// The rows that a statement gives, as JSON; an error says what SQLite did not like. `values` is a JSON list.
pub fn run(storage: &JsValue, statement: &str, values: Option<&str>, named: bool) -> Result<String, String> {
    run_sql(storage, statement, values, named).map_err(|error| worker::Error::from(error).to_string())
}
