//! Results: what answers can be fetched for as long as is promised, and nothing ends that may still have one.

use std::rc::Rc;

use forebay_account::{Call, Job, KnownResult, SubmitAnswer, SubmitCall, UsageRow, platform::ObjectHead};
use forebay_contract::{EventKind, FailureCode, JobFailure, JobId, JobState, ReportEvent, storage_key};

use crate::{
    native::{self, Object},
    scene::{self, LANE, Mode, Scene, Wish, say},
};

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// A job that has its result.
async fn done(scene: &Scene, account: &Rc<Object>, wish: &Wish) -> Job {
    let job = scene.submit(account, wish.clone()).await;
    finish(scene, account, job.id).await
}

async fn finish(scene: &Scene, account: &Rc<Object>, id: JobId) -> Job {
    let at_ms = native::START_MS + native::since_start_ms();
    let kind = EventKind::Succeeded { media_type: "application/json".to_owned(), bytes: 2, device_ms: 1.0 };
    scene.report(account, vec![ReportEvent { job_id: id, attempt: 1, at_ms, kind }]).await;
    scene.job(account, id).await
}

async fn again(scene: &Scene, account: &Rc<Object>, wish: &Wish) -> (Job, bool) {
    match scene.try_submit(account, wish).await.unwrap() {
        SubmitAnswer::Admitted { job, joined, .. } => (*job, joined),
        other => panic!("{other:?}"),
    }
}

fn a_day(call: &mut SubmitCall) {
    call.keep_ms = Some(DAY_MS);
}

fn head(stored_ms: Option<u64>) -> ObjectHead {
    ObjectHead { media_type: "application/json".to_owned(), bytes: 2, made: None, stored_ms }
}

#[test]
fn a_job_answers_for_others_on_its_first_day_and_its_result_by_new_jobs_while_it_outlasts_them() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let wish = Wish::default();
        let first = done(&scene, &account, &wish).await;
        scene.pass(DAY_MS - HOUR_MS).await;
        let (job, joined) = again(&scene, &account, &wish).await;
        assert_eq!((job.id, joined, job.state), (first.id, true, JobState::Succeeded));
        // Its row goes in less than six days: whoever asks now has seven.
        scene.pass(2 * HOUR_MS).await;
        let mut last = first.clone();
        for days in 1..=20 {
            let (job, joined) = again(&scene, &account, &wish).await;
            assert_eq!((joined, job.state, job.cached), (false, JobState::Succeeded, 1), "{days}");
            assert!(job.id > last.id);
            assert_eq!(job.stored_ms, first.finished_ms, "the object is as old as it was");
            scene.pass(DAY_MS + 1).await;
            last = job;
        }
        scene.pass(DAY_MS).await;
        // The bucket would keep it for less than seven days more, and two are for clocks.
        let (job, joined) = again(&scene, &account, &wish).await;
        assert_eq!((joined, job.state, job.cached), (false, JobState::Queued, 0));
        // A worker finds it, and has renewed it by then.
        let renewed = finish(&scene, &account, job.id).await;
        let (job, joined) = again(&scene, &account, &wish).await;
        assert_eq!((job.id, joined), (renewed.id, true));
    });
}

#[test]
fn a_shorter_plan_is_answered_by_what_it_would_still_show() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let wish = Wish { change: a_day, ..Wish::default() };
        let first = done(&scene, &account, &wish).await;
        scene.pass(11 * HOUR_MS).await;
        assert_eq!(again(&scene, &account, &wish).await.0.id, first.id);
        scene.pass(2 * HOUR_MS).await;
        let (job, joined) = again(&scene, &account, &wish).await;
        assert_eq!((joined, job.cached, job.stored_ms), (false, 1, first.finished_ms));
        // The others still have the first.
        assert_eq!(scene.job(&account, first.id).await.state, JobState::Succeeded);
        assert_eq!(again(&scene, &account, &Wish { change: |_| {}, ..wish }).await, (job, true));
    });
}

#[test]
fn a_result_that_nobody_knows_the_age_of_answers_nobody() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        fn known(call: &mut SubmitCall) {
            call.known = Some(KnownResult { media_type: None, bytes: Some(2), stored_ms: None });
        }
        let wish = Wish { change: known, ..Wish::default() };
        let (job, _) = again(&scene, &account, &wish).await;
        assert_eq!((job.state, job.cached), (JobState::Succeeded, 1));
        let (next, joined) = again(&scene, &account, &Wish { change: |_| {}, ..wish }).await;
        assert_eq!((joined, next.state), (false, JobState::Queued));
        assert_ne!(next.id, job.id);
    });
}

#[test]
fn what_a_full_lane_lets_nobody_queue_is_still_answered_by_a_result_that_is_there() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let wish = Wish { change: |call| call.nothing_new = true, ..Wish::default() };
        assert!(matches!(scene.try_submit(&account, &wish).await, Ok(SubmitAnswer::NothingToTell)));
        let first = done(&scene, &account, &Wish { change: |_| {}, ..wish.clone() }).await;
        scene.pass(3 * DAY_MS).await;
        let (job, joined) = again(&scene, &account, &wish).await;
        assert_eq!((joined, job.state, job.cached), (false, JobState::Succeeded, 1));
        assert_ne!(job.id, first.id);
    });
}

#[test]
fn a_result_that_the_bucket_has_lost_answers_nobody_by_whatever_job() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let wish = Wish::default();
        let first = done(&scene, &account, &wish).await;
        scene.pass(2 * DAY_MS).await;
        let (second, _) = again(&scene, &account, &wish).await;
        assert_eq!(second.cached, 1);
        let expired: Option<Job> = say(&account, &Call::Expire { id: second.id }, "").await.unwrap();
        assert_eq!(expired.unwrap().state, JobState::Expired);
        assert_eq!(scene.job(&account, first.id).await.state, JobState::Expired);
        let (third, joined) = again(&scene, &account, &wish).await;
        assert_eq!((joined, third.state), (false, JobState::Queued));
        // It is under way: nothing of it is gone.
        let open: Option<Job> = say(&account, &Call::Expire { id: third.id }, "").await.unwrap();
        assert_eq!(open.unwrap().state, JobState::Queued);
    });
}

#[test]
fn a_job_that_was_found_in_the_bucket_is_as_old_as_its_object() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let wish = Wish::default();
        let job = scene.submit(&account, wish.clone()).await;
        let old_ms = native::START_MS - 25 * DAY_MS;
        scene.fakes.store(&storage_key::result(&job.digest), "{}", head(Some(old_ms)));
        scene.pass(HOUR_MS).await;
        let found = scene.job(&account, job.id).await;
        assert_eq!((found.state, found.stored_ms), (JobState::Succeeded, Some(old_ms)));
        // Five days are left of it, and seven are promised.
        let (next, joined) = again(&scene, &account, &wish).await;
        assert_eq!((joined, next.state), (false, JobState::Queued));
    });
}

/// How a job with a deadline and one that runs are counted, after the bucket was so for eight days. Their rows go at once.
async fn after_eight_days(scene: &Scene, begin: impl Fn(bool)) -> Ends {
    let account = scene.account("acme");
    begin(true);
    let mut late = Wish::default();
    late.timing.deadline_ms = Some(native::START_MS + HOUR_MS);
    let jobs = [scene.submit(&account, late).await, scene.submit(&account, Wish::default()).await];
    let kind = EventKind::Started { batch_size: 1 };
    let started = ReportEvent { job_id: jobs[1].id, attempt: 1, at_ms: native::START_MS, kind };
    scene.report(&account, vec![started]).await;
    scene.pass(8 * DAY_MS).await;
    let before = [scene.job(&account, jobs[0].id).await.state, scene.job(&account, jobs[1].id).await.state];
    assert_eq!(before, [JobState::Queued, JobState::Running], "nothing ends on an error");
    assert!(scene.fakes.logged("reconciliation-failed").len() < 2_000, "it is asked ever more rarely");
    for job in &jobs {
        scene.fakes.store(&storage_key::result(&job.digest), "{}", head(None));
    }
    begin(false);
    scene.pass(HOUR_MS).await;
    Ends::of(scene, &account).await
}

/// How jobs ended.
#[derive(Debug, PartialEq, Eq)]
struct Ends {
    succeeded: i64,
    failed: i64,
    expired: i64,
}

impl Ends {
    async fn of(scene: &Scene, account: &Rc<Object>) -> Self {
        let usage = scene.usage(account).await;
        let sum = |of: fn(&UsageRow) -> i64| usage.iter().map(of).sum();
        Self { succeeded: sum(|row| row.succeeded), failed: sum(|row| row.failed), expired: sum(|row| row.expired) }
    }
}

#[test]
fn a_bucket_that_is_away_ends_no_job_however_late_it_is() {
    scene::run(|scene| async move {
        let fakes = scene.fakes.clone();
        let away = |away| fakes.bucket_mode.set(if away { Mode::Fail } else { Mode::Well });
        assert_eq!(after_eight_days(&scene, away).await, Ends { succeeded: 2, failed: 0, expired: 0 });
    });
}

#[test]
fn a_bucket_that_is_not_there_is_no_missing_result() {
    scene::run(|scene| async move {
        let fakes = scene.fakes.clone();
        let gone = |gone| fakes.no_bucket.set(gone);
        assert_eq!(after_eight_days(&scene, gone).await, Ends { succeeded: 2, failed: 0, expired: 0 });
    });
}

#[test]
fn a_failure_that_this_build_cannot_read_ends_nothing() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let job = scene.submit(&account, Wish::default()).await;
        let key = storage_key::failure(&job.id);
        scene.fakes.store(&key, r#"{"code":"of-a-later-version"}"#, head(None));
        scene.pass(8 * DAY_MS).await;
        assert_eq!(scene.job(&account, job.id).await.state, JobState::Queued);
        let failure = JobFailure { job_id: job.id, code: FailureCode::OutOfMemory, detail: "too large".to_owned() };
        scene.fakes.store(&key, &serde_json::to_string(&failure).unwrap(), head(None));
        scene.pass(HOUR_MS).await;
        assert_eq!(Ends::of(&scene, &account).await, Ends { succeeded: 0, failed: 1, expired: 0 });
    });
}

#[test]
fn what_nobody_has_is_given_up_at_its_deadline_and_after_the_retention() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let mut late = Wish::to(LANE);
        late.timing.deadline_ms = Some(native::START_MS + HOUR_MS);
        let jobs = [scene.submit(&account, late).await, scene.submit(&account, Wish::default()).await];
        scene.pass(2 * HOUR_MS).await;
        let states = [scene.job(&account, jobs[0].id).await.state, scene.job(&account, jobs[1].id).await.state];
        assert_eq!(states, [JobState::Expired, JobState::Queued]);
        scene.pass(8 * DAY_MS).await;
        assert_eq!(account.sql("SELECT count(*) AS n FROM jobs"), "[[0]]", "they are given up, and swept");
    });
}
