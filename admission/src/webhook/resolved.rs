//! What a resolver says of a name: JSON as the public resolvers of DNS over HTTPS give it (`application/dns-json`).

use std::net::IpAddr;

use serde::Deserialize;

const NO_ERROR: u32 = 0;
const NO_SUCH_NAME: u32 = 3;
const A: u16 = 1;
const AAAA: u16 = 28;

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Status")]
    status: u32,
    #[serde(rename = "Answer", default)]
    records: Vec<Record>,
}

#[derive(Deserialize)]
struct Record {
    #[serde(rename = "type")]
    kind: u16,
    data: String,
    /// Seconds; an answer that does not say holds for no time.
    #[serde(rename = "TTL", default)]
    ttl: u64,
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The addresses; none for a name that there is not.
    pub addresses: Vec<IpAddr>,
    /// For how long, in seconds: as its shortest record, those of names in between among them. None without any record.
    pub ttl_s: Option<u64>,
}

impl Resolved {
    /// Both answers: the name's other kind of address.
    pub fn and(mut self, other: Self) -> Self {
        self.addresses.extend(other.addresses);
        self.ttl_s = self.ttl_s.into_iter().chain(other.ttl_s).min();
        self
    }
}

/// The addresses in an answer; an error says why it cannot be read. Names that stand in between (`CNAME`) are passed
/// over: their addresses follow.
pub fn read(json: &str) -> Result<Resolved, String> {
    let answer: Answer = serde_json::from_str(json).map_err(|_| "the resolver's answer is not its JSON".to_owned())?;
    match answer.status {
        NO_ERROR => {}
        NO_SUCH_NAME => return Ok(Resolved { addresses: Vec::new(), ttl_s: None }),
        status => return Err(format!("the resolver says status {status}")),
    }
    let ttl_s = answer.records.iter().map(|record| record.ttl).min();
    let mut addresses = Vec::new();
    for record in answer.records.iter().filter(|record| matches!(record.kind, A | AAAA)) {
        // An address that cannot be read could be any.
        addresses.push(record.data.trim().parse().map_err(|_| "the resolver gives no address".to_owned())?);
    }
    Ok(Resolved { addresses, ttl_s })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_and_names_in_between_passed_over() {
        let json = r#"{"Status":0,"TC":false,"Question":[{"name":"a.test","type":1}],"Answer":[
            {"name":"a.test","type":5,"TTL":7,"data":"b.test."},
            {"name":"b.test","type":1,"TTL":9,"data":"203.0.113.9"},
            {"name":"b.test","type":28,"TTL":9,"data":"2001:db8::1"}]}"#;
        let expect: Vec<IpAddr> = vec!["203.0.113.9".parse().unwrap(), "2001:db8::1".parse().unwrap()];
        assert_eq!(read(json), Ok(Resolved { addresses: expect, ttl_s: Some(7) }));
    }

    #[test]
    fn both_answers_hold_as_long_as_the_shorter() {
        let of = |ttl_s| Resolved { addresses: vec!["203.0.113.9".parse().unwrap()], ttl_s };
        let none = || Resolved { addresses: Vec::new(), ttl_s: None };
        for (one, other, ttl_s) in [(Some(9), None, Some(9)), (Some(9), Some(3), Some(3)), (Some(0), Some(3), Some(0))]
        {
            assert_eq!(of(one).and(of(other)).ttl_s, ttl_s);
        }
        assert_eq!(none().and(of(Some(5))), of(Some(5)));
        let json =
            r#"{"Status":0,"Answer":[{"type":1,"TTL":60,"data":"203.0.113.9"},{"type":1,"data":"203.0.113.9"}]}"#;
        assert_eq!(read(json).unwrap().ttl_s, Some(0));
    }

    #[test]
    fn no_name_is_no_address_and_what_cannot_be_read_is_an_error() {
        for json in [r#"{"Status":3}"#, r#"{"Status":0,"Answer":[]}"#, r#"{"Status":0}"#] {
            assert_eq!(read(json), Ok(Resolved { addresses: Vec::new(), ttl_s: None }), "{json}");
        }
        for json in [
            "",
            "{}",
            r#"{"Status":2}"#,
            r#"{"Status":0,"Answer":[{"type":1,"data":"ten"}]}"#,
            r#"{"Status":0,"Answer":[{"type":1}]}"#,
        ] {
            assert!(read(json).is_err(), "{json}");
        }
    }
}
