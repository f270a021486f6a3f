//! Requests of a service in a user's name: what names the user is the fuzzer's, all else is the service's own.

use crate::seeds::{Stage, holds};
use handfast::krb5::exchange::{ExchangeStep, TicketOptions, TicketRequest};
use handfast::krb5::message::{KdcRep, KdcReq, KrbError, PaDataType, PaForUser, PaS4uX509User};
use handfast_kdc::{Request, Transport};
use handfast_testkit::{Party, Testkit};
use std::sync::OnceLock;

const NAMES: [PaDataType; 2] = [PaDataType::FOR_USER, PaDataType::S4U_X509_USER];

/// The realm, and an honest request.
struct Honest {
    kit: Testkit,
    request: Vec<u8>,
    /// The values that name the user, and the checksum in each.
    names: [(Vec<u8>, Vec<u8>); 2],
}

fn honest() -> &'static Honest {
    static HONEST: OnceLock<Honest> = OnceLock::new();
    HONEST.get_or_init(|| {
        let kit = Testkit::new("EXAMPLE.COM");
        let user = kit.user("alice", "correct horse");
        kit.service(Stage::SERVICE);
        kit.reseed(1);
        let own = kit.login(Stage::SERVICE, TicketOptions::default()).expect("honest");
        let request = TicketRequest::for_user(&own, user, TicketOptions::default(), kit.random());
        let Ok(ExchangeStep::NeedsKdc(_, request)) = request.begin(kit.now(Party::Initiator)) else {
            panic!("an honest request")
        };
        let decoded = KdcReq::decode(&request.bytes).expect("ours");
        let value = |kind| {
            let found = decoded.padata.iter().find(|padata| padata.padata_type == kind);
            found.expect("it names the user").padata_value.to_vec()
        };
        let [for_user, x509_user] = NAMES.map(value);
        let first = PaForUser::decode(&for_user).expect("ours").cksum.checksum.to_vec();
        let second = PaS4uX509User::decode(&x509_user).expect("ours").checksum.checksum.to_vec();
        let names = [(for_user, first), (x509_user, second)];
        Honest { kit, request: request.bytes, names }
    })
}

/// What takes the place of PA-FOR-USER or PA-S4U-X509-USER, as the first byte says. A ticket comes of the checksum that the
/// service made only.
pub fn on_behalf(data: &[u8]) {
    let Some((selector, value)) = data.split_first() else { return };
    let (honest, which) = (honest(), usize::from(selector % 2));
    let mut request = KdcReq::decode(&honest.request).expect("ours");
    for padata in request.padata.iter_mut().filter(|padata| padata.padata_type == NAMES[which]) {
        padata.padata_value = value;
    }
    let bytes = request.to_der();
    let request = Request { bytes: &bytes, transport: Transport::Tcp, peer: None };
    let reply = honest.kit.realm().handle(&request, honest.kit.now(Party::Kdc)).reply.expect("it is a request");
    match KdcRep::decode(&reply) {
        Ok(reply) => {
            assert!(holds(value, &honest.names[which].1), "a user that nobody has named");
            assert_eq!(reply.cname.name_string, ["alice"]);
        }
        Err(_) => assert!(KrbError::decode(&reply).is_ok(), "no message of a KDC"),
    }
}

/// What names the user, for `on_behalf`.
pub fn seeds() -> Vec<Vec<u8>> {
    (0..).zip(&honest().names).map(|(selector, (value, _))| [&[selector], &value[..]].concat()).collect()
}
