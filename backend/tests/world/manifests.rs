//! The tests' models, as their `model.toml` has them.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::path::Path;

use forebay_backend::model::Manifest;

/// The text of the model `id`, `name@version`, which costs a millisecond. `rest` goes on with its task and its input.
pub(crate) fn toml(id: &str, rest: &str) -> String {
    let (name, version) = id.split_once('@').unwrap();
    format!(
        "[model]\nname = \"{name}\"\nversion = \"{version}\"\ntitle = \"{name}\"\nlicence = \"MIT\"\nwork = \"light\"\n\
         cost_ms = 1.0\n{rest}"
    )
}

/// The manifest that such a text is; its weights lie nowhere.
pub(crate) fn parsed(text: &str) -> Manifest {
    Manifest::parse(Path::new("models/m/1/model.toml"), text).unwrap()
}

/// Doubles two numbers.
pub(crate) fn doubler(version: &str) -> String {
    let rest = "task = \"tensor\"\ninput = { kind = \"tensor\", max_bytes = 1000 }\n[tensor]\nshape = [2]\n\
                [batch]\nmax_items = 8\nmax_wait_ms = 5\n";
    toml(&format!("doubler@{version}"), rest)
}

/// Classifies pictures of `min_side` to `max_pixels`.
pub(crate) fn seer(name: &str, min_side: u32, max_pixels: u32) -> String {
    let rest = format!(
        "task = \"image-classify\"\ninput = {{ kind = \"image\", max_bytes = 1_000_000, image = {{ min_side = {min_side}, \
         max_pixels = {max_pixels} }} }}\n[image]\nresize_short = 16\ncrop = 16\nmean = [0.5, 0.5, 0.5]\n\
         std = [0.5, 0.5, 0.5]\n[batch]\nmax_items = 8\nmax_wait_ms = 5\n"
    );
    toml(&format!("{name}@1"), &rest)
}

/// Classifies sounds: so many samples at this rate.
pub(crate) fn listener(sample_rate: u32, samples: usize) -> String {
    let rest = format!(
        "task = \"audio-classify\"\ninput = {{ kind = \"audio\", max_bytes = 1000 }}\n\
         [audio]\nsample_rate = {sample_rate}\nsamples = {samples}\n"
    );
    toml("listener@1", &rest)
}

/// Makes `count` pictures of a MiB of noise each out of a seed, so that what is sent takes next to nothing.
pub(crate) fn dreamer() -> String {
    let rest = "task = \"image-generate\"\ninput = { kind = \"none\", max_bytes = 0 }\n\
                [model.parameters.seed]\ntype = \"integer\"\nmin = 0\nmax = 1000\n\
                [model.parameters.count]\ntype = \"integer\"\nmin = 1\nmax = 64\ndefault = 1\n\
                [generate]\nnoise_shape = [262144]\nrange = [-1.0, 1.0]\n[batch]\nmax_items = 2\nmax_wait_ms = 1\n";
    toml("dreamer@1", rest)
}

/// A model whose tokens are t0 to t9, of which t9 ends a text; writes its tokenizer into `folder`.
pub(crate) fn counting(folder: &Path, max_new_tokens: usize) -> Manifest {
    counting_within(folder, max_new_tokens, None)
}

/// The same with a bound of all tokens together.
pub(crate) fn counting_within(folder: &Path, max_new_tokens: usize, context: Option<usize>) -> Manifest {
    std::fs::create_dir_all(folder).unwrap();
    let vocabulary: Vec<String> = (0..10).map(|id| format!("\"t{id}\": {id}")).collect();
    let tokenizer = format!(
        r#"{{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": {{"type": "Whitespace"}}, "post_processor": null, "decoder": null,
        "model": {{"type": "WordLevel", "vocab": {{{}}}, "unk_token": "t0"}}}}"#,
        vocabulary.join(", ")
    );
    std::fs::write(folder.join("tokenizer.json"), tokenizer).unwrap();
    let context = context.map(|context| format!("context = {context}\n")).unwrap_or_default();
    let rest = format!(
        "task = \"text-generate\"\ninput = {{ kind = \"text\", max_bytes = 1000 }}\n\
         [text]\ntokenizer = \"tokenizer.json\"\nmax_tokens = 8\nmax_chars = 100\n\
         [steps]\nmax_new_tokens = {max_new_tokens}\nstop = [\"t9\"]\nreport_every = 2\n{context}\
         [batch]\nmax_items = 4\nmax_wait_ms = 20\n"
    );
    Manifest::parse(&folder.join("model.toml"), &toml("counter@1", &rest)).unwrap()
}
