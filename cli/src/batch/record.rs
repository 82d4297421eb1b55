//! The lines of a journal.

use forebay::{JobId, JobStatus};
use serde::{Deserialize, Serialize};

use super::moments::Moments;

/// The form of these lines.
pub(crate) const VERSION: u32 = 1;

/// One line: something that happened, and stays so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Record {
    /// The first line of each journal.
    Begun(Begun),
    /// From now on what is submitted has these moments. There is none in a journal of a request without any.
    Moments(Moments),
    /// Nothing was left: what is submitted next has moments of its own.
    Finished {},
    /// The service took an input.
    Submitted {
        /// The content's digest.
        item: String,
        attempt: u32,
        job: JobId,
    },
    /// Nothing more will happen to that job.
    Ended {
        item: String,
        attempt: u32,
        job: JobId,
        status: JobStatus,
        /// Why it did not succeed.
        #[serde(default)]
        detail: String,
        /// Whether the same may succeed when sent again.
        #[serde(default)]
        retryable: bool,
    },
}

/// What a journal is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Begun {
    pub(crate) version: u32,
    /// The digest of all that is asked for besides the inputs.
    pub(crate) request: String,
    /// The model, for people who read the journal.
    pub(crate) model: String,
    /// Makes this journal's idempotency keys its own.
    pub(crate) nonce: String,
}

/// What a journal's bytes hold.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Lines {
    pub(crate) records: Vec<Record>,
    /// How many bytes the whole lines take; what comes after was cut off while it was written.
    pub(crate) whole: usize,
}

/// The line of a record, with its end.
pub(crate) fn line(record: &Record) -> Vec<u8> {
    // Maps with text keys and scalars alone: this cannot fail, and a line without a record would be seen when read.
    let mut line = serde_json::to_vec(record).unwrap_or_default();
    line.push(b'\n');
    line
}

/// Reads a journal; `Err` is the number of the first whole line that is none of ours.
pub(crate) fn read(bytes: &[u8]) -> Result<Lines, usize> {
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let lines = bytes.get(..whole).unwrap_or_default();
    let mut records = Vec::new();
    for (number, line) in (1..).zip(lines.split_inclusive(|byte| *byte == b'\n')) {
        let record: Record = serde_json::from_slice(line).map_err(|_| number)?;
        // The first line says what the journal is about, and no other does.
        if matches!(record, Record::Begun(_)) != (number == 1) {
            return Err(number);
        }
        records.push(record);
    }
    Ok(Lines { records, whole })
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::{super::moments::Spans, *};

    pub(crate) fn begun() -> Begun {
        Begun { version: VERSION, request: "r".to_owned(), model: "m".to_owned(), nonce: "n".to_owned() }
    }

    /// What may happen to a few items, in any order.
    pub(crate) fn records() -> impl Strategy<Value = Vec<Record>> {
        let status = prop_oneof![
            Just(JobStatus::Succeeded),
            Just(JobStatus::Failed),
            Just(JobStatus::Canceled),
            Just(JobStatus::Expired)
        ];
        let one = (0u8..4, 0u32..3, proptest::option::of((status, "[a-z\n\" é]{0,8}", any::<bool>())));
        let one = one.prop_map(|(item, attempt, ended)| {
            let (item, job) = (format!("i{item}"), format!("job_{item}_{attempt}").parse().unwrap());
            match ended {
                None => Record::Submitted { item, attempt, job },
                Some((status, detail, retryable)) => Record::Ended { item, attempt, job, status, detail, retryable },
            }
        });
        let moments = (0u64..9, proptest::option::of(0u64..9))
            .prop_map(|(from_ms, deadline_s)| Record::Moments(Spans { deadline_s, not_before_s: None }.from(from_ms)));
        let one = prop_oneof![5 => one, 1 => moments, 1 => Just(Record::Finished {})];
        proptest::collection::vec(one, 0..20).prop_map(|mut records| {
            records.insert(0, Record::Begun(begun()));
            records
        })
    }

    proptest! {
        #[test]
        fn killed_at_any_byte_a_journal_holds_all_whole_lines(records in records(), cut in any::<prop::sample::Index>()) {
            let bytes: Vec<u8> = records.iter().flat_map(line).collect();
            let cut = cut.index(bytes.len() + 1);
            let lines = read(&bytes[..cut]).unwrap();
            prop_assert!(lines.whole <= cut);
            prop_assert_eq!(&records[..lines.records.len()], &lines.records[..]);
            let ends = bytes[..cut].iter().filter(|byte| **byte == b'\n').count();
            prop_assert_eq!(lines.records.len(), ends);
        }
    }

    #[test]
    fn foreign_lines_are_named() {
        let first = line(&Record::Begun(begun()));
        for (bytes, expect) in [
            (b"".to_vec(), Ok(0)),
            (b"half a li".to_vec(), Ok(0)),
            (b"hello\n".to_vec(), Err(1)),
            ([&first[..], b"{}\n"].concat(), Err(2)),
            ([&first[..], &first[..]].concat(), Err(2)),
            ([&first[..], b"{\"moments\":{\"from_ms\":5,\"deadline_s\":8}}\n{\"finished\":{}}\n"].concat(), Ok(3)),
            (b"{\"submitted\":{\"item\":\"i\",\"attempt\":0,\"job\":\"j\"}}\n".to_vec(), Err(1)),
            (first, Ok(1)),
        ] {
            assert_eq!(read(&bytes).map(|lines| lines.records.len()), expect);
        }
    }
}
