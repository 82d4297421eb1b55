//! Names and texts as people have them.

use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt as _};

use serde_json::{Value, json};

use crate::{
    played::{Played, Reply, job},
    program::{Folder, expect, forebay, output},
};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG: &[u8] = b"\xff\xd8\xff";

fn service() -> Played {
    Played::start(|request| match request.line.as_str() {
        line if line.starts_with("POST") => Reply::json(202, &job("job_1", "queued")),
        line if line.ends_with("/result") => Reply::json(200, &json!([1])),
        _ => Reply::json(200, &job("job_1", "succeeded")),
    })
}

#[test]
fn a_text_may_begin_with_a_hyphen() {
    let played = service();
    for text in ["-40 degrees is cold", "--strict", "-", "-p"] {
        output(forebay(&played, &["submit", "m", "--text", text]), 0);
        assert_eq!(played.requests().last().unwrap().json()["input"], json!({ "text": text }));
    }
    output(forebay(&played, &["submit", "m", "-p", "low=-40", "-p", "prompt=-40 degrees", "--text=-1"]), 0);
    let asked = played.requests().last().unwrap().json();
    assert_eq!(asked["parameters"], json!({"low": -40, "prompt": "-40 degrees"}));
    assert_eq!(asked["input"]["text"], "-1");
    output(forebay(&played, &["submit", "m", "--text", "a", "--nonsense"]), 2);
}

#[test]
fn a_name_need_not_be_text() {
    let played = service();
    let folder = Folder::new();
    fs::create_dir_all(folder.path("in")).unwrap();
    let names = [&b"caf\xe9.png"[..], b"caf\xe8.png"].map(|name| folder.path("in").join(OsStr::from_bytes(name)));
    for name in &names {
        fs::write(name, [PNG, name.as_os_str().as_bytes()].concat()).unwrap();
    }
    let mut one = forebay(&played, &["submit", "m"]);
    assert!(output_of(one.arg(&names[0])).contains(r"caf\xE9.png  queued"));
    let mut both = forebay(&played, &["submit", "m", "--json", "--out", &folder.path("out").display().to_string()]);
    let lines = output_of(both.args(&names));
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut files: Vec<_> = lines.iter().map(|line| line["file"].as_str().unwrap()).collect();
    files.sort_unstable();
    assert!(files[0].ends_with(r"out/caf\xE8.png.result.json") && files[1].ends_with(r"caf\xE9.png.result.json"));
    for name in [&b"caf\xe8.png.result.json"[..], b"caf\xe9.png.result.json"] {
        assert!(folder.path("out").join(OsStr::from_bytes(name)).is_file());
    }
    // All is done, and known to be.
    let asked = played.lines().len();
    let mut again = forebay(&played, &["submit", "m", "--json", "--out", &folder.path("out").display().to_string()]);
    output_of(again.args(&names));
    assert_eq!(played.lines().len(), asked);
}

fn output_of(command: &mut std::process::Command) -> String {
    let output = command.output().unwrap();
    expect(&output, 0);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn brackets_in_a_folder_s_name_are_its_name() {
    let played = service();
    let folder = Folder::new();
    for name in ["album [2024]/a.jpg", "album [2024]/b [1].jpg", "album [2024]/c.png", "album 2/d.jpg"] {
        folder.write(name, [JPEG, name.as_bytes()].concat());
    }
    let inputs = |named: &str| {
        let path = folder.path(named).display().to_string();
        let shown = output(forebay(&played, &["submit", "m", &path, "--json"]), 0);
        let lines = shown.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut names: Vec<_> =
            lines.map(|line| line["input"].as_str().unwrap().rsplit_once('/').unwrap().1.to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(inputs("album [2024]/*.jpg"), ["a.jpg", "b [1].jpg"]);
    assert_eq!(inputs("album [2024]"), ["a.jpg", "b [1].jpg", "c.png"]);
    assert_eq!(inputs("album [2024]/b [1].jpg"), ["b [1].jpg"]);
    assert_eq!(inputs("album [2]/*"), ["d.jpg"]);
    assert_eq!(inputs("album*/[ad].*"), ["a.jpg", "d.jpg"]);
}

#[test]
fn what_a_folder_has_besides_is_named() {
    let played = service();
    let folder = Folder::new();
    for name in ["a.jfif", "b.jpe", "c.JPG"] {
        folder.write(&format!("in/{name}"), [JPEG, name.as_bytes()].concat());
    }
    for name in ["d.heic", "e.HEIC", "f.pdf", "README", ".hidden.pdf", "c.JPG.result.json"] {
        folder.write(&format!("in/{name}"), "not for us");
    }
    let input = folder.path("in").display().to_string();
    let submitted = forebay(&played, &["submit", "m", &input]).output().unwrap();
    expect(&submitted, 0);
    let stderr = String::from_utf8(submitted.stderr).unwrap();
    assert!(stderr.contains("left out of the folders: 2 .heic, 1 without an extension, 1 .pdf\n"), "{stderr}");
    assert_eq!(played.lines().len(), 3);
    let none = forebay(&played, &["submit", "m", &input, "--kind", "text"]).output().unwrap();
    expect(&none, 2);
    assert!(String::from_utf8_lossy(&none.stderr).contains("left out: 2 .heic"), "{none:?}");
}
