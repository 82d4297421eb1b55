//! What can be done with a stack as it stands.
//! https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html

/// The next thing to do with a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// There is none: it is made.
    Create,
    /// It stands: it is updated.
    Update,
    /// A first creation failed and left nothing that is of use: it is deleted, then made.
    DeleteThenCreate,
    /// An update broke off and its way back too: the way back is gone on with, then it is updated.
    ContinueRollback,
    /// Something is under way, of a deployment that died or of somebody else: it is waited for, then looked at again.
    Wait,
    /// A person must look.
    Stop(&'static str),
}

/// By the status that CloudFormation says; none where there is no stack.
pub(super) fn next(status: Option<&str>) -> Next {
    match status {
        // A change set was made for a stack that was not there, and never executed.
        None | Some("DELETE_COMPLETE" | "REVIEW_IN_PROGRESS") => Next::Create,
        Some("ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" | "CREATE_FAILED") => Next::DeleteThenCreate,
        Some("UPDATE_ROLLBACK_FAILED") => Next::ContinueRollback,
        Some("DELETE_FAILED") => Next::Stop(
            "its deletion failed half-way: its events say why (aws cloudformation describe-stack-events); mend that, delete \
             it again, then run the same command again",
        ),
        Some(status) if status.ends_with("_IN_PROGRESS") => Next::Wait,
        Some(status) if status.ends_with("_COMPLETE") || status == "UPDATE_FAILED" => Next::Update,
        Some(_) => Next::Stop("this status is not known here: look at the stack in the console of AWS"),
    }
}

impl Next {
    /// For the plan.
    pub(super) fn shown(self) -> &'static str {
        match self {
            Self::Create => "is made",
            Self::Update => "is updated",
            Self::DeleteThenCreate => "is deleted, for its first creation failed, and made anew",
            Self::ContinueRollback => "goes on with the way back of an update that failed, and is updated",
            Self::Wait => "is waited for, for something is under way, and is looked at again",
            Self::Stop(_) => "STOPS the deployment",
        }
    }
}

/// Whether a wait ended as it should: the first failure among the events is told where it did not.
pub(super) fn went_well(status: &str) -> bool {
    matches!(status, "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" | "IMPORT_COMPLETE")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_deployed_stack_goes_on_where_it_stopped() {
        for (status, wanted) in [
            (None, Next::Create),
            (Some("REVIEW_IN_PROGRESS"), Next::Create),
            (Some("DELETE_COMPLETE"), Next::Create),
            (Some("CREATE_IN_PROGRESS"), Next::Wait),
            (Some("UPDATE_IN_PROGRESS"), Next::Wait),
            (Some("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"), Next::Wait),
            (Some("ROLLBACK_IN_PROGRESS"), Next::Wait),
            (Some("DELETE_IN_PROGRESS"), Next::Wait),
            (Some("CREATE_COMPLETE"), Next::Update),
            (Some("UPDATE_COMPLETE"), Next::Update),
            (Some("UPDATE_FAILED"), Next::Update),
            (Some("UPDATE_ROLLBACK_COMPLETE"), Next::Update),
            (Some("IMPORT_COMPLETE"), Next::Update),
            (Some("ROLLBACK_COMPLETE"), Next::DeleteThenCreate),
            (Some("ROLLBACK_FAILED"), Next::DeleteThenCreate),
            (Some("CREATE_FAILED"), Next::DeleteThenCreate),
            (Some("UPDATE_ROLLBACK_FAILED"), Next::ContinueRollback),
        ] {
            assert_eq!(next(status), wanted, "{status:?}");
        }
        assert!(matches!(next(Some("DELETE_FAILED")), Next::Stop(_)) && matches!(next(Some("NEW")), Next::Stop(_)));
    }

    #[test]
    fn a_stack_that_went_back_did_not_go_well() {
        for status in ["ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_FAILED", "DELETE_COMPLETE"] {
            assert!(!went_well(status), "{status}");
        }
        assert!(went_well("UPDATE_COMPLETE") && went_well("CREATE_COMPLETE"));
    }
}
