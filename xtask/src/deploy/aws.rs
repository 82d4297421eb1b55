use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Context as _, Result, anyhow};
use serde::Deserialize;
use serde_json::{Value, json};

use super::aws_error::AwsError;
use crate::{process::interrupt, repository::Repository, setup::AWSCLI};

/// The AWS command line. It finds credentials as everybody's does (profile, variables, single sign-on), and
/// AWS_ENDPOINT_URL sends it elsewhere, such as to a LocalStack.
#[derive(Debug)]
pub(super) struct Aws {
    region: String,
    running: Mutex<Running>,
    insists: AtomicBool,
}

#[derive(Debug)]
struct Running {
    child: Child,
    /// Dropped before the child is waited for: the end of its input ends it.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

/// What `aws_lines.py` says of one call.
#[derive(Deserialize)]
struct Said {
    code: i64,
    out: String,
    errors: String,
}

impl Aws {
    pub(super) fn start(repository: &Repository, region: &str) -> Result<Self> {
        let mut aws = Command::new(AWSCLI.path(repository).with_file_name("python"));
        aws.arg(repository.path("xtask/src/deploy/aws_lines.py"));
        aws.env("AWS_PAGER", "").env("AWS_RETRY_MODE", "standard").env("AWS_MAX_ATTEMPTS", "5");
        let mut child = aws.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("cannot start aws")?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (input, output) = pipes.context("aws has no pipes")?;
        let running = Mutex::new(Running { child, input: Some(input), output: BufReader::new(output) });
        Ok(Self { region: region.to_owned(), running, insists: AtomicBool::new(false) })
    }

    /// From now on Ctrl-C stops nothing: what is left to do is to give back what was taken.
    pub(super) fn insist(&self) {
        self.insists.store(true, Ordering::SeqCst);
    }

    fn check_interrupt(&self) -> Result<()> {
        if !self.insists.load(Ordering::SeqCst) {
            interrupt::check()?;
        }
        Ok(())
    }

    /// What it answers, as JSON; null where it says nothing. No secret is in an error, nor seen by others of the machine.
    pub(super) fn ask(&self, arguments: &[&str]) -> Result<Value> {
        self.check_interrupt()?;
        let whole = [&["--region", &self.region, "--output", "json"], arguments].concat();
        let said = self.running.lock().map_err(|_| anyhow!("aws is in use"))?.call(&json!(whole))?;
        self.check_interrupt()?;
        if said.code != 0 {
            return Err(AwsError::parse(&said.errors).into());
        }
        if said.out.trim().is_empty() {
            return Ok(Value::Null);
        }
        let what = || arguments.iter().take(2).copied().collect::<Vec<_>>().join(" ");
        serde_json::from_str(&said.out).map_err(|_| anyhow!("aws {} did not answer with JSON", what()))
    }

    /// The same, or `None` where the service knows no such thing.
    pub(super) fn find(&self, arguments: &[&str]) -> Result<Option<Value>> {
        match self.ask(arguments) {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.downcast_ref::<AwsError>().is_some_and(AwsError::is_absent) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The region that is asked.
    pub(super) fn region(&self) -> &str {
        &self.region
    }

    /// Where CloudFormation reads an object of a bucket: a template that is told inline has 51,200 bytes at most.
    /// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
    pub(super) fn object_url(&self, bucket: &str, key: &str) -> String {
        match std::env::var("AWS_ENDPOINT_URL").ok().filter(|url| !url.is_empty()) {
            Some(endpoint) => format!("{}/{bucket}/{key}", endpoint.trim_end_matches('/')),
            None => format!("https://{bucket}.s3.{}.{}/{key}", self.region, dns_suffix(&self.region)),
        }
    }
}

impl Running {
    fn call(&mut self, arguments: &Value) -> Result<Said> {
        let input = self.input.as_mut().context("aws has ended")?;
        writeln!(input, "{arguments}").and_then(|()| input.flush()).context("aws has ended")?;
        let mut line = String::new();
        self.output.read_line(&mut line).context("aws has ended")?;
        serde_json::from_str(&line).map_err(|_| anyhow!("aws has ended; what it said last stands above"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.child.wait();
    }
}

/// https://docs.aws.amazon.com/general/latest/gr/s3.html
pub(super) fn dns_suffix(region: &str) -> &'static str {
    if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" }
}

/// A text of an answer, at a JSON pointer.
pub(super) fn text_at(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer)?.as_str().map(str::to_owned)
}

/// As an argument that names a file.
pub(super) fn as_argument(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{}: a path that is no text", path.display()))
}
