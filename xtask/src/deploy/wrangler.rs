use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::{
    process::{interrupt, on_path},
    repository::Repository,
    setup::node,
};

/// Where wrangler of another place is named, for tests: a program that stands in for it.
const STAND_IN: &str = "FOREBAY_WRANGLER";

/// wrangler for one environment's configuration, under the operator's own login or CLOUDFLARE_API_TOKEN.
#[derive(Debug)]
pub(super) struct Wrangler {
    program: PathBuf,
    before: Vec<PathBuf>,
    environment: String,
    /// The configuration, and what wrangler writes down for programs.
    pub(super) configuration: PathBuf,
    said: PathBuf,
    edge: PathBuf,
    account: String,
}

impl Wrangler {
    pub(super) fn new(repository: &Repository, environment: &str, account: &str) -> Result<Self> {
        let folder = repository.run("deploy").join(environment);
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let stand_in = std::env::var(STAND_IN).ok().and_then(|name| on_path(&name));
        let (program, before) = match stand_in {
            Some(program) => (program, Vec::new()),
            None => (node(repository)?, vec![repository.path("edge/node_modules/wrangler/bin/wrangler.js")]),
        };
        Ok(Self {
            program,
            before,
            environment: environment.to_owned(),
            configuration: folder.join("wrangler.json"),
            said: folder.join("wrangler-said.ndjson"),
            edge: repository.path("edge"),
            account: account.to_owned(),
        })
    }

    /// Runs one command; what it says on standard output. Arguments are seen by every user of the machine: no secret stands
    /// among them.
    pub(super) fn run(&self, arguments: &[&str]) -> Result<String> {
        interrupt::check()?;
        // What an earlier command wrote down is not this one's.
        let _ = fs::remove_file(&self.said);
        let mut wrangler = Command::new(&self.program);
        wrangler.args(&self.before).args(arguments).current_dir(&self.edge).stdin(Stdio::null());
        wrangler.arg("--config").arg(&self.configuration).args(["--env", &self.environment]);
        wrangler
            .env("CI", "1")
            .env("NO_COLOR", "1")
            .env("WRANGLER_SEND_METRICS", "false")
            .env("WRANGLER_OUTPUT_FILE_PATH", &self.said)
            .env("CLOUDFLARE_ACCOUNT_ID", &self.account)
            // One environment is named, whatever the shell says.
            .env_remove("CLOUDFLARE_ENV");
        let output = wrangler.output().with_context(|| format!("cannot start {}", self.program.display()))?;
        interrupt::check()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            let all = format!("{said}\n{}", String::from_utf8_lossy(&output.stderr));
            let command = arguments.iter().take(2).copied().collect::<Vec<_>>().join(" ");
            bail!("wrangler {command}: {}{}", end_of(&all), advice(&all));
        }
        Ok(said)
    }

    /// What a command says that was asked for JSON.
    pub(super) fn json(&self, arguments: &[&str]) -> Result<Value> {
        let said = self.run(arguments)?;
        from_first_bracket(&said).with_context(|| format!("wrangler {} did not answer with JSON", arguments.join(" ")))
    }

    /// The same, or `None` where there is no such Worker yet.
    pub(super) fn find(&self, arguments: &[&str]) -> Result<Option<Value>> {
        match self.json(arguments) {
            Ok(value) => Ok(Some(value)),
            Err(error) if is_no_worker(&format!("{error:#}")) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The version that the last command made, by what wrangler writes down.
    /// <https://developers.cloudflare.com/workers/wrangler/system-environment-variables/>, WRANGLER_OUTPUT_FILE_PATH
    pub(super) fn version_made(&self) -> Result<String> {
        let text = fs::read_to_string(&self.said).with_context(|| self.said.display().to_string())?;
        version_of(&text)
            .context("wrangler did not write down which version it made: `npx wrangler versions list` shows it")
    }
}

fn version_of(ndjson: &str) -> Option<String> {
    let entries = ndjson.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut versions =
        entries.filter(|entry| matches!(entry.get("type").and_then(Value::as_str), Some("deploy" | "version-upload")));
    versions.next_back()?.get("version_id")?.as_str().map(str::to_owned)
}

/// A banner may stand before it.
fn from_first_bracket(said: &str) -> Option<Value> {
    let begin = said.lines().position(|line| line.starts_with(['{', '[']))?;
    let json: Vec<&str> = said.lines().skip(begin).collect();
    serde_json::from_str(&json.join("\n")).ok()
}

/// Cloudflare's code for a Worker that is not there, and wrangler's words.
fn is_no_worker(said: &str) -> bool {
    ["code: 10007", "code: 10090", "This Worker does not exist"].iter().any(|part| said.contains(part))
}

fn end_of(said: &str) -> String {
    let lines: Vec<&str> = said.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    lines.get(lines.len().saturating_sub(15)..).unwrap_or_default().join("\n    ")
}

fn advice(said: &str) -> &'static str {
    let says = |parts: &[&str]| parts.iter().any(|part| said.contains(part));
    if says(&["not authenticated", "code: 10000", "code: 9109", "CLOUDFLARE_API_TOKEN", "Invalid access token"]) {
        "\n  what to do: `npx wrangler login` in edge/, or set CLOUDFLARE_API_TOKEN to one that is in force, then run the same \
         command again; it goes on where it stopped"
    } else if says(&["code: 10211", "pending Durable Object migration"]) {
        "\n  what to do: a class of objects changes, which cannot be done step by step; `npx wrangler deploy` does it at once"
    } else {
        ""
    }
}

/// A file that nobody else may read, and that is gone when it is dropped.
#[derive(Debug)]
pub(super) struct PrivateFile(PathBuf);

impl PrivateFile {
    pub(super) fn new(path: &Path, text: &str) -> Result<Self> {
        use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
        let _ = fs::remove_file(path);
        let mut open = fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)?;
        let file = Self(path.to_path_buf());
        open.write_all(text.as_bytes()).with_context(|| path.display().to_string())?;
        Ok(file)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for PrivateFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_that_was_made_is_read() {
        let text = "{\"type\":\"wrangler-session\",\"version\":1}\nnot json\n{\"type\":\"version-upload\",\"version_id\":\"a-b\"}\n";
        assert_eq!(version_of(text).as_deref(), Some("a-b"));
        assert_eq!(version_of("{\"type\":\"wrangler-session\",\"version_id\":\"x\"}"), None);
    }

    #[test]
    fn json_is_found_behind_a_banner() {
        assert_eq!(from_first_bracket(" ⛅️ wrangler\n────\n[\n 1\n]\n"), Some(serde_json::json!([1])));
        assert_eq!(from_first_bracket("nothing"), None);
    }

    #[test]
    fn a_login_that_has_ended_is_told_what_to_do_about() {
        for said in ["You are not authenticated. Please run `wrangler login`.", "Authentication error [code: 10000]"] {
            assert!(advice(said).contains("wrangler login"), "{said}");
        }
        assert!(advice("A request failed [code: 10211]").contains("wrangler deploy") && advice("other").is_empty());
        assert!(
            is_no_worker("This Worker does not exist on your account. [code: 10007]") && !is_no_worker("code: 10000")
        );
    }

    #[test]
    fn a_private_file_is_nobody_elses_and_does_not_stay() {
        use std::os::unix::fs::PermissionsExt as _;
        let path = std::env::temp_dir().join(format!("forebay-private-{}", std::process::id()));
        let file = PrivateFile::new(&path, "secret").unwrap();
        assert_eq!(fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o600);
        drop(file);
        assert!(!path.exists());
    }
}
