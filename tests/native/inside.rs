//! What `Account` and `Lane` do between the runtime and their insides.

use std::rc::Rc;

use forebay_account::{
    Core, LaneCore, Life, answer, answer_lane,
    platform::{Platform, Result},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Account,
    Lane,
}

#[derive(Clone)]
pub(super) enum Inside {
    Account(Rc<Life<Core>>),
    Lane(Rc<Life<LaneCore>>),
}

impl Inside {
    pub(super) fn new(class: Class, platform: Rc<dyn Platform>) -> Self {
        match class {
            Class::Account => Self::Account(Rc::new(Life::new(platform))),
            Class::Lane => Self::Lane(Rc::new(Life::new(platform))),
        }
    }

    pub(super) async fn answer(&self, call: &str) -> Result<String> {
        match self {
            Self::Account(life) => answer(life.inside()?, call.to_owned()).await,
            Self::Lane(life) => answer_lane(life.inside()?, call.to_owned()).await,
        }
    }

    pub(super) async fn alarm(&self) -> Result<()> {
        match self {
            Self::Account(life) => life.ring().await,
            Self::Lane(life) => life.ring().await,
        }
    }

    /// The inside of an Account object; none of a Lane object.
    pub(super) fn account(&self) -> Result<Option<Rc<Core>>> {
        match self {
            Self::Account(life) => life.inside().map(Some),
            Self::Lane(_) => Ok(None),
        }
    }
}
