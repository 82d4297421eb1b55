//! A Lambda function on the lanes: the pipeline of `forebay-worker` on the CPU, for bursts. Answers with the messages
//! whose jobs have not ended (partial batch response).

mod open;

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use forebay_backend::{
    aws, logging,
    serverless::{Burst, BurstParts, Record, time_left},
    settings::Settings,
    store::S3Store,
};
use lambda_runtime::{Error, LambdaEvent, service_fn};

/// What the answer needs after the last result is stored.
const RESERVE: Duration = Duration::from_secs(3);

/// So long what still runs may hold up the process's end.
const END: Duration = Duration::from_millis(500);

fn main() -> Result<(), Error> {
    let (settings, _) = Settings::of_process()?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // Before anything else: torch asks once whether CUDA is there.
    let devices = open::devices(&settings, cores)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(cores.clamp(1, 4)).enable_all().build()?;
    let ended = runtime.block_on(async {
        logging::start(
            settings.log.clone(),
            #[cfg(feature = "otlp")]
            None,
        );
        let config = aws::load().await;
        let registry = open::models(&settings, &config).await?;
        let bounds = open::bounds(&settings, &registry, cores);
        let parts = BurstParts {
            store: Arc::new(S3Store::new(aws::s3(&config), &settings.bucket)),
            edge: open::edge(&settings, &config).await?,
            registry: Arc::new(registry),
            devices,
        };
        let burst = Burst::start(parts, bounds);
        // Lambda keeps a sandbox whose events fail and gives it the next ones; it starts another when the process ends.
        tokio::select! {
            ended = lambda_runtime::run(service_fn(|event| answer(&burst, event))) => ended,
            ended = burst.ended() => Err(ended.into()),
        }
    });
    // A device that hangs holds nothing up.
    runtime.shutdown_timeout(END);
    ended
}

async fn answer(burst: &Burst, event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, Error> {
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
    let time = time_left(event.context.deadline, now_ms).saturating_sub(RESERVE);
    // What is not answered for counts as done, so nothing may be passed over.
    let records = event.payload.records.into_iter().map(record).collect::<Option<_>>().ok_or("a record has no id")?;
    let mut response = SqsBatchResponse::default();
    burst.work(records, time).await?.into_iter().for_each(|id| response.add_failure(id));
    Ok(response)
}

fn record(message: SqsMessage) -> Option<Record> {
    let receive_count = message.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok());
    Some(Record {
        id: message.message_id?,
        queue_arn: message.event_source_arn.unwrap_or_default(),
        body: message.body.unwrap_or_default(),
        receive_count: receive_count.unwrap_or(1),
    })
}
