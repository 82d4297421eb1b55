//! What types cannot say of a `model.toml`.

use forebay_contract::InputKind;

use super::{
    manifest::File,
    task::{AudioTable, GenerateTable, ImageTable, StepsTable, Task, TextTable, UpscaleTable},
};

/// The most numbers one row may have: 256 MB of them.
const MAX_ROW: usize = 1 << 26;

/// Checks the whole file, and makes the task of its tables.
pub(super) fn task(file: &File) -> Result<Task, String> {
    file.model
        .validate()
        .map_err(|complaints| complaints.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
    tables(file)?;
    names(file)?;
    if let Some(found) = file.weights.sha256.as_ref().filter(|text| !is_sha256(text)) {
        return Err(format!("weights.sha256: found \"{found}\"; allowed are 64 lower-case hex digits"));
    }
    let task = read(file)?;
    if let Some(batch) = file.batch {
        // Pictures that are upscaled differ in size, and so do not fit together.
        let most = if matches!(task, Task::ImageUpscale(_)) { 1 } else { 4096 };
        in_range("batch.max_items", batch.max_items as u64, 1, most)?;
        in_range("batch.max_wait_ms", batch.max_wait_ms, 0, 10_000)?;
        in_range("batch.max_cells", batch.max_cells.unwrap_or(1), 1, 1 << 40)?;
        in_range("batch.target_ms", batch.target_ms.unwrap_or(1), 1, 600_000)?;
    }
    Ok(task)
}

/// Each task has its tables and no others.
fn tables(file: &File) -> Result<(), String> {
    let task = file.model.task.as_str();
    let (expected, kind): (&[&str], InputKind) = match task {
        "image-classify" => (&["image"], InputKind::Image),
        "text-embed" => (&["text"], InputKind::Text),
        "image-generate" => (&["generate"], InputKind::None),
        "tensor" => (&["tensor"], InputKind::Tensor),
        "image-upscale" => (&["upscale"], InputKind::Image),
        "text-generate" => (&["text", "steps"], InputKind::Text),
        "audio-classify" => (&["audio"], InputKind::Audio),
        other => return Err(format!("model.task: found \"{other}\"; allowed are {}", Task::NAMES)),
    };
    let takes = expected.iter().map(|table| format!("[{table}]")).collect::<Vec<_>>().join(" and ");
    if file.model.input.kind != kind {
        return Err(format!(
            "model.input.kind: does not go with model.task = \"{task}\"; allowed is the kind of {takes}"
        ));
    }
    let tables = [
        ("image", file.image.is_some()),
        ("text", file.text.is_some()),
        ("generate", file.generate.is_some()),
        ("tensor", file.tensor.is_some()),
        ("upscale", file.upscale.is_some()),
        ("steps", file.steps.is_some()),
        ("audio", file.audio.is_some()),
    ];
    for (table, there) in tables {
        if there != expected.contains(&table) {
            let found = if there { "found" } else { "missing" };
            return Err(format!("[{table}]: {found}; model.task = \"{task}\" takes {takes}"));
        }
    }
    Ok(())
}

/// Files are those of the model's own folder.
fn names(file: &File) -> Result<(), String> {
    for (key, name) in [
        ("weights.file", Some(&file.weights.file)),
        ("output.labels", file.output.labels.as_ref()),
        ("text.tokenizer", file.text.as_ref().map(|text| &text.tokenizer)),
    ] {
        if let Some(name) = name.filter(|name| name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.')) {
            return Err(format!("{key}: found \"{name}\"; allowed is the name of a file in the model's folder"));
        }
    }
    Ok(())
}

fn read(file: &File) -> Result<Task, String> {
    match (&file.image, &file.text, &file.steps, &file.generate, &file.tensor, &file.upscale, &file.audio) {
        (Some(image), ..) => self::image(*image),
        (_, Some(text), Some(steps), ..) => generate_text(text, steps),
        (_, Some(text), ..) => self::text(text).map(|()| Task::TextEmbed(text.clone())),
        (_, _, _, Some(generate), ..) => self::generate(generate),
        (_, _, _, _, Some(tensor), ..) => shape("tensor.shape", &tensor.shape).map(|()| Task::Tensor(tensor.clone())),
        (_, _, _, _, _, Some(upscale), _) => self::upscale(file, *upscale),
        (.., Some(audio)) => self::audio(*audio),
        _ => Err(format!("model.task: allowed are {}", Task::NAMES)),
    }
}

fn image(image: ImageTable) -> Result<Task, String> {
    in_range("image.crop", u64::from(image.crop), 1, 4096)?;
    // What lies outside the resized picture could not be cut out of it.
    in_range("image.resize_short", u64::from(image.resize_short), u64::from(image.crop), 4096)?;
    normal("image", image.mean, image.std)?;
    Ok(Task::ImageClassify(image))
}

fn text(text: &TextTable) -> Result<(), String> {
    in_range("text.max_tokens", text.max_tokens as u64, 2, 65_536)?;
    in_range("text.max_chars", text.max_chars as u64, 1, 10_000_000)
}

fn generate_text(text: &TextTable, steps: &StepsTable) -> Result<Task, String> {
    self::text(text)?;
    in_range("steps.max_new_tokens", steps.max_new_tokens as u64, 1, 65_536)?;
    in_range("steps.report_every", steps.report_every as u64, 1, 65_536)?;
    in_range("steps.stop", steps.stop.len() as u64, 0, 64)?;
    if let Some(context) = steps.context {
        in_range("steps.context", context as u64, 2, 1 << 24)?;
        // One token of the text at least, and the one before it.
        let others = 1 + usize::from(steps.begin.is_some());
        let most = context.saturating_sub(others);
        if steps.max_new_tokens > most {
            let found = steps.max_new_tokens;
            return Err(format!(
                "steps.max_new_tokens: found {found}; allowed is at most {most}: steps.context is {context}, and the \
                 text needs a part of it"
            ));
        }
    }
    Ok(Task::TextGenerate(text.clone(), steps.clone()))
}

fn generate(generate: &GenerateTable) -> Result<Task, String> {
    shape("generate.noise_shape", &generate.noise_shape)?;
    rising("generate.range", generate.range)?;
    Ok(Task::ImageGenerate(generate.clone()))
}

fn upscale(file: &File, upscale: UpscaleTable) -> Result<Task, String> {
    in_range("upscale.scale", u64::from(upscale.scale), 1, 8)?;
    normal("upscale", upscale.mean, upscale.std)?;
    rising("upscale.range", upscale.range)?;
    // Three channels of the enlarged picture are one row.
    let most = MAX_ROW as u64 / 3 / u64::from(upscale.scale).pow(2);
    let pixels = file.model.input.image.map_or(0, |image| image.max_pixels);
    in_range("model.input.image.max_pixels", pixels, 1, most)?;
    Ok(Task::ImageUpscale(upscale))
}

fn audio(audio: AudioTable) -> Result<Task, String> {
    in_range("audio.sample_rate", u64::from(audio.sample_rate), 1000, 384_000)?;
    in_range("audio.samples", audio.samples as u64, 1, 1 << 24)?;
    Ok(Task::AudioClassify(audio))
}

fn normal(table: &str, mean: [f32; 3], std: [f32; 3]) -> Result<(), String> {
    if let Some(found) = std.iter().find(|std| !(std.is_finite() && **std > 0.0)) {
        return Err(format!("{table}.std: found {found}; allowed are numbers above 0"));
    }
    match mean.iter().find(|mean| !mean.is_finite()) {
        Some(found) => Err(format!("{table}.mean: found {found}; allowed are finite numbers")),
        None => Ok(()),
    }
}

fn rising(key: &str, [black, full]: [f32; 2]) -> Result<(), String> {
    if black.is_finite() && full.is_finite() && black < full {
        Ok(())
    } else {
        Err(format!("{key}: found [{black}, {full}]; allowed are two rising numbers"))
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
