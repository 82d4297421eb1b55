use std::{
    fs,
    io::{self, IsTerminal as _, Write as _},
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, bail, ensure};

use super::{
    arguments::EnvironmentArguments,
    aws::{Aws, text_at},
    bucket::Bucket,
    complaint::Complaint,
    lock::{Holder, Lock},
    packages,
    parameters::Part,
    settings,
    settings::Settings,
    template,
};
use crate::{
    build,
    console::Console,
    lanes,
    process::{answer, on_path},
    repository::Repository,
    setup::{self, deploy_steps},
};

/// One environment and everything by which it is reached.
#[derive(Debug)]
pub(super) struct Site<'a> {
    pub(super) repository: &'a Repository,
    pub(super) console: Console,
    pub(super) settings: Settings,
    pub(super) aws: Aws,
    /// Whoever's credentials these are.
    pub(super) who: String,
    pub(super) commit: String,
}

impl<'a> Site<'a> {
    /// Reads the settings, sets up the programs, and looks whose credentials these are.
    pub(super) fn open(repository: &'a Repository, console: Console, arguments: &EnvironmentArguments) -> Result<Self> {
        let settings = read(repository, &arguments.name)?;
        setup::run_steps(repository, console, &deploy_steps(settings.edge.is_some()))?;
        if settings.edge.is_some() {
            ensure!(on_path("curl").is_some(), "curl, which asks the edge how it is, is not there: install it");
        }
        let aws = Aws::start(repository, &settings.region)?;
        let identity = aws.ask(&["sts", "get-caller-identity"]).context("who deploys?")?;
        let account = text_at(&identity, "/Account").unwrap_or_default();
        ensure!(
            account == settings.account,
            "these credentials are of the account {account}; the settings say {}. Nothing was changed.\n  what to do: set \
             AWS_PROFILE to a profile of that account, or look at --env",
            settings.account
        );
        let who = text_at(&identity, "/Arn").unwrap_or_else(|| account.clone());
        console.done("credentials", &format!("{who}, {}", settings.region));
        let commit = commit(repository, console);
        Ok(Self { repository, console, settings, aws, who, commit })
    }

    pub(super) fn bucket(&self) -> Result<Bucket<'_>> {
        Bucket::new(self.repository, &self.aws, &self.settings.code_bucket, &self.settings.name)
    }

    /// The stack of a part.
    pub(super) fn stack(&self, part: Part) -> String {
        part.stack(&self.settings.prefix)
    }

    /// Does something while nobody else deploys this prefix.
    pub(super) fn locked(
        &self,
        command: &str,
        arguments: &EnvironmentArguments,
        act: impl FnOnce(&Bucket<'_>) -> Result<()>,
    ) -> Result<()> {
        let bucket = self.bucket()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let holder = Holder {
            id: format!("{:x}-{}", now.as_millis(), std::process::id()),
            who: self.who.clone(),
            host: answer(&mut Command::new("hostname")).unwrap_or_else(|| "unknown".to_owned()),
            process: std::process::id(),
            command: format!("cargo xtask {command} --env {}", self.settings.name),
            since_s: now.as_secs(),
            since: date("%Y-%m-%dT%H:%M:%SZ"),
        };
        let lock = Lock::take(&bucket, &self.settings.prefix, &holder, arguments.break_lock.as_deref())?;
        let done = act(&bucket);
        if let Err(error) = lock.release() {
            self.console.warning(&format!("the lock was not given back; --break-lock {} will: {error:#}", holder.id));
        }
        done
    }

    /// Whether the operator wants what was shown.
    pub(super) fn confirm(&self, arguments: &EnvironmentArguments, question: &str, wanted: &str) -> Result<()> {
        if arguments.yes {
            return Ok(());
        }
        let typed = ask(question)?;
        ensure!(typed.trim() == wanted, "{:?} is not {wanted:?}: nothing was changed", typed.trim());
        Ok(())
    }
}

/// What a person types; nobody is there to where the input is no terminal.
pub(super) fn ask(question: &str) -> Result<String> {
    ensure!(io::stdin().is_terminal(), "nobody is there to confirm it, so nothing was changed: run it with --yes");
    Console::stdout().line(question);
    io::stdout().flush()?;
    let mut typed = String::new();
    io::stdin().read_line(&mut typed)?;
    Ok(typed)
}

/// Seconds since 1970.
pub(super) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The moment in a form of `date`; this program keeps no calendar.
pub(super) fn date(form: &str) -> String {
    answer(Command::new("date").args(["-u", &format!("+{form}")])).unwrap_or_default()
}

/// The settings of an environment, with everything that is wrong of them.
fn read(repository: &Repository, name: &str) -> Result<Settings> {
    let is_name =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    ensure!(is_name, "--env: found {name:?}; allowed are a-z, 0-9 and -");
    let file = format!("infra/environments/{name}.toml");
    let path = repository.path(&file);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => bail!(
            "there is no {file}, which says what the environment {name} is to be.\n  what to do: copy \
             infra/environments/example.toml there, and put your own in"
        ),
        Err(error) => return Err(error).with_context(|| file.clone()),
    };
    let complain = |complaints: &[Complaint]| {
        let list: Vec<String> = complaints.iter().map(|complaint| format!("  {complaint}")).collect();
        anyhow::anyhow!("{file} has mistakes; nothing was changed:\n{}", list.join("\n"))
    };
    let settings = settings::read(name, &text).map_err(|complaints| complain(&complaints))?;
    let mut complaints = Vec::new();
    for part in Part::wanted(&settings) {
        let template = packages::template(repository, &settings, part);
        let text = fs::read_to_string(&template).with_context(|| template.display().to_string())?;
        let known = template::parameters(&text);
        complaints.extend(template::complaints(part.name(), &known, &part.said(&settings), &part.filled(&settings)));
    }
    ensure!(complaints.is_empty(), complain(&complaints));
    if settings.templates == settings::TEMPLATES {
        let stale = lanes::stale(repository, &build::catalog(repository)?)?;
        let advice = "nothing was changed.\n  what to do: cargo xtask lanes, and look at what it wrote";
        ensure!(stale.is_empty(), "{} do not say what catalog/lanes.toml says; {advice}", stale.join(" and "));
    }
    Ok(settings)
}

/// The commit that is deployed, with a mark where files differ from it.
fn commit(repository: &Repository, console: Console) -> String {
    let git = |arguments: &[&str]| answer(Command::new("git").current_dir(repository.root()).args(arguments));
    let Some(commit) = git(&["rev-parse", "HEAD"]) else { return "unknown".to_owned() };
    let is_clean = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|changed| changed.is_empty());
    if !is_clean {
        console.warning("files differ from the commit: what is deployed cannot be found again by it");
    }
    if is_clean { commit } else { format!("{commit}-dirty") }
}
