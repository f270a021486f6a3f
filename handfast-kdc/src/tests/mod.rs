//! The realm, driven by requests made by hand.

mod aliases;
mod as_exchange;
mod fast;
mod fast_tgs;
mod foreign_pac;
mod hostile;
mod lockout;
mod on_behalf;
mod other_realms;
mod pac;
mod password;
#[cfg(feature = "pkinit")]
mod pkinit;
mod postdated;
mod preauth;
#[cfg(feature = "spake")]
mod spake;
mod tgs_exchange;
mod weak_rc4;

use crate::{Answer, MemoryDirectory, PrincipalEntry, Realm, Request, SESSION_ENCTYPES, Settings, Transport};
use handfast::crypto::OsRandom;
use handfast::krb5::enctype::{ChecksumKey, ChecksumType, CipherKey, EncryptionKey, Enctype, KeyUsage, string_to_key};
use handfast::krb5::message::{
    ApOptions, ApReq, Authenticator, AuthorizationData, Checksum, EncKdcRepPart, EncTicketPart, Encoded, EncryptedData,
    ErrorCode, KdcExchange, KdcOptions, KdcRep, KdcReq, KdcReqBody, KerberosTime, KeyRef, KrbError, PaData, PaDataType,
    PaEncTsEnc, PrincipalName, Ticket,
};
use handfast::{NameType, Principal, Time};
use std::sync::{Arc, OnceLock};

const NOW: Time = Time::from_unix_micros(1_700_000_000_123_456);
const HOUR: i64 = 3600;
const PASSWORD: &[u8] = b"correct horse";
const AES256: Enctype = Enctype::AES256_CTS_HMAC_SHA1_96;

type Change = fn(&mut PrincipalEntry);

fn principal(text: &str) -> Principal {
    text.parse().unwrap()
}

/// alice, the services HTTP/web and NFS/files, and the ticket-granting service.
fn directory() -> MemoryDirectory {
    static DIRECTORY: OnceLock<MemoryDirectory> = OnceLock::new();
    let make = || {
        let mut directory = MemoryDirectory::new("R.TEST", &OsRandom, NOW).unwrap();
        directory.insert(PrincipalEntry::user_of(principal("alice@R.TEST"), PASSWORD, &SESSION_ENCTYPES, NOW).unwrap());
        for service in ["HTTP/web@R.TEST", "NFS/files@R.TEST"] {
            directory
                .insert(PrincipalEntry::service_of(principal(service), &SESSION_ENCTYPES, &OsRandom, NOW).unwrap());
        }
        directory
    };
    DIRECTORY.get_or_init(make).clone()
}

/// A realm, with one of its principals changed.
fn changed(name: &str, change: impl FnOnce(&mut PrincipalEntry)) -> Realm {
    let mut directory = directory();
    assert!(directory.change(&principal(name), change));
    over(directory)
}

fn over(directory: MemoryDirectory) -> Realm {
    Realm::new("R.TEST", Arc::new(directory), Settings::default(), Arc::new(OsRandom))
}

fn realm() -> Realm {
    over(directory())
}

fn at(seconds: i64) -> Time {
    Time::from_unix_micros(NOW.unix_micros() + seconds * 1_000_000)
}

fn body(sname: &[&'static str]) -> KdcReqBody<'static> {
    KdcReqBody {
        kdc_options: KdcOptions::NONE,
        cname: None,
        realm: "R.TEST",
        sname: Some(PrincipalName { name_type: NameType::SRV_INST, name_string: sname.to_vec() }),
        from: None,
        till: KerberosTime::EPOCH,
        rtime: None,
        nonce: 0x7eed_cafe,
        etype: vec![AES256],
        addresses: vec![],
        enc_authorization_data: None,
        additional_tickets: vec![],
    }
}

fn as_body() -> KdcReqBody<'static> {
    let cname = PrincipalName { name_type: NameType::PRINCIPAL, name_string: vec!["alice"] };
    KdcReqBody { cname: Some(cname), ..body(&["krbtgt", "R.TEST"]) }
}

fn request(exchange: KdcExchange, padata: Vec<PaData<'_>>, body: &KdcReqBody<'_>) -> Vec<u8> {
    let der = body.to_der();
    KdcReq { exchange, padata, req_body: Encoded::<KdcReqBody<'_>>::decode(&der).unwrap() }.to_der()
}

fn user_key(enctype: Enctype) -> EncryptionKey {
    string_to_key(enctype, PASSWORD, b"R.TESTalice", None).unwrap()
}

/// Encrypts; the confounder matters to nobody here.
fn sealed(key: &EncryptionKey, usage: KeyUsage, plain: &[u8]) -> Vec<u8> {
    let mut out = vec![];
    CipherKey::new(key, usage).unwrap().encrypt(&[9; 16], plain, &mut out);
    out
}

fn timestamp(key: &EncryptionKey, time: Time) -> Vec<u8> {
    let plain = PaEncTsEnc { patimestamp: time.into(), pausec: Some(time.into()) }.to_der();
    let cipher = sealed(key, KeyUsage::AS_REQ_TIMESTAMP, &plain);
    EncryptedData { etype: key.enctype(), kvno: None, cipher: &cipher }.to_der()
}

/// An AS-REQ with a timestamp.
fn proven(body: &KdcReqBody<'_>, key: &EncryptionKey, time: Time) -> Vec<u8> {
    let value = timestamp(key, time);
    request(KdcExchange::As, vec![PaData { padata_type: PaDataType::ENC_TIMESTAMP, padata_value: &value }], body)
}

fn answer(realm: &Realm, bytes: &[u8], now: Time) -> Answer {
    realm.handle(&Request { bytes, transport: Transport::Udp, peer: None }, now)
}

/// The reply, or the error. What they borrow from lives as long as the test.
fn ask(realm: &Realm, bytes: &[u8], now: Time) -> Result<KdcRep<'static>, Box<KrbError<'static>>> {
    let answer = answer(realm, bytes, now);
    let reply: &'static [u8] = answer.reply.unwrap().leak();
    KdcRep::decode(reply).map_err(|_| Box::new(KrbError::decode(reply).unwrap()))
}

fn refused(realm: &Realm, bytes: &[u8], now: Time) -> ErrorCode {
    ask(realm, bytes, now).unwrap_err().error_code
}

/// A ticket that a client holds, opened with the service's key too.
struct Held {
    der: &'static [u8],
    session: EncryptionKey,
    reply: EncKdcRepPart<'static>,
    inside: EncTicketPart<'static>,
}

fn open(realm: &Realm, reply: &KdcRep<'static>, key: &EncryptionKey, usage: KeyUsage) -> Held {
    let plain = CipherKey::new(key, usage).unwrap().decrypt(reply.enc_part.cipher).unwrap();
    let part = EncKdcRepPart::decode(plain.expose().clone().leak()).unwrap();
    let service = reply.ticket.sname.to_principal(reply.ticket.realm);
    let entry = realm.directory.find(&service).unwrap().unwrap();
    let sealed = &reply.ticket.enc_part;
    let fits = |key: &&Arc<crate::LongTermKey>| Some(key.kvno()) == sealed.kvno && key.key().enctype() == sealed.etype;
    let key = entry.keys.iter().find(fits).unwrap().key().clone();
    let inside = CipherKey::new(&key, KeyUsage::TICKET).unwrap().decrypt(sealed.cipher).unwrap();
    let inside = EncTicketPart::decode(inside.expose().clone().leak()).unwrap();
    assert_eq!(inside.key, part.key);
    assert_eq!((inside.flags, inside.endtime, inside.renew_till), (part.flags, part.endtime, part.renew_till));
    let session = EncryptionKey::new(part.key.keytype, part.key.keyvalue).unwrap();
    Held { der: reply.ticket.bytes(), session, reply: part, inside }
}

/// A ticket-granting ticket for alice.
fn tgt(realm: &Realm, change: impl FnOnce(&mut KdcReqBody<'static>)) -> Held {
    let mut body = as_body();
    change(&mut body);
    let key = user_key(body.etype[0]);
    let reply = ask(realm, &proven(&body, &key, NOW), NOW).unwrap();
    open(realm, &reply, &key, KeyUsage::AS_REP_ENC_PART)
}

/// A TGS request in the making: as a client does it right, until a test does it wrong.
struct TgsAsk {
    body: KdcReqBody<'static>,
    ticket: Vec<u8>,
    session: EncryptionKey,
    authenticator: Authenticator<'static>,
    /// Computed over the body if `None`.
    checksum: Option<Option<Checksum<'static>>>,
    padata: Vec<PaData<'static>>,
    /// What the authenticator says it is under; the session key's enctype if `None`.
    etype: Option<Enctype>,
    now: Time,
}

impl TgsAsk {
    fn new(tgt: &Held, sname: &[&'static str]) -> Self {
        TgsAsk {
            body: body(sname),
            ticket: tgt.der.to_vec(),
            session: tgt.session.clone(),
            authenticator: Authenticator {
                crealm: "R.TEST",
                cname: PrincipalName { name_type: NameType::PRINCIPAL, name_string: vec!["alice"] },
                cksum: None,
                cusec: NOW.into(),
                ctime: NOW.into(),
                subkey: None,
                seq_number: None,
                authorization_data: AuthorizationData::default(),
            },
            checksum: None,
            padata: vec![],
            etype: None,
            now: NOW,
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let body = self.body.to_der();
        let key = ChecksumKey::new(&self.session, KeyUsage::TGS_REQ_AUTHENTICATOR_CHECKSUM).unwrap();
        let mac = key.checksum(&[&body]);
        let right = Checksum { cksumtype: key.checksum_type(), checksum: &mac };
        let cksum = self.checksum.unwrap_or(Some(right));
        let plain = Authenticator { cksum, ..self.authenticator.clone() }.to_der();
        let cipher = sealed(&self.session, KeyUsage::TGS_REQ_AUTHENTICATOR, &plain);
        let etype = self.etype.unwrap_or(self.session.enctype());
        let ap_req = ApReq {
            ap_options: ApOptions::NONE,
            ticket: Encoded::<Ticket<'_>>::decode(&self.ticket).unwrap(),
            authenticator: EncryptedData { etype, kvno: None, cipher: &cipher },
        };
        let ap_req = ap_req.to_der();
        let mut padata = vec![PaData { padata_type: PaDataType::TGS_REQ, padata_value: &ap_req }];
        padata.extend(self.padata.iter().copied());
        request(KdcExchange::Tgs, padata, &self.body)
    }

    fn held(&self, realm: &Realm) -> Held {
        let reply = ask(realm, &self.bytes(), self.now).unwrap();
        match self.authenticator.subkey {
            Some(KeyRef { keytype, keyvalue }) => {
                let subkey = EncryptionKey::new(keytype, keyvalue).unwrap();
                open(realm, &reply, &subkey, KeyUsage::TGS_REP_ENC_PART_SUBKEY)
            }
            None => open(realm, &reply, &self.session, KeyUsage::TGS_REP_ENC_PART_SESSION_KEY),
        }
    }

    fn refused(&self, realm: &Realm) -> ErrorCode {
        refused(realm, &self.bytes(), self.now)
    }
}
