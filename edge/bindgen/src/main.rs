//! `forebay-bindgen INPUT.wasm FOLDER`: writes `FOLDER/index.js` and `FOLDER/index_bg.wasm`.
//!
//! The same as `wasm-bindgen --target module` with a way to begin anew after a crash, but compiled from the workspace's own
//! lock file, and without what else that program can do.

use std::{env, path::PathBuf};

use anyhow::{Context as _, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let paths: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [input, folder] = paths.as_slice() else {
        bail!("usage: forebay-bindgen INPUT.wasm FOLDER");
    };
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(input)
        .module(true)?
        .out_name("index")
        .typescript(false)
        // src/entry.mjs makes a new instance where the old one crashed.
        .reset_state_function(true)
        .force_enable_abort_handler(true);
    bindgen.generate(folder).with_context(|| format!("{} is not what wasm-bindgen can read", input.display()))
}
