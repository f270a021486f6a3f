//! The rows and how they are printed.

use crate::contender::{Exchange, Handshakes, Operation, Package, Past, Tickets, Way};
use crate::measure::Work;
use handfast_interop::Enctype;

/// One line of the table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// What is measured.
    pub work: Work,
}

/// What is done with messages.
const OPERATIONS: [Operation; 4] = [Operation::Seal, Operation::Unseal, Operation::Sign, Operation::Verify];

/// All rows: contexts, what they take, and messages from 64 bytes to 1 MiB with each encryption type; NTLM; KDCs.
pub fn rows() -> Vec<Row> {
    let usual = Handshakes::plain(Enctype::Aes256Sha1);
    let mut rows: Vec<_> = Enctype::ALL.map(|enctype| Work::Handshakes(Handshakes::plain(enctype), 1)).into();
    rows.extend([
        Work::Handshakes(Handshakes { replay_cache: true, ..usual }, 1),
        Work::Handshakes(Handshakes { tickets: Tickets::File, ..usual }, 1),
        Work::Handshakes(usual, 2),
        Work::Scaling(usual),
        Work::HeapOfPair(Enctype::Aes256Sha1.into(), Past::Fresh),
        Work::HeapOfPair(Enctype::Aes256Sha1.into(), Past::Used),
        Work::FirstContext(Enctype::Aes256Sha1),
    ]);
    rows.extend(Enctype::ALL.map(Work::StringToKey));
    for size in [64, 64 << 10, 1 << 20] {
        for enctype in Enctype::ALL {
            rows.extend(OPERATIONS.map(|operation| Work::Messages { package: enctype.into(), operation, size }));
        }
    }
    rows.extend(ntlm());
    rows.extend(negotiate());
    for exchange in [Exchange::As, Exchange::Tgs] {
        rows.extend([Way::Udp, Way::Call].map(|way| Work::Kdc(exchange, way)));
    }
    rows.into_iter().map(|work| Row { work }).collect()
}

/// NTLM by itself.
fn ntlm() -> Vec<Work> {
    let package = Package::Ntlm;
    let mut rows = vec![
        Work::Handshakes(Handshakes::plain(package), 1),
        Work::HeapOfPair(package, Past::Fresh),
        Work::HeapOfPair(package, Past::Used),
    ];
    for size in [64, 64 << 10] {
        rows.extend(OPERATIONS.map(|operation| Work::Messages { package, operation, size }));
    }
    rows
}

/// Each of the two inside Negotiate.
fn negotiate() -> Vec<Work> {
    let kerberos = Package::NegotiateKerberos(Enctype::Aes256Sha1);
    let mut rows = Vec::new();
    for package in [kerberos, Package::NegotiateNtlm] {
        rows.extend([Work::Handshakes(Handshakes::plain(package), 1), Work::HeapOfPair(package, Past::Fresh)]);
        rows.extend([64, 64 << 10].map(|size| Work::Messages { package, operation: Operation::Seal, size }));
    }
    rows
}

impl Row {
    /// The first column.
    pub fn title(&self) -> String {
        match self.work {
            Work::Handshakes(how, threads) => {
                let threads = if threads > 1 { format!(", {threads} threads") } else { String::new() };
                format!("contexts {}{threads}", kind(how))
            }
            Work::Scaling(how) => format!("contexts {}, 2 threads against 1", kind(how)),
            Work::HeapOfPair(package, Past::Fresh) => format!("heap of an idle pair {}", by(package)),
            Work::HeapOfPair(package, Past::Used) => format!("heap of a used pair {}", by(package)),
            Work::FirstContext(enctype) => format!("first context of a process {}", short(enctype)),
            Work::Kdc(exchange, way) => {
                let exchange = if exchange == Exchange::As { "AS-REQ with preauth" } else { "TGS-REQ" };
                format!("KDC {exchange}, {}", if way == Way::Udp { "UDP" } else { "no socket" })
            }
            Work::StringToKey(enctype) => format!("string-to-key {}", short(enctype)),
            Work::Messages { package, operation, size } => {
                let operation = format!("{operation:?}").to_lowercase();
                format!("{operation} {} {}", bytes(size), by(package))
            }
        }
    }

    /// What the figure counts.
    pub fn unit(&self) -> &'static str {
        match self.work {
            Work::Handshakes(..) | Work::Kdc(..) => "1/s",
            Work::Scaling(_) => "times",
            Work::HeapOfPair(..) => "bytes",
            Work::FirstContext(_) | Work::StringToKey(_) => "µs",
            Work::Messages { size, .. } if size < 4096 => "ns",
            Work::Messages { .. } => "MB/s",
        }
    }

    /// Whether a larger figure is the better one.
    pub fn more_is_better(&self) -> bool {
        matches!(self.unit(), "1/s" | "MB/s" | "times")
    }

    /// The figure to print for what [`compare`](crate::measure::compare) gives.
    #[allow(clippy::as_conversions, reason = "a message size is exact in a double")]
    pub fn figure(&self, cost: f64) -> f64 {
        match self.work {
            Work::Handshakes(..) | Work::Scaling(_) | Work::Kdc(..) => 1.0 / cost,
            Work::HeapOfPair(..) => cost,
            Work::FirstContext(_) | Work::StringToKey(_) => cost * 1e6,
            Work::Messages { size, .. } if size < 4096 => cost * 1e9,
            Work::Messages { size, .. } => size as f64 / cost / 1e6,
        }
    }

    /// The line for the cost of each contender; with two or more, last how many times better the last is than the
    /// first. A `!` behind the goal says that the last misses it.
    pub fn line(&self, costs: &[f64]) -> String {
        let digits = if self.unit() == "times" { 2 } else { 0 };
        let figure = |cost: &f64| match self.figure(*cost) {
            none if none.is_nan() => format!("{:>11}", "-"),
            figure => format!("{figure:>11.digits$}"),
        };
        let figures: String = costs.iter().map(figure).collect();
        let ratio = ratio(costs).map_or_else(|| " ".repeat(10), |ratio| format!("{ratio:>9.2}x"));
        let goal = self.goal().map_or_else(String::new, |goal| {
            let sign = if self.more_is_better() { ">=" } else { "<=" };
            let missed = costs.last().is_some_and(|cost| !self.meets(goal, *cost));
            format!("  {:>9} {}", format!("{sign} {goal}"), if missed { "!" } else { "" })
        });
        format!("{:<44}{:>6}{figures}{ratio}{goal}", self.title(), self.unit()).trim_end().into()
    }

    fn meets(&self, goal: f64, cost: f64) -> bool {
        if self.more_is_better() { self.figure(cost) >= goal } else { self.figure(cost) <= goal }
    }

    /// The same as a JSON object.
    pub fn json(&self, names: &[&str], costs: &[f64]) -> String {
        let figure = |cost: &f64| Some(self.figure(*cost)).filter(|figure| !figure.is_nan());
        let figures = names.iter().zip(costs).map(|(name, cost)| format!("\"{name}\":{}", number(figure(cost))));
        let (ratio, goal) = (number(ratio(costs)), number(self.goal()));
        format!(
            "{{\"what\":\"{}\",\"unit\":\"{}\",{},\"ratio\":{ratio},\"goal\":{goal}}}",
            self.title(),
            self.unit(),
            figures.collect::<Vec<_>>().join(",")
        )
    }
}

fn ratio(costs: &[f64]) -> Option<f64> {
    if let [first, .., last] = costs { Some(first / last).filter(|ratio| !ratio.is_nan()) } else { None }
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "null".into(), |value| format!("{value:.3}"))
}

/// The line above all rows.
pub fn head(names: &[&str]) -> String {
    let columns: String = names.iter().map(|name| format!("{name:>11}")).collect();
    let ratio = if names.len() > 1 { format!("{:>10}", "better") } else { String::new() };
    format!("{:<44}{:>6}{columns}{ratio}  {:>9}", "", "", "goal")
}

fn kind(how: Handshakes) -> String {
    let tickets = if how.tickets == Tickets::File { ", FILE ccache" } else { "" };
    let replay = if how.replay_cache { ", replay cache" } else { "" };
    format!("{}{replay}{tickets}", by(how.package))
}

fn by(package: Package) -> String {
    match package {
        Package::Kerberos(enctype) => short(enctype).into(),
        Package::Ntlm => "ntlm".into(),
        Package::NegotiateKerberos(enctype) => format!("negotiate, {}", short(enctype)),
        Package::NegotiateNtlm => "negotiate, ntlm".into(),
    }
}

fn short(enctype: Enctype) -> &'static str {
    match enctype {
        Enctype::Aes128Sha1 => "aes128-sha1",
        Enctype::Aes256Sha1 => "aes256-sha1",
        Enctype::Aes128Sha256 => "aes128-sha256",
        Enctype::Aes256Sha384 => "aes256-sha384",
        Enctype::Camellia128 => "camellia128",
        Enctype::Camellia256 => "camellia256",
    }
}

fn bytes(size: usize) -> String {
    match size {
        ..1024 => format!("{size} B"),
        1024..1_048_576 => format!("{} KiB", size / 1024),
        _ => format!("{} MiB", size / 1_048_576),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(size: usize) -> Row {
        Row { work: Work::Messages { package: Enctype::Aes256Sha1.into(), operation: Operation::Seal, size } }
    }

    #[test]
    fn figures_have_the_unit_of_the_title() {
        assert!((row(64).figure(1e-6) - 1000.0).abs() < 1e-6, "ns");
        assert!((row(65536).figure(65536e-6 / 500.0) - 500.0).abs() < 1e-6, "MB/s");
        let contexts = Row { work: Work::Handshakes(Handshakes::plain(Enctype::Aes256Sha1), 1) };
        assert!((contexts.figure(1e-3) - 1000.0).abs() < 1e-6, "per second");
    }

    #[test]
    fn the_ratio_is_above_one_if_the_last_is_faster() {
        assert!(row(64).line(&[2e-6, 1e-6]).contains("2000       1000     2.00x"), "{}", row(64).line(&[2e-6, 1e-6]));
        assert!(!row(64).line(&[2e-6]).contains('x'));
    }

    #[test]
    fn a_missed_goal_is_marked() {
        assert!(row(64).line(&[601e-9]).ends_with("<= 600 !"), "{}", row(64).line(&[601e-9]));
        assert!(row(64).line(&[599e-9]).ends_with("<= 600"));
        let (slow, fast) = (65536e-6 / 559.0, 65536e-6 / 561.0);
        assert!(row(65536).line(&[slow]).ends_with(">= 560 !"), "{}", row(65536).line(&[slow]));
        assert!(row(65536).line(&[fast]).ends_with(">= 560"));
    }

    #[test]
    fn json_has_every_figure() {
        assert_eq!(
            row(64).json(&["A", "B"], &[2e-6, 1e-6]),
            "{\"what\":\"seal 64 B aes256-sha1\",\"unit\":\"ns\",\"A\":2000.000,\"B\":1000.000,\"ratio\":2.000,\"goal\":600.000}"
        );
    }

    #[test]
    fn every_title_differs() {
        let mut titles: Vec<String> = rows().iter().map(Row::title).collect();
        titles.sort();
        let count = titles.len();
        titles.dedup();
        assert_eq!(titles.len(), count);
    }
}
