//! Webhooks: what ends is delivered, soon and to everybody, however much waits.

use std::{collections::BTreeSet, rc::Rc};

use forebay_account::{Call, WebhookAnswer, WebhookCall};
use forebay_admission::webhook::Action;
use serde_json::{Value, json};

use crate::{
    native::{Object, START_MS, since_start_ms},
    scene::{self, Mode, Scene, Wish},
};

const POST_MS: u64 = 40;
const WELL: &str = "https://well.acme.com/in";
const OTHER: &str = "https://other.acme.com/in";

async fn manage(account: &Rc<Object>, action: Action, id: &str, text: String) -> WebhookAnswer {
    let call = Call::Webhooks(WebhookCall { action, id: id.to_owned(), text });
    let answer = account.ask(&format!("{}\n", serde_json::to_string(&call).unwrap())).await.unwrap();
    WebhookAnswer::read(&answer).unwrap()
}

async fn hook(scene: &Scene, account: &Rc<Object>, url: &str, mode: Mode) -> String {
    scene.fakes.targets.borrow_mut().insert(url.to_owned(), (mode, 200));
    let text = format!("https://edge.test\n{}", json!({ "url": url }));
    match manage(account, Action::Create, "", text).await {
        WebhookAnswer::Done { id, .. } => id,
        other => panic!("{other:?}"),
    }
}

/// So many deliveries of a webhook wait from `due_ms` after the start; the object finds them when it wakes.
fn wait(account: &Object, hook: &str, count: u64, due_ms: u64) {
    let due_ms = START_MS + due_ms;
    account.sql(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
         INSERT INTO deliveries SELECT '{hook}', 'msg_' || printf('%012x', {START_MS}) || printf('%020x', i), 'job.failed',
         NULL, '{{}}', 'pending', 0, 0, {START_MS}, {START_MS}, {due_ms}, NULL, NULL, NULL, NULL FROM n"
    ));
    account.kill();
}

/// Something ends, and is delivered.
async fn end(scene: &Scene, account: &Rc<Object>) {
    let job = scene.submit(account, Wish::default()).await;
    scene.cancel(account, job.id).await;
}

/// The ids that were posted to a target, in order.
fn delivered(scene: &Scene, url: &str) -> Vec<String> {
    scene.fakes.posted().into_iter().filter(|(_, posted)| posted.url == url).map(|(_, posted)| posted.id).collect()
}

fn count(account: &Object, condition: &str) -> u64 {
    let rows = account.sql(&format!("SELECT count(*) AS n FROM deliveries WHERE {condition}"));
    serde_json::from_str::<Value>(&rows).unwrap()[0][0].as_u64().unwrap()
}

#[test]
fn what_ends_is_told_however_much_waits_already() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let hook = hook(&scene, &account, WELL, Mode::Well).await;
        wait(&account, &hook, 10_000, 3_600_000);
        end(&scene, &account).await;
        scene.until(1_000, "it is delivered", || delivered(&scene, WELL).len() == 1).await;
        assert_eq!((count(&account, "state = 'failed'"), count(&account, "state = 'pending'")), (0, 10_000));
    });
}

#[test]
fn a_healthy_endpoint_is_told_of_several_at_once_and_of_each_once() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let hook = hook(&scene, &account, WELL, Mode::Slow(POST_MS)).await;
        wait(&account, &hook, 400, 0);
        let began_ms = since_start_ms();
        end(&scene, &account).await;
        scene.until(60_000, "all are delivered", || delivered(&scene, WELL).len() == 401).await;
        let took_ms = since_start_ms() - began_ms;
        // One after the other they take 16 seconds.
        assert!(took_ms < 5_000, "{took_ms}");
        scene.pass(120_000).await;
        assert_eq!(delivered(&scene, WELL).into_iter().collect::<BTreeSet<_>>().len(), 401);
        assert_eq!(delivered(&scene, WELL).len(), 401, "none twice");
    });
}

#[test]
fn what_is_under_way_when_the_object_dies_comes_again_and_nothing_else_does() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let hook = hook(&scene, &account, WELL, Mode::Slow(POST_MS)).await;
        wait(&account, &hook, 60, 0);
        end(&scene, &account).await;
        scene.until(5_000, "some are delivered", || delivered(&scene, WELL).len() >= 20).await;
        account.kill();
        scene.until(60_000, "all are delivered", || count(&account, "next_ms IS NOT NULL") == 0).await;
        let delivered = delivered(&scene, WELL);
        assert_eq!(delivered.iter().collect::<BTreeSet<_>>().len(), 61);
        assert!(delivered.len() <= 61 + 4, "{}", delivered.len());
    });
}

#[test]
fn a_long_line_makes_nobody_else_wait() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let long = hook(&scene, &account, WELL, Mode::Slow(POST_MS)).await;
        hook(&scene, &account, OTHER, Mode::Slow(POST_MS)).await;
        wait(&account, &long, 2_000, 0);
        for delivered_others in 1..=10 {
            end(&scene, &account).await;
            scene.until(300, "it is delivered", || delivered(&scene, OTHER).len() == delivered_others).await;
        }
        assert!(delivered(&scene, WELL).len() < 1_000, "the queue is long still");
    });
}

#[test]
fn one_that_begins_to_hang_takes_no_more_than_its_share() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let hangs = hook(&scene, &account, WELL, Mode::Slow(POST_MS)).await;
        hook(&scene, &account, OTHER, Mode::Slow(POST_MS)).await;
        wait(&account, &hangs, 200, 0);
        end(&scene, &account).await;
        scene.until(3_000, "it does well", || delivered(&scene, WELL).len() > 20).await;
        scene.fakes.targets.borrow_mut().insert(WELL.to_owned(), (Mode::Hang, 200));
        scene.pass(200).await;
        let before = delivered(&scene, OTHER).len();
        for _ in 0..20 {
            end(&scene, &account).await;
        }
        scene.until(3_000, "the other gets its own", || delivered(&scene, OTHER).len() == before + 20).await;
    });
}

#[test]
fn a_long_line_of_one_that_is_disabled_or_deleted_goes_by_pieces() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let ids = [hook(&scene, &account, WELL, Mode::Well).await, hook(&scene, &account, OTHER, Mode::Well).await];
        wait(&account, &ids[0], 9_000, 3_600_000);
        wait(&account, &ids[1], 9_000, 3_600_000);
        manage(&account, Action::Change, &ids[0], "o\n{\"enabled\":false}".to_owned()).await;
        manage(&account, Action::Delete, &ids[1], String::new()).await;
        let left = |hook: &str| count(&account, &format!("webhook = '{hook}' AND next_ms IS NOT NULL"));
        assert_eq!((left(&ids[0]), left(&ids[1])), (7_000, 7_000));
        // What an eviction in between leaves is found again.
        scene.pass(10).await;
        account.kill();
        scene.until(30_000, "all are gone", || left(&ids[0]) + left(&ids[1]) == 0).await;
        scene.pass(10_000).await;
        assert_eq!(count(&account, &format!("webhook = '{}'", ids[0])), 1_000, "the log's bound");
        assert!(delivered(&scene, WELL).is_empty() && delivered(&scene, OTHER).is_empty());
    });
}
