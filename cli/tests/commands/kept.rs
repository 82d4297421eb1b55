//! Many inputs without a word on where to keep what is done: interrupted all the same, and gone on with.

use std::{
    collections::BTreeSet,
    fs,
    io::Read as _,
    process::{Child, Output},
    sync::Mutex,
    thread,
};

use crate::{
    batches::until,
    keyed::{KeyedService, PNG, interrupt, pictures, submit},
    played::{Played, Reply, job},
    program::{Folder, expect},
};

/// Interrupts it once so many ids stand on standard output.
fn interrupt_after(ids: usize, mut forebay: Child) -> Output {
    let mut stdout = forebay.stdout.take().unwrap();
    let written = Mutex::new(Vec::new());
    thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let mut chunk = [0; 4096];
            while let count @ 1.. = stdout.read(&mut chunk).unwrap() {
                written.lock().unwrap().extend_from_slice(&chunk[..count]);
            }
        });
        let lines = || written.lock().unwrap().iter().filter(|byte| **byte == b'\n').count();
        // The table has a head.
        until("ids are written as they come", || lines() > ids);
        let output = interrupt(forebay);
        reading.join().unwrap();
        Output { stdout: written.lock().unwrap().clone(), ..output }
    })
}

/// The ids in the table on standard output, and standard error.
fn rows_and_stderr(output: &Output) -> (Vec<String>, String) {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let mut lines = text.lines();
    assert!(lines.next().is_none_or(|line| line.starts_with("ID ")), "{text}");
    let ids = lines.map(|line| line.split(' ').next().unwrap().to_owned()).collect();
    (ids, String::from_utf8(output.stderr.clone()).unwrap())
}

#[test]
fn a_thousand_pictures_are_submitted_once_each_however_often_it_is_interrupted() {
    let service = KeyedService::stuck_at(500);
    let played = service.start();
    let folder = Folder::new();
    let input = pictures(&folder, 1_000);

    let first = submit(&played, &folder, &[&input]).spawn().unwrap();
    let first = interrupt_after(480, first);
    expect(&first, 130);
    let (before, stderr_before) = rows_and_stderr(&first);
    assert!((480..500).contains(&before.len()), "{}", before.len());
    assert!(stderr_before.contains("the same command goes on") && stderr_before.contains("left"), "{stderr_before}");
    let kept = folder.names("state/forebay/submissions");
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert!(stderr_before.contains(&kept[0]), "{stderr_before}");

    service.let_go();
    let asked = played.lines().len();
    // The same folder by another spelling.
    let second = submit(&played, &folder, &[&format!("{input}/")]).output().unwrap();
    expect(&second, 0);
    let (ids, stderr_after) = rows_and_stderr(&second);
    assert_eq!(ids.iter().cloned().collect::<BTreeSet<_>>(), service.ids(), "the table is whole");
    assert_eq!((ids.len(), service.ids().len(), service.pictures()), (1_000, 1_000, 1_000));
    assert_eq!(played.lines().len() - asked, 1_000 - before.len());
    assert!(stderr_after.contains(&format!("{} inputs were submitted", before.len())), "{stderr_after}");
    let summary = format!("1000 inputs: 1000 submitted, {} of them earlier", before.len());
    assert!(stderr_after.contains(&summary), "{stderr_after}");

    // All is done: the same command is a new one.
    assert_eq!(folder.names("state/forebay/submissions"), [""; 0]);
    let third = submit(&played, &folder, &[&input]).output().unwrap();
    expect(&third, 0);
    assert_eq!((service.ids().len(), service.pictures()), (2_000, 1_000));
}

#[test]
fn what_was_interrupted_can_be_begun_anew_and_is_nobody_else_s() {
    let service = KeyedService::stuck_at(3);
    let played = service.start();
    let folder = Folder::new();
    let input = pictures(&folder, 6);
    let first = submit(&played, &folder, &[&input]).spawn().unwrap();
    until("some are submitted", || service.ids().len() >= 3);
    let busy = submit(&played, &folder, &[&input]).output().unwrap();
    expect(&busy, 2);
    assert!(rows_and_stderr(&busy).1.contains("at work"), "{busy:?}");
    expect(&interrupt(first), 130);
    service.let_go();

    let known = service.ids().len();
    let mut other = submit(&played, &folder, &[&input]);
    expect(&other.env("FOREBAY_KEY", "fb_other").output().unwrap(), 0);
    assert_eq!(service.ids().len(), known + 6, "another account has not submitted any of it");
    expect(&submit(&played, &folder, &[&input, "--anew"]).output().unwrap(), 0);
    assert_eq!(service.ids().len(), known + 12);
}

#[test]
fn what_is_refused_stays_to_be_done_until_it_is_mended() {
    let played = Played::start(|request| match request.body.ends_with(b"!") {
        true => Reply::problem(422, "image-unsupported", false),
        false => Reply::json(202, &job("job_1", "queued")),
    });
    let folder = Folder::new();
    let input = pictures(&folder, 3);
    folder.write("in/bad.png", [PNG, b"!"].concat());
    let first = submit(&played, &folder, &[&input]).output().unwrap();
    expect(&first, 1);
    let (ids, stderr_first) = rows_and_stderr(&first);
    assert_eq!(ids.len(), 3);
    assert!(stderr_first.contains("1 of 4 inputs failed; the same command"), "{stderr_first}");
    folder.write("in/bad.png", [PNG, b"mended"].concat());
    let asked = played.lines().len();
    let second = submit(&played, &folder, &[&input]).output().unwrap();
    expect(&second, 0);
    assert_eq!((rows_and_stderr(&second).0.len(), played.lines().len() - asked), (4, 1));
    assert_eq!(folder.names("state/forebay/submissions"), [""; 0]);
}

#[test]
fn where_nothing_can_be_kept_all_is_submitted_and_that_is_said() {
    let played = Played::start(|_| Reply::json(202, &job("job_1", "queued")));
    let folder = Folder::new();
    let input = pictures(&folder, 2);
    fs::write(folder.path("state"), "a file where a folder should be").unwrap();
    let output = submit(&played, &folder, &[&input]).output().unwrap();
    expect(&output, 0);
    let (ids, stderr) = rows_and_stderr(&output);
    assert_eq!(ids.len(), 2);
    assert!(stderr.contains("cannot be gone on with") && stderr.contains("--journal"), "{stderr}");
}
