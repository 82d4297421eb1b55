//! Keys, catalogue and lanes.

use forebay_contract::{
    ProblemCode::{self, *},
    catalog::Catalog,
};

use super::super::{
    Answer, Body, Callers, Operation, Schemas, Tag,
    bodies::{NewKey, Rotation},
    examples, parameters,
};
use crate::handlers::{lanes, manage_catalog::Summary, manage_keys};

const PLAIN: &[&str] = &["Cache-Control"];

/// Why a body may be refused, or one where none belongs.
const OF_A_BODY: &[ProblemCode] =
    &[InvalidQuery, InvalidHeader, UnsupportedMediaType, UnsupportedEncoding, BodyTooLarge, StorageUnavailable];
const OF_AN_ORDER: &[ProblemCode] = &[
    InvalidQuery,
    InvalidHeader,
    UnsupportedMediaType,
    UnsupportedEncoding,
    BodyTooLarge,
    StorageUnavailable,
    MalformedJson,
    InvalidField,
];
const OF_A_ROTATION: &[ProblemCode] = &[
    InvalidQuery,
    InvalidHeader,
    UnsupportedMediaType,
    UnsupportedEncoding,
    BodyTooLarge,
    StorageUnavailable,
    MalformedJson,
    InvalidField,
    KeyNotFound,
];

pub fn operations(schemas: &mut Schemas) -> Vec<Operation> {
    [lanes(schemas), keys(schemas), catalog(schemas)].into_iter().flatten().collect()
}

fn lanes(schemas: &mut Schemas) -> Vec<Operation> {
    let listing = schemas.told::<lanes::Listing>();
    let of = |path, id| Operation {
        description: "Depth, work, rate, estimates and their error, and the breakers that are not closed.",
        problems: &[InvalidQuery],
        ..operation(
            "GET",
            path,
            id,
            "See how the lanes stand",
            vec![Answer::json(200, "Every lane.", &listing, &[("lanes", examples::lanes())]).with(PLAIN)],
        )
    };
    vec![of("/v1/lanes", "listLanes"), of("/internal/v1/lanes", "listLanesInternally")]
}

fn keys(schemas: &mut Schemas) -> Vec<Operation> {
    let shown = schemas.told::<manage_keys::Shown<'_>>();
    let page = schemas.told::<manage_keys::Page>();
    let revoked = schemas.told::<manage_keys::Revoked<'_>>();
    let new = Body::json(&schemas.given::<NewKey>(), &[("key", examples::new_key())]);
    let rotation = Body::json(&schemas.given::<Rotation>(), &[("an-hour", examples::rotation())]).optional();
    vec![
        Operation {
            description: "The secret is shown here and never again.",
            body: Some(new),
            problems: OF_AN_ORDER,
            ..operation(
                "POST",
                "/internal/v1/keys",
                "createKey",
                "Make an API key",
                vec![Answer::json(201, "The key with its secret.", &shown, &[("key", examples::key())]).with(PLAIN)],
            )
        },
        Operation {
            description: "Up to a hundred secrets, without what opens them. A page of one account may be short, or empty, \
                          before the last; the last has no `cursor`.",
            parameters: parameters::keys().to_vec(),
            problems: &[InvalidQuery, StorageUnavailable],
            ..operation(
                "GET",
                "/internal/v1/keys",
                "listKeys",
                "List API keys",
                vec![Answer::json(200, "A page.", &page, &[("keys", examples::keys())]).with(PLAIN)],
            )
        },
        Operation {
            description: "The older secrets end after the grace. At most eight are valid at once.",
            parameters: vec![parameters::key_id()],
            body: Some(rotation),
            problems: OF_A_ROTATION,
            ..operation(
                "POST",
                "/internal/v1/keys/{id}/rotate",
                "rotateKey",
                "Change a key's secret",
                vec![
                    Answer::json(200, "The key with its new secret.", &shown, &[("key", examples::rotated_key())])
                        .with(PLAIN),
                ],
            )
        },
        Operation {
            description: "All its secrets are refused: here at once, elsewhere within a minute. Doing it again changes \
                          nothing.",
            parameters: vec![parameters::key_id()],
            problems: &[InvalidQuery, KeyNotFound, StorageUnavailable],
            ..operation(
                "DELETE",
                "/internal/v1/keys/{id}",
                "revokeKey",
                "Revoke an API key",
                vec![
                    Answer::json(200, "It lets nobody in.", &revoked, &[("revoked", examples::revoked_key())])
                        .with(PLAIN),
                ],
            )
        },
    ]
}

fn catalog(schemas: &mut Schemas) -> Vec<Operation> {
    const PATH: &str = "/internal/v1/catalog";
    let summary = schemas.told::<Summary>();
    let catalog = schemas.told::<Catalog>();
    let new = Body::json(&schemas.given::<Catalog>(), &[("small", examples::catalog())]);
    let told =
        |description| Answer::json(200, description, &summary, &[("counted", examples::catalog_summary())]).with(PLAIN);
    vec![
        Operation {
            description: "In the form that `PUT` takes.",
            problems: OF_A_BODY,
            ..operation(
                "GET",
                PATH,
                "getCatalog",
                "See the catalogue in force",
                vec![Answer::json(200, "The catalogue.", &catalog, &[("small", examples::catalog())]).with(PLAIN)],
            )
        },
        Operation {
            description: "It is checked first; the refusal says what is wrong in it and where. In force here at once, \
                          elsewhere within a minute. `cargo xtask catalog` prints one.",
            body: Some(new),
            problems: OF_AN_ORDER,
            ..operation("PUT", PATH, "putCatalog", "Put another catalogue in force", vec![told("It is in force.")])
        },
        Operation {
            description: "The catalogue of the build is in force again.",
            problems: OF_A_BODY,
            ..operation("DELETE", PATH, "deleteCatalog", "Take the catalogue away", vec![told("What is in force now.")])
        },
    ]
}

fn operation(
    method: &'static str,
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    answers: Vec<Answer>,
) -> Operation {
    Operation { method, path, id, summary, answers, ..Operation::of(Tag::Operator, Callers::Operator) }
}
