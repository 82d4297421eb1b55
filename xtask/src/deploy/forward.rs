//! `cargo xtask deploy`.

use std::time::Duration;

use anyhow::{Result, bail, ensure};

use super::{
    arguments::DeployArguments,
    bucket::Bucket,
    edge::{self, EdgeLook},
    fleet::{self, Machines},
    health,
    journal::{Entry, Journal, StackRecord},
    lock,
    look::look,
    packages::Artefacts,
    parameters::{self, Outputs, Part},
    secrets,
    site::{Site, date},
    smoke,
    stacks::{self, Wanted},
};
use crate::{console::Console, repository::Repository};

/// How long it may take until a worker is heard of: a machine starts, fetches its package and its models.
const FIRST_WORKER: Duration = Duration::from_mins(20);

/// What LocalStack says of a resource that it accepts and does not make. The template names its group otherwise.
const LOCALSTACKS: &str = "unknown";

/// Plans, asks, and brings everything there.
pub fn run(repository: &Repository, console: Console, arguments: &DeployArguments) -> Result<()> {
    let site = Site::open(repository, console, &arguments.environment)?;
    let (may_build, bucket) = (!arguments.dry_run, site.bucket()?);
    let has_bucket = bucket.exists()?;
    if has_bucket && may_build && arguments.environment.break_lock.is_none() {
        // Before minutes of building.
        lock::check(&bucket, &site.settings.prefix)?;
    }
    if may_build && site.settings.edge.is_some() {
        edge::build(&site)?;
    }
    let artefacts = Artefacts::collect(repository, console, &site.settings, may_build)?;
    let journal = if has_bucket { Journal::read(&bucket, &site.settings.prefix)? } else { Journal::default() };
    let edge = match &site.settings.edge {
        Some(edge) => Some(EdgeLook::look(&site, edge, &standing_outputs(&site)?, known_migration(&journal))?),
        None => None,
    };
    let seen = look(&site, &artefacts, &journal, edge.as_ref(), arguments.allow_replacement)?;
    console.heading(&format!("Plan: {} as {}, commit {}", site.settings.name, site.settings.prefix, site.commit));
    seen.plan.show(console);
    if arguments.dry_run {
        rehearse(&site, edge.as_ref())?;
    }
    ensure!(
        seen.refusals.is_empty(),
        "nothing was changed, for this stands in the way:\n  {}",
        seen.refusals.join("\n  ")
    );
    if arguments.dry_run {
        console.done("deploy", &format!("a dry run: {} things would be done", seen.plan.changes()));
        return Ok(());
    }
    site.confirm(&arguments.environment, "Type yes to do this:", "yes")?;
    if !has_bucket {
        bucket.make()?;
    }
    site.locked("deploy", &arguments.environment, |bucket| {
        bring(&site, bucket, &artefacts, arguments.allow_replacement)
    })
}

fn rehearse(site: &Site<'_>, edge: Option<&EdgeLook>) -> Result<()> {
    let Some(edge) = edge else { return Ok(()) };
    if site.repository.path("edge/build/index.js").is_file() {
        edge.rehearse()?;
        site.console.done("edge", "wrangler takes code and configuration, as far as it can say without sending them");
    } else {
        site.console
            .note("edge", "its code is not built, so wrangler was not asked about it: cargo xtask up --once builds it");
    }
    Ok(())
}

fn known_migration(journal: &Journal) -> Option<&str> {
    journal.current()?.edge.as_ref()?.migration.as_deref()
}

fn standing_outputs(site: &Site<'_>) -> Result<Outputs> {
    let mut outputs = Outputs::new();
    for part in Part::wanted(&site.settings) {
        outputs.insert(part, stacks::look(&site.aws, &site.stack(part))?.outputs);
    }
    Ok(outputs)
}

/// Every step; what is done is written down as it is, so that a rollback knows it.
fn bring(site: &Site<'_>, bucket: &Bucket<'_>, artefacts: &Artefacts, allow_replacement: bool) -> Result<()> {
    let (console, prefix) = (site.console, site.settings.prefix.as_str());
    let mut journal = Journal::read(bucket, prefix)?;
    let known = known_migration(&journal).map(str::to_owned);
    let mut entry = Entry {
        id: date("%Y%m%dT%H%M%SZ"),
        who: site.who.clone(),
        commit: site.commit.clone(),
        edge: journal.current().and_then(|entry| entry.edge.clone()),
        ..Entry::default()
    };
    // The edge was never told a secret that was made by a deployment that broke off before it.
    let is_unsent = journal.since_current().any(|entry| entry.has_new_secret);
    journal.note(bucket, prefix, &entry)?;
    for artefact in artefacts.all() {
        bucket.bring(console, artefact)?;
    }
    console.done("artefacts", &format!("{} lie in s3://{}, each whole", artefacts.all().count(), bucket.name));
    let has_new_secret = secrets::ensure(&site.aws, &site.settings.report_secret)?;
    let resets = is_unsent || has_new_secret;
    entry.has_new_secret = resets;
    console.done(
        "secrets",
        &format!("{} {}", site.settings.report_secret, if has_new_secret { "is made" } else { "is there" }),
    );
    let outputs = bring_stacks(site, bucket, artefacts, allow_replacement, &mut |record| {
        entry.stacks.insert(record.0.name().to_owned(), record.1);
        journal.note(bucket, prefix, &entry)
    })?;
    refresh(site, &outputs)?;
    if let Some(edge) = &site.settings.edge {
        entry.edge = Some(edge::bring(site, edge, &outputs, known.as_deref(), resets)?);
        journal.note(bucket, prefix, &entry)?;
        check_jobs(site)?;
    }
    entry.is_finished = true;
    journal.note(bucket, prefix, &entry)?;
    console.done("deploy", &format!("{} is {}; `cargo xtask rollback` goes back", site.settings.name, entry.id));
    Ok(())
}

type Noted<'a> = &'a mut dyn FnMut((Part, StackRecord)) -> Result<()>;

fn bring_stacks(
    site: &Site<'_>,
    bucket: &Bucket<'_>,
    artefacts: &Artefacts,
    allow_replacement: bool,
    note: Noted<'_>,
) -> Result<Outputs> {
    let (mut outputs, packages) = (Outputs::new(), artefacts.packages());
    for part in Part::wanted(&site.settings) {
        let parameters = parameters::of(part, &site.settings, &outputs, &packages)?;
        let template = artefacts.template(part)?;
        let stack = site.stack(part);
        let template_url = site.aws.object_url(bucket.name, &template.key);
        let wanted = Wanted { stack: stack.clone(), template_url, parameters: parameters.clone() };
        let is_changed = stacks::bring(&site.aws, site.console, &wanted, allow_replacement)?;
        outputs.insert(part, stacks::look(&site.aws, &stack)?.outputs);
        site.console
            .done(part.name(), &format!("{stack} {}", if is_changed { "is brought" } else { "is as it is to be" }));
        note((part, StackRecord { template: template.key.clone(), parameters }))?;
    }
    Ok(outputs)
}

/// Machines of an older version of the launch template are replaced.
pub(super) fn refresh(site: &Site<'_>, outputs: &Outputs) -> Result<()> {
    if site.settings.fleet.is_none() {
        return Ok(());
    }
    let group = parameters::output(outputs, Part::Fleet, "GroupName", &site.settings.prefix)?;
    if group == LOCALSTACKS {
        site.console.note("fleet", "LocalStack makes no group, so there are no machines to replace");
        return Ok(());
    }
    match fleet::look(&site.aws, &group)? {
        Machines::None => site.console.note("fleet", &format!("{group} has no machines yet")),
        Machines::Current(count) => site.console.done("fleet", &format!("{count} machines are of this version")),
        Machines::Outdated(old, all) => {
            site.console.begin(
                "fleet",
                &format!("{old} of {all} machines are replaced, each new one before an old one drains"),
            );
            fleet::refresh(&site.aws, site.console, &group, fleet::OUTDATED)?;
            site.console.done("fleet", "all machines are of this version");
        }
    }
    Ok(())
}

/// Whether jobs get through, and one that does.
pub(super) fn check_jobs(site: &Site<'_>) -> Result<()> {
    let Some(edge) = &site.settings.edge else { return Ok(()) };
    if site.settings.fleet.is_some() {
        let url = format!("{}/readyz", edge.url());
        match health::wait(site.console, &url, FIRST_WORKER)? {
            Ok(()) => site.console.done("ready", "queue and bucket answer, and a worker was heard of"),
            Err(answer) => bail!(
                "{url} answers {} {:.500}\n  what to do: it names what does not answer. Where that is a worker: aws ssm start-session \
                 --target INSTANCE, then forebay-worker doctor says what is missing",
                answer.status,
                answer.body
            ),
        }
    }
    let Some(smoke) = &site.settings.smoke else { return Ok(()) };
    if smoke::run(site.repository, edge, smoke)? {
        site.console.done("smoke", &format!("a job of {} succeeded", smoke.model));
    } else {
        site.console.warning(&format!(
            "no job was tried, for {} is not set. Make a key with the operator's token (OPERATING.md, «Keys»; where this command \
             made it, it is the secret {}), set the variable, and run the same command again",
            smoke.key_variable,
            secrets::admin_token(&site.settings.prefix)
        ));
    }
    Ok(())
}
