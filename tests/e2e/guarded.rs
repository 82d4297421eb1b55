//! Models and plans for promises about lanes, versions, breakers and deadlines: small caps, made-up costs, no weights.

use std::{fs, path::PathBuf};

use anyhow::Result;

use crate::stack::{Infra, Options};

/// What the lane of free heavy work takes.
pub const CAP_MS: u64 = 3_000;
/// Device milliseconds a second that it is expected to work off.
pub const RATE_MS: u64 = 250;
/// What one job of `vast` costs; it is heavy.
pub const VAST_MS: u64 = 1_000;
/// What the lane of paid heavy work takes.
pub const WIDE_CAP_MS: u64 = 20_000;
/// What the plan `gentle` allows a minute while that lane is empty, and the share of it that is guaranteed.
pub const GENTLE_RATE: u64 = 1_000;
pub const GUARANTEED: f64 = 0.2;
/// What one job of `slow` costs; it is light.
pub const SLOW_MS: u64 = 5_000;

/// Name, version, half of the lane, cost.
const MODELS: [(&str, &str, &str, u64); 11] = [
    ("vast", "1", "heavy", VAST_MS),
    ("slow", "1", "light", SLOW_MS),
    ("shaky", "1", "light", 1),
    ("shaky", "2", "light", 1),
    ("lonely", "1", "light", 1),
    ("sturdy", "1", "light", 1),
    ("split", "1", "light", 1),
    ("split", "2", "light", 1),
    ("split", "3", "light", 1),
    ("split", "4", "light", 1),
    ("split", "5", "light", 1),
];

const SERVING: &str = r#"
[serve.shaky]
version = "1"
weights = { "1" = 0, "2" = 100 }

[serve.split]
version = "1"
weights = { "1" = 70, "2" = 30 }
plans = { beta = "3" }
groups = { testers = "4" }

[serve.nickname]
model = "split"
version = "5"

[tasks]
splitting = "split"
"#;

/// The options of stacks that have these models, which are written into `folder`.
pub fn options(folder: PathBuf) -> Result<Options> {
    for (name, version, work, cost_ms) in MODELS {
        let folder = folder.join(name).join(version);
        fs::create_dir_all(&folder)?;
        let manifest = format!(
            r#"
[model]
name = "{name}"
version = "{version}"
task = "nothing"
title = "Never runs"
licence = "Apache-2.0"
work = "{work}"
cost_ms = {cost_ms}.0
input = {{ kind = "text", max_bytes = 1_000 }}
"#
        );
        fs::write(folder.join("model.toml"), manifest)?;
    }
    let plan = |name: &str, class: &str| {
        let limit = "dimension = \"account\", quantity = 100000, unit = \"requests\"";
        format!(
            "[plans.{name}]\nclass = \"{class}\"\nlimits = [\
             {{ name = \"pace\", algorithm = \"token-bucket\", window = \"1m\", {limit} }}, \
             {{ name = \"in-flight\", algorithm = \"in-flight\", {limit} }}]\n"
        )
    };
    let gentle = format!(
        "[plans.gentle]\nclass = \"paid\"\nguaranteed = {GUARANTEED}\nlimits = [{{ name = \"pace\", dimension = \"account\", \
         algorithm = \"token-bucket\", quantity = {GENTLE_RATE}, window = \"1m\", unit = \"requests\" }}]\n"
    );
    let plans = [plan("pro", "paid"), plan("beta", "paid"), plan("free", "free"), gentle].concat();
    let lane = |class: &str, work: &str, more: &str| {
        format!("[lanes.{class}-{work}]\nclass = \"{class}\"\nwork = \"{work}\"\n{more}\n")
    };
    let lanes = [
        lane("paid", "light", ""),
        lane("paid", "heavy", &format!("backlog_ms = {WIDE_CAP_MS}")),
        lane("free", "light", ""),
        lane("free", "heavy", &format!("backlog_ms = {CAP_MS}\nrate = {RATE_MS}")),
    ];
    Ok(Options {
        models_dir: Some(folder),
        serving: Some(SERVING.to_owned()),
        plans: Some(plans),
        lanes: Some(lanes.concat()),
        infra: Infra::Common,
        ..Options::default()
    })
}
