use forebay_contract::{ParameterValue, Parameters};
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
    /// A picture in, the same picture with more pixels out.
    ImageUpscale(UpscaleTable),
    /// A text in, its continuation out, token by token.
    TextGenerate(TextTable, StepsTable),
    /// A sound in, class probabilities out.
    AudioClassify(AudioTable),
}

impl Task {
    /// The names that `model.task` may have.
    pub const NAMES: &'static str = "image-classify, text-embed, image-generate, tensor, image-upscale, text-generate, \
                                      audio-classify";

    /// The name in `model.task`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ImageClassify(_) => "image-classify",
            Self::TextEmbed(_) => "text-embed",
            Self::ImageGenerate(_) => "image-generate",
            Self::Tensor(_) => "tensor",
            Self::ImageUpscale(_) => "image-upscale",
            Self::TextGenerate(..) => "text-generate",
            Self::AudioClassify(_) => "audio-classify",
        }
    }
}

/// What a picture looks like before its pixels become numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// What is seen through what is transparent: red, green, blue.
    pub background: [u8; 3],
    /// Whether the picture is turned upright as its EXIF orientation says.
    pub exif_orientation: bool,
}

impl Default for Look {
    fn default() -> Self {
        Self { background: white(), exif_orientation: yes() }
    }
}

fn white() -> [u8; 3] {
    [255; 3]
}

fn yes() -> bool {
    true
}

/// `[image]`: decoded, upright, over the background, short side resized (bilinear, antialiased), centre cropped,
/// `(value / 255 − mean) / std`, handed over as `f32 [rows, 3, crop, crop]`.
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
    /// What is seen through what is transparent: red, green, blue; white unless said.
    #[serde(default = "white")]
    pub background: [u8; 3],
    /// Whether EXIF orientation is applied; it is unless said.
    #[serde(default = "yes")]
    pub exif_orientation: bool,
}

impl ImageTable {
    /// What the picture looks like before it is resized.
    pub fn look(&self) -> Look {
        Look { background: self.background, exif_orientation: self.exif_orientation }
    }
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

/// `[upscale]`: decoded, upright, over the background, `(value / 255 − mean) / std`, handed over as `f32 [1, 3, height,
/// width]`; what comes back is `[1, 3, height × scale, width × scale]`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpscaleTable {
    /// How many times as high and as wide the picture becomes.
    pub scale: u32,
    /// What is taken off each channel: red, green, blue.
    #[serde(default)]
    pub mean: [f32; 3],
    /// What each channel is then divided by.
    #[serde(default = "ones")]
    pub std: [f32; 3],
    /// The values that come back for black and for full colour.
    #[serde(default = "unit")]
    pub range: [f32; 2],
    /// What is seen through what is transparent: red, green, blue; white unless said.
    #[serde(default = "white")]
    pub background: [u8; 3],
    /// Whether EXIF orientation is applied; it is unless said.
    #[serde(default = "yes")]
    pub exif_orientation: bool,
}

impl UpscaleTable {
    /// What the picture looks like before it is enlarged.
    pub fn look(&self) -> Look {
        Look { background: self.background, exif_orientation: self.exif_orientation }
    }
}

fn ones() -> [f32; 3] {
    [1.0; 3]
}

fn unit() -> [f32; 2] {
    [0.0, 1.0]
}

/// `[steps]`: how a text is continued. Each step the model is called with all tokens so far, as `[text]` says, and
/// answers `[rows, vocabulary]` or `[rows, tokens, vocabulary]` logits, or `[rows]` next tokens as int64.
///
/// The job's parameters `max_tokens`, `temperature`, `top_k` and `seed` are read where the model declares them; without
/// a temperature the most probable token is taken.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepsTable {
    /// The most tokens that are added, whatever a job asks for.
    pub max_new_tokens: usize,
    /// The most tokens that the model can be called with, the text's and the new ones together. Without it, it can be
    /// called with as many as a text and its continuation may have.
    #[serde(default)]
    pub context: Option<usize>,
    /// A token that is put before the text, such as `<s>`.
    pub begin: Option<String>,
    /// Tokens that end the text, such as `</s>`; they are not part of it.
    #[serde(default)]
    pub stop: Vec<String>,
    /// Progress is reported each time that so many tokens were added.
    #[serde(default = "eight")]
    pub report_every: usize,
}

impl StepsTable {
    /// How many tokens a job with these parameters gets at most.
    pub fn wanted(&self, parameters: &Parameters) -> usize {
        let asked = match parameters.get("max_tokens") {
            Some(ParameterValue::Integer(asked)) => usize::try_from(*asked).ok(),
            _ => None,
        };
        asked.unwrap_or(self.max_new_tokens).min(self.max_new_tokens)
    }
}

fn eight() -> usize {
    8
}

/// `[audio]`: decoded, its channels averaged, resampled, cut off or filled up with silence, handed over as `f32 [rows,
/// samples]` from −1 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudioTable {
    /// Samples a second; sounds of another rate are resampled.
    pub sample_rate: u32,
    /// How many samples the model takes.
    pub samples: usize,
}
