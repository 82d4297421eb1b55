use std::fmt;

use forebay_contract::{Lane, catalog::Dimension};
use serde::{Deserialize, Serialize};

/// What a shared limit counts together: each has a Lane object of its own, so that none is on every request's path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// Everybody's jobs of one model.
    Model(String),
    /// Everybody's jobs in one lane.
    Lane(Lane),
    /// Everybody's jobs.
    Global,
}

impl Scope {
    /// The scope of a limit of this dimension for a job; `None` when the limit is not shared.
    pub fn of(dimension: Dimension, model: &str, lane: Lane) -> Option<Self> {
        match dimension {
            Dimension::Model => Some(Self::Model(model.to_owned())),
            Dimension::Lane => Some(Self::Lane(lane)),
            Dimension::Global => Some(Self::Global),
            Dimension::Account | Dimension::Key | Dimension::Ip | Dimension::Endpoint => None,
        }
    }
}

/// The name of the object.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Model(name) => write!(f, "model:{name}"),
            Self::Lane(lane) => write!(f, "lane:{lane}"),
            Self::Global => f.write_str("global"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shared_dimension_has_a_scope_and_no_other() {
        for (dimension, expect) in [
            (Dimension::Account, None),
            (Dimension::Ip, None),
            (Dimension::Model, Some("model:m")),
            (Dimension::Lane, Some("lane:free-heavy")),
            (Dimension::Global, Some("global")),
        ] {
            let scope = Scope::of(dimension, "m", Lane::FREE_HEAVY);
            assert_eq!(scope.is_some(), dimension.is_shared());
            assert_eq!(scope.map(|scope| scope.to_string()).as_deref(), expect);
        }
    }
}
