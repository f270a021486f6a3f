//! User-to-user (draft-swift-win2k-krb-user2user-03): an acceptor without a key, and a client whose ticket is for its login.

use crate::forged::{ap_req, field};
use crate::pair::*;
use handfast::krb5::enctype::{EncryptionKey, Enctype};
use handfast::krb5::message::{
    Encoded, EncryptedData, KerbTgtReply, KerbTgtRequest, PrincipalName, Ticket, TicketFlags,
};
use handfast::krb5::{Ccache, HeldTicket, Keytab};
use handfast::mech::{MechanismId, framing};
use handfast::*;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

const AES256: Enctype = Enctype::AES256_CTS_HMAC_SHA1_96;
const BOB: &str = "bob@EXAMPLE.COM";

/// A ticket whose inside nobody here reads.
fn opaque(server: &Principal) -> Vec<u8> {
    let enc_part = EncryptedData { etype: AES256, kvno: Some(1), cipher: b"the KDC's own" };
    Ticket { realm: server.realm(), sname: PrincipalName::from(server), enc_part }.to_der()
}

fn held(client: &str, server: &str, key: EncryptionKey, ticket: Vec<u8>) -> HeldTicket {
    HeldTicket {
        client: client.parse().unwrap(),
        server: server.parse().unwrap(),
        key,
        auth_time: now().whole_seconds(),
        start_time: None,
        end_time: Time::from_unix_seconds(4_000_000_000),
        renew_till: None,
        is_skey: false,
        flags: TicketFlags::NONE,
        addresses: Vec::new(),
        authorization_data: Vec::new(),
        ticket,
        second_ticket: Vec::new(),
    }
}

/// bob's login; its session key is what tickets for him are under.
fn login() -> HeldTicket {
    let krbtgt = "krbtgt/EXAMPLE.COM@EXAMPLE.COM";
    held(BOB, krbtgt, EncryptionKey::new(AES256, [1; 32]).unwrap(), opaque(&krbtgt.parse().unwrap()))
}

/// alice's ticket for bob is under the session key of his login.
fn pair() -> Pair {
    Pair { service: BOB.parse().unwrap(), ..Pair::new(AES256) }
}

fn acceptor_of(login: HeldTicket) -> Acceptor {
    let random = Arc::new(Counting(AtomicU64::new(1 << 40)));
    Acceptor::with_random(&Keytab::new(), None, random).user_to_user(login).unwrap()
}

fn credential(pair: &Pair) -> Credential {
    let mut cache = Ccache::new(pair.client.clone());
    let ticket = held("alice@EXAMPLE.COM", BOB, pair.session_key.clone(), pair.ticket());
    cache.replace(HeldTicket { is_skey: true, second_ticket: login().ticket, ..ticket });
    Credential::tickets(&cache)
}

fn begin(pair: &Pair, negotiate: bool) -> (InitiateToken, Vec<u8>) {
    let (initiator, credential, mut out) = (pair.initiator(), credential(pair), Vec::new());
    let target = ServiceName::principal(BOB.parse().unwrap());
    let target = initiator.to(&target).credential(&credential).user_to_user();
    let target = if negotiate { target.negotiate() } else { target };
    match target.begin(now(), &mut out).unwrap() {
        Initiate::NeedsToken(next) => (next, out),
        other => panic!("{other:?}"),
    }
}

/// A handshake with everything in its place; every token.
fn run(negotiate: bool) -> (Context, Context, Vec<Vec<u8>>) {
    let (acceptor, (mut client, mut token)) = (acceptor_of(login()), begin(&pair(), negotiate));
    let (mut waiting, mut tokens) = (acceptor.session().begin(), Vec::new());
    loop {
        tokens.push(std::mem::take(&mut token));
        let mut reply = Vec::new();
        let step = waiting.step(tokens.last().unwrap(), now(), &mut reply).unwrap();
        tokens.push(reply);
        let ours = client.step(tokens.last().unwrap(), now(), &mut token).unwrap();
        match (step, ours) {
            (Accept::NeedsToken(server), Initiate::NeedsToken(next)) => (waiting, client) = (server, next),
            (Accept::Complete(server), Initiate::Complete(client)) => return (client, server, tokens),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_user_is_a_server() {
    for negotiate in [false, true] {
        let (mut client, mut server, tokens) = run(negotiate);
        assert_eq!(tokens.len(), 4);
        assert_eq!((client.mechanism(), server.mechanism()), (MechanismId::KERBEROS_USER_TO_USER, client.mechanism()));
        assert_eq!(
            (server.peer().to_string().as_str(), client.peer().to_string().as_str()),
            ("alice@EXAMPLE.COM", BOB)
        );
        assert_eq!((client.session_key(), client.flags()), (server.session_key(), server.flags()));
        assert_eq!(server.unseal(&mut seal(&mut client, b"to")).unwrap(), b"to");
        let mut server = Context::import(server.export().expose()).unwrap();
        assert_eq!(client.unseal(&mut seal(&mut server, b"fro")).unwrap(), b"fro");
    }
}

/// TOK_ID and message of a token that names this mechanism.
fn taken_apart(token: &[u8]) -> ([u8; 2], &[u8]) {
    let (mechanism, mut inner) = framing::read(token).unwrap();
    assert_eq!(mechanism, MechanismId::KERBEROS_USER_TO_USER.der_contents());
    (inner.array().unwrap(), inner.all())
}

#[test]
fn tokens_are_those_of_the_draft() {
    assert_eq!(MechanismId::KERBEROS_USER_TO_USER.to_string(), "1.2.840.113554.1.2.2.3");
    let (_, _, tokens) = run(false);
    let ids: Vec<_> = tokens.iter().map(|token| taken_apart(token).0).collect();
    assert_eq!(ids, [[4, 0], [4, 1], [1, 0], [2, 0]]);
    let bob: Principal = BOB.parse().unwrap();
    let asked = KerbTgtRequest { server_name: Some(PrincipalName::from(&bob)), realm: Some("EXAMPLE.COM") };
    assert_eq!(KerbTgtRequest::decode(taken_apart(&tokens[0]).1), Ok(asked));
    assert_eq!(KerbTgtReply::decode(taken_apart(&tokens[1]).1).unwrap().ticket.bytes(), login().ticket);
}

fn framed(id: [u8; 2], message: &[u8]) -> Vec<u8> {
    let mut token = Vec::new();
    framing::write_header(MechanismId::KERBEROS_USER_TO_USER, 2 + message.len(), &mut token);
    [&token[..], &id, message].concat()
}

fn asked(login: HeldTicket, name: Option<&str>, realm: Option<&str>) -> Result<(), Refusal> {
    let user = name.map(|name| name.parse::<Principal>().unwrap());
    let question = KerbTgtRequest { server_name: user.as_ref().map(PrincipalName::from), realm };
    let mut out = Vec::new();
    let step = acceptor_of(login).session().begin().step(&framed([4, 0], &question.to_der()), now(), &mut out);
    match step {
        Ok(Accept::NeedsToken(_)) => {
            assert_eq!(taken_apart(&out).0, [4, 1]);
            Ok(())
        }
        Err(Error::Refused(refusal)) => {
            assert_eq!(taken_apart(&out).0, [3, 0], "a KRB-ERROR");
            Err(*refusal)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_login_is_shown_to_those_who_want_its_user_or_name_nobody() {
    assert_eq!(asked(login(), None, None), Ok(()));
    assert_eq!(asked(login(), Some("bob"), None), Ok(()));
    assert_eq!(asked(login(), None, Some("EXAMPLE.COM")), Ok(()));
    for (name, realm) in [(Some("carol"), None), (None, Some("EXAMPLE.ORG")), (Some("bob"), Some("EXAMPLE.ORG"))] {
        let refused = asked(login(), name, realm).unwrap_err();
        assert!(matches!(refused, Refusal::OtherUser { .. }), "{refused}");
    }
    let ended = HeldTicket { end_time: now(), ..login() };
    assert_eq!(asked(ended, None, None), Err(Refusal::LoginEnded { user: BOB.parse().unwrap(), end: now() }));
}

/// What an acceptor with bob's login says to a client that knows it already.
fn presented(login: HeldTicket, token: &[u8]) -> Refusal {
    let acceptor = acceptor_of(login);
    match accept(&acceptor, token, now()) {
        (Err(Error::Refused(refusal)), _) => *refusal,
        other => panic!("{other:?}"),
    }
}

/// The client's AP-REQ, after the acceptor has shown this login.
fn third(pair: &Pair) -> Vec<u8> {
    let (client, mut out) = (begin(pair, false).0, Vec::new());
    let reply = KerbTgtReply { ticket: Encoded::<Ticket<'_>>::decode(&login().ticket).unwrap() }.to_der();
    client.step(&framed([4, 1], &reply), now(), &mut out).unwrap();
    out
}

#[test]
fn a_client_that_knows_the_login_need_not_ask() {
    let token = third(&pair());
    assert!(accept(&acceptor_of(login()), &token, now()).0.is_ok());
}

#[test]
fn a_ticket_is_for_this_user_and_under_this_logins_key() {
    let other_key = HeldTicket { key: EncryptionKey::new(AES256, [9; 32]).unwrap(), ..login() };
    let refused = presented(other_key, &third(&pair()));
    assert!(matches!(refused, Refusal::TicketNotDecryptable { .. }), "{refused}");
    let other_enctype = EncryptionKey::new(Enctype::AES128_CTS_HMAC_SHA1_96, [1; 16]).unwrap();
    let refused = presented(HeldTicket { key: other_enctype, ..login() }, &third(&pair()));
    assert!(matches!(refused, Refusal::NoKey { .. }), "{refused}");
    for service in ["carol@EXAMPLE.COM", "bob@EXAMPLE.ORG"] {
        let refused = presented(login(), &third(&Pair { service: service.parse().unwrap(), ..pair() }));
        assert!(matches!(refused, Refusal::UnknownService { .. }), "{refused}");
    }
    let ended = HeldTicket { end_time: now(), ..login() };
    assert!(matches!(presented(ended, &third(&pair())), Refusal::LoginEnded { .. }));
}

#[test]
fn ordinary_tickets_and_those_for_logins_are_never_mixed_up() {
    // An ordinary AP-REQ by its own token, in the framing of the mechanism for users.
    let pair = pair();
    let ordinary = ap_req(&pair, &field(Flags::MUTUAL | Flags::INTEGRITY), AES256, |_| ());
    let message = &framing::read(&ordinary).unwrap().1.all()[2..];
    assert_eq!(presented(login(), &framed([1, 0], message)), Refusal::NotUserToUser);
    // And the other way round, where the acceptor does have a key for it: as a bare and as a framed token.
    let token = third(&pair);
    let message = taken_apart(&token).1;
    let mut framed_as_kerberos = Vec::new();
    framing::write_header(MechanismId::KERBEROS, 2 + message.len(), &mut framed_as_kerberos);
    let framed_as_kerberos = [&framed_as_kerberos[..], &[1, 0], message].concat();
    for (acceptor, token) in
        [(Pair::new(AES256).acceptor(), &framed_as_kerberos), (acceptor_of(login()), &framed_as_kerberos)]
    {
        let error = accept(&acceptor, token, now()).0.unwrap_err();
        assert!(matches!(&error, Error::Refused(refusal) if matches!(**refusal, Refusal::Unsupported(_))), "{error}");
    }
    // Nobody offers the mechanism for users here.
    assert_eq!(accept(&Pair::new(AES256).acceptor(), &token, now()).0.unwrap_err(), Error::UnknownMechanism);
}

#[test]
fn a_login_is_asked_for_once() {
    let (_, question) = begin(&pair(), false);
    let mut out = Vec::new();
    let step = acceptor_of(login()).session().begin().step(&question, now(), &mut out).unwrap();
    let Accept::NeedsToken(waiting) = step else { panic!() };
    let error = waiting.step(&question, now(), &mut out).unwrap_err();
    assert!(matches!(&error, Error::Refused(refusal) if matches!(**refusal, Refusal::Unsupported(_))), "{error}");
}

#[test]
fn an_initiator_takes_a_ticket_granting_ticket_and_nothing_else() {
    let answered = |token: &[u8]| begin(&pair(), false).0.step(token, now(), &mut Vec::new()).map(drop);
    let reply = |server: &str| {
        let ticket = opaque(&server.parse().unwrap());
        framed([4, 1], &KerbTgtReply { ticket: Encoded::<Ticket<'_>>::decode(&ticket).unwrap() }.to_der())
    };
    assert!(matches!(answered(&reply("HTTP/www.example.com@EXAMPLE.COM")), Err(Error::Refused(_))));
    // A login for which there is no ticket yet, and none to get one with.
    let other = answered(&reply("krbtgt/EXAMPLE.ORG@EXAMPLE.COM"));
    assert!(matches!(other, Err(Error::Credential(CredentialError::NoTicket { .. }))), "{other:?}");
    let (_, question) = begin(&pair(), false);
    assert_eq!(answered(&question), Err(Error::Refused(Box::new(Refusal::AcceptorNotProven))));
    let proof = run(false).2[3].clone();
    assert_eq!(answered(&proof), Err(Error::Refused(Box::new(Refusal::AcceptorNotProven))));
}

/// What is sent for a token.
type Step<'s> = dyn Fn(&[u8]) -> Result<Vec<u8>, Error> + 's;

#[test]
fn every_changed_or_cut_question_and_answer_is_refused_or_is_the_same() {
    let (_, _, tokens) = run(false);
    let question = |token: &[u8]| {
        let mut out = Vec::new();
        let step = acceptor_of(login()).session().begin().step(token, now(), &mut out);
        step.map(|_| out)
    };
    let answer = |token: &[u8]| {
        let mut out = Vec::new();
        let step = begin(&pair(), false).0.step(token, now(), &mut out);
        step.map(|_| out)
    };
    let name_type = tokens[0].windows(5).position(|octets| octets == [0xa0, 0x03, 0x02, 0x01, 0x01]).unwrap() + 4;
    let each = |index: usize, step: &Step<'_>, harmless: &[usize]| {
        let token = &tokens[index];
        assert_eq!(step(token).unwrap(), tokens[index + 1]);
        for end in 0..token.len() {
            assert!(step(&token[..end]).is_err(), "token {index} cut at {end}");
        }
        for bit in 0..token.len() * 8 {
            let mut changed = token.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            if let Ok(out) = step(&changed) {
                assert_eq!(out, tokens[index + 1]);
                assert!(harmless.contains(&(bit / 8)), "bit {} of byte {} of token {index}", bit % 8, bit / 8);
            }
        }
    };
    // RFC 4120 6.2: the type of a name is a hint.
    each(0, &question, &[name_type]);
    each(1, &answer, &[]);
}
