//! The wire forms, letter by letter: what is in flight during an upgrade must still be read after it.

use forebay_contract::{
    Digest, EventKind, FailureCode, Input, InputRef, JobId, JobMessage, MediaType, Namespace, ParameterValue,
    Parameters, Problem, ProblemCode, Report, ReportAnswer, ReportEvent, ShardKey,
};
use proptest::prelude::*;
use serde_json::json;

fn job_id() -> JobId {
    JobId::new(1_800_000_000_000, [7; 10], ShardKey::new("acme", 0))
}

fn message(input: InputRef) -> JobMessage {
    let parameters = Parameters::from([("top_k".to_owned(), ParameterValue::Integer(5))]);
    let digest = Digest::new(Namespace::Account("acme"), "m", "1", &parameters, &Input::empty());
    JobMessage {
        job_id: job_id(),
        account: "acme".to_owned(),
        model: "m".to_owned(),
        version: "1".to_owned(),
        parameters,
        input,
        digest,
        cost_ms: 35.0,
        accepted_ms: 1_800_000_000_000,
        deadline_ms: None,
        traceparent: None,
    }
}

#[test]
fn job_message() {
    let inline = message(InputRef::Inline { media_type: MediaType::PlainText, data: b"hi".to_vec() });
    let body = inline.to_json().unwrap();
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&body).unwrap(),
        json!({
            "v": "forebay.job.v1",
            "job_id": job_id().to_string(),
            "account": "acme",
            "model": "m",
            "version": "1",
            "parameters": {"top_k": 5},
            "input": {"kind": "inline", "media_type": "text/plain", "data": "aGk="},
            "digest": inline.digest.to_hex(),
            "cost_ms": 35.0,
            "accepted_ms": 1_800_000_000_000_u64,
        })
    );
    assert_eq!(JobMessage::from_json(&body).unwrap(), inline);
}

#[test]
fn messages_of_another_version_are_refused() {
    let body = message(InputRef::Inline { media_type: MediaType::Empty, data: Vec::new() }).to_json().unwrap();
    let newer = body.replacen("forebay.job.v1", "forebay.job.v2", 1);
    assert!(JobMessage::from_json(&newer).is_err());
    assert!(JobMessage::from_json("").is_err());
    assert!(JobMessage::from_json("{}").is_err());
}

#[test]
fn report() {
    let event = |kind| ReportEvent { job_id: job_id(), attempt: 1, at_ms: 5, kind };
    let id = job_id().to_string();
    let report = Report {
        worker: "w-1".to_owned(),
        events: vec![
            event(EventKind::Received),
            event(EventKind::Started { batch_size: 4 }),
            event(EventKind::Progress { done: 3, total: 32 }),
            event(EventKind::Succeeded { media_type: "image/png".to_owned(), bytes: 9, device_ms: 1.5 }),
            event(EventKind::Failed { code: FailureCode::ImageUndecodable, detail: "truncated".to_owned() }),
            event(EventKind::Returned { again_ms: None }),
            event(EventKind::Returned { again_ms: Some(30_000) }),
        ],
    };
    let json = json!({
        "worker": "w-1",
        "events": [
            {"job_id": id, "attempt": 1, "at_ms": 5, "event": "received"},
            {"job_id": id, "attempt": 1, "at_ms": 5, "event": "started", "batch_size": 4},
            {"job_id": id, "attempt": 1, "at_ms": 5, "event": "progress", "done": 3, "total": 32},
            {"job_id": id, "attempt": 1, "at_ms": 5, "event": "succeeded", "media_type": "image/png", "bytes": 9,
             "device_ms": 1.5},
            {"job_id": id, "attempt": 1, "at_ms": 5, "event": "failed", "code": "image-undecodable",
             "detail": "truncated"},
            {"job_id": id, "attempt": 1, "at_ms": 5, "event": "returned"},
            {"job_id": id, "attempt": 1, "at_ms": 5, "event": "returned", "again_ms": 30_000},
        ],
    });
    assert_eq!(serde_json::to_value(&report).unwrap(), json);
    assert_eq!(serde_json::from_value::<Report>(json).unwrap(), report);

    let answer = ReportAnswer { canceled: vec![job_id()] };
    assert_eq!(serde_json::to_value(&answer).unwrap(), json!({"canceled": [id]}));
}

#[test]
fn problem() {
    let problem = Problem::new(ProblemCode::ModelNotFound, "GET /v1/models lists the models you may use");
    assert_eq!(
        serde_json::to_value(&problem).unwrap(),
        json!({
            "type": "urn:forebay:problem:model-not-found",
            "title": "There is no such model",
            "status": 404,
            "detail": "GET /v1/models lists the models you may use",
            "code": "model-not-found",
            "retryable": false,
        })
    );
}

proptest! {
    #[test]
    fn job_messages_round_trip(data: Vec<u8>, account: String, cost_ms in 0.0f64..1e9, text: String) {
        let mut original = message(InputRef::Inline { media_type: MediaType::Png, data });
        original.account = account;
        original.cost_ms = cost_ms;
        original.parameters.insert("text".to_owned(), ParameterValue::Text(text));
        let body = original.to_json().unwrap();
        prop_assert_eq!(JobMessage::from_json(&body).unwrap(), original);
    }

    #[test]
    fn foreign_bytes_never_panic(body: String) {
        let _ = JobMessage::from_json(&body);
    }
}
