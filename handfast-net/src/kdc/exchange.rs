use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::conversation::{Asks, Conversation, Event, Threads};
use super::reply::is_unavailable;
use super::{Attempt, KdcAddress, Silence, Transport, Unreachable};
use crate::Deadline;
use crate::resolve::Unresolvable;

/// A pace may be as slow as it likes; what is added to a clock is bounded.
const LONGEST_LISTEN: Duration = Duration::from_secs(86_400);

/// Asks KDCs: how patiently, and up to which size by UDP first. `default()` does as MIT's library does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KdcClient {
    /// Requests longer than this, in bytes, go by TCP first (`udp_preference_limit` in `[libdefaults]`). 1465 by default.
    pub udp_preference_limit: usize,
    /// How long to wait for what.
    pub pace: Pace,
}

impl Default for KdcClient {
    fn default() -> Self {
        KdcClient { udp_preference_limit: 1465, pace: Pace::default() }
    }
}

/// How long an exchange waits for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pace {
    /// From asking one KDC to asking the next: 1 s.
    pub between: Duration,
    /// After the last KDC of a pass, on top of [`between`](Self::between): 2 s, and twice as long after each further pass.
    pub after_pass: Duration,
    /// How often each KDC is asked over UDP: 3 times.
    pub passes: u32,
    /// For a TCP connection to come about: 10 s.
    pub connect: Duration,
    /// For everything together: 30 s.
    pub whole: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Pace { between: seconds(1), after_pass: seconds(2), passes: 3, connect: seconds(10), whole: seconds(30) }
    }
}

/// The answer of a KDC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KdcReply {
    /// An encoded AS-REP, TGS-REP or KRB-ERROR.
    pub bytes: Vec<u8>,
    /// Which KDC sent it.
    pub kdc: KdcAddress,
    /// From where.
    pub address: SocketAddr,
    /// By which way.
    pub transport: Transport,
}

impl KdcClient {
    /// Sends `request` to the `kdcs` of `realm` and returns the first answer; `tcp_required` keeps it off UDP.
    ///
    /// # Errors
    /// [`Unreachable`], with the reason for each KDC, if none answers in time.
    pub fn exchange(
        &self,
        realm: &str,
        kdcs: &[KdcAddress],
        request: &[u8],
        tcp_required: bool,
    ) -> Result<KdcReply, Unreachable> {
        let deadline = Deadline::after(self.pace.whole);
        let threads = Threads::new(request, deadline, self.pace.connect);
        Exchange::new(&self.pace, kdcs, threads, deadline, self.order(request, tcp_required))
            .run()
            .map_err(|tried| Unreachable { realm: realm.to_owned(), tried })
    }

    /// The preferred way, and the other one.
    pub(super) fn order(&self, request: &[u8], tcp_required: bool) -> [Option<Transport>; 2] {
        if tcp_required {
            [Some(Transport::Tcp), None]
        } else if request.len() > self.udp_preference_limit {
            [Some(Transport::Tcp), Some(Transport::Udp)]
        } else {
            [Some(Transport::Udp), Some(Transport::Tcp)]
        }
    }
}

/// What to do next, `pace.between` apart.
enum Action {
    /// Find out a KDC's addresses and ask there.
    Find(usize, Transport),
    /// Ask for the first time.
    Ask(usize, SocketAddr, Transport),
    /// Send the datagram of a conversation again.
    AskAgain(usize),
}

/// The addresses of a KDC. None, once done, if it has none.
enum Lookup {
    NotAsked,
    Asked { since: Instant, waiting: Vec<Transport> },
    Done(Vec<SocketAddr>),
}

/// Who is asked next and for how long to listen; whoever drives it does the listening.
pub(super) struct Exchange<'a, A> {
    pace: &'a Pace,
    kdcs: &'a [KdcAddress],
    deadline: Deadline,
    pub(super) asks: A,
    queue: VecDeque<Action>,
    /// When the next action is due.
    next: Instant,
    lookups: Vec<Lookup>,
    conversations: Vec<Conversation>,
    /// Attempts that never became a conversation.
    failed: Vec<Attempt>,
    pass: u32,
}

impl<'a, A: Asks> Exchange<'a, A> {
    pub(super) fn new(
        pace: &'a Pace,
        kdcs: &'a [KdcAddress],
        asks: A,
        deadline: Deadline,
        order: [Option<Transport>; 2],
    ) -> Self {
        let mut exchange = Exchange {
            pace,
            kdcs,
            deadline,
            asks,
            queue: VecDeque::new(),
            next: Instant::now(),
            lookups: kdcs.iter().map(|_| Lookup::NotAsked).collect(),
            conversations: Vec::new(),
            failed: Vec::new(),
            pass: 0,
        };
        exchange.plan(order);
        exchange
    }

    /// Every KDC by its own or the preferred way, then those without a way of their own by the other one.
    fn plan(&mut self, [preferred, other]: [Option<Transport>; 2]) {
        for (index, kdc) in self.kdcs.iter().enumerate() {
            let possible = kdc.transport.is_none_or(|own| [preferred, other].contains(&Some(own)));
            match kdc.transport.or(preferred) {
                Some(transport) if possible => self.queue.push_back(Action::Find(index, transport)),
                _ => self.fail(index, None, None, Silence::OnlyUdp),
            }
        }
        for (index, _) in self.kdcs.iter().enumerate().filter(|(_, kdc)| kdc.transport.is_none()) {
            self.queue.extend(other.map(|transport| Action::Find(index, transport)));
        }
    }

    /// Does what is due, and tells how long to listen then; `None` if all is over.
    pub(super) fn step(&mut self) -> Option<Duration> {
        while !self.deadline.passed() {
            if self.all_silent() {
                if self.queue.is_empty() {
                    return None;
                }
                self.next = Instant::now();
            }
            let until_next = self.next.saturating_duration_since(Instant::now());
            if !until_next.is_zero() {
                return self.deadline.at_most(until_next);
            }
            let listen = self.advance()?;
            self.next = Instant::now() + listen.min(LONGEST_LISTEN);
        }
        None
    }

    /// Nobody is left from whom anything could come.
    fn all_silent(&self) -> bool {
        self.conversations.iter().all(|conversation| conversation.ended.is_some())
            && !self.lookups.iter().any(|lookup| matches!(lookup, Lookup::Asked { .. }))
    }

    /// Does the next action, or begins the next pass; tells how long to listen then. `None` after the last pass.
    fn advance(&mut self) -> Option<Duration> {
        let acted = match self.queue.pop_front() {
            Some(action) => self.act(action),
            None => self.begin_pass().map(|()| false)?,
        };
        let between = if acted { self.pace.between } else { Duration::ZERO };
        let after_pass = self.pace.after_pass.saturating_mul(2_u32.saturating_pow(self.pass));
        Some(if self.queue.is_empty() { between.saturating_add(after_pass) } else { between })
    }

    /// Queues the datagrams that can be sent again.
    fn begin_pass(&mut self) -> Option<()> {
        self.pass += 1;
        let open = self.conversations.iter().enumerate().filter(|(_, conversation)| conversation.can_be_asked_again());
        self.queue.extend(open.map(|(index, _)| Action::AskAgain(index)));
        (self.pass < self.pace.passes).then_some(())
    }

    /// Does it; tells whether there is something to wait for.
    fn act(&mut self, action: Action) -> bool {
        match action {
            Action::Find(kdc, transport) => self.find(kdc, transport),
            Action::Ask(kdc, address, transport) => {
                let index = self.conversations.len();
                let conversation = self.asks.ask(index, kdc, address, transport);
                let open = conversation.ended.is_none();
                self.conversations.push(conversation);
                open
            }
            Action::AskAgain(index) => self.conversations.get_mut(index).is_some_and(Conversation::ask_again),
        }
    }

    fn find(&mut self, kdc: usize, transport: Transport) -> bool {
        let (Some(place), Some(lookup)) = (self.kdcs.get(kdc), self.lookups.get_mut(kdc)) else { return false };
        match lookup {
            Lookup::NotAsked => {
                *lookup = Lookup::Asked { since: Instant::now(), waiting: vec![transport] };
                let known = self.asks.find(kdc, place);
                known.map(|known| self.found(kdc, known)).is_none()
            }
            Lookup::Asked { waiting, .. } => {
                waiting.push(transport);
                true
            }
            Lookup::Done(addresses) => {
                let asks = addresses.iter().map(|address| Action::Ask(kdc, *address, transport));
                put_first(&mut self.queue, asks.collect());
                false
            }
        }
    }

    fn found(&mut self, kdc: usize, result: Result<Vec<SocketAddr>, Unresolvable>) {
        let Some(lookup) = self.lookups.get_mut(kdc) else { return };
        let Lookup::Asked { waiting, .. } = std::mem::replace(lookup, Lookup::Done(Vec::new())) else { return };
        match result {
            Ok(addresses) => {
                *lookup = Lookup::Done(addresses);
                self.next = Instant::now();
                put_first(&mut self.queue, waiting.into_iter().map(|transport| Action::Find(kdc, transport)).collect());
            }
            Err(error) => self.fail(kdc, None, None, Silence::Unresolvable { why: error.why }),
        }
    }

    /// Takes what came; it is a reply, or something to keep in mind.
    pub(super) fn take(&mut self, event: Event) -> Option<KdcReply> {
        match event {
            Event::Found(kdc, result) => self.found(kdc, result),
            Event::Nonsense(index) => self.conversations.get_mut(index)?.nonsense += 1,
            Event::Ended(index, Err(why)) => _ = self.conversations.get_mut(index)?.ended.get_or_insert(why),
            Event::Ended(index, Ok(bytes)) if is_unavailable(&bytes) => {
                self.conversations.get_mut(index)?.ended.get_or_insert(Silence::Unavailable);
            }
            Event::Ended(index, Ok(bytes)) => {
                let Conversation { kdc, address, transport, .. } = *self.conversations.get(index)?;
                return Some(KdcReply { bytes, kdc: self.kdcs.get(kdc)?.clone(), address, transport });
            }
        }
        None
    }

    fn fail(&mut self, kdc: usize, address: Option<SocketAddr>, transport: Option<Transport>, why: Silence) {
        self.failed.extend(self.kdcs.get(kdc).map(|kdc| Attempt { kdc: kdc.clone(), address, transport, why }));
    }

    /// Every KDC's reason: those that were asked, those that could not be, and those whose turn never came.
    pub(super) fn report(mut self) -> Vec<Attempt> {
        let failed = std::mem::take(&mut self.failed);
        for Conversation { kdc, address, transport, since, nonsense, ended, .. } in
            std::mem::take(&mut self.conversations)
        {
            let why = ended.unwrap_or(match nonsense {
                0 => Silence::TimedOut { waited: since.elapsed() },
                count => Silence::Nonsense { count },
            });
            self.fail(kdc, Some(address), Some(transport), why);
        }
        self.failed.extend(failed);
        for (kdc, lookup) in std::mem::take(&mut self.lookups).into_iter().enumerate() {
            if let Lookup::Asked { since, .. } = lookup {
                let why = format!("the resolver did not answer in {:.1} s", since.elapsed().as_secs_f64());
                self.fail(kdc, None, None, Silence::Unresolvable { why });
            }
        }
        for action in std::mem::take(&mut self.queue) {
            match action {
                Action::Find(kdc, transport) => self.fail(kdc, None, Some(transport), Silence::NotAsked),
                Action::Ask(kdc, address, transport) => {
                    self.fail(kdc, Some(address), Some(transport), Silence::NotAsked);
                }
                Action::AskAgain(_) => {}
            }
        }
        self.failed
    }
}

impl Exchange<'_, Threads> {
    fn run(mut self) -> Result<KdcReply, Vec<Attempt>> {
        while let Some(wait) = self.step() {
            if let Some(event) = self.asks.wait(wait)
                && let Some(reply) = self.take(event)
            {
                return Ok(reply);
            }
        }
        Err(self.report())
    }
}

fn put_first(queue: &mut VecDeque<Action>, actions: Vec<Action>) {
    for action in actions.into_iter().rev() {
        queue.push_front(action);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange<'a>(pace: &'a Pace, kdcs: &'a [KdcAddress], order: [Option<Transport>; 2]) -> Exchange<'a, Threads> {
        let deadline = Deadline::after(pace.whole);
        Exchange::new(pace, kdcs, Threads::new(b"request", deadline, pace.connect), deadline, order)
    }

    #[test]
    fn a_kdc_is_asked_as_soon_as_it_is_found() {
        let pace = Pace { between: Duration::from_secs(60), ..Pace::default() };
        let kdcs = ["kdc.invalid".parse().unwrap()];
        let mut exchange = exchange(&pace, &kdcs, [Some(Transport::Udp), None]);
        exchange.next = Instant::now() + exchange.advance().unwrap();
        assert!(exchange.next > Instant::now());
        exchange.take(Event::Found(0, Ok(vec!["127.0.0.1:88".parse().unwrap()])));
        assert!(exchange.next <= Instant::now());
        assert!(matches!(exchange.queue.front(), Some(Action::Find(0, Transport::Udp))));
    }

    #[test]
    fn a_pace_beyond_all_clocks_is_one_without_end() {
        let endless = Duration::MAX;
        let pace = Pace { between: endless, after_pass: endless, passes: 2, connect: endless, whole: endless };
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let kdcs = [format!("tcp/{closed}").parse().unwrap()];
        let tried = exchange(&pace, &kdcs, [Some(Transport::Tcp), None]).run().unwrap_err();
        assert!(matches!(tried[..], [Attempt { why: Silence::Refused, .. }]));
    }

    #[test]
    fn the_wait_after_each_pass_is_twice_the_one_before() {
        let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let kdcs = [format!("udp/{}", silent.local_addr().unwrap()).parse().unwrap()];
        let pace = Pace::default();
        let mut exchange = exchange(&pace, &kdcs, [Some(Transport::Udp), None]);
        let waits: Vec<_> = std::iter::from_fn(|| exchange.advance()).map(|wait| wait.as_secs()).collect();
        // Looked up; its addresses queued; asked; again; again. Beginning a pass takes no time.
        assert_eq!(waits, [0, 0, 1 + 2, 0, 1 + 4, 0, 1 + 8]);
    }
}
