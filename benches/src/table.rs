//! The rows and how they are printed.

use crate::contender::{Handshakes, Operation, Tickets};
use crate::measure::Work;
use handfast_interop::Enctype;

/// One line of the table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// What is measured.
    pub work: Work,
}

/// All rows: contexts, then messages of 64 bytes and of 64 KiB with each encryption type.
pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for enctype in Enctype::ALL {
        rows.push(Work::Handshakes(Handshakes::plain(enctype)));
    }
    let usual = Handshakes::plain(Enctype::Aes256Sha1);
    rows.push(Work::Handshakes(Handshakes { replay_cache: true, ..usual }));
    rows.push(Work::Handshakes(Handshakes { tickets: Tickets::File, ..usual }));
    for size in [64, 64 << 10] {
        for enctype in Enctype::ALL {
            for operation in [Operation::Seal, Operation::Unseal, Operation::Sign, Operation::Verify] {
                rows.push(Work::Messages { enctype, operation, size });
            }
        }
    }
    rows.into_iter().map(|work| Row { work }).collect()
}

impl Row {
    /// The first column.
    pub fn title(&self) -> String {
        match self.work {
            Work::Handshakes(Handshakes { enctype, tickets, replay_cache }) => {
                let tickets = if tickets == Tickets::File { ", FILE ccache" } else { "" };
                let replay = if replay_cache { ", replay cache" } else { "" };
                format!("contexts/s {}{replay}{tickets}", short(enctype))
            }
            Work::Messages { enctype, operation, size } => {
                let operation = format!("{operation:?}").to_lowercase();
                format!("{operation} {} {} {}", bytes(size), short(enctype), self.unit())
            }
        }
    }

    fn unit(&self) -> &'static str {
        match self.work {
            Work::Handshakes(_) => "1/s",
            Work::Messages { size, .. } if size < 4096 => "ns",
            Work::Messages { .. } => "MB/s",
        }
    }

    /// The figure to print for so many seconds per item.
    #[allow(clippy::as_conversions, reason = "a message size is exact in a double")]
    pub fn figure(&self, seconds: f64) -> f64 {
        match self.work {
            Work::Handshakes(_) => 1.0 / seconds,
            Work::Messages { size, .. } if size < 4096 => seconds * 1e9,
            Work::Messages { size, .. } => size as f64 / seconds / 1e6,
        }
    }

    /// The line for so many seconds per item of each contender; with two or more, last the first's time over the last's.
    pub fn line(&self, seconds: &[f64]) -> String {
        let figures: String = seconds.iter().map(|seconds| format!("{:>12.0}", self.figure(*seconds))).collect();
        let ratio = match seconds {
            [first, .., last] => format!("{:>9.2}x", first / last),
            _ => String::new(),
        };
        format!("{:<44}{figures}{ratio}", self.title())
    }
}

/// The line above all rows.
pub fn head(names: &[&str]) -> String {
    let columns: String = names.iter().map(|name| format!("{name:>12}")).collect();
    let ratio = if names.len() > 1 { format!("{:>10}", "speed") } else { String::new() };
    format!("{:<44}{columns}{ratio}", "")
}

fn short(enctype: Enctype) -> &'static str {
    match enctype {
        Enctype::Aes128Sha1 => "aes128-sha1",
        Enctype::Aes256Sha1 => "aes256-sha1",
        Enctype::Aes128Sha256 => "aes128-sha256",
        Enctype::Aes256Sha384 => "aes256-sha384",
    }
}

fn bytes(size: usize) -> String {
    if size >= 1024 { format!("{} KiB", size / 1024) } else { format!("{size} B") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(size: usize) -> Row {
        Row { work: Work::Messages { enctype: Enctype::Aes256Sha1, operation: Operation::Seal, size } }
    }

    #[test]
    fn figures_have_the_unit_of_the_title() {
        assert!((row(64).figure(1e-6) - 1000.0).abs() < 1e-6, "ns");
        assert!((row(65536).figure(65536e-6 / 500.0) - 500.0).abs() < 1e-6, "MB/s");
        let contexts = Row { work: Work::Handshakes(Handshakes::plain(Enctype::Aes256Sha1)) };
        assert!((contexts.figure(1e-3) - 1000.0).abs() < 1e-6, "per second");
    }

    #[test]
    fn the_ratio_is_above_one_if_the_last_is_faster() {
        assert!(row(64).line(&[2e-6, 1e-6]).ends_with("2000        1000     2.00x"));
        assert!(!row(64).line(&[2e-6]).contains('x'));
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
