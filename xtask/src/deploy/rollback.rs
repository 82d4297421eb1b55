//! `cargo xtask rollback`: to what was deployed before. Edge first, then machines, then the reaper: the other way about than
//! forward, for an edge takes what only workers of its version and newer ones can read.

use anyhow::{Result, ensure};

use super::{
    arguments::RollbackArguments,
    bucket::Bucket,
    edge::{self, EdgeLook},
    forward::{check_jobs, refresh},
    journal::{Entry, Journal, StackRecord},
    migrations,
    parameters::{Outputs, Part},
    plan::Plan,
    site::{Site, date},
    stacks::{self, Wanted},
};
use crate::{console::Console, repository::Repository};

/// What of the queues' stack a rollback takes back; queues, bucket and rights stay as they are.
const OF_THE_REAPER: [&str; 2] = ["CodeBucket", "ReaperPackage"];

/// Shows where to, asks, and goes there.
pub fn run(repository: &Repository, console: Console, arguments: &RollbackArguments) -> Result<()> {
    let site = Site::open(repository, console, &arguments.environment)?;
    let bucket = site.bucket()?;
    ensure!(bucket.exists()?, "there is no bucket {}: nothing was deployed from here yet", bucket.name);
    let journal = Journal::read(&bucket, &site.settings.prefix)?;
    if arguments.list {
        for entry in &journal.deployments {
            console.line(shown(entry));
        }
        return Ok(());
    }
    let target = journal.target(arguments.to.as_deref())?.clone();
    let current = journal.current().cloned().unwrap_or_default();
    let edge = look_at_edge(&site, &current, &target)?;
    let back = Back { wanted: wanted(&site, &current, &target), target, current };
    console.heading(&format!("Plan: {} back to {}", site.settings.name, shown(&back.target)));
    back.plan(edge.as_ref()).show(console);
    site.confirm(&arguments.environment, "Type yes to do this:", "yes")?;
    site.locked("rollback", &arguments.environment, |bucket| back.go(&site, bucket, edge.as_ref()))
}

fn shown(entry: &Entry) -> String {
    let state = if entry.is_finished { "" } else { ", broke off" };
    let back = entry.back_to.as_ref().map(|id| format!(", back to {id}")).unwrap_or_default();
    format!("{}  commit {:.12}, by {}{back}{state}", entry.id, entry.commit, entry.who)
}

/// What has the traffic now; refuses where no way leads back.
fn look_at_edge(site: &Site<'_>, current: &Entry, target: &Entry) -> Result<Option<EdgeLook>> {
    let (Some(edge), Some(to)) = (&site.settings.edge, &target.edge) else { return Ok(None) };
    let known = current.edge.as_ref().and_then(|edge| edge.migration.clone());
    let look = EdgeLook::look(site, edge, &Outputs::new(), known.as_deref())?;
    let is_there = look.shares.len() == 1 && look.shares.iter().any(|(version, _)| *version == to.version);
    if !is_there {
        migrations::check_way_back(look.deployed.as_deref(), to.migration.as_deref())?;
    }
    Ok(Some(look))
}

/// The stacks that change, and what they are to be told.
fn wanted(site: &Site<'_>, current: &Entry, target: &Entry) -> Vec<(Part, StackRecord)> {
    let mut wanted = Vec::new();
    let of = |entry: &Entry, part: Part| entry.stacks.get(part.name()).cloned();
    if let Some(fleet) = of(target, Part::Fleet).filter(|_| site.settings.fleet.is_some()) {
        wanted.push((Part::Fleet, fleet));
    }
    if let (Some(mut now), Some(before)) = (of(current, Part::Forebay), of(target, Part::Forebay)) {
        for name in OF_THE_REAPER {
            match before.parameters.get(name) {
                Some(value) => drop(now.parameters.insert(name.to_owned(), value.clone())),
                None => drop(now.parameters.remove(name)),
            }
        }
        wanted.push((Part::Forebay, now));
    }
    wanted
}

struct Back {
    current: Entry,
    target: Entry,
    wanted: Vec<(Part, StackRecord)>,
}

impl Back {
    fn plan(&self, edge: Option<&EdgeLook>) -> Plan {
        let mut plan = Plan::default();
        if let (Some(look), Some(to)) = (edge, &self.target.edge) {
            let has_all = look.shares.len() == 1 && look.shares.iter().any(|(version, _)| *version == to.version);
            match has_all {
                true => plan.nothing("edge", format!("{} has all the traffic", to.version)),
                false => plan.loud(
                    "edge",
                    format!(
                        "{} gets all the traffic at once, with the variables and secrets of then: what was rotated since is to be \
                         set anew (OPERATING.md, «Secrets»). What is stored stays as it is",
                        to.version
                    ),
                ),
            }
        }
        for (part, record) in &self.wanted {
            let now = self.current.stacks.get(part.name());
            if now == Some(record) {
                plan.nothing(part.name(), "as it was then");
                continue;
            }
            let now_given = |name: &str| now.and_then(|now| now.parameters.get(name));
            let differ = record.parameters.iter().filter(|(name, value)| now_given(name) != Some(*value));
            let list: Vec<String> = differ.map(|(name, value)| format!("  {name} = {value}")).collect();
            plan.change(part.name(), format!("is told as it was then:\n{}", list.join("\n")));
        }
        plan.nothing("stays", "network, alarms, queues, bucket, rights, and everything that is stored");
        plan
    }

    fn go(&self, site: &Site<'_>, bucket: &Bucket<'_>, edge: Option<&EdgeLook>) -> Result<()> {
        let prefix = site.settings.prefix.as_str();
        let mut journal = Journal::read(bucket, prefix)?;
        let mut entry = Entry {
            id: date("%Y%m%dT%H%M%SZ"),
            who: site.who.clone(),
            commit: self.target.commit.clone(),
            back_to: Some(self.target.id.clone()),
            edge: self.current.edge.clone(),
            stacks: self.current.stacks.clone(),
            ..Entry::default()
        };
        journal.note(bucket, prefix, &entry)?;
        if let (Some(look), Some(to), Some(settings)) = (edge, &self.target.edge, &site.settings.edge) {
            edge::deploy_versions(&look.wrangler, &[format!("{}@100", to.version)])?;
            entry.edge = Some(to.clone());
            journal.note(bucket, prefix, &entry)?;
            edge::check(site, settings)?;
            site.console.done("edge", &format!("{} has all the traffic", to.version));
        }
        let mut outputs = Outputs::new();
        for (part, record) in &self.wanted {
            let stack = site.stack(*part);
            let template_url = site.aws.object_url(bucket.name, &record.template);
            let wanted = Wanted { stack: stack.clone(), template_url, parameters: record.parameters.clone() };
            stacks::bring(&site.aws, site.console, &wanted, false)?;
            site.console.done(part.name(), &format!("{stack} is as it was"));
            outputs.insert(*part, stacks::look(&site.aws, &stack)?.outputs);
            entry.stacks.insert(part.name().to_owned(), record.clone());
            journal.note(bucket, prefix, &entry)?;
        }
        if outputs.contains_key(&Part::Fleet) {
            refresh(site, &outputs)?;
        }
        check_jobs(site)?;
        entry.is_finished = true;
        journal.note(bucket, prefix, &entry)?;
        site.console.done("rollback", &format!("{} is as {} left it", site.settings.name, self.target.id));
        Ok(())
    }
}
