//! Refusals that many operations have, written once.

use serde_json::{Map, Value, json};

/// Moves every refusal out of the operations and gives them for `components`, where each stands once: `Refused401`, and
/// with a letter behind it where others of the status differ.
pub fn refusals(paths: &mut Map<String, Value>) -> Map<String, Value> {
    let mut shared: Map<String, Value> = Map::new();
    let operations = paths.values_mut().filter_map(Value::as_object_mut).flat_map(|path| path.values_mut());
    let responses = operations.filter_map(|operation| operation["responses"].as_object_mut());
    for (status, response) in responses.flatten() {
        if response["content"]["application/problem+json"].is_null() {
            continue;
        }
        let names = (b'B'..=b'Z').map(|letter| format!("Refused{status}{}", char::from(letter)));
        let name = std::iter::once(format!("Refused{status}"))
            .chain(names)
            .find(|name| shared.get(name).is_none_or(|known| known == response))
            .unwrap();
        let reference = json!({ "$ref": format!("#/components/responses/{name}") });
        shared.insert(name, std::mem::replace(response, reference));
    }
    shared
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_refusals_are_one_and_answers_stay_where_they_are() {
        let refusal = |codes: &str| json!({ "content": { "application/problem+json": { "schema": codes } } });
        let answer = json!({ "content": { "application/json": {} } });
        let operation = |codes| json!({ "responses": { "200": answer, "401": refusal(codes) } });
        let mut paths = Map::from_iter([
            ("/a".to_owned(), json!({ "get": operation("x"), "post": operation("y") })),
            ("/b".to_owned(), json!({ "get": operation("x") })),
        ]);
        let shared = refusals(&mut paths);
        assert_eq!(
            shared,
            Map::from_iter([("Refused401".to_owned(), refusal("x")), ("Refused401B".to_owned(), refusal("y")),])
        );
        let of = |path: &str, method: &str| paths[path][method]["responses"]["401"]["$ref"].clone();
        assert_eq!(of("/a", "get"), of("/b", "get"));
        assert_eq!(of("/a", "post"), "#/components/responses/Refused401B");
        assert_eq!(paths["/b"]["get"]["responses"]["200"], answer);
    }
}
