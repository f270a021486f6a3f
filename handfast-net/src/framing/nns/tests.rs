use super::super::tests::Dripping;
use super::*;

/// The exchanges of [MS-NNS] 4, figures 3 to 5, which give message types, lengths' rules and the error code; tokens are ours.
fn examples() -> Vec<(Handshake, Vec<u8>)> {
    let token = |length: usize| vec![0x60; length];
    let with = |header: &[u8], length: usize| [header, &token(length)].concat();
    vec![
        (Handshake::InProgress(token(300)), with(&[0x16, 1, 0, 0x01, 0x2c], 300)),
        (Handshake::Done(token(2)), with(&[0x14, 1, 0, 0, 2], 2)),
        (Handshake::Done(Vec::new()), vec![0x14, 1, 0, 0, 0]),
        (Handshake::Done(token(TOKEN_LIMIT)), with(&[0x14, 1, 0, 0xff, 0xff], TOKEN_LIMIT)),
        (Handshake::Error(ErrorCode::LOGON_DENIED), vec![0x15, 1, 0, 0, 8, 0, 0, 0, 0, 0x80, 0x09, 0x03, 0x0c]),
        (Handshake::Error(ErrorCode::TRUST_FAILURE), vec![0x15, 1, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0x06, 0xfe]),
    ]
}

#[test]
fn handshake_messages_are_laid_out_as_in_section_2_2_1() {
    for (message, bytes) in examples() {
        let mut written = Vec::new();
        message.write(&mut written).unwrap();
        assert_eq!(written, bytes);
        assert_eq!(Handshake::read(&mut Dripping::new(&bytes)).unwrap(), message);
        let followed = [bytes.as_slice(), b"next"].concat();
        assert_eq!(Handshake::decode(&followed).unwrap(), Some((message, bytes.len())));
    }
}

#[test]
fn a_part_of_a_handshake_message_is_awaited_and_its_end_is_an_error() {
    for (_, bytes) in examples().into_iter().filter(|(_, bytes)| bytes.len() < 400) {
        for length in 0..bytes.len() {
            let part = &bytes[..length];
            assert_eq!(Handshake::decode(part).unwrap(), None);
            let error = Handshake::read(&mut &part[..]).unwrap_err();
            match length {
                0 => assert!(matches!(error, FrameError::Ended)),
                1..5 => assert!(matches!(error, FrameError::Truncated { needed: 5, got, .. } if got == length)),
                _ => assert!(matches!(error, FrameError::Truncated { got, .. } if got == length - 5)),
            }
        }
    }
}

#[test]
fn versions_and_the_reserved_field_are_ignored_when_read() {
    let odd = [0x15, 9, 9, 0, 8, 1, 2, 3, 4, 0x80, 0x09, 0x03, 0x0c];
    assert_eq!(Handshake::read(&mut &odd[..]).unwrap(), Handshake::Error(ErrorCode::LOGON_DENIED));
}

#[test]
fn what_section_2_2_1_forbids_is_refused_from_the_header_on() {
    for (header, expected) in [
        ([0x17, 1, 0, 0, 0], Invalid::MessageId(0x17)),
        ([0x16, 1, 0, 0, 0], Invalid::NoToken),
        ([0x15, 1, 0, 0, 7], Invalid::ErrorPayload(7)),
        ([0x15, 1, 0, 0, 0], Invalid::ErrorPayload(0)),
        ([0x15, 1, 0, 1, 8], Invalid::ErrorPayload(0x108)),
        (*b"GET /", Invalid::MessageId(b'G')),
    ] {
        assert!(matches!(Handshake::decode(&header), Err(FrameError::Invalid(found)) if found == expected));
        assert!(matches!(Handshake::read(&mut &header[..]), Err(FrameError::Invalid(found)) if found == expected));
    }
}

#[test]
fn what_can_not_be_written_is_refused() {
    let mut out = Vec::new();
    let error = Handshake::InProgress(Vec::new()).encode(&mut out).unwrap_err();
    assert!(matches!(error, FrameError::Invalid(Invalid::NoToken)));
    let error = Handshake::Done(vec![0; TOKEN_LIMIT + 1]).encode(&mut out).unwrap_err();
    assert!(matches!(error, FrameError::TooLong { length: 0x1_0000, limit: TOKEN_LIMIT, .. }));
    let error = encode_data(&[0; WRITE_LIMIT + 1], &mut out).unwrap_err();
    assert!(matches!(error, FrameError::TooLong { length: 0xfc31, limit: 0xfc30, .. }));
    assert!(out.is_empty());
}

#[test]
fn data_messages_are_laid_out_as_in_section_2_2_2() {
    let payload = vec![7; WRITE_LIMIT];
    let mut bytes = Vec::new();
    write_data(&mut bytes, &payload).unwrap();
    assert_eq!(bytes[..4], [0x30, 0xfc, 0, 0]);
    assert_eq!(bytes.len(), WRITE_LIMIT + 4);
    let mut read = b"left over".to_vec();
    read_data(&mut Dripping::new(&bytes), &mut read).unwrap();
    assert_eq!(read, payload);
    bytes.extend_from_slice(b"next");
    assert_eq!(decode_data(&bytes).unwrap(), Some((payload.as_slice(), WRITE_LIMIT + 4)));
}

#[test]
fn data_messages_are_read_up_to_64_kib_and_no_further() {
    let longest = [&[0, 0, 1, 0][..], &vec![1; READ_LIMIT]].concat();
    let mut payload = Vec::new();
    read_data(&mut &longest[..], &mut payload).unwrap();
    assert_eq!(payload.len(), READ_LIMIT);
    for header in [[1, 0, 1, 0], [0xff; 4]] {
        assert!(matches!(decode_data(&header), Err(FrameError::TooLong { limit: READ_LIMIT, .. })));
        assert!(matches!(read_data(&mut &header[..], &mut payload), Err(FrameError::TooLong { .. })));
    }
}

#[test]
fn the_end_between_data_messages_is_not_the_end_inside_one() {
    let mut payload = Vec::new();
    assert!(matches!(read_data(&mut &b""[..], &mut payload), Err(FrameError::Ended)));
    for part in [&b"\x02\0"[..], b"\x02\0\0\0", b"\x02\0\0\0x"] {
        assert_eq!(decode_data(part).unwrap(), None);
        assert!(matches!(read_data(&mut &part[..], &mut payload), Err(FrameError::Truncated { .. })));
    }
}

#[test]
fn an_error_code_says_what_it_means() {
    assert_eq!(ErrorCode::LOGON_DENIED.to_string(), "the peer denies the logon (0x8009030C)");
    assert_eq!(ErrorCode(0x8009_0322).to_string(), "the peer refuses (0x80090322)");
}
