//! What each stack is given: the settings, and what the stacks before it say.

use std::{collections::BTreeMap, fmt};

use super::settings::{Parameters, Settings};

/// The stacks, in the order in which each finds the outputs that it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Network,
    Forebay,
    Fleet,
    Alarms,
}

impl Part {
    /// As the template is called.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Forebay => "forebay",
            Self::Fleet => "fleet",
            Self::Alarms => "alarms",
        }
    }

    /// That of queues and bucket has the prefix's name alone.
    pub(super) fn stack(self, prefix: &str) -> String {
        if self == Self::Forebay { prefix.to_owned() } else { format!("{prefix}-{}", self.name()) }
    }

    /// Those that an environment has.
    pub(super) fn wanted(settings: &Settings) -> Vec<Self> {
        let mut parts = Vec::new();
        parts.extend(settings.network.is_some().then_some(Self::Network));
        parts.push(Self::Forebay);
        parts.extend(settings.fleet.is_some().then_some(Self::Fleet));
        parts.extend(settings.alarms.is_some().then_some(Self::Alarms));
        parts
    }

    /// What the operator says of it.
    pub(super) fn said(self, settings: &Settings) -> Parameters {
        match self {
            Self::Network => settings.network.clone(),
            Self::Forebay => Some(settings.forebay.clone()),
            Self::Fleet => settings.fleet.as_ref().map(|fleet| fleet.parameters.clone()),
            Self::Alarms => settings.alarms.clone(),
        }
        .unwrap_or_default()
    }

    /// What it is given by others besides.
    pub(super) fn filled(self, settings: &Settings) -> Vec<&'static str> {
        let mut filled = match self {
            Self::Network | Self::Forebay => Vec::new(),
            Self::Fleet => vec!["QueueUrlPrefix", "BucketName", "WorkerPolicyArn"],
            Self::Alarms => vec!["BucketName"],
        };
        if self == Self::Fleet && settings.network.is_some() {
            filled.extend(["SubnetIds", "SecurityGroupId"]);
        }
        filled
    }
}

/// Of each stack that stands, its outputs.
pub(super) type Outputs = BTreeMap<Part, BTreeMap<String, String>>;

/// Where artefacts lie.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Packages {
    /// The worker's archive: key and hash.
    pub(super) worker: Option<(String, String)>,
    /// What installs it: key and hash.
    pub(super) boot: Option<(String, String)>,
    /// The reaper's package: key.
    pub(super) reaper: Option<String>,
}

/// A stack has no output of that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Absent {
    stack: String,
    output: &'static str,
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the stack {} has no output {}, which the next part needs. Nothing after it was changed.\n  what to do: is it \
             a stack of infra/, and of this version? aws cloudformation describe-stacks --stack-name {} shows what it has",
            self.stack, self.output, self.stack
        )
    }
}

impl std::error::Error for Absent {}

/// A stack's output that must be there.
pub(super) fn output(outputs: &Outputs, part: Part, name: &'static str, prefix: &str) -> Result<String, Absent> {
    let found = outputs.get(&part).and_then(|outputs| outputs.get(name)).filter(|value| !value.is_empty());
    found.cloned().ok_or_else(|| Absent { stack: part.stack(prefix), output: name })
}

/// Everything that a stack is given. What the operator says wins over what is filled in.
pub(super) fn of(
    part: Part,
    settings: &Settings,
    outputs: &Outputs,
    packages: &Packages,
) -> Result<Parameters, Absent> {
    let said = part.said(settings);
    let mut given = Parameters::from([("Prefix".to_owned(), settings.prefix.clone())]);
    let mut fill = |name: &str, value: &str| drop(given.insert(name.to_owned(), value.to_owned()));
    // One that the operator says need not be there.
    let answered = |of: Part, output_name: &'static str, name: &str| match said.get(name) {
        Some(value) => Ok(value.clone()),
        None => output(outputs, of, output_name, &settings.prefix),
    };
    if let (Part::Forebay | Part::Fleet, Some(edge)) = (part, &settings.edge) {
        fill("EdgeUrl", &edge.url());
    }
    match part {
        Part::Network => {}
        Part::Forebay => {
            fill("ReportSecretName", &settings.report_secret);
            if let Some(key) = &packages.reaper {
                fill("CodeBucket", &settings.code_bucket);
                fill("ReaperPackage", key);
            }
        }
        Part::Fleet => {
            fill("ReportSecretName", &settings.report_secret);
            if settings.network.is_some() {
                fill("SubnetIds", &answered(Part::Network, "SubnetIds", "SubnetIds")?);
                fill("SecurityGroupId", &answered(Part::Network, "WorkerSecurityGroupId", "SecurityGroupId")?);
            }
            for name in ["QueueUrlPrefix", "BucketName", "WorkerPolicyArn"] {
                fill(name, &answered(Part::Forebay, name, name)?);
            }
            if settings.forebay.get("KeyArn").is_some_and(|arn| !arn.is_empty()) {
                fill("KeyPolicyArn", &answered(Part::Forebay, "KeyPolicyArn", "KeyPolicyArn")?);
            }
            if let (Some((package, package_hash)), Some((boot, boot_hash))) = (&packages.worker, &packages.boot) {
                fill("ArtifactsBucket", &settings.code_bucket);
                fill("Package", &format!("s3://{}/{package}", settings.code_bucket));
                fill("PackageSha256", package_hash);
                fill("BootScriptKey", boot);
                fill("BootScriptSha256", boot_hash);
            }
        }
        Part::Alarms => {
            fill("BucketName", &answered(Part::Forebay, "BucketName", "BucketName")?);
            fill("HasReaper", if settings.reaper.is_some() { "yes" } else { "no" });
        }
    }
    given.extend(said);
    Ok(given)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::settings;

    fn settings() -> Settings {
        settings::read("test", include_str!("../../../infra/environments/example.toml")).unwrap()
    }

    fn outputs() -> Outputs {
        let of = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>()
        };
        Outputs::from([
            (Part::Network, of(&[("SubnetIds", "subnet-1,subnet-2"), ("WorkerSecurityGroupId", "sg-1")])),
            (
                Part::Forebay,
                of(&[("QueueUrlPrefix", "https://q/forebay"), ("BucketName", "b"), ("WorkerPolicyArn", "arn:p")]),
            ),
        ])
    }

    fn packages() -> Packages {
        let pair = |name: &str| Some((format!("artefacts/{name}"), "ab".repeat(32)));
        Packages { worker: pair("w.tar.gz"), boot: pair("user-data.sh"), reaper: Some("artefacts/r.zip".to_owned()) }
    }

    #[test]
    fn each_stack_is_told_what_those_before_it_say() {
        let given = |part| of(part, &settings(), &outputs(), &packages()).unwrap();
        assert_eq!(given(Part::Network)["NatGateway"], "yes");
        let forebay = given(Part::Forebay);
        assert_eq!(forebay["ReaperPackage"], "artefacts/r.zip");
        assert_eq!(forebay["EdgeUrl"], "https://jobs.example.com");
        assert_eq!(forebay["ReportSecretName"], "forebay/report-secret");
        let fleet = given(Part::Fleet);
        assert_eq!(fleet["SubnetIds"], "subnet-1,subnet-2");
        assert_eq!(fleet["Package"], "s3://example-forebay-code/artefacts/w.tar.gz");
        assert!(!fleet.contains_key("KeyPolicyArn"));
        assert_eq!(given(Part::Alarms)["HasReaper"], "yes");
    }

    #[test]
    fn what_the_operator_says_wins() {
        let mut settings = settings();
        settings.fleet.as_mut().unwrap().parameters.insert("BucketName".to_owned(), "mine".to_owned());
        let mut outputs = outputs();
        outputs.get_mut(&Part::Forebay).unwrap().remove("BucketName");
        assert_eq!(super::of(Part::Fleet, &settings, &outputs, &packages()).unwrap()["BucketName"], "mine");
    }

    #[test]
    fn an_absent_output_is_named_with_its_stack() {
        for (part, of, name) in [
            (Part::Fleet, Part::Network, "SubnetIds"),
            (Part::Fleet, Part::Network, "WorkerSecurityGroupId"),
            (Part::Fleet, Part::Forebay, "QueueUrlPrefix"),
            (Part::Alarms, Part::Forebay, "BucketName"),
        ] {
            let mut outputs = outputs();
            outputs.get_mut(&of).unwrap().remove(name);
            let text = super::of(part, &settings(), &outputs, &packages()).unwrap_err().to_string();
            assert!(text.contains(&format!("the stack {} has no output {name}", of.stack("forebay"))), "{text}");
        }
        let mut settings = settings();
        settings.forebay.insert("KeyArn".to_owned(), "arn:k".to_owned());
        assert!(
            super::of(Part::Fleet, &settings, &outputs(), &packages())
                .unwrap_err()
                .to_string()
                .contains("KeyPolicyArn")
        );
    }
}
