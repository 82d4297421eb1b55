use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::{Deployment, Http};
use crate::{
    console::Console,
    process::{Failure, Group, Run, answer, interrupt},
    repository::Repository,
    setup::node,
};

/// How long the edge may take until it answers.
const START: Duration = Duration::from_secs(90);
/// How long a running edge may take to say that it is well.
const PROBE: Duration = Duration::from_secs(2);
/// How long the edge may take to end when asked to.
const STOP: Duration = Duration::from_secs(5);

/// What an edge needs to know.
#[derive(Debug, Clone)]
pub struct EdgeOptions {
    /// Its name, in messages.
    pub name: String,
    /// Where it keeps its objects and KV; the same folder again is the same edge again.
    pub folder: PathBuf,
    /// Where its log goes.
    pub log: PathBuf,
    /// The port of the loopback.
    pub port: u16,
    /// Variables and secrets, by what the edge's configuration calls them.
    pub variables: BTreeMap<String, String>,
    /// What starts workerd with them.
    pub runner: EdgeRunner,
    /// The Worker's JavaScript, beside its wasm; what `wrangler.jsonc` names unless said.
    pub bundle: Option<PathBuf>,
    /// How often an address may knock, where Miniflare starts it; what `wrangler.jsonc` says unless said.
    pub knocks: Option<u32>,
    /// A module around the Worker, which it imports as `./index.js`, where Miniflare starts it: for tests.
    pub around: Option<PathBuf>,
}

/// What starts workerd for an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EdgeRunner {
    /// `wrangler dev`, as people at a desk know it.
    Wrangler,
    /// Miniflare, which wrangler uses too, by `edge/workerd.mjs`: a third of the time to start and for each request.
    Miniflare,
}

impl EdgeOptions {
    /// The variables that every edge needs to use a deployment and to trust the reports of its workers.
    pub fn variables_for(deployment: &Deployment, report_secret: &str) -> BTreeMap<String, String> {
        let mut variables: BTreeMap<String, String> =
            Deployment::credentials().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        variables.insert("QUEUE_URL_PREFIX".to_owned(), deployment.queue_url_prefix.clone());
        variables.insert("BUCKET_URL".to_owned(), deployment.bucket_url.clone());
        variables.insert("REPORT_SECRET".to_owned(), report_secret.to_owned());
        // Queues and bucket are LocalStack's.
        variables.insert("ALLOW_LOOPBACK".to_owned(), "true".to_owned());
        // Whoever tries webhooks here listens on this machine, which may have no network to look names up in.
        variables.insert("WEBHOOK_ALLOW_LOOPBACK".to_owned(), "true".to_owned());
        variables.insert("WEBHOOK_RESOLVER_URL".to_owned(), String::new());
        variables
    }
}

/// A running edge: the built Worker in workerd, by way of `wrangler dev`.
#[derive(Debug)]
pub struct Edge {
    repository: Repository,
    options: EdgeOptions,
    group: Group,
}

impl Edge {
    /// Starts it and waits until it answers.
    pub fn start(repository: &Repository, options: EdgeOptions) -> Result<Self> {
        let group = launch(repository, &options)?;
        let mut edge = Self { repository: repository.clone(), options, group };
        edge.wait_ready()?;
        Ok(edge)
    }

    /// Whether it says that it is well.
    pub fn answers(&self) -> bool {
        let answer = Http::new(PROBE).get(&format!("{}/healthz", self.origin()), &[]);
        answer.is_ok_and(|answer| answer.status == 200)
    }

    /// Where it answers, such as `http://127.0.0.1:8787`.
    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.options.port)
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(&mut self) {
        self.group.kill();
    }

    /// Asks it to end.
    pub fn stop(&mut self) {
        self.group.stop(STOP);
    }

    /// Ends it and starts it again with these variables in place of its own, as another deployment would.
    pub fn deploy_again(&mut self, variables: BTreeMap<String, String>) -> Result<()> {
        self.options.variables.extend(variables);
        self.start_again()
    }

    /// Starts it again on the same port with the same state.
    pub fn start_again(&mut self) -> Result<()> {
        self.group.stop(STOP);
        self.group = launch(&self.repository, &self.options)?;
        self.wait_ready()
    }

    /// The processes that the edge consists of.
    pub fn group(&mut self) -> &mut Group {
        &mut self.group
    }

    fn wait_ready(&mut self) -> Result<()> {
        let http = Http::new(Duration::from_secs(5));
        let url = format!("{}/healthz", self.origin());
        let mut last = String::from("no answer");
        let found = interrupt::poll(Instant::now() + START, Duration::from_millis(100), || {
            self.group.check_alive()?;
            Ok(match http.get(&url, &[]) {
                Ok(answer) if answer.status == 200 && self.group.listens_on(self.options.port) => Some(()),
                // Another edge that took the port first would refuse our keys.
                Ok(answer) if answer.status == 200 => {
                    let what = format!("cannot use port {}: another program answers there", self.options.port);
                    let failure = Failure::new(&self.options.name, what, &self.options.log);
                    return Err(failure.advise("choose another port for the edge").into());
                }
                Ok(answer) => {
                    last = format!("status {}", answer.status);
                    None
                }
                Err(_) => None,
            })
        })?;
        if found.is_none() {
            let what = format!("was not healthy within {} s ({last})", START.as_secs());
            return Err(Failure::new(&self.options.name, what, &self.options.log).into());
        }
        Ok(())
    }
}

/// Puts entries into the KV namespace that the edge reads its keys and catalog from. The edge may not run.
pub fn seed(repository: &Repository, folder: &Path, entries: &BTreeMap<String, String>, log: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let list: Vec<_> = entries.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    let file = folder.join("kv.json");
    write_private(&file, &serde_json::to_string(&list)?)?;
    let run = Run::new(Console::quiet(), "wrangler-kv", log)?;
    let mut put = wrangler(repository, folder)?;
    put.args(["kv", "bulk", "put"]).arg(&file).args(["--binding", "CONFIG", "--local", "--persist-to"]);
    run.program(put.arg(folder.join("state")))?;
    fs::remove_file(&file).context("kv.json")
}

/// Everything that a deployment of this environment of `wrangler.jsonc` does before anything is sent, into `folder/bundle`;
/// gives what wrangler says to it. Needs no account and no network.
pub fn rehearse(repository: &Repository, environment: &str, folder: &Path) -> Result<String> {
    fs::create_dir_all(folder)?;
    let mut deploy = wrangler(repository, folder)?;
    deploy.args(["deploy", "--dry-run", "--env", environment, "--outdir"]).arg(folder.join("bundle"));
    let output = deploy.output().context("wrangler")?;
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
    ensure!(output.status.success(), "wrangler cannot deploy {environment}: {said}");
    Ok(said)
}

fn launch(repository: &Repository, options: &EdgeOptions) -> Result<Group> {
    fs::create_dir_all(&options.folder)?;
    let mut program = match options.runner {
        EdgeRunner::Wrangler => wrangler_dev(repository, options)?,
        EdgeRunner::Miniflare => miniflare(repository, options)?,
    };
    Group::spawn(&options.name, &mut program, &options.log)
}

fn wrangler_dev(repository: &Repository, options: &EdgeOptions) -> Result<Command> {
    // Not on the command line, where every user of the machine could read them.
    let variables = options.folder.join("variables.env");
    write_private(&variables, &env_file(&options.variables)?)?;
    let mut dev = wrangler(repository, &options.folder)?;
    dev.arg("dev").args(&options.bundle);
    dev.args(["--ip", "127.0.0.1", "--port", &options.port.to_string(), "--inspector-port", "0"])
        .args(["--local", "--show-interactive-dev-session", "false", "--env-file"])
        .arg(variables)
        .arg("--persist-to")
        .arg(options.folder.join("state"));
    Ok(dev)
}

fn miniflare(repository: &Repository, options: &EdgeOptions) -> Result<Command> {
    static WORKER: OnceLock<Option<Value>> = OnceLock::new();
    let script = repository.path("edge/workerd.mjs");
    let tool = || -> Result<Command> {
        let mut tool = node_tool(repository, &options.folder)?;
        tool.arg(&script);
        Ok(tool)
    };
    let worker = WORKER.get_or_init(|| serde_json::from_str(&answer(tool().ok()?.arg("options"))?).ok());
    let mut worker = worker.clone().context("edge/workerd.mjs does not say what wrangler.jsonc says")?;
    if let Some(knocks) = options.knocks {
        let limit = worker.pointer_mut("/workerOptions/ratelimits/IP_LIMITER/simple/limit");
        *limit.context("wrangler.jsonc has no limit for knocking addresses")? = knocks.into();
    }
    if let Some(bundle) = &options.bundle {
        *worker.pointer_mut("/main").context("wrangler.jsonc names no Worker")? = json!(bundle);
    }
    let asked = json!({
        "options": worker,
        "variables": options.variables,
        "port": options.port,
        "state": options.folder.join("state"),
        "around": options.around,
    });
    let file = options.folder.join("serve.json");
    write_private(&file, &asked.to_string())?;
    let mut serve = tool()?;
    serve.arg("serve").arg(file);
    Ok(serve)
}

fn wrangler(repository: &Repository, folder: &Path) -> Result<Command> {
    let mut wrangler = node_tool(repository, folder)?;
    wrangler
        .arg(repository.path("edge/node_modules/wrangler/bin/wrangler.js"))
        .arg("--config")
        .arg(repository.path("edge/wrangler.jsonc"));
    Ok(wrangler)
}

/// Node.js, where what wrangler is made of asks nothing, sends nothing and keeps its own files in `folder`.
fn node_tool(repository: &Repository, folder: &Path) -> Result<Command> {
    let mut tool = Command::new(node(repository)?);
    tool.current_dir(repository.path("edge"))
        .env("CI", "1")
        .env("NO_COLOR", "1")
        .env("WRANGLER_SEND_METRICS", "false")
        .env("WRANGLER_LOG_PATH", folder.join("wrangler-logs"))
        .env("WRANGLER_REGISTRY_PATH", folder.join("wrangler-registry"))
        // Node.js compiles wrangler's ten megabytes once, not at each start.
        .env("NODE_COMPILE_CACHE", repository.run("node-compile-cache"))
        .env("XDG_CONFIG_HOME", folder.join("wrangler-config"))
        // A shell in which production is deployed would else start that here.
        .env("CLOUDFLARE_ENV", "")
        // Else it asks the network where on earth it is.
        .env("CLOUDFLARE_CF_FETCH_ENABLED", "false")
        // The edge is already built; the configuration's build command is for `wrangler deploy`.
        .env("FOREBAY_EDGE_PREBUILT", "1");
    Ok(tool)
}

fn env_file(variables: &BTreeMap<String, String>) -> Result<String> {
    let mut text = String::new();
    for (name, value) in variables {
        ensure!(!value.contains(['"', '\n', '\\']), "{name}: quotes, backslashes and line ends cannot be passed on");
        text.push_str(&format!("{name}=\"{value}\"\n"));
    }
    Ok(text)
}

fn write_private(path: &Path, text: &str) -> Result<()> {
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes()).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_could_become_others_are_refused() {
        let file = |value: &str| env_file(&BTreeMap::from([("NAME".to_owned(), value.to_owned())]));
        assert_eq!(file("http://x/#y z").unwrap(), "NAME=\"http://x/#y z\"\n");
        assert!(file("a\nB=c").is_err() && file("a\"b").is_err());
    }
}
