//! An object over all its lives.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use forebay_account::platform::{CallError, Result, Rows, Task};
use tokio::{
    sync::{Notify, oneshot},
    task::spawn_local,
};

use super::{
    disk::Disk,
    inside::{Class, Inside},
    life::{Death, Life},
    platform::Native,
    runtime::since_start_ms,
    socket::NativeSocket,
    world::World,
};

/// «After 10 seconds of inactivity» an object is put to sleep, if nothing goes on in it:
/// <https://developers.cloudflare.com/durable-objects/concepts/durable-object-lifecycle/>.
const IDLE_MS: u64 = 10_000;

pub(crate) struct Object {
    name: String,
    class: Class,
    pub(super) world: Rc<dyn World>,
    /// What outlives its lives.
    pub(crate) disk: Rc<Disk>,
    pub(super) alarm_changed: Rc<Notify>,
    pub(super) sockets: RefCell<Vec<Rc<NativeSocket>>>,
    living: RefCell<Option<Living>>,
    lives: Cell<u64>,
    /// Alarms that failed too often, and when.
    pub(super) abandoned_ms: RefCell<Vec<u64>>,
    /// When its handler was rung.
    pub(super) rung_ms: RefCell<Vec<u64>>,
}

struct Living {
    life: Rc<Life>,
    inside: Inside,
    used_ms: u64,
}

impl Object {
    /// One that nobody has called yet. Its alarms ring from now on.
    pub(crate) fn new(class: Class, name: &str, world: Rc<dyn World>) -> Rc<Self> {
        let object = Rc::new(Self {
            name: name.to_owned(),
            class,
            world,
            disk: Rc::new(Disk::new()),
            alarm_changed: Rc::default(),
            sockets: RefCell::default(),
            living: RefCell::default(),
            lives: Cell::new(0),
            abandoned_ms: RefCell::default(),
            rung_ms: RefCell::default(),
        });
        spawn_local(object.clone().alarms());
        object
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn is_lane(&self) -> bool {
        self.class == Class::Lane
    }

    /// What it answers. Its work goes on when nobody waits for the answer any more.
    pub(crate) async fn ask(self: &Rc<Self>, call: &str) -> std::result::Result<String, CallError> {
        let call = call.to_owned();
        let answered = self.call(move |inside| Box::pin(async move { inside.answer(&call).await })).await?;
        answered.map_err(|error| CallError::new(error.to_string()))
    }

    /// Runs the alarm's handler now, beside whatever alarm is set.
    pub(crate) async fn ring(self: &Rc<Self>) -> std::result::Result<Result<()>, CallError> {
        self.rung_ms.borrow_mut().push(since_start_ms());
        self.call(move |inside| Box::pin(async move { inside.alarm().await })).await
    }

    /// Whether it is awake, and how many turns it had since it woke up.
    pub(crate) fn turns(&self) -> Option<u64> {
        self.life().map(|life| life.turns())
    }

    /// How often it was opened.
    pub(crate) fn lives(&self) -> u64 {
        self.lives.get()
    }

    /// When alarms were given up, in milliseconds since the start.
    pub(crate) fn abandoned_ms(&self) -> Vec<u64> {
        self.abandoned_ms.borrow().clone()
    }

    /// When its alarm's handler was begun, in milliseconds since the start.
    pub(crate) fn rung_ms(&self) -> Vec<u64> {
        self.rung_ms.borrow().clone()
    }

    /// It crashes, or is moved to another machine: its memory, its tasks and its sockets are gone.
    pub(crate) fn kill(&self) {
        let why = CallError { what: "the object was moved".to_owned(), overloaded: false, retryable: true };
        if let Some(living) = self.living.take() {
            living.life.end(why);
            self.world.died(&self.name, living.life.died());
        }
        self.sockets.take().iter().for_each(|socket| socket.cut());
    }

    /// Its alarm is set no more, as one that was given up.
    pub(crate) fn lose_alarm(&self) {
        self.disk.take_alarm();
        self.alarm_changed.notify_one();
    }

    /// It is put to sleep: its memory is gone, its sockets stay.
    pub(crate) fn sleep(&self) {
        if let Some(life) = self.living.take() {
            life.life.end(CallError::new("the object sleeps"));
        }
    }

    /// It dies in the `after`-th turn from now.
    pub(crate) fn doom(self: &Rc<Self>, after: u64, death: Death) {
        if let Ok((life, _)) = self.awake() {
            life.doom(after, death);
        }
    }

    /// It does not die, after all.
    pub(crate) fn spare(&self) {
        if let Some(life) = self.life() {
            life.spare();
        }
    }

    /// What a statement says of what is on its disk.
    pub(crate) fn sql(&self, statement: &str) -> String {
        self.disk.sql(statement, Vec::new(), Rows::Plain).expect("a statement of the test's own")
    }

    fn life(&self) -> Option<Rc<Life>> {
        self.living.borrow().as_ref().map(|living| living.life.clone()).filter(|life| !life.is_over())
    }

    /// Does something in the object, which is opened if it sleeps; the answer leaves it behind its turn's commit.
    pub(super) fn call<T: 'static>(
        self: &Rc<Self>,
        work: impl FnOnce(Inside) -> Task<'static, T>,
    ) -> Task<'static, std::result::Result<T, CallError>> {
        let (life, inside) = match self.awake() {
            Ok(awake) => awake,
            Err(error) => return Box::pin(async { Err(error) }),
        };
        let (answer, answered) = oneshot::channel();
        let (work, living) = (work(inside), life.clone());
        life.spawn(Box::pin(async move {
            let done = work.await;
            living.out(move || drop(answer.send(done)));
        }));
        Box::pin(async move { answered.await.map_err(|_| life.why()) })
    }

    pub(super) fn awake(self: &Rc<Self>) -> std::result::Result<(Rc<Life>, Inside), CallError> {
        let now_ms = since_start_ms();
        let is_idle = |living: &Living| !living.life.is_busy() && now_ms.saturating_sub(living.used_ms) >= IDLE_MS;
        if self.living.borrow().as_ref().is_some_and(is_idle) {
            self.sleep();
        }
        if self.life().is_none() {
            // Whoever died in a turn has left its sockets.
            if self.living.borrow().is_some() {
                self.kill();
            }
            self.open();
        }
        let mut living = self.living.borrow_mut();
        let Some(living) = living.as_mut() else { return Err(CallError::new("the object did not open")) };
        living.used_ms = now_ms;
        Ok((living.life.clone(), living.inside.clone()))
    }

    fn open(self: &Rc<Self>) {
        self.lives.set(self.lives.get() + 1);
        let life = Life::new(self.disk.clone(), self.alarm_changed.clone());
        let platform = Rc::new(Native::new(self.clone(), life.clone()));
        let inside = Inside::new(self.class, platform);
        self.living.replace(Some(Living { life, inside, used_ms: since_start_ms() }));
    }
}
