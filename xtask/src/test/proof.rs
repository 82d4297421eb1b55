use std::{fs, path::PathBuf, process::Command};

use anyhow::Result;

use super::{Check, TestCounts};
use crate::{process::answer, repository::Repository, setup::Fingerprint};

/// On what content checks passed: one whose outcome hangs on nothing else need not run on the same again.
///
/// Any change of any file that git does not ignore counts as a change, as does another compiler or Node.js. What set-up
/// brings is pinned by such files.
#[derive(Debug, PartialEq)]
pub(super) struct Proofs {
    folder: PathBuf,
    content: String,
}

impl Proofs {
    /// The proofs for the checkout as it is now; `None` where git cannot say what belongs to it.
    pub(super) fn of(repository: &Repository) -> Result<Option<Self>> {
        let listing = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
        let Some(files) = answer(Command::new("git").args(listing).current_dir(repository.root())) else {
            return Ok(None);
        };
        let mut content = Fingerprint::new();
        for (program, argument) in [("rustc", "-vV"), ("node", "--version")] {
            content = content.text(program, &answer(Command::new(program).arg(argument)).unwrap_or_default());
        }
        for file in files.split('\0').filter(|file| !file.is_empty()) {
            content = content.file(&repository.path(file))?;
        }
        Ok(Some(Self { folder: repository.run("proofs"), content: content.finish() }))
    }

    /// What came out when the check passed on this content.
    pub(super) fn passed(&self, check: Check) -> Option<TestCounts> {
        let text = fs::read_to_string(self.folder.join(check.name())).ok()?;
        let (content, counts) = text.split_once('\n')?;
        (content == self.content).then(|| TestCounts::of(counts))
    }

    /// The check passed on this content.
    pub(super) fn note(&self, check: Check, counts: TestCounts) -> Result<()> {
        fs::create_dir_all(&self.folder)?;
        let TestCounts { passed, failed, ignored } = counts;
        let text = format!("{}\ntest result: {passed} passed; {failed} failed; {ignored} ignored\n", self.content);
        Ok(fs::write(self.folder.join(check.name()), text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_holds_for_its_check_and_its_content_alone() {
        let folder = std::env::temp_dir().join(format!("forebay-proofs-{}", std::process::id()));
        let of = |content: &str| Proofs { folder: folder.clone(), content: content.to_owned() };
        let counts = TestCounts { passed: 7, failed: 0, ignored: 1 };
        assert_eq!(of("a").passed(Check::Unit), None);
        of("a").note(Check::Unit, counts).unwrap();
        assert_eq!(of("a").passed(Check::Unit), Some(counts));
        assert_eq!((of("b").passed(Check::Unit), of("a").passed(Check::Console)), (None, None));
        fs::remove_dir_all(&folder).unwrap();
    }
}
