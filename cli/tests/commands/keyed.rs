//! A service that keeps one job for each idempotency key, and folders of pictures that are submitted to it.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex},
};

use crate::{
    batches::until,
    played::{Played, Reply, Request, job},
    program::{Folder, forebay},
};

pub const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// By key: what was asked for with it, its first line and its body, and the job.
type Jobs = BTreeMap<String, (String, Vec<u8>, String)>;

/// As the edge does, it refuses another request under a key that it knows. Answers from the job `stuck` on are held back
/// until it is let go.
#[derive(Clone, Default)]
pub struct KeyedService {
    jobs: Arc<Mutex<Jobs>>,
    stuck: Arc<Mutex<Option<usize>>>,
}

impl KeyedService {
    pub fn stuck_at(number: usize) -> Self {
        let service = Self::default();
        service.stick_at(number);
        service
    }

    pub fn stick_at(&self, number: usize) {
        *self.stuck.lock().unwrap() = Some(number);
    }

    pub fn let_go(&self) {
        *self.stuck.lock().unwrap() = None;
    }

    pub fn start(&self) -> Played {
        let service = self.clone();
        Played::start(move |request| service.play(request))
    }

    fn play(&self, request: &Request) -> Reply {
        assert!(request.line.starts_with("POST /v1/models/m/jobs"), "{}", request.line);
        let key = request.header("idempotency-key").unwrap().to_owned();
        let asked = (request.line.clone(), request.body.clone());
        let (id, count) = {
            let mut jobs = self.jobs.lock().unwrap();
            let id = format!("job_{:04}", jobs.len());
            let (line, body, id) = jobs.entry(key).or_insert_with(|| (asked.0.clone(), asked.1.clone(), id)).clone();
            if (line, body) != asked {
                return Reply::problem(422, "idempotency-mismatch", false);
            }
            (id, jobs.len())
        };
        until("the service goes on", || self.stuck.lock().unwrap().is_none_or(|stuck| count < stuck));
        Reply::json(202, &job(&id, "queued"))
    }

    pub fn ids(&self) -> BTreeSet<String> {
        self.jobs.lock().unwrap().values().map(|(_, _, id)| id.clone()).collect()
    }

    /// How many different pictures were submitted.
    pub fn pictures(&self) -> usize {
        self.jobs.lock().unwrap().values().map(|(_, body, _)| body.clone()).collect::<BTreeSet<_>>().len()
    }
}

/// Writes so many pictures, `in/0000.png` and on; gives their folder.
pub fn pictures(folder: &Folder, count: usize) -> String {
    for number in 0..count {
        folder.write(&format!("in/{number:04}.png"), [PNG, number.to_string().as_bytes()].concat());
    }
    folder.path("in").display().to_string()
}

/// `forebay submit m` with these arguments, whose state lies in the folder.
pub fn submit(played: &Played, folder: &Folder, arguments: &[&str]) -> Command {
    let mut forebay = forebay(played, &[&["submit", "m"], arguments].concat());
    forebay.env("XDG_STATE_HOME", folder.path("state")).stdout(Stdio::piped()).stderr(Stdio::piped());
    forebay
}

/// Presses Ctrl-C, and gives what the program has written until its end.
pub fn interrupt(forebay: Child) -> Output {
    assert!(Command::new("kill").args(["-INT", &forebay.id().to_string()]).status().unwrap().success());
    forebay.wait_with_output().unwrap()
}
