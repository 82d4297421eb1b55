//! Many inputs: resumed, never doubled, slowed down when asked to.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Stdio,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    keyed::{PNG, interrupt},
    played::{Played, Reply, Request, job},
    program::{Folder, expect, forebay, output},
};

const JPEG: &[u8] = b"\xff\xd8\xff";

/// A service that keeps a job a key, as the edge does; `open` ones do not end yet.
#[derive(Clone, Default)]
struct Service {
    jobs: Arc<Mutex<BTreeMap<String, String>>>,
    open: Arc<Mutex<BTreeSet<String>>>,
    /// From now on every job ends at once.
    is_quick: Arc<Mutex<bool>>,
}

impl Service {
    fn play(&self, request: &Request) -> Reply {
        let (method, path) = request.line.split_once(' ').unwrap();
        let parts: Vec<_> = path.split(['/', '?']).skip(1).collect();
        match (method, parts.as_slice()) {
            ("POST", ["v1", "models", "m", "jobs", ..]) => {
                let key = request.header("idempotency-key").unwrap().to_owned();
                let mut jobs = self.jobs.lock().unwrap();
                let id = format!("job_{}", jobs.len());
                let id = jobs.entry(key).or_insert(id).clone();
                if request.body.ends_with(b"open") && !*self.is_quick.lock().unwrap() {
                    self.open.lock().unwrap().insert(id.clone());
                }
                Reply::json(202, &job(&id, "queued"))
            }
            ("GET", ["v1", "jobs", id, "result"]) => Reply::json(200, &json!({"of": id})),
            ("GET", ["v1", "jobs", id, ..]) if self.open.lock().unwrap().contains(*id) => {
                Reply::json(200, &job(id, "running"))
            }
            ("GET", ["v1", "jobs", id, ..]) => Reply::json(200, &job(id, "succeeded")),
            _ => panic!("{}", request.line),
        }
    }
}

#[test]
fn an_interrupted_folder_goes_on_where_it_was() {
    let service = Service::default();
    let played = Played::start({
        let service = service.clone();
        move |request| service.play(request)
    });
    let folder = Folder::new();
    for number in 0..20 {
        let tail = if number % 2 == 0 { format!("{number}") } else { format!("{number} open") };
        folder.write(&format!("in/{number:02}.png"), [PNG, tail.as_bytes()].concat());
    }
    folder.write("in/notes.pdf", "not for us");
    let (input, out) = (folder.path("in").display().to_string(), folder.path("out").display().to_string());
    let arguments = ["submit", "m", &input, "--out", &out, "-p", "top_k=3", "--parallel", "12"];

    let first = forebay(&played, &arguments).stderr(Stdio::piped()).spawn().unwrap();
    until("all that can run is under way", || service.open.lock().unwrap().len() >= 4 && results(&folder) >= 3);
    let first = interrupt(first);
    expect(&first, 130);
    assert!(String::from_utf8_lossy(&first.stderr).contains("run the same command again"), "{first:?}");
    let before = results(&folder);
    assert!((3..20).contains(&before), "{before}");

    *service.is_quick.lock().unwrap() = true;
    service.open.lock().unwrap().clear();
    let asked = played.lines().len();
    let second = forebay(&played, &arguments).output().unwrap();
    expect(&second, 0);
    assert_eq!(results(&folder), 20, "{second:?}");
    assert!(played.lines()[asked..].iter().any(|line| line.starts_with("GET /v1/jobs/")));
    assert_eq!(service.jobs.lock().unwrap().len(), 20, "a job was doubled");
    let submitted = played.lines().iter().filter(|line| line.starts_with("POST /v1/models/m/jobs?p.top_k=3")).count();
    assert!(submitted < 20 + 12, "{submitted}");

    // Nothing is left: nothing is asked.
    let asked = played.lines().len();
    let third = forebay(&played, &arguments).output().unwrap();
    expect(&third, 0);
    assert!(String::from_utf8_lossy(&third.stderr).contains("20 inputs: 20 done, 20 of them earlier"), "{third:?}");
    assert_eq!(played.lines().len(), asked);

    // A result that is gone is fetched again; the journal is of one request alone.
    fs::remove_file(folder.path("out/07.png.result.json")).unwrap();
    output(forebay(&played, &arguments), 0);
    assert_eq!((results(&folder), service.jobs.lock().unwrap().len()), (20, 20));
    let other = forebay(&played, &["submit", "other", &input, "--out", &out]).output().unwrap();
    expect(&other, 2);
    assert!(String::from_utf8_lossy(&other.stderr).contains("another request, to m"), "{other:?}");
}

fn results(folder: &Folder) -> usize {
    folder.names("out").iter().filter(|name| name.ends_with(".result.json")).count()
}

pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn who_is_pushed_back_comes_back_and_loses_nothing() {
    let service = Service::default();
    let count = Mutex::new(0);
    let played = Played::start({
        let service = service.clone();
        move |request| {
            let mut count = count.lock().unwrap();
            *count += 1;
            match *count % 5 {
                1 => Reply::problem(429, "rate-limited", true).with("retry-after", "0"),
                3 => Reply::problem(503, "lane-full", true).with("retry-after", "0"),
                _ => service.play(request),
            }
        }
    });
    let folder = Folder::new();
    let paths: Vec<_> =
        (0..8).map(|number| folder.write(&format!("{number}.jpg"), [JPEG, &[number]].concat())).collect();
    let paths: Vec<_> = paths.iter().map(String::as_str).collect();
    let shown = output(forebay(&played, &[&["submit", "m", "--wait"], &paths[..]].concat()), 0);
    let lines: Vec<Value> = shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), service.jobs.lock().unwrap().len()), (8, 8), "{shown}");
    for line in &lines {
        assert_eq!(line["result"]["of"], line["job"]["id"]);
    }
}

#[test]
fn one_bad_input_fails_alone_and_a_bad_key_ends_all() {
    let played = Played::start(|request| match request.body.last() {
        Some(b'!') => Reply::problem(422, "image-unsupported", false),
        Some(b'?') => Reply::problem(401, "invalid-credentials", false),
        _ => Reply::json(202, &job("job_1", "queued")),
    });
    let folder = Folder::new();
    let good = folder.write("good.png", [PNG, b"good"].concat());
    let bad = folder.write("bad.png", [PNG, b"bad!"].concat());
    let locked = folder.write("locked.png", [PNG, b"who?"].concat());
    let shown = forebay(&played, &["submit", "m", &good, &bad, "--json"]).output().unwrap();
    expect(&shown, 1);
    let lines: Vec<Value> =
        String::from_utf8(shown.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["refused"]["code"] == "image-unsupported"), "{lines:?}");
    assert!(lines.iter().any(|line| line["job"]["id"] == "job_1"), "{lines:?}");

    let shown = forebay(&played, &["submit", "m", &locked, &good, &bad, "--parallel", "1"]).output().unwrap();
    expect(&shown, 1);
    assert!(String::from_utf8_lossy(&shown.stderr).contains("invalid-credentials"));
    assert_eq!(played.requests().len(), 3, "{:?}", played.lines());
}

#[test]
fn pictures_go_to_files_or_pipes() {
    let played = Played::start(|request| match request.line.as_str() {
        "POST /v1/jobs" => Reply::json(202, &job("job_1", "queued")),
        "GET /v1/jobs/job_1/result" => Reply::of(200, "image/png", PNG),
        _ => Reply::json(200, &job("job_1", "succeeded")),
    });
    let folder = Folder::new();
    let faces = forebay(&played, &["submit", "m", "-p", "seed=7", "--wait"]).output().unwrap();
    assert_eq!(faces.stdout, PNG);
    let out = folder.path("face.png").display().to_string();
    output(forebay(&played, &["submit", "m", "-p", "seed=7", "--out", &out]), 0);
    assert_eq!(fs::read(&out).unwrap(), PNG);
    assert_eq!(folder.names("."), ["face.png"]);
    output(forebay(&played, &["get", "job_1", "--out", &format!("{}/", folder.path("all").display())]), 0);
    assert_eq!(folder.names("all"), ["job_1.result.png"]);
    let several = forebay(&played, &["submit", "m", "--text", "a", "--text", "b", "--wait"]).output().unwrap();
    expect(&several, 2);
    assert!(String::from_utf8_lossy(&several.stderr).contains("--out"), "{several:?}");
}
