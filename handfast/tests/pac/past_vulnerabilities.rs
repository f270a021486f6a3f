//! One test for each past vulnerability of PACs in this field, named after it.

use super::{SAMBA, key_of, pac_of, vector};
use handfast::krb5::message::{EncTicketPart, TicketFlags};
use handfast::krb5::pac::*;
use handfast::wire::DecodeReason;

/// A count of buffers whose entries' size overflows 32 bits, so that a short PAC seemed long enough.
#[test]
fn cve_2022_42898_a_count_of_buffers_overflows_no_size() {
    for count in [0x1000_0000_u32, 0x1000_0001, 0x0fff_ffff, 0x8000_0000, u32::MAX] {
        let mut bytes = vec![0; 64];
        bytes[..4].copy_from_slice(&count.to_le_bytes());
        let reason = Pac::decode(&bytes).unwrap_err().reason;
        assert_eq!(reason, DecodeReason::TooLarge { limit: PAC_BUFFER_LIMIT }, "{count:x}");
    }
    // The same for a buffer's offset and size, and for a count inside of the NDR.
    let (bytes, _) = pac_of(&vector(SAMBA));
    let logon = Pac::decode(&bytes).unwrap().find(PacBufferType::LOGON_INFO).unwrap().data.to_vec();
    let count_at = 20 + 48 + 48 + 4 + 8;
    assert_eq!(logon[count_at..count_at + 4], [3, 0, 0, 0], "where GroupCount is");
    for count in [0x2000_0000_u32, 0x2000_0003, u32::MAX] {
        let mut changed = logon.clone();
        changed[count_at..count_at + 4].copy_from_slice(&count.to_le_bytes());
        assert!(LogonInfo::decode(&changed).is_err(), "{count:x}");
    }
}

/// A signature of a checksum without a key, which anybody can compute, was taken for one of the KDC.
#[test]
fn cve_2014_6324_a_checksum_without_a_key_is_no_signature() {
    let case = vector(SAMBA);
    let (bytes, ticket) = pac_of(&case);
    let mut builder = PacBuilder::of(&Pac::decode(&bytes).unwrap());
    builder.logon_info(&LogonInfo::of_user("S-1-5-21-1-2-3".parse().unwrap(), Rid(500), "alice")).unwrap();
    // rsa-md5 (7) over anything: the type alone is reason enough.
    for which in [PacBufferType::SERVER_SIGNATURE, PacBufferType::KDC_SIGNATURE] {
        builder.buffer(which, [[7, 0, 0, 0].as_slice(), &[0; 16]].concat());
    }
    let forged = builder.encode_unsigned().unwrap();
    let pac = Pac::decode(&forged).unwrap();
    let server = key_of(&case, "server-key").unwrap();
    assert!(matches!(
        pac.verify(&ticket.unwrap(), &server),
        Err(PacError::ChecksumType { signature: PacBufferType::SERVER_SIGNATURE, .. })
    ));
    let kdc = key_of(&case, "kdc-key").unwrap();
    assert!(matches!(
        pac.verify_kdc_signature(&kdc),
        Err(PacError::ChecksumType { signature: PacBufferType::KDC_SIGNATURE, .. })
    ));
}

/// "Bronze bit": a service changed the flags of a ticket that is encrypted with its own key, to delegate what it may not.
#[test]
fn cve_2020_17049_a_service_cannot_change_its_own_ticket() {
    let case = vector("ticket of Samba 4.17.12 by S4U2Proxy");
    let (bytes, ticket) = pac_of(&case);
    let (ticket, kdc) = (ticket.unwrap(), key_of(&case, "kdc-key").unwrap());
    let pac = Pac::decode(&bytes).unwrap();
    assert_eq!(pac.verify_kdc_signatures(&ticket, &kdc, true), Ok(()));
    let toggled = match ticket.flags.contains(TicketFlags::FORWARDABLE) {
        true => ticket.flags.without(TicketFlags::FORWARDABLE),
        false => ticket.flags | TicketFlags::FORWARDABLE,
    };
    let wrong = Err(PacError::WrongSignature(PacBufferType::TICKET_SIGNATURE));
    let changed = EncTicketPart { flags: toggled, ..ticket.clone() };
    assert_eq!(pac.verify_kdc_signatures(&changed, &kdc, true), wrong);
    let mut changed = ticket.clone();
    changed.cname.name_string = vec!["administrator"];
    assert_eq!(pac.verify_kdc_signatures(&changed, &kdc, true), wrong);
}

/// The KDC signature is over the server signature alone: a service that finds another PAC with the same short checksum, or
/// that has a weak key, changed its groups. The full signature is over all of it.
#[test]
fn cve_2022_37967_a_service_cannot_sign_other_groups() {
    let case = vector(SAMBA);
    let (bytes, ticket) = pac_of(&case);
    let (ticket, kdc) = (ticket.unwrap(), key_of(&case, "kdc-key").unwrap());
    let groups = Pac::decode(&bytes).unwrap().find(PacBufferType::LOGON_INFO).unwrap();
    let mut changed = bytes.clone();
    let at = groups.offset + groups.data.len() - 20;
    changed[at] ^= 1;
    let pac = Pac::decode(&changed).unwrap();
    // What the server signature would have said is not asked: the KDC's signature of it still holds.
    assert_eq!(pac.verify_kdc_signature(&kdc), Ok(()));
    let wrong = Err(PacError::WrongSignature(PacBufferType::FULL_SIGNATURE));
    assert_eq!(pac.verify_kdc_signatures(&ticket, &kdc, true), wrong);
    assert_eq!(pac.verify_kdc_signatures(&ticket, &kdc, false), wrong, "one that is there is checked");
}

/// A machine account took a domain controller's name, without the dollar sign, and logged in with it. The SID in the PAC
/// says whose account it was when the ticket-granting ticket was made.
#[test]
fn cve_2021_42287_the_requestor_tells_who_asked_for_the_ticket() {
    let case = vector("ticket of Samba 4.17.12 for alice to krbtgt");
    let (bytes, ticket) = pac_of(&case);
    let pac = Pac::decode(&bytes).unwrap();
    let user = pac.logon_info().unwrap().unwrap().user_sid();
    assert_eq!(pac.requestor().unwrap(), user);
    // The name is bound to the ticket; one that only looks alike is another (CVE-2021-42278).
    let mut renamed = ticket.unwrap();
    renamed.cname.name_string = vec!["alice$"];
    assert_eq!(pac.check_client(&renamed), Err(PacError::OtherClient));
}
