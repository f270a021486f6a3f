//! What NTLM's tests have in common: an account that both ends know, and our two ends of it.

use crate::by_hand::{Change, Line, Stopped, unchanged};
use handfast::crypto::Secret;
use handfast::krb5::Keytab;
use handfast::mech::ntlm::nt_hash;
use handfast::{
    Acceptor, Account, ChannelBindings, Context, Credential, Initiator, Logon, NtlmServer, Policy, ReplayGuard,
};
use handfast_interop::{Library, SamplePeer, SampleServer};
use handfast_net::driver::NoKdc;

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

/// How our initiator reaches a server of `host@localhost`.
pub struct Reach {
    pub password: &'static str,
    pub policy: Policy,
    pub bindings: Option<ChannelBindings>,
    pub change: Change,
    pub negotiate: bool,
}

impl Reach {
    /// By NTLM alone.
    pub fn raw() -> Self {
        let policy = Policy::default().dangerous_ntlm_unproven_server();
        Reach { password: PASSWORD, policy, bindings: None, change: unchanged, negotiate: false }
    }

    pub fn policy(mut self, change: impl FnOnce(Policy) -> Policy) -> Self {
        self.policy = change(self.policy);
        self
    }

    pub fn password(mut self, password: &'static str) -> Self {
        self.password = password;
        self
    }

    pub fn bindings(mut self, application_data: &str) -> Self {
        self.bindings = Some(ChannelBindings::raw(application_data));
        self
    }

    pub fn change(mut self, change: Change) -> Self {
        self.change = change;
        self
    }

    /// Makes a context, and gives it with the connection.
    pub fn reach(self, server: &SampleServer) -> Result<(Context, Line), Stopped> {
        let initiator = Initiator::new(self.policy);
        let credential = Credential::ntlm_password("LAB", "alice", self.password);
        let service = "host@localhost".parse().unwrap();
        let mut target = initiator.to(&service).credential(&credential);
        if let Some(bindings) = &self.bindings {
            target = target.channel_bindings(bindings);
        }
        let target = if self.negotiate { target } else { target.ntlm() };
        let mut line = Line::to(server.address(), self.change);
        let context = line.initiate(target, &NoKdc)?;
        Ok((context, line))
    }
}
