//! `forebay account erase`

use std::{
    io::{IsTerminal as _, Write as _, stderr, stdin},
    time::Duration,
};

use forebay::{Client, Method};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{super::write_json, EraseArguments};
use crate::{failure::Failure, span};

const PATH: &str = "/v1/account/data";
/// Between two questions of how far it is.
const PAUSE: Duration = Duration::from_secs(2);

pub(super) async fn run(arguments: &EraseArguments) -> Result<(), Failure> {
    let client = arguments.common.connection.client()?;
    if !arguments.yes {
        confirm(&client).await?;
    }
    let mut receipt = client.call(Method::DELETE, PATH.to_owned(), None).await?;
    let until = Instant::now() + span::timeout(arguments.timeout);
    let mut told = 0;
    while !is_complete(&receipt) {
        if Instant::now() >= until {
            let message =
                format!("{} jobs are erased so far; the service goes on: run this again to wait", jobs(&receipt));
            return Err(Failure::TimedOut(message));
        }
        if jobs(&receipt) > told {
            told = jobs(&receipt);
            writeln!(stderr(), "{told} jobs erased, {} not out of the bucket yet", count(&receipt, "in_bucket"))?;
        }
        sleep(PAUSE).await;
        receipt = client.call(Method::GET, PATH.to_owned(), None).await?;
    }
    write_json(&receipt)
}

fn is_complete(receipt: &Value) -> bool {
    receipt.get("complete").and_then(Value::as_bool).unwrap_or(false)
}

fn jobs(receipt: &Value) -> u64 {
    count(receipt, "jobs")
}

fn count(receipt: &Value, name: &str) -> u64 {
    receipt.get(name).and_then(Value::as_u64).unwrap_or(0)
}

/// Has a person say whose data it is to be: what is gone is gone.
async fn confirm(client: &Client) -> Result<(), Failure> {
    if !stdin().is_terminal() {
        return Err(Failure::Usage(
            "this erases all data of the account: say --yes, nobody is there to ask".to_owned(),
        ));
    }
    let account = client.quota().await?.value.account;
    write!(stderr(), "This erases every job and webhook of {account}, for good. Type its name to go on: ")?;
    let mut line = String::new();
    stdin().read_line(&mut line)?;
    if line.trim() == account { Ok(()) } else { Err(Failure::Usage("nothing was erased".to_owned())) }
}
