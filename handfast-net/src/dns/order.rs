use handfast::crypto::{Random, RandomError};

use super::message::Record;

/// Puts records in the order in which RFC 2782 has them tried: by priority, and among those of one priority at random, a heavier one
/// sooner rather than later.
pub(super) fn order(mut records: Vec<Record>, random: &dyn Random) -> Result<Vec<Record>, RandomError> {
    // Within a priority, those of weight 0 first ("Usage rules").
    records.sort_by_key(|record| (record.priority, record.weight != 0));
    let mut ordered = Vec::with_capacity(records.len());
    while let Some(first) = records.first() {
        let priority = first.priority;
        let group = || records.iter().take_while(|record| record.priority == priority);
        let sum: u64 = group().map(|record| u64::from(record.weight)).sum();
        let chosen = below(sum + 1, random)?;
        let mut running = 0;
        let at = group().position(|record| {
            running += u64::from(record.weight);
            running >= chosen
        });
        ordered.push(records.remove(at.unwrap_or_default()));
    }
    Ok(ordered)
}

/// A number under `limit`. The limit is far under 2⁶⁴, so that none is noticeably more likely.
fn below(limit: u64, random: &dyn Random) -> Result<u64, RandomError> {
    let mut bytes = [0; 8];
    random.fill(&mut bytes)?;
    Ok(u64::from_be_bytes(bytes).checked_rem(limit).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// Gives the numbers 0, 1, 2 …
    struct Counting(AtomicU64);

    impl Random for Counting {
        fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
            out.copy_from_slice(&self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes());
            Ok(())
        }
    }

    fn record(priority: u16, weight: u16, target: &str) -> Record {
        Record { priority, weight, port: 88, target: target.to_owned() }
    }

    fn targets(records: &[Record]) -> Vec<&str> {
        records.iter().map(|record| record.target.as_str()).collect()
    }

    #[test]
    fn a_lower_priority_goes_first_and_weights_share_the_first_place() {
        let random = Counting(AtomicU64::new(0));
        let mut firsts = [0; 3];
        for _ in 0..1000 {
            let records =
                vec![record(9, 1, "last"), record(1, 30, "heavy"), record(1, 10, "light"), record(1, 0, "none")];
            let ordered = order(records, &random).unwrap();
            assert_eq!((ordered.len(), targets(&ordered)[3]), (4, "last"));
            let first = ["heavy", "light", "none"].iter().position(|name| *name == ordered[0].target).unwrap();
            firsts[first] += 1;
        }
        assert!(firsts[0] > 2 * firsts[1] && firsts[1] > firsts[2] && firsts[2] > 0, "{firsts:?}");
    }

    #[test]
    fn records_without_weight_all_have_their_turn() {
        let random = Counting(AtomicU64::new(5));
        let ordered = order(vec![record(0, 0, "a"), record(0, 0, "b"), record(0, 0, "c")], &random).unwrap();
        assert_eq!(targets(&ordered), ["a", "b", "c"]);
        let heaviest = order((0..1000).map(|_| record(7, u16::MAX, "x")).collect(), &random).unwrap();
        assert_eq!(heaviest.len(), 1000);
    }

    #[test]
    fn without_randomness_there_is_no_order() {
        struct Empty;
        impl Random for Empty {
            fn fill(&self, _: &mut [u8]) -> Result<(), RandomError> {
                Err(RandomError)
            }
        }
        assert_eq!(order(vec![record(0, 0, "a")], &Empty), Err(RandomError));
    }
}
