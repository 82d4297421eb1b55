//! The line of submissions that wait for a limit: first come, first served.

use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use futures_channel::oneshot::{Receiver, Sender, channel};

use super::turn::Expected;

/// The most submissions that wait in one object; more are refused at once.
const MOST: usize = 100;

/// Who waits, in order. The first is not told anything: it is its turn.
#[derive(Debug, Default)]
pub struct Line(RefCell<VecDeque<Waiting>>);

#[derive(Debug)]
struct Waiting {
    number: u64,
    turn: Sender<()>,
    expected: Expected,
}

/// A place in the line; leaving it, in whatever way, is the next one's turn.
#[derive(Debug)]
pub struct Place {
    line: Rc<Line>,
    number: u64,
    /// Ends when it is this one's turn; `None` when it is already.
    pub turn: Option<Receiver<()>>,
}

impl Line {
    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// When the last of it is expected to pass.
    pub fn expected(&self) -> Option<Expected> {
        self.0.borrow().back().map(|last| last.expected.clone())
    }

    /// A place at the end for who is `expected` to pass then, or `None` when the line is too long already.
    pub fn join(self: &Rc<Self>, expected: Expected) -> Option<Place> {
        let mut line = self.0.borrow_mut();
        if line.len() >= MOST {
            return None;
        }
        let (sender, receiver) = channel();
        let number = line.back().map_or(0, |last| last.number + 1);
        let turn = (!line.is_empty()).then_some(receiver);
        line.push_back(Waiting { number, turn: sender, expected });
        Some(Place { line: self.clone(), number, turn })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut line = self.line.0.borrow_mut();
        let was_first = line.front().is_some_and(|first| first.number == self.number);
        line.retain(|waiting| waiting.number != self.number);
        if was_first && let Some(first) = line.front_mut() {
            // The place stays; only its sender is used up.
            let sender = std::mem::replace(&mut first.turn, channel().0);
            // Who has given up meanwhile leaves by itself.
            let _: Result<(), ()> = sender.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some_time() -> Expected {
        Expected { at_ms: 0, buckets: Default::default() }
    }

    /// Whether it is the place's turn.
    fn is_first(place: &mut Place) -> bool {
        place.turn.as_mut().is_none_or(|turn| matches!(turn.try_recv(), Ok(Some(()))))
    }

    #[test]
    fn turns_come_in_order_and_leaving_the_middle_changes_nothing() {
        let line = Rc::new(Line::default());
        let [mut first, mut second, mut third, mut fourth] = [(); 4].map(|()| line.join(some_time()).unwrap());
        assert_eq!([&mut first, &mut second, &mut third].map(is_first), [true, false, false]);
        drop(second);
        assert!(!is_first(&mut third));
        drop(first);
        assert!(is_first(&mut third));
        assert!(!is_first(&mut fourth));
        drop(third);
        assert!(is_first(&mut fourth));
        drop(fourth);
        assert!(line.is_empty());
    }

    #[test]
    fn the_line_has_an_end() {
        let line = Rc::new(Line::default());
        let places: Vec<Place> = std::iter::from_fn(|| line.join(some_time())).collect();
        assert_eq!(places.len(), MOST);
        drop(places);
        assert!(line.join(some_time()).is_some());
    }
}
