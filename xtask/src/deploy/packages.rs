//! The artefacts of a deployment, built or found.

use std::{path::PathBuf, process::Command};

use anyhow::{Context as _, Result, bail};

use super::{
    artefact::Artefact,
    parameters::{Packages, Part},
    settings::{Settings, Source},
};
use crate::{
    build::{cargo, target_folder},
    console::Console,
    package::{self, PackageArguments, Packed},
    process::Run,
    repository::Repository,
};

/// Everything that is uploaded.
#[derive(Debug, Default)]
pub(super) struct Artefacts {
    pub(super) worker: Option<Artefact>,
    pub(super) boot: Option<Artefact>,
    pub(super) reaper: Option<Artefact>,
    /// By part, its template.
    pub(super) templates: Vec<(Part, Artefact)>,
    /// What is not built, for nothing is in a dry run.
    pub(super) unbuilt: Vec<&'static str>,
}

impl Artefacts {
    /// Builds what is to be built, or, in a dry run, names it.
    pub(super) fn collect(
        repository: &Repository,
        console: Console,
        settings: &Settings,
        may_build: bool,
    ) -> Result<Self> {
        let mut found = Self::default();
        for part in Part::wanted(settings) {
            let file = template(repository, settings, part);
            found.templates.push((part, Artefact::of("a template", &file)?));
        }
        if let Some(source) = settings.fleet.as_ref().and_then(|fleet| fleet.package.as_ref()) {
            found.boot = Some(Artefact::of("what installs the worker", &repository.path("infra/worker/user-data.sh"))?);
            match source {
                Source::File(file) => found.worker = Some(Artefact::of(WORKER, &repository.root().join(file))?),
                Source::Build if may_build => {
                    found.worker = Some(Artefact::of(WORKER, &build_worker(repository, console)?)?);
                }
                Source::Build => found.unbuilt.push(WORKER),
            }
        }
        match &settings.reaper {
            None => {}
            Some(Source::File(file)) => found.reaper = Some(Artefact::of(REAPER, &repository.root().join(file))?),
            Some(Source::Build) if may_build => {
                found.reaper = Some(Artefact::of(REAPER, &build_reaper(repository, console)?)?);
            }
            Some(Source::Build) => found.unbuilt.push(REAPER),
        }
        Ok(found)
    }

    /// Everything that is uploaded before any stack changes.
    pub(super) fn all(&self) -> impl Iterator<Item = &Artefact> {
        let templates = self.templates.iter().map(|(_, artefact)| artefact);
        [&self.worker, &self.boot, &self.reaper].into_iter().flatten().chain(templates)
    }

    /// Where they lie. What is not built has a name that stands for it, so that a dry run shows what would change.
    pub(super) fn packages(&self) -> Packages {
        let stand_in = |what: &'static str| self.unbuilt.contains(&what).then(|| "artefacts/not-built-yet".to_owned());
        let placed = |artefact: &Option<Artefact>| artefact.as_ref().map(|one| (one.key.clone(), one.sha256.clone()));
        Packages {
            worker: placed(&self.worker).or_else(|| stand_in(WORKER).map(|key| (key, "0".repeat(64)))),
            boot: placed(&self.boot),
            reaper: self.reaper.as_ref().map(|one| one.key.clone()).or_else(|| stand_in(REAPER)),
        }
    }

    pub(super) fn template(&self, part: Part) -> Result<&Artefact> {
        let found = self.templates.iter().find(|(of, _)| *of == part).map(|(_, artefact)| artefact);
        found.with_context(|| format!("no template of {}", part.name()))
    }
}

const WORKER: &str = "the worker's package";
const REAPER: &str = "the reaper's package";

/// The template of a part.
pub(super) fn template(repository: &Repository, settings: &Settings, part: Part) -> PathBuf {
    repository.root().join(&settings.templates).join(format!("{}.yaml", part.name()))
}

/// Machines have GPUs, so the package has torch's CUDA half.
fn build_worker(repository: &Repository, console: Console) -> Result<PathBuf> {
    let out = PathBuf::from("target/package/deploy");
    let arguments =
        PackageArguments { packed: Packed::Worker, out: out.clone(), cuda: true, no_archive: false, commit: None };
    // An archive of an earlier version would be there beside the new one.
    let folder = repository.root().join(out);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    }
    package::run(repository, console, &arguments)?;
    let files = std::fs::read_dir(&folder)?.flatten().map(|entry| entry.path());
    let mut archives = files.filter(|path| path.to_string_lossy().ends_with(".tar.gz"));
    match (archives.next(), archives.next()) {
        (Some(archive), None) => Ok(archive),
        _ => bail!("{} holds no archive, or more than one", folder.display()),
    }
}

/// A zip file with the program as `bootstrap`: infra/README.md, «The reaper».
fn build_reaper(repository: &Repository, console: Console) -> Result<PathBuf> {
    let work = Run::new(console, "reaper", &repository.step_log("reaper"))?;
    console.begin("reaper", "building forebay-lambda-reaper, optimised");
    let mut build = cargo(repository);
    build.args(["build", "--release", "--locked", "--package", "forebay-backend", "--no-default-features"]);
    work.program(build.args(["--features", "lambda,otlp", "--bin", "forebay-lambda-reaper"]))?;
    let folder = repository.path("target/package/reaper");
    std::fs::create_dir_all(&folder)?;
    let program = target_folder(repository)?.join("release/forebay-lambda-reaper");
    std::fs::copy(&program, folder.join("bootstrap")).with_context(|| program.display().to_string())?;
    let zip = folder.join("reaper.zip");
    let mut pack = Command::new("python3");
    // The same program gives the same file: its time is left out.
    pack.args(["-c", PACK]).arg(folder.join("bootstrap")).arg(&zip);
    work.program(&mut pack)?;
    Ok(zip)
}

const PACK: &str = "import sys, zipfile\n\
                    entry = zipfile.ZipInfo('bootstrap')\n\
                    entry.external_attr = 0o100755 << 16\n\
                    entry.compress_type = zipfile.ZIP_DEFLATED\n\
                    with zipfile.ZipFile(sys.argv[2], 'w') as archive, open(sys.argv[1], 'rb') as program:\n    \
                    archive.writestr(entry, program.read())\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_program_makes_the_same_package_which_lambda_can_start() {
        let folder = std::env::temp_dir().join(format!("forebay-reaper-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("bootstrap"), "a program").unwrap();
        let pack = |name: &str| {
            let mut pack = Command::new("python3");
            let packed = pack.args(["-c", PACK]).arg(folder.join("bootstrap")).arg(folder.join(name)).status().unwrap();
            assert!(packed.success());
            std::fs::read(folder.join(name)).unwrap()
        };
        assert_eq!(pack("one.zip"), pack("two.zip"));
        let look = "import sys, zipfile; a = zipfile.ZipFile(sys.argv[1]); i = a.getinfo('bootstrap'); \
                    print(oct(i.external_attr >> 16), a.read(i).decode())";
        let said = crate::process::answer(Command::new("python3").args(["-c", look]).arg(folder.join("one.zip")));
        assert_eq!(said.as_deref(), Some("0o100755 a program"));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
