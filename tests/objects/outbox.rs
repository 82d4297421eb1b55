//! Messages on their way to the queues.

use forebay_contract::JobState;

use crate::{
    native::Death,
    scene::{self, LANE, Mode, Wish},
};

#[test]
fn a_submission_reaches_its_queue() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let job = scene.submit(&account, Wish::default()).await;
        scene.until(1_000, "its queue has it", || scene.fakes.sent(LANE) == [job.id]).await;
        scene.pass(1_000).await;
        let found = scene.job(&account, job.id).await;
        assert_eq!(found.state, JobState::Queued);
        assert!(found.sent_ms.is_some_and(|sent_ms| sent_ms >= job.accepted_ms));
        assert_eq!(scene.fakes.sent(LANE), [job.id], "sent once");
    });
}

#[test]
fn an_object_that_dies_before_it_sends_does_so_when_it_wakes() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        scene.fakes.queue(LANE, Mode::Hang);
        let job = scene.submit(&account, Wish::default()).await;
        scene.pass(50).await;
        account.kill();
        scene.fakes.queue(LANE, Mode::Well);
        assert_eq!(scene.fakes.sent(LANE), []);
        scene.until(2_000, "its queue has it", || scene.fakes.sent(LANE) == [job.id]).await;
        assert_eq!(account.lives(), 2, "the alarm woke it, and nobody else");
    });
}

#[test]
fn what_dies_before_its_commit_was_never_accepted_and_what_dies_after_it_is_sent() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        scene.submit(&account, Wish::default()).await;
        scene.pass(5_000).await;
        for (death, sent) in [(Death::BeforeCommit, 1), (Death::AfterCommit, 2)] {
            account.doom(1, death);
            let error = scene.try_submit(&account, &Wish::default()).await.unwrap_err();
            assert!(error.retryable, "{death:?}: {error}");
            scene.pass(5_000).await;
            assert_eq!(scene.fakes.sent(LANE).len(), sent, "{death:?}");
        }
    });
}
