//! The stage on which the machines run, and the seeds: real vectors, and an exchange of the testkit.

use handfast::krb5::HeldTicket;
use handfast::krb5::enctype::EncryptionKey;
use handfast::krb5::exchange::TicketOptions;
use handfast::krb5::message::{KdcReq, PaDataType};
use handfast::{Context, Credential, Principal, Protection};
use handfast_testkit::{Handshake, Kind, Testkit};
use std::sync::OnceLock;

/// A realm, tickets, contexts, and what passed between honest parties. Everything has the same bytes in each run.
pub struct Stage {
    /// The realm and its clock.
    pub kit: Testkit,
    /// The client.
    pub user: Principal,
    /// The client's keys.
    pub user_keys: Vec<EncryptionKey>,
    /// The service.
    pub service: Principal,
    /// The client's ticket-granting ticket.
    pub tgt: HeldTicket,
    /// The client's ticket for the service.
    pub ticket: HeldTicket,
    /// Both contexts, and what the client would send.
    pub talk: Talk,
    /// An honest first token.
    pub ap_req: Vec<u8>,
    /// The end of that token: what only the client could encrypt.
    pub authenticator: Vec<u8>,
    /// The answer to the token that [`Stage::handshake`] sends.
    pub ap_rep: Vec<u8>,
    /// The end of that answer.
    pub ap_rep_proof: Vec<u8>,
    /// A login's replies.
    pub login_replies: Vec<Vec<u8>>,
    /// The end of the last.
    pub as_rep_proof: Vec<u8>,
    /// The reply to the request for a ticket.
    pub tgs_rep: Vec<u8>,
    /// Its end.
    pub tgs_rep_proof: Vec<u8>,
    /// Requests to the KDC.
    pub requests: Vec<Vec<u8>>,
    /// What only the client could encrypt, of each request that has such.
    pub request_proofs: Vec<Vec<u8>>,
}

/// Both ends of a context, exported, and what the client would send first.
#[derive(Default)]
pub struct Talk {
    /// The initiator's end.
    pub client: Vec<u8>,
    /// The acceptor's end.
    pub server: Vec<u8>,
    /// Tokens of the client, with their selectors in [`tokens`](crate::machines::tokens).
    pub messages: Vec<(u8, Vec<u8>)>,
}

impl Talk {
    /// Of contexts in which nothing has been said yet.
    pub fn of((client, server): (Context, Context)) -> Talk {
        let (client, server) = (client.export().expose().clone(), server.export().expose().clone());
        let import = || Context::import(&client).expect("exported");
        let mut tokens = [Vec::new(), Vec::new(), Vec::new()];
        import().seal(b"sealed", &mut tokens[0]).expect("allowed");
        import().protect(Protection::Integrity, b"plain", &mut tokens[1]).expect("allowed");
        import().sign(b"signed", &mut tokens[2]).expect("allowed");
        Talk { client, server, messages: (0..).zip(tokens).collect() }
    }
}

/// The stage, made once.
pub fn stage() -> &'static Stage {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    STAGE.get_or_init(Stage::new)
}

/// Whether `proof` is somewhere in `data`.
pub fn holds(data: &[u8], proof: &[u8]) -> bool {
    data.windows(proof.len()).any(|window| window == proof)
}

/// The last octets of a message or field, those of its last ciphertext.
fn end(bytes: &[u8]) -> Vec<u8> {
    bytes[bytes.len().saturating_sub(40)..].to_vec()
}

/// Messages behind each other: two octets of length before each, at most four of them.
pub fn split(mut data: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    while let Some((length, rest)) = data.split_first_chunk::<2>().filter(|_| parts.len() < 4) {
        let (part, behind) = rest.split_at(usize::from(u16::from_be_bytes(*length)).min(rest.len()));
        parts.push(part);
        data = behind;
    }
    parts
}

/// The opposite of [`split`].
pub fn join(parts: &[Vec<u8>]) -> Vec<u8> {
    let with_length = |part: &Vec<u8>| [&u16::try_from(part.len()).expect("short").to_be_bytes()[..], part].concat();
    parts.iter().flat_map(with_length).collect()
}

impl Stage {
    /// The service's name.
    pub const SERVICE: &'static str = "HTTP/www.example.com";

    fn new() -> Stage {
        let kit = Testkit::new("EXAMPLE.COM");
        let user = kit.user("alice", "correct horse");
        let service = kit.service(Self::SERVICE).to_principal("EXAMPLE.COM");
        let user_keys = kit.keytab("alice").entries().iter().map(|entry| entry.key.clone()).collect();

        kit.reseed(1);
        let tgt = kit.login("alice", TicketOptions::default()).expect("honest");
        let login: Vec<_> = kit.wire().messages();
        kit.reseed(1);
        let ticket = kit.ticket(&tgt, Self::SERVICE, TicketOptions::default()).expect("honest");
        let tgs = kit.wire().messages();

        let sent = |messages: &[handfast_testkit::Message], kinds: &[Kind]| -> Vec<Vec<u8>> {
            messages
                .iter()
                .filter(|message| kinds.contains(&message.kind))
                .map(|message| message.sent.clone())
                .collect()
        };
        let login_replies = sent(&login, &[Kind::KrbError, Kind::AsRep]);
        let tgs_rep = sent(&tgs, &[Kind::TgsRep]).remove(0);
        let requests = [sent(&login, &[Kind::AsReq]), sent(&tgs, &[Kind::TgsReq])].concat();
        let request_proofs = requests.iter().filter_map(|request| proof(request)).collect();
        let mut stage = Stage {
            as_rep_proof: end(login_replies.last().expect("a reply")),
            tgs_rep_proof: end(&tgs_rep),
            kit,
            user,
            user_keys,
            service,
            tgt,
            ticket,
            login_replies,
            tgs_rep,
            requests,
            request_proofs,
            talk: Talk::default(),
            ap_req: Vec::new(),
            authenticator: Vec::new(),
            ap_rep: Vec::new(),
            ap_rep_proof: Vec::new(),
        };
        stage.establish();
        stage
    }

    fn establish(&mut self) {
        self.talk = Talk::of(self.handshake().run().contexts().expect("honest"));
        self.ap_req = self.kit.wire().last(Kind::ApReq).expect("sent").sent;
        self.ap_rep = self.kit.wire().last(Kind::ApRep).expect("sent").sent;
        (self.authenticator, self.ap_rep_proof) = (end(&self.ap_req), end(&self.ap_rep));
    }

    /// A handshake that begins with the same token each time.
    pub fn handshake(&self) -> Handshake {
        self.kit.reseed(1);
        self.kit.wire().forget();
        let credential = Credential::tickets(&self.kit.ccache("alice", [self.ticket.clone()]));
        self.kit.handshake("alice", Self::SERVICE).credential(&credential)
    }
}

/// The end of what proves who a request is of.
fn proof(request: &[u8]) -> Option<Vec<u8>> {
    let request = KdcReq::decode(request).expect("ours");
    let kinds = [PaDataType::ENC_TIMESTAMP, PaDataType::TGS_REQ];
    let found = request.padata.iter().find(|padata| kinds.contains(&padata.padata_type));
    found.map(|padata| end(padata.padata_value))
}
