//! `forebay quota`

use clap::Args;
use forebay::{Limit, Quota};

use super::CommonArguments;
use crate::{failure::Failure, moment, progress, table};

#[derive(Debug, Args)]
pub(crate) struct QuotaArguments {
    #[command(flatten)]
    common: CommonArguments,
}

pub(crate) async fn run(arguments: &QuotaArguments) -> Result<(), Failure> {
    let quota = arguments.common.connection.client()?.quota().await?;
    arguments.common.write(&quota.json, || rendered(&quota, moment::now_ms()))
}

fn rendered(quota: &Quota, now_ms: u64) -> String {
    let cells = |limit: &Limit| {
        let resets =
            limit.resets_ms.map_or("-".to_owned(), |ms| format!("in {}", progress::span(ms.saturating_sub(now_ms))));
        let unit = if limit.unit == "cost" { "device ms" } else { limit.unit.as_str() };
        let [used, left, all] = [limit.used, limit.remaining, limit.limit].map(|count| count.to_string());
        [limit.name.clone(), limit.dimension.clone(), unit.to_owned(), used, left, all, resets]
    };
    let rows: Vec<_> = quota.limits.iter().map(cells).collect();
    let table = table::render(["LIMIT", "OF", "UNIT", "USED", "LEFT", "ALLOWED", "RESETS"], &rows);
    let plain = |text: &str| text.replace(char::is_control, "?");
    let unknown = match quota.unknown.as_slice() {
        [] => String::new(),
        names => format!("\nnot known at the moment: {}\n", plain(&names.join(", "))),
    };
    format!("account {}, plan {}\n\n{table}{unknown}", plain(&quota.account), plain(&quota.plan))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_has_a_row() {
        let limit = Limit {
            name: "submit".to_owned(),
            dimension: "account".to_owned(),
            unit: "requests".to_owned(),
            limit: 60,
            used: 3,
            remaining: 57,
            resets_ms: Some(3_500),
        };
        let unknown = vec!["everybody".to_owned()];
        let quota = Quota { account: "acme".to_owned(), plan: "free".to_owned(), limits: vec![limit], unknown };
        let expect = "account acme, plan free\n\n\
                      LIMIT   OF       UNIT      USED  LEFT  ALLOWED  RESETS\n\
                      submit  account  requests  3     57    60       in 2.5 s\n\
                      \nnot known at the moment: everybody\n";
        assert_eq!(rendered(&quota, 1_000), expect);
    }
}
