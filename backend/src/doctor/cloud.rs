use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sdk_sqs::{error::DisplayErrorContext, types::QueueAttributeName};
use forebay_contract::Lane;

use super::Finding;
use crate::{
    aws,
    queue::MAX_RECEIVES,
    settings::Settings,
    store::{NewObject, S3Store, Store as _},
};

/// Written once and then found: it shows that this worker may write, and no job is called so.
const PROBE: &str = "failures/doctor";
/// The same of what workers write again and again.
const PROBE_AGAIN: &str = "attempts/doctor";

pub(super) async fn credentials(config: &SdkConfig) -> Finding {
    let subject = "aws";
    let Some(region) = config.region() else {
        return Finding::missing(subject, "AWS_REGION: found nothing").advise("set AWS_REGION, such as eu-west-1");
    };
    let advice = "give the machine the role of infra's output WorkerRoleArn, or set AWS_PROFILE or AWS_ACCESS_KEY_ID";
    let Some(provider) = config.credentials_provider() else {
        return Finding::missing(subject, "no credentials").advise(advice);
    };
    match provider.provide_credentials().await {
        Ok(_) => Finding::fine(subject, format!("region {region}, with credentials")),
        Err(error) => Finding::missing(subject, DisplayErrorContext(error).to_string()).advise(advice),
    }
}

pub(super) async fn queues(settings: &Settings, config: &SdkConfig) -> Vec<Finding> {
    let client = aws::sqs(config);
    let prefix = match settings.lanes_url() {
        Ok(prefix) => prefix,
        Err(error) => return vec![Finding::missing("lanes", error.to_string())],
    };
    let lanes = settings.lanes.lanes().map(|lane| queue(&client, lane, lane.queue_url(prefix)));
    futures_util::future::join_all(lanes).await
}

async fn queue(client: &aws_sdk_sqs::Client, lane: Lane, url: String) -> Finding {
    let subject = format!("lane {lane}");
    let asked = client.get_queue_attributes().queue_url(&url).attribute_names(QueueAttributeName::All).send().await;
    let attributes = match asked {
        Ok(answer) => answer.attributes.unwrap_or_default(),
        Err(error) => {
            return Finding::missing(subject, format!("{url}: {}", DisplayErrorContext(error))).advise(
                "set --queue-url-prefix to infra's output QueueUrlPrefix, and --lanes to lanes that have queues there, and \
                 allow what WorkerPolicyArn allows",
            );
        }
    };
    let waiting = attributes.get(&QueueAttributeName::ApproximateNumberOfMessages).map_or("?", String::as_str);
    match attributes.get(&QueueAttributeName::RedrivePolicy).map(|policy| receives(policy)) {
        None => Finding::doubtful(subject, "no dead-letter queue: what nobody can run comes again until it is too old")
            .advise("deploy infra/forebay.yaml, which makes both"),
        Some(Some(receives)) if receives < MAX_RECEIVES => {
            let found = format!("a message is a dead letter after {receives} receives, and hand-backs count as such");
            Finding::doubtful(subject, found)
                .advise("deploy infra/forebay.yaml anew: a fleet that is rolled may bury jobs below twenty")
        }
        Some(_) => Finding::fine(subject, format!("{waiting} waiting")),
    }
}

/// After how many receives a queue with this policy gives a message up. SQS takes and tells the number as a text too.
fn receives(policy: &str) -> Option<u32> {
    let policy: serde_json::Value = serde_json::from_str(policy).ok()?;
    let count = policy.get("maxReceiveCount")?;
    let count = count.as_u64().or_else(|| count.as_str()?.parse().ok())?;
    u32::try_from(count).ok()
}

pub(super) async fn bucket(settings: &Settings, config: &SdkConfig) -> Finding {
    let store = S3Store::new(aws::s3(config), &settings.bucket);
    let tried = async {
        store.head("results/none").await?;
        let probe = || NewObject::new("forebay-worker doctor", "text/plain");
        store.put_if_absent(PROBE, probe()).await?;
        store.overwrite(PROBE_AGAIN, probe()).await
    };
    match tried.await {
        Ok(_) => Finding::fine("bucket", format!("{} is read and written", settings.bucket)),
        Err(error) => Finding::missing("bucket", format!("{}: {error}", settings.bucket))
            .advise("set --bucket to infra's output BucketName, and allow what WorkerPolicyArn allows"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policys_receives_are_read_however_they_are_written() {
        for (policy, expect) in [
            (r#"{"deadLetterTargetArn":"arn:aws:sqs:a:1:b","maxReceiveCount":5}"#, Some(5)),
            (r#"{"maxReceiveCount":"20"}"#, Some(20)),
            (r#"{"maxReceiveCount":-1}"#, None),
            ("{}", None),
            ("", None),
        ] {
            assert_eq!(receives(policy), expect, "{policy}");
        }
    }
}
