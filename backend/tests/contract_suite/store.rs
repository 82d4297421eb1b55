use bytes::Bytes;
use forebay_backend::store::{Head, Put, Store, StoreError};
use futures_util::future::join_all;

pub(crate) async fn the_first_put_writes_and_later_ones_change_nothing(store: &dyn Store) {
    let key = "results/ab/first";
    assert_eq!(store.put_if_absent(key, Bytes::from_static(b"one"), "text/plain").await.unwrap(), Put::Created);
    for _ in 0..2 {
        let put = store.put_if_absent(key, Bytes::from_static(b"two"), "image/png").await.unwrap();
        assert_eq!(put, Put::AlreadyThere);
    }
    assert_eq!(store.get(key, 100).await.unwrap(), "one");
    let head = Head { bytes: 3, media_type: "text/plain".to_owned() };
    assert_eq!(store.head(key).await.unwrap(), Some(head));
}

pub(crate) async fn of_many_writers_at_once_one_creates(store: &dyn Store) {
    let bodies: Vec<String> = (0..12).map(|writer| format!("writer {writer}")).collect();
    let puts = bodies.iter().map(|body| store.put_if_absent("results/ab/race", body.clone().into(), "text/plain"));
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
    store.put_if_absent("inputs/large", body.clone(), "image/png").await.unwrap();
    assert_eq!(store.get("inputs/large", 100_000).await.unwrap(), body);
    let refused = store.get("inputs/large", 99_999).await;
    assert!(matches!(refused, Err(StoreError::TooLarge { max_bytes: 99_999 })), "{refused:?}");
}

pub(crate) async fn an_empty_object_is_there(store: &dyn Store) {
    store.put_if_absent("inputs/empty", Bytes::new(), "text/plain").await.unwrap();
    assert_eq!(store.get("inputs/empty", 0).await.unwrap(), "");
    assert_eq!(store.head("inputs/empty").await.unwrap().map(|head| head.bytes), Some(0));
}

/// Over what the worker sends in one piece.
pub(crate) async fn a_large_object_is_written_whole_and_once(store: &dyn Store) {
    let (ours, theirs) = (Bytes::from(vec![7; 20 << 20]), Bytes::from(vec![8; 20 << 20]));
    let key = "results/ab/large";
    // One after the other: LocalStack lets two that end at once both be the first, where S3 does not.
    let first = store.put_if_absent(key, ours.clone(), "application/octet-stream").await.unwrap();
    let again = store.put_if_absent(key, theirs, "text/plain").await.unwrap();
    assert_eq!([first, again], [Put::Created, Put::AlreadyThere]);
    assert!(store.get(key, 30 << 20).await.unwrap() == ours, "every part is there and in order");
    assert_eq!(store.head(key).await.unwrap().unwrap().media_type, "application/octet-stream");
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
        }
    };
}
