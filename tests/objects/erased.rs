//! Erased data: nothing of it is left in tables and bucket, whatever comes late, and numbers stay.

use std::rc::Rc;

use forebay_account::{
    AccountReceipt, Call, EraseAnswer, Job, KnownResult, Part, Receipt, RetryAnswer, SubmitAnswer, SubmitCall,
};
use forebay_contract::{
    EventKind, FailureCode, InputRef, JobId, JobMessage, JobState, MediaType, ReportEvent, storage_key,
};

use crate::{
    native::{self, Object},
    scene::{self, LANE, Mode, Scene, Wish, say},
};

const DAY_MS: u64 = 86_400_000;
const SECRET: &str = "[4711, 4712]";

fn secret() -> Wish {
    let change: fn(&mut SubmitCall) = |call| call.offer.parameters = r#"{"prompt":"hush"}"#.to_owned();
    Wish { input: SECRET.to_owned(), key: Some("mine".to_owned()), change, ..Wish::default() }
}

async fn erase(account: &Rc<Object>, id: JobId) -> Receipt {
    match say(account, &Call::Erase { id }, "").await.unwrap() {
        EraseAnswer::Erased { receipt, .. } => *receipt,
        EraseAnswer::Unknown => panic!("no job {id}"),
    }
}

async fn report(scene: &Scene, account: &Rc<Object>, id: JobId, kind: EventKind) -> Vec<JobId> {
    let at_ms = native::START_MS + native::since_start_ms();
    scene.report(account, vec![ReportEvent { job_id: id, attempt: 1, at_ms, kind }]).await.canceled
}

fn succeeded() -> EventKind {
    EventKind::Succeeded { media_type: "application/json".to_owned(), bytes: 2, device_ms: 1.0 }
}

/// A job that has its result.
async fn done(scene: &Scene, account: &Rc<Object>, wish: &Wish) -> Job {
    let job = scene.submit(account, wish.clone()).await;
    scene.pass(1_000).await;
    scene.store_result(&job);
    report(scene, account, job.id, succeeded()).await;
    scene.job(account, job.id).await
}

fn in_bucket(scene: &Scene) -> Vec<String> {
    scene.fakes.bucket.borrow().keys().cloned().collect()
}

/// Everything that the object's tables hold.
fn tables(account: &Object) -> String {
    ["jobs", "outbox", "idempotency", "erasures", "deliveries", "usage"]
        .map(|table| account.sql(&format!("SELECT * FROM {table}")))
        .join("\n")
}

fn holds_nothing_of(text: &str, job: &Job) {
    let encoded = "WzQ3MTEsIDQ3MTJd";
    for part in [SECRET, encoded, "hush"] {
        assert!(!text.contains(part), "{part} in {text}");
    }
    // The question's fingerprint is kept where late copies are known by it, and nowhere else.
    let fingerprints = text.matches(&job.digest.to_hex()).count();
    assert!(fingerprints <= 2, "{text}");
}

#[test]
fn of_an_erased_job_numbers_are_left_and_a_receipt() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let job = done(&scene, &account, &secret()).await;
        assert!(tables(&account).contains("hush"), "there is something to be erased");
        let receipt = erase(&account, job.id).await;
        assert!(receipt.complete && receipt.removed.contains(&Part::Result), "{receipt:?}");
        assert_eq!(in_bucket(&scene), Vec::<String>::new());
        holds_nothing_of(&tables(&account), &job);
        let erased = scene.job(&account, job.id).await;
        assert_eq!((erased.state, erased.device_ms, erased.cost_ms), (JobState::Succeeded, Some(1.0), job.cost_ms));
        assert_eq!(erased.erased_ms, Some(receipt.erased_ms));
        assert_eq!(scene.usage(&account).await.iter().map(|row| row.succeeded).sum::<i64>(), 1);
        account.kill();
        scene.pass(60_000).await;
        assert_eq!(erase(&account, job.id).await, receipt, "asked again it says the same");
        // Long after, not even the fingerprint is left.
        scene.pass(7 * DAY_MS - 120_000).await;
        assert!(account.sql("SELECT record FROM erasures").contains(&job.digest.to_hex()));
        scene.pass(240_000).await;
        assert!(!tables(&account).contains(&job.digest.to_hex()));
    });
}

#[test]
fn what_waits_is_canceled_and_never_sent() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        scene.fakes.queue(LANE, Mode::Fail);
        let job = scene.submit(&account, secret()).await;
        scene.pass(100).await;
        let receipt = erase(&account, job.id).await;
        assert!(!receipt.remains.iter().any(|remainder| remainder.what == Part::QueuedMessage), "{receipt:?}");
        scene.fakes.queue(LANE, Mode::Well);
        scene.pass(DAY_MS).await;
        assert_eq!(scene.fakes.sent(LANE), []);
        assert_eq!(scene.job(&account, job.id).await.state, JobState::Canceled);
        holds_nothing_of(&tables(&account), &job);
        assert_eq!(scene.usage(&account).await.iter().map(|row| row.canceled).sum::<i64>(), 1);
    });
}

#[test]
fn what_a_worker_stores_late_goes_whether_or_not_it_says_so() {
    scene::run(|scene| async move {
        for (says, within_ms) in [(true, 5_000), (false, DAY_MS)] {
            let account = scene.account("acme");
            let job = scene.submit(&account, Wish { key: None, ..secret() }).await;
            scene.pass(1_000).await;
            let receipt = erase(&account, job.id).await;
            assert!(receipt.remains.iter().any(|remainder| remainder.what == Part::QueuedMessage), "{receipt:?}");
            assert_eq!(report(&scene, &account, job.id, EventKind::Received).await, [job.id], "nobody wants it");
            scene.pass(1_000).await;
            scene.store_result(&job);
            account.kill();
            if says {
                report(&scene, &account, job.id, succeeded()).await;
            }
            scene.until(within_ms, "it is gone again", || in_bucket(&scene).is_empty()).await;
            let after = scene.job(&account, job.id).await;
            assert_eq!((after.state, after.media_type), (JobState::Canceled, None));
            holds_nothing_of(&tables(&account), &job);
        }
    });
}

#[test]
fn a_late_report_of_an_erased_failure_makes_nothing_of_it() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let job = scene.submit(&account, secret()).await;
        scene.pass(1_000).await;
        let failed = EventKind::Failed { code: FailureCode::OutOfMemory, detail: "hush".to_owned() };
        report(&scene, &account, job.id, failed).await;
        erase(&account, job.id).await;
        assert_eq!(report(&scene, &account, job.id, succeeded()).await, [job.id]);
        let after = scene.job(&account, job.id).await;
        assert_eq!((after.state, after.failure_code.is_some()), (JobState::Failed, true));
        holds_nothing_of(&tables(&account), &job);
        let call = scene.call(&account, &Wish::default()).0;
        let retry = Call::Retry { id: job.id, submit: Box::new(call) };
        let refused: RetryAnswer = say(&account, &retry, "").await.unwrap();
        assert!(matches!(refused, RetryAnswer::Refused { job } if job.erased_ms.is_some()));
    });
}

#[test]
fn a_bucket_that_is_away_is_asked_until_it_has_removed_it() {
    scene::run(|scene| async move {
        for mode in [Mode::Fail, Mode::Hang] {
            let account = scene.account("acme");
            let job = done(&scene, &account, &Wish { key: None, ..secret() }).await;
            scene.fakes.bucket_mode.set(mode);
            let receipt = erase(&account, job.id).await;
            assert!(!receipt.complete && !receipt.removed.contains(&Part::Result));
            scene.pass(10 * 60_000).await;
            account.kill();
            assert_eq!(in_bucket(&scene).len(), 1);
            scene.fakes.bucket_mode.set(Mode::Well);
            scene.until(40 * 60_000, "it is removed", || in_bucket(&scene).is_empty()).await;
            assert!(erase(&account, job.id).await.complete);
        }
    });
}

#[test]
fn the_same_result_of_another_job_stays_until_that_is_erased_too() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let wish = Wish { key: None, ..secret() };
        let first = done(&scene, &account, &wish).await;
        scene.pass(25 * 3_600_000).await;
        let second = scene.submit(&account, wish).await;
        assert_eq!((second.cached, second.digest), (1, first.digest));
        let receipt = erase(&account, first.id).await;
        let result = receipt.remains.iter().find(|remainder| remainder.what == Part::Result);
        assert_eq!(result.unwrap().job_id, Some(second.id));
        assert_eq!(in_bucket(&scene), [storage_key::result(&first.digest)]);
        erase(&account, second.id).await;
        assert_eq!(in_bucket(&scene), Vec::<String>::new());
    });
}

#[test]
fn a_shared_result_stays_and_answers_others() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let change: fn(&mut SubmitCall) = |call| call.offer.shared = true;
        let wish = Wish { change, ..Wish::default() };
        let job = done(&scene, &account, &wish).await;
        let receipt = erase(&account, job.id).await;
        assert!(!receipt.removed.contains(&Part::Result), "{receipt:?}");
        assert_eq!(in_bucket(&scene), [storage_key::result(&job.digest)]);
        assert_eq!(account.sql("SELECT digest FROM erasures"), "[[null]]");
    });
}

#[test]
fn the_same_question_is_computed_anew_and_a_copy_answers_nobody() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let wish = Wish { key: None, ..secret() };
        let job = done(&scene, &account, &wish).await;
        erase(&account, job.id).await;
        // What another place's cache still has.
        fn known(call: &mut SubmitCall) {
            call.known = Some(KnownResult { media_type: None, bytes: Some(2), stored_ms: Some(call.id.made_at_ms()) });
        }
        for change in [wish.change, known] {
            let again = scene.submit(&account, Wish { change, ..wish.clone() }).await;
            assert_eq!((again.state, again.cached), (JobState::Queued, 0));
            assert_ne!(again.id, job.id);
        }
        // Its own result is not taken for the erased one's.
        scene.pass(1_000).await;
        scene.store_result(&job);
        scene.pass(DAY_MS).await;
        assert_eq!(in_bucket(&scene), [storage_key::result(&job.digest)]);
    });
}

#[test]
fn an_idempotency_key_is_answered_with_the_erased_job_whatever_is_asked() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let job = done(&scene, &account, &secret()).await;
        erase(&account, job.id).await;
        for wish in [secret(), Wish { input: "[1]".to_owned(), ..secret() }] {
            match scene.try_submit(&account, &wish).await.unwrap() {
                SubmitAnswer::Admitted { job: found, joined: true, .. } => {
                    assert_eq!((found.id, found.parameters.as_str()), (job.id, "{}"));
                    assert!(found.erased_ms.is_some());
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(scene.fakes.sent(LANE).len(), 1);
    });
}

#[test]
fn an_input_beside_its_message_goes_unless_another_try_is_to_run_on_it() {
    scene::run(|scene| async move {
        const KEY: &str = "inputs/aa/aabb-job";
        for retried in [false, true] {
            let account = scene.account("acme");
            let change: fn(&mut SubmitCall) = |call| call.input_key = Some(KEY.to_owned());
            let wish = Wish { change, ..Wish::default() };
            let (call, message) = scene.call(&account, &wish);
            let mut message = JobMessage::from_json(&message).unwrap();
            let media_type = MediaType::Json;
            message.input = InputRef::Stored { media_type, key: KEY.to_owned(), bytes: 2, sha256: "aabb".to_owned() };
            let id = call.id;
            scene.fakes.store(KEY, "[]", head());
            let (submit, message) = (Call::Submit(Box::new(call)), message.to_json().unwrap());
            say::<SubmitAnswer>(&account, &submit, &message).await.unwrap();
            scene.pass(1_000).await;
            let failed = EventKind::Failed { code: FailureCode::OutOfMemory, detail: String::new() };
            report(&scene, &account, id, failed).await;
            if retried {
                let retry = Call::Retry { id, submit: Box::new(scene.call(&account, &Wish::default()).0) };
                let RetryAnswer::Submitted(answer) = say(&account, &retry, "").await.unwrap() else { panic!() };
                let SubmitAnswer::Admitted { job, .. } = *answer else { panic!() };
                let receipt = erase(&account, id).await;
                let input = receipt.remains.iter().find(|remainder| remainder.what == Part::Input);
                assert_eq!(input.unwrap().job_id, Some(job.id));
                assert_eq!(in_bucket(&scene), [KEY]);
                assert!(erase(&account, job.id).await.removed.contains(&Part::Input));
            } else {
                erase(&account, id).await;
            }
            assert_eq!(in_bucket(&scene), Vec::<String>::new());
        }
    });
}

fn head() -> forebay_account::platform::ObjectHead {
    forebay_account::platform::ObjectHead {
        media_type: "application/json".to_owned(),
        bytes: 2,
        made: None,
        stored_ms: None,
    }
}

#[test]
fn an_erasure_that_dies_on_its_way_is_whole_or_was_not_begun() {
    scene::run(|scene| async move {
        for after in 1..30 {
            for death in [native::Death::BeforeCommit, native::Death::AfterCommit] {
                let account = scene.account("acme");
                let job = done(&scene, &account, &secret()).await;
                account.doom(after, death);
                let _: Result<EraseAnswer, _> = say(&account, &Call::Erase { id: job.id }, "").await;
                scene.pass(120_000).await;
                let is_erased = scene.job(&account, job.id).await.erased_ms.is_some();
                assert_eq!(in_bucket(&scene).is_empty(), is_erased, "{after} {death:?}");
                assert_eq!(tables(&account).contains("hush"), !is_erased);
                erase(&account, job.id).await;
                assert_eq!(in_bucket(&scene), Vec::<String>::new());
            }
        }
    });
}

#[test]
fn all_of_an_account_goes_in_bounded_steps_and_what_comes_meanwhile_stays() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        assert_eq!(account_erasure(&account).await, None);
        for number in 0..130 {
            let wish = Wish { input: format!("[{number}, 4712]"), ..secret() };
            done(&scene, &account, &Wish { key: Some(number.to_string()), ..wish }).await;
        }
        scene.fakes.queue(LANE, Mode::Fail);
        let waiting = scene.submit(&account, Wish { key: None, ..secret() }).await;
        let begun: AccountReceipt = say(&account, &Call::EraseAccount, "").await.unwrap();
        assert!(!begun.complete && begun.ended_ms.is_none());
        let later = scene.submit(&account, Wish { input: "[9, 9]".to_owned(), ..Wish::default() }).await;
        let again: AccountReceipt = say(&account, &Call::EraseAccount, "").await.unwrap();
        assert_eq!(again.started_ms, begun.started_ms, "it goes on already");
        scene.fakes.queue(LANE, Mode::Well);
        for _ in 0..100 {
            scene.pass(500).await;
            account.kill();
            if account_erasure(&account).await.unwrap().complete {
                break;
            }
        }
        let receipt = account_erasure(&account).await.unwrap();
        assert_eq!((receipt.complete, receipt.jobs, receipt.in_bucket), (true, 131, 0));
        assert_eq!(in_bucket(&scene), Vec::<String>::new());
        let text = tables(&account);
        assert!(!text.contains("4712") && !text.contains("hush"), "{text}");
        assert_eq!(scene.job(&account, waiting.id).await.state, JobState::Canceled);
        let kept = scene.job(&account, later.id).await;
        assert_eq!((kept.erased_ms, kept.digest), (None, later.digest));
        scene.until(60_000, "what came later is sent", || scene.fakes.sent(LANE).last() == Some(&later.id)).await;
        assert_eq!(scene.usage(&account).await.iter().map(|row| row.succeeded).sum::<i64>(), 130);
    });
}

async fn account_erasure(account: &Rc<Object>) -> Option<AccountReceipt> {
    say(account, &Call::AccountErasure, "").await.unwrap()
}

fn kept(retention: &str) -> Option<forebay_contract::catalog::Retention> {
    Some(serde_json::from_str(retention).unwrap())
}

#[test]
fn what_a_plan_keeps_no_longer_goes_by_itself() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let change: fn(&mut SubmitCall) = |call| {
            call.offer.parameters = r#"{"prompt":"hush"}"#.to_owned();
            call.retention = kept(r#"{"input":"end","result":"1d","job":"2d"}"#);
        };
        let wish = Wish { change, key: None, ..secret() };
        let job = done(&scene, &account, &wish).await;
        assert_eq!(in_bucket(&scene).len(), 1);
        account.kill();
        scene.pass(DAY_MS - 60_000).await;
        assert_eq!((in_bucket(&scene).len(), scene.job(&account, job.id).await.erased_ms), (1, None));
        scene.pass(120_000).await;
        assert_eq!(in_bucket(&scene), Vec::<String>::new());
        assert!(scene.job(&account, job.id).await.erased_ms.is_some());
        holds_nothing_of(&tables(&account), &job);
        scene.pass(DAY_MS).await;
        assert_eq!(scene.stored_state(&account, &job), "", "its row is gone");
        // With it, after the caches' time, all that was kept of its erasure.
        scene.pass(8 * DAY_MS).await;
        assert_eq!(account.sql("SELECT count(*) FROM erasures"), "[[0]]");
    });
}

#[test]
fn an_input_that_ends_with_its_job_is_gone_while_the_failure_is_there() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let change: fn(&mut SubmitCall) = |call| call.retention = kept(r#"{"input":"end"}"#);
        let job = scene.submit(&account, Wish { change, key: None, ..secret() }).await;
        scene.pass(1_000).await;
        let outbox = account.sql("SELECT message FROM outbox");
        assert!(outbox.contains("WzQ3MTEsIDQ3MTJd"), "{outbox}");
        let failed = EventKind::Failed { code: FailureCode::OutOfMemory, detail: "too much".to_owned() };
        report(&scene, &account, job.id, failed).await;
        scene.pass(5_000).await;
        assert_eq!(account.sql("SELECT count(*) FROM outbox"), "[[0]]");
        let after = scene.job(&account, job.id).await;
        assert_eq!((after.failure_detail.as_deref(), after.erased_ms), (Some("too much"), None));
        let retry = Call::Retry { id: job.id, submit: Box::new(scene.call(&account, &Wish::default()).0) };
        assert!(matches!(say(&account, &retry, "").await.unwrap(), RetryAnswer::NotKept));
    });
}

#[test]
fn jobs_that_are_kept_otherwise_are_not_joined_and_share_a_result_that_both_may_show() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let once: fn(&mut SubmitCall) = |call| call.retention = kept(r#"{"result":"once"}"#);
        let day: fn(&mut SubmitCall) = |call| call.retention = kept(r#"{"result":"1d"}"#);
        let plain = Wish { key: None, input: SECRET.to_owned(), ..Wish::default() };
        // Nothing is joined that goes with its first delivery, nor does it join.
        let open = scene.submit(&account, Wish { change: once, ..plain.clone() }).await;
        let other = scene.submit(&account, plain.clone()).await;
        assert_ne!(open.id, other.id);
        scene.pass(1_000).await;
        scene.store_result(&other);
        for id in [open.id, other.id] {
            report(&scene, &account, id, succeeded()).await;
        }
        // Another span has a row of its own, and the result is one.
        let shorter = scene.submit(&account, Wish { change: day, ..plain.clone() }).await;
        assert_eq!((shorter.state, shorter.cached), (JobState::Succeeded, 1));
        assert_ne!(shorter.id, other.id);
        let again = scene.submit(&account, plain).await;
        assert_eq!((again.state, again.cached), (JobState::Succeeded, 1));
        // Delivered, and a day over: the one that is kept has its result still.
        erase(&account, open.id).await;
        scene.pass(DAY_MS + 60_000).await;
        assert!(scene.job(&account, shorter.id).await.erased_ms.is_some());
        assert_eq!(in_bucket(&scene), [storage_key::result(&other.digest)]);
        assert_eq!(scene.job(&account, other.id).await.erased_ms, None);
    });
}

#[test]
fn a_result_that_nobody_fetches_is_erased_after_a_day() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let change: fn(&mut SubmitCall) = |call| call.retention = kept(r#"{"result":"once"}"#);
        let job = done(&scene, &account, &Wish { change, key: None, ..secret() }).await;
        scene.pass(DAY_MS + 60_000).await;
        assert!(scene.job(&account, job.id).await.erased_ms.is_some());
        assert_eq!(in_bucket(&scene), Vec::<String>::new());
    });
}
