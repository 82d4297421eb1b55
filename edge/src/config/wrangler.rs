//! What `wrangler.jsonc` says of the edge in development and in production, held to one another.

use std::collections::BTreeMap;

use forebay_account::settings::Faults;
use serde_json::{Value, json};

use super::Config;

/// Secrets and addresses of the operator, which no file of the project holds.
const TOLD: [(&str, &str); 6] = [
    ("AWS_REGION", "eu-west-1"),
    ("QUEUE_URL_PREFIX", "https://sqs.eu-west-1.amazonaws.com/123456789012/forebay"),
    ("BUCKET_URL", "https://forebay-data.s3.eu-west-1.amazonaws.com"),
    ("AWS_ACCESS_KEY_ID", "AKIA…"),
    ("AWS_SECRET_ACCESS_KEY", "…"),
    ("REPORT_SECRET", "0123456789abcdef0123456789abcdef"),
];

/// Comments stand on lines of their own.
fn file() -> Value {
    let text = include_str!("../../wrangler.jsonc");
    let lines: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    serde_json::from_str(&lines).unwrap()
}

/// The variables of a part of the file, and these besides or instead.
fn variables(part: &Value, told: &[(&str, &str)]) -> BTreeMap<String, String> {
    let own = part["vars"].as_object().unwrap().iter();
    let own = own.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
    own.chain(told.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))).collect()
}

fn read(variables: &BTreeMap<String, String>) -> Result<Config, Faults> {
    Config::read(&|name| variables.get(name).cloned())
}

#[test]
fn production_binds_what_development_binds() {
    let development = file();
    let production = &development["env"]["production"];
    assert_eq!(production["durable_objects"], development["durable_objects"]);
    let names = |list: &Value, key: &str| -> Vec<String> {
        list.as_array().unwrap().iter().map(|binding| binding[key].as_str().unwrap().to_owned()).collect()
    };
    for (list, key) in [("kv_namespaces", "binding"), ("ratelimits", "name")] {
        assert_eq!(names(&production[list], key), names(&development[list], key), "{list}");
    }
    // What wrangler does not inherit is there again. Of two places for migrations one would be forgotten.
    assert_eq!(production.get("migrations"), None);
    let inherited =
        ["$schema", "name", "main", "compatibility_date", "build", "assets", "send_metrics", "migrations", "env"];
    for key in development.as_object().unwrap().keys() {
        assert!(inherited.contains(&key.as_str()) || production.get(key).is_some(), "{key} is not in production");
    }
    let more = ["AWS_REGION", "QUEUE_URL_PREFIX", "BUCKET_URL"];
    let told: Vec<_> = more.iter().map(|name| (*name, "")).collect();
    assert_eq!(variables(&development, &told), variables(production, &[]), "the same variables");
}

#[test]
fn production_is_reached_by_its_own_domain_alone_and_has_its_limits() {
    let file = file();
    let production = &file["env"]["production"];
    for part in [&file, production] {
        assert_eq!((&part["workers_dev"], &part["preview_urls"]), (&json!(false), &json!(false)));
    }
    let routes = production["routes"].as_array().unwrap();
    assert!(!routes.is_empty() && routes.iter().all(|route| route["custom_domain"] == true), "{routes:?}");
    assert!(production["placement"]["region"].as_str().unwrap().starts_with("aws:"));
    assert!((1..=30_000).contains(&production["limits"]["cpu_ms"].as_u64().unwrap()));
    let logs = &production["observability"]["logs"];
    assert!((0.0..=1.0).contains(&logs["head_sampling_rate"].as_f64().unwrap()));
    // They would hold the key that browsers send as a WebSocket's subprotocol.
    assert_eq!(logs["invocation_logs"], false);
}

#[test]
fn no_part_of_the_file_names_a_secret_or_a_machine_at_home() {
    let file = file();
    for part in [&file, &file["env"]["production"]] {
        for (name, value) in variables(part, &[]) {
            let is_secret = ["SECRET", "TOKEN", "ACCESS_KEY"].iter().any(|word| name.contains(word));
            assert!(!is_secret && !name.contains("ALLOW_LOOPBACK"), "{name}");
            assert!(value.is_empty() || !value.starts_with("http:"), "{name} is {value}");
        }
    }
}

#[test]
fn a_half_configured_edge_says_what_it_lacks() {
    let file = file();
    let development = read(&variables(&file, &[])).err().unwrap();
    let names = TOLD.map(|(name, _)| name);
    let told = |faults: &Faults| {
        let mut missing = faults.missing.clone();
        missing.sort_unstable();
        (missing, faults.wrong.clone())
    };
    let mut all = names.to_vec();
    all.sort_unstable();
    assert_eq!(told(&development), (all.clone(), Vec::new()), "deployed as it is in development");
    let production = &file["env"]["production"];
    assert_eq!(told(&read(&variables(production, &[])).err().unwrap()), (all, Vec::new()), "nothing was told");
    for name in names {
        let others: Vec<_> = TOLD.into_iter().filter(|(other, _)| *other != name).collect();
        assert_eq!(told(&read(&variables(production, &others)).err().unwrap()), (vec![name], Vec::new()));
    }
    for (name, value) in [
        ("QUEUE_URL_PREFIX", "http://127.0.0.1:4566/000000000000/forebay"),
        ("BUCKET_URL", "http://127.0.0.1:4566/forebay-data"),
        ("AWS_REGION", "us-east-1"),
        ("REPORT_SECRET", "secret"),
        ("ADMIN_TOKEN", "0123456789abcdef"),
        ("RESULT_LIFETIME_DAYS", "forever"),
    ] {
        let wrong = read(&variables(production, &[&TOLD[..], &[(name, value)]].concat())).err().unwrap();
        assert_eq!(told(&wrong), (Vec::new(), vec![name]));
    }
    let config = read(&variables(production, &TOLD)).unwrap_or_else(|faults| panic!("{faults}"));
    assert!(config.admin_tokens.is_empty(), "nobody manages keys before ADMIN_TOKEN is set");
}
