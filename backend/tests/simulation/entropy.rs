//! What the machine would call random. Two things in the pipeline ask for it: the order of hash maps, and the branch
//! that `select!` looks at first. Both begin with std's `getrandom`, which is a weak symbol just so that it can be
//! replaced; here a simulation's thread answers it from its seed.

use std::cell::RefCell;

use crate::chance::Chance;

thread_local! {
    static SEEDED: RefCell<Option<Chance>> = const { RefCell::new(None) };
}

/// From now on, what this thread asks for follows from `seed`. Nothing may have asked on this thread before.
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
