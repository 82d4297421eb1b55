//! `cargo xtask rotate`: a secret is changed for another one, without a pause: whoever is asked takes both meanwhile.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value, json};

use super::{
    arguments::{RotateArguments, Rotated},
    aws::text_at,
    bucket::Bucket,
    edge::EdgeLook,
    fleet, health,
    parameters::{self, Outputs, Part},
    rotate_key,
    rotation::{self, Next},
    secrets,
    settings::Edge,
    site::{Site, date},
    stacks,
    wrangler::PrivateFile,
};
use crate::{console::Console, repository::Repository};

/// Looks how far it is, asks, and goes on from there.
pub fn run(repository: &Repository, console: Console, arguments: &RotateArguments) -> Result<()> {
    let site = Site::open(repository, console, &arguments.environment)?;
    let edge = site.settings.edge.as_ref().context("the settings have no [edge], so there are no secrets to rotate")?;
    ensure!(site.bucket()?.exists()?, "nothing was deployed from here yet: cargo xtask deploy makes the secrets");
    let what = arguments.what.name();
    site.confirm(&arguments.environment, &format!("Type yes to rotate the {what} of {}:", edge.url()), "yes")?;
    site.locked("rotate", &arguments.environment, |bucket| {
        let rotation = Rotation::look(&site, edge, bucket, arguments.leaked)?;
        match arguments.what {
            Rotated::ReportSecret => {
                let secret =
                    Shared { edges: "REPORT_SECRET", name: site.settings.report_secret.clone(), of_workers: true };
                rotation.shared(&secret)
            }
            Rotated::AdminToken => {
                let name = secrets::admin_token(&site.settings.prefix);
                rotation.shared(&Shared { edges: "ADMIN_TOKEN", name, of_workers: false })
            }
            Rotated::AccessKey => rotate_key::rotate(&rotation),
        }
    })
}

/// A secret that somebody else has besides the edge.
struct Shared {
    /// Its name in the edge; the old value has `_PREVIOUS` behind it.
    edges: &'static str,
    /// Its name in Secrets Manager.
    name: String,
    /// Whether workers and functions read it when they start; else people do.
    of_workers: bool,
}

/// Everything by which a rotation is done.
pub(super) struct Rotation<'a> {
    pub(super) site: &'a Site<'a>,
    pub(super) edge: &'a Edge,
    pub(super) bucket: &'a Bucket<'a>,
    pub(super) outputs: Outputs,
    /// The old one ends at once, whoever still uses it.
    pub(super) leaked: bool,
    look: EdgeLook,
}

impl<'a> Rotation<'a> {
    fn look(site: &'a Site<'a>, edge: &'a Edge, bucket: &'a Bucket<'a>, leaked: bool) -> Result<Self> {
        let mut outputs = Outputs::new();
        for part in Part::wanted(&site.settings) {
            outputs.insert(part, stacks::look(&site.aws, &site.stack(part))?.outputs);
        }
        let look = EdgeLook::look(site, edge, &outputs, None)?;
        // wrangler changes secrets of the newest version, which would then have all of the traffic.
        ensure!(
            look.shares.len() == 1,
            "the edge has {} versions with traffic: a rotation wants one.\n  what to do: cargo xtask deploy, or finish what it \
             began",
            look.shares.len()
        );
        Ok(Self { site, edge, bucket, outputs, leaked, look })
    }

    fn shared(&self, secret: &Shared) -> Result<()> {
        let (site, previous) = (self.site, format!("{}_PREVIOUS", secret.edges));
        let listed = self.look.wrangler.find(&["secret", "list", "--format", "json"])?;
        let takes_previous = secrets::names(listed.as_ref()).contains(&previous);
        let mut versions = Versions::look(site, &secret.name)?;
        let next = rotation::next(versions.pending.is_some(), takes_previous);
        if next == Next::Begin {
            secrets::put_pending(&site.aws, &secret.name)?;
            versions = Versions::look(site, &secret.name)?;
        }
        if next != Next::Finish {
            let value = |stage| secrets::value_at(&site.aws, &secret.name, stage);
            let old = if self.leaked { Value::Null } else { json!(value("AWSCURRENT")?) };
            self.send(&[(secret.edges, json!(value("AWSPENDING")?)), (&previous, old)])?;
            versions.promote(site, &secret.name)?;
            site.console
                .done("edge", &format!("takes the new {}, which {} has from now on", secret.edges, secret.name));
        }
        if !self.is_changed_over(secret)? && !self.leaked && next != Next::Finish {
            site.console
                .note("rotate", &format!("whoever uses {} takes the new one from {}", secret.edges, secret.name));
            site.console
                .done("rotate", "the old one is taken as well until the same command is run again, which ends it");
            return Ok(());
        }
        if !self.leaked {
            self.send(&[(&previous, Value::Null)])?;
        }
        site.console.done("rotate", &format!("the old {} has ended", secret.edges));
        Ok(())
    }

    /// Starts anew what reads the secret when it starts; whether that is everybody who has it.
    fn is_changed_over(&self, secret: &Shared) -> Result<bool> {
        if !secret.of_workers {
            return Ok(false);
        }
        let (site, prefix) = (self.site, &self.site.settings.prefix);
        let has_burst = site.settings.forebay.get("BurstImage").is_some_and(|image| !image.is_empty());
        for (function, is_there) in [("reaper", site.settings.reaper.is_some()), ("burst", has_burst)] {
            if is_there {
                // A function starts anew when its configuration changes.
                let (function, said) = (format!("{prefix}-{function}"), format!("report secret of {}", date("%FT%TZ")));
                let update = ["lambda", "update-function-configuration", "--function-name", &function];
                site.aws.ask(&[&update[..], &["--description", &said]].concat())?;
                site.console.done("functions", &format!("{function} starts anew"));
            }
        }
        if site.settings.fleet.is_none() {
            return Ok(false);
        }
        let group = parameters::output(&self.outputs, Part::Fleet, "GroupName", prefix)?;
        match fleet::look(&site.aws, &group)? {
            fleet::Machines::None => site.console.note("fleet", &format!("{group} has no machines to start anew")),
            fleet::Machines::Current(_) | fleet::Machines::Outdated(..) => {
                site.console.begin("fleet", "all machines are replaced, each new one before an old one drains");
                fleet::refresh(&site.aws, site.console, &group, fleet::EVERY_MACHINE)?;
            }
        }
        Ok(true)
    }

    /// Sets or, where it is null, removes secrets of the edge, all in one version.
    pub(super) fn send(&self, secrets: &[(&str, Value)]) -> Result<()> {
        let entries: Map<String, Value> =
            secrets.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let path = self.look.wrangler.configuration.with_file_name("secrets.json");
        let file = PrivateFile::new(&path, &Value::Object(entries).to_string())?;
        self.look.wrangler.run(&["secret", "bulk", super::aws::as_argument(file.path())?]).map(drop)
    }

    /// Whether queue and bucket answer the edge; a worker is not asked for.
    pub(super) fn check_aws(&self) -> Result<()> {
        let url = format!("{}/readyz", self.edge.url());
        let answer = health::ask(&url, None)?;
        let said: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let refused: Vec<&str> =
            ["queue", "bucket"].into_iter().filter(|what| said.get(*what) == Some(&json!(false))).collect();
        ensure!(
            refused.is_empty() && matches!(answer.status, 200 | 503),
            "{url} answers {} {:.300}: the edge does not reach AWS",
            answer.status,
            answer.body
        );
        Ok(())
    }
}

/// The versions of a secret, by `describe-secret`.
struct Versions {
    current: String,
    /// One that waits to be the current one.
    pending: Option<String>,
}

impl Versions {
    fn look(site: &Site<'_>, name: &str) -> Result<Self> {
        let said = site.aws.ask(&["secretsmanager", "describe-secret", "--secret-id", name])?;
        let at = |stage: &str| secrets::version_at(&said, stage);
        let current = at("AWSCURRENT")
            .with_context(|| format!("the secret {name} has no value: cargo xtask deploy makes one"))?;
        let pending = at("AWSPENDING").filter(|pending| *pending != current);
        Ok(Self { current, pending })
    }

    /// The one that waited is the current one.
    fn promote(&self, site: &Site<'_>, name: &str) -> Result<()> {
        let pending = self.pending.as_deref().context("no value waits")?;
        let stage = ["secretsmanager", "update-secret-version-stage", "--secret-id", name, "--version-stage"];
        let moved = ["AWSCURRENT", "--move-to-version-id", pending, "--remove-from-version-id", &self.current];
        site.aws.ask(&[&stage[..], &moved].concat())?;
        site.aws.ask(&[&stage[..], &["AWSPENDING", "--remove-from-version-id", pending]].concat()).map(drop)
    }
}

/// A text of an answer that must be there.
pub(super) fn must(said: &Value, pointer: &str) -> Result<String> {
    text_at(said, pointer).with_context(|| format!("the answer has no {pointer}"))
}
