//! IAKERB's machines: what an acceptor is asked to carry, what an initiator is told to come from a KDC, and the proof over it.

use crate::seeds::{Stage, holds, join, split, stage};
use handfast::krb5::exchange::{KdcRequest, KdcUnreachable};
use handfast::{Accept, Acceptor, Credential, Initiator, Policy, ReplayGuard, ServiceName};
use handfast_testkit::{End, Party, Peer, SeededRandom};
use std::sync::{Arc, OnceLock};

/// What passed between honest ends and the KDC.
#[derive(Default)]
struct Recorded {
    client: Vec<Vec<u8>>,
    server: Vec<Vec<u8>>,
    kdc: Vec<(Vec<u8>, Vec<u8>)>,
}

fn recorded() -> &'static Recorded {
    static RECORDED: OnceLock<Recorded> = OnceLock::new();
    RECORDED.get_or_init(|| {
        let mut recorded = Recorded::default();
        let kdc = |request: &KdcRequest| stage().kit.exchange(request);
        let mut peer = Relaying::new(kdc);
        let end = initiate(&mut |token: &[u8]| {
            let answer = peer.answer(token);
            recorded.client.push(token.to_vec());
            recorded.server.extend(answer.clone());
            answer
        });
        assert!(end.is_established(), "an honest client: {end}");
        recorded.kdc = peer.asked;
        recorded
    })
}

/// An acceptor that relays to `kdc`.
struct Relaying<K> {
    state: Option<Result<Accept, handfast::Error>>,
    kdc: K,
    asked: Vec<(Vec<u8>, Vec<u8>)>,
}

impl<K: FnMut(&KdcRequest) -> Result<Vec<u8>, KdcUnreachable>> Relaying<K> {
    fn new(kdc: K) -> Self {
        let keytab = stage().kit.keytab(Stage::SERVICE);
        let policy = Policy::default().relay_iakerb().with_iakerb_dialect(handfast::IakerbDialect::Mit121);
        let random = Arc::new(SeededRandom::new(2));
        let acceptor = Acceptor::with_random(&keytab, Some(ReplayGuard::in_memory()), random).policy(policy);
        Relaying { state: Some(Ok(Accept::NeedsToken(acceptor.session().begin()))), kdc, asked: Vec::new() }
    }
}

impl<K: FnMut(&KdcRequest) -> Result<Vec<u8>, KdcUnreachable>> Peer for Relaying<K> {
    fn answer(&mut self, token: &[u8]) -> Option<Vec<u8>> {
        let (mut out, now) = (Vec::new(), stage().kit.now(Party::Acceptor));
        let mut step = match self.state.take()? {
            Ok(Accept::NeedsToken(next)) => next.step(token, now, &mut out),
            ended => {
                self.state = Some(ended);
                return None;
            }
        };
        while let Ok(Accept::NeedsKdc(next)) = step {
            step = match (self.kdc)(next.request()) {
                Ok(reply) => {
                    self.asked.push((next.request().bytes.clone(), reply.clone()));
                    next.reply(&reply, now, &mut out)
                }
                Err(tried) => next.unreachable(tried, now, &mut out),
            };
        }
        self.state = Some(step);
        (!out.is_empty()).then_some(out)
    }
}

/// Where an initiator comes to with `peer`. Its keys take no time to make.
fn initiate(peer: &mut dyn Peer) -> End {
    let kit = &stage().kit;
    kit.wire().forget();
    let initiator = Initiator::with_random(Policy::default(), Arc::new(SeededRandom::new(1)));
    let target: ServiceName = Stage::SERVICE.parse().expect("a name");
    let client = target.to_principal(kit.realm_name());
    let credential = Credential::keytab(client, &kit.keytab(Stage::SERVICE)).expect("keys");
    let mut out = Vec::new();
    let target = initiator.to(&target).credential(&credential).iakerb();
    let step = target.begin(kit.now(Party::Initiator), &mut out);
    kit.drive(step, out, peer)
}

/// The end of a token, where its proof is.
fn proof(token: &[u8]) -> &[u8] {
    &token[token.len() - 40..]
}

/// Gives the answers that were given to the same requests, and to others one of these, so that they are carried as well.
fn replies(request: &KdcRequest) -> Result<Vec<u8>, KdcUnreachable> {
    let of = recorded().kdc.iter().find(|(asked, _)| *asked == request.bytes).or(recorded().kdc.first());
    of.map(|(_, reply)| reply.clone()).ok_or(KdcUnreachable { realm: request.realm.clone(), tried: Vec::new() })
}

/// A client's tokens. A context comes of the genuine AP-REQ behind the genuine conversation only.
pub fn iakerb_acceptor(data: &[u8]) {
    let mut peer = Relaying::new(replies);
    for token in split(data) {
        if peer.answer(token).is_none() {
            break;
        }
    }
    if let Some(Ok(Accept::Complete(context))) = peer.state {
        // Of the AP-REQ itself some bits may change: handfast-testkit's harmless.txt has them.
        let (ap_req, carried) = recorded().client.split_last().expect("tokens");
        let genuine = carried.iter().all(|token| holds(data, token)) && holds(data, proof(ap_req));
        assert!(genuine || holds(data, proof(&stage().ap_req)), "established with {}", context.peer());
    }
}

/// A server's tokens. A context comes of the genuine AP-REP only.
pub fn iakerb_initiator(data: &[u8]) {
    let mut answers = split(data).into_iter();
    if let End::Established(context) = initiate(&mut |_: &[u8]| answers.next().map(<[u8]>::to_vec)) {
        let last = recorded().server.last().expect("an AP-REP");
        assert!(holds(data, proof(last)), "established with {}", context.peer());
    }
}

/// The client's tokens, for `iakerb_acceptor`.
pub fn clients() -> Vec<Vec<u8>> {
    let honest = join(&recorded().client);
    let mut peer = Relaying::new(replies);
    split(&honest).into_iter().for_each(|token| drop(peer.answer(token)));
    assert!(matches!(peer.state, Some(Ok(Accept::Complete(_)))), "an honest client");
    let realm = [&[0x60, 0x10, 6, 6, 0x2b, 6, 1, 5, 2, 5, 5, 1, 0x30, 4, 0xa1, 2, 0x0c, 0][..]];
    let old = [&[0x60, 0x12, 6, 6, 0x2b, 6, 1, 5, 2, 5, 5, 1, 0x30, 4, 0xa1, 2, 4, 0, 0x6a, 0][..]];
    vec![honest, join(&realm.map(<[u8]>::to_vec)), join(&old.map(<[u8]>::to_vec))]
}

/// The server's tokens, for `iakerb_initiator`.
pub fn servers() -> Vec<Vec<u8>> {
    let honest = join(&recorded().server);
    let mut answers = split(&honest).into_iter();
    let end = initiate(&mut |_: &[u8]| answers.next().map(<[u8]>::to_vec));
    assert!(end.is_established(), "an honest server: {end}");
    vec![honest]
}
