//! Pixels are Pillow's pixels: pictures of every kind are made in the exporter's Python, which has Pillow, and read by
//! both. Runs only when it is named, since it needs that Python: `cargo test -p forebay-backend --test pixels`
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use forebay_backend::{input, model::Look};
use forebay_contract::FailureCode;
use serde::Deserialize;

/// As `pixels/make.py` has it.
const LOOK: Look = Look { background: [250, 120, 10], exif_orientation: true };
/// How many levels of 256 a pixel may be off.
const LEVELS: u8 = 2;

/// A line of what `make.py` prints.
#[derive(Deserialize)]
struct Made {
    name: String,
    must: Must,
    code: FailureCode,
    size: Option<(u32, u32)>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Must {
    Read,
    Refuse,
    /// Or refused as a kind that is not read: never other pixels.
    Unsupported,
    Either,
}

fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn made(folder: &Path) -> Vec<Made> {
    let python =
        std::env::var_os("FOREBAY_PYTHON").map_or_else(|| repository(".tools/python/bin/python"), PathBuf::from);
    let output = Command::new(&python)
        .arg(repository("backend/tests/pixels/make.py"))
        .arg(folder)
        .stderr(Stdio::inherit())
        .output()
        .expect("the exporter's Python is there: `cargo xtask setup` makes it");
    assert!(output.status.success(), "make.py failed");
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What is wrong with how we read this picture, if anything.
fn complaint(folder: &Path, made: &Made) -> Option<String> {
    let payload = fs::read(folder.join(&made.name)).unwrap();
    let read = input::pixels(&payload, LOOK, None);
    let allowed = match made.must {
        Must::Read => None,
        Must::Refuse => Some(made.code),
        Must::Unsupported => Some(FailureCode::ImageUnsupported),
        Must::Either => read.as_ref().err().map(|failure| failure.code),
    };
    let (width, height, bytes) = match read {
        Err(failure) if allowed == Some(failure.code) => return None,
        Err(failure) => return Some(format!("refused: {} {}", failure.code.name(), failure.detail)),
        Ok(_) if made.must == Must::Refuse => return Some("read, and must be refused".to_owned()),
        Ok(pixels) => pixels,
    };
    let size = made.size?;
    if size != (width, height) {
        return Some(format!("{width}×{height} where Pillow has {size:?}"));
    }
    let reference = fs::read(folder.join(format!("{}.rgb", made.name))).unwrap();
    assert_eq!(bytes.len(), reference.len());
    let off = bytes.iter().zip(&reference).map(|(found, expected)| found.abs_diff(*expected));
    let most = off.clone().max().unwrap_or(0);
    let many = off.filter(|off| *off > LEVELS).count();
    (most > LEVELS).then(|| format!("{most} levels off; {many} of {} bytes beyond {LEVELS}", bytes.len()))
}

#[test]
fn every_kind_of_picture_has_pillows_pixels_or_is_refused_as_pillow_refuses_it() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pixels");
    let all = made(&folder);
    assert!(all.len() > 700, "{}", all.len());
    assert!(all.iter().filter(|made| made.must == Must::Read).count() > 450);
    let wrong: Vec<String> =
        all.iter().filter_map(|made| Some(format!("{}: {}", made.name, complaint(&folder, made)?))).collect();
    assert!(wrong.is_empty(), "{} of {} pictures:\n{}", wrong.len(), all.len(), wrong.join("\n"));
}
