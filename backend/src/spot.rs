//! EC2 takes a Spot machine back two minutes after it says so in the instance's metadata.

use std::time::Duration;

use aws_config::{imds, imds::client::error::ImdsError, provider_config::ProviderConfig};
use serde::Deserialize;
use tracing::{debug, info, warn};

use crate::aws;

/// As often as EC2 recommends.
const EVERY: Duration = Duration::from_secs(5);
/// A machine that answers none of the first tries has no metadata: it is not EC2's.
const TRIES: u32 = 3;
const PATH: &str = "/latest/meta-data/spot/instance-action";

/// The address of the metadata is not one.
#[derive(Debug, thiserror::Error)]
#[error("metadata_url: found {found}: {what}; allowed is http://HOST[:PORT], or off")]
pub struct MetadataUrlError {
    found: String,
    what: String,
}

/// What EC2 says: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html>.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Notice {
    /// `terminate`, `stop` or `hibernate`.
    pub action: String,
    /// When, in UTC.
    pub time: String,
}

/// Asks for the notice.
#[derive(Debug)]
pub struct SpotWatch {
    client: imds::Client,
}

impl SpotWatch {
    /// At this address; `None` for `off`.
    pub fn at(url: &str) -> Result<Option<Self>, MetadataUrlError> {
        if url == "off" {
            return Ok(None);
        }
        let wrong = |what: String| MetadataUrlError { found: url.to_owned(), what };
        crate::http::address(url).map_err(wrong)?;
        let http = ProviderConfig::without_region().with_http_client(aws::http_client());
        let builder = imds::Client::builder().configure(&http).max_attempts(1);
        let client = builder.endpoint(url).map_err(|error| wrong(error.to_string()))?.build();
        Ok(Some(Self { client }))
    }

    /// Waits for a notice. Away from EC2 it waits for ever.
    pub async fn notice(&self) -> Notice {
        let (mut silent, mut answered) = (0, false);
        loop {
            match self.ask().await {
                Ok(Some(notice)) => return notice,
                Ok(None) => answered = true,
                Err(error) if answered => warn!(%error, "the instance metadata does not answer"),
                Err(error) => {
                    silent += 1;
                    debug!(%error, "no instance metadata");
                }
            }
            if !answered && silent >= TRIES {
                info!("no instance metadata here: Spot interruption notices are not awaited");
                return std::future::pending().await;
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    async fn ask(&self) -> Result<Option<Notice>, String> {
        match self.client.get(PATH).await {
            Ok(text) => serde_json::from_str(text.as_ref()).map(Some).map_err(|error| error.to_string()),
            Err(ImdsError::ErrorResponse(response)) if response.response().status().as_u16() == 404 => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }
}
