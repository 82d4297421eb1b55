//! The Worker at Cloudflare, forward: built, uploaded, and given the traffic by and by.

use std::{fs, path::Path, process::Command, time::Duration};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::{
    artefact::Artefact,
    aws::{as_argument, text_at},
    edge_config::{self, Backing},
    health::{self, Version},
    journal::EdgeRecord,
    migrations::{self, Pending},
    parameters::{self, Outputs, Part},
    rollout::{self, Move, Share},
    secrets::{self, AccessKey},
    settings::Edge,
    site::Site,
    wrangler::{PrivateFile, Wrangler},
};
use crate::process::Run;

/// How long a first deployment may take until it answers: a certificate is made for the domain.
const FIRST_ANSWER: Duration = Duration::from_mins(15);
/// How long a new version without traffic is looked at.
const BEFORE_TRAFFIC: Duration = Duration::from_secs(15);

/// The edge as it stands, and what there is to do.
pub(super) struct EdgeLook {
    pub(super) wrangler: Wrangler,
    pub(super) worker: String,
    pub(super) shares: Vec<Share>,
    pub(super) pending: Pending,
    /// The last migration of what has the traffic.
    pub(super) deployed: Option<String>,
    /// The last one of this checkout.
    migration: Option<String>,
    /// Secrets that it lacks, by name.
    pub(super) missing: Vec<&'static str>,
    /// Known once the code is built and the stacks stand.
    pub(super) next: Option<Move>,
    tag: Option<String>,
}

impl EdgeLook {
    /// Looks; `known` is the migration that the journal knows of.
    pub(super) fn look(site: &Site<'_>, edge: &Edge, outputs: &Outputs, known: Option<&str>) -> Result<Self> {
        let wrangler = Wrangler::new(site.repository, &site.settings.name, &edge.account)?;
        let file = site.repository.path("edge/wrangler.jsonc");
        let committed =
            edge_config::committed(&fs::read_to_string(&file).with_context(|| file.display().to_string())?)?;
        let tags = migrations::tags(&committed);
        let worker = edge_config::worker_name(&committed, &site.settings.name);
        let backing = backing(site, outputs);
        // Without stacks yet wrangler still wants a whole file, to know whose Worker is meant.
        let stand_in =
            Backing { region: site.settings.region.clone(), queue_url_prefix: String::new(), bucket: String::new() };
        let folder = site.repository.path("edge");
        let used = backing.as_ref().unwrap_or(&stand_in);
        let configuration = edge_config::configuration(committed, &site.settings.name, edge, used, &folder)?;
        fs::write(&wrangler.configuration, serde_json::to_string_pretty(&configuration)?)?;
        // Without --json it ends well for nobody too.
        wrangler.run(&["whoami", "--json"]).context("whose Cloudflare account is it?")?;
        let status = wrangler.find(&["deployments", "status", "--json"])?;
        let shares = status.as_ref().map(rollout::shares).unwrap_or_default();
        let deployed = match shares.iter().max_by_key(|(_, share)| *share) {
            None => None,
            Some((version, _)) => migration_of(&wrangler, version)?.or_else(|| known.map(str::to_owned)),
        };
        let listed = wrangler.find(&["secret", "list", "--format", "json"])?;
        let tag = backing.is_ok().then(|| tag(&folder, &configuration)).transpose()?.flatten();
        let mut look = Self {
            pending: migrations::pending(&tags, deployed.as_deref()),
            migration: tags.last().cloned(),
            missing: secrets::missing(listed.as_ref()),
            wrangler,
            worker,
            shares,
            deployed,
            next: None,
            tag,
        };
        look.next = look.tag.clone().map(|tag| look.decide(&tag)).transpose()?;
        Ok(look)
    }

    fn decide(&self, tag: &str) -> Result<Move> {
        let versions = match self.shares.is_empty() {
            true => Value::Null,
            false => self.wrangler.json(&["versions", "list", "--json"])?,
        };
        let same = rollout::of_tag(&versions, tag, &self.shares);
        Ok(rollout::decide(&self.shares, same.as_deref(), &self.pending, !self.missing.is_empty()))
    }

    /// Says what wrangler would send, without sending it.
    pub(super) fn rehearse(&self) -> Result<()> {
        self.wrangler.run(&["versions", "upload", "--dry-run"]).map(drop)
    }
}

/// The last migration of a version, which Cloudflare's API knows as `migration_tag` of `script_runtime`:
/// <https://developers.cloudflare.com/api/resources/workers/subresources/scripts/subresources/versions/methods/get/>
pub(super) fn migration_of(wrangler: &Wrangler, version: &str) -> Result<Option<String>> {
    let said = wrangler.json(&["versions", "view", version, "--json"])?;
    Ok(text_at(&said, "/resources/script_runtime/migration_tag"))
}

fn backing(site: &Site<'_>, outputs: &Outputs) -> Result<Backing, parameters::Absent> {
    let output = |name| parameters::output(outputs, Part::Forebay, name, &site.settings.prefix);
    let region = site.settings.region.clone();
    Ok(Backing { region, queue_url_prefix: output("QueueUrlPrefix")?, bucket: output("BucketName")? })
}

/// A mark of code and configuration, by which a version is known again; `None` where the code is not built.
fn tag(folder: &Path, configuration: &Value) -> Result<Option<String>> {
    let mut made_from = crate::setup::Fingerprint::new().text("configuration", &configuration.to_string());
    for name in ["build/index.js", "build/index_bg.wasm"] {
        let file = folder.join(name);
        if !file.is_file() {
            return Ok(None);
        }
        made_from = made_from.text(name, &Artefact::of("the edge", &file)?.sha256);
    }
    let tag = made_from.tree(&folder.join("console"), |_| true)?.finish();
    Ok(tag.get(..20).map(str::to_owned))
}

/// Builds the Worker, with the catalog as it is now.
pub(super) fn build(site: &Site<'_>) -> Result<()> {
    let work = Run::new(site.console, "edge", &site.repository.step_log("deploy-edge"))?;
    site.console.begin("edge", "building the edge to wasm");
    let mut build = Command::new("bash");
    work.program(build.arg("edge/build.sh").current_dir(site.repository.root()).env_remove("FOREBAY_EDGE_FAST"))
}

/// Brings the edge to this code; what has all the traffic then.
pub(super) fn bring(
    site: &Site<'_>,
    edge: &Edge,
    outputs: &Outputs,
    known: Option<&str>,
    resets: bool,
) -> Result<EdgeRecord> {
    backing(site, outputs)?;
    let mut look = EdgeLook::look(site, edge, outputs, known)?;
    if resets && !look.missing.contains(&"REPORT_SECRET") {
        // Workers are told a secret that was made just now; the edge has another.
        look.missing.push("REPORT_SECRET");
    }
    let tag = look.tag.clone().context("the edge is not built: edge/build lacks index.js or index_bg.wasm")?;
    let next = look.decide(&tag)?;
    let (version, is_new) = match &next {
        Move::Nothing => {
            let most = look.shares.iter().max_by_key(|(_, share)| *share);
            (most.map(|(version, _)| version.clone()).unwrap_or_default(), false)
        }
        Move::AtOnce => (upload(site, &look, outputs, &["deploy"], &tag)?, true),
        Move::Gradually { old } => {
            let new = upload(site, &look, outputs, &["versions", "upload"], &tag)?;
            roll_out(site, edge, &look, old, &new, 0)?;
            (new, true)
        }
        Move::GoOn { old, new, at } => {
            roll_out(site, edge, &look, old, new, *at)?;
            (new.clone(), true)
        }
    };
    if is_new && next != Move::AtOnce {
        // A version brings no domain with it.
        // https://developers.cloudflare.com/workers/versions-and-deployments/deployment-management/
        look.wrangler.run(&["triggers", "deploy"])?;
    }
    check(site, edge)?;
    site.console.done("edge", &format!("{} has all the traffic of {}", version, edge.url()));
    Ok(EdgeRecord { version, migration: if is_new { look.migration } else { look.deployed } })
}

/// Uploads code, configuration and the secrets that are missing as one version.
fn upload(site: &Site<'_>, look: &EdgeLook, outputs: &Outputs, command: &[&str], tag: &str) -> Result<String> {
    let mut others: Vec<(&str, String)> = Vec::new();
    let is_missing = |name: &str| look.missing.contains(&name);
    for (name, secret) in [
        ("REPORT_SECRET", site.settings.report_secret.clone()),
        ("ADMIN_TOKEN", secrets::admin_token(&site.settings.prefix)),
    ] {
        if is_missing(name) {
            secrets::ensure(&site.aws, &secret)?;
            others.push((name, secrets::value(&site.aws, &secret)?));
        }
    }
    let key = match is_missing("AWS_ACCESS_KEY_ID") {
        true => {
            let user = parameters::output(outputs, Part::Forebay, "EdgeUserName", &site.settings.prefix)?;
            Some(AccessKey::make(&site.aws, &user)?)
        }
        false => None,
    };
    let secrets = secrets::file(key.as_ref(), &others);
    let outcome = send(site, look, command, tag, (!look.missing.is_empty()).then_some(&secrets));
    if outcome.is_err()
        && let Some(key) = &key
    {
        // Nobody has it; two of them would be all that the user may have.
        key.delete(&site.aws).context("an access key that nobody took is left: aws iam list-access-keys")?;
    }
    outcome
}

fn send(site: &Site<'_>, look: &EdgeLook, command: &[&str], tag: &str, secrets: Option<&String>) -> Result<String> {
    let message = format!("cargo xtask deploy, {}", site.commit.get(..12).unwrap_or(&site.commit));
    // It is gone again when this ends, however it does.
    let path = look.wrangler.configuration.with_file_name("secrets.json");
    let file = secrets.map(|secrets| PrivateFile::new(&path, secrets)).transpose()?;
    let mut arguments = [command, &["--tag", tag, "--message", &message]].concat();
    if let Some(file) = &file {
        arguments.extend(["--secrets-file", as_argument(file.path())?]);
    }
    look.wrangler.run(&arguments)?;
    look.wrangler.version_made()
}

/// Gives the new version its shares, one after the other; all of it back to the old one when it is not well.
fn roll_out(site: &Site<'_>, edge: &Edge, look: &EdgeLook, old: &str, new: &str, at: u32) -> Result<()> {
    let version = Version { worker: &look.worker, id: new };
    for share in rollout::steps(&edge.rollout_percent, at) {
        deploy_versions(&look.wrangler, &rollout::arguments(old, new, share))?;
        let period = match share {
            0 | 100 => BEFORE_TRAFFIC,
            _ => Duration::from_mins(edge.rollout_minutes.into()),
        };
        site.console
            .note("edge", &format!("{new} has {share} % of the traffic; looking at it for {} s", period.as_secs()));
        match health::watch(&edge.url(), version, period) {
            Ok(what) => site.console.note("edge", &what),
            Err(error) if error.is::<crate::process::interrupt::Interrupted>() => return Err(error),
            Err(error) => {
                deploy_versions(&look.wrangler, &rollout::arguments(new, old, 100))?;
                bail!(
                    "the new version of the edge is not well with {share} % of the traffic: {error:#}\n  All traffic is back at \
                     {old}.\n  what to do: `npx wrangler tail --env {}` and the answer above say why; mend it, then run the same \
                     command again",
                    site.settings.name
                );
            }
        }
    }
    Ok(())
}

pub(super) fn deploy_versions(wrangler: &Wrangler, versions: &[String]) -> Result<()> {
    let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
    wrangler.run(&[&["versions", "deploy"], versions.as_slice(), &["--yes"]].concat()).map(drop)
}

/// Whether it is configured, and whether jobs get through.
pub(super) fn check(site: &Site<'_>, edge: &Edge) -> Result<()> {
    let url = edge.url();
    if let Err(answer) = health::wait(site.console, &format!("{url}/healthz"), FIRST_ANSWER)? {
        bail!(
            "{url}/healthz answers {} {:.500}\n  what to do: OPERATING.md, «First deployment», says what each answer means",
            answer.status,
            answer.body
        );
    }
    Ok(())
}
