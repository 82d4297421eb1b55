//! Folders with a deadline or a start: both count from when the command first began.

use std::{
    collections::BTreeSet,
    fs,
    process::{Command, Output},
    sync::Mutex,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::{
    batches::until,
    keyed::{self, KeyedService, interrupt, pictures},
    played::{Played, Reply, job},
    program::{Folder, expect},
};

/// Submits the pictures of the folder.
fn submit(played: &Played, folder: &Folder, arguments: &[&str]) -> Command {
    keyed::submit(played, folder, &[&[folder.path("in").display().to_string().as_str()], arguments].concat())
}

/// Submits until answers are held back, and is interrupted then: what is under way is submitted, and nobody here knows.
fn interrupted(service: &KeyedService, played: &Played, mut command: Command, after: usize) {
    service.stick_at(after);
    let asked = played.lines().len();
    let child = command.spawn().unwrap();
    until("answers are held back", || service.ids().len() >= after && played.lines().len() > asked);
    expect(&interrupt(child), 130);
    service.let_go();
    // Another moment than before, whatever it is made of.
    thread::sleep(Duration::from_millis(20));
}

fn stderr_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The different moments of this name that were asked for.
fn moments(played: &Played, name: &str) -> BTreeSet<u64> {
    let start = format!("{name}=");
    let of = |line: String| line.split(['?', '&']).find_map(|part| part.strip_prefix(&start)?.parse().ok());
    played.lines().into_iter().filter_map(of).collect()
}

fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

#[test]
fn a_folder_with_moments_goes_on_after_answers_were_lost() {
    for asked in [&["--deadline", "1h"][..], &["--not-before", "1h"], &["--deadline", "2h", "--not-before", "1h"]] {
        let (service, folder) = (KeyedService::default(), Folder::new());
        let played = service.start();
        pictures(&folder, 6);
        interrupted(&service, &played, submit(&played, &folder, asked), 3);
        interrupted(&service, &played, submit(&played, &folder, &[asked, &["--again"]].concat()), 5);
        let last = submit(&played, &folder, asked).output().unwrap();
        expect(&last, 0);
        assert!(stderr_of(&last).contains("counted from when this command first began"), "{}", stderr_of(&last));
        assert_eq!((service.ids().len(), service.pictures()), (6, 6), "{asked:?}");
        for name in asked.iter().filter_map(|word| word.strip_prefix("--")) {
            let found = moments(&played, &format!("{}_ms", name.replace('-', "_")));
            assert_eq!(found.len(), 1, "{asked:?}: {found:?}");
        }
    }
}

#[test]
fn another_span_is_another_request_from_then_on() {
    let (service, folder) = (KeyedService::default(), Folder::new());
    let played = service.start();
    pictures(&folder, 6);
    interrupted(&service, &played, submit(&played, &folder, &["--deadline", "1h"]), 3);
    let other = submit(&played, &folder, &["--deadline", "2h"]).output().unwrap();
    expect(&other, 0);
    assert!(stderr_of(&other).contains("counted from now, as another was asked for before"), "{}", stderr_of(&other));
    assert_eq!((service.pictures(), moments(&played, "deadline_ms").len()), (6, 2));
}

#[test]
fn a_journal_that_knows_no_moment_is_gone_on_with() {
    let (service, folder) = (KeyedService::default(), Folder::new());
    let played = service.start();
    pictures(&folder, 6);
    let journal = folder.path("journal");
    let arguments = ["--deadline", "1h", "--journal", &journal.display().to_string()];
    interrupted(&service, &played, submit(&played, &folder, &arguments), 3);
    let text = fs::read_to_string(&journal).unwrap();
    let older: Vec<_> = text.lines().filter(|line| !line.starts_with("{\"moments\"")).collect();
    assert_eq!(older.len() + 1, text.lines().count(), "{text}");
    fs::write(&journal, older.join("\n") + "\n").unwrap();
    let next = submit(&played, &folder, &arguments).output().unwrap();
    expect(&next, 0);
    assert_eq!(service.pictures(), 6);
    // It knows one by now.
    let asked = played.lines().len();
    expect(&submit(&played, &folder, &arguments).output().unwrap(), 0);
    assert_eq!(played.lines().len(), asked);
}

#[test]
fn what_is_left_when_the_deadline_passes_is_not_submitted_until_that_is_asked_for() {
    let folder = Folder::new();
    pictures(&folder, 4);
    // The second answer comes after the deadline.
    let count = Mutex::new(0);
    let played = Played::start(move |request| {
        let number = {
            let mut count = count.lock().unwrap();
            *count += 1;
            *count
        };
        let deadline_ms: u64 = request.line.split_once("deadline_ms=").unwrap().1.parse().unwrap();
        until("the deadline passes", || number != 2 || now_ms() > deadline_ms);
        Reply::json(202, &job(&format!("job_{number}"), "queued"))
    });
    let run = |more: &[&str], code: i32| {
        let asked = played.lines().len();
        let output =
            submit(&played, &folder, &[&["--parallel", "1", "--deadline", "4s"], more].concat()).output().unwrap();
        expect(&output, code);
        (played.lines().len() - asked, stderr_of(&output))
    };
    let (asked, first) = run(&[], 1);
    assert_eq!(asked, 2, "{first}");
    for part in ["4 inputs: 2 submitted; 2 left", "the deadline, ", " ago, counts from when", "--again", "--anew"] {
        assert!(first.contains(part), "{part}: {first}");
    }
    let (asked, second) = run(&[], 1);
    assert!(asked == 0 && second.contains("4 inputs: 2 submitted, 2 of them earlier; 2 left"), "{second}");
    let (asked, third) = run(&["--again"], 0);
    assert!(asked == 2 && third.contains("counted from now, as the one before has passed"), "{third}");
    assert_eq!(moments(&played, "deadline_ms").len(), 2);
}

#[test]
fn a_folder_that_is_done_and_has_more_later_has_a_new_deadline_then() {
    let (service, folder) = (KeyedService::default(), Folder::new());
    let played = service.start();
    let journal = folder.path("journal");
    let run = || {
        let asked = played.lines().len();
        let journal = journal.display().to_string();
        expect(&submit(&played, &folder, &["--deadline", "1h", "--journal", &journal]).output().unwrap(), 0);
        played.lines().len() - asked
    };
    pictures(&folder, 2);
    assert_eq!(run(), 2);
    let written = fs::read(&journal).unwrap();
    assert_eq!(run(), 0);
    assert_eq!(fs::read(&journal).unwrap(), written, "there was nothing to write down");
    thread::sleep(Duration::from_millis(20));
    pictures(&folder, 3);
    assert_eq!((run(), moments(&played, "deadline_ms").len()), (1, 2));
}

#[test]
fn a_deadline_that_cannot_be_met_any_more_ends_what_is_under_way_in_peace() {
    let folder = Folder::new();
    pictures(&folder, 5);
    let played = Played::start(|request| match request.line.as_str() {
        line if line.starts_with("POST") && request.body.ends_with(b"1") => {
            Reply::problem(422, "deadline-infeasible", false)
        }
        line if line.starts_with("POST") => Reply::json(202, &job("job_1", "queued")),
        line if line.ends_with("/result") => Reply::json(200, &serde_json::json!([1])),
        _ => {
            thread::sleep(Duration::from_millis(300));
            Reply::json(200, &job("job_1", "succeeded"))
        }
    });
    let out = folder.path("out").display().to_string();
    let output = submit(&played, &folder, &["--deadline", "1h", "--out", &out, "--parallel", "2"]).output().unwrap();
    expect(&output, 1);
    assert!(stderr_of(&output).contains("deadline-infeasible"), "{}", stderr_of(&output));
    assert_eq!(folder.names("out"), [".forebay-journal", "0000.png.result.json"]);
    assert!(stderr_of(&output).contains("5 inputs: 1 done; 4 left"), "{}", stderr_of(&output));
}
