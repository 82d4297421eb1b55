use std::path::{Path, PathBuf};

use forebay_contract::{InputKind, catalog::ModelSpec};
use serde::Deserialize;

use super::task::{GenerateTable, ImageTable, Task, TensorTable, TextTable};
use crate::batch::Limits;

/// The most numbers one row may have: 256 MB of them.
const MAX_ROW: usize = 1 << 26;

/// A `model.toml`, read strictly and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// What clients may ask: the `[model]` table.
    pub spec: ModelSpec,
    /// What the worker does with it.
    pub task: Task,
    /// The folder that holds this and the files it names.
    pub folder: PathBuf,
    /// The TorchScript file.
    pub weights: PathBuf,
    /// The file's SHA-256 in hex, if the manifest says it.
    pub weights_sha256: Option<String>,
    /// What the model computes with.
    pub precision: Precision,
    /// A JSON array of class names.
    pub labels: Option<PathBuf>,
    /// How jobs are batched.
    pub batch: BatchTable,
}

/// `weights.precision`: what the weights are turned into at load, and the floats a model is called with. Answers are
/// always read as `f32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// As they are trained.
    #[default]
    Fp32,
    /// Half the memory, the range of fp32.
    Bf16,
    /// Half the memory; few CPUs compute with it.
    Fp16,
}

/// `[batch]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchTable {
    /// The most rows of one batch.
    pub max_items: usize,
    /// How long the oldest job waits for company, in milliseconds.
    pub max_wait_ms: u64,
}

impl BatchTable {
    /// The same for the planner.
    pub fn limits(self) -> Limits {
        Limits { max_rows: self.max_items, max_wait_ms: self.max_wait_ms }
    }
}

/// What is wrong with a manifest: the file, the key, what was found and what is allowed.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {what}")]
pub struct ManifestError {
    /// The manifest.
    pub file: String,
    /// Key, found, allowed.
    pub what: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    model: ModelSpec,
    #[serde(default)]
    weights: Weights,
    image: Option<ImageTable>,
    text: Option<TextTable>,
    generate: Option<GenerateTable>,
    tensor: Option<TensorTable>,
    #[serde(default)]
    output: Output,
    #[serde(default = "default_batch")]
    batch: BatchTable,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Weights {
    #[serde(default = "default_weights")]
    file: String,
    sha256: Option<String>,
    #[serde(default)]
    precision: Precision,
}

impl Default for Weights {
    fn default() -> Self {
        Self { file: default_weights(), sha256: None, precision: Precision::default() }
    }
}

fn default_weights() -> String {
    "model.pt".to_owned()
}

fn default_batch() -> BatchTable {
    BatchTable { max_items: 8, max_wait_ms: 10 }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Output {
    labels: Option<String>,
}

impl Manifest {
    /// Reads `text`, the content of `file`, which lies in its model's folder.
    pub fn parse(file: &Path, text: &str) -> Result<Self, ManifestError> {
        let complain = |what: String| ManifestError { file: file.display().to_string(), what };
        if text.trim().is_empty() {
            return Err(complain("the file is empty; models/README.md says what belongs in it".to_owned()));
        }
        let read: File = toml::from_str(text).map_err(|error| complain(error.to_string()))?;
        read.check().map_err(complain)?;
        let folder = file.parent().unwrap_or(Path::new(".")).to_owned();
        let beside = |name: &str| folder.join(name);
        Ok(Self {
            weights: beside(&read.weights.file),
            labels: read.output.labels.as_deref().map(beside),
            task: read.task().map_err(complain)?,
            precision: read.weights.precision,
            weights_sha256: read.weights.sha256,
            spec: read.model,
            batch: read.batch,
            folder,
        })
    }

    /// `name@version`
    pub fn id(&self) -> String {
        format!("{}@{}", self.spec.name, self.spec.version)
    }
}

impl File {
    fn check(&self) -> Result<(), String> {
        self.model
            .validate()
            .map_err(|complaints| complaints.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
        let expected = match self.model.task.as_str() {
            "image-classify" => ("image", InputKind::Image),
            "text-embed" => ("text", InputKind::Text),
            "image-generate" => ("generate", InputKind::None),
            "tensor" => ("tensor", InputKind::Tensor),
            other => return Err(format!("model.task: found \"{other}\"; allowed are {}", Task::NAMES)),
        };
        if self.model.input.kind != expected.1 {
            return Err(format!(
                "model.input.kind: does not go with model.task = \"{}\"; allowed is the kind of [{}]",
                self.model.task, expected.0
            ));
        }
        let tables = [
            ("image", self.image.is_some()),
            ("text", self.text.is_some()),
            ("generate", self.generate.is_some()),
            ("tensor", self.tensor.is_some()),
        ];
        for (table, there) in tables {
            let wanted = table == expected.0;
            if there != wanted {
                let found = if there { "found" } else { "missing" };
                return Err(format!("[{table}]: {found}; model.task = \"{}\" takes [{}]", self.model.task, expected.0));
            }
        }
        for (key, name) in [
            ("weights.file", Some(&self.weights.file)),
            ("output.labels", self.output.labels.as_ref()),
            ("text.tokenizer", self.text.as_ref().map(|text| &text.tokenizer)),
        ] {
            if let Some(name) =
                name.filter(|name| name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.'))
            {
                return Err(format!("{key}: found \"{name}\"; allowed is the name of a file in the model's folder"));
            }
        }
        if let Some(found) = self.weights.sha256.as_ref().filter(|text| !is_sha256(text)) {
            return Err(format!("weights.sha256: found \"{found}\"; allowed are 64 lower-case hex digits"));
        }
        in_range("batch.max_items", self.batch.max_items as u64, 1, 4096)?;
        in_range("batch.max_wait_ms", self.batch.max_wait_ms, 0, 10_000)
    }

    fn task(&self) -> Result<Task, String> {
        if let Some(image) = self.image {
            in_range("image.crop", u64::from(image.crop), 1, 4096)?;
            // What lies outside the resized picture could not be cut out of it.
            in_range("image.resize_short", u64::from(image.resize_short), u64::from(image.crop), 4096)?;
            if let Some(found) = image.std.iter().find(|std| !(std.is_finite() && **std > 0.0)) {
                return Err(format!("image.std: found {found}; allowed are numbers above 0"));
            }
            if let Some(found) = image.mean.iter().find(|mean| !mean.is_finite()) {
                return Err(format!("image.mean: found {found}; allowed are finite numbers"));
            }
            Ok(Task::ImageClassify(image))
        } else if let Some(text) = &self.text {
            in_range("text.max_tokens", text.max_tokens as u64, 2, 65_536)?;
            in_range("text.max_chars", text.max_chars as u64, 1, 10_000_000)?;
            Ok(Task::TextEmbed(text.clone()))
        } else if let Some(generate) = &self.generate {
            shape("generate.noise_shape", &generate.noise_shape)?;
            let [black, full] = generate.range;
            if !(black.is_finite() && full.is_finite() && black < full) {
                return Err(format!("generate.range: found [{black}, {full}]; allowed are two rising numbers"));
            }
            Ok(Task::ImageGenerate(generate.clone()))
        } else if let Some(tensor) = &self.tensor {
            shape("tensor.shape", &tensor.shape)?;
            Ok(Task::Tensor(tensor.clone()))
        } else {
            Err(format!("model.task: allowed are {}", Task::NAMES))
        }
    }
}

fn in_range(key: &str, found: u64, min: u64, max: u64) -> Result<(), String> {
    if (min..=max).contains(&found) { Ok(()) } else { Err(format!("{key}: found {found}; allowed is {min} to {max}")) }
}

fn shape(key: &str, found: &[usize]) -> Result<(), String> {
    let count = found.iter().try_fold(1_usize, |count, side| count.checked_mul(*side));
    if (1..=8).contains(&found.len()) && count.is_some_and(|count| (1..=MAX_ROW).contains(&count)) {
        Ok(())
    } else {
        Err(format!("{key}: found {found:?}; allowed are 1 to 8 sides, together at most {MAX_ROW} numbers"))
    }
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENSOR: &str = r#"
[model]
name = "doubler"
version = "1"
task = "tensor"
title = "Doubles four numbers"
licence = "Apache-2.0"
work = "light"
cost_ms = 1.0
input = { kind = "tensor", max_bytes = 1000 }
[tensor]
shape = [4]
"#;

    fn complaint(text: &str) -> String {
        Manifest::parse(Path::new("models/doubler/1/model.toml"), text).unwrap_err().to_string()
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let manifest = Manifest::parse(Path::new("models/doubler/1/model.toml"), TENSOR).unwrap();
        assert_eq!(manifest.id(), "doubler@1");
        assert_eq!(manifest.weights, Path::new("models/doubler/1/model.pt"));
        assert_eq!(manifest.batch.limits(), Limits { max_rows: 8, max_wait_ms: 10 });
        assert_eq!(manifest.task, Task::Tensor(TensorTable { shape: vec![4] }));
    }

    #[test]
    fn an_empty_file_is_called_empty() {
        assert!(complaint("\n \n").starts_with("models/doubler/1/model.toml: the file is empty"));
    }

    #[test]
    fn complaints_name_file_key_found_and_allowed() {
        for (from, to, expect) in [
            ("shape = [4]", "shape = []", "tensor.shape: found []; allowed are 1 to 8 sides"),
            ("shape = [4]", "shape = [4]\ndtype = 1", "unknown field `dtype`"),
            ("[tensor]\nshape = [4]", "", "[tensor]: missing; model.task = \"tensor\" takes [tensor]"),
            ("task = \"tensor\"", "task = \"guess\"", "model.task: found \"guess\"; allowed are image-classify"),
            ("task = \"tensor\"", "task = \"text-embed\"", "model.input.kind: does not go with"),
            ("cost_ms = 1.0", "cost_ms = 0.0", "model.cost_ms: found 0; allowed is a number above 0"),
            ("[tensor]", "[batch]\nmax_items = 0\nmax_wait_ms = 1\n[tensor]", "batch.max_items: found 0; allowed is 1"),
            ("[tensor]", "[weights]\nfile = \"../x\"\n[tensor]", "weights.file: found \"../x\"; allowed is the name"),
            ("[tensor]", "[weights]\nsha256 = \"x\"\n[tensor]", "weights.sha256: found \"x\"; allowed are 64"),
        ] {
            let found = complaint(&TENSOR.replace(from, to));
            assert!(found.starts_with("models/doubler/1/model.toml: "), "{found}");
            assert!(found.contains(expect), "{found}");
        }
    }
}
