use std::{error::Error, path::Path, sync::Arc};

use tokenizers::{Tokenizer, TruncationDirection, TruncationParams};

use super::{Capacity, Manifest, StepsTable, Task, TextTable};

/// A model whose files on the CPU's side are read: what decoding and rendering need.
pub struct Model {
    /// `name@version`
    pub id: String,
    /// What its `model.toml` says.
    pub manifest: Manifest,
    /// What makes texts into tokens; only models of texts have one.
    pub tokenizer: Option<Tokenizer>,
    /// For texts that are continued.
    pub marks: Marks,
    /// Class names by index; empty when the model has none.
    pub labels: Vec<String>,
    /// How many of its rows the device holds at once, as far as is known.
    pub capacity: Capacity,
}

/// A model that is there but cannot be used. The text is for the log, not for clients.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{what}")]
pub struct ModelError {
    what: String,
    cause: Cause,
    source: Option<Arc<dyn Error + Send + Sync>>,
    repeated: bool,
}

/// Whose fault it is that a model cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// The right bytes were refused.
    Model,
    /// Bytes were refused of which nobody knows whether they are the right ones.
    Bytes,
    /// A file could not be read, or is not the one that is meant.
    File,
    Memory,
    Awaited,
    Time,
    Device,
}

/// The longest text of [`ModelError::whole`].
const MOST_TOLD: usize = 8 << 10;

impl ModelError {
    /// What is wrong on this machine: another one may have what is missing here.
    pub fn new(what: impl Into<String>) -> Self {
        Self::of(Cause::File, what)
    }

    /// The files were read, and what they say is refused. `checked` says whether they are known to be the right ones.
    pub fn refused(what: impl Into<String>, checked: Checked) -> Self {
        Self::of(if checked == Checked::Yes { Cause::Model } else { Cause::Bytes }, what)
    }

    /// The device has too little memory for it as long as it holds what it holds.
    pub fn out_of_memory(what: impl Into<String>) -> Self {
        Self::of(Cause::Memory, what)
    }

    /// It is being opened, and enough jobs wait for it.
    pub(super) fn awaited(id: &str) -> Self {
        Self::of(Cause::Awaited, format!("{id}: it is being opened, and enough jobs wait for it"))
    }

    /// Reading or warming it up took too long.
    pub fn too_slow(what: impl Into<String>) -> Self {
        Self::of(Cause::Time, what)
    }

    /// The device does nothing more for this process.
    pub fn device_lost(what: impl Into<String>) -> Self {
        Self::of(Cause::Device, what)
    }

    fn of(cause: Cause, what: impl Into<String>) -> Self {
        Self { what: what.into(), cause, source: None, repeated: false }
    }

    /// The same, with what it comes from.
    #[must_use]
    pub fn because(self, source: impl Error + Send + Sync + 'static) -> Self {
        Self { source: Some(Arc::new(source)), ..self }
    }

    /// The same, said once more instead of a try.
    #[must_use]
    pub(super) fn again(self) -> Self {
        Self { repeated: true, ..self }
    }

    /// Whether nothing was tried: it says how an earlier try ended.
    pub fn is_repeated(&self) -> bool {
        self.repeated
    }

    /// Whether it may load when others are unloaded.
    pub fn is_out_of_memory(&self) -> bool {
        self.cause == Cause::Memory
    }

    /// Whether it is being opened at the moment, for others.
    pub fn is_awaited(&self) -> bool {
        self.cause == Cause::Awaited
    }

    /// Whether the process must end before any model can be used again.
    pub fn is_device_lost(&self) -> bool {
        self.cause == Cause::Device
    }

    /// Whether every worker would say the same: the bytes are the right ones and were refused for what they are. All
    /// else is this worker's own fault until it is proven otherwise.
    pub fn is_models_own(&self) -> bool {
        self.cause == Cause::Model
    }

    /// Whether the bytes were refused, right or not.
    pub fn is_refusal(&self) -> bool {
        matches!(self.cause, Cause::Model | Cause::Bytes)
    }

    /// The cause, as a metric's label.
    pub fn cause(&self) -> &'static str {
        match self.cause {
            Cause::Model | Cause::Bytes => "refused",
            Cause::File => "file",
            Cause::Memory => "memory",
            Cause::Awaited => "awaited",
            Cause::Time => "time",
            Cause::Device => "device",
        }
    }

    /// All that is known, for the log: the text and those of what it comes from, up to some kilobytes.
    pub fn whole(&self) -> String {
        let (mut text, mut cause) = (self.what.clone(), self.source());
        while let Some(found) = cause {
            text = format!("{text}: {found}");
            cause = found.source();
        }
        text.chars().take(MOST_TOLD).collect()
    }
}

/// Whether the bytes of a model's files are known to be those that are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// They have the SHA-256 that the manifest says.
    Yes,
    /// The manifest names none.
    No,
}

impl Model {
    /// Reads the files that `manifest` names, except the weights: those are the engine's.
    pub fn open(manifest: Manifest) -> Result<Self, ModelError> {
        let tokenizer = match &manifest.task {
            Task::TextEmbed(text) => Some(open_tokenizer(&manifest.folder, text, TruncationDirection::Right)?),
            // What is continued is the end.
            Task::TextGenerate(text, _) => Some(open_tokenizer(&manifest.folder, text, TruncationDirection::Left)?),
            _ => None,
        };
        let marks = match (&manifest.task, &tokenizer) {
            (Task::TextGenerate(_, steps), Some(tokenizer)) => Marks::find(steps, tokenizer)?,
            _ => Marks::default(),
        };
        let labels = match &manifest.labels {
            Some(file) => {
                let text = std::fs::read_to_string(file).map_err(|error| about(file, error))?;
                serde_json::from_str(&text).map_err(|error| about(file, error))?
            }
            None => Vec::new(),
        };
        let capacity = Capacity::new(manifest.batch.max_items);
        Ok(Self { id: manifest.id(), manifest, tokenizer, marks, labels, capacity })
    }
}

fn about(file: &Path, what: impl std::fmt::Display) -> ModelError {
    ModelError::new(format!("{}: {what}", file.display()))
}

/// Batches are padded to their own longest text, whatever the file says.
fn open_tokenizer(folder: &Path, text: &TextTable, direction: TruncationDirection) -> Result<Tokenizer, ModelError> {
    let file = &folder.join(&text.tokenizer);
    let mut tokenizer = Tokenizer::from_file(file).map_err(|error| about(file, error))?;
    let truncation = TruncationParams { max_length: text.max_tokens, direction, ..TruncationParams::default() };
    tokenizer.with_padding(None).with_truncation(Some(truncation)).map_err(|error| about(file, error))?;
    Ok(tokenizer)
}

/// The tokens with which a text that is continued begins and ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// Put before the text.
    pub begin: Option<i64>,
    /// Each of them ends it.
    pub stop: Vec<i64>,
}

impl Marks {
    fn find(steps: &StepsTable, tokenizer: &Tokenizer) -> Result<Self, ModelError> {
        let id = |token: &String| {
            let unknown = || ModelError::new(format!("steps: the tokenizer has no token \"{token}\""));
            tokenizer.token_to_id(token).map(i64::from).ok_or_else(unknown)
        };
        Ok(Self {
            begin: steps.begin.as_ref().map(id).transpose()?,
            stop: steps.stop.iter().map(id).collect::<Result<_, _>>()?,
        })
    }
}
