//! Keys, catalog and lanes.

use forebay_contract::{
    ProblemCode::{self, *},
    catalog::Catalog,
};

use super::{
    super::{
        Answer, Body, Callers, Operation, Schemas, Tag,
        bodies::{NewKey, Rotation},
        examples, parameters,
    },
    BODY, IN_JSON,
};
use crate::handlers::{self, manage_catalog::Summary, manage_keys};

const PLAIN: &[&str] = &["Cache-Control"];
/// What is kept in the namespace may be out of reach.
const STORED: &[ProblemCode] = &[StorageUnavailable];

pub fn lanes(schemas: &mut Schemas) -> Operation {
    let listing = schemas.schema_of::<handlers::lanes::Listing>();
    Operation {
        id: "listLanes",
        summary: "See how the lanes stand",
        description: "Depth, work, rate, estimates and their error, and the breakers that are not closed.",
        answers: vec![Answer::json(200, "Every lane.", &listing, &[("lanes", examples::lanes())]).with(PLAIN)],
        problems: &[&[InvalidQuery]],
        ..Operation::of(Tag::Operator, Callers::Operator)
    }
}

pub fn lanes_internally(schemas: &mut Schemas) -> Operation {
    Operation { id: "listLanesInternally", ..lanes(schemas) }
}

pub fn create_key(schemas: &mut Schemas) -> Operation {
    let shown = schemas.schema_of::<manage_keys::Shown<'_>>();
    Operation {
        id: "createKey",
        summary: "Make an API key",
        description: "The secret is shown here and never again.",
        body: Some(Body::json(&schemas.given::<NewKey>(), &[("key", examples::new_key())])),
        answers: vec![Answer::json(201, "The key with its secret.", &shown, &[("key", examples::key())]).with(PLAIN)],
        problems: &[BODY, IN_JSON, STORED],
        ..Operation::of(Tag::Operator, Callers::Operator)
    }
}

pub fn list_keys(schemas: &mut Schemas) -> Operation {
    let page = schemas.schema_of::<manage_keys::Page>();
    Operation {
        id: "listKeys",
        summary: "List API keys",
        description: "Up to a hundred secrets, without what opens them. A page of one account may be short, or empty, before the \
                      last; the last has no `cursor`.",
        parameters: parameters::keys().to_vec(),
        answers: vec![Answer::json(200, "A page.", &page, &[("keys", examples::keys())]).with(PLAIN)],
        problems: &[&[InvalidQuery, StorageUnavailable]],
        ..Operation::of(Tag::Operator, Callers::Operator)
    }
}

pub fn rotate_key(schemas: &mut Schemas) -> Operation {
    let shown = schemas.schema_of::<manage_keys::Shown<'_>>();
    let rotated = [("key", examples::rotated_key())];
    Operation {
        id: "rotateKey",
        summary: "Change a key's secret",
        description: "The older secrets end after the grace. At most eight are valid at once.",
        parameters: vec![parameters::key_id()],
        body: Some(Body::json(&schemas.given::<Rotation>(), &[("an-hour", examples::rotation())]).optional()),
        answers: vec![Answer::json(200, "The key with its new secret.", &shown, &rotated).with(PLAIN)],
        problems: &[BODY, IN_JSON, STORED, &[KeyNotFound]],
        ..Operation::of(Tag::Operator, Callers::Operator)
    }
}

pub fn revoke_key(schemas: &mut Schemas) -> Operation {
    let revoked = schemas.schema_of::<manage_keys::Revoked<'_>>();
    let gone = [("revoked", examples::revoked_key())];
    Operation {
        id: "revokeKey",
        summary: "Revoke an API key",
        description: "All its secrets are refused: here at once, elsewhere within a minute. Doing it again changes nothing.",
        parameters: vec![parameters::key_id()],
        answers: vec![Answer::json(200, "It lets nobody in.", &revoked, &gone).with(PLAIN)],
        problems: &[&[InvalidQuery, KeyNotFound, StorageUnavailable, AccountBusy]],
        ..Operation::of(Tag::Operator, Callers::Operator)
    }
}

pub fn get_catalog(schemas: &mut Schemas) -> Operation {
    let catalog = schemas.schema_of::<Catalog>();
    Operation {
        id: "getCatalog",
        summary: "See the catalog in force",
        description: "In the form that `PUT` takes.",
        answers: vec![Answer::json(200, "The catalog.", &catalog, &[("small", examples::catalog())]).with(PLAIN)],
        problems: &[BODY, STORED],
        ..Operation::of(Tag::Operator, Callers::Operator)
    }
}

pub fn put_catalog(schemas: &mut Schemas) -> Operation {
    Operation {
        id: "putCatalog",
        summary: "Put another catalog in force",
        description: "It is checked first; the refusal says what is wrong in it and where. In force here at once, elsewhere \
                      within a minute. `cargo xtask catalog` prints one.",
        body: Some(Body::json(&schemas.given::<Catalog>(), &[("small", examples::catalog())])),
        answers: vec![counted(schemas, "It is in force.")],
        problems: &[BODY, IN_JSON, STORED],
        ..Operation::of(Tag::Operator, Callers::Operator)
    }
}

pub fn delete_catalog(schemas: &mut Schemas) -> Operation {
    Operation {
        id: "deleteCatalog",
        summary: "Take the catalog away",
        description: "The catalog of the build is in force again.",
        answers: vec![counted(schemas, "What is in force now.")],
        problems: &[BODY, STORED],
        ..Operation::of(Tag::Operator, Callers::Operator)
    }
}

/// What a catalog holds, in numbers.
fn counted(schemas: &mut Schemas, description: &'static str) -> Answer {
    let summary = schemas.schema_of::<Summary>();
    Answer::json(200, description, &summary, &[("counted", examples::catalog_summary())]).with(PLAIN)
}
