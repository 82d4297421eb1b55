//! `cargo xtask test --only e2e --keep`: the stacks of a promise that failed stay up until Ctrl-C.

use std::{
    cell::RefCell,
    env, fs,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    thread,
};

use anyhow::Result;
use forebay_xtask::process::Left;

use crate::hall::Hall;

/// Parts that run on without their stack, and how they are reached.
struct Kept {
    said: String,
    /// They end when this is dropped.
    _parts: Vec<Left>,
}

thread_local! {
    /// What the promise that is looked at on this thread has let go so far: whether it fails is not known yet.
    static LET_GO: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
}

/// Each promise that failed, and what it let go.
static KEPT: Mutex<Vec<(&str, Vec<Kept>)>> = Mutex::new(Vec::new());

/// Where to say how they are reached; nothing is kept where nobody asks.
fn asked() -> Option<PathBuf> {
    env::var_os("FOREBAY_TEST_KEEP").map(PathBuf::from)
}

/// Whether parts are let go instead of being stopped.
pub fn is_on() -> bool {
    asked().is_some()
}

/// Takes what a stack lets go, and how that is reached.
pub fn let_go(said: String, parts: Vec<Left>) {
    LET_GO.with_borrow_mut(|all| all.push(Kept { said, _parts: parts }));
}

/// A promise was looked at: what it let go is kept if it failed, and ends otherwise.
pub fn decide(name: &'static str, failed: bool) {
    let let_go = LET_GO.take();
    if is_on() && failed {
        KEPT.lock().unwrap_or_else(PoisonError::into_inner).push((name, let_go));
    }
}

/// Where a promise failed: says how its stacks are reached, and waits until this process is told to end.
pub fn wait(hall: &Hall) -> Result<()> {
    let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(file) = asked().filter(|_| !kept.is_empty()) else { return Ok(()) };
    let mut said = String::from("Kept:");
    for (name, stacks) in &*kept {
        said += &format!("\n\n{name}");
        for stack in stacks {
            said += &format!("\n{}", stack.said);
        }
        if stacks.is_empty() {
            said += "\n  no stack of its own: see those that are shared";
        }
    }
    for stack in hall.shared_stacks() {
        said += &format!("\n\nshared\n{}", stack.how_to_reach()?);
    }
    said += "\n\nWhat a promise played itself (receivers, proxies, issuers) has ended with it.";
    fs::create_dir_all(file.parent().unwrap_or(&file))?;
    // Written whole: who waits for it reads it once.
    let draft = file.with_extension("draft");
    fs::write(&draft, said)?;
    fs::rename(&draft, &file)?;
    loop {
        thread::park();
    }
}
