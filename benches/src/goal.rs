//! What handfast aims for.

use crate::contender::{Exchange, Handshakes, Operation, Package, Past, Tickets};
use crate::measure::Work;
use crate::table::Row;
use handfast_interop::Enctype::{Aes128Sha1, Aes128Sha256, Aes256Sha1, Aes256Sha384};

impl Row {
    /// The figure to reach on one core of a server of 2019, if there is one for the row.
    pub fn goal(&self) -> Option<f64> {
        Some(match self.work {
            Work::Handshakes(how, 1) => return contexts(how),
            Work::Scaling(_) => 1.9,
            Work::HeapOfPair(_, Past::Fresh) => 1536.0,
            Work::FirstContext(_) => 500.0,
            Work::StringToKey(Aes256Sha1) => 1000.0,
            Work::Kdc(Exchange::As, _) => 30_000.0,
            Work::Kdc(Exchange::Tgs, _) => 20_000.0,
            Work::Messages { package: Package::Kerberos(enctype), operation, size: 64 } => match (enctype, operation) {
                (Aes256Sha1, Operation::Seal) => 600.0,
                (Aes256Sha1, Operation::Unseal) => 550.0,
                (Aes256Sha1, Operation::Sign) => 350.0,
                (Aes128Sha256, Operation::Seal) => 1000.0,
                (Aes256Sha384, Operation::Seal) => 1300.0,
                _ => return None,
            },
            Work::Messages { package: Package::Kerberos(enctype), operation, size: 65536 } => {
                match (enctype, operation) {
                    (Aes128Sha1, Operation::Seal) => 620.0,
                    (Aes256Sha1, Operation::Seal) => 560.0,
                    (Aes128Sha1, Operation::Unseal) => 660.0,
                    (Aes256Sha1, Operation::Unseal) => 620.0,
                    (Aes128Sha256, Operation::Seal) => 270.0,
                    (Aes256Sha384, Operation::Seal) => 310.0,
                    (Aes128Sha256, Operation::Unseal) => 335.0,
                    (Aes256Sha384, Operation::Unseal) => 450.0,
                    _ => return None,
                }
            }
            Work::Messages { package: Package::Ntlm, operation: Operation::Seal | Operation::Unseal, size } => {
                match size {
                    64 => 450.0,
                    65536 => 300.0,
                    _ => return None,
                }
            }
            _ => return None,
        })
    }
}

/// Contexts per second on one thread.
fn contexts(how: Handshakes) -> Option<f64> {
    let plain = how.tickets == Tickets::Memory && !how.replay_cache;
    match how.package {
        Package::Kerberos(Aes256Sha1) => Some(if plain { 50_000.0 } else { 45_000.0 }),
        Package::NegotiateKerberos(Aes256Sha1) => Some(45_000.0),
        Package::Ntlm => Some(75_000.0),
        _ => None,
    }
}
