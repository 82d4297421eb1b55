use forebay_contract::{JobId, state::Transition};
use proptest::prelude::*;

use super::*;
use crate::job::example::{START_MS, queued};

const KEPT: Kept = Kept { retention_ms: 7 * DAY_MS, keys_ms: DAY_MS };
const KEY: &str = "inputs/ab/abcd-job";

fn another() -> JobId {
    JobId::new(START_MS + 1, [9; 10], queued().id.shard())
}

fn begun(job: &Job, others: Others) -> Erasure {
    Erasure::begin(job, Some(KEY.to_owned()), others, job.sent_ms.is_some(), START_MS)
}

fn succeeded() -> Job {
    let mut job = Job { sent_ms: Some(START_MS), ..queued() };
    job.transition(Transition::Succeeded, START_MS);
    job
}

fn whats(receipt: &Receipt) -> Vec<Part> {
    receipt.remains.iter().map(|remainder| remainder.what).collect()
}

#[test]
fn what_others_need_stays_and_the_receipt_names_them() {
    let shared = Job { shared: 1, ..succeeded() };
    let result = || Some(storage_key::result(&queued().digest));
    let of = |result| Others { result, input: None };
    for (job, others, key, named) in [
        (succeeded(), Others::default(), result(), None),
        (succeeded(), of(Some(another())), None, Some(another())),
        (shared.clone(), Others::default(), None, None),
        (shared, of(Some(another())), None, None),
    ] {
        let mut erasure = begun(&job, others);
        let keys = erasure.keys(others);
        assert_eq!(keys.iter().find(|key| key.starts_with("results/")).cloned(), key, "{others:?}");
        assert!(keys.iter().any(|key| key == KEY) && keys.contains(&storage_key::failure(&job.id)));
        erasure.looked(true, START_MS, 0);
        let receipt = erasure.receipt(KEPT);
        assert!(receipt.complete);
        assert_eq!(receipt.removed.contains(&Part::Result), key.is_some());
        let remainder = receipt.remains.iter().find(|remainder| remainder.what == Part::Result);
        assert_eq!(remainder.and_then(|remainder| remainder.job_id), named);
        assert_eq!(remainder.is_none(), key.is_some());
    }
    let others = Others { result: None, input: Some(another()) };
    assert!(!begun(&queued(), others).keys(others).iter().any(|key| key == KEY));
}

#[test]
fn a_message_that_may_be_received_is_named_with_its_end() {
    let sent = Job { sent_ms: Some(START_MS - 5), ..queued() };
    for (job, until_ms) in [(queued(), None), (sent, Some(START_MS - 5 + QUEUED_MS)), (succeeded(), None)] {
        let receipt = begun(&job, Others::default()).receipt(KEPT);
        let message = receipt.remains.iter().find(|remainder| remainder.what == Part::QueuedMessage);
        assert_eq!(message.map(|message| message.until_ms), until_ms.map(Some));
    }
}

#[test]
fn a_bucket_that_is_away_is_asked_ever_more_rarely_and_the_receipt_says_so() {
    let mut erasure = begun(&succeeded(), Others::default());
    let mut waits = Vec::new();
    for _ in 0..3 {
        erasure.looked(false, START_MS, 0);
        waits.push(erasure.next_ms.unwrap() - START_MS);
        let receipt = erasure.receipt(KEPT);
        assert!(
            !receipt.complete && !receipt.removed.contains(&Part::Result) && whats(&receipt).contains(&Part::Result)
        );
    }
    assert_eq!(waits, [2_000, 4_000, 8_000]);
    erasure.looked(true, START_MS + 9, 0);
    let receipt = erasure.receipt(KEPT);
    assert!(receipt.complete && receipt.removed.contains(&Part::Result) && !whats(&receipt).contains(&Part::Result));
}

#[test]
fn nothing_that_names_the_content_outlasts_what_may_still_come() {
    let sent = Job { sent_ms: Some(START_MS), ..queued() };
    for (job, days, most_looks) in [(succeeded(), 7, 6), (sent, 14, 40)] {
        let mut erasure = begun(&job, Others::default());
        while let Some(next_ms) = erasure.next_ms {
            assert!(erasure.looks < most_looks, "{erasure:?}");
            erasure.looked(true, next_ms, 0);
        }
        assert_eq!((erasure.digest, erasure.input_key.as_deref()), (None, None));
        let at_ms = START_MS + days * DAY_MS;
        assert_eq!(erasure.receipt(KEPT), begun_and_removed(&job), "the same receipt for good");
        assert!(!erasure.heard(at_ms));
    }
}

fn begun_and_removed(job: &Job) -> Receipt {
    let mut erasure = begun(job, Others::default());
    erasure.looked(true, START_MS, 0);
    erasure.receipt(KEPT)
}

#[test]
fn an_erased_job_has_numbers_alone() {
    let mut job = Job {
        parameters: r#"{"prompt":"hush"}"#.to_owned(),
        failure_detail: Some("hush".to_owned()),
        media_type: Some("image/png".to_owned()),
        input_key: Some(KEY.to_owned()),
        interests: Some("hush".to_owned()),
        device_ms: Some(1.5),
        ..succeeded()
    };
    job.erase(START_MS + 1);
    assert_eq!((job.erased_ms, job.device_ms, job.state), (Some(START_MS + 1), Some(1.5), JobState::Succeeded));
    let text = serde_json::to_string(&job).unwrap();
    assert!(!text.contains("hush") && !text.contains("image/png") && !text.contains(KEY), "{text}");
    assert!(!text.contains(&queued().digest.to_hex()));
}

proptest! {
    /// Whatever the bucket says: it is asked again until it has done it, later each time, and no longer than needed.
    #[test]
    fn it_ends_and_not_before_it_is_done(answers in prop::collection::vec(any::<bool>(), 0..60), random: u64) {
        let mut erasure = begun(&Job { sent_ms: Some(START_MS), ..queued() }, Others::default());
        for did in answers {
            let Some(now_ms) = erasure.next_ms else { break };
            erasure.looked(did, now_ms, random);
            prop_assert!(erasure.next_ms.is_none_or(|next_ms| next_ms > now_ms));
            prop_assert!(did || erasure.next_ms.is_some());
            prop_assert!(erasure.removed_ms.is_some() || erasure.digest.is_some());
        }
        for _ in 0..60 {
            let Some(now_ms) = erasure.next_ms else { break };
            erasure.looked(true, now_ms, random);
        }
        prop_assert_eq!(erasure.next_ms, None);
    }
}
