//! What one environment is to be: `infra/environments/NAME.toml`.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::complaint::{Complaint, Reader};

/// One environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) name: String,
    pub(super) prefix: String,
    pub(super) region: String,
    pub(super) account: String,
    pub(super) code_bucket: String,
    /// The folder of the templates.
    pub(super) templates: String,
    /// The secret's name in Secrets Manager.
    pub(super) report_secret: String,
    pub(super) network: Option<Parameters>,
    pub(super) forebay: Parameters,
    pub(super) reaper: Option<Source>,
    pub(super) fleet: Option<Fleet>,
    pub(super) alarms: Option<Parameters>,
    pub(super) edge: Option<Edge>,
    pub(super) smoke: Option<Smoke>,
}

/// Parameters of a template, by the names that it has for them.
pub(super) type Parameters = BTreeMap<String, String>;

/// Where an artefact comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// Built of this checkout.
    Build,
    /// A file, such as one of a release.
    File(String),
}

/// Machines with GPUs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fleet {
    /// The worker's archive; the machine image has the worker where there is none.
    pub(super) package: Option<Source>,
    pub(super) parameters: Parameters,
}

/// The Worker at Cloudflare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) account: String,
    pub(super) domain: String,
    pub(super) kv_namespace: String,
    pub(super) rate_limit_namespace: Option<String>,
    /// Shares of the traffic, rising; 100 is the last.
    pub(super) rollout_percent: Vec<u32>,
    /// How long each share but the last is looked at.
    pub(super) rollout_minutes: u32,
    pub(super) variables: BTreeMap<String, String>,
}

impl Edge {
    /// Where clients and workers reach it.
    pub(super) fn url(&self) -> String {
        format!("https://{}", self.domain)
    }
}

/// One job, once everything stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Smoke {
    pub(super) model: String,
    pub(super) text: String,
    /// The variable of the environment that holds an API key.
    pub(super) key_variable: String,
}

/// Where the templates lie unless another folder is named.
pub(super) const TEMPLATES: &str = "infra";

const TABLES: [&str; 7] = ["aws", "network", "forebay", "fleet", "alarms", "edge", "smoke"];

/// Reads a file's text; everything that is wrong at once.
pub(super) fn read(name: &str, text: &str) -> Result<Settings, Vec<Complaint>> {
    let mut values: Table = text.parse().map_err(|error: toml::de::Error| {
        let found = error.to_string().trim().replace('\n', "\n    ");
        vec![Complaint { key: "the file".to_owned(), found, allowed: "TOML".to_owned() }]
    })?;
    let mut complaints = Vec::new();
    let mut tables: BTreeMap<&str, Table> = BTreeMap::new();
    for table in TABLES {
        match values.remove(table) {
            Some(Value::Table(found)) => drop(tables.insert(table, found)),
            None => {}
            Some(other) => {
                let allowed = format!("a table, [{table}]");
                complaints.push(Complaint { key: table.to_owned(), found: other.to_string(), allowed });
            }
        }
    }
    let mut reader = Reader::new(&values, "", &mut complaints);
    let prefix = reader.text("prefix", "3 to 28 of a-z, 0-9 and -, beginning with a letter", is_prefix);
    let secret = reader.optional("report_secret", "a secret's name, not its ARN", |text| !text.contains(':'));
    reader.end();
    let aws = tables.get("aws").cloned().unwrap_or_default();
    let mut reader = Reader::new(&aws, "aws", &mut complaints);
    let region = reader.text("region", "a region, such as eu-west-1", |text| text.split('-').count() >= 3);
    let account = reader.text("account", "the account's twelve digits", |text| {
        text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
    });
    let code_bucket = reader.text("code_bucket", "a bucket's name; it is made where there is none", |text| {
        (3..=63).contains(&text.len()) && !text.contains(['/', ':', '_'])
    });
    let templates = reader.optional("templates", "a folder of the four templates", |text| !text.is_empty());
    reader.end();
    let forebay = tables.get("forebay").cloned().unwrap_or_default();
    let (reaper, forebay) = stack(&forebay, "forebay", Some("reaper"), &mut complaints);
    let settings = Settings {
        name: name.to_owned(),
        report_secret: secret.unwrap_or_else(|| format!("{prefix}/report-secret")),
        prefix,
        region,
        account,
        code_bucket,
        templates: templates.unwrap_or_else(|| TEMPLATES.to_owned()),
        network: tables.get("network").map(|table| stack(table, "network", None, &mut complaints).1),
        reaper,
        forebay,
        fleet: tables.get("fleet").map(|table| {
            let (package, parameters) = stack(table, "fleet", Some("package"), &mut complaints);
            Fleet { package, parameters }
        }),
        alarms: tables.get("alarms").map(|table| stack(table, "alarms", None, &mut complaints).1),
        edge: tables.get("edge").map(|table| edge(table, &mut complaints)),
        smoke: tables.get("smoke").map(|table| smoke(table, &mut complaints)),
    };
    if settings.smoke.is_some() && settings.edge.is_none() {
        let (found, allowed) = ("no table [edge]".to_owned(), "an edge beside it, which takes the job".to_owned());
        complaints.push(Complaint { key: "smoke".to_owned(), found, allowed });
    }
    if complaints.is_empty() { Ok(settings) } else { Err(complaints) }
}

fn is_prefix(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (3..=28).contains(&text.len())
        && text.bytes().all(allowed)
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.ends_with('-')
}

/// Where its artefact comes from, if it has one, and the parameters of its template, which begin with a capital letter.
fn stack(
    table: &Table,
    path: &str,
    artefact: Option<&'static str>,
    complaints: &mut Vec<Complaint>,
) -> (Option<Source>, Parameters) {
    let mut reader = Reader::new(table, path, complaints);
    let source = artefact.and_then(|key| reader.optional(key, "\"build\", or a file's path", |text| !text.is_empty()));
    let source = source.map(|source| if source == "build" { Source::Build } else { Source::File(source) });
    let mut parameters: Parameters =
        reader.rest(|key| key.starts_with(|first: char| first.is_ascii_uppercase())).into_iter().collect();
    if let Some(prefix) = parameters.remove("Prefix") {
        reader.complain("Prefix", format!("{prefix:?}"), "the key `prefix` at the top, for all stacks");
    }
    (source, parameters)
}

fn edge(table: &Table, complaints: &mut Vec<Complaint>) -> Edge {
    let is_hex = |text: &str| text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let variables = match table.get("variables") {
        None => Table::new(),
        Some(Value::Table(variables)) => variables.clone(),
        Some(other) => {
            let allowed = "a table, [edge.variables]".to_owned();
            complaints.push(Complaint { key: "edge.variables".to_owned(), found: other.to_string(), allowed });
            Table::new()
        }
    };
    let mut table = table.clone();
    table.remove("variables");
    let mut reader = Reader::new(&table, "edge", complaints);
    let mut edge = Edge {
        account: reader.text("account", "the Cloudflare account's id, 32 hexadecimal digits", is_hex),
        domain: reader.text("domain", "a host name of your zone, without https://", |text| {
            text.contains('.') && !text.contains(['/', ':', ' '])
        }),
        kv_namespace: reader.text("kv_namespace", "the namespace's id, 32 hexadecimal digits", is_hex),
        rate_limit_namespace: reader
            .optional("rate_limit_namespace", "a number as a text", |text| text.parse::<u32>().is_ok()),
        rollout_percent: reader.numbers(
            "rollout_percent",
            &[10, 50, 100],
            100,
            "rising shares from 1 to 100, as [10, 100]",
        ),
        rollout_minutes: reader.numbers("rollout_minutes", &[5], 1440, "1 to 1440").first().copied().unwrap_or(5),
        variables: BTreeMap::new(),
    };
    if !edge.rollout_percent.is_sorted_by(|one, other| one < other) {
        reader.complain("rollout_percent", format!("{:?}", edge.rollout_percent), "shares that rise");
    }
    if edge.rollout_percent.last() != Some(&100) {
        edge.rollout_percent.push(100);
    }
    reader.end();
    let mut reader = Reader::new(&variables, "edge.variables", complaints);
    edge.variables = reader.rest(is_public_variable).into_iter().collect();
    edge
}

/// Secrets have no place in a file, and what the stacks say is not said twice.
fn is_public_variable(name: &str) -> bool {
    let is_secret = ["SECRET", "TOKEN", "ACCESS_KEY"].iter().any(|word| name.contains(word));
    !is_secret && !["AWS_REGION", "QUEUE_URL_PREFIX", "BUCKET_URL"].contains(&name)
}

fn smoke(table: &Table, complaints: &mut Vec<Complaint>) -> Smoke {
    let mut reader = Reader::new(table, "smoke", complaints);
    let smoke = Smoke {
        model: reader.text("model", "a model's name that takes a text", |text| !text.is_empty()),
        text: reader.text("text", "a text", |text| !text.is_empty()),
        key_variable: reader.text(
            "key_variable",
            "the name of a variable that holds an API key, never the key",
            |text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'),
        ),
    };
    reader.end();
    smoke
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = include_str!("../../../infra/environments/example.toml");

    fn complaints(text: &str) -> Vec<String> {
        read("test", text).unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_example_is_read_whole() {
        let settings = read("example", WHOLE).unwrap();
        assert!(settings.network.is_some() && settings.alarms.is_some() && settings.reaper == Some(Source::Build));
        assert_eq!(settings.fleet.unwrap().package, Some(Source::Build));
        let edge = settings.edge.unwrap();
        assert_eq!((edge.url().as_str(), edge.rollout_percent), ("https://jobs.example.com", vec![10, 50, 100]));
        assert_eq!(settings.report_secret, "forebay/report-secret");
    }

    #[test]
    fn the_least_that_is_needed_is_a_prefix_and_an_account() {
        let least =
            "prefix = \"abc\"\n[aws]\nregion = \"eu-west-1\"\naccount = \"123456789012\"\ncode_bucket = \"code\"";
        let settings = read("test", least).unwrap();
        assert_eq!((settings.network, settings.fleet, settings.edge, settings.reaper), (None, None, None, None));
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let wrong = WHOLE.replace("\"123456789012\"", "123456789012").replace("prefix = \"forebay\"", "prefix = \"F\"");
        let wrong = wrong.replace("[10, 50, 100]", "[50, 10]").replace("domain =", "domian =");
        let found = complaints(&wrong);
        for part in [
            "prefix: found \"F\"; allowed is 3 to 28",
            "aws.account: found 123456789012; allowed is the account's twelve digits",
            "edge.domain: found nothing",
            "edge.domian: found a key that nothing reads; allowed is one of account, domain",
            "edge.rollout_percent: found [50, 10]; allowed is shares that rise",
        ] {
            assert!(found.iter().any(|complaint| complaint.starts_with(part)), "{part}: {found:#?}");
        }
        assert_eq!(found.len(), 5, "{found:#?}");
    }

    #[test]
    fn an_empty_file_is_told_all_that_it_lacks() {
        let found = complaints("");
        let keys: Vec<&str> = found.iter().filter_map(|complaint| complaint.split(':').next()).collect();
        assert_eq!(keys, ["prefix", "aws.region", "aws.account", "aws.code_bucket"]);
    }

    #[test]
    fn no_secret_and_no_prefix_of_its_own_is_taken() {
        for (from, to, key) in [
            ("[edge.variables]", "[edge.variables]\nADMIN_TOKEN = \"x\"", "edge.variables.ADMIN_TOKEN"),
            ("[edge.variables]", "[edge.variables]\nBUCKET_URL = \"x\"", "edge.variables.BUCKET_URL"),
            ("[network]", "[network]\nPrefix = \"x\"", "network.Prefix"),
            ("NatGateway = \"yes\"", "NatGateway = true", "network.NatGateway"),
        ] {
            let found = complaints(&WHOLE.replace(from, to));
            assert!(found.len() == 1 && found[0].starts_with(key), "{found:?}");
        }
        assert!(complaints("prefix = ")[0].contains("allowed is TOML"));
    }
}
