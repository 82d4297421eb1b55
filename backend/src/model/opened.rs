use std::path::Path;

use tokenizers::{Tokenizer, TruncationDirection, TruncationParams};

use super::{Capacity, Manifest, StepsTable, Task, TextTable};

/// A model whose files on the CPU's side are read: what decoding and rendering need.
pub struct Model {
    /// `name@version`
    pub id: String,
    /// What `model.toml` says.
    pub manifest: Manifest,
    /// For texts.
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
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Model,
    Memory,
    Awaited,
}

impl ModelError {
    /// What is wrong.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), cause: Cause::Model }
    }

    /// The device has too little memory for it as long as it holds what it holds.
    pub fn out_of_memory(what: impl Into<String>) -> Self {
        Self { what: what.into(), cause: Cause::Memory }
    }

    /// It is being opened, and enough jobs wait for it.
    pub(super) fn awaited(id: &str) -> Self {
        Self { what: format!("{id}: it is being opened, and enough jobs wait for it"), cause: Cause::Awaited }
    }

    /// Whether it may load when others are unloaded.
    pub fn is_out_of_memory(&self) -> bool {
        self.cause == Cause::Memory
    }

    /// Whether it is being opened at the moment, for others.
    pub fn is_awaited(&self) -> bool {
        self.cause == Cause::Awaited
    }
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
