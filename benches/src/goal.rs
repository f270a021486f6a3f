//! What handfast aims for.

use crate::contender::{Exchange, Handshakes, Operation, Past, Tickets};
use crate::measure::Work;
use crate::table::Row;
use handfast_interop::Enctype::{Aes128Sha1, Aes128Sha256, Aes256Sha1, Aes256Sha384};

impl Row {
    /// The figure to reach on one core of a server of 2019, if there is one for the row.
    pub fn goal(&self) -> Option<f64> {
        Some(match self.work {
            Work::Handshakes(Handshakes { enctype: Aes256Sha1, tickets: Tickets::Memory, replay_cache: false }, 1) => {
                50_000.0
            }
            Work::Handshakes(Handshakes { enctype: Aes256Sha1, .. }, 1) => 45_000.0,
            Work::Scaling(_) => 1.9,
            Work::HeapOfPair(_, Past::Fresh) => 1536.0,
            Work::FirstContext(_) => 500.0,
            Work::StringToKey(Aes256Sha1) => 1000.0,
            Work::Kdc(Exchange::As, _) => 30_000.0,
            Work::Kdc(Exchange::Tgs, _) => 20_000.0,
            Work::Messages { enctype, operation, size: 64 } => match (enctype, operation) {
                (Aes256Sha1, Operation::Seal) => 600.0,
                (Aes256Sha1, Operation::Unseal) => 550.0,
                (Aes256Sha1, Operation::Sign) => 350.0,
                (Aes128Sha256, Operation::Seal) => 1000.0,
                (Aes256Sha384, Operation::Seal) => 1300.0,
                _ => return None,
            },
            Work::Messages { enctype, operation, size: 65536 } => match (enctype, operation) {
                (Aes128Sha1, Operation::Seal) => 620.0,
                (Aes256Sha1, Operation::Seal) => 560.0,
                (Aes128Sha1, Operation::Unseal) => 660.0,
                (Aes256Sha1, Operation::Unseal) => 620.0,
                (Aes128Sha256, Operation::Seal) => 270.0,
                (Aes256Sha384, Operation::Seal) => 310.0,
                (Aes128Sha256, Operation::Unseal) => 335.0,
                (Aes256Sha384, Operation::Unseal) => 450.0,
                _ => return None,
            },
            _ => return None,
        })
    }
}
