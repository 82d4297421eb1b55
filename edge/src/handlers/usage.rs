//! `GET /v1/usage`: what the account has used, by day and model, as JSON or CSV.

use serde::Serialize;
use worker::web_sys::Request;

use super::{Target, caller, shard};
use crate::{
    answer::{self, Answer},
    cx::{Cx, Stop},
    objects,
};
use forebay_account::{UsageRow, asked};
use forebay_admission::{accept, days};

/// What an account has used.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Usage {
    days: Vec<UsageRow>,
}

const COLUMNS: &str = "day,model,succeeded,failed,canceled,expired,cached,degraded,device_ms";

/// The days of the query; the last thirty unless it says.
pub async fn get(cx: &Cx, request: Request, target: &Target) -> Result<Answer, Stop> {
    let caller = caller(cx).await?;
    let (from, to) = days::read(&target.query, cx.now_ms)?;
    let days = objects::call(cx, shard(&caller), asked::Usage(from, to)).await?;
    let accepted = request.headers().get("accept").ok().flatten();
    if !accept::prefers(accepted.as_deref(), "text/csv", "application/json") {
        return answer::json(200, &Usage { days }, vec![("vary", "Accept".to_owned())]);
    }
    let fields = vec![("vary", "Accept".to_owned())];
    Ok(Answer::Text { status: 200, content_type: "text/csv; charset=utf-8", body: csv(&days), fields })
}

/// RFC 4180. Model names are the only texts, and the catalogue allows no quotes, commas and line breaks in them.
fn csv(rows: &[UsageRow]) -> String {
    let mut text = format!("{COLUMNS}\r\n");
    for row in rows {
        let UsageRow { day, model, succeeded, failed, canceled, expired, cached, degraded, device_ms } = row;
        text.push_str(&format!(
            "{day},{model},{succeeded},{failed},{canceled},{expired},{cached},{degraded},{device_ms:.3}\r\n"
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_has_the_columns_of_the_json() {
        let row = UsageRow {
            day: "2027-01-15".to_owned(),
            model: "m".to_owned(),
            succeeded: 5,
            failed: 1,
            canceled: 0,
            expired: 2,
            cached: 3,
            degraded: 0,
            device_ms: 12.5,
        };
        let names: Vec<String> = serde_json::to_value(&row).unwrap().as_object().unwrap().keys().cloned().collect();
        let mut columns: Vec<&str> = COLUMNS.split(',').collect();
        columns.sort_unstable();
        assert_eq!(columns, names);
        assert_eq!(csv(&[row]), format!("{COLUMNS}\r\n2027-01-15,m,5,1,0,2,3,0,12.500\r\n"));
    }
}
