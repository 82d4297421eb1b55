//! What is drawn for a person at a terminal.

use std::{
    collections::BTreeSet,
    fs::{File, OpenOptions},
    io::Read as _,
    process::Command,
    sync::{Arc, Mutex},
};

use rustix::{
    fs::OFlags,
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};
use serde_json::{Value, json};

use crate::{
    batches::until,
    played::{Played, Reply, job},
    program::forebay,
};

/// What was drawn so far.
#[derive(Clone, Default)]
struct Screen(Arc<Mutex<Vec<u8>>>);

impl Screen {
    /// One after the other, without the sequences that move the cursor.
    fn text(&self) -> String {
        plain(&String::from_utf8_lossy(&self.0.lock().unwrap()))
    }
}

/// Runs it with a terminal of 160 columns for standard output and standard error; all that was drawn.
fn drawn(mut command: Command, screen: &Screen) -> String {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    tcsetwinsize(&master, Winsize { ws_row: 24, ws_col: 160, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let path = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let terminal = || {
        use std::os::unix::fs::OpenOptionsExt as _;
        let flags = i32::try_from(OFlags::NOCTTY.bits()).unwrap();
        OpenOptions::new().read(true).write(true).custom_flags(flags).open(&path).unwrap()
    };
    command.stdout(terminal()).stderr(terminal()).env("TERM", "xterm");
    let mut child = command.spawn().unwrap();
    // The terminal ends when nobody has it open any more.
    drop(command);
    let mut master = File::from(master);
    let mut chunk = [0; 4096];
    // Linux says so by an error.
    while let Ok(count @ 1..) = master.read(&mut chunk) {
        screen.0.lock().unwrap().extend_from_slice(&chunk[..count]);
    }
    let text = screen.text();
    assert!(child.wait().unwrap().success(), "{text}");
    text
}

/// Text without escape sequences.
fn plain(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let first = parts.next().unwrap_or_default().to_owned();
    let end = |part: &str| part.find(|char: char| char.is_ascii_alphabetic()).map_or(part.len(), |at| at + 1);
    parts.fold(first, |text, part| text + "\n" + &part[end(part)..])
}

fn with(id: &str, status: &str, name: &str, value: Value) -> Value {
    let mut job = job(id, status);
    job[name] = value;
    job
}

#[test]
fn one_job_has_a_bar_as_soon_as_it_says_how_far_it_is() {
    // Each with what was drawn of the one before.
    let answers = Mutex::new(vec![
        ("running, 40 of 50", job("job_1", "succeeded")),
        ("position 1", with("job_1", "running", "progress", json!({"done": 40, "total": 50}))),
        ("running, 25 of 50", with("job_1", "queued", "queue", json!({"lane": "paid-light", "position": 1}))),
        ("position 3", with("job_1", "running", "progress", json!({"done": 25, "total": 50}))),
    ]);
    let screen = Screen::default();
    let seen = screen.clone();
    let queue = json!({"lane": "paid-light", "position": 3, "eta_ms": {"p50": 4000, "p90": 9000}});
    let played = Played::start(move |request| match request.line.as_str() {
        "POST /v1/jobs" => Reply::json(202, &with("job_1", "queued", "queue", queue.clone())),
        "GET /v1/jobs/job_1/result" => Reply::json(200, &json!([1])),
        _ => {
            let (before, next) = answers.lock().unwrap().pop().unwrap();
            until(before, || seen.text().contains(before));
            Reply::json(200, &next)
        }
    });
    let shown = drawn(forebay(&played, &["submit", "m", "--text", "x", "--wait"]), &screen);
    let line_with = |text: &str| shown.lines().find(|line| line.contains(text)).unwrap_or_else(|| panic!("{shown}"));
    assert!(!line_with("queued in paid-light, position 3, done in 4.0 s (p90 9.0 s)").contains('█'));
    let blocks = |text: &str| line_with(text).matches('█').count();
    assert_eq!(blocks("running, 25 of 50"), 12);
    assert_eq!(blocks("queued in paid-light, position 1"), 0, "another worker begins from the start");
    assert_eq!(blocks("running, 40 of 50"), 19);
    assert!(shown.contains("[1]"));
}

/// The different ones.
fn forecasts(shown: &str) -> BTreeSet<&str> {
    let forecast = |line| str::split_once(line, "3 queued from position 4, next in ").map(|(_, ms)| ms);
    shown.lines().filter_map(forecast).collect()
}

#[test]
fn of_many_the_forecast_moves_and_nobody_is_asked_for_it() {
    let screen = Screen::default();
    let seen = screen.clone();
    let played = Played::start(move |request| {
        let (method, path) = request.line.split_once(' ').unwrap();
        match method {
            "POST" => {
                let number: u64 = request.json()["input"]["text"].as_str().unwrap().parse().unwrap();
                let queue = json!({"lane": "paid-light", "position": number, "eta_ms": {"p50": 9000, "p90": 9000}});
                Reply::json(202, &with(&format!("job_{number}"), "queued", "queue", queue))
            }
            _ if path.ends_with("/result") => Reply::json(200, &json!([1])),
            _ => {
                until("the forecast moves", || forecasts(&seen.text()).len() >= 3);
                let id = path.split(['/', '?']).nth(3).unwrap();
                Reply::json(200, &job(id, "succeeded"))
            }
        }
    });
    let command = forebay(&played, &["submit", "m", "--wait", "--text", "4", "--text", "5", "--text", "6"]);
    let shown = drawn(command, &screen);
    assert!(forecasts(&shown).len() >= 3, "{shown}");
    assert_eq!(played.lines().len(), 9, "{:?}", played.lines());
    let lines = shown.lines().filter(|line| line.contains("\"result\":[1]")).count();
    assert_eq!(lines, 3, "{shown}");
    assert!(shown.contains("3 inputs: 3 done"), "{shown}");
}
