//! Standard input as what is submitted.

use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};

use crate::{
    played::{Played, Reply, job},
    program::{Folder, expect, forebay},
};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and not a letter: \xff\x00";

fn service() -> Played {
    Played::start(|request| match request.line.as_str() {
        "GET /v1/jobs/job_1/result" => Reply::json(200, &json!([1])),
        line if line.starts_with("GET /v1/jobs/job_1") => Reply::json(200, &job("job_1", "succeeded")),
        _ => Reply::json(202, &job("job_1", "queued")),
    })
}

/// Runs it with `bytes` on its standard input, through a pipe that then ends.
fn fed(mut command: Command, bytes: &[u8]) -> Output {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    // Who stops reading early breaks the pipe.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&bytes)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn submitted(arguments: &[&str], bytes: &[u8]) -> (Played, String) {
    let played = service();
    let output = fed(forebay(&played, &[&["submit", "m"], arguments].concat()), bytes);
    expect(&output, 0);
    (played, String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_text_a_tensor_or_a_picture_can_be_piped_in() {
    for (arguments, bytes, expect) in [
        (&["-"][..], "A dam holds\nwater back.\n", json!({"text": "A dam holds\nwater back.\n"})),
        (&["-", "--kind", "tensor"], "[[1, 2]]", json!({"tensor": [[1, 2]]})),
        (&["-", "--kind", "text"], "[[1, 2]]", json!({"text": "[[1, 2]]"})),
    ] {
        let (played, shown) = submitted(arguments, bytes.as_bytes());
        let requests = played.requests();
        assert_eq!(requests.len(), 1, "{:?}", played.lines());
        assert_eq!(requests[0].json()["input"], expect, "{arguments:?}");
        assert_eq!(shown, "ID     INPUT  STATUS\njob_1  -      queued\n");
    }
    let (played, _) = submitted(&["-"], PNG);
    let request = &played.requests()[0];
    assert_eq!((request.line.as_str(), request.header("content-type")), ("POST /v1/models/m/jobs", Some("image/png")));
    assert_eq!(request.body, PNG);
}

#[test]
fn it_is_one_of_several_and_its_result_has_a_name() {
    let folder = Folder::new();
    let other = folder.write("other.txt", "another");
    let out = format!("{}/", folder.path("out").display());
    let (played, _) = submitted(&["-", &other, "--out", &out], b"a text");
    let mut inputs: Vec<_> = played
        .requests()
        .iter()
        .filter(|request| !request.body.is_empty())
        .map(|request| request.json()["input"]["text"].clone())
        .collect();
    inputs.sort_by_key(Value::to_string);
    assert_eq!(inputs, [json!("a text"), json!("another")]);
    assert_eq!(folder.names("out"), [".forebay-journal", "other.txt.result.json", "stdin.result.json"]);
}

#[test]
fn each_line_is_a_text_of_its_own_and_other_lines_are_another_submission() {
    let folder = Folder::new();
    let played = Played::start(|request| match request.json()["input"]["text"].as_str() {
        Some("bad") => Reply::problem(422, "input-too-long", false),
        _ => Reply::json(202, &job("job_1", "queued")),
    });
    let run = |lines: &str| {
        let mut command = forebay(&played, &["submit", "m", "-", "--lines", "--json"]);
        command.env("XDG_STATE_HOME", folder.path("state"));
        let before = played.lines().len();
        let output = fed(command, lines.as_bytes());
        let lines = String::from_utf8(output.stdout.clone()).unwrap();
        let ends: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (output.status.code(), ends, played.lines().len() - before)
    };
    let (code, ends, asked) = run("one\n\nbad\nthree\n");
    assert_eq!((code, ends.len(), asked), (Some(1), 3, 3));
    let mut names: Vec<_> = ends.iter().map(|line| line["input"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["-:1", "-:3", "-:4"]);
    // What was refused is left to do, of these lines alone.
    assert_eq!(run("one\n\nbad\nthree\n").2, 1);
    assert_eq!(run("one\nthree\n").2, 2);
}

#[test]
fn what_nobody_can_submit_is_refused_before_anything_is_asked() {
    let played = service();
    let large = vec![b'x'; (16 << 20) + 1];
    for (arguments, bytes, why) in [
        (&["-"][..], &b""[..], "standard input is empty"),
        (&["-"], b"\xff\xfe", "standard input is neither a picture (JPEG, PNG, WebP, GIF, BMP or TIFF) nor UTF-8 text"),
        (
            &["-", "--kind", "image"],
            b"text",
            "standard input is no picture of a known kind: send JPEG, PNG, WebP, GIF, BMP or TIFF",
        ),
        (&["-", "--lines"], b"\n \n", "there is nothing to submit: no line has anything in it"),
        (&["-"], &large, "standard input is larger than 16 MB"),
    ] {
        let output = fed(forebay(&played, &[&["submit", "m"], arguments].concat()), bytes);
        expect(&output, 2);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains(why), "{arguments:?}: {stderr}");
    }
    assert_eq!(played.lines(), [""; 0]);
}
