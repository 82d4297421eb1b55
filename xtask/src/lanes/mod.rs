//! `cargo xtask lanes`: the templates' queues, rights and alarms, written from `catalog/lanes.toml`.
//!
//! Written out and not looped over by CloudFormation: each lane has numbers of its own, the same text goes into a
//! LocalStack, and a change of lanes can be read before it is deployed.

mod template;

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use forebay_contract::{
    WorkClass,
    catalog::{Catalog, LaneSpec},
};

use crate::{build, console::Console, repository::Repository};
pub use template::{Row, written};

/// Those that name lanes.
pub const TEMPLATES: [&str; 2] = ["forebay.yaml", "alarms.yaml"];

/// What may be said of the lanes' templates
#[derive(Debug, Args)]
pub struct LanesArguments {
    /// Write nothing; fail if a template does not say what the catalog says
    #[arg(long)]
    pub check: bool,
}

/// Writes the templates anew, or says which are not what they should be.
pub fn run(repository: &Repository, console: Console, arguments: &LanesArguments) -> Result<()> {
    let catalog = build::catalog(repository)?;
    let stale = stale(repository, &catalog)?;
    if arguments.check {
        if !stale.is_empty() {
            bail!("{} do not say what catalog/lanes.toml says: run `cargo xtask lanes`", stale.join(" and "));
        }
        return Ok(());
    }
    write(repository, &catalog, &repository.path("infra"))?;
    let said = if stale.is_empty() {
        "say what the catalog says".to_owned()
    } else {
        format!("{} written: look at it and commit it", stale.join(" and "))
    };
    console.done("lanes", &said);
    Ok(())
}

/// The templates that do not say what this catalog says.
pub fn stale(repository: &Repository, catalog: &Catalog) -> Result<Vec<String>> {
    let mut stale = Vec::new();
    for (name, text) in of(repository, catalog)? {
        if read(&repository.path("infra").join(&name))? != text {
            stale.push(format!("infra/{name}"));
        }
    }
    Ok(stale)
}

/// Writes the templates with this catalog's lanes into a folder.
pub fn write(repository: &Repository, catalog: &Catalog, folder: &Path) -> Result<()> {
    for (name, text) in of(repository, catalog)? {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

fn of(repository: &Repository, catalog: &Catalog) -> Result<BTreeMap<String, String>> {
    let infra = repository.path("infra");
    let mut fragments = BTreeMap::new();
    for entry in fs::read_dir(infra.join("lanes"))? {
        let entry = entry?;
        fragments.insert(entry.file_name().to_string_lossy().into_owned(), read(&entry.path())?);
    }
    let rows: Vec<Row> = catalog.lanes.iter().map(|(lane, spec)| row(lane.name(), spec)).collect();
    let text = |name: &str| {
        let text = written(&read(&infra.join(name))?, &fragments, &rows).with_context(|| format!("infra/{name}"))?;
        Ok((name.to_owned(), text))
    };
    TEMPLATES.into_iter().map(text).collect()
}

fn row(lane: &str, spec: &LaneSpec) -> Row {
    // CloudWatch looks once a minute.
    let oldest_s = spec.wait_ms.div_ceil(1000).max(60);
    Row { lane: lane.to_owned(), light: spec.work == Some(WorkClass::Light), oldest_s }
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_say_what_the_catalog_says() {
        let repository = Repository::find().unwrap();
        let stale = stale(&repository, &build::catalog(&repository).unwrap()).unwrap();
        assert_eq!(stale, Vec::<String>::new(), "run `cargo xtask lanes`");
    }

    #[test]
    fn a_customers_own_lane_has_its_queues_and_alarms_and_no_burst_worker() {
        let repository = Repository::find().unwrap();
        let mut catalog = build::catalog(&repository).unwrap();
        let acme = "acme".parse().unwrap();
        catalog.lanes.insert(acme, LaneSpec { wait_ms: 90_500, ..LaneSpec::of("acme".parse().unwrap()) });
        assert_eq!(stale(&repository, &catalog).unwrap(), ["infra/alarms.yaml", "infra/forebay.yaml"]);
        let texts = of(&repository, &catalog).unwrap();
        let count = |template: &str, what: &str| texts[template].matches(what).count();
        assert_eq!(count("forebay.yaml", "QueueName: !Sub ${Prefix}-acme\n"), 1);
        assert_eq!(count("forebay.yaml", "QueueName: !Sub ${Prefix}-acme-dlq\n"), 1);
        assert_eq!(count("forebay.yaml", "- !GetAtt AcmeQueue.Arn\n"), 3);
        assert_eq!(count("forebay.yaml", "- !GetAtt AcmeDeadLetters.Arn\n"), 2);
        assert_eq!([count("forebay.yaml", "AcmeReaping:"), count("forebay.yaml", "AcmeBursting")], [1, 0]);
        assert_eq!(
            [count("alarms.yaml", "AlarmName: !Sub ${Prefix}-acme-"), count("alarms.yaml", "Threshold: 91\n")],
            [5, 1]
        );
    }
}
