//! The schemas of all types, gathered while operations name them.

use std::collections::BTreeSet;

use schemars::{
    JsonSchema, SchemaGenerator,
    generate::{Contract, SchemaSettings},
};
use serde_json::{Map, Value};

use super::tidy::tidy;

const PLACE: &str = "#/components/schemas/";
/// Where the schemas of what we are given stand until it is known which of them need names of their own.
const GIVEN: &str = "#/given/";

/// Types as we write them and as we read them: what has a default may be missing from one and never is from the other.
pub struct Schemas {
    written: SchemaGenerator,
    given: SchemaGenerator,
}

impl Schemas {
    /// None yet.
    pub fn new() -> Self {
        let generator = |place: &'static str, contract| {
            let settings = SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = place.into();
                settings.meta_schema = None;
                settings.contract = contract;
            });
            settings.into_generator()
        };
        Self {
            written: generator("/components/schemas", Contract::Serialize),
            given: generator("/given", Contract::Deserialize),
        }
    }

    /// The schema of something in an answer.
    pub fn schema_of<T: JsonSchema>(&mut self) -> Value {
        self.written.subschema_for::<T>().to_value()
    }

    /// The schema of something in a request.
    pub fn given<T: JsonSchema>(&mut self) -> Value {
        self.given.subschema_for::<T>().to_value()
    }

    /// All of them by name; what looks one way in requests and another in answers is called `…Given` in requests, also
    /// within `users`.
    pub fn finish<const N: usize>(mut self, users: [&mut Map<String, Value>; N]) -> Value {
        let mut written = self.written.take_definitions(true);
        let given = self.given.take_definitions(true);
        let own = own_names(&written, &given);
        for (name, mut schema) in given {
            rename(&mut schema, &own);
            written.insert(name_of(&name, &own), schema);
        }
        for user in users {
            user.values_mut().for_each(|value| rename(value, &own));
        }
        let mut schemas = Value::Object(written);
        tidy(&mut schemas);
        schemas
    }
}

/// The given types that look otherwise in answers, or hold some that do.
fn own_names(written: &Map<String, Value>, given: &Map<String, Value>) -> BTreeSet<String> {
    let mut own = BTreeSet::new();
    loop {
        let differs = |name: &str, schema: &Value| {
            let mut schema = schema.clone();
            rename(&mut schema, &own);
            written.get(name).is_some_and(|written| *written != schema)
        };
        let more: Vec<String> = given
            .iter()
            .filter(|(name, schema)| !own.contains(*name) && differs(name, schema))
            .map(|(name, _)| name.clone())
            .collect();
        if more.is_empty() {
            return own;
        }
        own.extend(more);
    }
}

fn name_of(name: &str, own: &BTreeSet<String>) -> String {
    if own.contains(name) { format!("{name}Given") } else { name.to_owned() }
}

/// Lets references lead to where the schemas end up.
fn rename(value: &mut Value, own: &BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get_mut("$ref")
                && let Some(name) = reference.strip_prefix(GIVEN)
            {
                *reference = format!("{PLACE}{}", name_of(name, own));
            }
            members.values_mut().for_each(|member| rename(member, own));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, own)),
        _ => {}
    }
}
