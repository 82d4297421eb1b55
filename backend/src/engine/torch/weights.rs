use std::{fs::File, io::Read, path::Path};

use sha2::{Digest, Sha256};

use crate::model::ModelError;

/// Checks that `file` is the one whose SHA-256 the manifest names.
pub(super) fn verify(file: &Path, expected: &str) -> Result<(), ModelError> {
    let found = sha256(file).map_err(|error| ModelError(format!("{}: {error}", file.display())))?;
    if found == expected {
        Ok(())
    } else {
        Err(ModelError(format!("{}: found sha256 {found}; model.toml allows {expected}", file.display())))
    }
}

fn sha256(file: &Path) -> std::io::Result<String> {
    let mut file = File::open(file)?;
    let mut hash = Sha256::new();
    let mut chunk = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            return Ok(hex::encode(hash.finalize()));
        }
        hash.update(chunk.get(..read).unwrap_or_default());
    }
}
