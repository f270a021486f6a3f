//! What the PAC of the ticket presented tells of who asks, and who gets one.

use super::tgs_exchange::forged;
use super::*;
use crate::{Domain, DomainAccount};
use handfast::krb5::message::PaPacRequest;
use handfast::krb5::pac::{AttributesInfo, Pac, Rid, find_pac};

/// A realm with a domain, in which alice has an account.
fn with_account(rid: u32) -> Realm {
    let domain = Some(Domain { sid: "S-1-5-21-1-2-3".parse().unwrap(), netbios_name: "R".into() });
    let mut directory = directory();
    directory.change(&principal("alice@R.TEST"), |alice| {
        alice.account = Some(DomainAccount { rid: Rid(rid), groups: vec![] });
    });
    let settings = Settings { domain, ..Settings::default() };
    Realm::new("R.TEST", Arc::new(directory), settings, Arc::new(OsRandom))
}

/// What alice gets who says this of a PAC.
fn wishing(realm: &Realm, include: Option<bool>, sname: &[&'static str]) -> Held {
    let proof = timestamp(&user_key(AES256), NOW);
    let wish = include.map(|include_pac| PaPacRequest { include_pac }.to_der());
    let mut padata = vec![PaData { padata_type: PaDataType::ENC_TIMESTAMP, padata_value: &proof }];
    padata.extend(wish.iter().map(|value| PaData { padata_type: PaDataType::PAC_REQUEST, padata_value: value }));
    let body = KdcReqBody { sname: body(sname).sname, ..as_body() };
    let reply = ask(realm, &request(KdcExchange::As, padata, &body), NOW).unwrap();
    open(realm, &reply, &user_key(AES256), KeyUsage::AS_REP_ENC_PART)
}

fn attributes(held: &Held) -> Option<AttributesInfo> {
    let pac = find_pac(&held.inside.authorization_data).unwrap()?;
    Pac::decode(pac).unwrap().attributes().unwrap()
}

/// MS-KILE 3.3.5.3: who says that it wants no PAC, by a padata of its login, has none in its tickets for services.
#[test]
fn a_client_that_wants_no_pac_gets_none_for_services() {
    let realm = with_account(1103);
    let has = |held: &Held| find_pac(&held.inside.authorization_data).unwrap().is_some();
    let web: &[&str] = &["HTTP", "web"];
    for (wish, expected) in [(None, true), (Some(true), true), (Some(false), false)] {
        let tgt = wishing(&realm, wish, &["krbtgt", "R.TEST"]);
        let requested = wish == Some(true);
        let told = AttributesInfo { requested, given_implicitly: wish.is_none() };
        assert_eq!(attributes(&tgt), Some(told), "{wish:?}");
        let again = TgsAsk::new(&tgt, &["krbtgt", "R.TEST"]).held(&realm);
        assert_eq!(attributes(&again), Some(told), "a further one tells the same");
        assert_eq!(has(&TgsAsk::new(&again, web).held(&realm)), expected, "{wish:?}");
        assert_eq!(has(&wishing(&realm, wish, web)), expected, "{wish:?}, by the login itself");
    }
    let proof = timestamp(&user_key(AES256), NOW);
    let of = |padata_type, padata_value| PaData { padata_type, padata_value };
    let broken = vec![of(PaDataType::ENC_TIMESTAMP, &proof[..]), of(PaDataType::PAC_REQUEST, b"junk")];
    assert_eq!(refused(&realm, &request(KdcExchange::As, broken, &as_body()), NOW), ErrorCode::KRB_ERR_GENERIC);
}

/// Who logs in without a PAC, and takes another's name then, would be nobody in particular, and so the other.
#[test]
fn cve_2020_25719_a_ticket_that_does_not_tell_whose_it_is_gets_no_further_one() {
    let realm = with_account(1103);
    let tgt = wishing(&realm, Some(false), &["krbtgt", "R.TEST"]);
    let web = |ticket: Vec<u8>| TgsAsk::new(&tgt, &["HTTP", "web"]).with(|ask| ask.ticket = ticket);
    web(tgt.der.to_vec()).held(&realm);
    let bare = forged(&realm, &tgt, |inside| inside.authorization_data = AuthorizationData::default());
    assert_eq!(web(bare.clone()).refused(&realm), ErrorCode::KDC_ERR_TGT_REVOKED);
    // Somebody else's account has the name by now.
    assert_eq!(web(tgt.der.to_vec()).refused(&with_account(1104)), ErrorCode::KDC_ERR_TGT_REVOKED);
    // Who has no account, and a realm that has none, know no PACs.
    let mut without = directory();
    without.change(&principal("alice@R.TEST"), |alice| alice.account = None);
    web(bare).held(&over(without));
}
