//! `cargo xtask destroy`: takes everything away but for what holds data.

use anyhow::{Result, ensure};
use serde_json::Value;

use super::{
    arguments::DestroyArguments,
    aws::text_at,
    bucket::Bucket,
    edge::EdgeLook,
    journal::Journal,
    parameters::{Outputs, Part},
    plan::Plan,
    secrets,
    site::{Site, ask},
    stacks,
};
use crate::{console::Console, repository::Repository};

/// In the order in which nothing needs what is gone.
const ORDER: [Part; 4] = [Part::Alarms, Part::Fleet, Part::Forebay, Part::Network];

/// Says what goes and what stays, wants the prefix typed, and does it.
pub fn run(repository: &Repository, console: Console, arguments: &DestroyArguments) -> Result<()> {
    let site = Site::open(repository, console, &arguments.environment)?;
    let prefix = site.settings.prefix.as_str();
    let edge = match &site.settings.edge {
        Some(edge) => Some(EdgeLook::look(&site, edge, &Outputs::new(), None)?),
        None => None,
    };
    let mut existing = Vec::new();
    for part in ORDER {
        existing.push((part, stacks::look(&site.aws, &site.stack(part))?));
    }
    console.heading(&format!("Plan: {} is taken away", site.settings.name));
    plan(&site, edge.as_ref(), &existing).show(console);
    let typed = match &arguments.confirm {
        Some(typed) => typed.clone(),
        None => ask(&format!("Type the prefix, {prefix}, to do this:"))?,
    };
    ensure!(typed.trim() == prefix, "{:?} is not the prefix {prefix:?}: nothing was changed", typed.trim());
    let act = |bucket: Option<&Bucket<'_>>| take_away(&site, bucket, edge.as_ref());
    if site.bucket()?.exists()? {
        return site.locked("destroy", &arguments.environment, |bucket| act(Some(bucket)));
    }
    act(None)
}

fn plan(site: &Site<'_>, edge: Option<&EdgeLook>, existing: &[(Part, stacks::Existing)]) -> Plan {
    let (mut plan, prefix) = (Plan::default(), site.settings.prefix.as_str());
    match edge {
        None => {}
        Some(look) if look.shares.is_empty() => plan.nothing("edge", format!("{} is not there", look.worker)),
        Some(look) => plan.loud(
            "edge",
            format!(
                "{} goes, WITH ALL ITS OBJECTS: accounts, jobs, webhooks, bills. Nothing brings them back",
                look.worker
            ),
        ),
    }
    for (part, stack) in existing {
        let name = site.stack(*part);
        match &stack.status {
            None => plan.nothing(part.name(), format!("{name} is not there")),
            Some(status) => plan.loud(part.name(), format!("{name}, which is {status}, goes")),
        }
    }
    let secret = secrets::admin_token(prefix);
    for what in [
        format!(
            "the queues {prefix}-… with the jobs in them, the bucket {prefix}-data-… with inputs and results, log groups"
        ),
        format!("the bucket {} with artefacts", site.settings.code_bucket),
        format!("the secrets {} and {secret}; the KV namespace with the keys' hashes", site.settings.report_secret),
    ] {
        plan.nothing("stays", what);
    }
    plan
}

fn take_away(site: &Site<'_>, bucket: Option<&Bucket<'_>>, edge: Option<&EdgeLook>) -> Result<()> {
    let console = site.console;
    if let Some(look) = edge.filter(|look| !look.shares.is_empty()) {
        look.wrangler.run(&["delete", "--force"])?;
        console.done("edge", &format!("{} is gone", look.worker));
    }
    for part in ORDER {
        let stack = site.stack(part);
        if part == Part::Forebay {
            delete_access_keys(site, &stack)?;
        }
        let is_gone = stacks::delete(&site.aws, &stack)?;
        console.done(part.name(), &format!("{stack} {}", if is_gone { "is gone" } else { "was not there" }));
    }
    if let Some(bucket) = bucket {
        // Its earlier versions stay in the bucket. What is deployed next has nothing to go back to.
        bucket.delete(&Journal::key(&site.settings.prefix))?;
    }
    console.done("destroy", &format!("{} is taken away; run again, this does nothing", site.settings.name));
    Ok(())
}

/// A user with keys cannot be deleted.
fn delete_access_keys(site: &Site<'_>, stack: &str) -> Result<()> {
    let outputs = stacks::look(&site.aws, stack)?.outputs;
    let Some(user) = outputs.get("EdgeUserName") else { return Ok(()) };
    let known = site.aws.find(&["iam", "list-access-keys", "--user-name", user])?.unwrap_or_default();
    let keys = known.get("AccessKeyMetadata").and_then(Value::as_array);
    for id in keys.into_iter().flatten().filter_map(|key| text_at(key, "/AccessKeyId")) {
        site.aws.ask(&["iam", "delete-access-key", "--user-name", user, "--access-key-id", &id])?;
    }
    Ok(())
}
