//! What NTLM's tests have in common: an account that both ends know, and our two ends of it.

use crate::by_hand::{Change, Line, Stopped, unchanged};
use handfast::crypto::Secret;
use handfast::krb5::Keytab;
use handfast::mech::ntlm::nt_hash;
use handfast::{
    Acceptor, Account, ChannelBindings, Context, Credential, Initiator, Logon, NtlmServer, Policy, ReplayGuard,
};
use handfast_interop::{Library, SamplePeer, SampleServer};
use handfast_net::driver::{KdcExchange, NoKdc};

pub const PASSWORD: &str = "alice-password";

/// A peer with alice's account.
pub fn peer(library: Library, mechanism: &str) -> SamplePeer {
    SamplePeer::new(library).mechanism(mechanism).account("LAB", "alice", PASSWORD)
}

/// The same peer, but with a password that is not hers.
pub fn with_wrong_password(peer: SamplePeer) -> SamplePeer {
    peer.only_account("LAB", "alice", "not hers")
}

/// An acceptor without a key for Kerberos.
pub fn acceptor() -> Acceptor {
    let server = NtlmServer::new("OURS", "LAB").dns("ours.lab.test", "lab.test");
    Acceptor::new(&Keytab::new(), ReplayGuard::in_memory()).dangerous_with_ntlm(server)
}

/// An account store that knows alice.
pub fn accounts(logon: &Logon) -> Account {
    match logon.user.as_str() {
        "alice" => Account::NtHash(hash()),
        _ => Account::Refused,
    }
}

fn hash() -> Secret<[u8; 16]> {
    nt_hash(PASSWORD)
}

/// How our initiator reaches a server.
pub struct Reach {
    credential: Credential,
    service: &'static str,
    policy: Policy,
    bindings: Option<ChannelBindings>,
    change: Change,
    negotiate: bool,
    hinted: bool,
}

impl Reach {
    /// `host@localhost` by NTLM alone.
    pub fn raw() -> Self {
        Reach {
            credential: Credential::ntlm_password("LAB", "alice", PASSWORD),
            service: "host@localhost",
            policy: Policy::default().dangerous_ntlm_unproven_server(),
            bindings: None,
            change: unchanged,
            negotiate: false,
            hinted: false,
        }
    }

    /// `host@localhost` by NTLM in SPNEGO, as there is nothing else.
    pub fn negotiating() -> Self {
        Reach { negotiate: true, ..Reach::raw() }
    }

    /// By whatever this credential can do.
    pub fn credential(self, credential: Credential, service: &'static str) -> Self {
        Reach { credential, service, ..self }
    }

    pub fn policy(self, change: impl FnOnce(Policy) -> Policy) -> Self {
        Reach { policy: change(self.policy), ..self }
    }

    pub fn wrong_password(self) -> Self {
        Reach { credential: Credential::ntlm_password("LAB", "alice", "not hers"), ..self }
    }

    pub fn bindings(self, application_data: &str) -> Self {
        Reach { bindings: Some(ChannelBindings::raw(application_data)), ..self }
    }

    pub fn change(self, change: Change) -> Self {
        Reach { change, ..self }
    }

    /// The server speaks first.
    pub fn hinted(self) -> Self {
        Reach { hinted: true, ..self }
    }

    /// Makes a context, and gives it with the connection.
    pub fn reach(self, server: &SampleServer) -> Result<(Context, Line), Stopped> {
        self.reach_with(server, &NoKdc)
    }

    /// The same with a KDC to ask.
    pub fn reach_with(self, server: &SampleServer, kdc: &impl KdcExchange) -> Result<(Context, Line), Stopped> {
        let initiator = Initiator::new(self.policy);
        let service = self.service.parse().unwrap();
        let mut target = initiator.to(&service).credential(&self.credential);
        if let Some(bindings) = &self.bindings {
            target = target.channel_bindings(bindings);
        }
        let target = if self.negotiate { target.negotiate() } else { target.ntlm() };
        let mut line = Line::to(server.address(), self.change);
        let context = line.initiate(target, kdc, self.hinted)?;
        Ok((context, line))
    }
}
