use std::{
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

/// What one request may carry: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
const LARGEST_BYTES: u64 = 5 << 30;

/// A file that is deployed, by what it holds: the same content has the same key, so nothing that runs is overwritten, and
/// what ran before is still there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Artefact {
    /// What it is, for people.
    pub(super) what: &'static str,
    pub(super) file: PathBuf,
    pub(super) bytes: u64,
    /// Its hash in hexadecimal.
    pub(super) sha256: String,
    pub(super) key: String,
}

/// What S3 has under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) bytes: u64,
    /// In base64, as S3 says it; empty where it knows none.
    pub(super) sha256: String,
}

impl Stored {
    /// Whether it is the artefact, whole.
    pub(super) fn is(&self, artefact: &Artefact) -> bool {
        self.bytes == artefact.bytes && artefact.sha256_base64().is_ok_and(|sha256| sha256 == self.sha256)
    }
}

impl Artefact {
    pub(super) fn of(what: &'static str, file: &Path) -> Result<Self> {
        let context = || format!("{what}: {}", file.display());
        let bytes = fs::metadata(file).with_context(context)?.len();
        ensure!(bytes > 0, "{}: is empty", context());
        ensure!(bytes <= LARGEST_BYTES, "{}: has {bytes} bytes; at most {LARGEST_BYTES} can be uploaded", context());
        let mut open = File::open(file).with_context(context)?;
        let (mut hash, mut part) = (Sha256::new(), vec![0; 1 << 20]);
        loop {
            match open.read(&mut part).with_context(context)? {
                0 => break,
                read => hash.update(part.get(..read).unwrap_or_default()),
            }
        }
        let sha256 = hex::encode(hash.finalize());
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { what, file: file.to_path_buf(), bytes, key: format!("artefacts/{sha256}/{name}"), sha256 })
    }

    /// The hash as S3 takes it.
    pub(super) fn sha256_base64(&self) -> Result<String> {
        let bytes = hex::decode(&self.sha256).ok().context("a hash that is not hexadecimal")?;
        Ok(STANDARD.encode(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_that_broke_is_not_taken_for_the_artefact() {
        let folder = std::env::temp_dir().join(format!("forebay-artefact-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("a.zip");
        fs::write(&file, "abc").unwrap();
        let artefact = Artefact::of("a package", &file).unwrap();
        assert_eq!(artefact.key, "artefacts/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad/a.zip");
        let sha256 = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
        assert!(Stored { bytes: 3, sha256: sha256.to_owned() }.is(&artefact));
        for (bytes, sha256) in [(2, sha256), (3, ""), (3, "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=")] {
            assert!(!Stored { bytes, sha256: sha256.to_owned() }.is(&artefact), "{bytes} {sha256}");
        }
        fs::write(&file, "").unwrap();
        assert!(Artefact::of("a package", &file).unwrap_err().to_string().contains("is empty"));
        assert!(Artefact::of("a package", &folder.join("b")).unwrap_err().to_string().contains("a package"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
