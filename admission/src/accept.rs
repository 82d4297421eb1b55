//! `Accept` (RFC 9110 §12.5.1), as far as two forms of one answer need it.

/// Whether `other` is wanted more than `usual`: named, and weighing more.
pub fn prefers(accept: Option<&str>, other: &str, usual: &str) -> bool {
    let weight = |of: &str| {
        let kind = of.split('/').next().unwrap_or_default();
        let ranges = accept.unwrap_or_default().split(',').filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next()?.to_ascii_lowercase();
            let exact = match name.as_str() {
                _ if name == of => 3,
                _ if name.strip_suffix("/*") == Some(kind) => 2,
                "*/*" => 1,
                _ => return None,
            };
            let q = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse::<f64>().ok());
            Some((exact, q.filter(|q| (0.0..=1.0).contains(q)).unwrap_or(0.0)))
        });
        ranges.max_by_key(|(exact, _)| *exact).unwrap_or((0, 0.0))
    };
    let ((exact, weight), (usual_exact, usual_weight)) = (weight(other), weight(usual));
    weight > 0.0 && exact >= 2 && (weight > usual_weight || (weight >= usual_weight && exact > usual_exact))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_form_is_given_unless_the_other_is_wanted_more() {
        for (accept, expect) in [
            (None, false),
            (Some(""), false),
            (Some("*/*"), false),
            (Some("text/csv"), true),
            (Some("Text/CSV; q=0.5, */*;q=0.1"), true),
            (Some("text/*"), true),
            (Some("text/csv, application/json"), false),
            (Some("text/csv;q=0.9, application/json"), false),
            (Some("text/csv, application/json;q=0.9"), true),
            (Some("text/csv;q=0"), false),
            (Some("text/csv;q=x"), false),
            (Some("text/html"), false),
        ] {
            assert_eq!(prefers(accept, "text/csv", "application/json"), expect, "{accept:?}");
        }
    }
}
