use super::{SAMBA, key_of, pac_of, signature_key, vector};
use handfast::krb5::enctype::{ChecksumType, Enctype};
use handfast::krb5::message::{AdElement, AdType, AuthorizationData, EncTicketPart};
use handfast::krb5::pac::*;
use handfast::wire::DecodeReason;

/// A PAC of these buffers at these offsets, with zeros where nothing is.
fn laid_out(buffers: &[(u32, u32, u64)], size: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&u32::try_from(buffers.len()).unwrap().to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    for (buffer_type, length, offset) in buffers {
        bytes.extend_from_slice(&buffer_type.to_le_bytes());
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&offset.to_le_bytes());
    }
    bytes.resize(size, 0);
    bytes
}

fn invalid(buffers: &[(u32, u32, u64)], size: usize) -> DecodeReason {
    Pac::decode(&laid_out(buffers, size)).unwrap_err().reason
}

#[test]
fn buffers_have_places_of_their_own() {
    let overlap = DecodeReason::Invalid("a buffer overlaps another one, or the header");
    let beyond = DecodeReason::Invalid("a buffer ends beyond the PAC");
    assert!(Pac::decode(&laid_out(&[(1, 8, 40), (6, 8, 48)], 56)).is_ok());
    assert_eq!(invalid(&[(1, 9, 40), (6, 8, 48)], 56), overlap);
    assert_eq!(invalid(&[(1, 8, 40), (6, 16, 40)], 56), overlap);
    assert_eq!(invalid(&[(1, 8, 32), (6, 16, 40)], 56), overlap);
    assert_eq!(invalid(&[(1, 8, 0), (6, 16, 40)], 56), overlap);
    assert_eq!(
        invalid(&[(1, 8, 41), (6, 8, 48)], 56),
        DecodeReason::Invalid("a buffer begins at no multiple of 8 bytes (MS-PAC 2.3)")
    );
    for (length, offset) in
        [(17, 40), (16, 48), (u32::MAX, 40), (16, u64::MAX - 7), (8, 1 << 63), (u32::MAX, u64::MAX - 7)]
    {
        assert_eq!(invalid(&[(1, length, offset)], 56), beyond, "{length} {offset}");
    }
}

#[test]
fn nothing_but_padding_belongs_to_no_buffer() {
    assert!(Pac::decode(&laid_out(&[(1, 1, 40), (6, 1, 48)], 56)).is_ok());
    assert_eq!(invalid(&[(1, 8, 40), (6, 8, 56)], 64), DecodeReason::Trailing { count: 8 });
    assert_eq!(invalid(&[(1, 8, 48), (6, 8, 56)], 64), DecodeReason::Trailing { count: 8 });
    assert_eq!(invalid(&[(1, 8, 40), (6, 8, 48)], 64), DecodeReason::Trailing { count: 8 });
}

#[test]
fn counts_versions_and_sizes_have_limits() {
    assert_eq!(invalid(&[], 64), DecodeReason::Invalid("no buffers"));
    let mut many = laid_out(&[(1, 8, 24)], 32);
    for count in [65, 4096, 0x1000_0000, u32::MAX] {
        many[..4].copy_from_slice(&count.to_le_bytes());
        assert_eq!(Pac::decode(&many).unwrap_err().reason, DecodeReason::TooLarge { limit: PAC_BUFFER_LIMIT });
    }
    many[..4].copy_from_slice(&64_u32.to_le_bytes());
    assert!(matches!(Pac::decode(&many).unwrap_err().reason, DecodeReason::Truncated { needed: 1024, .. }));
    let mut version = laid_out(&[(1, 8, 24)], 32);
    version[4] = 1;
    assert_eq!(Pac::decode(&version).unwrap_err().reason, DecodeReason::Invalid("Version is not 0 (MS-PAC 2.3)"));
    let size = u32::try_from(PAC_LIMIT + 1 - 24).unwrap();
    assert_eq!(invalid(&[(1, size, 24)], PAC_LIMIT + 1), DecodeReason::TooLarge { limit: PAC_LIMIT });
}

#[test]
fn two_buffers_of_a_known_type_are_refused_and_of_an_unknown_one_kept() {
    assert_eq!(invalid(&[(1, 8, 40), (1, 8, 48)], 56), DecodeReason::Invalid("two buffers of one type"));
    assert_eq!(invalid(&[(6, 8, 40), (6, 8, 48)], 56), DecodeReason::Invalid("two buffers of one type"));
    assert_eq!(Pac::decode(&laid_out(&[(99, 8, 40), (99, 8, 48)], 56)).unwrap().buffers().len(), 2);
}

/// Samba's PAC, signed again after `change`, with keys of ours.
fn signed(change: impl FnOnce(&mut PacBuilder)) -> (Vec<u8>, SignatureKey, SignatureKey) {
    let (server, kdc) = (signature_key(Enctype(18), 1), signature_key(Enctype(20), 2));
    let case = vector(SAMBA);
    let (bytes, ticket) = pac_of(&case);
    let mut builder = PacBuilder::of(&Pac::decode(&bytes).unwrap());
    change(&mut builder);
    let bytes = builder.sign_for_service(&server, &kdc, &ticket_to_sign(&ticket.unwrap()).unwrap()).unwrap();
    (bytes, server, kdc)
}

#[test]
fn what_we_sign_is_what_we_check() {
    let (bytes, server, kdc) = signed(|_| {});
    let case = vector(SAMBA);
    let ticket = pac_of(&case).1.unwrap();
    let pac = Pac::decode(&bytes).unwrap();
    assert_eq!(pac.verify(&ticket, &server), Ok(()));
    assert_eq!(pac.verify_kdc_signatures(&ticket, &kdc, true), Ok(()));
}

#[test]
fn every_signature_is_asked_for_by_its_own_key() {
    let (bytes, server, kdc) = signed(|_| {});
    let case = vector(SAMBA);
    let ticket = pac_of(&case).1.unwrap();
    let pac = Pac::decode(&bytes).unwrap();
    let other = signature_key(Enctype(18), 3);
    assert_eq!(pac.verify(&ticket, &other), Err(PacError::WrongSignature(PacBufferType::SERVER_SIGNATURE)));
    let other = signature_key(Enctype(20), 3);
    assert_eq!(pac.verify_kdc_signature(&other), Err(PacError::WrongSignature(PacBufferType::KDC_SIGNATURE)));
    let crossed = pac.verify(&ticket, &kdc);
    assert!(matches!(crossed, Err(PacError::ChecksumType { signature: PacBufferType::SERVER_SIGNATURE, .. })));
    let crossed = pac.verify_kdc_signature(&server);
    assert!(matches!(crossed, Err(PacError::ChecksumType { signature: PacBufferType::KDC_SIGNATURE, .. })));
}

/// Overwrites the checksum type of a signature.
fn with_type(bytes: &[u8], which: PacBufferType, checksum_type: i32) -> Vec<u8> {
    let offset = Pac::decode(bytes).unwrap().find(which).unwrap().offset;
    let mut other = bytes.to_vec();
    other[offset..offset + 4].copy_from_slice(&checksum_type.to_le_bytes());
    other
}

#[test]
fn checksum_types_are_those_of_the_keys() {
    let (bytes, server, kdc) = signed(|_| {});
    let case = vector(SAMBA);
    let ticket = pac_of(&case).1.unwrap();
    // CRC32, MD4, MD5, SHA-1 without keys, HMAC-MD5, and the other sizes of AES.
    for number in [0, 1, 2, 7, 10, 14, -138, 15, 19, 17] {
        let changed = with_type(&bytes, PacBufferType::SERVER_SIGNATURE, number);
        let found = ChecksumType(number);
        let wrong = |signature, key| Err(PacError::ChecksumType { signature, found, key });
        let pac = Pac::decode(&changed).unwrap();
        assert_eq!(pac.verify(&ticket, &server), wrong(PacBufferType::SERVER_SIGNATURE, Enctype(18)));
        for which in [PacBufferType::KDC_SIGNATURE, PacBufferType::TICKET_SIGNATURE, PacBufferType::FULL_SIGNATURE] {
            let changed = with_type(&bytes, which, number);
            let pac = Pac::decode(&changed).unwrap();
            assert_eq!(pac.verify_kdc_signatures(&ticket, &kdc, true), wrong(which, Enctype(20)));
        }
    }
}

#[test]
fn signatures_have_their_length_and_no_more_than_a_read_only_dc_behind() {
    let (server, kdc) = (signature_key(Enctype(18), 1), signature_key(Enctype(18), 2));
    let (bytes, ..) = signed(|_| {});
    let whole = Pac::decode(&bytes).unwrap();
    for (more, holds) in [(0, true), (2, true), (1, false), (4, false)] {
        let mut builder = PacBuilder::of(&whole);
        builder.buffer(PacBufferType::SERVER_SIGNATURE, blank(16, 12 + more));
        builder.buffer(PacBufferType::KDC_SIGNATURE, blank(16, 12));
        let signed = resign(builder, &server, &kdc);
        let pac = Pac::decode(&signed).unwrap();
        assert_eq!(pac.verify_server_signature(&server).is_ok(), holds, "{more}");
    }
    // Cut by one octet, and cut away altogether.
    for kept in [11, 0] {
        let mut builder = PacBuilder::of(&whole);
        builder.buffer(PacBufferType::SERVER_SIGNATURE, blank(16, kept));
        builder.buffer(PacBufferType::KDC_SIGNATURE, blank(16, 12));
        let signed = resign(builder, &server, &kdc);
        let wrong = Err(PacError::WrongSignature(PacBufferType::SERVER_SIGNATURE));
        assert_eq!(Pac::decode(&signed).unwrap().verify_server_signature(&server), wrong);
    }
}

fn blank(checksum_type: u8, length: usize) -> Vec<u8> {
    let mut bytes = vec![checksum_type, 0, 0, 0];
    bytes.resize(4 + length, 0);
    bytes
}

/// Signs a PAC whose signatures have odd lengths, which [`PacBuilder`] would not make.
fn resign(builder: PacBuilder, server: &SignatureKey, kdc: &SignatureKey) -> Vec<u8> {
    use handfast::krb5::enctype::{ChecksumKey, EncryptionKey, KeyUsage};
    let mut bytes = builder.encode_unsigned().unwrap();
    let place = Pac::decode(&bytes).unwrap().find(PacBufferType::SERVER_SIGNATURE).unwrap();
    let (start, end) = (place.offset + 4, place.offset + place.data.len());
    let key = EncryptionKey::new(server.enctype(), [1; 32]).unwrap();
    let mac = ChecksumKey::new(&key, KeyUsage::PAC_SIGNATURE).unwrap().checksum(&[&bytes]).to_vec();
    for (to, from) in bytes[start..end].iter_mut().zip(mac) {
        *to = from;
    }
    let _ = kdc;
    bytes
}

#[test]
fn what_is_missing_is_named() {
    let case = vector(SAMBA);
    let ticket = pac_of(&case).1.unwrap();
    let (server, kdc) = (signature_key(Enctype(18), 1), signature_key(Enctype(20), 2));
    let (bytes, ..) = signed(|builder| {
        builder.without(PacBufferType::CLIENT_INFO);
    });
    let pac = Pac::decode(&bytes).unwrap();
    assert_eq!(pac.verify(&ticket, &server), Err(PacError::Missing(PacBufferType::CLIENT_INFO)));
    assert_eq!(PacInfo::read(&pac), Err(PacError::Missing(PacBufferType::CLIENT_INFO)));

    let bare = PacBuilder::of(&pac).encode_unsigned().unwrap();
    let pac = Pac::decode(&bare).unwrap();
    assert_eq!(pac.verify_server_signature(&server), Err(PacError::Missing(PacBufferType::KDC_SIGNATURE)));
    assert_eq!(pac.verify_kdc_signature(&kdc), Err(PacError::Missing(PacBufferType::SERVER_SIGNATURE)));
    let mut half = PacBuilder::of(&pac);
    half.buffer(PacBufferType::KDC_SIGNATURE, blank(20, 24));
    let half = half.encode_unsigned().unwrap();
    let missing = Err(PacError::Missing(PacBufferType::SERVER_SIGNATURE));
    assert_eq!(Pac::decode(&half).unwrap().verify_server_signature(&server), missing);

    // A PAC as for a ticket-granting ticket has neither of these.
    let bytes = PacBuilder::of(&Pac::decode(&pac_of(&case).0).unwrap()).sign(&server, &kdc).unwrap();
    let pac = Pac::decode(&bytes).unwrap();
    let missing = Err(PacError::Missing(PacBufferType::TICKET_SIGNATURE));
    assert_eq!(pac.verify_kdc_signatures(&ticket, &kdc, true), missing);
}

#[test]
fn the_full_signature_may_be_absent_only_where_the_caller_says_so() {
    let case = vector("ticket of MIT");
    let (bytes, ticket) = pac_of(&case);
    let (pac, kdc) = (Pac::decode(&bytes).unwrap(), key_of(&case, "kdc-key").unwrap());
    assert_eq!(pac.verify_kdc_signatures(ticket.as_ref().unwrap(), &kdc, false), Ok(()));
    let missing = Err(PacError::Missing(PacBufferType::FULL_SIGNATURE));
    assert_eq!(pac.verify_kdc_signatures(&ticket.unwrap(), &kdc, true), missing);
}

#[test]
fn the_pac_of_another_client_or_login_is_refused() {
    let case = vector(SAMBA);
    let (bytes, ticket) = pac_of(&case);
    let ticket = ticket.unwrap();
    let server = key_of(&case, "server-key").unwrap();
    let pac = Pac::decode(&bytes).unwrap();
    let mut other = ticket.clone();
    other.cname.name_string = vec!["bob"];
    assert_eq!(pac.verify(&other, &server), Err(PacError::OtherClient));
    let later = handfast::Time::from(ticket.authtime).unix_seconds() + 1;
    let later = EncTicketPart { authtime: handfast::Time::from_unix_seconds(later).into(), ..ticket };
    assert_eq!(pac.verify(&later, &server), Err(PacError::OtherClient));
}

#[test]
fn a_pac_is_found_in_if_relevant_however_deep_and_two_are_refused() {
    let of = |elements: &[(AdType, &[u8])]| {
        let elements = elements.iter().map(|(ad_type, ad_data)| AdElement { ad_type: *ad_type, ad_data });
        AuthorizationData(elements.collect()).to_der()
    };
    let (pac, relevant) = (AdType::WIN2K_PAC, AdType::IF_RELEVANT);
    let inner = of(&[(pac, b"pac")]);
    let outer = of(&[(relevant, &inner)]);
    let twice = of(&[(relevant, &inner), (relevant, &outer)]);
    let find = |der: &[u8]| find_pac(&AuthorizationData::decode(der).unwrap()).map(|found| found.map(<[u8]>::to_vec));
    assert_eq!(find(&outer), Ok(Some(b"pac".to_vec())));
    assert_eq!(find(&of(&[(relevant, &outer)])), Ok(Some(b"pac".to_vec())));
    assert_eq!(find(&of(&[(AdType(142), &inner)])), Ok(None));
    assert_eq!(find(&twice), Err(PacError::Two));
    assert!(matches!(find(&of(&[(relevant, b"\x30")])), Err(PacError::Decode(_))));
    let mut deep = inner;
    for _ in 0..9 {
        deep = of(&[(relevant, &deep)]);
    }
    assert!(matches!(find(&deep), Err(PacError::Decode(_))));
}
