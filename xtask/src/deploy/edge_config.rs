//! wrangler's configuration of one environment: `edge/wrangler.jsonc`, whose `env.production` says everything but what is an
//! operator's own. It is written into an ignored folder; the committed file stays as it is.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

use super::{aws::dns_suffix, settings::Edge};

/// What the stacks say of queues and bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Backing {
    pub(super) region: String,
    pub(super) queue_url_prefix: String,
    pub(super) bucket: String,
}

/// The committed file. Its comments stand on lines of their own, which a test of the edge holds it to.
pub(super) fn committed(text: &str) -> Result<Value> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    serde_json::from_str(&lines.join("\n")).context("edge/wrangler.jsonc")
}

/// The Worker's name, as wrangler makes it of file and environment.
pub(super) fn worker_name(committed: &Value, environment: &str) -> String {
    format!("{}-{environment}", committed.get("name").and_then(Value::as_str).unwrap_or_default())
}

/// The configuration for `environment`; `folder` is where the edge lies.
pub(super) fn configuration(
    mut configuration: Value,
    environment: &str,
    edge: &Edge,
    backing: &Backing,
    folder: &Path,
) -> Result<Value> {
    let Backing { region, queue_url_prefix, bucket } = backing;
    let mut production =
        configuration.pointer("/env/production").cloned().context("wrangler.jsonc has no env.production")?;
    set(&mut production, "/placement/region", json!(format!("aws:{region}")))?;
    set(&mut production, "/routes", json!([{"pattern": edge.domain, "custom_domain": true}]))?;
    set(&mut production, "/kv_namespaces/0/id", json!(edge.kv_namespace))?;
    if let Some(namespace) = &edge.rate_limit_namespace {
        set(&mut production, "/ratelimits/0/namespace_id", json!(namespace))?;
    }
    let variables = production.get_mut("vars").and_then(Value::as_object_mut).context("env.production has no vars")?;
    for (name, value) in &edge.variables {
        variables.insert(name.clone(), json!(value));
    }
    let bucket_url = format!("https://{bucket}.s3.{region}.{}", dns_suffix(region));
    for (name, value) in [("AWS_REGION", region), ("QUEUE_URL_PREFIX", queue_url_prefix), ("BUCKET_URL", &bucket_url)] {
        variables.insert(name.to_owned(), json!(value));
    }
    set(&mut configuration, "/main", json!(folder.join("build/index.js")))?;
    set(&mut configuration, "/assets/directory", json!(folder.join("console")))?;
    let top = configuration.as_object_mut().context("wrangler.jsonc is no object")?;
    // It is built before, and once.
    top.remove("build");
    top.remove("$schema");
    top.insert("account_id".to_owned(), json!(edge.account));
    top.insert("env".to_owned(), Value::Object(Map::from_iter([(environment.to_owned(), production)])));
    Ok(configuration)
}

fn set(value: &mut Value, pointer: &str, to: Value) -> Result<()> {
    *value.pointer_mut(pointer).with_context(|| format!("edge/wrangler.jsonc has no {pointer}"))? = to;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::settings;

    #[test]
    fn what_is_the_operators_own_stands_in_the_environment_and_nothing_else_changes() {
        let committed = committed(include_str!("../../../edge/wrangler.jsonc")).unwrap();
        let edge = settings::read("x", include_str!("../../../infra/environments/example.toml")).unwrap().edge.unwrap();
        let backing = Backing {
            region: "eu-west-1".to_owned(),
            queue_url_prefix: "https://sqs.eu-west-1.amazonaws.com/1/forebay".to_owned(),
            bucket: "forebay-data".to_owned(),
        };
        let made = configuration(committed.clone(), "staging", &edge, &backing, Path::new("/edge")).unwrap();
        assert_eq!(worker_name(&committed, "staging"), "forebay-edge-staging");
        assert_eq!(made["env"].as_object().unwrap().keys().collect::<Vec<_>>(), ["staging"]);
        let (staging, production) = (&made["env"]["staging"], &committed["env"]["production"]);
        assert_eq!(staging["routes"], json!([{"pattern": "jobs.example.com", "custom_domain": true}]));
        assert_eq!(staging["placement"]["region"], "aws:eu-west-1");
        assert_eq!(staging["vars"]["BUCKET_URL"], "https://forebay-data.s3.eu-west-1.amazonaws.com");
        assert_eq!(staging["vars"]["AWS_REGION"], "eu-west-1");
        for key in ["durable_objects", "limits", "observability", "workers_dev"] {
            assert_eq!(staging[key], production[key], "{key}");
        }
        assert_eq!((&made["main"], &made["account_id"]), (&json!("/edge/build/index.js"), &json!(edge.account)));
        assert_eq!((made.get("build"), &made["migrations"]), (None, &committed["migrations"]));
    }
}
