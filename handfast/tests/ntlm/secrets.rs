//! Nobody without the secret has a context.

use crate::pair::*;
use handfast::crypto::Secret;
use handfast::*;

#[test]
fn a_wrong_secret_never_authenticates_whatever_is_negotiated() {
    for client in policies() {
        let server = Policy::default().authentication_only();
        let pair = Pair { client, server, ..Pair::new() };
        let (client, accepted) = pair.established();
        assert_eq!(client.flags(), accepted.flags());
        let account = "EXAMPLE\\alice".to_string();
        for credential in [
            Credential::ntlm_password("EXAMPLE", "alice", "password"),
            Credential::ntlm_password("EXAMPLE", "alice", ""),
            Credential::ntlm_hash("EXAMPLE", "alice", Secret::new([0; 16])),
        ] {
            let pair = Pair { credential, client: pair.client.clone(), server: pair.server.clone(), ..Pair::new() };
            assert_eq!(pair.ntlm_refusal(|_, _| {}), NtlmRefusal::NotProven { account: account.clone() });
        }
        let wrong = Secret::new([1; 16]);
        let pair = Pair { account: Account::NtHash(wrong), client: pair.client, server: pair.server, ..Pair::new() };
        assert_eq!(pair.ntlm_refusal(|_, _| {}), NtlmRefusal::NotProven { account });
    }
}

#[test]
fn the_users_name_is_compared_without_regard_to_case_and_the_domain_with_it() {
    let pair = Pair { credential: Credential::ntlm_password("EXAMPLE", "ALICE", "Password"), ..Pair::new() };
    assert_eq!(pair.established().1.peer().to_string(), "EXAMPLE\\ALICE");
    // The proof covers both names: `bob` with alice's answer is nobody.
    let refusal = Pair::new().ntlm_refusal(at(3, |message| {
        let at = message.windows(10).position(|bytes| bytes == b"a\0l\0i\0c\0e\0").unwrap();
        message[at] = b'b';
    }));
    assert_eq!(refusal, NtlmRefusal::NotProven { account: "EXAMPLE\\blice".into() });
}

#[test]
fn an_account_store_that_refuses_or_fails_never_authenticates() {
    let answer = |account| Pair { account, ..Pair::new() }.run(|_, _| {}).unwrap_err();
    assert_eq!(answer(Account::Refused), Error::AccountRefused);
    assert_eq!(answer(Account::Unavailable), Error::AccountUnavailable);
    let verified = |key| Account::Verified { session_base_key: Secret::new(key), identity: "alice".into() };
    assert_eq!(answer(verified([0; 16])), NtlmRefusal::MicMismatch.into());
}

/// A client without the secret, which sets the flags as it likes: what is not refused for its flags is for its proof.
#[test]
fn a_wrong_secret_never_authenticates_whatever_flags_the_peer_sets() {
    // OEM, signing, sealing, LM keys, always signing, identify, version, 128 bits, key exchange, 56 bits.
    const BITS: [u32; 10] =
        [2, 0x10, 0x20, 0x80, 0x8000, 0x0010_0000, 0x0200_0000, 0x2000_0000, 0x4000_0000, 0x8000_0000];
    let mut unproven = 0;
    for set in 0..1_u32 << BITS.len() {
        let chosen = (0_u32..).zip(BITS).filter(|(index, _)| set >> index & 1 == 1).fold(0, |all, (_, bit)| all | bit);
        let pair = Pair {
            credential: Credential::ntlm_password("EXAMPLE", "alice", "wrong"),
            client: Policy::default().dangerous_ntlm_unproven_server().authentication_only(),
            server: Policy::default().authentication_only(),
            ..Pair::new()
        };
        let refusal = pair.ntlm_refusal(|number, message| {
            if number != 2 {
                // Unicode and extended session security as well: nobody is taken without.
                set_flags(number, message, |_| chosen | 0x0008_0001);
            }
            if number == 3 && chosen & 0x30 != 0 {
                // A session key, where one is exchanged.
                let end = u32::try_from(message.len()).unwrap();
                message[52..56].copy_from_slice(&[16, 0, 16, 0]);
                message[56..60].copy_from_slice(&end.to_le_bytes());
                message.extend([0; 16]);
            }
        });
        match refusal {
            NtlmRefusal::NotProven { .. } => unproven += 1,
            // Protected messages need keys of 128 bits that are exchanged.
            NtlmRefusal::FlagsMissing(missing) => assert!(chosen & 0x30 != 0 && chosen & missing == 0),
            other => panic!("{chosen:#x}: {other}"),
        }
    }
    // A quarter of the sets protects nothing; of the others, a quarter has what that needs.
    assert_eq!(unproven, 256 + 192);
}

#[test]
fn a_password_of_ten_kibibytes_is_a_password() {
    use md4::Digest;
    let long = "p\u{e9}".repeat(5 * 1024);
    let unicode: Vec<u8> = long.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let account = Account::NtHash(Secret::new(md4::Md4::digest(unicode).into()));
    let pair = Pair { credential: Credential::ntlm_password("EXAMPLE", "alice", &long), account, ..Pair::new() };
    pair.established();
    let refusal = Pair { account: hash(), ..pair }.ntlm_refusal(|_, _| {});
    assert!(matches!(refusal, NtlmRefusal::NotProven { .. }));
}

#[test]
fn a_logon_is_shown_without_what_a_password_can_be_guessed_from() {
    let logon = Logon {
        user: "alice".into(),
        domain: "EXAMPLE".into(),
        workstation: "PC".into(),
        server_challenge: [0x5a; 8],
        nt_response: vec![0x5b; 60],
        lm_response: vec![0x5c; 24],
        negotiate_flags: 0x10,
    };
    let shown = format!("{logon:?}");
    assert!(shown.contains("alice") && shown.contains("0x00000010"), "{shown}");
    assert!(!shown.contains("91") && !shown.contains("92") && !shown.contains("5b"), "{shown}");
}
