use super::{key_of, pac_of, vectors};
use handfast::krb5::pac::{Pac, PacBufferType, PacInfo};

/// A PAC cut at any byte is refused when it is read.
#[test]
fn cut_at_every_byte_it_is_refused() {
    for case in vectors() {
        let (bytes, _) = pac_of(&case);
        for end in 0..bytes.len() {
            // Padding behind the last buffer may be missing.
            let whole =
                Pac::decode(&bytes).unwrap().buffers().iter().all(|buffer| buffer.offset + buffer.data.len() <= end);
            assert_eq!(Pac::decode(&bytes[..end]).is_ok(), whole, "{} cut at {end}", case.name);
        }
    }
}

/// Every buffer cut at any byte is refused, or was opaque.
#[test]
fn every_buffer_cut_at_every_byte_is_refused() {
    for case in vectors() {
        let (bytes, _) = pac_of(&case);
        let pac = Pac::decode(&bytes).unwrap();
        for buffer in pac.buffers() {
            let read: fn(&[u8]) -> bool = match buffer.buffer_type {
                PacBufferType::LOGON_INFO => |bytes| handfast::krb5::pac::LogonInfo::decode(bytes).is_ok(),
                PacBufferType::CLIENT_INFO => |bytes| handfast::krb5::pac::ClientInfo::decode(bytes).is_ok(),
                PacBufferType::UPN_DNS_INFO => |bytes| handfast::krb5::pac::UpnDnsInfo::decode(bytes).is_ok(),
                PacBufferType::DELEGATION_INFO => |bytes| handfast::krb5::pac::DelegationInfo::decode(bytes).is_ok(),
                PacBufferType::ATTRIBUTES => |bytes| handfast::krb5::pac::AttributesInfo::decode(bytes).is_ok(),
                PacBufferType::REQUESTOR => |bytes| handfast::krb5::pac::Sid::decode(bytes).is_ok(),
                _ => continue,
            };
            assert!(read(buffer.data), "{} {}", case.name, buffer.buffer_type);
            // UPN_DNS_INFO's padding at the end belongs to no offset.
            let content = match buffer.buffer_type {
                PacBufferType::UPN_DNS_INFO => buffer.data.iter().rposition(|octet| *octet != 0).unwrap(),
                _ => buffer.data.len(),
            };
            for end in 0..content {
                assert!(!read(&buffer.data[..end]), "{} {} cut at {end}", case.name, buffer.buffer_type);
            }
        }
    }
}

/// With one bit flipped anywhere, a signed PAC is refused by the server signature or by the KDC's; no bit is harmless.
#[test]
fn with_any_bit_flipped_a_signature_fails() {
    for case in vectors() {
        let (bytes, Some(ticket)) = pac_of(&case) else { continue };
        let (server, kdc) = (key_of(&case, "server-key").unwrap(), key_of(&case, "kdc-key").unwrap());
        let kdc_signature = Pac::decode(&bytes).unwrap().find(PacBufferType::KDC_SIGNATURE).unwrap();
        let kdc_octets = kdc_signature.offset + 4..kdc_signature.offset + kdc_signature.data.len();
        for at in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[at / 8] ^= 1 << (at % 8);
            let Ok(pac) = Pac::decode(&flipped) else { continue };
            // The server signature leaves out the KDC's, which only the KDC's key can check (MS-PAC 2.8.1).
            let outcome = match kdc_octets.contains(&(at / 8)) {
                true => pac.verify_kdc_signature(&kdc),
                false => pac.verify(&ticket, &server),
            };
            assert!(outcome.is_err(), "{} bit {at}", case.name);
        }
    }
}

/// A PAC whose every bit is flipped once before it is signed (by a KDC gone wrong) ends in an error or in values; it is
/// the reader that is tested here.
#[test]
fn with_any_bit_flipped_it_is_read_without_harm() {
    for case in vectors() {
        let (bytes, _) = pac_of(&case);
        for at in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[at / 8] ^= 1 << (at % 8);
            if let Ok(pac) = Pac::decode(&flipped) {
                let _ = PacInfo::read(&pac).map(|info| (info.user_sid(), info.client_claims()));
            }
        }
    }
}
