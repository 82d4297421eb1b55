use std::collections::BTreeMap;

use forebay_contract::{
    ProblemCode,
    catalog::{IssuerSpec, PlanSpec},
};
use serde::Deserialize;

use super::{malformed, members::Members};
use crate::{
    Refusal,
    authenticate::{Caller, refused},
    refusal::quoted,
};

/// How far the issuer's clock may be from ours, in milliseconds.
const LEEWAY_MS: i64 = 60_000;
const MAX_SUBJECT_CHARS: usize = 128;
const MOST_GROUPS: usize = 32;
const MAX_GROUP_CHARS: usize = 64;

/// What a token whose signature held claims. Times are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// `iss`
    pub issuer: String,
    subject: String,
    audience: Vec<String>,
    expires_ms: i64,
    not_before_ms: Option<i64>,
    issued_ms: Option<i64>,
    plan: Option<String>,
    groups: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Claims {
    /// Reads what this issuer's tokens say. All other claims are not ours to judge.
    pub(super) fn read(members: &Members, issuer: &IssuerSpec) -> Result<Self, Refusal> {
        let subject: Option<String> = members.get("sub")?;
        let subject = subject
            .filter(|subject| (1..=MAX_SUBJECT_CHARS).contains(&subject.chars().count()))
            .filter(|subject| subject.chars().all(is_printable))
            .ok_or_else(|| malformed("the token's `sub` must be there: 1 to 128 printable characters"))?;
        let groups = list(members, &issuer.group_claim)?;
        if groups.len() > MOST_GROUPS || groups.iter().any(|group| group.chars().count() > MAX_GROUP_CHARS) {
            return Err(malformed("the token may name at most 32 groups of at most 64 characters"));
        }
        Ok(Self {
            issuer: issuer.issuer.clone(),
            subject,
            audience: list(members, "aud")?,
            expires_ms: time_ms(members, "exp")?.ok_or_else(|| malformed("the token has no `exp`"))?,
            not_before_ms: time_ms(members, "nbf")?,
            issued_ms: time_ms(members, "iat")?,
            plan: members.get(&issuer.plan_claim)?,
            groups,
        })
    }

    /// The caller, if the token is for us and for now. Tokens are remembered, so this is asked at each use.
    pub fn caller(
        &self,
        issuer: &IssuerSpec,
        plans: &BTreeMap<String, PlanSpec>,
        now_ms: u64,
        ip: &str,
    ) -> Result<Caller, Refusal> {
        self.check_times(i64::try_from(now_ms).unwrap_or(i64::MAX))?;
        if !self.audience.contains(&issuer.audience) {
            return Err(refused(ProblemCode::WrongAudience, "the token's `aud` does not name this service"));
        }
        Ok(Caller {
            account: format!("{}:{}", issuer.name, self.subject),
            plan: self.plan(issuer, plans)?,
            groups: self.groups.clone(),
            key: None,
            ip: ip.to_owned(),
            until_ms: u64::try_from(self.expires_ms.saturating_add(LEEWAY_MS)).ok(),
        })
    }

    fn check_times(&self, now_ms: i64) -> Result<(), Refusal> {
        // RFC 7519 §4.1.4: not on or after.
        if now_ms >= self.expires_ms.saturating_add(LEEWAY_MS) {
            return Err(refused(ProblemCode::ExpiredCredentials, "the token has expired: get a new one"));
        }
        let begins = [self.not_before_ms, self.issued_ms];
        if begins.into_iter().flatten().any(|begins_ms| begins_ms > now_ms.saturating_add(LEEWAY_MS)) {
            let detail = "the token's `nbf` or `iat` is still to come: is the issuer's clock right?";
            return Err(refused(ProblemCode::PrematureCredentials, detail));
        }
        Ok(())
    }

    fn plan(&self, issuer: &IssuerSpec, plans: &BTreeMap<String, PlanSpec>) -> Result<String, Refusal> {
        let Some(plan) = &self.plan else {
            let of_group = issuer.groups.iter().find(|(group, _)| self.groups.contains(group));
            return Ok(of_group.map_or(&issuer.plan, |(_, plan)| plan).clone());
        };
        if !plans.contains_key(plan) {
            let detail = format!("the token names the plan {}, which there is not", quoted(plan));
            return Err(Refusal::new(ProblemCode::UnknownPlan, detail));
        }
        Ok(plan.clone())
    }
}

/// A claim that is a text or a list of texts.
fn list(members: &Members, name: &str) -> Result<Vec<String>, Refusal> {
    Ok(match members.get(name)? {
        None => Vec::new(),
        Some(OneOrMany::One(text)) => vec![text],
        Some(OneOrMany::Many(texts)) => texts,
    })
}

/// A NumericDate (RFC 7519 §2): seconds, possibly with a fraction. Those beyond all calendars stay there.
fn time_ms(members: &Members, name: &str) -> Result<Option<i64>, Refusal> {
    Ok(members.get::<f64>(name)?.map(|seconds| (seconds * 1000.0) as i64))
}

/// Subjects become names of accounts, which people read.
/// U+FFFE, U+FFFF and their like at the end of each plane are no characters (Unicode 23.7), and SQS takes none of them
/// in an attribute: what names an account goes through it.
fn is_printable(c: char) -> bool {
    let no_character = u32::from(c) & 0xFFFE == 0xFFFE || ('\u{FDD0}'..='\u{FDEF}').contains(&c);
    c == ' ' || !(c.is_control() || c.is_whitespace() || no_character)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const NOW_S: i64 = 1_800_000_000;

    fn spec() -> IssuerSpec {
        serde_json::from_value(json!({
            "name": "i", "issuer": "https://i", "audience": "forebay", "algorithms": ["RS256"],
            "plan": "free", "group_claim": "groups", "groups": {"staff": "pro", "beta": "tiny"},
        }))
        .unwrap()
    }

    fn plans() -> BTreeMap<String, PlanSpec> {
        let plan = || serde_json::from_value(json!({"class": "free", "limits": []})).unwrap();
        ["free", "pro", "tiny"].into_iter().map(|name| (name.to_owned(), plan())).collect()
    }

    /// The claims of a good token with some of them changed; null takes one away.
    fn caller_at(changes: &Value, now_ms: u64) -> Result<Caller, ProblemCode> {
        let mut claims =
            json!({"iss": "https://i", "aud": "forebay", "sub": "s", "exp": NOW_S + 600, "iat": NOW_S, "nbf": NOW_S});
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let read = Members::read(claims.to_string().as_bytes()).and_then(|members| Claims::read(&members, &spec()));
        read.and_then(|claims| claims.caller(&spec(), &plans(), now_ms, "ip")).map_err(|refusal| refusal.code)
    }

    fn check(changes: &Value, expect: Result<(), ProblemCode>) {
        assert_eq!(caller_at(changes, NOW_S as u64 * 1000).map(|_| ()), expect, "{changes}");
    }

    #[test]
    fn a_token_holds_from_its_beginning_to_its_end_with_a_minute_for_clocks() {
        let malformed = Err(ProblemCode::MalformedCredentials);
        check(&json!({}), Ok(()));
        check(&json!({"exp": NOW_S - 59}), Ok(()));
        check(&json!({"exp": NOW_S - 60}), Err(ProblemCode::ExpiredCredentials));
        check(&json!({"exp": NOW_S as f64 - 59.999}), Ok(()));
        check(&json!({"exp": 0}), Err(ProblemCode::ExpiredCredentials));
        check(&json!({"exp": -1e300}), Err(ProblemCode::ExpiredCredentials));
        check(&json!({"exp": 1e300}), Ok(()));
        check(&json!({"exp": u64::MAX}), Ok(()));
        check(&json!({"exp": null}), malformed);
        check(&json!({"exp": "2030"}), malformed);
        check(&json!({"exp": [NOW_S + 5]}), malformed);
        for begin in ["nbf", "iat"] {
            check(&json!({ begin: NOW_S + 60 }), Ok(()));
            check(&json!({ begin: NOW_S + 61 }), Err(ProblemCode::PrematureCredentials));
            check(&json!({ begin: 1e300 }), Err(ProblemCode::PrematureCredentials));
            check(&json!({ begin: null }), Ok(()));
            check(&json!({ begin: "soon" }), malformed);
        }
    }

    #[test]
    fn a_token_for_somebody_else_is_refused() {
        let wrong = Err(ProblemCode::WrongAudience);
        for (aud, expect) in [
            (json!(["other", "forebay"]), Ok(())),
            (json!("other"), wrong),
            (json!(["other"]), wrong),
            (json!([]), wrong),
            (json!(null), wrong),
            (json!("forebay "), wrong),
            (json!(7), Err(ProblemCode::MalformedCredentials)),
            (json!({"forebay": true}), Err(ProblemCode::MalformedCredentials)),
            (json!(["forebay", 7]), Err(ProblemCode::MalformedCredentials)),
        ] {
            check(&json!({ "aud": aud }), expect);
        }
    }

    #[test]
    fn accounts_are_called_after_issuer_and_subject() {
        let account = |sub: Value| caller_at(&json!({ "sub": sub }), NOW_S as u64 * 1000).map(|caller| caller.account);
        assert_eq!(account(json!("auth0|Änne B")), Ok("i:auth0|Änne B".to_owned()));
        assert!(account(json!("ä".repeat(128))).is_ok());
        for bad in [json!(null), json!(""), json!(7), json!("a\nb"), json!("a\u{2028}b"), json!("a".repeat(129))] {
            assert_eq!(account(bad), Err(ProblemCode::MalformedCredentials));
        }
    }

    #[test]
    fn the_plan_is_the_tokens_own_then_its_groups_then_the_issuers() {
        for (changes, expect) in [
            (json!({}), Ok("free")),
            (json!({"plan": "tiny", "groups": ["staff"]}), Ok("tiny")),
            (json!({"plan": null, "groups": ["staff"]}), Ok("pro")),
            (json!({"groups": "staff"}), Ok("pro")),
            (json!({"groups": ["staff", "beta"]}), Ok("tiny")),
            (json!({"groups": ["else"]}), Ok("free")),
            (json!({"groups": vec!["g"; 32]}), Ok("free")),
            (json!({"groups": vec!["g"; 33]}), Err(ProblemCode::MalformedCredentials)),
            (json!({"groups": "g".repeat(65)}), Err(ProblemCode::MalformedCredentials)),
            (json!({"groups": [7]}), Err(ProblemCode::MalformedCredentials)),
            (json!({"plan": "gold"}), Err(ProblemCode::UnknownPlan)),
            (json!({"plan": ""}), Err(ProblemCode::UnknownPlan)),
            (json!({"plan": ["pro"]}), Err(ProblemCode::MalformedCredentials)),
        ] {
            let plan = caller_at(&changes, NOW_S as u64 * 1000).map(|caller| caller.plan);
            assert_eq!(plan.as_deref().map_err(|code| *code), expect, "{changes}");
        }
        assert_eq!(caller_at(&json!({"groups": "staff"}), NOW_S as u64 * 1000).unwrap().groups, ["staff"]);
    }

    proptest! {
        #[test]
        fn a_token_is_taken_at_every_moment_of_its_time_and_at_no_other(
            from in NOW_S - 1000..NOW_S + 1000,
            lasts in 0i64..1000,
            now in NOW_S - 3000..NOW_S + 3000,
        ) {
            let claims = json!({"nbf": from, "iat": null, "exp": from + lasts});
            let expect = if now >= from + lasts + 60 {
                Some(ProblemCode::ExpiredCredentials)
            } else if now < from - 60 {
                Some(ProblemCode::PrematureCredentials)
            } else {
                None
            };
            prop_assert_eq!(caller_at(&claims, now as u64 * 1000).err(), expect);
        }

        #[test]
        fn any_claims_are_read_or_refused(name in "sub|aud|exp|nbf|iat|plan|groups", text: String, now: u64) {
            let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
            let _ = caller_at(&json!({ name: value }), now);
        }
    }
}
