use std::{
    collections::BTreeSet,
    path::PathBuf,
    time::{Duration, Instant},
};

/// Editors and branches write several files at once: nothing is built before they have been quiet for so long.
const QUIET: Duration = Duration::from_millis(250);

/// What was saved of one part and is not built yet. One build of a part at a time; what is saved meanwhile is built next.
#[derive(Debug, Default)]
pub(super) struct Saves {
    waiting: Option<Save>,
    building: bool,
}

/// Files that were saved together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Save {
    /// When the first of them was noticed.
    pub(super) first: Instant,
    last: Instant,
    files: BTreeSet<PathBuf>,
}

impl Saves {
    pub(super) fn note(&mut self, file: PathBuf, now: Instant) {
        let save = self.waiting.get_or_insert_with(|| Save { first: now, last: now, files: BTreeSet::new() });
        save.last = now;
        save.files.insert(file);
    }

    /// What is to be built now; [`Self::ended`] says when that is over, however it went.
    pub(super) fn begin(&mut self, now: Instant) -> Option<Save> {
        if self.building {
            return None;
        }
        let save = self.waiting.take_if(|save| now.duration_since(save.last) >= QUIET)?;
        self.building = true;
        Some(save)
    }

    pub(super) fn ended(&mut self) {
        self.building = false;
    }
}

impl std::fmt::Display for Save {
    /// `edge/src/routes.rs and 2 more`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let first = self.files.first().map(|file| file.display().to_string()).unwrap_or_default();
        match self.files.len() {
            0 | 1 => f.write_str(&first),
            count => write!(f, "{first} and {} more", count - 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_together_is_built_once_and_what_is_saved_meanwhile_afterwards() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut saves = Saves::default();
        assert_eq!(saves.begin(at(0)), None);
        saves.note("a.rs".into(), at(0));
        saves.note("b.rs".into(), at(200));
        assert_eq!(saves.begin(at(400)), None, "still being written");
        let save = saves.begin(at(450)).unwrap();
        assert_eq!((save.to_string().as_str(), save.first), ("a.rs and 1 more", at(0)));

        saves.note("a.rs".into(), at(1_000));
        assert_eq!(saves.begin(at(9_000)), None, "one build at a time");
        saves.ended();
        assert_eq!(saves.begin(at(9_000)).unwrap().to_string(), "a.rs");
        saves.ended();
        assert_eq!(saves.begin(at(99_000)), None, "built once");
    }
}
