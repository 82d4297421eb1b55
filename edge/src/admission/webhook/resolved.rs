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
}

/// The addresses in an answer, none for a name that there is not; an error says why it cannot be read. Names that stand
/// in between (`CNAME`) are passed over: their addresses follow.
pub fn addresses(json: &str) -> Result<Vec<IpAddr>, String> {
    let answer: Answer = serde_json::from_str(json).map_err(|_| "the resolver's answer is not its JSON".to_owned())?;
    match answer.status {
        NO_ERROR => {}
        NO_SUCH_NAME => return Ok(Vec::new()),
        status => return Err(format!("the resolver says status {status}")),
    }
    let addresses = answer.records.iter().filter(|record| matches!(record.kind, A | AAAA));
    // An address that cannot be read could be any.
    addresses.map(|record| record.data.trim().parse().map_err(|_| "the resolver gives no address".to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_and_names_in_between_passed_over() {
        let json = r#"{"Status":0,"TC":false,"Question":[{"name":"a.test","type":1}],"Answer":[
            {"name":"a.test","type":5,"TTL":9,"data":"b.test."},
            {"name":"b.test","type":1,"TTL":9,"data":"203.0.113.9"},
            {"name":"b.test","type":28,"TTL":9,"data":"2001:db8::1"}]}"#;
        let expect: Vec<IpAddr> = vec!["203.0.113.9".parse().unwrap(), "2001:db8::1".parse().unwrap()];
        assert_eq!(addresses(json), Ok(expect));
    }

    #[test]
    fn no_name_is_no_address_and_what_cannot_be_read_is_an_error() {
        for json in [r#"{"Status":3}"#, r#"{"Status":0,"Answer":[]}"#, r#"{"Status":0}"#] {
            assert_eq!(addresses(json), Ok(Vec::new()), "{json}");
        }
        for json in [
            "",
            "{}",
            r#"{"Status":2}"#,
            r#"{"Status":0,"Answer":[{"type":1,"data":"ten"}]}"#,
            r#"{"Status":0,"Answer":[{"type":1}]}"#,
        ] {
            assert!(addresses(json).is_err(), "{json}");
        }
    }
}
