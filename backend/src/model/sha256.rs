use std::{fs::File, io::Read, path::Path};

use sha2::{Digest, Sha256};

/// A file's SHA-256 in hex, read piece by piece.
pub(crate) fn of_file(file: &Path) -> std::io::Result<String> {
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
