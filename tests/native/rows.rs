//! Rows as `JSON.stringify` writes what the runtime's cursor gives.

use std::fmt::Write as _;

use forebay_account::platform::{Error, Result, Rows, Value};
use rusqlite::{
    Statement, params_from_iter,
    types::{Value as Bound, ValueRef},
};

use super::disk::error;

/// Runs a statement to its end. Numbers are bound as the runtime binds them: JavaScript has doubles and nothing else
/// (<https://developers.cloudflare.com/durable-objects/api/sqlite-storage-api/>, «Supported data types»).
pub(super) fn all(statement: &mut Statement<'_>, values: Vec<Value>, rows: Rows) -> Result<String> {
    let bound = values.into_iter().map(|value| match value {
        Value::Null => Bound::Null,
        Value::Integer(number) => Bound::Real(number as f64),
        Value::Real(number) => Bound::Real(number),
        Value::Text(text) => Bound::Text(text),
    });
    let names: Vec<String> = statement.column_names().map(serde_json::to_string).collect::<serde_json::Result<_>>()?;
    let mut found = statement.query(params_from_iter(bound)).map_err(error)?;
    let mut text = String::from("[");
    while let Some(row) = found.next().map_err(error)? {
        if text.len() > 1 {
            text.push(',');
        }
        text.push(if rows == Rows::Named { '{' } else { '[' });
        for (index, name) in names.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            if rows == Rows::Named {
                text.push_str(name);
                text.push(':');
            }
            column(&mut text, row.get_ref(index).map_err(error)?)?;
        }
        text.push(if rows == Rows::Named { '}' } else { ']' });
    }
    text.push(']');
    Ok(text)
}

fn column(text: &mut String, value: ValueRef<'_>) -> Result<()> {
    match value {
        ValueRef::Null => text.push_str("null"),
        ValueRef::Integer(whole) => number(text, whole as f64),
        ValueRef::Real(real) => number(text, real),
        ValueRef::Text(bytes) => {
            let utf8 = std::str::from_utf8(bytes).map_err(|error| Error::Storage(error.to_string()))?;
            text.push_str(&serde_json::to_string(utf8)?);
        }
        ValueRef::Blob(_) => return Err(Error::Storage("no table has bytes".to_owned())),
    }
    Ok(())
}

/// Below 10^21 JavaScript writes whole numbers with all their digits and without a fraction
/// (<https://tc39.es/ecma262/#sec-numeric-types-number-tostring>).
fn number(text: &mut String, number: f64) {
    if number.fract() == 0.0 && number.abs() < 1e21 {
        // Writing into a text does not fail.
        let _ = write!(text, "{}", number as i128);
    } else {
        text.push_str(&serde_json::Number::from_f64(number).map_or("null".to_owned(), |number| number.to_string()));
    }
}
