//! An object that fills up: what it then takes, what it goes on doing, and how much a job takes.

use std::rc::Rc;

use forebay_account::{Call, CancelAnswer, Job, KnownResult, SubmitAnswer, platform::ObjectHead};
use forebay_contract::{EventKind, FailureCode, JobId, JobState, ReportEvent, storage_key};
use serde_json::Value;

use crate::{
    native::{Object, START_MS, since_start_ms},
    scene::{self, LANE, Scene, Wish, say},
};

const DAY_MS: u64 = 86_400_000;
const GB: u64 = 1_000_000_000;

fn event(job_id: JobId, kind: EventKind) -> ReportEvent {
    ReportEvent { job_id, attempt: 1, at_ms: START_MS + since_start_ms(), kind }
}

fn started() -> EventKind {
    EventKind::Started { batch_size: 1 }
}

fn succeeded() -> EventKind {
    EventKind::Succeeded { media_type: "application/json".to_owned(), bytes: 9, device_ms: 1.5 }
}

fn failed() -> EventKind {
    EventKind::Failed { code: FailureCode::ExecutionFailed, detail: "the model does not take this shape".to_owned() }
}

fn number(account: &Object, sql: &str) -> u64 {
    serde_json::from_str::<Value>(&account.sql(sql)).unwrap()[0][0].as_u64().unwrap()
}

fn messages(account: &Object) -> u64 {
    number(account, "SELECT count(*) AS n FROM outbox")
}

/// The object believes that it stores so much.
async fn stores(scene: &Scene, account: &Object, bytes: u64) {
    account.disk.pretend_bytes(Some(bytes));
    scene.pass(1_000).await;
}

async fn is_refused(scene: &Scene, account: &Rc<Object>, wish: &Wish) -> bool {
    match scene.try_submit(account, wish).await.unwrap() {
        SubmitAnswer::AccountFull => true,
        SubmitAnswer::Admitted { .. } => false,
        other => panic!("{other:?}"),
    }
}

fn known() -> Wish {
    Wish {
        change: |call| call.known = Some(KnownResult { media_type: None, bytes: None, stored_ms: None }),
        ..Wish::default()
    }
}

#[test]
fn an_account_that_fills_takes_nothing_new_and_goes_on_with_what_it_has() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let keyed = Wish { key: Some("k".to_owned()), ..Wish::default() };
        let [first, second, third] = [
            scene.submit(&account, keyed.clone()).await,
            scene.submit(&account, Wish::default()).await,
            scene.submit(&account, Wish::default()).await,
        ];
        stores(&scene, &account, 8 * GB).await;
        assert!(is_refused(&scene, &account, &Wish::default()).await);
        assert_eq!(scene.fakes.logged("account-fills")[0].what, format!("{} stores 8 of 10 GB", account.name()));
        // What it was told before, and what is there, is told.
        assert_eq!(scene.submit(&account, keyed.clone()).await.id, first.id);
        let same = Wish { key: None, ..keyed.clone() };
        assert_eq!(scene.submit(&account, same).await.id, first.id);
        assert_eq!(scene.submit(&account, known()).await.state, JobState::Succeeded);
        // What is open ends.
        scene.report(&account, vec![event(first.id, started()), event(first.id, succeeded())]).await;
        assert_eq!(scene.job(&account, first.id).await.state, JobState::Succeeded);
        assert!(matches!(scene.cancel(&account, second.id).await, CancelAnswer::Canceled { .. }));
        let head = ObjectHead { media_type: "application/json".to_owned(), bytes: 9, made: None, stored_ms: None };
        scene.fakes.store(&storage_key::result(&third.digest), "", head);
        scene.pass(120_000).await;
        assert_eq!(scene.job(&account, third.id).await.state, JobState::Succeeded, "its alarm rings");
        // It is over when it is over.
        stores(&scene, &account, 8 * GB - 1).await;
        assert!(!is_refused(&scene, &account, &Wish::default()).await);
    });
}

#[test]
fn an_account_that_is_nearly_full_writes_nothing_that_an_answer_can_do_without() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let wish = Wish::default();
        let open = scene.submit(&account, wish.clone()).await;
        let canceled = scene.submit(&account, Wish::default()).await;
        scene.cancel(&account, canceled.id).await;
        assert_eq!(messages(&account), 2);
        stores(&scene, &account, 9 * GB).await;
        assert!(is_refused(&scene, &account, &known()).await);
        let joins = Wish { key: Some("k".to_owned()), ..wish };
        assert_eq!(scene.submit(&account, joins).await.id, open.id);
        assert_eq!(number(&account, "SELECT count(*) AS n FROM idempotency"), 0);
        // Room is made before something is written: a message that is kept as a favour goes.
        scene.report(&account, vec![event(open.id, started())]).await;
        assert_eq!(messages(&account), 1);
        scene.report(&account, vec![event(open.id, failed())]).await;
        assert_eq!((messages(&account), scene.job(&account, open.id).await.state), (0, JobState::Failed));
    });
}

#[test]
fn a_report_that_cannot_be_written_is_a_hint_that_was_lost() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let job = scene.submit(&account, Wish::default()).await;
        scene.pass(1_000).await;
        account.disk.limit_bytes(Some(1));
        let call = Call::Report { worker: "w-1".to_owned(), events: vec![event(job.id, succeeded())] };
        assert!(say::<Value>(&account, &call, "").await.is_err());
        assert_eq!(scene.job(&account, job.id).await.state, JobState::Queued);
        account.disk.limit_bytes(None);
        let head = ObjectHead { media_type: "application/json".to_owned(), bytes: 9, made: None, stored_ms: None };
        scene.fakes.store(&storage_key::result(&job.digest), "", head);
        account.ring().await.unwrap().unwrap();
        scene.pass(120_000).await;
        assert_eq!(scene.job(&account, job.id).await.state, JobState::Succeeded);
    });
}

#[test]
fn messages_of_ended_jobs_go_after_three_days_or_when_there_are_too_many() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let end = async |kind: Option<EventKind>| {
            let job = scene.submit(&account, Wish::default()).await;
            scene.pass(100).await;
            match kind {
                Some(kind) => drop(scene.report(&account, vec![event(job.id, started()), event(job.id, kind)]).await),
                None => drop(scene.cancel(&account, job.id).await),
            }
            job
        };
        end(Some(succeeded())).await;
        assert_eq!(messages(&account), 0);
        let canceled = end(None).await;
        end(Some(failed())).await;
        assert_eq!(messages(&account), 2);
        // 500 MB came after the oldest: it goes with the next.
        account
            .sql("UPDATE outbox SET kept_to = kept_to - 500000000 WHERE kept_to = (SELECT min(kept_to) FROM outbox)");
        let last = end(Some(failed())).await;
        assert_eq!(messages(&account), 2);
        assert_eq!(number(&account, &format!("SELECT count(*) AS n FROM outbox WHERE job_id = '{}'", canceled.id)), 0);
        assert_eq!(scene.job(&account, canceled.id).await.state, JobState::Canceled, "the job stays");
        scene.pass(3 * DAY_MS - 60_000).await;
        assert_eq!(messages(&account), 2);
        scene.until(120_000, "it is forgotten", || messages(&account) == 0).await;
        assert_eq!(scene.job(&account, last.id).await.state, JobState::Failed);
    });
}

#[test]
fn old_idempotency_keys_go_by_pieces() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let job = scene.submit(&account, Wish { key: Some("k".to_owned()), ..Wish::default() }).await;
        account.sql(&format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
             INSERT INTO idempotency SELECT 'old-' || i, '', '{}', {} FROM n",
            job.id,
            START_MS - 2 * DAY_MS
        ));
        let keys = || number(&account, "SELECT count(*) AS n FROM idempotency");
        account.ring().await.unwrap().unwrap();
        assert_eq!(keys(), 3_001);
        scene.until(5_000, "the old ones are gone", || keys() == 1).await;
    });
}

/// How a job ends.
#[derive(Debug, Clone, Copy)]
enum End {
    Open,
    Succeeded,
    Failed,
    Canceled,
}

/// Bytes of an object's pages for each of so many jobs, 20 of which are open at a time and wait so long.
async fn bytes_each(scene: &Scene, name: &str, end: End, wait_ms: u64) -> u64 {
    const JOBS: u64 = 1_000;
    let account = scene.account(name);
    let used = || {
        let sql =
            "SELECT (SELECT page_count FROM pragma_page_count) - (SELECT freelist_count FROM pragma_freelist_count)";
        number(&account, &format!("{sql} AS n")) * 4_096
    };
    scene.submit(&account, Wish::default()).await;
    let before = used();
    for _ in 0..JOBS / 20 {
        let mut jobs: Vec<Job> = Vec::new();
        for _ in 0..20 {
            jobs.push(scene.submit(&account, Wish::default()).await);
        }
        scene.pass(wait_ms).await;
        for job in jobs {
            let kind = match end {
                End::Open => continue,
                End::Succeeded => succeeded(),
                End::Failed => failed(),
                End::Canceled => {
                    scene.cancel(&account, job.id).await;
                    continue;
                }
            };
            scene.report(&account, vec![event(job.id, EventKind::Received), event(job.id, started())]).await;
            scene.pass(20).await;
            scene.report(&account, vec![event(job.id, kind)]).await;
        }
    }
    scene.pass(5_000).await;
    (used() - before) / JOBS
}

#[test]
fn a_job_that_has_ended_takes_little() {
    scene::run(|scene| async move {
        // A row that waited has held for a while where it stood, which leaves no more than a little.
        for (end, wait_ms, most) in [
            // Half of it is the message, and of the next two; a result's message goes.
            (End::Open, 100, 1_000),
            (End::Failed, 100, 950),
            (End::Canceled, 100, 900),
            (End::Succeeded, 100, 440),
            (End::Succeeded, 3_000, 460),
        ] {
            let bytes = bytes_each(&scene, &format!("{end:?}{wait_ms}").to_lowercase(), end, wait_ms).await;
            assert!(bytes <= most, "{end:?} after {wait_ms} ms: {bytes}");
        }
        assert!(!scene.fakes.messages().is_empty() && scene.fakes.sent(LANE).len() > 1_000);
    });
}

#[test]
fn a_full_object_makes_room_for_its_alarm() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        for number in 0..20 {
            let job =
                scene.submit(&account, Wish { input: number.to_string().repeat(20_000), ..Wish::default() }).await;
            scene.cancel(&account, job.id).await;
        }
        let open = scene.submit(&account, Wish::default()).await;
        scene.pass(2_000).await;
        account.disk.limit_bytes(Some(account.disk.stored_bytes()));
        scene.store_result(&open);
        scene.pass(120_000).await;
        assert_eq!((account.abandoned_ms().len(), scene.stored_state(&account, &open)), (0, "succeeded".to_owned()));
        assert!(messages(&account) < 20, "what is kept as a favour goes first");
    });
}
