//! `forebay keys …`

mod admin;
mod arguments;

use std::io::{Write as _, stderr, stdout};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

pub(crate) use self::arguments::KeysArguments;
use self::{
    admin::Admin,
    arguments::{CreateKeyArguments, KeysCommand},
};
use crate::{failure::Failure, moment, table};

const PATH: &str = "/internal/v1/keys";

/// A key with a new secret.
#[derive(Deserialize)]
struct Shown {
    id: String,
    account: String,
    plan: String,
    secret: String,
    expires_ms: Option<u64>,
    older_end_ms: Option<u64>,
}

/// One secret in a list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Row {
    id: String,
    account: String,
    plan: String,
    name: String,
    state: String,
    created_ms: u64,
    expires_ms: Option<u64>,
    revoked_ms: Option<u64>,
}

/// Does what is asked for.
pub(crate) fn run(arguments: &KeysArguments) -> Result<(), Failure> {
    let admin = Admin::new(&arguments.connection)?;
    match &arguments.command {
        KeysCommand::Create(wanted) => show_secret(&admin.post(PATH, &body(wanted))?, arguments.json),
        KeysCommand::List { account } => list(&admin, account.as_deref(), arguments.json),
        KeysCommand::Rotate { id, grace } => {
            let path = format!("{PATH}/{id}/rotate");
            show_secret(&admin.post(&path, &json!({ "grace_s": grace }))?, arguments.json)
        }
        KeysCommand::Revoke { id } => {
            let answer = admin.delete(&format!("{PATH}/{id}"))?;
            let text = if arguments.json { answer.to_string() } else { format!("{id} is revoked") };
            Ok(writeln!(stdout(), "{text}")?)
        }
    }
}

fn body(wanted: &CreateKeyArguments) -> Value {
    json!({
        "account": wanted.account,
        "plan": wanted.plan,
        "name": wanted.name,
        "groups": wanted.groups,
        "expires_in_s": wanted.expires_in,
    })
}

/// The secret alone goes to standard output, so that it can be piped to where it belongs.
fn show_secret(answer: &Value, as_json: bool) -> Result<(), Failure> {
    let key: Shown = read(answer)?;
    let text = if as_json { answer.to_string() } else { key.secret.clone() };
    writeln!(stdout(), "{text}")?;
    Ok(write!(stderr(), "{}", beside_secret(&key))?)
}

fn beside_secret(key: &Shown) -> String {
    let mut text = format!("key {} of {} (plan {})", key.id, key.account, key.plan);
    if key.expires_ms.is_some() {
        text.push_str(&format!(", until {}", moment::show(key.expires_ms)));
    }
    if key.older_end_ms.is_some() {
        text.push_str(&format!("; its older secrets end {}", moment::show(key.older_end_ms)));
    }
    text.push_str("\nThis secret is shown once and stored nowhere: keep it now.\n");
    text
}

fn list(admin: &Admin, account: Option<&str>, as_json: bool) -> Result<(), Failure> {
    let mut found = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let query = [("account", account), ("cursor", cursor.as_deref())];
        let query: Vec<_> = query.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let mut page = admin.get(PATH, &query)?;
        found.append(&mut read::<Vec<Value>>(page.get("keys").unwrap_or(&Value::Null))?);
        match page.get_mut("cursor").map(Value::take) {
            Some(Value::String(next)) if cursor.as_ref() != Some(&next) => cursor = Some(next),
            _ => break,
        }
    }
    if as_json {
        return Ok(writeln!(stdout(), "{}", json!({ "keys": found }))?);
    }
    let rows = found.iter().map(read::<Row>).collect::<Result<Vec<_>, _>>()?;
    Ok(write!(stdout(), "{}", rendered(&rows))?)
}

fn rendered(rows: &[Row]) -> String {
    let cells = |row: &Row| {
        let created = moment::show(Some(row.created_ms));
        let ends = moment::show(row.revoked_ms.or(row.expires_ms));
        let texts = [&row.id, &row.account, &row.plan, &row.name, &row.state, &created, &ends];
        texts.map(Clone::clone)
    };
    let rows: Vec<_> = rows.iter().map(cells).collect();
    table::render(["ID", "ACCOUNT", "PLAN", "NAME", "STATE", "CREATED", "ENDS"], &rows)
}

fn read<T: DeserializeOwned>(answer: &Value) -> Result<T, Failure> {
    T::deserialize(answer).map_err(|error| Failure::Unanswered(format!("the answer cannot be read: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_beside_a_secret_does_not_hold_it() {
        let answer = json!({
            "id": "3f1c0ab92d47", "account": "acme", "plan": "pro", "secret": "fb_x", "created_ms": 5,
            "expires_ms": null, "older_end_ms": 1_800_000_000_000_u64,
        });
        let text = beside_secret(&read(&answer).unwrap());
        assert!(!text.contains("fb_x") && text.contains("3f1c0ab92d47 of acme"), "{text}");
        assert!(text.contains("older secrets end 2027-01-15 08:00 UTC") && text.contains("shown once"), "{text}");
    }

    #[test]
    fn lists_show_whose_each_secret_is_and_how_it_stands() {
        let row: Row = read(&json!({
            "id": "3f1c0ab92d47", "account": "acme", "plan": "pro", "name": "laptop", "state": "valid",
            "created_ms": 1_800_000_000_000_u64, "groups": ["news"],
        }))
        .unwrap();
        let expect = "ID            ACCOUNT  PLAN  NAME    STATE  CREATED               ENDS\n\
                      3f1c0ab92d47  acme     pro   laptop  valid  2027-01-15 08:00 UTC  -\n";
        assert_eq!(rendered(&[row]), expect);
    }
}
