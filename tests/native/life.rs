//! One life of an object: from its opening to its eviction or crash.

use std::{
    cell::{Cell, RefCell},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use forebay_account::platform::{CallError, Task};
use tokio::{
    sync::{Notify, oneshot},
    task::{AbortHandle, spawn_local},
};

use super::{
    disk::Disk,
    planted::{self, Defect},
};

/// Something that leaves the object.
type Effect = Box<dyn FnOnce()>;

/// When in a turn an object dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Death {
    /// Nothing of the turn is on disk, and nothing of it has left.
    BeforeCommit,
    /// The turn is on disk, and nothing of it has left.
    AfterCommit,
}

pub(crate) struct Life {
    disk: Rc<Disk>,
    alarm_changed: Rc<Notify>,
    /// Why it ended.
    ended: RefCell<Option<CallError>>,
    doom: Cell<Option<(u64, Death)>>,
    /// How it ended, if in a turn.
    died: Cell<Option<Death>>,
    turns: Cell<u64>,
    /// The output gate: what waits for the commit.
    gate: RefCell<Vec<Effect>>,
    tasks: RefCell<Vec<AbortHandle>>,
}

impl Life {
    pub(super) fn new(disk: Rc<Disk>, alarm_changed: Rc<Notify>) -> Rc<Self> {
        Rc::new(Self {
            disk,
            alarm_changed,
            ended: RefCell::default(),
            doom: Cell::new(None),
            died: Cell::new(None),
            turns: Cell::new(0),
            gate: RefCell::default(),
            tasks: RefCell::default(),
        })
    }

    pub(crate) fn is_over(&self) -> bool {
        self.ended.borrow().is_some()
    }

    /// What callers are told who wait for an answer that cannot come.
    pub(crate) fn why(&self) -> CallError {
        self.ended.borrow().clone().unwrap_or_else(|| CallError::new("no answer"))
    }

    /// How it ended, if in a turn.
    pub(super) fn died(&self) -> Option<Death> {
        self.died.get()
    }

    /// How many turns it had.
    pub(crate) fn turns(&self) -> u64 {
        self.turns.get()
    }

    /// It dies in the `after`-th turn from here.
    pub(crate) fn doom(&self, after: u64, death: Death) {
        self.doom.set(Some((self.turns.get() + after.max(1), death)));
    }

    /// It does not, after all.
    pub(super) fn spare(&self) {
        self.doom.set(None);
    }

    /// Whether something of it goes on.
    pub(crate) fn is_busy(&self) -> bool {
        self.tasks.borrow().iter().any(|task| !task.is_finished())
    }

    /// Its tasks are dropped at once; what waits for a commit never leaves.
    pub(crate) fn end(&self, why: CallError) {
        self.ended.borrow_mut().get_or_insert(why);
        drop(self.gate.take());
        self.tasks.take().iter().for_each(AbortHandle::abort);
    }

    /// Something leaves the object when this turn is on disk.
    pub(super) fn out(&self, effect: impl FnOnce() + 'static) {
        self.gate.borrow_mut().push(Box::new(effect));
    }

    /// Begins something outside and waits for what comes of it. It begins behind the turn's commit, and goes on if the
    /// object dies.
    pub(super) fn ask<T: 'static>(
        self: &Rc<Self>,
        begin: impl FnOnce() -> Task<'static, T> + 'static,
    ) -> Task<'static, T> {
        let life = self.clone();
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            life.out(move || {
                spawn_local(async move { answer.send(begin().await) });
            });
            match answered.await {
                Ok(answer) => answer,
                Err(_) => std::future::pending().await,
            }
        })
    }

    /// Runs a task of the object, turn by turn.
    pub(super) fn spawn(self: &Rc<Self>, work: Task<'static, ()>) {
        if self.is_over() {
            return;
        }
        let task = spawn_local(Turns { life: self.clone(), work: Some(work) });
        let mut tasks = self.tasks.borrow_mut();
        if tasks.len() > 32 {
            tasks.retain(|task| !task.is_finished());
        }
        tasks.push(task.abort_handle());
    }

    /// What happens between two waits. `None` where the object died in it.
    ///
    /// Writes without an await between them are one, the alarm among them, and what leaves the object is held back until
    /// they are on disk: <https://developers.cloudflare.com/durable-objects/api/sqlite-storage-api/> and «output gates» in
    /// <https://blog.cloudflare.com/durable-objects-easy-fast-correct-choose-three/>.
    pub(super) fn turn<T>(&self, act: impl FnOnce() -> T) -> Option<T> {
        let turn = self.turns.get() + 1;
        self.turns.set(turn);
        self.disk.begin();
        let done = act();
        let death = self.doom.get().filter(|(at, _)| *at <= turn).map(|(_, death)| death);
        if death == Some(Death::BeforeCommit) {
            self.disk.roll_back();
        } else if self.disk.commit() {
            self.alarm_changed.notify_one();
        }
        if death.is_some() {
            self.died.set(death);
            if planted::is(Defect::GateOpen) {
                self.gate.take().into_iter().for_each(|effect| effect());
            }
            self.end(CallError { what: "the object was reset".to_owned(), overloaded: false, retryable: true });
            return None;
        }
        let leaving = self.gate.take();
        leaving.into_iter().for_each(|effect| effect());
        Some(done)
    }
}

/// A task of an object.
struct Turns {
    life: Rc<Life>,
    work: Option<Task<'static, ()>>,
}

impl Future for Turns {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let life = self.life.clone();
        let Some(work) = self.work.as_mut().filter(|_| !life.is_over()) else { return Poll::Ready(()) };
        let polled = life.turn(|| work.as_mut().poll(context)).unwrap_or(Poll::Ready(()));
        if polled.is_ready() {
            self.work = None;
        }
        polled
    }
}
