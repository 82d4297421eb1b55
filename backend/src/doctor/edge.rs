use aws_config::SdkConfig;
use forebay_contract::Report;

use super::Finding;
use crate::{
    edge::{Edge as _, EdgeError, HttpEdge},
    report_secret,
    settings::Settings,
};

/// Sends a report of nothing: it is signed as any other.
pub(super) async fn examine(settings: &Settings, config: &SdkConfig) -> Finding {
    let secret = match report_secret::find(settings, config).await {
        Ok(secret) => secret,
        Err(error) => return Finding::missing("edge", error.to_string()).advise("a worker does not start without it"),
    };
    let (Some(url), Some(secret)) = (&settings.edge_url, secret) else {
        return Finding::doubtful("edge", "nobody is told of results: clients hear of them seconds later")
            .advise("set --edge-url, and FOREBAY_REPORT_SECRET or FOREBAY_REPORT_SECRET_ID");
    };
    let edge = match HttpEdge::new(url, secret) {
        Ok(edge) => edge,
        Err(error) => {
            return Finding::missing("edge", error.to_string()).advise("set --edge-url to the edge's address");
        }
    };
    match edge.post(&Report { worker: "doctor".to_owned(), events: Vec::new() }).await {
        Ok(_) => Finding::fine("edge", format!("{url} takes this worker's reports")),
        Err(EdgeError::Refused(401 | 403)) => Finding::missing("edge", format!("{url} does not take the signature"))
            .advise(
                "the report secret must be the edge's REPORT_SECRET, or its REPORT_SECRET_PREVIOUS, and both clocks right \
                 within five minutes",
            ),
        Err(error) => Finding::missing("edge", format!("{url}: {error}")).advise(
            "is --edge-url the address of the deployed edge? Jobs run without, and clients hear of results later",
        ),
    }
}
