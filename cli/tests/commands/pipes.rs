//! Who reads has read enough.

use std::{
    io::Read as _,
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};

use crate::{
    played::{Played, Reply, job},
    program::{bare, forebay},
};

/// Runs it with an end of standard output that is closed once a byte came, or at once.
fn closed(mut command: Command, after_a_byte: bool) -> Output {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    if after_a_byte {
        assert_eq!(stdout.read(&mut [0]).unwrap(), 1);
    }
    drop(stdout);
    child.wait_with_output().unwrap()
}

#[test]
fn what_only_shows_ends_well_and_says_nothing() {
    let played = Played::start(|request| match request.line.as_str() {
        line if line.starts_with("GET /v1/jobs?") => {
            let jobs: Vec<Value> = (0..100).map(|number| job(&format!("job_{number}"), &"x".repeat(2_000))).collect();
            Reply::json(200, &json!({"jobs": jobs, "cursor": null}))
        }
        line if line.ends_with("/result") => Reply::of(200, "text/plain", &vec![b'x'; 1 << 20]),
        _ => Reply::json(200, &json!({"account": "a", "plan": "p", "limits": [], "models": [], "days": []})),
    });
    for (arguments, after_a_byte) in [
        (&["completions", "bash"][..], true),
        (&["completions", "zsh"], false),
        (&["jobs", "--json"], true),
        (&["get", "job_1", "--result"], true),
        (&["get", "job_1", "job_2", "--result"], true),
        (&["quota"], false),
        (&["models"], false),
        (&["usage"], false),
        (&["--help"], false),
        (&["submit", "--help"], false),
    ] {
        let ended = closed(forebay(&played, arguments), after_a_byte);
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "", "{arguments:?}");
        assert_eq!(ended.status.code(), Some(0), "{arguments:?}");
    }
    assert_eq!(closed(bare(&["--version"]), false).status.code(), Some(0));
}

#[test]
fn what_does_something_says_by_its_exit_code_that_nobody_read_it() {
    let played = Played::start(|_| Reply::json(202, &job("job_1", "queued")));
    for arguments in [&["submit", "m", "--text", "a", "--json"][..], &["retry", "job_1"], &["cancel", "job_1"]] {
        let ended = closed(forebay(&played, arguments), false);
        let stderr = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(!stderr.contains("panicked") && !stderr.contains("pipe"), "{arguments:?}: {stderr}");
        assert_eq!(ended.status.code(), Some(5), "{arguments:?}");
    }
}
