//! `forebay` as a person has it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{self, Command, Output, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
};

use crate::played::Played;

/// The program with this service, the key `fb_test`, and nothing of this machine's own configuration.
pub fn forebay(played: &Played, arguments: &[&str]) -> Command {
    let mut forebay = bare(arguments);
    forebay.env("FOREBAY_URL", played.url()).env("FOREBAY_KEY", "fb_test");
    forebay
}

/// The program without a service.
pub fn bare(arguments: &[&str]) -> Command {
    let mut forebay = Command::new(env!("CARGO_BIN_EXE_forebay"));
    forebay.args(arguments).stdin(Stdio::null()).env("FOREBAY_CONFIG", "/nowhere/config.toml");
    // Without a home there is no folder of state either: a test that is about it names one.
    for name in [
        "HOME",
        "XDG_STATE_HOME",
        "FOREBAY_URL",
        "FOREBAY_KEY",
        "FOREBAY_KEY_FILE",
        "FOREBAY_PROFILE",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
        "NO_PROXY",
        "no_proxy",
    ] {
        forebay.env_remove(name);
    }
    forebay
}

/// Runs it and gives its standard output; it must end with `code`.
pub fn output(mut command: Command, code: i32) -> String {
    let output = command.output().unwrap();
    expect(&output, code);
    String::from_utf8(output.stdout).unwrap()
}

pub fn expect(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
}

/// An empty folder; gone when it is dropped.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("forebay-commands-{}-{number}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    /// The names of what is in a folder below, hidden ones too, in order.
    pub fn names(&self, name: &str) -> Vec<String> {
        let read =
            |path: &Path| fs::read_dir(path).map(|entries| entries.map(|entry| entry.unwrap().file_name()).collect());
        let names: Vec<_> = read(&self.path(name)).unwrap_or_default();
        let mut names: Vec<_> = names.into_iter().map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
