//! Mistakes that are made on purpose, one at a time: a simulation that does not find them looks at nothing.
//!
//! Most are made where an object meets its platform, so that no product code knows of them.

use std::cell::Cell;

use forebay_account::platform::Value;

macro_rules! defects {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Defect { $($(#[$doc])* $name),* }

        impl Defect {
            pub(crate) const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

defects! {
    /// Alarms are not set.
    AlarmNotSet,
    /// What a turn started leaves although the turn is not written.
    GateOpen,
    /// A message is marked as sent when it is written.
    SentBeforeItIsSent,
    /// A job counts twice.
    BilledTwice,
    /// A job does not count.
    NotBilled,
    /// A lane forgets what it lent when it sleeps.
    LeaseForgotten,
    /// A lane tells of twice what it lent.
    LeaseDoubled,
    /// An account forgets what its own limits counted when it sleeps.
    LimitForgotten,
    /// An idempotency key is not written.
    KeyForgotten,
    /// A delivery is gone before it is made.
    DeliveryGone,
    /// A delivery counts as made that failed.
    FailedDeliveryIsDone,
    /// Nobody asks the bucket about silent jobs.
    NeverReconciles,
    /// An end is told and not written.
    EndNotWritten,
    /// A result's report leaves its job running.
    ReportMovesBack,
    /// A delayed message leaves at once.
    DelayForgotten,
    /// A deadline is not written.
    DeadlineForgotten,
    /// The bucket is said to have what it has not.
    HeadLies,
    /// A message is acknowledged when it is received.
    AcknowledgedBeforeStored,
    /// A result counts as stored and is not.
    StoreForgets,
    /// A result counts as stored before it is.
    ReportedBeforeStored,
    /// A result is another's.
    ResultWrong,
    /// An event stream keeps its last event to itself.
    StreamEndsEarly,
    /// A queue that fails is asked again at once.
    NoBackoff,
    /// A device that is lost refuses what it is given.
    LossRefused,
    /// A hand-back counts as a run that never ended.
    HandBackIsRun,
}

thread_local! {
    static PLANTED: Cell<Option<Defect>> = const { Cell::new(None) };
    static TIMES: Cell<u64> = const { Cell::new(0) };
}

/// From now on on this thread.
pub(crate) fn plant(defect: Option<Defect>) {
    PLANTED.set(defect);
}

pub(crate) fn is(defect: Defect) -> bool {
    PLANTED.get() == Some(defect)
}

/// Every other time: what never works is found by anybody.
pub(crate) fn happens(defect: Defect) -> bool {
    is(defect) && TIMES.replace(TIMES.get() + 1) % 2 == 1
}

type Statement = (String, Vec<Value>);

/// The statements that are run instead of this one.
pub(super) fn statements(object_is_lane: bool, text: &str, mut values: Vec<Value>) -> Vec<Statement> {
    let Some(defect) = PLANTED.get() else { return vec![(text.to_owned(), values)] };
    let is_submission = text.starts_with("INSERT INTO submissions");
    let set = |mut values: Vec<Value>, index: usize, value: Value| {
        if let Some(place) = values.get_mut(index) {
            *place = value;
        }
        vec![(text.to_owned(), values)]
    };
    let also = |values: Vec<Value>, statement: &str, more: Vec<Value>| {
        vec![(text.to_owned(), values), (statement.to_owned(), more)]
    };
    match defect {
        Defect::BilledTwice if text.starts_with("INSERT INTO usage") && happens(defect) => {
            also(values.clone(), text, values)
        }
        Defect::NotBilled if text.starts_with("INSERT INTO usage") && happens(defect) => Vec::new(),
        Defect::LeaseForgotten if object_is_lane && (text.contains("INTO leases") || text.contains("INTO limits")) => {
            Vec::new()
        }
        Defect::LimitForgotten if is_submission => set(values, 18, Value::from("{}")),
        Defect::KeyForgotten if is_submission => set(values, 19, Value::Null),
        Defect::SentBeforeItIsSent if is_submission => {
            also(values, "UPDATE outbox SET sent = 1 WHERE seq = (SELECT max(seq) FROM outbox)", Vec::new())
        }
        Defect::DeliveryGone if text.contains("INTO deliveries") && happens(defect) => Vec::new(),
        Defect::NeverReconciles if text.contains("WHERE check_ms <= ?") => set(values, 0, Value::Integer(0)),
        Defect::EndNotWritten | Defect::ReportMovesBack if text.starts_with("UPDATE jobs SET state = ?") => {
            let is_end = matches!(values.first(), Some(Value::Text(state)) if state != "queued" && state != "running");
            match (defect, is_end && happens(defect), values.pop()) {
                (Defect::EndNotWritten, true, _) => Vec::new(),
                (_, happens, Some(id)) => {
                    values.push(id.clone());
                    if happens {
                        also(values, "UPDATE jobs SET state = 'running' WHERE id = ?", vec![id])
                    } else {
                        vec![(text.to_owned(), values)]
                    }
                }
                (_, _, None) => Vec::new(),
            }
        }
        Defect::DelayForgotten if text.starts_with("UPDATE outbox SET sent = 2") => Vec::new(),
        Defect::DeadlineForgotten if text.starts_with("UPDATE jobs SET not_before_ms") => set(values, 1, Value::Null),
        _ => vec![(text.to_owned(), values)],
    }
}

/// What a lane lends, told as twice as much.
pub(crate) fn lend_more(answer: String) -> String {
    if !is(Defect::LeaseDoubled) || !answer.contains("Granted") {
        return answer;
    }
    let Ok(mut answers) = serde_json::from_str::<serde_json::Value>(&answer) else { return answer };
    for granted in answers.as_array_mut().into_iter().flatten().filter_map(|answer| answer.get_mut("Granted")) {
        granted["amount"] = (granted["amount"].as_u64().unwrap_or(0) * 2 + 2).into();
    }
    answers.to_string()
}
