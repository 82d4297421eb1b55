//! The header fields of answers.

use serde_json::{Map, Value, json};

struct Field {
    name: &'static str,
    description: &'static str,
    /// Whether it is there wherever it is listed.
    always: bool,
    schema: fn() -> Value,
    example: &'static str,
}

const FIELDS: &[Field] = &[
    Field {
        name: "X-Request-Id",
        description: "The id that the service's log knows the request by.",
        always: true,
        schema: || json!({ "type": "string", "pattern": "^[0-9a-f]{32}$" }),
        example: "4f2c9b1de07a4c3f9a51f6a0b2c3d4e5",
    },
    Field {
        name: "Location",
        description: "Where the job is to be found.",
        always: true,
        schema: text,
        example: "https://jobs.example.com/v1/jobs/job_06hhgn2g01rgf1o70s3ge1o70u1fhma1tg1e8v0c6k",
    },
    Field {
        name: "Retry-After",
        description: "In how many seconds to ask again. For a job that waits it follows from its estimate, so a client that \
                      keeps to it asks once or twice.",
        always: false,
        schema: || json!({ "type": "integer", "minimum": 1 }),
        example: "3",
    },
    Field {
        name: "Server-Timing",
        description: "How many milliseconds each stage had the job.",
        always: true,
        schema: text,
        example: "edge;dur=2, admission;dur=0, outbox;dur=8, lane;dur=41, worker;dur=3, infer;dur=12, store;dur=9",
    },
    Field {
        name: "RateLimit-Policy",
        description: "The limits of the plan (draft-ietf-httpapi-ratelimit-headers-10).",
        always: false,
        schema: text,
        example: "\"submit\";q=20;w=1, \"monthly\";q=100000;w=2678400",
    },
    Field {
        name: "RateLimit",
        description: "What is left of each limit, and in how many seconds it is whole again.",
        always: false,
        schema: text,
        example: "\"submit\";r=19;t=1, \"monthly\";r=99412;t=1209600",
    },
    Field {
        name: "Preference-Applied",
        description: "The wait of `Prefer` that counted (RFC 7240).",
        always: false,
        schema: text,
        example: "wait=10",
    },
    Field {
        name: "Age",
        description: "How many seconds ago the result was made, where it was there already.",
        always: false,
        schema: || json!({ "type": "integer", "minimum": 0 }),
        example: "86",
    },
    Field { name: "ETag", description: "Names the content.", always: true, schema: text, example: "\"6ab93fac3b1f\"" },
    Field {
        name: "Cache-Control",
        description: "Who may keep the answer, and for how long.",
        always: true,
        schema: text,
        example: "private, max-age=60",
    },
    Field {
        name: "Vary",
        description: "What the answer depends on besides its address.",
        always: true,
        schema: text,
        example: "Authorization",
    },
    Field {
        name: "WWW-Authenticate",
        description: "How to show who calls (RFC 6750).",
        always: true,
        schema: text,
        example: "Bearer realm=\"forebay\", error=\"invalid_token\"",
    },
    Field {
        name: "Accept",
        description: "The media types that are taken.",
        always: false,
        schema: text,
        example: "application/json",
    },
    Field {
        name: "Upgrade",
        description: "What to speak here; proxies may keep it to themselves.",
        always: false,
        schema: text,
        example: "websocket",
    },
    Field {
        name: "X-Accel-Buffering",
        description: "Tells proxies not to gather what comes piece by piece.",
        always: true,
        schema: text,
        example: "no",
    },
    Field {
        name: "Sec-WebSocket-Protocol",
        description: "`forebay.v1`, where the client offered it.",
        always: false,
        schema: text,
        example: "forebay.v1",
    },
];

fn text() -> Value {
    json!({ "type": "string" })
}

/// Every field, for `components`.
pub fn all() -> Map<String, Value> {
    let entry = |field: &Field| {
        json!({
            "description": field.description,
            "required": field.always,
            "schema": (field.schema)(),
            "example": example(field),
        })
    };
    FIELDS.iter().map(|field| (field.name.to_owned(), entry(field))).collect()
}

/// What goes into an answer that has these.
pub fn references<'a>(names: impl IntoIterator<Item = &'a &'static str>) -> Map<String, Value> {
    let reference = |name: &&str| {
        assert!(FIELDS.iter().any(|field| field.name == *name), "{name} is not described");
        ((*name).to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }))
    };
    names.into_iter().map(reference).collect()
}

/// Numbers are written as such.
fn example(field: &Field) -> Value {
    let number = (field.schema)()["type"] == "integer";
    if number { serde_json::from_str(field.example).unwrap() } else { field.example.into() }
}
