use std::time::Duration;

use super::{Engine, RunError};
use crate::{
    array::Array,
    features::BatchInput,
    model::{Model, ModelError, Task},
};

/// A first number that makes the whole batch fail, as a poison input does to a real model.
pub const FAIL_BATCH: f32 = -666.0;

/// A first number that is answered with NaN.
pub const ANSWER_NAN: f32 = -777.0;

/// A first number that makes a batch of more rows than the second number says run out of memory.
pub const HOLDS_AT_MOST: f32 = -555.0;

/// A first number that makes the call never end, as a device does that hangs.
pub const HANG: f32 = -888.0;

/// A first number that loses the device: whatever this engine is asked from then on, it answers that.
pub const LOSE_DEVICE: f32 = -999.0;

/// An engine without weights, for tests of everything around engines: each row's answer is a function of that row.
///
/// * image-classify: one logit a label (ten without labels), the row's numbers summed up in turn;
/// * text-embed: a unit vector of eight numbers, made of the token ids;
/// * image-generate: pictures of 8 × 8 made of the noise;
/// * tensor: each number doubled;
/// * image-upscale: each pixel repeated;
/// * text-generate: the token after the last one, as logits;
/// * audio-classify: as image-classify.
#[derive(Debug, Clone, Copy, Default)]
pub struct DeterministicEngine {
    /// How long each batch takes.
    delay: Duration,
    lost: bool,
}

impl DeterministicEngine {
    /// Each batch takes so long.
    pub fn slow(delay: Duration) -> Self {
        Self { delay, lost: false }
    }
}

/// As torch says it.
const LOST: &str = "CUDA error: device-side assert triggered";

impl Engine for DeterministicEngine {
    fn device(&self) -> String {
        "test".to_owned()
    }

    fn load(&mut self, model: &Model) -> Result<(), ModelError> {
        if self.lost { Err(ModelError::device_lost(format!("{}: {LOST}", model.id))) } else { Ok(()) }
    }

    fn run(&mut self, model: &Model, input: &BatchInput) -> Result<Array<f32>, RunError> {
        std::thread::sleep(self.delay);
        self.lost |= matches!(input, BatchInput::Rows(rows) if firsts(rows).any(|first| first == LOSE_DEVICE));
        if self.lost {
            return Err(RunError::DeviceLost(LOST.to_owned()));
        }
        let (width, data): (usize, Vec<f32>) = match input {
            BatchInput::Tokens { ids, mask } => match (&model.manifest.task, &model.tokenizer) {
                (Task::TextGenerate(..), Some(tokenizer)) => {
                    let vocabulary = tokenizer.get_vocab_size(true).max(2);
                    (vocabulary, count_on(ids, mask, vocabulary))
                }
                _ => (8, embed(ids, mask)),
            },
            BatchInput::Rows(rows) => {
                if firsts(rows).any(|first| first == FAIL_BATCH) {
                    return Err(RunError::Refused("RuntimeError: the input is marked to fail".to_owned()));
                }
                if holds_at_most(rows).is_some_and(|most| rows.rows() > most) {
                    return Err(RunError::OutOfMemory);
                }
                while firsts(rows).any(|first| first == HANG) {
                    std::thread::park();
                }
                answer(&model.manifest.task, model.labels.len(), rows)
            }
        };
        let shape = match model.manifest.task {
            Task::ImageGenerate(_) => vec![input.rows(), 3, 8, 8],
            Task::ImageUpscale(table) => enlarged(input, table.scale as usize),
            Task::Tensor(ref table) => std::iter::once(input.rows()).chain(table.shape.iter().copied()).collect(),
            _ => vec![input.rows(), width],
        };
        Array::new(shape, data).ok_or_else(|| RunError::Refused("RuntimeError: shapes do not fit".to_owned()))
    }
}

fn row_width(rows: &Array<f32>) -> usize {
    rows.row_shape().iter().product::<usize>().max(1)
}

fn firsts(rows: &Array<f32>) -> impl Iterator<Item = f32> {
    rows.data().chunks(row_width(rows)).filter_map(|row| row.first().copied())
}

fn holds_at_most(rows: &Array<f32>) -> Option<usize> {
    let marked = rows.data().chunks(row_width(rows)).filter(|row| row.first() == Some(&HOLDS_AT_MOST));
    marked.filter_map(|row| row.get(1).map(|most| *most as usize)).min()
}

fn answer(task: &Task, labels: usize, rows: &Array<f32>) -> (usize, Vec<f32>) {
    let width = match task {
        Task::ImageClassify(_) | Task::AudioClassify(_) => labels.max(10),
        Task::ImageGenerate(_) => 3 * 8 * 8,
        _ => row_width(rows),
    };
    let mut data = Vec::with_capacity(width * rows.rows());
    for row in rows.data().chunks(row_width(rows)) {
        if row.first() == Some(&ANSWER_NAN) {
            data.extend(std::iter::repeat_n(f32::NAN, width));
            continue;
        }
        match task {
            Task::ImageClassify(_) | Task::AudioClassify(_) => data.extend(fold(row, width)),
            Task::ImageUpscale(table) => data.extend(repeat(row, rows.row_shape(), table.scale as usize)),
            Task::ImageGenerate(_) => data.extend(row.iter().cycle().take(width).map(|noise| noise.tanh())),
            _ => data.extend(row.iter().map(|number| number * 2.0)),
        }
    }
    (width, data)
}

/// Sums of every `width`-th number, each from its own start.
fn fold(row: &[f32], width: usize) -> impl Iterator<Item = f32> {
    (0..width).map(move |start| row.iter().skip(start).step_by(width).sum::<f32>() * 0.01)
}

fn enlarged(input: &BatchInput, scale: usize) -> Vec<usize> {
    match input {
        BatchInput::Rows(rows) => match rows.shape() {
            [rows, channels, height, width] => vec![*rows, *channels, height * scale, width * scale],
            other => other.to_vec(),
        },
        BatchInput::Tokens { .. } => Vec::new(),
    }
}

/// Each pixel of `[channels, height, width]`, `scale` times in both directions.
fn repeat(row: &[f32], shape: &[usize], scale: usize) -> Vec<f32> {
    let width = shape.last().copied().unwrap_or(1).max(1);
    let lines = row.chunks(width).flat_map(|line| std::iter::repeat_n(line, scale));
    lines.flatten().flat_map(|pixel| std::iter::repeat_n(*pixel, scale)).collect()
}

/// Logits that say that the next token is the one after the last.
fn count_on(ids: &Array<i64>, mask: &Array<i64>, vocabulary: usize) -> Vec<f32> {
    let longest = ids.row_shape().first().copied().unwrap_or(1).max(1);
    let mut data = Vec::with_capacity(ids.rows() * vocabulary);
    for (ids, mask) in ids.data().chunks(longest).zip(mask.data().chunks(longest)) {
        let last = ids.iter().zip(mask).rfind(|(_, mask)| **mask == 1).map_or(0, |(id, _)| *id);
        let next = (last.unsigned_abs() as usize + 1) % vocabulary;
        data.extend((0..vocabulary).map(|id| if id == next { 10.0 } else { 0.0 }));
    }
    data
}

fn embed(ids: &Array<i64>, mask: &Array<i64>) -> Vec<f32> {
    let longest = ids.row_shape().first().copied().unwrap_or(1).max(1);
    let mut data = Vec::with_capacity(ids.rows() * 8);
    for (ids, mask) in ids.data().chunks(longest).zip(mask.data().chunks(longest)) {
        let mut vector = [1.0_f32; 8];
        for (position, (id, _)) in ids.iter().zip(mask).filter(|(_, mask)| **mask == 1).enumerate() {
            if let Some(number) = vector.get_mut((id.unsigned_abs() as usize + position) % 8) {
                *number += 1.0 + (id % 97) as f32;
            }
        }
        let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
        data.extend(vector.map(|number| number / length));
    }
    data
}
