use forebay_contract::catalog::Window;

use crate::civil::Month;

const DAY_MS: u64 = 86_400_000;

/// One window: from `start_ms` to before `end_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start_ms: u64,
    pub(super) end_ms: u64,
}

impl Span {
    /// The window that `now_ms` lies in: the calendar's day or month in UTC, or the multiple of its length.
    pub(super) fn of(window: Window, now_ms: u64) -> Self {
        match window {
            Window::Seconds(seconds) => Self::aligned(seconds.saturating_mul(1000), now_ms),
            Window::Day => Self::aligned(DAY_MS, now_ms),
            Window::Month => {
                let month = Month::of(now_ms / DAY_MS);
                Self {
                    start_ms: month.first_day().saturating_mul(DAY_MS),
                    end_ms: month.next().first_day().saturating_mul(DAY_MS),
                }
            }
        }
    }

    /// The multiple of `length_ms` that `now_ms` lies in.
    pub(super) fn aligned(length_ms: u64, now_ms: u64) -> Self {
        let length_ms = length_ms.max(1);
        let start_ms = now_ms - now_ms % length_ms;
        Self { start_ms, end_ms: start_ms.saturating_add(length_ms) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_begin_where_the_calendar_and_their_length_say() {
        // 2027-01-15T08:00:00Z.
        let now_ms = 1_800_000_000_000;
        for (window, now_ms, start_ms, end_ms) in [
            (Window::Seconds(1), now_ms + 999, now_ms, now_ms + 1000),
            (Window::Seconds(7 * 86_400), now_ms, 1_799_884_800_000, 1_800_489_600_000),
            (Window::Day, now_ms, 1_799_971_200_000, 1_800_057_600_000),
            (Window::Month, now_ms, 1_798_761_600_000, 1_801_440_000_000),
            // February of a leap year, its first and its last millisecond.
            (Window::Month, 1_706_745_600_000, 1_706_745_600_000, 1_709_251_200_000),
            (Window::Month, 1_709_251_199_999, 1_706_745_600_000, 1_709_251_200_000),
            (Window::Month, 0, 0, 2_678_400_000),
        ] {
            assert_eq!(Span::of(window, now_ms), Span { start_ms, end_ms }, "{window}");
        }
    }
}
