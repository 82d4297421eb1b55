//! Makes an endpoint, sends it a test, says how that went, and ends it.
//!
//! ```sh
//! FOREBAY_URL=http://127.0.0.1:8787 FOREBAY_KEY=fb_… cargo run -p forebay --example webhook -- https://example.com/hook
//! ```
//!
//! The receiver checks `webhook-signature` by a library of <https://www.standardwebhooks.com>, with the secret that this
//! example would have kept.

use std::{env, error::Error, time::Duration};

use forebay::{Client, DeliveryQuery, NewWebhook};

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "an example speaks to a person")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).ok_or("say where deliveries go: https://…")?;
    let client = Client::builder(env::var("FOREBAY_URL")?).key(env::var("FOREBAY_KEY").unwrap_or_default()).build()?;

    let webhook = client.create_webhook(&NewWebhook::new(url)).await?;
    let secret = webhook.secret.as_ref().ok_or("the answer has no secret")?;
    println!("{} has a secret of {} characters, shown this once", webhook.id, secret.expose().len());

    let test = client.test_webhook(&webhook.id).await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let page = client.deliveries(&webhook.id, &DeliveryQuery::default()).await?;
    for delivery in page.deliveries.iter().filter(|delivery| delivery.id == test.id) {
        println!("{} is {} after {} tries", delivery.id, delivery.state.name(), delivery.attempts);
    }
    client.delete_webhook(&webhook.id).await?;
    Ok(())
}
