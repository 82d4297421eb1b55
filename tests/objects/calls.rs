//! Calls that are made twice: a submission is one by its job's id, and whatever was decided is answered once more.

use std::rc::Rc;

use forebay_account::{Call, SubmitAnswer, SubmitCall, platform::CallError};
use forebay_contract::catalog::{Algorithm, Beyond, Dimension, LimitSpec, Unit, Window};

use crate::{
    native::Object,
    scene::{self, LANE, Scene, Wish, say},
};

/// One a minute.
fn limited(call: &mut SubmitCall) {
    call.policy.limits.push(LimitSpec {
        name: "submit".to_owned(),
        dimension: Dimension::Account,
        algorithm: Algorithm::TokenBucket,
        quantity: 1,
        window: Some(Window::Seconds(60)),
        unit: Unit::Requests,
        beyond: Beyond::Reject,
    });
}

/// The same call the first time, and again.
fn twice(scene: &Scene, account: &Rc<Object>, change: fn(&mut SubmitCall)) -> [(Call, String); 2] {
    let (mut call, message) = scene.call(account, &Wish { change, ..Wish::default() });
    [false, true].map(|again| {
        call.again = again;
        (Call::Submit(Box::new(call.clone())), message.clone())
    })
}

async fn submit(account: &Rc<Object>, (call, message): &(Call, String)) -> Result<SubmitAnswer, CallError> {
    say(account, call, message).await
}

fn id(answer: &SubmitAnswer) -> String {
    let SubmitAnswer::Admitted { job, joined: false, .. } = answer else { panic!("{answer:?}") };
    job.id.to_string()
}

#[test]
fn a_submission_that_is_sent_again_is_the_same_job_and_spends_nothing() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let [first, again] = twice(&scene, &account, limited);
        let one = submit(&account, &first).await.unwrap();
        scene.pass(1_000).await;
        for _ in 0..2 {
            account.kill();
            let answer = submit(&account, &again).await.unwrap();
            assert_eq!(id(&answer), id(&one));
            let SubmitAnswer::Admitted { statuses, .. } = answer else { panic!() };
            assert_eq!(statuses[0].remaining, 0, "it was spent once");
        }
        assert_eq!(account.sql("SELECT count(*) AS n FROM jobs"), "[[1]]");
        scene.pass(60_000).await;
        assert_eq!(scene.fakes.sent(LANE).len(), 1);
        // Another one is another one.
        let [first, _] = twice(&scene, &account, limited);
        assert_ne!(id(&submit(&account, &first).await.unwrap()), id(&one));
    });
}

#[test]
fn a_submission_whose_first_try_was_lost_on_its_way_is_a_new_job() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let [_, again] = twice(&scene, &account, limited);
        let job = id(&submit(&account, &again).await.unwrap());
        scene.until(1_000, "its queue has it", || scene.fakes.sent(LANE).len() == 1).await;
        assert_eq!(scene.fakes.sent(LANE)[0].to_string(), job);
    });
}

#[test]
fn a_first_try_that_arrives_last_changes_nothing() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let [first, again] = twice(&scene, &account, |call| call.reuse = forebay_account::Reuse::Nothing);
        let job = id(&submit(&account, &again).await.unwrap());
        assert_eq!(id(&submit(&account, &first).await.unwrap()), job);
        scene.pass(60_000).await;
        assert_eq!(account.sql("SELECT count(*) AS n FROM jobs"), "[[1]]");
        assert_eq!(scene.fakes.sent(LANE).len(), 1);
    });
}

#[test]
fn two_tries_that_wait_for_the_same_turn_are_one_job() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        fn paced(call: &mut SubmitCall) {
            limited(call);
            call.policy.limits[0].quantity = 60;
            call.policy.limits[0].algorithm = Algorithm::LeakyBucket;
            call.policy.limits[0].beyond = Beyond::Wait(5_000);
            call.reuse = forebay_account::Reuse::Nothing;
        }
        let [before, _] = twice(&scene, &account, paced);
        submit(&account, &before).await.unwrap();
        let [first, again] = twice(&scene, &account, paced);
        let (one, other) = futures_util::future::join(submit(&account, &first), submit(&account, &again)).await;
        assert_eq!(id(&one.unwrap()), id(&other.unwrap()));
        scene.pass(60_000).await;
        assert_eq!(account.sql("SELECT count(*) AS n FROM jobs"), "[[2]]");
        assert_eq!(scene.fakes.sent(LANE).len(), 2);
    });
}

#[test]
fn tables_of_a_later_version_are_not_opened_and_it_is_said_what_to_do() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let job = scene.submit(&account, Wish::default()).await;
        account.sql("INSERT INTO migrations (version) VALUES (4711)");
        account.kill();
        let refused = say::<Option<forebay_account::Job>>(&account, &Call::Job { id: job.id, wait_ms: 0 }, "").await;
        let why = refused.unwrap_err().what;
        assert!(why.contains("version 4711") && why.contains("deploy the version"), "{why}");
        account.sql("DELETE FROM migrations WHERE version = 4711");
        account.kill();
        assert_eq!(scene.job(&account, job.id).await.id, job.id, "nothing was done to them");
    });
}
