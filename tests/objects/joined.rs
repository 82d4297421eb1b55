//! One job for several: whoever joined it is told apart, and it stops when the last has canceled.

use std::rc::Rc;

use forebay_account::{Call, CancelAnswer, Job, SubmitAnswer, SubmitCall};
use forebay_contract::{JobId, JobState};

use crate::{
    native::Object,
    scene::{self, LANE, Scene, Wish, say},
};

/// The same question by another API key.
fn by(key: &'static str, of: &Wish) -> Wish {
    let change: fn(&mut SubmitCall) = match key {
        "k2" => |call| "k2".clone_into(&mut call.key),
        "" => |call| call.key.clear(),
        _ => |_| {},
    };
    Wish { change, ..of.clone() }
}

/// The status of the answer, and the job.
async fn cancel(account: &Rc<Object>, id: JobId, caller: &str, key: Option<&str>) -> (u16, Job) {
    let call = Call::Cancel { id, caller: caller.to_owned(), key: key.map(str::to_owned) };
    match say(account, &call, "").await.unwrap() {
        CancelAnswer::Canceled { job } => (202, *job),
        CancelAnswer::Ended { job } if job.state == JobState::Canceled || !job.state.is_final() => (200, *job),
        other => panic!("{other:?}"),
    }
}

async fn joined(scene: &Scene, account: &Rc<Object>, wish: &Wish) -> JobId {
    match scene.try_submit(account, wish).await.unwrap() {
        SubmitAnswer::Admitted { job, joined: true, .. } => job.id,
        other => panic!("not joined: {other:?}"),
    }
}

#[test]
fn a_job_that_others_joined_stops_when_the_last_of_them_has_canceled() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let wish = Wish::default();
        let id = scene.submit(&account, wish.clone()).await.id;
        for key in ["k2", ""] {
            assert_eq!(joined(&scene, &account, &by(key, &wish)).await, id);
        }
        for (caller, status) in [("k1", 202), ("k1", 200), ("k2", 202)] {
            let (answer, job) = cancel(&account, id, caller, None).await;
            assert_eq!((answer, job.state), (status, JobState::Queued), "{caller}");
            // Who wants it is on disk.
            account.kill();
        }
        assert_eq!(scene.job(&account, id).await.state, JobState::Queued);
        for status in [202, 200] {
            let (answer, job) = cancel(&account, id, "", None).await;
            assert_eq!((answer, job.state, job.interests), (status, JobState::Canceled, None));
        }
        let canceled: i64 = scene.usage(&account).await.iter().map(|row| row.canceled).sum();
        assert_eq!(canceled, 1);
    });
}

#[test]
fn a_job_of_one_caller_stops_at_once_whatever_it_says_besides() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        for (caller, key) in [("k1", None), ("k1", Some("mine")), ("k1", Some("another")), ("k2", None)] {
            let wish = Wish { key: Some("mine".to_owned()), ..Wish::default() };
            let id = scene.submit(&account, wish.clone()).await.id;
            // Sent again under its key it is the same request.
            assert_eq!(joined(&scene, &account, &wish).await, id);
            let (answer, job) = cancel(&account, id, caller, key).await;
            assert_eq!((answer, job.state), (202, JobState::Canceled), "{caller} {key:?}");
            account.sql("DELETE FROM idempotency");
        }
    });
}

#[test]
fn an_idempotency_key_takes_back_its_own_submission_alone() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let wish = Wish { key: Some("one".to_owned()), ..Wish::default() };
        let id = scene.submit(&account, wish.clone()).await.id;
        let other = Wish { key: Some("two".to_owned()), ..wish.clone() };
        assert_eq!(joined(&scene, &account, &other).await, id);
        for (key, status, state) in
            [("one", 202, JobState::Queued), ("one", 200, JobState::Queued), ("two", 202, JobState::Canceled)]
        {
            let (answer, job) = cancel(&account, id, "k1", Some(key)).await;
            assert_eq!((answer, job.state), (status, state), "{key}");
        }
    });
}

#[test]
fn who_joins_later_wants_it_again() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let wish = Wish::default();
        let id = scene.submit(&account, wish.clone()).await.id;
        joined(&scene, &account, &by("k2", &wish)).await;
        assert_eq!(cancel(&account, id, "k1", None).await.0, 202);
        joined(&scene, &account, &wish).await;
        assert_eq!(cancel(&account, id, "k2", None).await.1.state, JobState::Queued);
        assert_eq!(cancel(&account, id, "k1", None).await.1.state, JobState::Canceled);
        scene.pass(60_000).await;
        assert_eq!(scene.fakes.sent(LANE).len(), 1);
    });
}

#[test]
fn a_job_from_before_is_its_makers_until_somebody_joins() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let wish = Wish::default();
        for joins in [false, true] {
            let wish = Wish { input: format!("[{joins}]"), ..wish.clone() };
            let id = scene.submit(&account, wish.clone()).await.id;
            account.sql("UPDATE jobs SET interests = NULL");
            if joins {
                joined(&scene, &account, &by("k2", &wish)).await;
                assert_eq!(cancel(&account, id, "k2", None).await.1.state, JobState::Queued);
            }
            let (answer, job) = cancel(&account, id, "k1", None).await;
            assert_eq!((answer, job.state), (202, JobState::Canceled), "{joins}");
        }
    });
}
