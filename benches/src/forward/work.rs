//! What is measured: interleaved passes, the best of each route.

use super::backend::{ECHO, GIVE, TAKE, request};
use super::route::{Line, Route};
use crate::contender::Result;
use std::sync::Barrier;
use std::time::{Duration, Instant};

/// What is written or read at once in bulk.
const CHUNK: usize = 64 << 10;
/// Bytes of a small message.
pub(super) const SMALL: usize = 64;

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Bytes to the service, on so many connections at a time.
    Up(usize),
    /// Bytes from the service.
    Down(usize),
    /// Small messages to the service, none of which waits for an answer.
    Messages(usize),
    /// Small messages there and back, one after the other on each connection.
    RoundTrips(usize),
    /// Connections made, proven if the route proves anything, and one byte there and back on each.
    Connections(usize),
    /// Bytes of the server's memory for a connection that is idle.
    Idle {
        /// Whether the client has proven itself.
        proven: bool,
    },
}

/// How long to measure.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Passes of each route.
    pub rounds: usize,
    /// How long one pass shall take, about.
    pub pass: Duration,
    /// So many connections are kept to find out what one takes.
    pub idle: usize,
}

/// The rows of what is carried, and of how fast connections are made.
pub fn works() -> Vec<Work> {
    let few = |work: fn(usize) -> Work| [work(1), work(8)];
    let mut works = [few(Work::Up), few(Work::Down), few(Work::Messages), few(Work::RoundTrips)].concat();
    works.extend([Work::Connections(1), Work::Connections(4)]);
    works
}

/// The rows of what idle connections take.
pub fn idle_works() -> [Work; 2] {
    [false, true].map(|proven| Work::Idle { proven })
}

/// Items per second, or bytes, by each route; not a number where there is nothing to measure.
pub fn compare(routes: &[Route], work: Work, plan: Plan) -> Result<Vec<f64>> {
    if let Work::Idle { proven } = work {
        return routes.iter().map(|route| idle(route, proven, plan.idle)).collect();
    }
    let counts = routes.iter().map(|route| calibrate(route, work, plan.pass)).collect::<Result<Vec<_>>>()?;
    let mut best = vec![0.0_f64; routes.len()];
    for _ in 0..plan.rounds.max(1) {
        for ((route, count), best) in routes.iter().zip(&counts).zip(&mut best) {
            let time = pass(route, work, *count)?;
            *best = best.max(exact(items(work, *count) * connections(work)) / time.as_secs_f64());
        }
    }
    Ok(best)
}

/// Doubled until a pass takes half of `aim`.
fn calibrate(route: &Route, work: Work, aim: Duration) -> Result<usize> {
    let mut count = 1;
    while pass(route, work, count)? < aim / 2 && count < 1 << 24 {
        count *= 2;
    }
    Ok(count)
}

fn connections(work: Work) -> usize {
    match work {
        Work::Up(count) | Work::Down(count) | Work::Messages(count) => count,
        Work::RoundTrips(count) | Work::Connections(count) => count,
        Work::Idle { .. } => 1,
    }
}

/// Bytes in bulk, else messages or connections.
fn items(work: Work, count: usize) -> usize {
    if matches!(work, Work::Up(_) | Work::Down(_)) { count * CHUNK } else { count }
}

/// How long `count` of them take on each connection, all at a time. Connections are there before, unless they are what
/// is measured.
fn pass(route: &Route, work: Work, count: usize) -> Result<Duration> {
    let threads = connections(work);
    let mut lines = Vec::new();
    if !matches!(work, Work::Connections(_)) {
        for _ in 0..threads {
            let mut line = route.line()?;
            round_trips(line.as_mut(), 1, 1)?; // so that it is there to its end
            lines.push(line);
        }
    }
    let start = Barrier::new(threads);
    std::thread::scope(|scope| {
        let mut lines = lines.into_iter();
        let running: Vec<_> = (0..threads)
            .map(|_| {
                let line = lines.next();
                scope.spawn(|| {
                    start.wait();
                    timed(|| run(route, line, work, count)).map_err(|error| error.to_string())
                })
            })
            .collect();
        let mut clients = Vec::new();
        for thread in running {
            clients.push(thread.join().map_err(|_| "a client panicked")??);
        }
        span(&clients).ok_or_else(|| "no client".into())
    })
}

/// When a client began and ended; its connection, so that closing it is not measured.
struct Client {
    began: Instant,
    ended: Instant,
    _line: Option<Box<dyn Line>>,
}

fn timed(run: impl FnOnce() -> Result<Option<Box<dyn Line>>>) -> Result<Client> {
    let began = Instant::now();
    let line = run()?;
    Ok(Client { began, ended: Instant::now(), _line: line })
}

/// From the first that began to the last that ended: each says so itself, since nobody else is sure to be awake then.
fn span(clients: &[Client]) -> Option<Duration> {
    let began = clients.iter().map(|client| client.began).min()?;
    Some(clients.iter().map(|client| client.ended).max()? - began)
}

/// What one client does; gives its connection back, so that its end is not measured.
fn run(route: &Route, line: Option<Box<dyn Line>>, work: Work, count: usize) -> Result<Option<Box<dyn Line>>> {
    let Some(mut line) = line else {
        for _ in 0..count {
            round_trips(route.line()?.as_mut(), 1, 1)?;
        }
        return Ok(None);
    };
    match work {
        Work::Up(_) => send(line.as_mut(), count, CHUNK)?,
        Work::Messages(_) => send(line.as_mut(), count, SMALL)?,
        Work::Down(_) => receive(line.as_mut(), count * CHUNK)?,
        Work::RoundTrips(_) => round_trips(line.as_mut(), count, SMALL)?,
        Work::Connections(_) | Work::Idle { .. } => return Err("not done on a connection that is there".into()),
    }
    Ok(Some(line))
}

fn send(line: &mut dyn Line, count: usize, size: usize) -> Result<()> {
    let message = vec![7; size];
    line.write_all(&request(TAKE, count * size))?;
    for _ in 0..count {
        line.write_all(&message)?;
        line.flush()?;
    }
    Ok(line.read_exact(&mut [0])?)
}

fn receive(line: &mut dyn Line, mut left: usize) -> Result<()> {
    line.write_all(&request(GIVE, left))?;
    line.flush()?;
    let mut buffer = vec![0; CHUNK];
    while left > 0 {
        match line.read(&mut buffer)? {
            0 => return Err("the service ended".into()),
            count => left -= count,
        }
    }
    Ok(())
}

fn round_trips(line: &mut dyn Line, count: usize, size: usize) -> Result<()> {
    let mut message = vec![7; size];
    line.write_all(&request(ECHO, count * size))?;
    for _ in 0..count {
        line.write_all(&message)?;
        line.flush()?;
        line.read_exact(&mut message)?;
    }
    Ok(())
}

fn idle(route: &Route, proven: bool, count: usize) -> Result<f64> {
    // Memory that others have left behind would be used again.
    let Some(route) = route.with_new_server()? else { return Ok(f64::NAN) };
    let server = route.server().ok_or("a route without a server")?;
    // What the first ones make the server allocate once is not theirs alone.
    let _warm: Vec<_> = (0..50).map(|_| route.line()).collect::<Result<_>>()?;
    settle();
    let before = server.resident()?;
    let mut lines: Vec<Box<dyn Line>> = Vec::new();
    for _ in 0..count {
        if proven {
            let mut line = route.line()?;
            round_trips(line.as_mut(), 1, 1)?;
            lines.push(line);
        } else {
            lines.push(Box::new(route.connect()?));
        }
    }
    settle();
    Ok(exact(server.resident()?.saturating_sub(before)) / exact(count))
}

fn settle() {
    std::thread::sleep(Duration::from_millis(500));
}

#[allow(clippy::as_conversions, reason = "counts and sizes here are exact in a double")]
fn exact(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_lasts_from_the_first_beginning_to_the_last_end() {
        let at = |start: Instant, from, to| Client {
            began: start + Duration::from_secs(from),
            ended: start + Duration::from_secs(to),
            _line: None,
        };
        let start = Instant::now();
        assert_eq!(span(&[at(start, 2, 5), at(start, 1, 3), at(start, 4, 9)]), Some(Duration::from_secs(8)));
        assert!(span(&[]).is_none());
    }
}
