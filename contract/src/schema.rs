//! How the types look in JSON whose text form is their own: the others' schemas follow from their definitions.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::{Digest, JobId, Lane, PlanClass, catalog::Window};

/// Gives a type that is a text in JSON its schema.
macro_rules! text {
    ($type:ty, $name:literal, $description:literal, $pattern:literal, $example:literal) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string",
                    "description": $description,
                    "pattern": $pattern,
                    "examples": [$example],
                })
            }
        }
    };
}

text!(
    JobId,
    "JobId",
    "A job's id. Ids sort by the millisecond they were made in.",
    "^job_[0-9a-v]{42}$",
    "job_06hhgn2g01rgf1o70s3ge1o70u1fhma1tg1e8v0c6k"
);
text!(
    Digest,
    "Digest",
    "The name of a result: SHA-256 of model, version, parameters and input, in hex.",
    "^[0-9a-f]{64}$",
    "6ab93fac3b1fbf4c3c3f0b5f3d4c0d2a7f9d3f7d2b0d2f1c9e8a7b6c5d4e3f2a"
);
text!(
    Lane,
    "Lane",
    "The name of a lane: the queue in which a job waits.",
    "^[a-z][a-z0-9-]{0,30}[a-z0-9]$",
    "paid-light"
);
text!(
    PlanClass,
    "PlanClass",
    "The name of a class of plans: plans and lanes of the same class belong together.",
    "^[a-z][a-z0-9-]{0,30}[a-z0-9]$",
    "paid"
);
text!(
    Window,
    "Window",
    "How long a limit counts: seconds, minutes, hours or days, or the calendar's day or month in UTC.",
    "^([1-9][0-9]*[smhd]|day|month)$",
    "1h"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_are_what_they_say() {
        fn example<T: JsonSchema + serde::de::DeserializeOwned>() -> Result<T, serde_json::Error> {
            let schema = schemars::schema_for!(T);
            serde_json::from_value(schema.get("examples").and_then(|list| list.get(0)).cloned().unwrap_or_default())
        }
        assert!(example::<JobId>().is_ok() && example::<Digest>().is_ok() && example::<Window>().is_ok());
        assert!(example::<Lane>().is_ok() && example::<PlanClass>().is_ok());
    }
}
