/// What a standard SQS queue reserves itself: any order, and now and then one delivery more.
pub struct Disorder {
    random: Box<dyn FnMut() -> u64 + Send>,
    doubles_per_mille: u64,
}

impl Disorder {
    /// Messages come in the order that `random` gives, and of a thousand deliveries `doubles_per_mille` leave their
    /// message visible, so that another receiver gets it too.
    pub fn new(random: impl FnMut() -> u64 + Send + 'static, doubles_per_mille: u64) -> Self {
        Self { random: Box::new(random), doubles_per_mille }
    }

    /// Fisher and Yates; the remainder favours low positions by less than one in 2^50.
    pub(super) fn shuffle(&mut self, positions: &mut [usize]) {
        for end in (1..positions.len()).rev() {
            let other = (self.random)() % (end as u64 + 1);
            positions.swap(end, usize::try_from(other).unwrap_or(end));
        }
    }

    pub(super) fn doubles(&mut self) -> bool {
        (self.random)() % 1000 < self.doubles_per_mille
    }
}
