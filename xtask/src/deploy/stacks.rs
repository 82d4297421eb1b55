//! Bringing stacks to what they are to be, by change sets.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::{
    aws::{Aws, text_at},
    change_set::{self, Change, Making},
    settings::Parameters,
    stack_status::{Next, next, went_well},
};
use crate::{console::Console, process::interrupt};

/// How long a change set may be made, and a stack change. Machines that do not start let a group wait longest.
const MAKING: Duration = Duration::from_mins(10);
const CHANGING: Duration = Duration::from_mins(60);
/// How often either is looked at, at first and later.
const LOOK: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];

/// What a stack is to be.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) stack: String,
    pub(super) template_url: String,
    pub(super) parameters: Parameters,
}

/// A stack as it is now.
#[derive(Debug, Clone, Default)]
pub(super) struct Existing {
    pub(super) status: Option<String>,
    pub(super) outputs: BTreeMap<String, String>,
}

impl Existing {
    pub(super) fn next(&self) -> Next {
        next(self.status.as_deref())
    }
}

/// Looks at a stack.
pub(super) fn look(aws: &Aws, stack: &str) -> Result<Existing> {
    let Some(said) = aws.find(&["cloudformation", "describe-stacks", "--stack-name", stack])? else {
        return Ok(Existing::default());
    };
    let outputs = said.pointer("/Stacks/0/Outputs").and_then(Value::as_array);
    let pair = |one: &Value| Some((text_at(one, "/OutputKey")?, text_at(one, "/OutputValue")?));
    Ok(Existing {
        status: text_at(&said, "/Stacks/0/StackStatus"),
        outputs: outputs.into_iter().flatten().filter_map(pair).collect(),
    })
}

/// What an update would do; the change set is deleted again.
pub(super) fn rehearse(aws: &Aws, wanted: &Wanted) -> Result<Vec<Change>> {
    // Named otherwise than that of a deployment, which may be under way.
    let made = make(aws, wanted, "UPDATE", REHEARSAL)?;
    delete_change_set(aws, &wanted.stack, REHEARSAL)?;
    Ok(made.unwrap_or_default())
}

/// Brings the stack there from wherever it stands; whether anything was done.
pub(super) fn bring(aws: &Aws, console: Console, wanted: &Wanted, allow_replacement: bool) -> Result<bool> {
    let stack = wanted.stack.as_str();
    let mut existing = look(aws, stack)?;
    let mut has_gone_on = false;
    loop {
        let status = existing.status.clone().unwrap_or_default();
        match existing.next() {
            Next::Stop(what) => bail!("the stack {stack} is {status}.\n  what to do: {what}"),
            Next::Create => return change(aws, console, wanted, "CREATE", true),
            Next::Update => return change(aws, console, wanted, "UPDATE", allow_replacement),
            Next::Wait => {
                console.note("stacks", &format!("{stack} is {status}: waiting until that is over"));
                wait(aws, stack)?;
            }
            Next::DeleteThenCreate => {
                console.note(
                    "stacks",
                    &format!("{stack} is {status}, left of a creation that failed: it is deleted first"),
                );
                delete(aws, stack)?;
            }
            Next::ContinueRollback if has_gone_on => bail!(
                "the stack {stack} cannot find its way back: {}\n  what to do: mend what stands there, or go on without it (aws \
                 cloudformation continue-update-rollback --resources-to-skip), then run the same command again",
                first_failure(aws, stack)?
            ),
            Next::ContinueRollback => {
                has_gone_on = true;
                console.note("stacks", &format!("{stack} is {status}: its way back is gone on with"));
                aws.ask(&["cloudformation", "continue-update-rollback", "--stack-name", stack])?;
                wait(aws, stack)?;
            }
        }
        existing = look(aws, stack)?;
    }
}

/// Deletes the stack, if there is one.
pub(super) fn delete(aws: &Aws, stack: &str) -> Result<bool> {
    let existing = look(aws, stack)?;
    if existing.status.is_none() || existing.status.as_deref() == Some("DELETE_COMPLETE") {
        return Ok(false);
    }
    if existing.next() == Next::Wait {
        wait(aws, stack)?;
    }
    aws.ask(&["cloudformation", "delete-stack", "--stack-name", stack])?;
    match wait(aws, stack)? {
        None => Ok(true),
        Some(status) if status == "DELETE_COMPLETE" => Ok(true),
        Some(status) => bail!(
            "the stack {stack} could not be deleted, it is {status}: {}\n  what to do: mend that, then run the same command \
             again; it goes on with what is left",
            first_failure(aws, stack)?
        ),
    }
}

fn change(aws: &Aws, console: Console, wanted: &Wanted, kind: &str, allow_replacement: bool) -> Result<bool> {
    let stack = wanted.stack.as_str();
    let Some(changes) = make(aws, wanted, kind, CHANGE_SET)? else {
        delete_change_set(aws, stack, CHANGE_SET)?;
        return Ok(false);
    };
    if let Some(refusal) = change_set::refusal(stack, &changes).filter(|_| !allow_replacement) {
        delete_change_set(aws, stack, CHANGE_SET)?;
        bail!(refusal);
    }
    for change in &changes {
        console.note("stacks", &format!("{stack}: {change}"));
    }
    aws.ask(&["cloudformation", "execute-change-set", "--stack-name", stack, "--change-set-name", CHANGE_SET])?;
    let status = wait(aws, stack)?.unwrap_or_default();
    if !went_well(&status) {
        bail!(
            "the stack {stack} is {status}: {}\n  what to do: mend that, then run the same command again; it goes on here",
            first_failure(aws, stack)?
        );
    }
    Ok(true)
}

const CHANGE_SET: &str = "forebay-deploy";
const REHEARSAL: &str = "forebay-plan";

/// Makes the change set; `None` where nothing would change.
fn make(aws: &Aws, wanted: &Wanted, kind: &str, name: &str) -> Result<Option<Vec<Change>>> {
    let stack = wanted.stack.as_str();
    // One of a deployment that died would stand in the way.
    if look(aws, stack)?.status.is_some() {
        delete_change_set(aws, stack, name)?;
    }
    let parameter = |(key, value): (&String, &String)| json!({"ParameterKey": key, "ParameterValue": value});
    let request = json!({
        "StackName": stack,
        "ChangeSetName": name,
        "ChangeSetType": kind,
        "TemplateURL": wanted.template_url,
        "Parameters": wanted.parameters.iter().map(parameter).collect::<Vec<_>>(),
        "Capabilities": ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    });
    let request = request.to_string();
    aws.ask(&["cloudformation", "create-change-set", "--cli-input-json", &request])
        .with_context(|| format!("the stack {stack}"))?;
    let describe = ["cloudformation", "describe-change-set", "--stack-name", stack, "--change-set-name", name];
    let mut described = Value::Null;
    let made = poll(MAKING, || {
        described = aws.ask(&describe)?;
        Ok(match change_set::making(&described) {
            Making::UnderWay => None,
            making => Some(making),
        })
    })?;
    match made {
        Some(Making::Made) => Ok(Some(change_set::changes(&described))),
        Some(Making::Nothing) => Ok(None),
        Some(Making::Failed(reason)) => {
            delete_change_set(aws, stack, name)?;
            bail!("the stack {stack} takes no such change, and was not changed: {reason}")
        }
        _ => bail!("CloudFormation has not said after {} minutes what would change of {stack}", MAKING.as_secs() / 60),
    }
}

fn delete_change_set(aws: &Aws, stack: &str, name: &str) -> Result<()> {
    let delete = ["cloudformation", "delete-change-set", "--stack-name", stack, "--change-set-name", name];
    aws.find(&delete).map(drop)
}

/// Waits until nothing is under way; the status then, none where there is no stack.
fn wait(aws: &Aws, stack: &str) -> Result<Option<String>> {
    let over = poll(CHANGING, || {
        let existing = look(aws, stack)?;
        // The rest of an update that is done: what it replaced is cleared away.
        let is_over = existing.next() != Next::Wait;
        Ok(is_over.then_some(existing.status))
    })?;
    let minutes = CHANGING.as_secs() / 60;
    over.with_context(|| {
        format!(
            "{stack} is not done after {minutes} minutes.\n  what to do: look at its events; run the same command again"
        )
    })
}

fn poll<T>(patience: Duration, mut ready: impl FnMut() -> Result<Option<T>>) -> Result<Option<T>> {
    let (began, [often, seldom]) = (Instant::now(), LOOK);
    loop {
        interrupt::check()?;
        if let Some(answer) = ready()? {
            return Ok(Some(answer));
        }
        let elapsed = began.elapsed();
        if elapsed >= patience {
            return Ok(None);
        }
        thread::sleep(if elapsed < 20 * often { often } else { seldom });
    }
}

/// Why a stack failed: of its newest events the earliest failure, for what follows it is its consequence.
fn first_failure(aws: &Aws, stack: &str) -> Result<String> {
    let events = ["cloudformation", "describe-stack-events", "--stack-name", stack, "--max-items", "100"];
    let said = aws.find(&events)?.unwrap_or_default();
    let events = said.get("StackEvents").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Ok(earliest_failure(events).unwrap_or_else(|| "no event says why".to_owned()))
}

/// Events come newest first; those of the operations before this one do not count.
fn earliest_failure(events: &[Value]) -> Option<String> {
    let is_begin = |event: &&Value| {
        let status = text_at(event, "/ResourceStatus").unwrap_or_default();
        text_at(event, "/ResourceType").as_deref() == Some("AWS::CloudFormation::Stack")
            && ["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"].contains(&status.as_str())
    };
    let failed = events
        .iter()
        .take_while(|event| !is_begin(event))
        .filter(|event| text_at(event, "/ResourceStatus").is_some_and(|status| status.ends_with("_FAILED")));
    let event = failed.last()?;
    let reason = text_at(event, "/ResourceStatusReason").unwrap_or_else(|| "no reason is given".to_owned());
    Some(format!("{}: {reason}", text_at(event, "/LogicalResourceId").unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_told_and_not_what_came_of_it_nor_what_failed_before() {
        let event = |id: &str, status: &str, reason: &str| {
            let kind = if id == "forebay" { "AWS::CloudFormation::Stack" } else { "AWS::SQS::Queue" };
            json!({"LogicalResourceId": id, "ResourceType": kind, "ResourceStatus": status, "ResourceStatusReason": reason})
        };
        let events = [
            event("forebay", "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create"),
            event("B", "CREATE_FAILED", "Resource creation cancelled"),
            event("A", "CREATE_FAILED", "a queue of that name exists"),
            event("forebay", "CREATE_IN_PROGRESS", "User Initiated"),
            event("C", "CREATE_FAILED", "of yesterday"),
        ];
        assert_eq!(earliest_failure(&events).unwrap(), "A: a queue of that name exists");
        assert_eq!(earliest_failure(&events[3..]), None);
    }
}
