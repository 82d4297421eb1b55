use std::path::{Path, PathBuf};

use forebay_contract::catalog::ModelSpec;
use serde::Deserialize;

use super::{
    check,
    task::{AudioTable, GenerateTable, ImageTable, StepsTable, Task, TensorTable, TextTable, UpscaleTable},
};
use crate::batch::{Limits, Pace};

/// A `model.toml`, read strictly and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// What clients may ask: the `[model]` table.
    pub spec: ModelSpec,
    /// What the worker does with it.
    pub task: Task,
    /// The folder that holds this and the files it names.
    pub folder: PathBuf,
    /// The TorchScript file, beside its `model.toml`.
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
    /// The most cells of one batch, padding included: tokens, pixels or numbers.
    #[serde(default)]
    pub max_cells: Option<u64>,
    /// How long a job may take from being ready to its answer while others leave it room, in milliseconds: batches
    /// become smaller and wait for less until it holds.
    #[serde(default)]
    pub target_ms: Option<u64>,
}

impl BatchTable {
    /// The same for the planner, which adds what it learns.
    pub fn pace(self) -> Pace {
        let limits = Limits {
            max_rows: self.max_items,
            max_cells: self.max_cells.unwrap_or(u64::MAX),
            max_wait_us: self.max_wait_ms.saturating_mul(1000),
            ..Limits::default()
        };
        Pace::new(limits, self.target_ms.map(|target_ms| target_ms.saturating_mul(1000)))
    }
}

/// What is wrong with a manifest: the file, the key, what was found and what is allowed.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {what}")]
pub struct ManifestError {
    /// The path of the manifest.
    pub file: String,
    /// The key that is wrong, what was found there and what is allowed.
    pub what: String,
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) model: ModelSpec,
    #[serde(default)]
    pub(super) weights: Weights,
    pub(super) image: Option<ImageTable>,
    pub(super) text: Option<TextTable>,
    pub(super) generate: Option<GenerateTable>,
    pub(super) tensor: Option<TensorTable>,
    pub(super) upscale: Option<UpscaleTable>,
    pub(super) steps: Option<StepsTable>,
    pub(super) audio: Option<AudioTable>,
    #[serde(default)]
    pub(super) output: Output,
    pub(super) batch: Option<BatchTable>,
}

/// `[weights]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Weights {
    #[serde(default = "default_weights")]
    pub(super) file: String,
    pub(super) sha256: Option<String>,
    #[serde(default)]
    pub(super) precision: Precision,
}

impl Default for Weights {
    fn default() -> Self {
        Self { file: default_weights(), sha256: None, precision: Precision::default() }
    }
}

fn default_weights() -> String {
    "model.pt".to_owned()
}

/// Pictures that are upscaled differ in size, so each runs alone.
fn default_batch(task: &Task) -> BatchTable {
    let max_items = if matches!(task, Task::ImageUpscale(_)) { 1 } else { 8 };
    BatchTable { max_items, max_wait_ms: 10, max_cells: None, target_ms: None }
}

/// `[output]`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Output {
    pub(super) labels: Option<String>,
}

impl Manifest {
    /// Reads `text`, the content of `file`, which lies in its model's folder.
    pub fn parse(file: &Path, text: &str) -> Result<Self, ManifestError> {
        let complain = |what: String| ManifestError { file: file.display().to_string(), what };
        if text.trim().is_empty() {
            return Err(complain("the file is empty; models/README.md says what belongs in it".to_owned()));
        }
        let read: File = toml::from_str(text).map_err(|error| complain(error.to_string()))?;
        let task = check::task(&read).map_err(complain)?;
        let batch = read.batch.unwrap_or_else(|| default_batch(&task));
        let folder = file.parent().unwrap_or(Path::new(".")).to_owned();
        let beside = |name: &str| folder.join(name);
        Ok(Self {
            weights: beside(&read.weights.file),
            labels: read.output.labels.as_deref().map(beside),
            task,
            batch,
            precision: read.weights.precision,
            weights_sha256: read.weights.sha256,
            spec: read.model,
            folder,
        })
    }

    /// `name@version`
    pub fn id(&self) -> String {
        format!("{}@{}", self.spec.name, self.spec.version)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Look;

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
        let limits = Limits { max_rows: 8, max_wait_us: 10_000, ..Limits::default() };
        assert_eq!(manifest.batch.pace().limits(limits.price), limits);
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
            (
                "[tensor]",
                "[batch]\nmax_items = 1\nmax_wait_ms = 1\ntarget_ms = 0\n[tensor]",
                "batch.target_ms: found 0",
            ),
            ("[tensor]", "[weights]\nfile = \"../x\"\n[tensor]", "weights.file: found \"../x\"; allowed is the name"),
            ("[tensor]", "[weights]\nsha256 = \"x\"\n[tensor]", "weights.sha256: found \"x\"; allowed are 64"),
            (
                "[tensor]",
                "[text]\ntokenizer = \"t\"\nmax_tokens = 9\nmax_chars = 9\n[tensor]",
                "[text]: found; model.task",
            ),
            ("[tensor]", "[weights]\nprecision = \"fp8\"\n[tensor]", "unknown variant `fp8`, expected one of `fp32`"),
        ] {
            let found = complaint(&TENSOR.replace(from, to));
            assert!(found.starts_with("models/doubler/1/model.toml: "), "{found}");
            assert!(found.contains(expect), "{found}");
        }
    }

    fn task(task: &str, kind: &str, tables: &str) -> Result<Manifest, String> {
        let text = TENSOR.replace("[tensor]\nshape = [4]\n", tables).replace("\"tensor\"", &format!("\"{kind}\""));
        let text = text.replace(&format!("task = \"{kind}\""), &format!("task = \"{task}\""));
        let text = if kind == "image" {
            text.replace("max_bytes = 1000", "max_bytes = 1000, image = { min_side = 1, max_pixels = 1_000_000 }")
        } else {
            text
        };
        Manifest::parse(Path::new("m/1/model.toml"), &text).map_err(|error| error.to_string())
    }

    #[test]
    fn every_task_has_its_tables() {
        let text = "[text]\ntokenizer = \"t.json\"\nmax_tokens = 8\nmax_chars = 99\n";
        let steps = format!("{text}[steps]\nmax_new_tokens = 4\nstop = [\"</s>\"]\n");
        let generate = task("text-generate", "text", &steps).unwrap();
        let Task::TextGenerate(_, steps_table) = &generate.task else { panic!("{:?}", generate.task) };
        assert_eq!((steps_table.max_new_tokens, steps_table.report_every), (4, 8));
        assert_eq!(steps_table.context, None);
        let context = |context: &str, begin: &str| {
            task("text-generate", "text", &format!("{text}[steps]\nmax_new_tokens = 4\ncontext = {context}\n{begin}"))
        };
        assert!(context("5", "").is_ok() && context("6", "begin = \"<s>\"\n").is_ok());
        let found = context("5", "begin = \"<s>\"\n").unwrap_err();
        assert!(found.contains("steps.max_new_tokens: found 4; allowed is at most 3: steps.context is 5"), "{found}");
        assert!(context("1", "").unwrap_err().contains("steps.context: found 1; allowed is 2 to 16777216"));
        assert!(task("text-generate", "text", text).unwrap_err().contains("[steps]: missing"));
        assert!(task("text-embed", "text", &steps).unwrap_err().contains("[steps]: found"));

        let upscale = task("image-upscale", "image", "[upscale]\nscale = 4\n").unwrap();
        assert_eq!(upscale.batch.max_items, 1);
        for (table, expect) in [
            ("[upscale]\nscale = 9\n", "upscale.scale: found 9; allowed is 1 to 8"),
            (
                "[upscale]\nscale = 2\n[batch]\nmax_items = 4\nmax_wait_ms = 1\n",
                "batch.max_items: found 4; allowed is 1",
            ),
            ("[upscale]\nscale = 2\nstd = [1.0, 0.0, 1.0]\n", "upscale.std: found 0"),
            ("[upscale]\nscale = 2\nrange = [1.0, 0.0]\n", "upscale.range: found [1, 0]"),
        ] {
            let found = task("image-upscale", "image", table).unwrap_err();
            assert!(found.contains(expect), "{found}");
        }

        let image = "[image]\nresize_short = 8\ncrop = 8\nmean = [0.5, 0.5, 0.5]\nstd = [0.5, 0.5, 0.5]\n";
        let look = |more: &str| match task("image-classify", "image", &format!("{image}{more}")).map(|found| found.task)
        {
            Ok(Task::ImageClassify(table)) => Ok(table.look()),
            other => Err(format!("{other:?}")),
        };
        assert_eq!(look(""), Ok(Look { background: [255; 3], exif_orientation: true }));
        let said = "background = [0, 128, 255]\nexif_orientation = false\n";
        assert_eq!(look(said), Ok(Look { background: [0, 128, 255], exif_orientation: false }));
        assert!(look("background = [0, 0, 256]\n").unwrap_err().contains("256"));

        assert!(task("audio-classify", "audio", "[audio]\nsample_rate = 16000\nsamples = 512\n").is_ok());
        let found = task("audio-classify", "audio", "[audio]\nsample_rate = 1\nsamples = 512\n").unwrap_err();
        assert!(found.contains("audio.sample_rate: found 1; allowed is 1000 to 384000"), "{found}");
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(noise in ".{0,200}", at in 0_usize..400) {
            let _ = Manifest::parse(Path::new("m/1/model.toml"), &noise);
            let at = (0..=at.min(TENSOR.len())).rev().find(|at| TENSOR.is_char_boundary(*at)).unwrap_or(0);
            let _ = Manifest::parse(Path::new("m/1/model.toml"), &format!("{}{noise}{}", &TENSOR[..at], &TENSOR[at..]));
        }
    }
}
