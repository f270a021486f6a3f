use crate::flags::Flags;
use core::fmt;

/// Where an accepted message stands in the order of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The next one.
    InOrder,
    /// Ahead: this many messages before it have not come (yet).
    #[doc(alias = "GSS_S_GAP_TOKEN")]
    Gap {
        /// How many are missing.
        missing: u64,
    },
    /// Behind a message that was sent later, and not seen before.
    #[doc(alias = "GSS_S_UNSEQ_TOKEN")]
    OutOfOrder,
    /// Neither replay nor sequence detection is on.
    NotChecked,
}

/// Why a message's sequence number is refused. Each kind is reported apart (RFC 2743 1.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderError {
    /// A message with this number was accepted before.
    #[doc(alias = "GSS_S_DUPLICATE_TOKEN")]
    Replayed,
    /// Too far back to tell whether it was accepted before.
    #[doc(alias = "GSS_S_OLD_TOKEN")]
    Old,
    /// Messages before it have not come, and the context keeps messages in sequence.
    #[doc(alias = "GSS_S_GAP_TOKEN")]
    Gap {
        /// How many are missing.
        missing: u64,
    },
}

impl fmt::Display for OrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OrderError::Replayed => f.write_str("replayed: a message with this sequence number was accepted before"),
            OrderError::Old => f.write_str("too old: its sequence number is more than 64 behind the newest"),
            OrderError::Gap { missing } => write!(f, "{missing} messages before it are missing"),
        }
    }
}

/// The receiver's memory of sequence numbers: the next one, and which of the 64 before it were seen.
///
/// With [`Flags::SEQUENCE`] only the very next number passes, and a number that is refused is not
/// remembered, so a message that came too early passes once its turn has come. With
/// [`Flags::REPLAY`] alone, every number passes once. With neither, nothing is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SequenceWindow {
    next: u64,
    /// Bit `n` is set if number `next - 1 - n` was seen. All are set at the start: nothing comes before the first.
    seen: u64,
    flags: Flags,
}

impl SequenceWindow {
    pub(crate) fn new(first: u64, flags: Flags) -> Self {
        SequenceWindow { next: first, seen: u64::MAX, flags }
    }

    pub(crate) fn resume(next: u64, seen: u64, flags: Flags) -> Self {
        SequenceWindow { seen, ..SequenceWindow::new(next, flags) }
    }

    /// The next number and the bits of those seen before it, for [`SequenceWindow::resume`].
    pub(crate) fn state(&self) -> (u64, u64) {
        (self.next, self.seen)
    }

    /// The flags that it was made with.
    pub(crate) fn flags(&self) -> Flags {
        self.flags
    }

    /// Judges a number whose message has already been verified, and remembers it if it passes.
    pub(crate) fn accept(&mut self, number: u64) -> Result<Order, OrderError> {
        if !self.flags.contains(Flags::REPLAY) && !self.flags.contains(Flags::SEQUENCE) {
            return Ok(Order::NotChecked);
        }
        let ahead = number.wrapping_sub(self.next);
        if ahead < 1 << 63 { self.accept_ahead(number, ahead) } else { self.accept_behind(number) }
    }

    fn accept_ahead(&mut self, number: u64, ahead: u64) -> Result<Order, OrderError> {
        if self.flags.contains(Flags::SEQUENCE) && ahead > 0 {
            return Err(OrderError::Gap { missing: ahead });
        }
        let skipped = u32::try_from(ahead).ok().and_then(|ahead| self.seen.checked_shl(ahead)).unwrap_or(0);
        self.seen = (skipped << 1) | 1;
        self.next = number.wrapping_add(1);
        Ok(if ahead == 0 { Order::InOrder } else { Order::Gap { missing: ahead } })
    }

    fn accept_behind(&mut self, number: u64) -> Result<Order, OrderError> {
        let back = self.next.wrapping_sub(number).wrapping_sub(1);
        let Some(bit) = u32::try_from(back).ok().and_then(|back| 1_u64.checked_shl(back)) else {
            return Err(OrderError::Old);
        };
        if self.seen & bit != 0 {
            return Err(OrderError::Replayed);
        }
        self.seen |= bit;
        Ok(Order::OutOfOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: u64 = 0xffff_fff0;

    fn window(flags: Flags) -> SequenceWindow {
        SequenceWindow::new(FIRST, flags)
    }

    #[test]
    fn replay_detection_reports_each_kind_apart() {
        let mut window = window(Flags::REPLAY);
        assert_eq!(window.accept(FIRST), Ok(Order::InOrder));
        assert_eq!(window.accept(FIRST), Err(OrderError::Replayed));
        assert_eq!(window.accept(FIRST + 3), Ok(Order::Gap { missing: 2 }));
        assert_eq!(window.accept(FIRST + 1), Ok(Order::OutOfOrder));
        assert_eq!(window.accept(FIRST + 1), Err(OrderError::Replayed));
        assert_eq!(window.accept(FIRST + 2), Ok(Order::OutOfOrder));
        assert_eq!(window.accept(FIRST + 4), Ok(Order::InOrder));
        assert_eq!(window.accept(FIRST + 104), Ok(Order::Gap { missing: 99 }));
        assert_eq!(window.accept(FIRST + 40), Err(OrderError::Old));
        assert_eq!(window.accept(FIRST + 41), Ok(Order::OutOfOrder));
    }

    #[test]
    fn a_number_before_the_first_never_passes() {
        let mut window = window(Flags::REPLAY);
        assert_eq!(window.accept(FIRST - 1), Err(OrderError::Replayed));
        assert_eq!(window.accept(FIRST - 64), Err(OrderError::Replayed));
        assert_eq!(window.accept(FIRST - 65), Err(OrderError::Old));
    }

    #[test]
    fn sequence_detection_lets_only_the_next_pass_and_forgets_what_it_refused() {
        let mut window = window(Flags::REPLAY | Flags::SEQUENCE);
        assert_eq!(window.accept(FIRST + 1), Err(OrderError::Gap { missing: 1 }));
        assert_eq!(window.accept(FIRST), Ok(Order::InOrder));
        assert_eq!(window.accept(FIRST + 1), Ok(Order::InOrder));
        assert_eq!(window.accept(FIRST), Err(OrderError::Replayed));
    }

    #[test]
    fn without_detection_all_pass() {
        let mut window = window(Flags::INTEGRITY);
        assert_eq!(window.accept(7), Ok(Order::NotChecked));
        assert_eq!(window.accept(7), Ok(Order::NotChecked));
    }

    #[test]
    fn wraps_around_the_end_of_64_bits() {
        let mut window = SequenceWindow::new(u64::MAX, Flags::REPLAY);
        assert_eq!(window.accept(u64::MAX), Ok(Order::InOrder));
        assert_eq!(window.accept(0), Ok(Order::InOrder));
        assert_eq!(window.accept(u64::MAX), Err(OrderError::Replayed));
    }

    #[test]
    fn a_window_resumes_where_it_was() {
        let mut window = window(Flags::REPLAY);
        window.accept(FIRST + 2).unwrap();
        let (next, seen) = window.state();
        assert_eq!(SequenceWindow::resume(next, seen, Flags::REPLAY), window);
    }
}
