//! Whether a model that does not load is to blame itself. Pure.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

use crate::model::{AGAIN_AFTER, ModelError, Stamp};

/// What is to be done about jobs of a model that does not load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Every worker would say the same: the jobs fail.
    ModelsOwn,
    /// Another worker may do better, or this one later: the jobs go back to their lane.
    OwnFault,
}

/// No model is left alone for longer.
const LONGEST: Duration = Duration::from_secs(8 * 60);

/// Models that did not load on one device. As many as the registry has at most.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    tries: HashMap<String, Tried>,
}

#[derive(Debug)]
struct Tried {
    at: Instant,
    /// So long the model is left alone.
    leave: Duration,
    verdict: Verdict,
    /// The refusal, and of what file; `None` where it was none.
    refused: Option<(String, Stamp)>,
}

impl Refusals {
    /// What an earlier try said, where it is too early for another.
    pub(super) fn of(&self, id: &str, now: Instant) -> Option<Verdict> {
        let tried = self.tries.get(id)?;
        (now.saturating_duration_since(tried.at) < tried.leave).then_some(tried.verdict)
    }

    /// Another try failed, over a file as it lies there now.
    ///
    /// Where nobody can say whether the file is the right one, it counts as such when it was refused twice with the same
    /// words, [`AGAIN_AFTER`] apart, and did not change between: a file that is still on its way does.
    ///
    /// For a try that ends without memory all other models went in vain, so the next one is twice as far off.
    pub(super) fn note(&mut self, id: &str, now: Instant, error: &ModelError, file: Option<Stamp>) -> Verdict {
        let refused = file.filter(|_| error.is_refusal()).map(|file| (error.to_string(), file));
        let before = self.tries.get(id);
        let again = refused.is_some() && before.is_some_and(|tried| tried.refused == refused);
        let verdict = if error.is_models_own() || again { Verdict::ModelsOwn } else { Verdict::OwnFault };
        let leave = match before.filter(|_| error.is_out_of_memory()) {
            Some(tried) => (tried.leave * 2).min(LONGEST),
            None => AGAIN_AFTER,
        };
        self.tries.insert(id.to_owned(), Tried { at: now, leave, verdict, refused });
        verdict
    }

    /// The model is loaded.
    pub(super) fn forget(&mut self, id: &str) {
        self.tries.remove(id);
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Verdict::*, *};
    use crate::model::Checked;

    fn file(name: &str, content: &str) -> (PathBuf, Option<Stamp>) {
        let path = std::env::temp_dir().join(format!("forebay-refusals-{name}-{}", std::process::id()));
        std::fs::write(&path, content).unwrap();
        let stamp = Stamp::of_file(&path);
        (path, stamp)
    }

    #[test]
    fn only_what_every_worker_would_say_is_the_models_own() {
        let ((one, first), (other, second)) = (file("a", "1"), file("b", "12"));
        let unchecked = |what: &str| ModelError::refused(what, Checked::No);
        let checked = ModelError::refused("no", Checked::Yes);
        let elsewhere = [
            ModelError::new("no"),
            ModelError::out_of_memory("no"),
            ModelError::new("no"),
            ModelError::too_slow("no"),
            ModelError::device_lost("no"),
        ];
        let start = Instant::now();
        let at = |tries: usize| start + AGAIN_AFTER * u32::try_from(tries).unwrap();
        let verdicts = |tries: &[(&ModelError, Option<Stamp>)]| -> Vec<Verdict> {
            let mut refusals = Refusals::default();
            let note = |(number, (error, file)): (usize, &(&ModelError, Option<Stamp>))| {
                refusals.note("m@1", at(number), error, *file)
            };
            tries.iter().enumerate().map(note).collect()
        };
        assert_eq!(verdicts(&[(&checked, first)]), [ModelsOwn]);
        for error in &elsewhere {
            assert_eq!(verdicts(&[(error, first), (error, first), (error, first)]), [OwnFault; 3], "{error:?}");
        }
        let (no, other_words) = (unchecked("no"), unchecked("not so"));
        assert_eq!(verdicts(&[(&no, first), (&no, first), (&no, first)]), [OwnFault, ModelsOwn, ModelsOwn]);
        assert_eq!(verdicts(&[(&no, first), (&no, second), (&no, second)]), [OwnFault, OwnFault, ModelsOwn]);
        assert_eq!(verdicts(&[(&no, first), (&other_words, first)]), [OwnFault, OwnFault]);
        assert_eq!(verdicts(&[(&no, None), (&no, None)]), [OwnFault, OwnFault], "there is no file");
        assert_eq!(verdicts(&[(&no, first), (&elsewhere[1], first), (&no, first)]), [OwnFault; 3]);
        [one, other].iter().for_each(|path| std::fs::remove_file(path).unwrap());
    }

    #[test]
    fn between_two_tries_the_first_ones_verdict_holds() {
        let (mut refusals, now) = (Refusals::default(), Instant::now());
        assert_eq!(refusals.of("m@1", now), None);
        refusals.note("m@1", now, &ModelError::new("no"), None);
        assert_eq!(refusals.of("m@1", now + AGAIN_AFTER - Duration::from_millis(1)), Some(OwnFault));
        assert_eq!((refusals.of("m@1", now + AGAIN_AFTER), refusals.of("other@1", now)), (None, None));
        refusals.forget("m@1");
        assert_eq!(refusals.of("m@1", now), None);
    }

    #[test]
    fn who_finds_no_memory_lets_the_others_work_for_longer_each_time() {
        let (mut refusals, start) = (Refusals::default(), Instant::now());
        let mut left = Vec::new();
        for try_ in 0..7 {
            let now = start + LONGEST * try_;
            refusals.note("m@1", now, &ModelError::out_of_memory("full"), None);
            let is_left = |seconds: &u64| refusals.of("m@1", now + Duration::from_secs(*seconds)).is_some();
            left.push((0..9999).take_while(is_left).count());
        }
        assert_eq!(left, [30, 60, 120, 240, 480, 480, 480]);
    }
}
