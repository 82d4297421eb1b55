//! What is there before a deployment, and the plan that follows from it.

use std::process::Command;

use anyhow::Result;

use super::{
    bucket::Bucket,
    change_set::{self, Change},
    edge::EdgeLook,
    journal::Journal,
    lock,
    migrations::Pending,
    packages::Artefacts,
    parameters::{self, Outputs, Part},
    plan::Plan,
    rollout::Move,
    secrets::{self, Existence},
    site::Site,
    smoke,
    stack_status::Next,
    stacks::{self, Wanted},
};
use crate::process::answer;

/// What is there.
pub(super) struct Look {
    pub(super) plan: Plan,
    /// Why the deployment would stop before it changes anything.
    pub(super) refusals: Vec<String>,
}

/// Looks, and plans. Changes nothing but for templates in the code bucket and change sets, which it deletes again.
pub(super) fn look(
    site: &Site<'_>,
    artefacts: &Artefacts,
    journal: &Journal,
    edge: Option<&EdgeLook>,
    allow_replacement: bool,
) -> Result<Look> {
    let bucket = site.bucket()?;
    let mut look = Look { plan: Plan::default(), refusals: Vec::new() };
    let has_bucket = bucket.exists()?;
    if has_bucket {
        if let Some(holder) = lock::holder(&bucket, &site.settings.prefix)? {
            look.plan.loud("lock", format!("{} deploys, since {}, from {}", holder.who, holder.since, holder.host));
        }
    } else {
        look.plan.change("bucket", format!("{} is made, private, with versions", bucket.name));
    }
    if let Some(last) = journal.deployments.last().filter(|last| !last.is_finished) {
        look.plan.change("journal", format!("the deployment {} of {} broke off; this one goes on", last.id, last.who));
    }
    for what in &artefacts.unbuilt {
        look.plan
            .change("artefacts", format!("{what} is built and uploaded; until then something stands for it below"));
    }
    for artefact in artefacts.all().filter(|artefact| artefact.what != "a template") {
        look.plan.change(
            "artefacts",
            format!("{} lies at s3://{}/{}, uploaded where it is not", artefact.what, bucket.name, artefact.key),
        );
    }
    plan_secret(site, &mut look, &site.settings.report_secret, "the report secret, which workers are told")?;
    plan_stacks(site, &bucket, has_bucket, artefacts, allow_replacement, &mut look)?;
    if let Some(edge) = edge {
        if edge.missing.contains(&"ADMIN_TOKEN") {
            plan_secret(site, &mut look, &secrets::admin_token(&site.settings.prefix), "the operator's token")?;
        }
        plan_edge(site, edge, journal, &mut look);
        if let Some(smoke) = &site.settings.smoke {
            match smoke::key(smoke) {
                Some(_) => look.plan.change("smoke", format!("a job of {} is run", smoke.model)),
                None => look.plan.nothing("smoke", format!("no job is run, for {} is not set", smoke.key_variable)),
            }
        }
    }
    Ok(look)
}

fn plan_secret(site: &Site<'_>, look: &mut Look, name: &str, what: &str) -> Result<()> {
    match secrets::exists(&site.aws, name)? {
        Existence::There => look.plan.nothing("secrets", format!("{name} is there: {what}")),
        Existence::Absent | Existence::Empty => look.plan.change("secrets", format!("{name} is made: {what}")),
        Existence::Deleted => {
            look.plan.loud("secrets", format!("{name} is deleted: {what}"));
            look.refusals.push(format!("aws secretsmanager restore-secret --secret-id {name}"));
        }
    }
    Ok(())
}

fn plan_stacks(
    site: &Site<'_>,
    bucket: &Bucket<'_>,
    has_bucket: bool,
    artefacts: &Artefacts,
    allow_replacement: bool,
    look: &mut Look,
) -> Result<()> {
    let (mut outputs, packages) = (Outputs::new(), artefacts.packages());
    for part in Part::wanted(&site.settings) {
        let (stack, step) = (site.stack(part), part.name());
        let existing = stacks::look(&site.aws, &stack)?;
        outputs.insert(part, existing.outputs.clone());
        let status = existing.status.clone().unwrap_or_else(|| "not there".to_owned());
        let next = existing.next();
        if let Next::Stop(what) = next {
            look.refusals.push(format!("{stack}: {what}"));
        }
        if next != Next::Update || !has_bucket {
            look.plan.change(step, format!("{stack} is {status}: it {}", next.shown()));
            continue;
        }
        let parameters = match parameters::of(part, &site.settings, &outputs, &packages) {
            Ok(parameters) => parameters,
            Err(absent) => {
                look.plan.loud(step, absent.to_string());
                look.refusals.push(absent.to_string());
                continue;
            }
        };
        let template = artefacts.template(part)?;
        bucket.bring(site.console, template)?;
        let template_url = site.aws.object_url(bucket.name, &template.key);
        let changes = stacks::rehearse(&site.aws, &Wanted { stack: stack.clone(), template_url, parameters })?;
        plan_changes(step, &stack, &changes, look);
        if let Some(refusal) = change_set::refusal(&stack, &changes).filter(|_| !allow_replacement) {
            look.refusals.push(refusal);
        }
    }
    Ok(())
}

fn plan_changes(step: &'static str, stack: &str, changes: &[Change], look: &mut Look) {
    if changes.is_empty() {
        return look.plan.nothing(step, format!("{stack} is as it is to be"));
    }
    let list: Vec<String> = changes.iter().map(|change| format!("  {change}")).collect();
    let what = format!("{stack} is updated:\n{}", list.join("\n"));
    match changes.iter().any(Change::loses) {
        true => look.plan.loud(step, what),
        false => look.plan.change(step, what),
    }
}

fn plan_edge(site: &Site<'_>, edge: &EdgeLook, journal: &Journal, look: &mut Look) {
    let plan = &mut look.plan;
    if !edge.missing.is_empty() {
        plan.change("edge", format!("secrets that it lacks are set: {}", edge.missing.join(", ")));
    }
    match &edge.pending {
        Pending::None => plan.nothing("objects", "their classes are as they are"),
        Pending::These(tags) => plan.loud(
            "objects",
            format!(
                "MIGRATION {}: classes are made, renamed or deleted. It is done at once, for all traffic, and NO ROLLBACK \
                 GOES PAST IT",
                tags.join(", ")
            ),
        ),
        Pending::Unknown if edge.shares.is_empty() => plan.change("objects", "their classes are made"),
        Pending::Unknown => plan.loud(
            "objects",
            "which MIGRATION the deployed version has is not known: it is deployed at once, and a rollback may not go back",
        ),
        Pending::Newer(tag) => {
            plan.loud("objects", format!("what is deployed has the migration {tag}, which this checkout does not know"));
            let advice = "this checkout is older than what is deployed: take a newer one, or go back by rollback";
            look.refusals.push(advice.to_owned());
        }
    }
    let last = journal.current().map(|entry| entry.commit.as_str());
    if let Some(tables) = last.and_then(|commit| tables_changed(site, commit)) {
        look.plan.loud("objects", tables);
    }
    let plan = &mut look.plan;
    match &edge.next {
        None => plan.change("edge", "its code is built; then what there is to do is known"),
        Some(Move::Nothing) => plan.nothing("edge", "this code and configuration has all the traffic"),
        Some(Move::AtOnce) => plan.change("edge", "is deployed at once, for all traffic"),
        Some(Move::Gradually { old }) => {
            plan.change("edge", format!("a new version takes the place of {old} by and by"));
        }
        Some(Move::GoOn { old, new, at }) => {
            plan.change("edge", format!("{new}, which has {at} %, goes on taking the place of {old}"));
        }
    }
}

/// Tables inside objects are changed when they are next opened, and stay so.
fn tables_changed(site: &Site<'_>, since: &str) -> Option<String> {
    let since = since.trim_end_matches("-dirty");
    let mut git = Command::new("git");
    git.current_dir(site.repository.root()).args(["diff", "--stat", since, "--", "account/src/tables/migrations.rs"]);
    answer(&mut git).filter(|changed| !changed.is_empty()).map(|_| {
        format!(
            "tables inside objects change since {since:.12} (account/src/tables/migrations.rs): once, when each is next \
             opened. A rollback leaves them changed"
        )
    })
}
