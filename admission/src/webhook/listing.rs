use forebay_contract::ProblemCode;

use super::DeliveryId;
use crate::{Refusal, refusal::quoted};

/// The most deliveries of one page.
const MOST: u32 = 100;
const USUAL: u32 = 20;

/// Which part of a webhook's deliveries is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryQuery {
    /// After this delivery of an earlier page.
    pub cursor: Option<DeliveryId>,
    /// The most.
    pub limit: u32,
}

/// Reads `limit` and `cursor`, each at most once.
pub fn read(query: &str) -> Result<DeliveryQuery, Refusal> {
    let (mut cursor, mut limit) = (None, None);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let given_before = match name.as_ref() {
            "limit" => {
                let number = value.parse().ok().filter(|limit| (1..=MOST).contains(limit) && !value.starts_with('+'));
                let detail = || invalid(format!("`limit` must be a whole number from 1 to {MOST}"));
                limit.replace(number.ok_or_else(detail)?).is_some()
            }
            "cursor" => {
                let detail = || invalid("`cursor` must be one that a list gave".to_owned());
                cursor.replace(DeliveryId::parse(&value).ok_or_else(detail)?).is_some()
            }
            _ => return Err(invalid(format!("unknown query parameter {}; allowed: limit, cursor", quoted(&name)))),
        };
        if given_before {
            return Err(invalid(format!("{} is given twice", quoted(&name))));
        }
    }
    Ok(DeliveryQuery { cursor, limit: limit.unwrap_or(USUAL) })
}

fn invalid(detail: String) -> Refusal {
    Refusal::new(ProblemCode::InvalidQuery, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_asked_for_in_words_that_there_are() {
        let id = DeliveryId::new(1, [0; 10]);
        let query = format!("limit=100&cursor={}", id.as_str());
        assert_eq!(read(&query), Ok(DeliveryQuery { cursor: Some(id), limit: 100 }));
        assert_eq!(read(""), Ok(DeliveryQuery { cursor: None, limit: 20 }));
        for query in ["limit=0", "limit=101", "limit=+1", "limit=", "cursor=", "cursor=msg_1", "limit=1&limit=2", "a=1"]
        {
            assert_eq!(read(query).unwrap_err().code, ProblemCode::InvalidQuery, "{query}");
        }
    }
}
