//! What an acceptor takes of the tickets that a client delegates (RFC 4121 4.1.1, RFC 4120 5.8.1), and what it refuses.

use crate::forged::{ap_req, field};
use crate::pair::*;
use handfast::krb5::HeldTicket;
use handfast::krb5::enctype::{CipherKey, EncryptionKey, Enctype, KeyUsage};
use handfast::krb5::message::{
    AddressType, EncKrbCredPart, Encoded, EncryptedData, HostAddress, KeyRef, KrbCred, KrbCredInfo, PrincipalName,
    TICKET_LIMIT, Ticket, TicketFlags,
};
use handfast::wire::DecodeReason;
use handfast::*;
use std::time::Duration;

const AES128: Enctype = Enctype::AES128_CTS_HMAC_SHA1_96;
const AES256: Enctype = Enctype::AES256_CTS_HMAC_SHA1_96;
const TGS: &str = "krbtgt/EXAMPLE.COM@EXAMPLE.COM";

/// A KRB-CRED that is as it should be, until it is changed.
#[derive(Clone)]
struct Cred {
    client: Option<Principal>,
    inside: Option<Principal>,
    outside: Principal,
    key: EncryptionKey,
    end: Option<Time>,
    made: Option<Time>,
    /// Tickets, and entries for them.
    counts: (usize, usize),
    /// `None`: in the clear, with etype 0.
    under: Option<(EncryptionKey, KeyUsage)>,
}

fn session_key() -> EncryptionKey {
    EncryptionKey::new(AES256, [2; 32]).unwrap()
}

fn subkey() -> &'static EncryptionKey {
    Box::leak(Box::new(EncryptionKey::new(AES256, [6; 32]).unwrap()))
}

fn after(seconds: u64) -> Time {
    now().saturating_add(Duration::from_secs(seconds)).whole_seconds()
}

impl Cred {
    fn new() -> Self {
        Cred {
            client: Some("alice@EXAMPLE.COM".parse().unwrap()),
            inside: Some(TGS.parse().unwrap()),
            outside: TGS.parse().unwrap(),
            key: EncryptionKey::new(AES256, [8; 32]).unwrap(),
            end: Some(after(3600)),
            made: Some(now()),
            counts: (1, 1),
            under: Some((session_key(), KeyUsage::KRB_CRED_ENC_PART)),
        }
    }

    fn info(&self) -> KrbCredInfo<'_> {
        KrbCredInfo {
            key: KeyRef { keytype: self.key.enctype(), keyvalue: self.key.bytes() },
            prealm: self.client.as_ref().map(Principal::realm),
            pname: self.client.as_ref().map(PrincipalName::from),
            flags: Some(TicketFlags::FORWARDED),
            authtime: Some(now().into()),
            starttime: None,
            endtime: self.end.map(Into::into),
            renew_till: None,
            srealm: self.inside.as_ref().map(Principal::realm),
            sname: self.inside.as_ref().map(PrincipalName::from),
            caddr: vec![HostAddress { addr_type: AddressType::IPV4, address: &[192, 0, 2, 1] }],
        }
    }

    fn to_der(&self) -> Vec<u8> {
        let part = EncKrbCredPart {
            ticket_info: vec![self.info(); self.counts.1],
            nonce: Some(7),
            timestamp: self.made.map(Into::into),
            usec: self.made.map(Into::into),
            s_address: None,
            r_address: None,
        };
        let (mut etype, mut cipher) = (Enctype(0), part.to_der());
        if let Some((key, usage)) = &self.under {
            (etype, cipher) = (key.enctype(), Vec::new());
            CipherKey::new(key, *usage).unwrap().encrypt(&[4; 16], &part.to_der(), &mut cipher);
        }
        let ticket = self.ticket();
        let tickets = vec![Encoded::<Ticket<'_>>::decode(&ticket).unwrap(); self.counts.0];
        KrbCred { tickets, enc_part: EncryptedData { etype, kvno: None, cipher: &cipher } }.to_der()
    }

    fn ticket(&self) -> Vec<u8> {
        let enc_part = EncryptedData { etype: AES256, kvno: Some(1), cipher: b"nobody here can read it" };
        Ticket { realm: self.outside.realm(), sname: PrincipalName::from(&self.outside), enc_part }.to_der()
    }
}

/// The checksum field with a KRB-CRED in it.
fn delegating(cred: &[u8]) -> Vec<u8> {
    let length = u16::try_from(cred.len()).unwrap();
    let flags = Flags::MUTUAL | Flags::INTEGRITY | Flags::DELEGATION;
    [&field(flags)[..], &[1, 0], &length.to_le_bytes(), cred].concat()
}

fn accepted_by(policy: Policy, cred: &[u8]) -> Result<Context, Error> {
    let mut pair = Pair { server_policy: policy, ..Pair::new(AES256) };
    let token =
        ap_req(&pair, &delegating(cred), AES256, |authenticator| authenticator.subkey = Some(KeyRef::from(subkey())));
    accept(&pair.acceptor(), &token, now()).0
}

fn taken(cred: &[u8]) -> Result<Vec<HeldTicket>, Error> {
    accepted_by(Policy::default().take_delegated(), cred).map(|context| {
        assert!(context.flags().contains(Flags::DELEGATION));
        context.delegated_tickets().to_vec()
    })
}

fn refusal(change: impl FnOnce(&mut Cred)) -> Refusal {
    let mut cred = Cred::new();
    change(&mut cred);
    match taken(&cred.to_der()) {
        Err(Error::Refused(refusal)) => *refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_ticket_is_taken_as_it_was_sent() {
    let cred = Cred::new();
    let held = taken(&cred.to_der()).unwrap();
    let expected = HeldTicket {
        client: cred.client.clone().unwrap(),
        server: TGS.parse().unwrap(),
        key: cred.key.clone(),
        auth_time: now().whole_seconds(),
        start_time: None,
        end_time: after(3600),
        renew_till: None,
        is_skey: false,
        flags: TicketFlags::FORWARDED,
        addresses: vec![handfast::krb5::HostAddress { addr_type: 2, address: vec![192, 0, 2, 1] }],
        authorization_data: Vec::new(),
        ticket: cred.ticket(),
        second_ticket: Vec::new(),
    };
    assert_eq!(held, [expected]);
    let several = Cred { counts: (3, 3), ..Cred::new() };
    assert_eq!(taken(&several.to_der()).unwrap().len(), 3);
}

/// RFC 4121 4.1.1 says the session key; some initiators take the subkey, and old MIT krb5 none (RFC 6448).
#[test]
fn it_may_be_under_the_session_key_the_subkey_or_none() {
    let usage = KeyUsage::KRB_CRED_ENC_PART;
    for under in [Some((session_key(), usage)), Some((subkey().clone(), usage)), None] {
        assert_eq!(taken(&Cred { under, ..Cred::new() }.to_der()).unwrap().len(), 1);
    }
    let other = EncryptionKey::new(AES256, [5; 32]).unwrap();
    let not_decryptable = Refusal::Delegation(DelegationRefusal::NotDecryptable);
    for under in [(other, usage), (session_key(), KeyUsage::KRB_PRIV_ENC_PART)] {
        assert_eq!(refusal(|cred| cred.under = Some(under)), not_decryptable);
    }
}

#[test]
fn it_must_be_the_clients_own_and_current_and_of_use() {
    let delegation = |refusal| match refusal {
        Refusal::Delegation(refusal) => refusal,
        other => panic!("{other:?}"),
    };
    for other in ["bob@EXAMPLE.COM", "alice@EXAMPLE.ORG"] {
        let (client, other): (Principal, Principal) = ("alice@EXAMPLE.COM".parse().unwrap(), other.parse().unwrap());
        let got = delegation(refusal(|cred| cred.client = Some(other.clone())));
        assert_eq!(got, DelegationRefusal::OfAnother { client, delegated: other });
    }
    let malformed = |change: &dyn Fn(&mut Cred)| match delegation(refusal(change)) {
        DelegationRefusal::Malformed(what) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(malformed(&|cred| cred.client = None), "the name of its client");
    assert_eq!(malformed(&|cred| cred.inside = None), "the name of its service");
    let web: Principal = "HTTP/www.example.com@EXAMPLE.COM".parse().unwrap();
    assert_eq!(malformed(&|cred| cred.outside = web.clone()), "the same service inside and outside");
    let elsewhere: Principal = "krbtgt/EXAMPLE.COM@EXAMPLE.ORG".parse().unwrap();
    assert_eq!(malformed(&|cred| cred.outside = elsewhere.clone()), "the same service inside and outside");
    let service = |cred: &mut Cred| (cred.outside, cred.inside) = (web.clone(), Some(web.clone()));
    assert_eq!(malformed(&service), "a ticket-granting ticket");
    assert_eq!(malformed(&|cred| cred.counts = (0, 0)), "a ticket-granting ticket");
    assert_eq!(malformed(&|cred| cred.counts = (2, 1)), "as many keys as tickets");
    assert_eq!(malformed(&|cred| cred.counts = (1, 2)), "as many keys as tickets");
    assert_eq!(malformed(&|cred| cred.end = None), "the end of its time");
    let end = now().whole_seconds();
    assert_eq!(refusal(|cred| cred.end = Some(end)), Refusal::TicketExpired { end, now: now() });
    let limit = Duration::from_secs(300);
    assert_eq!(refusal(|cred| cred.made = Some(after(302))), Refusal::ClockSkew { seconds: 301, limit });
    assert!(taken(&Cred { made: Some(after(299)), ..Cred::new() }.to_der()).is_ok());
    assert!(taken(&Cred { made: None, ..Cred::new() }.to_der()).is_ok());
}

#[test]
fn its_key_is_of_a_permitted_enctype_and_of_the_right_size() {
    let strong = Policy::default().with_enctypes([AES256]).take_delegated();
    let key = EncryptionKey::new(AES128, [8; 16]).unwrap();
    let error = accepted_by(strong, &Cred { key, ..Cred::new() }.to_der()).unwrap_err();
    assert_eq!(error, Error::Refused(Box::new(Refusal::EnctypeNotPermitted(AES128))));
    let key = EncryptionKey::unchecked(AES256, [8; 31]);
    assert!(matches!(taken(&Cred { key, ..Cred::new() }.to_der()), Err(Error::Crypto(_))));
}

#[test]
fn as_many_tickets_as_a_message_may_have_and_no_more() {
    let many = |count| Cred { counts: (count, count), ..Cred::new() }.to_der();
    assert_eq!(taken(&many(TICKET_LIMIT)).unwrap().len(), TICKET_LIMIT);
    let error = taken(&many(TICKET_LIMIT + 1)).unwrap_err();
    assert!(
        matches!(&error, Error::Decode(error) if error.reason == DecodeReason::TooLarge { limit: TICKET_LIMIT }),
        "{error}"
    );
}

#[test]
fn what_is_not_asked_for_is_not_looked_at() {
    for cred in [&Cred::new().to_der()[..], b"no KRB-CRED at all", b""] {
        let context = accepted_by(Policy::default(), cred).unwrap();
        assert!(context.delegated().is_none() && !context.flags().contains(Flags::DELEGATION));
    }
    assert!(matches!(taken(b"no KRB-CRED at all"), Err(Error::Decode(_))));
}

/// A client that holds the session key and changes its KRB-CRED: refused, or the same ticket but for what only the KDC reads.
#[test]
fn every_changed_or_cut_krb_cred_is_refused_or_is_the_same() {
    let cred = Cred::new();
    let der = cred.to_der();
    let whole = taken(&der).unwrap();
    for end in 0..der.len() {
        assert!(taken(&der[..end]).is_err(), "cut at {end}");
    }
    assert!(taken(&[&der[..], &[0]].concat()).is_err());
    let place = |part: &[u8]| {
        let at = der.windows(part.len()).position(|window| window == part).unwrap();
        at..at + part.len()
    };
    let ticket = place(&cred.ticket());
    for bit in 0..der.len() * 8 {
        let mut changed = der.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let Ok(taken) = taken(&changed) else { continue };
        // RFC 4120 5.3: the ticket is the KDC's to read, but for the names, which are held against those inside.
        assert!(ticket.contains(&(bit / 8)), "bit {} of byte {}", bit % 8, bit / 8);
        let expected = HeldTicket { ticket: changed[ticket.clone()].to_vec(), ..whole[0].clone() };
        assert_eq!(taken, [expected]);
    }
}
