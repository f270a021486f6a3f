//! Interleaved passes, the best of each contender.

use crate::contender::{Contender, Exchange, Handshakes, NotThisWay, Operation, Package, Past, Result, Way};
use handfast_interop::Enctype;
use std::time::{Duration, Instant};

/// Tokens prepared at one time are at most this many bytes of message.
const MAX_PREPARED: usize = 16 << 20;

/// So many pairs of contexts are kept to find out what one takes.
const PAIRS: usize = 512;

/// What is measured in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Contexts set up, on so many threads.
    Handshakes(Handshakes, usize),
    /// How much faster two threads set up contexts than one.
    Scaling(Handshakes),
    /// One operation on messages of one size.
    Messages {
        /// What made the context.
        package: Package,
        /// The operation.
        operation: Operation,
        /// Bytes per message.
        size: usize,
    },
    /// Bytes of heap that both sides of a context take.
    HeapOfPair(Package, Past),
    /// The first context of a process.
    FirstContext(Enctype),
    /// Keys made from passwords.
    StringToKey(Enctype),
    /// Requests that a KDC grants.
    Kdc(Exchange, Way),
}

/// How long to measure.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Passes of each contender.
    pub rounds: usize,
    /// How long one pass shall take, about.
    pub pass: Duration,
}

/// What `work` costs each contender: seconds per item, bytes, or the part of the time that two threads take. It is not a
/// number if a contender can't do it.
pub fn compare(contenders: &mut [Box<dyn Contender>], work: Work, plan: Plan) -> Result<Vec<f64>> {
    match work {
        Work::Scaling(how) => {
            let one = fastest(contenders, Work::Handshakes(how, 1), plan)?;
            let two = fastest(contenders, Work::Handshakes(how, 2), plan)?;
            Ok(one.iter().zip(&two).map(|(one, two)| two / one).collect())
        }
        Work::HeapOfPair(package, past) => contenders
            .iter_mut()
            .map(|contender| match possible(contender.heap_of_pairs(package, past, PAIRS))? {
                Some(heap) => Ok(per_item(exact(heap), PAIRS)),
                None => Ok(f64::NAN),
            })
            .collect(),
        _ => fastest(contenders, work, plan),
    }
}

/// Seconds per item of `work` for each contender, the best of its passes.
///
/// Passes alternate between the contenders. How many items a pass has is found per contender beforehand.
fn fastest(contenders: &mut [Box<dyn Contender>], work: Work, plan: Plan) -> Result<Vec<f64>> {
    let mut counts = Vec::new();
    for contender in contenders.iter_mut() {
        counts.push(possible(calibrate(contender.as_mut(), work, plan.pass))?);
    }
    let mut best: Vec<f64> = counts.iter().map(|count| count.map_or(f64::NAN, |_| f64::INFINITY)).collect();
    for _ in 0..plan.rounds.max(1) {
        for ((contender, count), best) in contenders.iter_mut().zip(&counts).zip(&mut best) {
            let Some(count) = count else { continue };
            let seconds = pass(contender.as_mut(), work, *count)?.as_secs_f64();
            *best = best.min(per_item(seconds, *count * threads(work)));
        }
    }
    Ok(best)
}

/// `None` for what a contender can't do.
fn possible<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Err(error) if error.is::<NotThisWay>() => Ok(None),
        result => result.map(Some),
    }
}

/// The number of items that take about `aim`: doubled until a pass takes half of it or the limit is reached.
///
/// The very first pass isn't looked at: it gets tickets and reads files.
fn calibrate(contender: &mut dyn Contender, work: Work, aim: Duration) -> Result<usize> {
    let mut count = 1;
    pass(contender, work, count)?;
    while count < limit(work) && pass(contender, work, count)? < aim / 2 {
        count *= 2;
    }
    Ok(count.min(limit(work)))
}

fn limit(work: Work) -> usize {
    match work {
        Work::Messages { size, .. } => (MAX_PREPARED / size.max(1)).clamp(1, 1 << 16),
        Work::FirstContext(_) => 1,
        Work::Kdc(..) => 2048,
        _ => 1 << 20,
    }
}

fn threads(work: Work) -> usize {
    if let Work::Handshakes(_, threads) = work { threads } else { 1 }
}

fn pass(contender: &mut dyn Contender, work: Work, count: usize) -> Result<Duration> {
    match work {
        Work::Handshakes(how, threads) => timed(|| contender.handshakes(how, threads, count)),
        Work::StringToKey(enctype) => timed(|| contender.string_to_key(enctype, count)),
        Work::FirstContext(enctype) => contender.first_context(enctype),
        Work::Kdc(exchange, way) => contender.kdc(exchange, way, count),
        Work::Messages { package, operation, size } => {
            let message: Vec<u8> = (0..=u8::MAX).cycle().take(size).collect();
            let mut pair = contender.pair(package)?;
            pair.prepare(operation, &message, count)?;
            timed(|| pair.run(operation, &message, count))
        }
        Work::Scaling(_) | Work::HeapOfPair(..) => Err("measured by other means".into()),
    }
}

fn timed(run: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let start = Instant::now();
    run()?;
    Ok(start.elapsed())
}

fn per_item(total: f64, count: usize) -> f64 {
    total / exact(count)
}

#[allow(clippy::as_conversions, reason = "counts and sizes here are exact in a double")]
fn exact(count: usize) -> f64 {
    count as f64
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
        fn handshakes(&mut self, _: Handshakes, _: usize, count: usize) -> Result<()> {
            self.1.borrow_mut().push((self.0, count));
            Ok(())
        }
        fn heap_of_pairs(&mut self, package: Package, _: Past, count: usize) -> Result<usize> {
            if self.0 == "A" && package == Package::Ntlm { Err(NotThisWay.into()) } else { Ok(1000 * count) }
        }
        fn first_context(&mut self, _: Enctype) -> Result<Duration> {
            Ok(Duration::from_secs(3))
        }
        fn string_to_key(&mut self, _: Enctype, _: usize) -> Result<()> {
            Ok(())
        }
        fn kdc(&mut self, _: Exchange, way: Way, _: usize) -> Result<Duration> {
            if self.0 == "B" || way == Way::Udp { Ok(Duration::from_secs(1)) } else { Err(NotThisWay.into()) }
        }
        fn pair(&mut self, _: Package) -> Result<Box<dyn Pair>> {
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
        let work = Work::Handshakes(Handshakes::plain(Enctype::Aes256Sha1), 1);
        let plan = Plan { rounds: 3, pass: Duration::ZERO };
        assert_eq!(compare(&mut contenders, work, plan).unwrap().len(), 2);
        let order: String = log.borrow().iter().map(|(name, _)| *name).collect();
        assert!(order.ends_with("ABABAB"), "{order}");
    }

    #[test]
    fn bytes_and_the_time_of_another_process_are_taken_as_they_are() {
        let (mut contenders, _) = scripted();
        let plan = Plan { rounds: 1, pass: Duration::ZERO };
        let heap = compare(&mut contenders, Work::HeapOfPair(Enctype::Aes256Sha1.into(), Past::Fresh), plan).unwrap();
        assert_eq!(heap, [1000.0, 1000.0]);
        assert_eq!(compare(&mut contenders, Work::FirstContext(Enctype::Aes256Sha1), plan).unwrap(), [3.0, 3.0]);
    }

    #[test]
    fn what_a_contender_cannot_do_has_no_figure() {
        let (mut contenders, _) = scripted();
        let plan = Plan { rounds: 1, pass: Duration::ZERO };
        let costs = compare(&mut contenders, Work::Kdc(Exchange::As, Way::Call), plan).unwrap();
        assert!(costs[0].is_nan() && costs[1] == 1.0, "{costs:?}");
        let heap = compare(&mut contenders, Work::HeapOfPair(Package::Ntlm, Past::Fresh), plan).unwrap();
        assert!(heap[0].is_nan() && heap[1] == 1000.0, "{heap:?}");
    }

    #[test]
    fn a_failure_ends_the_run() {
        let (mut contenders, _) = scripted();
        let work = Work::Messages { package: Package::Ntlm, operation: Operation::Seal, size: 64 };
        let error = compare(&mut contenders, work, Plan { rounds: 1, pass: Duration::ZERO }).unwrap_err();
        assert_eq!(error.to_string(), "no pair");
    }

    #[test]
    fn prepared_tokens_are_bounded() {
        let of_size = |size| limit(Work::Messages { package: Package::Ntlm, operation: Operation::Unseal, size });
        assert_eq!(of_size(64), 1 << 16);
        assert_eq!(of_size(1 << 16), 256);
        assert_eq!(of_size(1 << 30), 1);
    }
}
