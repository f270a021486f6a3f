//! Interleaved passes, the best of each contender.

use crate::contender::{Contender, Handshakes, Operation, Result};
use handfast_interop::Enctype;
use std::time::{Duration, Instant};

/// Tokens prepared at one time are at most this many bytes of message.
const MAX_PREPARED: usize = 16 << 20;

/// What is measured in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Contexts set up.
    Handshakes(Handshakes),
    /// One operation on messages of one size.
    Messages {
        /// The encryption type of the context.
        enctype: Enctype,
        /// The operation.
        operation: Operation,
        /// Bytes per message.
        size: usize,
    },
}

/// How long to measure.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Passes of each contender.
    pub rounds: usize,
    /// How long one pass shall take, about.
    pub pass: Duration,
}

/// Seconds per item of `work` for each contender, the best of its passes.
///
/// Passes alternate between the contenders. How many items a pass has is found per contender beforehand.
pub fn compare(contenders: &mut [Box<dyn Contender>], work: Work, plan: Plan) -> Result<Vec<f64>> {
    let mut counts = Vec::new();
    for contender in contenders.iter_mut() {
        counts.push(calibrate(contender.as_mut(), work, plan.pass)?);
    }
    let mut best = vec![f64::INFINITY; contenders.len()];
    for _ in 0..plan.rounds.max(1) {
        for ((contender, count), best) in contenders.iter_mut().zip(&counts).zip(&mut best) {
            *best = best.min(seconds_per_item(pass(contender.as_mut(), work, *count)?, *count));
        }
    }
    Ok(best)
}

/// The number of items that take about `aim`: doubled until a pass takes half of it or the limit is reached.
fn calibrate(contender: &mut dyn Contender, work: Work, aim: Duration) -> Result<usize> {
    let mut count = 1;
    while count < limit(work) && pass(contender, work, count)? < aim / 2 {
        count *= 2;
    }
    Ok(count.min(limit(work)))
}

fn limit(work: Work) -> usize {
    match work {
        Work::Handshakes(_) => 1 << 20,
        Work::Messages { size, .. } => (MAX_PREPARED / size.max(1)).clamp(1, 1 << 16),
    }
}

fn pass(contender: &mut dyn Contender, work: Work, count: usize) -> Result<Duration> {
    match work {
        Work::Handshakes(how) => timed(|| contender.handshakes(how, count)),
        Work::Messages { enctype, operation, size } => {
            let message: Vec<u8> = (0..=u8::MAX).cycle().take(size).collect();
            let mut pair = contender.pair(enctype)?;
            pair.prepare(operation, &message, count)?;
            timed(|| pair.run(operation, &message, count))
        }
    }
}

fn timed(run: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let start = Instant::now();
    run()?;
    Ok(start.elapsed())
}

#[allow(clippy::as_conversions, reason = "a count of at most 2^20 is exact in a double")]
fn seconds_per_item(time: Duration, count: usize) -> f64 {
    time.as_secs_f64() / count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contender::Pair;
    use std::cell::RefCell;
    use std::rc::Rc;

    type Log = Rc<RefCell<Vec<(&'static str, usize)>>>;

    struct Scripted(&'static str, Log);

    impl Contender for Scripted {
        fn name(&self) -> &'static str {
            self.0
        }
        fn handshakes(&mut self, _: Handshakes, count: usize) -> Result<()> {
            self.1.borrow_mut().push((self.0, count));
            Ok(())
        }
        fn pair(&mut self, _: Enctype) -> Result<Box<dyn Pair>> {
            Err("no pair".into())
        }
    }

    fn scripted() -> (Vec<Box<dyn Contender>>, Log) {
        let log = Log::default();
        (vec![Box::new(Scripted("A", log.clone())), Box::new(Scripted("B", log.clone()))], log)
    }

    #[test]
    fn passes_alternate() {
        let (mut contenders, log) = scripted();
        let work = Work::Handshakes(Handshakes::plain(Enctype::Aes256Sha1));
        let plan = Plan { rounds: 3, pass: Duration::ZERO };
        assert_eq!(compare(&mut contenders, work, plan).unwrap().len(), 2);
        let order: String = log.borrow().iter().map(|(name, _)| *name).collect();
        assert!(order.ends_with("ABABAB"), "{order}");
    }

    #[test]
    fn a_failure_ends_the_run() {
        let (mut contenders, _) = scripted();
        let work = Work::Messages { enctype: Enctype::Aes256Sha1, operation: Operation::Seal, size: 64 };
        let error = compare(&mut contenders, work, Plan { rounds: 1, pass: Duration::ZERO }).unwrap_err();
        assert_eq!(error.to_string(), "no pair");
    }

    #[test]
    fn prepared_tokens_are_bounded() {
        let of_size = |size| limit(Work::Messages { enctype: Enctype::Aes256Sha1, operation: Operation::Unseal, size });
        assert_eq!(of_size(64), 1 << 16);
        assert_eq!(of_size(1 << 16), 256);
        assert_eq!(of_size(1 << 30), 1);
    }
}
