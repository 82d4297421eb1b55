use std::cell::Cell;

/// The alarm that is set, in milliseconds since the epoch; `None` where this life of the object knows of none.
#[derive(Debug, Default)]
pub struct Alarm(Cell<Option<u64>>);

impl Alarm {
    /// When it rings.
    pub fn at_ms(&self) -> Option<u64> {
        self.0.get()
    }

    /// It was set, or there is none any more.
    pub fn set(&self, at_ms: Option<u64>) {
        self.0.set(at_ms);
    }

    /// The platform has one from before: what this life has set since then counts where it is earlier.
    pub fn found(&self, at_ms: u64) {
        self.0.set(Some(self.0.get().map_or(at_ms, |set_ms| set_ms.min(at_ms))));
    }

    /// `due_ms` where the alarm that is set rings later, or none is set.
    pub fn too_late_for(&self, due_ms: Option<u64>) -> Option<u64> {
        due_ms.filter(|due_ms| self.0.get().is_none_or(|set_ms| *due_ms < set_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_is_set_anew_for_what_is_due_before_it() {
        let alarm = Alarm::default();
        assert_eq!((alarm.too_late_for(Some(9)), alarm.too_late_for(None)), (Some(9), None));
        alarm.set(Some(9));
        assert_eq!((alarm.too_late_for(Some(9)), alarm.too_late_for(Some(8))), (None, Some(8)));
        alarm.found(12);
        assert_eq!(alarm.at_ms(), Some(9));
        alarm.found(5);
        assert_eq!(alarm.at_ms(), Some(5));
    }
}
