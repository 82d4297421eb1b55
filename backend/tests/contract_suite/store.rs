use bytes::Bytes;
use forebay_backend::store::{Head, NewObject, Put, Store, StoreError};
use forebay_contract::{JobId, Made, ShardKey};
use futures_util::future::join_all;

pub(crate) async fn the_first_put_writes_and_later_ones_change_nothing(store: &dyn Store) {
    let key = "results/ab/first";
    assert_eq!(store.put_if_absent(key, NewObject::new("one", "text/plain")).await.unwrap(), Put::Created);
    for _ in 0..2 {
        let put = store.put_if_absent(key, NewObject::new("two", "image/png")).await.unwrap();
        assert_eq!(put, Put::AlreadyThere);
    }
    assert_eq!(store.get(key, 100).await.unwrap(), "one");
    let Head { bytes, media_type, made, age_ms } = store.head(key).await.unwrap().unwrap();
    assert_eq!((bytes, media_type.as_str(), made), (3, "text/plain", None));
    assert!(age_ms.is_some_and(|age_ms| age_ms < 60_000), "{age_ms:?}");
}

/// What it holds and whose it is stay as they were.
pub(crate) async fn a_renewed_object_is_the_same(store: &dyn Store) {
    let key = "results/ab/renewed";
    let made = Made { job_id: JobId::new(1, [7; 10], ShardKey::new("a", 0)), device_ms: 12.5 };
    for made in [Some(made), None] {
        let key = &format!("{key}{}", made.is_some());
        let object = NewObject { made, ..NewObject::new("one", "image/png") };
        store.put_if_absent(key, object).await.unwrap();
        let before = store.head(key).await.unwrap().unwrap();
        store.renew(key, &before).await.unwrap();
        let after = store.head(key).await.unwrap().unwrap();
        assert_eq!((after.bytes, &after.media_type, after.made), (3, &before.media_type, made));
        assert_eq!(store.get(key, 100).await.unwrap(), "one");
        let again = store.put_if_absent(key, NewObject::new("two", "image/png")).await.unwrap();
        assert_eq!(again, Put::AlreadyThere);
    }
    let head = Head { bytes: 3, media_type: "image/png".to_owned(), made: None, age_ms: None };
    assert!(matches!(store.renew("results/ab/none", &head).await, Err(StoreError::Missing)));
}

pub(crate) async fn what_is_overwritten_is_the_last(store: &dyn Store) {
    let key = "attempts/overwritten";
    for body in ["one", "another", "3"] {
        store.overwrite(key, NewObject::new(body, "application/json")).await.unwrap();
        assert_eq!(store.get(key, 100).await.unwrap(), body);
    }
}

pub(crate) async fn of_many_writers_at_once_one_creates(store: &dyn Store) {
    let bodies: Vec<String> = (0..12).map(|writer| format!("writer {writer}")).collect();
    let puts =
        bodies.iter().map(|body| store.put_if_absent("results/ab/race", NewObject::new(body.clone(), "text/plain")));
    let puts: Vec<Put> = join_all(puts).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(puts.iter().filter(|put| **put == Put::Created).count(), 1, "{puts:?}");
    let winner = puts.iter().position(|put| *put == Put::Created).unwrap();
    assert_eq!(store.get("results/ab/race", 100).await.unwrap(), bodies[winner]);
}

pub(crate) async fn what_is_not_there_is_missing(store: &dyn Store) {
    assert!(matches!(store.get("inputs/none", 100).await, Err(StoreError::Missing)));
    assert_eq!(store.head("inputs/none").await.unwrap(), None);
}

pub(crate) async fn nothing_over_the_bound_is_read(store: &dyn Store) {
    let body = Bytes::from(vec![7; 100_000]);
    store.put_if_absent("inputs/large", NewObject::new(body.clone(), "image/png")).await.unwrap();
    assert_eq!(store.get("inputs/large", 100_000).await.unwrap(), body);
    let refused = store.get("inputs/large", 99_999).await;
    assert!(matches!(refused, Err(StoreError::TooLarge { max_bytes: 99_999 })), "{refused:?}");
}

pub(crate) async fn an_empty_object_is_there(store: &dyn Store) {
    store.put_if_absent("inputs/empty", NewObject::new(Bytes::new(), "text/plain")).await.unwrap();
    assert_eq!(store.get("inputs/empty", 0).await.unwrap(), "");
    assert_eq!(store.head("inputs/empty").await.unwrap().map(|head| head.bytes), Some(0));
}

/// Over what the worker sends in one piece.
pub(crate) async fn a_large_object_is_written_whole_and_once(store: &dyn Store) {
    let (ours, theirs) = (Bytes::from(vec![7; 20 << 20]), Bytes::from(vec![8; 20 << 20]));
    let key = "results/ab/large";
    // One after the other: LocalStack lets two that end at once both be the first, where S3 does not.
    let first = store.put_if_absent(key, NewObject::new(ours.clone(), "application/octet-stream")).await.unwrap();
    let again = store.put_if_absent(key, NewObject::new(theirs, "text/plain")).await.unwrap();
    assert_eq!([first, again], [Put::Created, Put::AlreadyThere]);
    assert!(store.get(key, 30 << 20).await.unwrap() == ours, "every part is there and in order");
    assert_eq!(store.head(key).await.unwrap().unwrap().media_type, "application/octet-stream");
}

pub(crate) async fn an_object_says_whose_run_made_it(store: &dyn Store) {
    let made = |job| Made { job_id: JobId::new(1, [job; 10], ShardKey::new("a", 0)), device_ms: 12.5 };
    // In one piece and in parts.
    for (key, bytes) in [("results/ab/piece", 3), ("results/ab/parts", 20 << 20)] {
        for job in [1, 2] {
            let object = NewObject::new(vec![7; bytes], "image/png").made(made(job));
            store.put_if_absent(key, object).await.unwrap();
        }
        assert_eq!(store.head(key).await.unwrap().unwrap().made, Some(made(1)), "{key}");
    }
}

/// One test a claim, each over its own store.
#[macro_export]
macro_rules! store_contract {
    (@each $make:ident $($name:ident)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                contract_suite::store::$name(&$make().await).await;
            }
        )*
    };
    ($make:ident) => {
        $crate::store_contract! { @each $make
            the_first_put_writes_and_later_ones_change_nothing
            of_many_writers_at_once_one_creates
            what_is_not_there_is_missing
            nothing_over_the_bound_is_read
            an_empty_object_is_there
            a_large_object_is_written_whole_and_once
            an_object_says_whose_run_made_it
            a_renewed_object_is_the_same
            what_is_overwritten_is_the_last
        }
    };
}
