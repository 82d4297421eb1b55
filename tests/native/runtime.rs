//! One thread, a clock that moves when everybody waits, and what that thread draws from the machine's randomness.

use std::{cell::RefCell, future::Future, thread};

use tokio::{runtime::Builder, task::LocalSet, time::Instant};

use super::Chance;

/// The time of day at which everything starts: in the middle of one, in milliseconds since the epoch.
pub(crate) const START_MS: u64 = 1_800_000_000_000;

thread_local! {
    static SEEDED: RefCell<Option<Chance>> = const { RefCell::new(None) };
    static STARTED: RefCell<Option<Instant>> = const { RefCell::new(None) };
}

/// Runs it on a thread of its own, with all randomness from `seed`.
pub(crate) fn run<T, F>(seed: u64, act: impl FnOnce() -> F + Send + 'static) -> T
where
    T: Send + 'static,
    F: Future<Output = T>,
{
    let thread = thread::spawn(move || {
        seed_this_thread(seed);
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        LocalSet::new().block_on(&runtime, async {
            STARTED.set(Some(Instant::now()));
            act().await
        })
    });
    // What a test says when it fails was said by its thread already.
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Milliseconds since the start, by no machine's own clock.
pub(crate) fn since_start_ms() -> u64 {
    STARTED.with_borrow(|started| started.map_or(0, |started| started.elapsed().as_millis() as u64))
}

/// From now on, what this thread asks the machine for follows from `seed`. Nothing may have asked on this thread before.
pub(crate) fn seed_this_thread(seed: u64) {
    SEEDED.with(|seeded| *seeded.borrow_mut() = Some(Chance::new(seed, "entropy")));
}

fn fill(buffer: &mut [u8]) -> std::io::Result<()> {
    let seeded = SEEDED.try_with(|seeded| {
        let mut seeded = seeded.borrow_mut();
        let Some(chance) = seeded.as_mut() else { return false };
        buffer.iter_mut().for_each(|byte| *byte = chance.next() as u8);
        true
    });
    if seeded.unwrap_or(false) {
        return Ok(());
    }
    std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, buffer)
}

/// Two things here ask the machine for randomness: the order of hash maps, and the branch that `select!` looks at first.
/// Both begin with std's `getrandom`, which is a weak symbol just so that it can be replaced.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "the C library's function, in its own form")]
#[unsafe(no_mangle)]
unsafe extern "C" fn getrandom(buffer: *mut u8, length: usize, _flags: u32) -> isize {
    // SAFETY: the caller gives a buffer of this length, as getrandom(2) demands.
    let buffer = unsafe { std::slice::from_raw_parts_mut(buffer, length) };
    match fill(buffer) {
        Ok(()) => isize::try_from(length).unwrap_or(isize::MAX),
        Err(_) => -1,
    }
}
