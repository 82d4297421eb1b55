//! Leases of shared limits: asked for when a submission needs one, given back when they are over.

use std::{collections::BTreeMap, rc::Rc};

use forebay_contract::catalog::LimitSpec;
use forebay_limits::lending::{Scope, holdings::SharedLimit, lease::Ask};
use futures_util::future::join_all;

use super::{core::Core, lane_calls};

/// Between two returns.
const LEAST_PAUSE_MS: u64 = 500;

/// Asks the keepers for what is missing. A keeper that cannot be reached leaves it missing.
pub(crate) async fn ask(core: &Rc<Core>, missing: &[(SharedLimit, LimitSpec, u64)]) {
    let now = core.now_ms();
    let questions = {
        let mut holdings = core.holdings.borrow_mut();
        let ask = |(limit, spec, want): &(SharedLimit, LimitSpec, u64)| {
            (limit.clone(), holdings.ask(limit, spec, *want, now))
        };
        missing.iter().map(ask).collect()
    };
    send(core, questions).await;
    return_unused(core);
}

/// Gives back what is unused of leases that are over, as long as there are any.
pub(crate) fn return_unused(core: &Rc<Core>) {
    if core.holdings.borrow().return_at_ms().is_none() || core.returning_leases.replace(true) {
        return;
    }
    let inner = core.clone();
    core.spawn(async move {
        // Not in the loop's own condition, which would hold the borrow across the waits.
        let due = || inner.holdings.borrow().return_at_ms();
        while let Some(at_ms) = due() {
            // At least a moment: a keeper that cannot be reached is not asked without a pause.
            let wait_ms = at_ms.saturating_sub(inner.now_ms()).max(LEAST_PAUSE_MS);
            inner.platform.sleep(wait_ms).await;
            let questions = inner.holdings.borrow_mut().returns(inner.now_ms());
            send(&inner, questions).await;
        }
        inner.returning_leases.set(false);
    });
}

async fn send(core: &Core, questions: Vec<(SharedLimit, Ask)>) {
    let asked_ms = core.now_ms();
    let mut scopes: BTreeMap<Scope, Vec<(SharedLimit, Ask)>> = BTreeMap::new();
    for (limit, ask) in questions {
        scopes.entry(limit.scope.clone()).or_default().push((limit, ask));
    }
    let answered = scopes.into_iter().map(|(scope, questions)| async move {
        let asks: Vec<Ask> = questions.iter().map(|(_, ask)| ask.clone()).collect();
        (questions, lane_calls::lease(core, &scope, asks).await)
    });
    for (questions, answers) in join_all(answered).await {
        match answers {
            Ok(answers) => {
                let mut holdings = core.holdings.borrow_mut();
                for ((limit, ask), answer) in questions.iter().zip(&answers) {
                    if let Some(answer) = answer {
                        holdings.answered(limit, ask, answer, asked_ms);
                    }
                }
            }
            Err(error) => core.log("lease-failed", &error.to_string()),
        }
    }
}
