//! The pseudo-random function of a context (RFC 4401, RFC 7802), with gss_pseudo_random of MIT krb5.

use crate::by_hand::{Line, unchanged};
use crate::ours::{kdc, our, tickets_of};
use handfast::{Initiator, Policy, PrfKey};
use handfast_interop::{Enctype, Library, MitRealm, SamplePeer};

#[test]
fn mit_krb5_gets_the_same_octets_with_each_enctype_by_both_keys() {
    let realm = MitRealm::shared();
    for enctype in Enctype::ALL {
        let (service, alice) = (enctype.service(), realm.client_of("alice"));
        let peer = SamplePeer::new(Library::Mechglue).mechanism("kerberos").option("--prf", "some input");
        let server = peer.keytab(realm.config(), realm.service_keytab()).serve();
        let initiator = Initiator::new(Policy::default().with_enctypes([our(enctype), our(Enctype::Aes256Sha1)]));
        let (credential, name) = (tickets_of(alice.ccache()), service.parse().unwrap());
        let mut line = Line::to(server.address(), unchanged);
        let target = initiator.to(&name).credential(&credential);
        let context = line.initiate(target, &kdc(realm.kdc()), false).unwrap();
        assert_eq!(context.enctype(), Some(our(enctype)));
        let ours = [PrfKey::Full, PrfKey::Partial].map(|key| {
            let octets = context.prf(key, b"some input", 100).unwrap();
            octets.expose().iter().map(|octet| format!("{octet:02x}")).collect::<String>()
        });
        assert_ne!(ours[0], ours[1]);
        line.end();
        server.expect(&format!("prf: {} {}\nend", ours[0], ours[1]));
    }
}
