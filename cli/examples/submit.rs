//! Submits a text, waits for its embedding and says how many numbers it has.
//!
//! ```sh
//! FOREBAY_URL=http://127.0.0.1:8787 FOREBAY_KEY=fb_… cargo run -p forebay --example submit -- 'A dam holds water back.'
//! ```

use std::{env, error::Error, time::Duration};

use forebay::{Client, Submission};

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "an example speaks to a person")]
async fn main() -> Result<(), Box<dyn Error>> {
    let text = env::args().nth(1).unwrap_or_else(|| "A dam holds water back.".to_owned());
    let client = Client::builder(env::var("FOREBAY_URL")?).key(env::var("FOREBAY_KEY").unwrap_or_default()).build()?;

    let job = client.submit(&Submission::new("all-minilm-l6-v2").text(text)).await?;
    if let Some(queue) = &job.queue {
        println!("{} waits in {} at position {:?}", job.id, queue.lane, queue.position);
    }
    let job = client.wait(&job.id, Duration::from_secs(120)).await?;
    println!("{} {}", job.id, job.status);

    let result = client.result(&job.id).await?;
    let result: serde_json::Value = serde_json::from_slice(&result.bytes)?;
    println!("{} numbers", result.pointer("/embedding").and_then(|numbers| numbers.as_array()).map_or(0, Vec::len));
    Ok(())
}
