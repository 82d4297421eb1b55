//! The life of an object between the runtime's calls: opened when it is first needed, and again after a failure.

use std::{cell::RefCell, rc::Rc};

use super::{alarm, core::Core, due::FALLBACK_MS};
use crate::{
    lane::LaneCore,
    platform::{Platform, Result, Task},
};

/// What an object is made of.
pub trait Inside: Sized {
    /// Reads it from what is stored.
    fn open(platform: Rc<dyn Platform>) -> Result<Rc<Self>>;

    /// What it does when its alarm rings.
    fn ring(self: Rc<Self>) -> Task<'static, Result<()>>;
}

impl Inside for Core {
    fn open(platform: Rc<dyn Platform>) -> Result<Rc<Self>> {
        Self::open(platform)
    }

    fn ring(self: Rc<Self>) -> Task<'static, Result<()>> {
        Box::pin(async move { alarm::ring(&self).await })
    }
}

impl Inside for LaneCore {
    fn open(platform: Rc<dyn Platform>) -> Result<Rc<Self>> {
        Self::open(platform)
    }

    fn ring(self: Rc<Self>) -> Task<'static, Result<()>> {
        Box::pin(async move { LaneCore::ring(&self).await })
    }
}

/// One object, from the moment at which the runtime makes it.
pub struct Life<T> {
    platform: Rc<dyn Platform>,
    inside: RefCell<Option<Rc<T>>>,
}

impl<T: Inside> Life<T> {
    /// Not opened yet: a constructor cannot fail, and what fails in it would fail for as long as the object lives.
    pub fn new(platform: Rc<dyn Platform>) -> Self {
        Self { platform, inside: RefCell::new(None) }
    }

    /// What it is made of.
    pub fn inside(&self) -> Result<Rc<T>> {
        if let Some(inside) = &*self.inside.borrow() {
            return Ok(inside.clone());
        }
        let inside = T::open(self.platform.clone())?;
        Ok(self.inside.borrow_mut().insert(inside).clone())
    }

    /// The alarm, also of an object that cannot be opened at the moment.
    pub async fn ring(&self) -> Result<()> {
        match self.inside() {
            Ok(inside) => inside.ring().await,
            Err(error) => {
                self.platform.log("object-not-opened", &error.to_string());
                self.platform.set_alarm(Some(self.platform.now_ms().saturating_add(FALLBACK_MS))).await
            }
        }
    }
}
