//! What `Account` and `Lane` do between the runtime and their insides.

use std::rc::Rc;

use forebay_edge::inside::{Core, LaneCore, Platform, Result, answer, answer_lane, ring};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Account,
    Lane,
}

#[derive(Clone)]
pub(super) enum Inside {
    Account(Rc<Core>),
    Lane(Rc<LaneCore>),
}

impl Inside {
    pub(super) fn open(class: Class, platform: Rc<dyn Platform>) -> Result<Self> {
        Ok(match class {
            Class::Account => Self::Account(Core::open(platform)?),
            Class::Lane => Self::Lane(LaneCore::open(platform)?),
        })
    }

    pub(super) async fn answer(&self, call: &str) -> Result<String> {
        match self {
            Self::Account(core) => answer(core, call).await,
            Self::Lane(core) => answer_lane(core, call).await,
        }
    }

    pub(super) async fn alarm(&self) -> Result<()> {
        match self {
            Self::Account(core) => ring(core).await,
            Self::Lane(core) => core.sweep().await,
        }
    }
}
