//! Our initiator by NTLM alone with the acceptors of gss-ntlmssp and pyspnego. What counts is what they say.

use crate::by_hand::{Line, Way};
use crate::ntlm::{Reach, peer};
use handfast::mech::MechanismId;
use handfast::{Context, Flags};
use handfast_interop::{Library, SampleServer};

/// Messages of each kind, and their lengths: gss-ntlmssp neither signs nor verifies an empty message.
pub fn talk(context: &mut Context, line: &mut Line, library: Library) {
    let long: Vec<u8> = (0..251).cycle().take(65536).collect();
    for message in [&b"hello"[..], b"again", &long] {
        line.sealed(context, message);
        line.signed(context, message);
        line.echoed(context, message);
    }
    if library == Library::Pyspnego {
        line.sealed(context, b"");
        line.signed(context, b"");
        line.echoed(context, b"");
    }
}

/// That the server has heard what [`talk`] says.
pub fn expect_talk(server: &SampleServer, library: Library) {
    server.expect("\nend");
    let said = server.output();
    let count = |text: &str| said.matches(text).count();
    for text in ["5 bytes: 'hello'", "5 bytes: 'again'", "65536 bytes: "] {
        assert_eq!(count(&format!("message: encrypted {text}")), 2, "{text} in {said}");
        assert_eq!(count(&format!("message: signed {text}")), 1, "{text} in {said}");
    }
    if library == Library::Pyspnego {
        assert_eq!((count("message: encrypted 0 bytes"), count("message: signed 0 bytes")), (2, 1), "{said}");
    }
}

#[test]
fn both_take_us_and_our_messages() {
    for library in Library::ALL {
        let server = peer(library, "ntlm").serve();
        let (mut context, mut line) = Reach::raw().reach(&server).unwrap();
        assert_eq!(context.mechanism(), MechanismId::NTLM);
        assert!(!context.flags().contains(Flags::MUTUAL));
        assert!(context.flags().contains(Flags::CONFIDENTIALITY | Flags::INTEGRITY | Flags::REPLAY | Flags::SEQUENCE));
        talk(&mut context, &mut line, library);
        line.end();
        expect_talk(&server, library);
        server.expect("peer: LAB\\alice\nmechanism: ntlm\nflags: ");
        assert!(server.output().contains("confidentiality integrity"), "{}", server.output());
    }
}

#[test]
fn pyspnego_reads_in_our_messages_what_must_be_there() {
    let server = peer(Library::Pyspnego, "ntlm").serve();
    let (_, line) = Reach::raw().reach(&server).unwrap();
    line.end();
    server.expect("\nend");
    server.expect("token: NEGOTIATE 40 bytes");
    server.expect("token: AUTHENTICATE of alice in LAB, a MIC, no LM response, nb_computer_name=");
    // AvFlags 2: there is a MIC. No channel: a hash of zeros.
    server.expect("timestamp, flags=2, channel_bindings=00000000000000000000000000000000, target_name=host/localhost");
}

/// That a server has seen a client and made no context with it.
pub fn expect_refused(server: &SampleServer, why: &str) {
    server.expect("failed: ");
    server.expect(why);
    assert!(!server.output().contains("peer: "), "{}", server.output());
}

#[test]
fn both_refuse_a_wrong_password() {
    for (library, why) in [(Library::Mechglue, ": Major ("), (Library::Pyspnego, "Invalid NTLM response")] {
        let server = peer(library, "ntlm").serve();
        // Our end is complete with its last token: NTLM never hears what becomes of it.
        drop(Reach::raw().wrong_password().reach(&server).unwrap());
        expect_refused(&server, why);
    }
}

#[test]
fn both_notice_that_a_message_was_changed_on_its_way() {
    // NTLMSSP_NEGOTIATE_56, which nobody misses: only the MIC tells. Flags are at 12 of a NEGOTIATE_MESSAGE.
    let change = |way, token: &mut Vec<u8>| {
        if way == Way::ToPeer(0) {
            token[15] ^= 0x80;
        }
    };
    for (library, why) in [(Library::Mechglue, ": Major ("), (Library::Pyspnego, "Invalid MIC")] {
        let server = peer(library, "ntlm").serve();
        drop(Reach::raw().change(change).reach(&server).unwrap());
        expect_refused(&server, why);
    }
}

#[test]
fn both_see_our_channel_bindings() {
    for (library, why) in [(Library::Mechglue, ": Major ("), (Library::Pyspnego, "do not match")] {
        let server = peer(library, "ntlm").bindings("channel one").serve();
        let (mut context, mut line) = Reach::raw().bindings("channel one").reach(&server).unwrap();
        talk(&mut context, &mut line, library);
        line.end();
        server.expect("peer: LAB\\alice");
        let server = peer(library, "ntlm").bindings("channel one").serve();
        drop(Reach::raw().bindings("channel two").reach(&server).unwrap());
        expect_refused(&server, why);
    }
}

#[test]
fn both_make_a_context_that_only_signs() {
    for library in Library::ALL {
        let server = peer(library, "ntlm").serve();
        let (mut context, mut line) = Reach::raw().policy(|policy| policy.integrity_only()).reach(&server).unwrap();
        assert!(!context.flags().contains(Flags::CONFIDENTIALITY));
        line.signed(&mut context, b"hello");
        line.signed(&mut context, b"again");
        line.end();
        server.expect("\nend");
        server.expect("message: signed 5 bytes: 'again'");
        let flags = server.output().lines().find(|line| line.starts_with("flags: ")).unwrap().to_owned();
        assert!(flags.contains("integrity") && !flags.contains("confidentiality"), "{flags}");
    }
}

#[test]
fn both_make_a_context_that_only_proves_us() {
    for library in Library::ALL {
        let server = peer(library, "ntlm").serve();
        let (context, line) = Reach::raw().policy(|policy| policy.authentication_only()).reach(&server).unwrap();
        assert_eq!(context.flags(), Flags::NONE);
        line.end();
        server.expect("\nend");
        server.expect("peer: LAB\\alice");
    }
}
