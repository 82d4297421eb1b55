use std::{
    io::ErrorKind,
    path::Path,
    sync::mpsc::{RecvTimeoutError, sync_channel},
    thread,
    time::Duration,
};

use tch::{CModule, Device, Kind, TchError};
use zip::result::ZipError;

use super::{
    Diagnosis, diagnosis,
    precision::{self, PrecisionError},
};
use crate::model::{Checked, Manifest, ModelError, Precision, sha256};

/// What a file of weights may be and how long reading it may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadLimits {
    /// From the first byte to the module on its device.
    pub timeout: Duration,
    /// The largest file that is read, in bytes.
    pub max_bytes: u64,
}

impl Default for LoadLimits {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(300), max_bytes: 64 << 30 }
    }
}

/// Reads the model's TorchScript onto `device`, in its precision. The file is checked first: its length, its SHA-256.
///
/// On a thread of its own, since no call of torch can be broken off: a disk that hangs costs this model only, and the
/// thread is left behind.
pub(super) fn load(manifest: &Manifest, device: Device, limits: LoadLimits) -> Result<CModule, ModelError> {
    let manifest = manifest.clone();
    let (done, loaded) = sync_channel(1);
    let file = manifest.weights.display().to_string();
    let read = move || {
        // Nobody waits any more when the time is up.
        let _ = done.send(read(&manifest, device, limits.max_bytes));
    };
    thread::Builder::new()
        .name("load".to_owned())
        .spawn(read)
        .map_err(|error| ModelError::new(format!("{file}: {error}")))?;
    match loaded.recv_timeout(limits.timeout) {
        Ok(loaded) => loaded,
        Err(RecvTimeoutError::Timeout) => {
            Err(ModelError::too_slow(format!("{file}: not read within {} s", limits.timeout.as_secs())))
        }
        Err(RecvTimeoutError::Disconnected) => {
            Err(ModelError::new(format!("{file}: the thread that reads it broke off")))
        }
    }
}

fn read(manifest: &Manifest, device: Device, max_bytes: u64) -> Result<CModule, ModelError> {
    let file = &manifest.weights;
    let broken = |error: &dyn std::fmt::Display| ModelError::new(format!("{}: {error}", file.display()));
    let bytes = std::fs::metadata(file).map_err(|error| broken(&error))?.len();
    if bytes > max_bytes {
        return Err(broken(&format!("found {bytes} bytes; allowed are {max_bytes}")));
    }
    if let Some(expected) = &manifest.weights_sha256 {
        verify(file, expected)?;
    }
    let checked = if manifest.weights_sha256.is_some() { Checked::Yes } else { Checked::No };
    let refused = |error: TchError| {
        let text = error.to_string();
        // The rest of it is C++ frames, which the log alone has.
        let first: String = text.lines().next().unwrap_or_default().chars().take(300).collect();
        let what = format!("{}: {first}", file.display());
        let diagnosed = match super::diagnosis_of(&error, device) {
            Diagnosis::OutOfMemory => ModelError::out_of_memory(what),
            Diagnosis::DeviceLost => ModelError::device_lost(what),
            Diagnosis::Refused if diagnosis::is_of_file(&text) || diagnosis::is_of_cuda(&text) => ModelError::new(what),
            Diagnosis::Refused => ModelError::refused(what, checked),
        };
        diagnosed.because(error)
    };
    let mut module = match manifest.precision {
        Precision::Fp32 => CModule::load_on_device(file, device).map_err(refused)?,
        lower => precision::load(file, device, kind(lower)).map_err(|error| match error {
            PrecisionError::Torch(error) => refused(error),
            PrecisionError::Archive(ZipError::Io(error)) if !ends_early(&error) => broken(&error),
            PrecisionError::Archive(error) => {
                ModelError::refused(format!("{}: no archive of TorchScript", file.display()), checked).because(error)
            }
        })?,
    };
    module.f_set_eval().map_err(refused)?;
    Ok(module)
}

/// Whether what was read, and not reading it, is what is wrong.
fn ends_early(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::InvalidData)
}

/// The numbers a model of this precision computes with.
pub(super) fn kind(precision: Precision) -> Kind {
    match precision {
        Precision::Fp32 => Kind::Float,
        Precision::Bf16 => Kind::BFloat16,
        Precision::Fp16 => Kind::Half,
    }
}

/// Checks that `file` is the one whose SHA-256 the manifest names.
fn verify(file: &Path, expected: &str) -> Result<(), ModelError> {
    let found = sha256::of_file(file).map_err(|error| ModelError::new(format!("{}: {error}", file.display())))?;
    if found == expected {
        Ok(())
    } else {
        Err(ModelError::new(format!("{}: found sha256 {found}; model.toml allows {expected}", file.display())))
    }
}
