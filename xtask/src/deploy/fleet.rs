//! Machines that were started from an older version of the launch template are replaced, each new one before an old one
//! drains. <https://docs.aws.amazon.com/autoscaling/ec2/userguide/asg-instance-refresh.html>

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use serde_json::Value;

use super::aws::{Aws, text_at};
use crate::{console::Console, process::interrupt};

/// Replaces all machines, those that are up to date too.
pub(super) const EVERY_MACHINE: &str =
    r#"{"MinHealthyPercentage":100,"MaxHealthyPercentage":110,"SkipMatching":false}"#;
/// Replaces what is outdated: the same as fleet.yaml's output RefreshCommand.
pub(super) const OUTDATED: &str = r#"{"MinHealthyPercentage":100,"MaxHealthyPercentage":110,"SkipMatching":true}"#;
/// A machine takes ten minutes, and a group may have many.
const PATIENCE: Duration = Duration::from_hours(4);
const LOOK: Duration = Duration::from_secs(15);

/// What there is to refresh of a group, by `describe-auto-scaling-groups`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Machines {
    /// No such group, or one without machines.
    None,
    /// All are of the group's version.
    Current(usize),
    /// So many of so many are of another.
    Outdated(usize, usize),
}

pub(super) fn look(aws: &Aws, group: &str) -> Result<Machines> {
    let said = aws.ask(&["autoscaling", "describe-auto-scaling-groups", "--auto-scaling-group-names", group])?;
    Ok(machines(&said))
}

fn machines(said: &Value) -> Machines {
    let group = said.pointer("/AutoScalingGroups/0");
    let wanted = group
        .and_then(|group| text_at(group, "/MixedInstancesPolicy/LaunchTemplate/LaunchTemplateSpecification/Version"));
    let instances = group.and_then(|group| group.get("Instances")?.as_array()).map(Vec::as_slice).unwrap_or_default();
    if instances.is_empty() {
        return Machines::None;
    }
    let is_old = |instance: &&Value| text_at(instance, "/LaunchTemplate/Version") != wanted;
    match instances.iter().filter(is_old).count() {
        0 => Machines::Current(instances.len()),
        old => Machines::Outdated(old, instances.len()),
    }
}

/// Replaces machines, as the preferences say, and waits until that is done; a refresh that is under way is waited for.
pub(super) fn refresh(aws: &Aws, console: Console, group: &str, preferences: &str) -> Result<()> {
    let describe =
        ["autoscaling", "describe-instance-refreshes", "--auto-scaling-group-name", group, "--max-records", "1"];
    if is_under_way(&aws.ask(&describe)?) {
        console.note("fleet", "a refresh is under way: waiting for it");
    } else {
        let start =
            ["autoscaling", "start-instance-refresh", "--auto-scaling-group-name", group, "--preferences", preferences];
        aws.ask(&start)?;
    }
    let (began, mut last) = (Instant::now(), String::new());
    while began.elapsed() < PATIENCE {
        let said = aws.ask(&describe)?;
        let text = |name: &str| text_at(&said, &format!("/InstanceRefreshes/0/{name}")).unwrap_or_default();
        if !is_under_way(&said) {
            return match text("Status").as_str() {
                "Successful" => Ok(()),
                status => bail!(
                    "the refresh of {group} is {status}: {}\n  what to do: by Session Manager on a new machine, journalctl -u \
                     cloud-final and forebay-worker doctor say why it does not start; cargo xtask rollback brings the machines of \
                     before",
                    text("StatusReason")
                ),
            };
        }
        let percent =
            said.pointer("/InstanceRefreshes/0/PercentageComplete").and_then(Value::as_u64).unwrap_or_default();
        let line = format!("{percent} % of the machines are replaced {}", text("StatusReason"));
        if line != last {
            console.note("fleet", &line);
            last = line;
        }
        interrupt::check()?;
        thread::sleep(LOOK);
    }
    bail!("the refresh of {group} is not done after {} hours; run the same command again", PATIENCE.as_secs() / 3600)
}

fn is_under_way(refreshes: &Value) -> bool {
    let status = text_at(refreshes, "/InstanceRefreshes/0/Status").unwrap_or_default();
    ["Pending", "InProgress", "Baking", "Cancelling", "RollbackInProgress"].contains(&status.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn machines_of_another_version_are_outdated() {
        let group = |versions: &[&str]| {
            let instances: Vec<Value> =
                versions.iter().map(|version| json!({"LaunchTemplate": {"Version": version}})).collect();
            let template = json!({"LaunchTemplate": {"LaunchTemplateSpecification": {"Version": "3"}}});
            json!({"AutoScalingGroups": [{"MixedInstancesPolicy": template, "Instances": instances}]})
        };
        assert_eq!(machines(&json!({"AutoScalingGroups": []})), Machines::None);
        assert_eq!(machines(&group(&[])), Machines::None);
        assert_eq!(machines(&group(&["3", "3"])), Machines::Current(2));
        assert_eq!(machines(&group(&["2", "3", "1"])), Machines::Outdated(2, 3));
    }

    #[test]
    fn a_refresh_that_ended_is_not_under_way() {
        for (status, wanted) in
            [("InProgress", true), ("Pending", true), ("Successful", false), ("RollbackFailed", false)]
        {
            assert_eq!(is_under_way(&json!({"InstanceRefreshes": [{"Status": status}]})), wanted, "{status}");
        }
        assert!(!is_under_way(&json!({"InstanceRefreshes": []})));
    }

    #[test]
    fn the_template_advises_the_same_refresh() {
        assert!(include_str!("../../../infra/fleet.yaml").contains(OUTDATED));
    }
}
