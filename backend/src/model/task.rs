use serde::Deserialize;

/// What a model is for, with what the worker must know to feed it.
#[derive(Debug, Clone, PartialEq)]
pub enum Task {
    /// A picture in, class probabilities out.
    ImageClassify(ImageTable),
    /// A text in, one vector out.
    TextEmbed(TextTable),
    /// A seed and a count in, pictures out.
    ImageGenerate(GenerateTable),
    /// Numbers in, numbers out.
    Tensor(TensorTable),
}

impl Task {
    /// The names that `model.task` may have.
    pub const NAMES: &'static str = "image-classify, text-embed, image-generate, tensor";

    /// The name in `model.task`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ImageClassify(_) => "image-classify",
            Self::TextEmbed(_) => "text-embed",
            Self::ImageGenerate(_) => "image-generate",
            Self::Tensor(_) => "tensor",
        }
    }
}

/// `[image]`: decoded, short side resized (bilinear, antialiased), centre cropped, `(value / 255 − mean) / std`,
/// handed over as `f32 [rows, 3, crop, crop]`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageTable {
    /// The short side after resizing, in pixels.
    pub resize_short: u32,
    /// The side of the square that is cut out of the middle, in pixels.
    pub crop: u32,
    /// What is taken off each channel: red, green, blue.
    pub mean: [f32; 3],
    /// What each channel is then divided by.
    pub std: [f32; 3],
}

/// `[text]`: tokenised, truncated, padded to the longest of the batch, handed over as `i64 [rows, longest]` twice:
/// ids and mask.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextTable {
    /// The file of the tokenizer (Hugging Face's `tokenizer.json`).
    pub tokenizer: String,
    /// What is longer is cut off.
    pub max_tokens: usize,
    /// What is longer is refused.
    pub max_chars: usize,
}

/// `[generate]`: normal noise from the job's seed, handed over as `f32 [count, …noise_shape]`; what comes back is
/// `[count, 3, height, width]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenerateTable {
    /// The shape of one picture's noise.
    pub noise_shape: Vec<usize>,
    /// The values that stand for black and for full colour.
    pub range: [f32; 2],
}

/// `[tensor]`: a JSON array of this shape, handed over as `f32 [rows, …shape]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorTable {
    /// The shape of one job's numbers.
    pub shape: Vec<usize>,
}
