//! Lanes are names to their objects: each stands for itself, also one that no catalog has any more.

use std::rc::Rc;

use forebay_account::{CancelAnswer, SubmitAnswer, SubmitCall, asked_lane, waiting};
use forebay_admission::lane::{LaneStatus, position::Estimate};
use forebay_contract::{
    JobState, Lane,
    catalog::{Algorithm, Beyond, Dimension, LaneSpec, LimitSpec, Unit, Window},
};

use crate::{
    native::{self, Object},
    scene::{self, Mode, Scene, Wish},
};

fn acme() -> Lane {
    "acme".parse().unwrap()
}

async fn status(scene: &Scene, lane: Lane) -> LaneStatus {
    let asked = asked_lane::Status(Vec::new());
    let answer = scene.lane(lane.name()).ask(&asked.call.encode().unwrap()).await.unwrap();
    (asked.read)(&answer).unwrap()
}

/// Jobs of many accounts in every lane that is shipped.
async fn flood(scene: &Scene, jobs: usize) -> Vec<Rc<Object>> {
    let accounts: Vec<Rc<Object>> = (0..5).map(|number| scene.account(&format!("flooder-{number}"))).collect();
    for number in 0..jobs {
        for lane in Lane::SHIPPED {
            scene.submit(&accounts[number % accounts.len()], Wish::to(lane)).await;
        }
    }
    scene.pass(5_000).await;
    accounts
}

/// What a customer is told of three jobs of its own, and where its lane stands then.
async fn three_jobs(scene: &Scene) -> (Vec<(u64, f64)>, Vec<(u64, u64)>, LaneStatus) {
    let account = scene.account("acme");
    let (mut drawn, mut told) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let job = scene.submit(&account, Wish::to(acme())).await;
        scene.pass(5_000).await;
        let job = scene.job(&account, job.id).await;
        let number = job.queue_number.expect("the lane has counted it");
        drawn.push((number.number, number.work_ms));
        let (status, spec) = (status(scene, acme()).await, LaneSpec::default());
        let now_ms = native::START_MS + native::since_start_ms();
        let stands = Estimate { status: &status, spec: &spec }.queue(waiting(&job, true, now_ms));
        told.push((stands.position, stands.eta_ms.p90));
    }
    (drawn, told, status(scene, acme()).await)
}

#[test]
fn a_flood_of_all_other_lanes_changes_nothing_that_a_customers_lane_tells() {
    use std::sync::{Arc, Mutex};

    let found = Arc::new(Mutex::new(Vec::new()));
    for jobs in [0, 100] {
        let found = Arc::clone(&found);
        scene::run(move |scene| async move {
            let _flooders = flood(&scene, jobs).await;
            for lane in Lane::SHIPPED {
                assert_eq!(status(&scene, lane).await.queued_jobs, jobs as u64, "{lane}");
            }
            let (drawn, told, status) = three_jobs(&scene).await;
            assert_eq!(drawn, [(1, 1.0), (2, 2.0), (3, 3.0)]);
            let told_of_lane =
                (status.queued_jobs, status.open_jobs, status.backlog_ms, status.rate, status.smoothed_ms);
            found.lock().unwrap().push((told, told_of_lane));
        });
    }
    let found = found.lock().unwrap();
    assert_eq!(found[0], found[1], "without and with a flood");
    assert_eq!(found[0].0.iter().map(|(position, _)| *position).collect::<Vec<_>>(), [1, 2, 3]);
}

/// Five a minute in each lane, of all accounts together.
fn shared(call: &mut SubmitCall) {
    call.policy.limits.push(LimitSpec {
        name: "lane".to_owned(),
        dimension: Dimension::Lane,
        algorithm: Algorithm::TokenBucket,
        quantity: 5,
        window: Some(Window::Seconds(60)),
        unit: Unit::Requests,
        beyond: Beyond::Reject,
    });
}

async fn admitted(scene: &Scene, account: &Rc<Object>, lane: Lane, tries: usize) -> usize {
    let mut admitted = 0;
    for _ in 0..tries {
        let wish = Wish { change: shared, ..Wish::to(lane) };
        match scene.try_submit(account, &wish).await.unwrap() {
            SubmitAnswer::Admitted { .. } => admitted += 1,
            SubmitAnswer::Denied { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    admitted
}

#[test]
fn a_limit_of_a_lane_that_others_used_up_is_whole_in_a_customers_lane() {
    scene::run(|scene| async move {
        let others = scene.account("many");
        for lane in Lane::SHIPPED {
            let passed = admitted(&scene, &others, lane, 20).await;
            assert!((1..=5).contains(&passed), "{passed} in {lane}");
        }
        assert_eq!(admitted(&scene, &scene.account("acme"), acme(), 20).await, 5);
    });
}

#[test]
fn jobs_of_a_lane_that_no_catalog_has_any_more_are_read_end_and_are_called_off() {
    scene::run(|scene| async move {
        let (account, gone) = (scene.account("acme"), "gone-by-now".parse().unwrap());
        scene.fakes.queue(gone, Mode::Fail);
        let [ends, called_off] =
            [scene.submit(&account, Wish::to(gone)).await, scene.submit(&account, Wish::to(gone)).await];
        scene.pass(60_000).await;
        account.kill();
        assert_eq!(scene.job(&account, ends.id).await.lane, gone);
        assert!(matches!(scene.cancel(&account, called_off.id).await, CancelAnswer::Canceled { .. }));
        scene.fakes.queue(gone, Mode::Well);
        scene.until(120_000, "its queue has it", || scene.fakes.sent(gone).contains(&ends.id)).await;
        assert!(!scene.fakes.sent(gone).contains(&called_off.id));
        scene.store_result(&ends);
        scene.pass(3_600_000).await;
        assert_eq!(scene.job(&account, ends.id).await.state, JobState::Succeeded);
    });
}
