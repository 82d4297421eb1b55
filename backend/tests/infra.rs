//! What `infra/forebay.yaml` must say for the functions to be of use, checked without AWS.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

use std::collections::BTreeMap;

use forebay_backend::queue::MAX_RECEIVES;
use forebay_contract::Lane;

const TEMPLATE: &str = include_str!("../../infra/forebay.yaml");

/// Each resource's lines, by its name.
fn resources() -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut resources: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut name = "";
    for line in TEMPLATE.lines().skip_while(|line| *line != "Resources:").skip(1) {
        match line.strip_prefix("  ").filter(|rest| !rest.starts_with([' ', '#'])) {
            Some(rest) if rest.ends_with(':') => name = rest.trim_end_matches(':'),
            _ => resources.entry(name).or_default().push(line.trim()),
        }
    }
    resources
}

/// What a resource says under this key; `None` where it says nothing.
fn value(name: &str, key: &str) -> Option<String> {
    let resources = resources();
    let lines = resources.get(name).unwrap_or_else(|| panic!("there is no {name}"));
    lines.iter().find_map(|line| line.strip_prefix(key)?.strip_prefix(": ").map(str::to_owned))
}

fn seconds(name: &str, key: &str) -> u64 {
    value(name, key).unwrap_or_else(|| panic!("{name} has no {key}")).parse().unwrap()
}

/// As in the template: `PaidLight`.
fn camel(lane: Lane) -> String {
    let part = |part: &str| part[..1].to_uppercase() + &part[1..];
    lane.name().split('-').map(part).collect()
}

/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html>
const TIMES: u64 = 6;

#[test]
fn queues_hide_messages_for_six_times_as_long_as_their_functions_may_take() {
    let (reaper, burst) = (seconds("ReaperFunction", "Timeout"), seconds("BurstFunction", "Timeout"));
    for lane in Lane::SHIPPED.map(camel) {
        let dead_letters = seconds(&format!("{lane}DeadLetters"), "VisibilityTimeout");
        assert!(dead_letters >= TIMES * reaper, "{lane}: {dead_letters}");
        let queue = seconds(&format!("{lane}Queue"), "VisibilityTimeout");
        assert!(queue >= TIMES * burst, "{lane}: {queue}");
    }
}

#[test]
fn no_hand_back_buries_a_job() {
    for lane in Lane::SHIPPED.map(camel) {
        let most = seconds(&format!("{lane}Queue"), "maxReceiveCount");
        assert_eq!(most, u64::from(MAX_RECEIVES), "{lane}");
    }
}

#[test]
fn a_burst_takes_from_a_light_lane_while_it_is_late_and_never_by_itself() {
    for lane in Lane::SHIPPED {
        let (name, camel) = (lane.name(), camel(lane));
        let mapping = format!("{camel}Bursting");
        if !name.ends_with("-light") {
            assert!(!resources().contains_key(mapping.as_str()), "{name}: its jobs outlast a function");
            continue;
        }
        assert_eq!(value(&mapping, "Enabled").as_deref(), Some("false"), "{name}");
        let (alarm, rule) = (format!("{camel}LateAlarm"), format!("{camel}BurstRule"));
        assert_eq!(value(&alarm, "AlarmName").unwrap(), format!("!Sub ${{Prefix}}-{name}-late"));
        assert_eq!(value(&alarm, "MetricName").unwrap(), "ApproximateAgeOfOldestMessage");
        assert_eq!(value(&alarm, "Threshold").unwrap(), "!Ref BurstAfterSeconds");
        assert!(value(&alarm, "Dimensions").unwrap().contains(&format!("!GetAtt {camel}Queue.QueueName")));
        let heard = format!(":alarm:${{Prefix}}-{name}-late");
        assert!(resources()[rule.as_str()].iter().any(|line| line.ends_with(&heard)), "{name}");
        assert_eq!(value(&rule, "ScheduleExpression").as_deref(), Some("rate(5 minutes)"), "{name}");
        // Who starts the switch says of which alarm and which mapping it is.
        let input = format!("!Ref Prefix, '-{name}-late\",\"mapping\":\"', !Ref {mapping}, ");
        assert!(resources()[rule.as_str()].iter().any(|line| line.contains(&input)), "{name}");
    }
    assert_eq!(value("BurstFunction", "PackageType").as_deref(), Some("Image"));
}
