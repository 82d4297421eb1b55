//! A packed worker runs wherever its folder lies.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use forebay_xtask::{
    package::{BESIDE, Contents, Elf, Packed, fill, licences},
    repository::Repository,
    setup::libtorch_dir,
};

/// A folder that is gone with the test: half a gigabyte.
struct Place(PathBuf);

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The worker of this build, packed in one folder and moved to another.
fn moved(place: &Place) -> PathBuf {
    let (packed, moved) = (place.0.join("here/forebay-worker"), place.0.join("there/worker of a machine"));
    let repository = Repository::find().unwrap();
    let contents = Contents {
        packed: Packed::Worker,
        program: Path::new(env!("CARGO_BIN_EXE_forebay-worker")),
        libtorch: &libtorch_dir(&repository),
        commit: "abc",
    };
    fill(&contents, &packed, |libraries, into| {
        licences::collect(&repository, Packed::Worker, libraries, &into.join("licences"))
    })
    .unwrap();
    fs::create_dir_all(moved.parent().unwrap()).unwrap();
    fs::rename(&packed, &moved).unwrap();
    moved
}

/// What the worker says with nothing of this environment but these variables, such as `LD_LIBRARY_PATH`.
fn said(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut worker = Command::new(folder.join("forebay-worker"));
    worker.args(arguments).env_clear().envs(variables.iter().copied()).current_dir("/").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_moved_worker_starts_torch_with_the_libraries_of_its_folder_alone() {
    let place = Place(Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("package-{}", std::process::id())));
    let folder = moved(&place);

    // What the loader would take, by its own words: the folder's, and the system's where the folder has none.
    let loaded = text(&said(&folder, &[], &[("LD_TRACE_LOADED_OBJECTS", "1")]).stdout);
    assert!(loaded.contains(&format!("libtorch_cpu.so => {}/lib/libtorch_cpu.so", folder.display())), "{loaded}");
    let own: Vec<_> = fs::read_dir(folder.join("lib")).unwrap().map(|file| file.unwrap().path()).collect();
    for line in loaded.lines().filter(|line| line.contains("=>")) {
        let (name, from) = line.trim().split_once(" => ").unwrap();
        let is_own = own.iter().any(|library| library.ends_with(name));
        assert_eq!(from.starts_with(&format!("{}/lib/", folder.display())), is_own, "{line}");
        assert!(is_own || from.starts_with("/lib") || from.starts_with("/usr/lib"), "{line}");
    }

    let version = said(&folder, &["--version"], &[]);
    assert!(version.status.success() && text(&version.stdout).starts_with("forebay-worker "), "{version:?}");

    // Nothing answers there; the device comes first.
    let nowhere = [
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ("AWS_ACCESS_KEY_ID", "none"),
        ("AWS_SECRET_ACCESS_KEY", "none"),
        ("AWS_MAX_ATTEMPTS", "1"),
    ];
    let models = place.0.display().to_string();
    let doctor = ["doctor", "--bucket", "none", "--device", "cpu", "--models-dir", models.as_str()];
    let doctor = said(&folder, &doctor, &nowhere);
    assert!(text(&doctor.stdout).contains("models run on "), "{doctor:?}");
    check_files(&folder);
}

/// No file of it looks in a folder of the machine that built it, and it says what it is.
fn check_files(folder: &Path) {
    assert_eq!(Elf::read(&folder.join("forebay-worker")).unwrap().run_path, [BESIDE]);
    for library in fs::read_dir(folder.join("lib")).unwrap() {
        let library = library.unwrap().path();
        let elf = Elf::read(&library).unwrap();
        assert!(!elf.run_path.iter().any(|path| path.starts_with('/')), "{}: {elf:?}", library.display());
    }
    let licences = folder.join("licences");
    assert!(licences.join("LICENSE").is_file() && licences.join("libraries/torch-2.11.0/LICENSE").is_file());
    let crates = fs::read_to_string(licences.join("crates.txt")).unwrap();
    let tch = crates.lines().find(|line| line.starts_with("tch-0.24.0 ")).expect("tch is among the crates");
    assert!(tch.contains("MIT") && fs::read_dir(licences.join("crates/tch-0.24.0")).unwrap().count() > 0, "{tch}");
    let version: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.join("version.json")).unwrap()).expect("it is JSON");
    assert_eq!((&version["name"], &version["commit"]), (&"forebay-worker".into(), &"abc".into()));
    assert_eq!(version["torch"], "2.11.0");
    assert!(version["needs"]["GLIBC"].as_str().unwrap().starts_with("2."), "{version}");
}
