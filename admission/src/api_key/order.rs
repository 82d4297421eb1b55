use forebay_contract::{ProblemCode, catalog::Catalog};
use serde_json::value::RawValue;

use crate::{
    Refusal,
    fields::{self, given, needed, text},
    refusal::quoted,
};

const LONGEST_ACCOUNT: usize = 64;
const LONGEST_NAME: usize = 100;
const LONGEST_GROUP: usize = 64;
const MOST_GROUPS: usize = 8;
const LONGEST_CURSOR: usize = 1024;
/// Ten years.
const LONGEST_LIFETIME_S: u64 = 315_360_000;
const SHORTEST_LIFETIME_S: u64 = 60;
const DEFAULT_GRACE_S: u64 = 86_400;
const LONGEST_GRACE_S: u64 = 30 * 86_400;

/// A key that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// Who is billed and limited.
    pub account: String,
    /// The name of a plan in the catalog.
    pub plan: String,
    /// What its owner calls the key; may be empty.
    pub name: String,
    /// The groups its callers are in.
    pub groups: Vec<String>,
    /// How long the key lives, in milliseconds; without it until it is revoked.
    pub lifetime_ms: Option<u64>,
}

impl NewKey {
    /// Reads `{"account", "plan", "name"?, "groups"?, "expires_in_s"?}`.
    pub fn read(body: &[u8], catalog: &Catalog) -> Result<Self, Refusal> {
        let [account, plan, name, groups, expires_in_s] =
            fields::read(text(body)?, "the body", ["account", "plan", "name", "groups", "expires_in_s"])?;
        let account: String = needed(account, "account", "a text")?;
        check_account(&account).map_err(fields::invalid)?;
        let plan: String = needed(plan, "plan", "a text")?;
        if !catalog.plans.contains_key(&plan) {
            let known: Vec<&str> = catalog.plans.keys().map(String::as_str).collect();
            return Err(fields::invalid(format!("there is no plan {}; there are {}", quoted(&plan), known.join(", "))));
        }
        let name: String = given(name, "name", "a text")?.unwrap_or_default();
        if name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
            return Err(fields::invalid(format!("`name` may have up to {LONGEST_NAME} printable characters")));
        }
        let groups: Vec<String> = given(groups, "groups", "a list of texts")?.unwrap_or_default();
        if groups.len() > MOST_GROUPS || !groups.iter().all(|group| is_label(group, LONGEST_GROUP)) {
            let detail = format!("`groups` may hold up to {MOST_GROUPS} of 1 to {LONGEST_GROUP} of a-z 0-9 . _ -");
            return Err(fields::invalid(detail));
        }
        let lifetime_s = seconds(expires_in_s, "expires_in_s", SHORTEST_LIFETIME_S..=LONGEST_LIFETIME_S)?;
        Ok(Self { account, plan, name, groups, lifetime_ms: lifetime_s.map(|seconds| seconds * 1000) })
    }
}

/// Reads `{"grace_s"?}`, or nothing: how long the older secrets go on, in milliseconds.
pub fn grace_ms(body: &[u8]) -> Result<u64, Refusal> {
    if body.is_empty() {
        return Ok(DEFAULT_GRACE_S * 1000);
    }
    let [grace_s] = fields::read(text(body)?, "the body", ["grace_s"])?;
    Ok(seconds(grace_s, "grace_s", 0..=LONGEST_GRACE_S)?.unwrap_or(DEFAULT_GRACE_S) * 1000)
}

/// Which part of all keys is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyQuery {
    /// Only those of one account.
    pub account: Option<String>,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

impl KeyQuery {
    /// Reads `?account=&cursor=`.
    pub fn read(query: &str) -> Result<Self, Refusal> {
        let invalid = |detail: String| Refusal::new(ProblemCode::InvalidQuery, detail);
        let mut read = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let slot = match &*name {
                "account" => &mut read.account,
                "cursor" => &mut read.cursor,
                _ => {
                    let detail = format!("unknown query parameter {}; allowed: account, cursor", quoted(&name));
                    return Err(invalid(detail));
                }
            };
            if slot.replace(value.into_owned()).is_some() {
                return Err(invalid(format!("{} is given twice", quoted(&name))));
            }
        }
        if let Some(account) = &read.account {
            check_account(account).map_err(invalid)?;
        }
        let is_cursor =
            |text: &str| (1..=LONGEST_CURSOR).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if read.cursor.as_deref().is_some_and(|cursor| !is_cursor(cursor)) {
            return Err(invalid("`cursor` must be the one of the page before".to_owned()));
        }
        Ok(read)
    }
}

/// Colons are for the accounts of tokens and addresses: a key cannot take one of those over.
fn check_account(account: &str) -> Result<(), String> {
    if is_label(account, LONGEST_ACCOUNT) {
        return Ok(());
    }
    Err(format!("`account` must be 1 to {LONGEST_ACCOUNT} of a-z 0-9 . _ -"))
}

fn is_label(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len())
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'))
}

fn seconds(raw: Option<&RawValue>, name: &str, allowed: std::ops::RangeInclusive<u64>) -> Result<Option<u64>, Refusal> {
    let what = format!("whole seconds from {} to {}", allowed.start(), allowed.end());
    match given(raw, name, &what)? {
        Some(seconds) if !allowed.contains(&seconds) => Err(fields::invalid(format!("`{name}` must be {what}"))),
        seconds => Ok(seconds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<NewKey, Refusal> {
        let catalog = r#"{"models":[],"serving":{},"plans":{"free":{"class":"free","limits":[]}}}"#;
        NewKey::read(body.as_bytes(), &Catalog::from_json(catalog).unwrap())
    }

    #[test]
    fn a_key_needs_an_account_and_a_plan() {
        let key = read(r#"{"account":"acme","plan":"free"}"#).unwrap();
        assert_eq!((key.account.as_str(), key.plan.as_str(), key.lifetime_ms), ("acme", "free", None));
        let body = r#"{"account":"a.b_c-9","plan":"free","name":"Büro 3","groups":["staff"],"expires_in_s":60}"#;
        let key = read(body).unwrap();
        assert_eq!((key.name.as_str(), key.groups.len(), key.lifetime_ms), ("Büro 3", 1, Some(60_000)));
        assert_eq!(read(r#"{"account":"a","plan":"free","name":null,"groups":null}"#).unwrap().groups.len(), 0);
    }

    #[test]
    fn whatever_is_wrong_is_named() {
        let long = |n: usize| "x".repeat(n);
        for (body, word) in [
            ("{}".to_owned(), "account"),
            (r#"{"account":"a"}"#.to_owned(), "plan"),
            (r#"{"account":"a","plan":"gold"}"#.to_owned(), "gold"),
            (r#"{"account":"a:b","plan":"free"}"#.to_owned(), "account"),
            (r#"{"account":"A","plan":"free"}"#.to_owned(), "account"),
            (r#"{"account":"","plan":"free"}"#.to_owned(), "account"),
            (r#"{"account":7,"plan":"free"}"#.to_owned(), "account"),
            (format!(r#"{{"account":"{}","plan":"free"}}"#, long(65)), "account"),
            (format!(r#"{{"account":"a","plan":"free","name":"{}"}}"#, long(101)), "name"),
            (r#"{"account":"a","plan":"free","name":"\u001b[2J"}"#.to_owned(), "name"),
            (r#"{"account":"a","plan":"free","groups":["A"]}"#.to_owned(), "groups"),
            (r#"{"account":"a","plan":"free","groups":"a"}"#.to_owned(), "groups"),
            (r#"{"account":"a","plan":"free","groups":["1","2","3","4","5","6","7","8","9"]}"#.to_owned(), "groups"),
            (r#"{"account":"a","plan":"free","expires_in_s":59}"#.to_owned(), "expires_in_s"),
            (r#"{"account":"a","plan":"free","expires_in_s":1e3}"#.to_owned(), "expires_in_s"),
            (r#"{"account":"a","plan":"free","expires_in_s":-60}"#.to_owned(), "expires_in_s"),
            (r#"{"account":"a","plan":"free","expires_in_s":315360001}"#.to_owned(), "expires_in_s"),
            (r#"{"account":"a","plan":"free","secret":"fb_"}"#.to_owned(), "secret"),
            ("[]".to_owned(), "object"),
        ] {
            let refusal = read(&body).unwrap_err();
            assert_eq!(refusal.code, ProblemCode::InvalidField, "{body}");
            assert!(refusal.detail.contains(word), "{body}: {}", refusal.detail);
        }
        assert_eq!(read("{").unwrap_err().code, ProblemCode::MalformedJson);
    }

    #[test]
    fn the_grace_is_a_day_unless_said() {
        for (body, expect) in [
            ("", Some(86_400_000)),
            ("{}", Some(86_400_000)),
            (r#"{"grace_s":0}"#, Some(0)),
            (r#"{"grace_s":2592000}"#, Some(2_592_000_000)),
            (r#"{"grace_s":2592001}"#, None),
            (r#"{"grace_s":-1}"#, None),
            (r#"{"grace_s":"1"}"#, None),
            (r#"{"grace":1}"#, None),
        ] {
            assert_eq!(grace_ms(body.as_bytes()).ok(), expect, "{body}");
        }
    }

    #[test]
    fn lists_are_asked_for_by_account_and_cursor() {
        let query = KeyQuery::read("account=acme&cursor=AAA%3D").unwrap();
        assert_eq!((query.account.as_deref(), query.cursor.as_deref()), (Some("acme"), Some("AAA=")));
        assert_eq!(KeyQuery::read(""), Ok(KeyQuery::default()));
        let long = format!("cursor={}", "x".repeat(1025));
        for query in ["account=A", "account=a&account=b", "cursor=", "cursor=a%20b", "limit=3", long.as_str()] {
            assert_eq!(KeyQuery::read(query).unwrap_err().code, ProblemCode::InvalidQuery, "{query}");
        }
    }
}
