//! A Lambda function on the dead-letter queues: gives each dead job an end. Answers with the letters that must come
//! again (partial batch response).

mod open;

use std::sync::Arc;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use forebay_backend::{
    aws, logging,
    reaper::{DeadLetter, Reaper},
    settings::Settings,
    store::S3Store,
};
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (settings, _) = Settings::of_process()?;
    logging::start(
        settings.log.clone(),
        #[cfg(feature = "otlp")]
        None,
    );
    let config = aws::load().await;
    let reaper = Reaper {
        store: Arc::new(S3Store::new(aws::s3(&config), &settings.bucket)),
        edge: open::edge(&settings, &config).await?,
        name: open::worker_name(&settings),
    };
    lambda_runtime::run(service_fn(|event| answer(&reaper, event))).await
}

async fn answer(reaper: &Reaper, event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, Error> {
    // What is not answered for counts as done, so nothing may be passed over.
    let letters = event.payload.records.into_iter().map(letter).collect::<Option<Vec<_>>>();
    let letters = letters.ok_or("a record has no id")?;
    let mut response = SqsBatchResponse::default();
    reaper.reap(&letters).await.into_iter().for_each(|id| response.add_failure(id));
    Ok(response)
}

fn letter(message: SqsMessage) -> Option<DeadLetter> {
    let receives = message.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok());
    Some(DeadLetter {
        id: message.message_id?,
        body: message.body.unwrap_or_default(),
        receives: receives.unwrap_or(1),
    })
}
