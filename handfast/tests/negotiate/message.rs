use crate::support::{Case, cases, to_hex};
use handfast::mech::MechanismId;
use handfast::mech::negotiate::message::*;
use handfast::wire::{DecodeError, DecodeReason};

const VECTORS: &str = include_str!("../vectors/spnego.txt");

fn tell(token: &NegotiationToken<'_>) -> String {
    let mut words = Vec::new();
    let mic = match token {
        NegotiationToken::Init(init) => {
            words.push("init".to_string());
            words.extend(init.mech_types.iter().map(ToString::to_string));
            words.extend(init.req_flags.map(|flags| format!("flags {:08x}", flags.0)));
            words.extend(init.mech_token.map(|token| format!("token {}", token.len())));
            let hint = init.neg_hints.and_then(|hints| hints.hint_name);
            words.extend(hint.map(|name| format!("hint {}", String::from_utf8_lossy(name.0))));
            init.mech_list_mic
        }
        NegotiationToken::Resp(resp) => {
            words.push("resp".to_string());
            words.extend(resp.neg_state.map(|state| state.name().to_string()));
            words.extend(resp.supported_mech.map(|mech| mech.to_string()));
            words.extend(resp.response_token.map(|token| format!("token {}", token.len())));
            resp.mech_list_mic
        }
    };
    words.extend(mic.map(|mic| format!("mic {}", to_hex(mic))));
    words.join(" ")
}

fn encoded(token: &NegotiationToken<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    token.encode(&mut out);
    out
}

fn vectors() -> Vec<Case> {
    cases(VECTORS)
}

#[test]
fn tokens_of_peers_are_read_and_written_alike() {
    for case in vectors() {
        let token = NegotiationToken::decode(&case.file).unwrap();
        assert_eq!(tell(&token), case.expect.join("\n"), "{}", case.name);
        assert_eq!(to_hex(&encoded(&token)), to_hex(&case.file), "{}", case.name);
        assert!(NegotiationToken::is_one(&case.file));
    }
}

#[test]
fn tokens_cut_anywhere_or_longer_are_refused() {
    for case in vectors() {
        for cut in 0..case.file.len() {
            assert!(NegotiationToken::decode(&case.file[..cut]).is_err(), "{} cut at {cut}", case.name);
        }
        assert!(NegotiationToken::decode(&[&case.file[..], &[0]].concat()).is_err(), "{}", case.name);
    }
}

/// What is read of a damaged token is what its encoding says: the list of mechanisms, which a MIC is made over, is
/// encoded as it arrived.
#[test]
fn damaged_tokens_are_refused_or_read_as_they_stand() {
    for case in vectors() {
        for bit in 0..case.file.len() * 8 {
            let mut damaged = case.file.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let Ok(NegotiationToken::Init(init)) = NegotiationToken::decode(&damaged) else { continue };
            let list = mech_type_list(&init.mech_types);
            let there = damaged.windows(list.len()).any(|bytes| bytes == list);
            assert!(there || init.mech_types.is_empty(), "{} bit {bit}", case.name);
        }
    }
}

#[test]
fn first_tokens_may_be_bare_and_others_framed() {
    for case in vectors() {
        let framed = case.file[0] == 0x60;
        let other = if framed {
            case.file[case.file.windows(8).position(|bytes| bytes.starts_with(&[6, 6, 0x2b, 6])).unwrap() + 8..]
                .to_vec()
        } else {
            let mut framed = Vec::new();
            handfast::mech::framing::write_header(MechanismId::SPNEGO, case.file.len(), &mut framed);
            [framed, case.file.clone()].concat()
        };
        assert!(NegotiationToken::is_one(&other));
        assert_eq!(NegotiationToken::decode(&other), NegotiationToken::decode(&case.file), "{}", case.name);
    }
}

#[test]
fn tokens_of_other_mechanisms_are_not_ours() {
    let mut kerberos = Vec::new();
    handfast::mech::framing::write_header(MechanismId::KERBEROS, 2, &mut kerberos);
    kerberos.extend([1, 0]);
    for token in [&kerberos[..], b"NTLMSSP\0", b"", &[0x60], &[0x30, 0]] {
        assert!(!NegotiationToken::is_one(token));
        assert!(NegotiationToken::decode(token).is_err());
    }
}

fn with_mech_types(list: &[u8]) -> Result<usize, DecodeError> {
    let field = [&[0xa0, u8::try_from(list.len()).unwrap()], list].concat();
    let sequence = [&[0x30, u8::try_from(field.len()).unwrap()], &field[..]].concat();
    let token = [&[0xa0, u8::try_from(sequence.len()).unwrap()], &sequence[..]].concat();
    match NegotiationToken::decode(&token)? {
        NegotiationToken::Init(init) => Ok(init.mech_types.len()),
        NegotiationToken::Resp(_) => panic!("a NegTokenResp"),
    }
}

#[test]
fn lists_and_identifiers_have_limits() {
    let list = |count: u8, item: &[u8]| {
        let items = item.repeat(count.into());
        [&[0x30, u8::try_from(items.len()).unwrap()], &items[..]].concat()
    };
    assert_eq!(with_mech_types(&list(0, &[])), Ok(0));
    let limit = u8::try_from(MECH_TYPES_LIMIT).unwrap();
    assert_eq!(with_mech_types(&list(limit, &[6, 1, 0x2a])), Ok(MECH_TYPES_LIMIT));
    let error = with_mech_types(&list(limit + 1, &[6, 1, 0x2a])).unwrap_err();
    assert_eq!(error.reason, DecodeReason::TooLarge { limit: MECH_TYPES_LIMIT });
    let longest = [&[6, 64][..], &[1; 64]].concat();
    assert_eq!(with_mech_types(&list(1, &longest)), Ok(1));
    let error = with_mech_types(&list(1, &[&[6, 65][..], &[1; 65]].concat())).unwrap_err();
    assert_eq!(error.reason, DecodeReason::TooLarge { limit: MECH_TYPE_LIMIT });
    for wrong in [&[6, 0][..], &[6, 1, 0x80], &[6, 2, 0x2a, 0x81], &[6, 2, 0x80, 1], &[6, 3, 0x2a, 0x80, 1]] {
        assert!(with_mech_types(&list(1, wrong)).is_err(), "{wrong:x?}");
    }
}

#[test]
fn unknown_fields_are_ignored_and_unknown_states_refused() {
    let resp = NegotiationToken::Resp(NegTokenResp::default());
    assert_eq!(NegotiationToken::decode(&[0xa1, 6, 0x30, 4, 0xa9, 2, 5, 0]), Ok(resp));
    let init = NegotiationToken::Init(NegTokenInit::default());
    assert_eq!(NegotiationToken::decode(&[0xa0, 6, 0x30, 4, 0xa9, 2, 5, 0]), Ok(init));
    for state in [&[0x0a, 1, 4][..], &[0x0a, 2, 0, 0], &[0x0a, 0], &[2, 1, 0]] {
        let len = u8::try_from(state.len()).unwrap();
        let token = [&[0xa1, len + 4, 0x30, len + 2, 0xa0, len][..], state].concat();
        assert!(NegotiationToken::decode(&token).is_err(), "{state:x?}");
    }
}

#[test]
fn flags_are_written_without_zeros_at_the_end() {
    for (flags, bits) in [(0, "030100"), (0x8000_0000, "03020780"), (0x0100_0000, "03020001"), (1, "03050000000001")] {
        let init = NegTokenInit { req_flags: Some(ContextFlags(flags)), ..NegTokenInit::default() };
        let token = encoded(&NegotiationToken::Init(init.clone()));
        assert!(to_hex(&token).ends_with(bits), "{flags:x}");
        assert_eq!(NegotiationToken::decode(&token), Ok(NegotiationToken::Init(init)));
    }
}

#[test]
fn a_reply_framed_as_another_mechanisms_token_is_none() {
    let mut resp = Vec::new();
    NegotiationToken::Resp(NegTokenResp::default()).encode(&mut resp);
    let framed = |id: MechanismId| {
        let mut token = Vec::new();
        handfast::mech::framing::write_header(id, resp.len(), &mut token);
        token.extend_from_slice(&resp);
        token
    };
    assert!(NegotiationToken::decode(&framed(MechanismId::SPNEGO)).is_ok());
    assert!(NegotiationToken::decode(&framed(MechanismId::KERBEROS)).is_err());
}
