//! What moves is not given up, however slow the line is; what does not move is.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::Command,
    thread,
};

use crate::{
    line::Line,
    played::{Played, Reply, Request, job},
    program::{Folder, bare, expect, forebay, output},
};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
/// Each exchange below takes about twice as long as nothing may move.
const IDLE: &str = "3s";
const RATE: u64 = 500_000;
const SIZE: usize = 3_000_000;

fn picture(number: u8, size: usize) -> Vec<u8> {
    [PNG, &vec![number; size - PNG.len()]].concat()
}

fn play(request: &Request) -> Reply {
    match request.line.as_str() {
        "POST /v1/models/m/jobs" => Reply::json(202, &job(&format!("job_{}", request.body[8]), "queued")),
        line if line.ends_with("/result") => Reply::of(200, "image/png", &picture(9, SIZE)),
        line => panic!("{line}"),
    }
}

#[test]
fn an_upload_that_moves_is_not_given_up() {
    let line = Line::of(RATE);
    let played = Played::behind(&line, play);
    let folder = Folder::new();
    let large = folder.write("large.png", picture(1, SIZE));
    output(forebay(&played, &["submit", "m", &large, "--idle-timeout", IDLE]), 0);
    assert_eq!(played.lines().len(), 1);
    assert!(line.came() < SIZE as u64 + 4_096, "{}", line.came());
}

#[test]
fn pictures_that_share_a_slow_line_are_sent_once_each() {
    let line = Line::of(RATE);
    let played = Played::behind(&line, play);
    let folder = Folder::new();
    for number in 0..6 {
        folder.write(&format!("in/{number}.png"), picture(number, SIZE / 6));
    }
    let input = folder.path("in").display().to_string();
    let shown = output(forebay(&played, &["submit", "m", &input, "--idle-timeout", IDLE]), 0);
    assert_eq!(shown.lines().count(), 7, "{shown}");
    assert_eq!(played.lines().len(), 6);
    assert!(line.came() < SIZE as u64 + 6 * 4_096, "{}", line.came());
}

#[test]
fn a_result_that_moves_is_not_given_up() {
    let played = Played::behind(&Line::of(RATE), play);
    let folder = Folder::new();
    let out = folder.path("out.png").display().to_string();
    output(forebay(&played, &["get", "job_1", "--out", &out, "--idle-timeout", IDLE]), 0);
    assert_eq!(fs::read(&out).unwrap(), picture(9, SIZE));
    assert_eq!(played.lines().len(), 1);
}

/// A service that does what `one` does with each connection, and then nothing, but keeps it.
fn silent(one: impl Fn(&mut TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let mut kept = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            one(&mut stream);
            kept.push(stream);
        }
    });
    url
}

fn given_up(mut command: Command, url: &str) -> String {
    command.args(["--idle-timeout", "1s", "--patience", "0", "--url", url]);
    let output = command.output().unwrap();
    expect(&output, 3);
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn silence_is_given_up_and_it_is_said_how_far_it_came() {
    let folder = Folder::new();
    let large = folder.write("large.png", picture(1, 12_000_000));
    let small = folder.write("small.png", picture(1, 1_000));
    let reads_nothing = silent(|_| {});
    let stderr = given_up(bare(&["submit", "m", &large]), &reads_nothing);
    assert!(stderr.contains("took nothing any more for 1 s, after ") && stderr.contains(" of 12.0 MB"), "{stderr}");
    let stderr = given_up(bare(&["submit", "m", &small]), &reads_nothing);
    assert!(stderr.contains("did not answer within 1 s"), "{stderr}");

    let stops = silent(|stream| {
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5000000\r\n\r\n").unwrap();
        stream.write_all(&vec![7; 2_500_000]).unwrap();
    });
    let stderr = given_up(bare(&["get", "job_1", "--result"]), &stops);
    assert!(stderr.contains("nothing came from ") && stderr.contains("after 2.5 MB of its answer"), "{stderr}");
}
