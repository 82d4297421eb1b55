use super::*;

fn batch(rows: usize, predicted_us: u64) -> HandedOver {
    HandedOver { model: "m@1".to_owned(), jobs: rows, rows, row_cells: 10, padding: 3, calls: 1, predicted_us }
}

#[test]
fn of_many_calls_the_price_of_one_is_learned() {
    let load = DeviceLoad::default();
    load.costs().price("m@1", 2.0);
    for calls in [40, 100, 7] {
        load.hand_over(HandedOver { calls, ..batch(1, 1000) });
        load.finish("m@1", 1, Duration::from_millis(6 * calls));
        load.learn();
    }
    let (ratio, call_us) = (load.costs().ratio("m@1"), load.costs().price("m@1", 2.0).batch_us(1, 10));
    assert!((2.9..3.1).contains(&ratio) && (5900..6100).contains(&call_us), "{ratio} {call_us}");
}

#[tokio::test(start_paused = true)]
async fn what_is_predicted_counts_from_when_a_batch_became_the_first() {
    let load = DeviceLoad::default();
    assert_eq!(load.free_at(), None);
    let start = Instant::now();
    let after = |us| Some(start + Duration::from_micros(us));
    load.hand_over(batch(2, 5000));
    tokio::time::advance(Duration::from_millis(2)).await;
    load.hand_over(batch(1, 1000));
    assert_eq!(load.free_at(), after(6000));
    tokio::time::advance(Duration::from_millis(6)).await;
    load.finish("m@1", 2, Duration::from_millis(8));
    assert_eq!(load.free_at(), after(9000));
    load.finish("m@1", 1, Duration::from_millis(1));
    assert_eq!(load.free_at(), None);
    assert_eq!((load.rows(), load.cells_and_padding()), (3, (30, 6)));
}

#[test]
fn several_devices_finish_in_any_order() {
    let load = DeviceLoad::default();
    load.count(2);
    load.hand_over(batch(2, 5000));
    assert_eq!(load.free_at(), None, "the other device has nothing");
    load.hand_over(batch(1, 1000));
    assert!(load.free_at().is_some());
    load.finish("m@1", 1, Duration::from_millis(1));
    load.finish("m@1", 2, Duration::from_millis(5));
    let rows: Vec<usize> = load.learn().iter().map(|finished| finished.batch.rows).collect();
    assert_eq!(rows, [1, 2]);
}

#[test]
fn only_batches_that_ran_whole_are_learned_from() {
    let load = DeviceLoad::default();
    load.costs().price("m@1", 1.0);
    for ran in [4, 3, 0] {
        load.hand_over(batch(4, 1000));
        load.finish("m@1", ran, Duration::from_millis(2));
    }
    let finished = load.learn();
    assert_eq!(finished, [Finished { batch: batch(4, 1000), busy: Duration::from_millis(2) }]);
    assert_eq!(load.costs().relative_errors().len(), 1);
    assert_eq!(load.learn(), []);
}
#[tokio::test(start_paused = true)]
async fn while_a_model_takes_its_place_nobody_else_is_handed_over() {
    let load = DeviceLoad::default();
    let took = Duration::from_secs(2);
    let arrives = |model: &str, gone: &[&str]| {
        let gone: Vec<String> = gone.iter().map(ToString::to_string).collect();
        load.arrives("cpu", Arrival { model, bytes: 60, gone: &gone, budget: Some(100) });
    };
    arrives("a@1", &[]);
    load.loaded("cpu", "a@1", took);
    arrives("b@1", &["a@1"]);
    load.loaded("cpu", "b@1", took);
    assert_eq!((load.not_before("b@1"), load.not_before("new@1")), (None, None));
    let start = Instant::now();
    assert_eq!(load.not_before("a@1"), Some(start + took), "nothing runs");
    let of = |model: &str| HandedOver { model: model.to_owned(), ..batch(1, 1000) };
    load.hand_over(of("b@1"));
    assert_eq!(load.free_at(), Some(start + Duration::from_millis(1)));
    tokio::time::advance(Duration::from_secs(7)).await;
    assert_eq!(load.not_before("a@1"), Some(start + took * 4), "b has run all the time");
    load.finish("b@1", 1, Duration::from_millis(1));

    // It is time: a goes to the device.
    let now = Instant::now();
    load.hand_over(of("a@1"));
    assert_eq!(load.free_at(), Some(now + took + Duration::from_millis(1)), "loading takes time too");
    assert_eq!((load.not_before("a@1"), load.not_before("b@1")), (None, Some(now + took)));
    arrives("a@1", &["b@1"]);
    assert_eq!((load.not_before("a@1"), load.not_before("b@1")), (None, Some(now + took)));
    load.loaded("cpu", "a@1", took);
    load.finish("a@1", 1, Duration::from_millis(1));
    assert_eq!((load.not_before("a@1"), load.not_before("b@1")), (None, Some(now + took)));
}
