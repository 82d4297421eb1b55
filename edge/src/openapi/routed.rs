//! The table against the router.

use std::{collections::BTreeSet, iter};

use super::{Schemas, paths};
use crate::{admission::webhook::Action, routes::Route};

/// The kind after this one. Whoever adds a route adds it here: else this does not compile.
fn after(route: Route<'static>) -> Option<Route<'static>> {
    let id = "x";
    Some(match route {
        Route::Health => Route::Models,
        Route::Models => Route::Jobs,
        Route::Jobs => Route::Submit,
        Route::Submit => Route::Plan,
        Route::Plan => Route::Quota,
        Route::Quota => Route::SubmitBare { model: id },
        Route::SubmitBare { .. } => Route::Job { id },
        Route::Job { .. } => Route::Result { id },
        Route::Result { .. } => Route::Cancel { id },
        Route::Cancel { .. } => Route::Retry { id },
        Route::Retry { .. } => Route::JobEvents { id },
        Route::JobEvents { .. } => Route::Events,
        Route::Events => Route::Usage,
        Route::Usage => Route::Lanes,
        Route::Lanes => Route::Webhooks { action: Action::List, id, delivery: id },
        Route::Webhooks { action, .. } => match after_action(action) {
            Some(action) => Route::Webhooks { action, id, delivery: id },
            None => Route::Reports,
        },
        Route::Reports => Route::CatalogGet,
        Route::CatalogGet => Route::CatalogPut,
        Route::CatalogPut => Route::CatalogDelete,
        Route::CatalogDelete => Route::KeyList,
        Route::KeyList => Route::KeyCreate,
        Route::KeyCreate => Route::KeyRotate { id },
        Route::KeyRotate { .. } => Route::KeyRevoke { id },
        Route::KeyRevoke { .. } => return None,
    })
}

fn after_action(action: Action) -> Option<Action> {
    Some(match action {
        Action::List => Action::Create,
        Action::Create => Action::Get,
        Action::Get => Action::Change,
        Action::Change => Action::Delete,
        Action::Delete => Action::Rotate,
        Action::Rotate => Action::Test,
        Action::Test => Action::Deliveries,
        Action::Deliveries => Action::Replay,
        Action::Replay => return None,
    })
}

/// Whatever it names.
fn kind(route: Route<'_>) -> String {
    if let Route::Webhooks { action, .. } = route {
        return format!("Webhooks{action:?}");
    }
    format!("{route:?}").chars().take_while(|c| c.is_alphanumeric()).collect()
}

#[test]
fn every_operation_is_routed_and_every_route_described() {
    let mut described = Vec::new();
    let mut ids = BTreeSet::new();
    for operation in paths::operations(&mut Schemas::new()) {
        let segments: Vec<&str> =
            operation.path.split('/').map(|segment| if segment.starts_with('{') { "x" } else { segment }).collect();
        let path = segments.join("/");
        let route = Route::of(operation.method, &path)
            .unwrap_or_else(|refusal| panic!("{} {}: {}", operation.method, operation.path, refusal.detail));
        // One page has two addresses.
        let address =
            operation.path.strip_prefix("/internal").filter(|_| route == Route::Lanes).unwrap_or(operation.path);
        assert_eq!(route.pattern(), address);
        assert!(ids.insert(operation.id), "two operations are called {}", operation.id);
        described.push(kind(route));
    }
    for route in iter::successors(Some(Route::Health), |route| after(*route)) {
        assert!(described.contains(&kind(route)), "{route:?} is not described");
    }
}
