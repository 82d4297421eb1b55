//! What a template may be told, read off its text: ours are written in one way, which a test holds them to.

use std::collections::BTreeMap;

use super::{complaint::Complaint, settings::Parameters};

/// What stands of a parameter in a template.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Parameter {
    pub(super) has_default: bool,
    /// All that is allowed; empty where more than some values are.
    pub(super) allowed: Vec<String>,
    pub(super) least: Option<i64>,
    pub(super) most: Option<i64>,
}

/// The parameters by name.
pub(super) fn parameters(template: &str) -> BTreeMap<String, Parameter> {
    let mut found: BTreeMap<String, Parameter> = BTreeMap::new();
    let mut name = String::new();
    let mut is_list_open = false;
    let lines = template.lines().skip_while(|line| *line != "Parameters:").skip(1);
    for line in lines.take_while(|line| line.is_empty() || line.starts_with([' ', '#'])) {
        let text = line.trim();
        let indent = line.len() - line.trim_start().len();
        if indent == 2 && !text.starts_with('#') {
            name = text.trim_end_matches(':').to_owned();
            found.insert(name.clone(), Parameter::default());
        }
        let Some(parameter) = found.get_mut(&name) else { continue };
        let (key, value) = text.split_once(": ").unwrap_or((text.trim_end_matches(':'), ""));
        match key {
            "Default" if indent == 4 => parameter.has_default = true,
            "MinValue" if indent == 4 => parameter.least = value.parse().ok(),
            "MaxValue" if indent == 4 => parameter.most = value.parse().ok(),
            "AllowedValues" if indent == 4 => {
                parameter.allowed = listed(value);
                is_list_open = value.is_empty();
            }
            // A list that is too long for one line stands on the next one.
            _ if indent > 4 && is_list_open && parameter.allowed.is_empty() => parameter.allowed = listed(text),
            _ => {}
        }
    }
    found
}

fn listed(text: &str) -> Vec<String> {
    let Some(inside) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) else { return Vec::new() };
    inside.split(',').map(|value| value.trim().trim_matches('"').to_owned()).collect()
}

/// What is wrong with what a stack is to be told; what `filled` names comes from elsewhere.
pub(super) fn complaints(
    part: &str,
    known: &BTreeMap<String, Parameter>,
    given: &Parameters,
    filled: &[&str],
) -> Vec<Complaint> {
    let complaint =
        |name: &str, found: String, allowed: String| Complaint { key: format!("{part}.{name}"), found, allowed };
    let mut complaints = Vec::new();
    for (name, value) in given {
        let found = format!("{value:?}");
        let Some(parameter) = known.get(name) else {
            let names: Vec<&str> = known.keys().map(String::as_str).collect();
            let allowed = format!("a parameter of {part}.yaml: {}", names.join(", "));
            complaints.push(complaint(name, "a name that it does not have".to_owned(), allowed));
            continue;
        };
        if !parameter.allowed.is_empty() && !parameter.allowed.contains(value) {
            complaints.push(complaint(name, found, format!("one of {}", parameter.allowed.join(", "))));
        } else if parameter.least.is_some() || parameter.most.is_some() {
            let (least, most) = (parameter.least.unwrap_or(i64::MIN), parameter.most.unwrap_or(i64::MAX));
            if !value.parse::<i64>().is_ok_and(|number| (least..=most).contains(&number)) {
                let most = parameter.most.map_or_else(|| "any".to_owned(), |most| most.to_string());
                complaints.push(complaint(name, found, format!("a whole number from {least} to {most}")));
            }
        }
    }
    let missing = known.iter().filter(|(name, parameter)| {
        !parameter.has_default && !given.contains_key(*name) && !filled.contains(&name.as_str())
    });
    complaints.extend(
        missing.map(|(name, _)| {
            complaint(name, "nothing".to_owned(), format!("a value: {part}.yaml has none of its own"))
        }),
    );
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_our_templates_are_read() {
        for (text, names, needed) in [
            (include_str!("../../../infra/network.yaml"), "NatGateway VpcCidr", ""),
            (include_str!("../../../infra/forebay.yaml"), "ReaperPackage ReportSecretName", ""),
            (
                include_str!("../../../infra/fleet.yaml"),
                "Package",
                "BucketName ImageId QueueUrlPrefix SecurityGroupId SubnetIds WorkerPolicyArn",
            ),
            (include_str!("../../../infra/alarms.yaml"), "HasReaper", "BucketName"),
        ] {
            let found = parameters(text);
            assert!(names.split(' ').all(|name| found.get(name).is_some_and(|one| one.has_default)), "{found:?}");
            let without: Vec<&str> =
                found.iter().filter(|(_, one)| !one.has_default).map(|(name, _)| name.as_str()).collect();
            assert_eq!(without.join(" "), needed);
        }
        let fleet = parameters(include_str!("../../../infra/fleet.yaml"));
        assert!(fleet["SecondInstanceType"].allowed.contains(&"g4dn.xlarge".to_owned()));
        assert_eq!((fleet["DrainSeconds"].least, fleet["DrainSeconds"].most), (Some(60), Some(7200)));
    }

    #[test]
    fn what_a_template_does_not_take_is_named_with_what_it_does() {
        let known = parameters(include_str!("../../../infra/fleet.yaml"));
        let given = [("ImageIdd", "x"), ("RootDevice", "/dev/null"), ("DrainSeconds", "5"), ("SubnetIds", "subnet-1")];
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let filled = ["BucketName", "QueueUrlPrefix", "SecurityGroupId", "WorkerPolicyArn"];
        let found: Vec<String> = complaints("fleet", &known, &given, &filled).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 4, "{found:#?}");
        assert!(found[0].starts_with("fleet.DrainSeconds: found \"5\"; allowed is a whole number from 60 to 7200"));
        assert!(found[1].starts_with("fleet.ImageIdd: found a name that it does not have; allowed is a parameter of"));
        assert!(found[2].starts_with("fleet.RootDevice: found \"/dev/null\"; allowed is one of /dev/xvda, /dev/sda1"));
        assert!(found[3].starts_with("fleet.ImageId: found nothing; allowed is a value"), "{}", found[3]);
    }
}
