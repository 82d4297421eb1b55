//! `GET /healthz`

use forebay_account::settings::Faults;
use serde::Serialize;

use super::ready;
use crate::{
    answer::{self, Answer},
    cx::Stop,
};

/// The path.
pub const PATH: &str = "/healthz";

/// That it runs, and whether it is configured.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Health {
    /// `ok`, or `unconfigured`: the Worker runs, and answers everything else with 500.
    status: &'static str,
    /// The edge's version.
    version: &'static str,
    /// Whether all settings are there and can be read.
    configured: bool,
    /// The names of settings that are not there.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    missing: Vec<&'static str>,
    /// The names of settings that are there and cannot be; the log says why.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    wrong: Vec<&'static str>,
}

impl Health {
    /// With these settings missing and wrong.
    pub fn new(missing: &[&'static str], wrong: &[&'static str]) -> Self {
        let configured = missing.is_empty() && wrong.is_empty();
        let status = if configured { "ok" } else { "unconfigured" };
        let (missing, wrong) = (missing.to_vec(), wrong.to_vec());
        Self { status, version: env!("CARGO_PKG_VERSION"), configured, missing, wrong }
    }
}

/// Answers when the Worker runs and is configured; what it depends on is [`ready`]'s to tell.
pub async fn get() -> Result<Answer, Stop> {
    answer::json(200, &Health::new(&[], &[]), Vec::new())
}

/// What a Worker answers that is not configured: which settings it lacks, where that is asked for.
pub fn unconfigured(pattern: &str, faults: &Faults) -> Result<Answer, Stop> {
    match pattern {
        PATH => answer::json(503, &Health::new(&faults.missing, &faults.wrong), Vec::new()),
        ready::PATH => ready::unconfigured(),
        _ => Err(Stop::broken(faults.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_worker_without_its_settings_names_them_where_it_is_asked_and_breaks_elsewhere() {
        let mut faults = Faults::default();
        (faults.missing, faults.wrong) = (vec!["BUCKET_URL"], vec!["SOCKETS_MAX"]);
        let told = |pattern| match unconfigured(pattern, &faults) {
            Ok(Answer::Text { status, body, .. }) => (status, serde_json::from_str::<Value>(&body).unwrap()),
            other => panic!("{other:?}"),
        };
        let (status, health) = told(PATH);
        let expect = json!({"status": "unconfigured", "version": env!("CARGO_PKG_VERSION"), "configured": false,
            "missing": ["BUCKET_URL"], "wrong": ["SOCKETS_MAX"]});
        assert_eq!((status, health), (503, expect));
        let (status, ready) = told(ready::PATH);
        assert_eq!((status, &ready["configured"], &ready["status"]), (503, &json!(false), &json!("not-ready")));
        assert!(matches!(unconfigured("/v1/jobs", &faults), Err(Stop::Broken(_))));
    }
}
