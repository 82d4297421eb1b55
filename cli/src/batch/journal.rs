//! A journal's file.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use super::{
    ledger::Ledger,
    moments::Moments,
    record::{Begun, Record, line, read},
};
use crate::failure::Failure;

/// An open journal: this process's alone, and only added to.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    path: PathBuf,
}

/// A journal with what it holds.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) journal: Journal,
    pub(crate) begun: Begun,
    /// The last that were written down, unless nothing was left then.
    pub(crate) moments: Option<Moments>,
    pub(crate) ledger: Ledger,
    /// When the last line was written, in milliseconds since the epoch; of a new journal, when it was made.
    pub(crate) since_ms: u64,
}

impl Journal {
    /// Opens the journal at `path`, or begins it with `begun`. Refuses one of another request, and one that somebody
    /// else works with. `anew`: what it holds is forgotten.
    pub(crate) fn open(path: &Path, begun: Begun, anew: bool) -> Result<Opened, Failure> {
        let wrong = |why: String| Failure::Usage(format!("the journal {} {why}", path.display()));
        let cannot = |error: std::io::Error| wrong(format!("cannot be opened: {error}"));
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(cannot)?;
        }
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(path).map_err(cannot)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(wrong("is another forebay's, which is at work".to_owned())),
            Err(TryLockError::Error(error)) => return Err(cannot(error)),
        }
        let modified = file.metadata().and_then(|metadata| metadata.modified()).map_err(cannot)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(cannot)?;
        let foreign = |number| format!("has a line that is none of forebay's: {number}; name another with --journal");
        let lines = read(&bytes).map_err(|number| wrong(foreign(number)))?;
        // What was cut off by the end of an earlier run is not there; the next line begins where it began.
        file.set_len(lines.whole as u64).map_err(cannot)?;

        let mut journal = Self { file, path: path.to_owned() };
        let mut ledger = Ledger::default();
        lines.records.iter().for_each(|record| ledger.enter(record));
        ledger.close_run();
        let last = lines.records.iter().rev().find_map(|record| match record {
            Record::Moments(moments) => Some(Some(*moments)),
            Record::Finished {} => Some(None),
            _ => None,
        });
        let mut moments = last.flatten();
        let begun = match lines.records.into_iter().next() {
            Some(Record::Begun(earlier)) if earlier.version != begun.version => {
                return Err(wrong(format!("has the form {}; this program writes {}", earlier.version, begun.version)));
            }
            Some(Record::Begun(earlier)) if earlier.request != begun.request => {
                let advice = "remove it, or name another with --journal";
                return Err(wrong(format!("is of another request, to {}: {advice}", earlier.model)));
            }
            Some(Record::Begun(earlier)) if !anew => earlier,
            _ => {
                (ledger, moments) = (Ledger::default(), None);
                journal.file.set_len(0).map_err(cannot)?;
                journal.add(&Record::Begun(begun.clone()))?;
                begun
            }
        };
        Ok(Opened { journal, begun, moments, ledger, since_ms: since_epoch_ms(modified) })
    }

    /// Adds a line, with one write: a killed process leaves it whole or cut off, and the next run reads what is whole.
    pub(crate) fn add(&mut self, record: &Record) -> Result<(), Failure> {
        let unwritten =
            |error| Failure::File(format!("the journal {} cannot be written: {error}", self.path.display()));
        self.file.write_all(&line(record)).map_err(unwritten)
    }

    /// Removes the file: all is done, and the same command is a new one.
    pub(crate) fn remove(self) -> Result<(), Failure> {
        let left = |error| Failure::File(format!("the journal {} cannot be removed: {error}", self.path.display()));
        fs::remove_file(&self.path).map_err(left)
    }
}

fn since_epoch_ms(moment: SystemTime) -> u64 {
    u64::try_from(moment.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{
        super::ledger::{Circumstances, Step},
        super::{moments::Spans, record::tests::begun},
        *,
    };
    use crate::scratch::Scratch;

    fn submitted(item: &str) -> Record {
        Record::Submitted { item: item.to_owned(), attempt: 0, job: "job_1".parse().unwrap() }
    }

    #[test]
    fn killed_at_any_byte_a_journal_goes_on_where_its_whole_lines_end() {
        let scratch = Scratch::new();
        let path = scratch.path().join("folder/journal");
        let mut opened = Journal::open(&path, begun(), false).unwrap();
        opened.journal.add(&submitted("a")).unwrap();
        opened.journal.add(&submitted("b")).unwrap();
        drop(opened);
        let whole = fs::read(&path).unwrap();
        for cut in 0..=whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let nonce = if cut == whole.len() { "later" } else { "other" };
            let mut opened = Journal::open(&path, Begun { nonce: nonce.to_owned(), ..begun() }, false).unwrap();
            let lines = whole[..cut].iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(opened.begun.nonce, if lines == 0 { nonce } else { "n" }, "{cut}");
            for (item, line) in [("a", 2), ("b", 3)] {
                let known = matches!(opened.ledger.step(item, Circumstances::default()), Step::Wait { .. });
                assert_eq!(known, lines >= line, "{item} {cut}");
            }
            opened.journal.add(&submitted("c")).unwrap();
            drop(opened);
            let again = Journal::open(&path, begun(), false).unwrap();
            assert!(matches!(again.ledger.step("c", Circumstances::default()), Step::Wait { .. }), "{cut}");
        }
    }

    #[test]
    fn a_journal_is_one_request_s_and_one_process_s() {
        let scratch = Scratch::new();
        let path = scratch.path().join("journal");
        let opened = Journal::open(&path, begun(), false).unwrap();
        let refused = |begun| Journal::open(&path, begun, false).unwrap_err().to_string();
        assert!(refused(begun()).contains("at work"));
        drop(opened);
        assert!(refused(Begun { request: "other".to_owned(), ..begun() }).contains("another request, to m"));
        assert!(refused(Begun { version: 2, ..begun() }).contains("form 1"));
        fs::write(&path, "my shopping list\n").unwrap();
        assert!(refused(begun()).contains("none of forebay's: 1"));
        assert_eq!(fs::read(&path).unwrap(), b"my shopping list\n");
    }

    #[test]
    fn the_last_moments_hold_until_all_is_done_or_it_is_begun_anew() {
        let scratch = Scratch::new();
        let path = scratch.path().join("journal");
        let open = |anew: bool| Journal::open(&path, begun(), anew).unwrap();
        let spans = Spans { deadline_s: Some(8), not_before_s: None };
        for from_ms in [5, 9] {
            let mut opened = open(false);
            assert_eq!(opened.moments, (from_ms == 9).then_some(spans.from(5)));
            opened.journal.add(&Record::Moments(spans.from(from_ms))).unwrap();
        }
        open(false).journal.add(&Record::Finished {}).unwrap();
        assert_eq!(open(false).moments, None);
        open(false).journal.add(&Record::Moments(spans.from(11))).unwrap();
        assert_eq!(open(false).moments, Some(spans.from(11)));
        assert_eq!(open(true).moments, None);
        assert_eq!(open(false).moments, None);
    }

    #[test]
    fn what_is_begun_anew_knows_nothing_and_what_is_done_leaves_no_file() {
        let scratch = Scratch::new();
        let path = scratch.path().join("journal");
        let mut opened = Journal::open(&path, begun(), false).unwrap();
        opened.journal.add(&submitted("a")).unwrap();
        drop(opened);
        let other = Begun { request: "other".to_owned(), ..begun() };
        assert!(Journal::open(&path, other, true).is_err(), "another request's is not thrown away");
        let anew = Begun { nonce: "later".to_owned(), ..begun() };
        let opened = Journal::open(&path, anew, true).unwrap();
        assert_eq!((opened.begun.nonce.as_str(), opened.ledger.len()), ("later", 0));
        drop(opened);
        let opened = Journal::open(&path, begun(), false).unwrap();
        assert_eq!((opened.begun.nonce.as_str(), opened.ledger.len()), ("later", 0));
        opened.journal.remove().unwrap();
        assert!(!path.exists());
    }
}
