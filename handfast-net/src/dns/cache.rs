//! Answers that are kept, for as long as the DNS says (RFC 1035 3.2.1, RFC 2308) and not longer than [`ANSWER_LIFETIME_LIMIT`].

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::RecordType;
use super::message::{Heard, Reply};
use crate::kdc::Transport;

/// The longest that an answer is kept, whatever the DNS says: an hour.
pub const ANSWER_LIFETIME_LIMIT: Duration = Duration::from_secs(3600);
/// The longest that it is kept that there is nothing: five minutes.
pub const NOTHING_LIFETIME_LIMIT: Duration = Duration::from_secs(300);
/// The most answers that are kept, unless another number is set.
pub const ANSWER_LIMIT: usize = 256;

/// The answers of the nameservers; clones share them.
#[derive(Clone, Debug)]
pub(super) struct Answers {
    limit: usize,
    kept: Arc<Mutex<HashMap<(RecordType, String), Kept>>>,
}

/// An answer, who gave it, and how long it is good.
#[derive(Clone, Debug)]
struct Kept {
    reply: Reply,
    by: (SocketAddr, Transport),
    until: Instant,
}

impl Answers {
    pub(super) fn new(limit: usize) -> Self {
        Answers { limit, kept: Arc::default() }
    }

    /// What was answered to this question, and by whom, if it is good `now`.
    pub(super) fn recall(
        &self,
        record: RecordType,
        name: &str,
        now: Instant,
    ) -> Option<(Reply, (SocketAddr, Transport))> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (record, key(name));
        if kept.get(&key)?.until <= now {
            kept.remove(&key);
            return None;
        }
        kept.get(&key).map(|kept| (kept.reply.clone(), kept.by))
    }

    /// Keeps an answer to this question, if it is one to keep. When there are too many, the one goes that has the least time left.
    pub(super) fn keep(
        &self,
        record: RecordType,
        name: &str,
        heard: &Heard,
        by: (SocketAddr, Transport),
        now: Instant,
    ) {
        let longest = match heard.reply {
            Reply::Records(_) | Reply::Host { .. } | Reply::Name(_) => ANSWER_LIFETIME_LIMIT,
            Reply::NoSuchName | Reply::NoRecords => NOTHING_LIFETIME_LIMIT,
            Reply::Truncated | Reply::Failed(_) => return,
        };
        let lasts = heard.lasts.min(longest);
        let Some(until) = now.checked_add(lasts).filter(|_| self.limit > 0 && !lasts.is_zero()) else { return };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, kept| kept.until > now);
        kept.insert((record, key(name)), Kept { reply: heard.reply.clone(), by, until });
        while kept.len() > self.limit {
            let soonest = kept.iter().min_by_key(|(_, kept)| kept.until).map(|(key, _)| key.clone());
            let Some(soonest) = soonest else { break };
            kept.remove(&soonest);
        }
    }
}

/// Names are the same in either case (RFC 4343), with or without the last dot.
fn key(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BY: (SocketAddr, Transport) =
        (SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 53), Transport::Udp);

    fn lasting(reply: Reply, seconds: u64) -> Heard {
        Heard { reply, lasts: Duration::from_secs(seconds) }
    }

    fn name(name: &str, seconds: u64) -> Heard {
        lasting(Reply::Name(name.to_owned()), seconds)
    }

    #[test]
    fn an_answer_is_kept_for_its_time_and_for_its_question() {
        let (answers, start) = (Answers::new(8), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        answers.keep(RecordType::Ptr, "A.example.", &name("a", 60), BY, start);
        let kept = Some((Reply::Name("a".into()), BY));
        assert_eq!(answers.clone().recall(RecordType::Ptr, "a.EXAMPLE", after(59)), kept);
        assert_eq!(answers.recall(RecordType::Srv, "a.example", after(59)), None);
        assert_eq!(answers.recall(RecordType::Ptr, "b.example", after(59)), None);
        assert_eq!(answers.recall(RecordType::Ptr, "a.example", after(60)), None);
        assert!(answers.kept.lock().unwrap().is_empty());
    }

    #[test]
    fn no_answer_is_kept_for_longer_than_the_limits() {
        let (answers, start) = (Answers::new(8), Instant::now());
        answers.keep(RecordType::Ptr, "a", &name("a", u64::MAX), BY, start);
        answers.keep(RecordType::Ptr, "b", &lasting(Reply::NoSuchName, 86400), BY, start);
        answers.keep(RecordType::Ptr, "c", &lasting(Reply::NoRecords, 86400), BY, start);
        let kept = |seconds: u64| {
            let at = start + Duration::from_secs(seconds);
            ["a", "b", "c"].map(|name| answers.recall(RecordType::Ptr, name, at).is_some())
        };
        assert_eq!(kept(299), [true, true, true]);
        assert_eq!(kept(300), [true, false, false]);
        assert_eq!(kept(3599), [true, false, false]);
        assert_eq!(kept(3600), [false, false, false]);
    }

    #[test]
    fn failures_and_answers_without_a_time_are_not_kept() {
        let (answers, now) = (Answers::new(8), Instant::now());
        for heard in [name("a", 0), lasting(Reply::Truncated, 60), lasting(Reply::Failed("SERVFAIL".into()), 60)] {
            answers.keep(RecordType::Ptr, "a", &heard, BY, now);
            assert_eq!(answers.recall(RecordType::Ptr, "a", now), None, "{heard:?}");
        }
        let none = Answers::new(0);
        none.keep(RecordType::Ptr, "a", &name("a", 60), BY, now);
        assert_eq!(none.recall(RecordType::Ptr, "a", now), None);
    }

    #[test]
    fn of_too_many_the_one_with_the_least_time_goes() {
        let (answers, now) = (Answers::new(2), Instant::now());
        for (at, seconds) in [("a", 50), ("b", 10), ("c", 30), ("d", 40)] {
            answers.keep(RecordType::Ptr, at, &name(at, seconds), BY, now);
        }
        let kept = ["a", "b", "c", "d"].map(|name| answers.recall(RecordType::Ptr, name, now).is_some());
        assert_eq!((kept, answers.kept.lock().unwrap().len()), ([true, false, false, true], 2));
    }
}
