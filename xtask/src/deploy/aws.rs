use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::aws_error::AwsError;
use crate::{process::interrupt, repository::Repository, setup::AWSCLI};

/// The AWS command line. It finds credentials as everybody's does (profile, variables, single sign-on), and
/// AWS_ENDPOINT_URL sends it elsewhere, such as to a LocalStack.
#[derive(Debug, Clone)]
pub(super) struct Aws {
    program: PathBuf,
    region: String,
}

impl Aws {
    pub(super) fn new(repository: &Repository, region: &str) -> Self {
        Self { program: AWSCLI.path(repository), region: region.to_owned() }
    }

    /// What it answers, as JSON; null where it says nothing. Arguments are seen by every user of the machine: no secret
    /// stands among them.
    pub(super) fn ask(&self, arguments: &[&str]) -> Result<Value> {
        self.tell(arguments, None)
    }

    /// The same, or `None` where the service knows no such thing.
    pub(super) fn find(&self, arguments: &[&str]) -> Result<Option<Value>> {
        match self.ask(arguments) {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.downcast_ref::<AwsError>().is_some_and(AwsError::is_absent) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The same with something on its standard input, which an argument names as `file:///dev/stdin`.
    pub(super) fn tell(&self, arguments: &[&str], input: Option<&str>) -> Result<Value> {
        interrupt::check()?;
        let mut aws = Command::new(&self.program);
        aws.args(["--region", &self.region, "--output", "json"]).args(arguments);
        aws.env("AWS_PAGER", "").env("AWS_RETRY_MODE", "standard").env("AWS_MAX_ATTEMPTS", "5");
        let has_input = if input.is_some() { Stdio::piped() } else { Stdio::null() };
        aws.stdin(has_input).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = aws.spawn().with_context(|| format!("cannot start {}", self.program.display()))?;
        if let (Some(mut pipe), Some(input)) = (child.stdin.take(), input) {
            pipe.write_all(input.as_bytes())?;
        }
        let output = child.wait_with_output()?;
        interrupt::check()?;
        if !output.status.success() {
            return Err(AwsError::parse(&String::from_utf8_lossy(&output.stderr)).into());
        }
        let said = String::from_utf8_lossy(&output.stdout);
        // Never the answer itself in an error: it may hold a secret.
        let what = || {
            format!("aws {} did not answer with JSON", arguments.iter().take(2).copied().collect::<Vec<_>>().join(" "))
        };
        if said.trim().is_empty() { Ok(Value::Null) } else { serde_json::from_str(&said).with_context(what) }
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
