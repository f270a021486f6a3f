//! Every message cut at every byte and with every bit flipped.
//!
//! The MIC covers all three messages and is made with the session key (MS-NLMP 3.1.5.1.2), so the list of bits that do no
//! harm is empty, whatever is negotiated and whoever has checked the proof.

use crate::pair::*;
use handfast::*;

fn lengths(pair: &Pair) -> [usize; 3] {
    let mut lengths = [0; 3];
    pair.run(|number, message| lengths[usize::from(number) - 1] = message.len()).unwrap();
    lengths
}

fn nothing_passes(pair: &Pair) {
    for (number, length) in (1..).zip(lengths(pair)) {
        for cut in 0..length {
            let result = pair.run(at(number, |message| message.truncate(cut)));
            assert!(result.is_err(), "message {number} cut at {cut}");
        }
        assert!(pair.run(at(number, |message| message.push(0))).is_err(), "message {number} with a byte more");
        for bit in 0..length * 8 {
            let result = pair.run(at(number, |message| message[bit / 8] ^= 1 << (bit % 8)));
            assert!(result.is_err(), "message {number}, bit {bit}: nobody noticed");
        }
    }
}

#[test]
fn no_cut_and_no_bit_passes_whatever_is_negotiated() {
    for client in policies() {
        nothing_passes(&Pair { client, server: Policy::default().authentication_only(), ..Pair::new() });
    }
}

#[test]
fn no_cut_and_no_bit_passes_where_channel_and_target_are_insisted_on() {
    let bindings = || Some(ChannelBindings::raw(*b"channel"));
    nothing_passes(&Pair {
        client_bindings: bindings(),
        server_bindings: bindings(),
        names: NtlmServer::new("WWW", "EXAMPLE").only_targets(["HTTP/www.example.com".parse().unwrap()]),
        ..Pair::new()
    });
}
