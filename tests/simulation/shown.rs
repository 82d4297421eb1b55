//! In which worlds a planted defect can be seen at all: the others need not be looked at.

use crate::{
    native::planted::Defect,
    scenario::{Manner, Scenario},
    trouble::Fault,
};

/// Whether this seed's world may show it.
pub(crate) fn may_be(defect: Defect, scenario: &Scenario) -> bool {
    use Fault::{
        AnswerLost, CallLost, CallerGone, ClockOff, DiesAfterCommit, DiesBeforeCommit, Moved, QueueDown, QueuesDown,
        ReportLost, TargetFails,
    };
    let any = |faults: &[Fault]| faults.iter().any(|fault| scenario.troubles.has(*fault));
    let forgets = any(&[Moved, ClockOff, DiesAfterCommit, DiesBeforeCommit]);
    match defect {
        Defect::GateOpen => any(&[DiesBeforeCommit]),
        Defect::LeaseForgotten => scenario.shared_limit.is_some() && forgets,
        Defect::LeaseDoubled => scenario.shared_limit.is_some(),
        Defect::LimitForgotten => forgets && scenario.accounts.iter().any(|account| account.limit.is_some()),
        Defect::KeyForgotten => scenario.clients.iter().any(|client| client.key.is_some() && client.fresh),
        Defect::DeliveryGone => scenario.accounts.iter().any(|account| account.has_webhook),
        Defect::FailedDeliveryIsDone => {
            any(&[TargetFails]) && scenario.accounts.iter().any(|account| account.has_webhook)
        }
        Defect::NeverReconciles => any(&[ReportLost, CallLost, CallerGone, AnswerLost, Moved]),
        Defect::DelayForgotten => scenario.clients.iter().any(|client| client.not_before_ms.is_some()),
        Defect::DeadlineForgotten => scenario.clients.iter().any(|client| client.deadline_ms.is_some()),
        Defect::StreamEndsEarly => scenario.clients.iter().any(|client| client.manner == Manner::Streams),
        Defect::NoBackoff => any(&[QueueDown, QueuesDown]),
        _ => true,
    }
}
