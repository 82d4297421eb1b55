//! Leases of shared limits: asked for when a submission needs one, given back when they are over.

use std::{collections::BTreeMap, rc::Rc};

use forebay_contract::catalog::LimitSpec;
use forebay_limits::{
    lending::{Scope, holdings::SharedLimit, lease::Ask},
    policy::Taken,
};
use futures_util::future::join_all;

use super::{core::Core, lane_calls};

/// Between two returns.
const LEAST_PAUSE_MS: u64 = 500;

/// Asks the keepers for what is missing. A keeper that cannot be reached leaves it missing.
pub(crate) async fn ask(core: &Rc<Core>, missing: &[(SharedLimit, LimitSpec, u64)]) {
    send(core, core.limits.asks(missing, core.now_ms())).await;
    return_unused(core);
}

/// Spends what was granted for the moment `at_ms`.
pub(crate) fn spend(core: &Rc<Core>, taken: Taken, at_ms: u64) {
    if core.limits.spend(taken, at_ms) {
        return_unused(core);
    }
}

/// Gives back what is unused of leases that are over, as long as there are any.
fn return_unused(core: &Rc<Core>) {
    if core.limits.return_at_ms().is_none() || !core.limits.return_unused.begin() {
        return;
    }
    let inner = core.clone();
    core.spawn(async move {
        while let Some(at_ms) = inner.limits.return_at_ms() {
            // At least a moment: a keeper that cannot be reached is not asked without a pause.
            let wait_ms = at_ms.saturating_sub(inner.now_ms()).max(LEAST_PAUSE_MS);
            inner.platform.sleep(wait_ms).await;
            send(&inner, inner.limits.returns(inner.now_ms())).await;
        }
        inner.limits.return_unused.end();
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
            Ok(answers) => core.limits.answered(&questions, &answers, asked_ms),
            Err(error) => core.log("lease-failed", &error.to_string()),
        }
    }
}
