//! A KDC's answers in parts, right as they are made, to be spoilt by a test.

use super::{NOW, REALM, key, principal, seconds};
use crate::krb5::enctype::{ChecksumKey, CipherKey, EncryptionKey, KeyUsage};
use crate::krb5::message::*;
use crate::name::Principal;
use crate::time::Time;
use alloc::vec;
use alloc::vec::Vec;

pub(super) type Padata = Vec<(PaDataType, Vec<u8>)>;

pub(super) struct Reply {
    pub(super) exchange: KdcExchange,
    pub(super) padata: Padata,
    pub(super) client: Principal,
    /// The service that the ticket names outside.
    pub(super) ticket_service: Principal,
    pub(super) key: EncryptionKey,
    pub(super) usage: KeyUsage,
    /// The tag of the encrypted part.
    pub(super) part_exchange: KdcExchange,
    pub(super) session_key: EncryptionKey,
    pub(super) nonce: u32,
    pub(super) flags: TicketFlags,
    pub(super) authtime: Time,
    pub(super) starttime: Option<Time>,
    pub(super) endtime: Time,
    pub(super) renew_till: Option<Time>,
    pub(super) service: Principal,
    pub(super) addresses: Vec<[u8; 4]>,
    pub(super) encrypted_padata: Padata,
}

fn padata(padata: &Padata) -> Vec<PaData<'_>> {
    padata.iter().map(|(padata_type, value)| PaData { padata_type: *padata_type, padata_value: value }).collect()
}

impl Reply {
    /// What a KDC says to this AS-REQ that needs no proof.
    pub(super) fn to_login(request: &[u8], key: &EncryptionKey) -> Self {
        let decoded = KdcReq::decode(request).unwrap();
        assert_eq!(decoded.exchange, KdcExchange::As);
        let client = decoded.req_body.cname.clone().unwrap().to_principal(decoded.req_body.realm);
        Reply {
            padata: Vec::new(),
            usage: KeyUsage::AS_REP_ENC_PART,
            flags: TicketFlags::INITIAL.with(TicketFlags::ENC_PA_REP),
            encrypted_padata: vec![(PaDataType::REQ_ENC_PA_REP, checksum(key, request))],
            ..Reply::to_body(KdcExchange::As, &decoded.req_body, client, key)
        }
    }

    /// What a KDC says to this TGS-REQ, once it has checked the proof in it.
    pub(super) fn to_ticket_request(request: &[u8], session_key: &EncryptionKey) -> Self {
        let decoded = KdcReq::decode(request).unwrap();
        assert_eq!(decoded.exchange, KdcExchange::Tgs);
        assert!(decoded.req_body.cname.is_none());
        let proof = ApReq::decode(decoded.padata[0].padata_value).unwrap();
        let plain = CipherKey::new(session_key, KeyUsage(7)).unwrap().decrypt(proof.authenticator.cipher).unwrap();
        let authenticator = Authenticator::decode(plain.expose()).unwrap();
        let sum = authenticator.cksum.unwrap();
        let checksum_key = ChecksumKey::new(session_key, KeyUsage(6)).unwrap();
        assert_eq!(Some(sum.cksumtype), session_key.enctype().mandatory_checksum());
        checksum_key.verify(&[decoded.req_body.bytes()], sum.checksum).unwrap();
        assert_eq!(authenticator.ctime.with_micros(authenticator.cusec), NOW);
        let client = authenticator.cname.to_principal(authenticator.crealm);
        let subkey = authenticator.subkey.unwrap().to_key().unwrap();
        assert_eq!(subkey.enctype(), session_key.enctype());
        assert_ne!(subkey, *session_key);
        Reply {
            usage: KeyUsage::TGS_REP_ENC_PART_SUBKEY,
            authtime: seconds(-3600),
            ..Reply::to_body(KdcExchange::Tgs, &decoded.req_body, client, &subkey)
        }
    }

    /// What a KDC says to this TGS-REQ, under `subkey`, whatever the proof in it is.
    pub(super) fn to_body_of(request: &[u8], client: Principal, subkey: &EncryptionKey) -> Self {
        let decoded = KdcReq::decode(request).unwrap();
        let usage = KeyUsage::TGS_REP_ENC_PART_SUBKEY;
        Reply { usage, ..Reply::to_body(KdcExchange::Tgs, &decoded.req_body, client, subkey) }
    }

    fn to_body(exchange: KdcExchange, body: &KdcReqBody<'_>, client: Principal, key: &EncryptionKey) -> Self {
        let service = body.sname.clone().unwrap().to_principal(body.realm);
        let addresses = body.addresses.iter().map(|address| address.address.try_into().unwrap()).collect();
        let says = |option, flag| if body.kdc_options.contains(option) { flag } else { TicketFlags::NONE };
        Reply {
            exchange,
            padata: Vec::new(),
            client,
            ticket_service: service.clone(),
            key: key.clone(),
            usage: KeyUsage(0),
            part_exchange: exchange,
            session_key: super::key(18, 0x5e),
            nonce: body.nonce,
            flags: says(KdcOptions::FORWARDED, TicketFlags::FORWARDED)
                .with(says(KdcOptions::PROXY, TicketFlags::PROXY)),
            authtime: NOW,
            starttime: Some(NOW),
            endtime: seconds(36_000),
            renew_till: None,
            service,
            addresses,
            encrypted_padata: Vec::new(),
        }
    }

    fn part(&self) -> Vec<u8> {
        let caddr = self.addresses.iter().map(|octets| HostAddress { addr_type: AddressType::IPV4, address: octets });
        EncKdcRepPart {
            exchange: self.part_exchange,
            key: KeyRef::from(&self.session_key),
            last_req: vec![LastReqEntry { lr_type: LrType::NONE, lr_value: NOW.into() }],
            nonce: self.nonce,
            key_expiration: None,
            flags: self.flags,
            authtime: self.authtime.into(),
            starttime: self.starttime.map(KerberosTime::from),
            endtime: self.endtime.into(),
            renew_till: self.renew_till.map(KerberosTime::from),
            srealm: self.service.realm(),
            sname: PrincipalName::from(&self.service),
            caddr: caddr.collect(),
            encrypted_pa_data: padata(&self.encrypted_padata),
        }
        .to_der()
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut cipher = Vec::new();
        CipherKey::new(&self.key, self.usage).unwrap().encrypt(&[0xee; 16], &self.part(), &mut cipher);
        let ticket = Ticket {
            realm: self.ticket_service.realm(),
            sname: PrincipalName::from(&self.ticket_service),
            enc_part: EncryptedData { etype: self.key.enctype(), kvno: Some(1), cipher: b"for the service alone" },
        };
        let mut buffer = Vec::new();
        KdcRep {
            exchange: self.exchange,
            padata: padata(&self.padata),
            crealm: self.client.realm(),
            cname: PrincipalName::from(&self.client),
            ticket: Encoded::<Ticket<'_>>::new(ticket, &mut buffer),
            enc_part: EncryptedData { etype: self.key.enctype(), kvno: Some(3), cipher: &cipher },
        }
        .to_der()
    }
}

/// What a KDC of RFC 6806 11 says of the request it saw.
pub(super) fn checksum(key: &EncryptionKey, request: &[u8]) -> Vec<u8> {
    let key = ChecksumKey::new(key, KeyUsage(56)).unwrap();
    Checksum { cksumtype: key.checksum_type(), checksum: &key.checksum(&[request]) }.to_der()
}

/// A refusal by a KDC whose clock is 7 s ahead.
pub(super) fn refusal(code: ErrorCode, text: Option<&str>, data: Option<&[u8]>) -> Vec<u8> {
    let krbtgt = principal("krbtgt/EXAMPLE.COM");
    KrbError {
        ctime: None,
        cusec: None,
        stime: seconds(7).into(),
        susec: Microseconds::default(),
        error_code: code,
        crealm: None,
        cname: None,
        realm: REALM,
        sname: PrincipalName::from(&krbtgt),
        e_text: text,
        e_data: data,
    }
    .to_der()
}

/// What a KDC says that wants a proof: these methods.
pub(super) fn wants_proof(methods: &Padata) -> Vec<u8> {
    refusal(ErrorCode::KDC_ERR_PREAUTH_REQUIRED, None, Some(&method_data(methods)))
}

pub(super) fn method_data(methods: &Padata) -> Vec<u8> {
    MethodData(padata(methods)).to_der()
}

/// Hints of enctypes, salts and iteration counts.
pub(super) fn hints(entries: &[(i32, Option<&str>, Option<u32>)]) -> Vec<u8> {
    let counts: Vec<_> = entries.iter().map(|entry| entry.2.map(u32::to_be_bytes)).collect();
    let entries = entries.iter().zip(&counts).map(|((etype, salt, _), count)| EtypeInfo2Entry {
        etype: crate::krb5::enctype::Enctype(*etype),
        salt: *salt,
        s2kparams: count.as_ref().map(|count| count.as_slice()),
    });
    EtypeInfo2(entries.collect()).to_der()
}

/// The methods of a KDC that takes encrypted timestamps, with these hints.
pub(super) fn methods(entries: &[(i32, Option<&str>, Option<u32>)]) -> Padata {
    vec![
        (PaDataType::FX_FAST, Vec::new()),
        (PaDataType::ETYPE_INFO2, hints(entries)),
        (PaDataType::ENC_TIMESTAMP, Vec::new()),
        (PaDataType::FX_COOKIE, b"a cookie".to_vec()),
    ]
}

/// Checks the encrypted timestamp in an AS-REQ: it is of the KDC's clock, which [`refusal`] has told.
pub(super) fn check_timestamp(request: &[u8], with: &EncryptionKey) {
    let request = KdcReq::decode(request).unwrap();
    let find = |wanted| request.padata.iter().find(|padata| padata.padata_type == wanted).unwrap().padata_value;
    let sealed = EncryptedData::decode(find(PaDataType::ENC_TIMESTAMP)).unwrap();
    assert_eq!((sealed.etype, sealed.kvno), (with.enctype(), None));
    let plain = CipherKey::new(with, KeyUsage(1)).unwrap().decrypt(sealed.cipher).unwrap();
    let time = PaEncTsEnc::decode(plain.expose()).unwrap();
    assert_eq!(time.patimestamp.with_micros(time.pausec.unwrap()), seconds(7));
    assert_eq!(find(PaDataType::FX_COOKIE), b"a cookie");
    assert_ne!(*with, key(17, 0));
}

/// The subkey in a TGS-REQ.
pub(super) fn subkey_of(request: &[u8], session_key: &EncryptionKey) -> EncryptionKey {
    let decoded = KdcReq::decode(request).unwrap();
    let proof = ApReq::decode(decoded.padata[0].padata_value).unwrap();
    let plain = CipherKey::new(session_key, KeyUsage(7)).unwrap().decrypt(proof.authenticator.cipher).unwrap();
    Authenticator::decode(plain.expose()).unwrap().subkey.unwrap().to_key().unwrap()
}
