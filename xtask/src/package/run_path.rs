//! Where a program looks for its libraries.
//!
//! backend/build.rs links programs with `$ORIGIN/lib:FOLDER`: beside themselves, then in the libtorch of the machine that
//! built them, which tests and `up` use. A package may know the first alone. Linking anew would compile the worker once
//! more, since what a build script says holds for the whole crate; ending the text sooner is one byte.

use anyhow::{Result, ensure};

/// Beside the program, wherever that is moved.
pub const BESIDE: &str = "$ORIGIN/lib";

/// Ends the program's run path behind [`BESIDE`].
pub(super) fn cut(program: &mut [u8]) -> Result<()> {
    let wanted = [BESIDE.as_bytes(), b":"].concat();
    let mut places = program.windows(wanted.len()).enumerate().filter(|(_, part)| *part == wanted).map(|(at, _)| at);
    let (first, second) = (places.next(), places.next());
    ensure!(
        second.is_none() && first.is_some(),
        "the program names {BESIDE}: {}: was it linked by backend/build.rs, with the feature tch?",
        if first.is_none() { "nowhere" } else { "more than once" }
    );
    // What stands behind the end is a text of its own then, to which nothing points.
    let end = first.and_then(|at| program.get_mut(at + BESIDE.len()));
    end.into_iter().for_each(|byte| *byte = 0);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_beside_the_program_is_left() {
        let mut program = b"\0libc.so.6\0$ORIGIN/lib:/home/me/libtorch/lib\0more".to_vec();
        cut(&mut program).unwrap();
        assert_eq!(program, b"\0libc.so.6\0$ORIGIN/lib\0/home/me/libtorch/lib\0more");
    }

    #[test]
    fn a_program_that_was_linked_otherwise_is_refused() {
        for program in [&b""[..], b"/home/me/libtorch/lib\0", b"$ORIGIN/lib\0", b"$ORIGIN/lib:/a\0$ORIGIN/lib:/b\0"] {
            assert!(cut(&mut program.to_vec()).is_err(), "{}", String::from_utf8_lossy(program));
        }
    }
}
