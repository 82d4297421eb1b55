//! Profiles and keys.

use serde_json::json;

use crate::{
    played::{Played, Reply},
    program::{Folder, bare, output},
};

#[test]
fn a_profile_names_a_service_and_its_key_goes_nowhere_else() {
    let quota = |_: &_| Reply::json(200, &json!({"account": "acme", "plan": "pro", "limits": []}));
    let (own, other) = (Played::start(quota), Played::start(quota));
    let folder = Folder::new();
    folder.write("work.key", "fb_work\n");
    let text = format!("default = \"work\"\n[profiles.work]\nurl = \"{}\"\nkey_file = \"work.key\"\n", own.url());
    let config = folder.write("config.toml", text);
    let quota = |arguments: &[&str]| {
        let mut command = bare(&[&["quota"], arguments].concat());
        command.env("FOREBAY_CONFIG", &config);
        output(command, 0)
    };
    assert!(quota(&[]).starts_with("account acme, plan pro\n"));
    assert_eq!(own.requests()[0].header("authorization"), Some("Bearer fb_work"));
    quota(&["--url", &other.url()]);
    assert_eq!(other.requests()[0].header("authorization"), None);
}

#[test]
fn completions_need_no_service() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(output(bare(&["completions", shell]), 0).contains("forebay"), "{shell}");
    }
}
