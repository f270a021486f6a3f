//! MIT's library as a contender, with tickets of MIT's KDC.

use crate::contender::{Contender, Handshakes, Operation, Pair, Result, Tickets};
use crate::gssapi::{Buffer, Context, Credential, Gssapi, Name, Usage, establish};
use handfast_interop::{Enctype, MitClient, MitRealm, TempDir};
use std::collections::HashMap;
use std::fmt;
use std::path::Path;

/// MIT's library. It is told everything by environment variables, which are set here: use it on the only thread.
pub struct Mit {
    library: &'static Gssapi,
    held: HashMap<Handshakes, Held>,
    dir: TempDir,
    realm: MitRealm,
}

impl fmt::Debug for Mit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mit").finish_non_exhaustive()
    }
}

/// What a program would hold as long as it runs.
struct Held {
    initiator: Credential,
    target: Name,
    acceptor: Credential,
    client: MitClient,
}

impl Mit {
    /// The library's name, as Debian's package libgssapi-krb5-2 installs it.
    pub const LIBRARY: &'static str = "libgssapi_krb5.so.2";

    /// Starts a realm and loads the library.
    ///
    /// # Safety
    /// Sets environment variables, here and in every later call: no other thread of the process may read or write
    /// the environment as long as this value lives.
    pub unsafe fn start() -> Result<Self> {
        let realm = MitRealm::start();
        set("KRB5_KTNAME", &file(realm.service_keytab()));
        set("KRB5_CLIENT_KTNAME", &file(realm.user_keytab()));
        let library = Gssapi::load(Self::LIBRARY)?;
        Ok(Mit { library, held: HashMap::new(), dir: TempDir::new("bench"), realm })
    }

    /// The credentials for `how`, acquired at its first use, and the environment set for it.
    fn held(&mut self, how: Handshakes) -> Result<&Held> {
        let held = match self.held.remove(&how) {
            Some(held) => held,
            None => self.acquire(how)?,
        };
        set("KRB5_CONFIG", &held.client.config().path().display().to_string());
        set("KRB5RCACHENAME", &self.replay_cache(how));
        Ok(self.held.entry(how).or_insert(held))
    }

    fn replay_cache(&self, how: Handshakes) -> String {
        let file = self.dir.join("replay-cache");
        if how.replay_cache { format!("file2:{}", file.display()) } else { "none:".into() }
    }

    /// Credentials: a memory cache fills itself by `KRB5_CLIENT_KTNAME`, a file gets its tickets here.
    fn acquire(&self, how: Handshakes) -> Result<Held> {
        let client = self.realm.client_of_with("alice", &self.realm.config().clone().enctypes(&[how.enctype]));
        client.kvno(&how.enctype.service_principal()).expect_success();
        let memory = format!("MEMORY:{}", how.enctype.name());
        set("KRB5CCNAME", &if how.tickets == Tickets::File { file(client.ccache()) } else { memory });
        set("KRB5_CONFIG", &client.config().path().display().to_string());
        set("KRB5RCACHENAME", &self.replay_cache(how));
        let target = Name::host_based_service(self.library, &how.enctype.service())?;
        let initiator = Credential::acquire(self.library, None, Usage::Initiate)?;
        let acceptor = Credential::acquire(self.library, Some(&target), Usage::Accept)?;
        let held = Held { initiator, target, acceptor, client };
        let (ours, theirs) = held.establish(self.library)?;
        match (ours.enctype()?, theirs.enctype()?) {
            (ours, theirs) if ours == how.enctype.number() && theirs == ours => Ok(held),
            other => Err(format!("contexts for {how:?} have keys of {other:?}").into()),
        }
    }
}

impl Held {
    fn establish(&self, library: &'static Gssapi) -> Result<(Context, Context)> {
        establish(library, &self.initiator, &self.target, &self.acceptor)
    }
}

fn file(path: &Path) -> String {
    format!("FILE:{}", path.display())
}

/// Sets an environment variable of this process.
fn set(name: &str, value: &str) {
    // SAFETY: `Mit::start`'s caller answers for it that no other thread uses the environment.
    unsafe { std::env::set_var(name, value) };
}

impl Contender for Mit {
    fn name(&self) -> &'static str {
        "MIT"
    }

    fn handshakes(&mut self, how: Handshakes, count: usize) -> Result<()> {
        let library = self.library;
        let held = self.held(how)?;
        for _ in 0..count {
            held.establish(library)?;
        }
        Ok(())
    }

    fn pair(&mut self, enctype: Enctype) -> Result<Box<dyn Pair>> {
        let library = self.library;
        let (initiator, acceptor) = self.held(Handshakes::plain(enctype))?.establish(library)?;
        Ok(Box::new(MitPair { initiator, acceptor, tokens: Vec::new() }))
    }
}

struct MitPair {
    initiator: Context,
    acceptor: Context,
    tokens: Vec<Buffer>,
}

impl Pair for MitPair {
    fn prepare(&mut self, operation: Operation, message: &[u8], count: usize) -> Result<()> {
        let token = self.initiator.wrap(message)?;
        if self.acceptor.unwrap(token.bytes())?.bytes() != message {
            return Err("gss_unwrap gives another message than gss_wrap got".into());
        }
        self.tokens.clear();
        for _ in 0..count {
            match operation {
                Operation::Unseal => self.tokens.push(self.initiator.wrap(message)?),
                Operation::Verify => self.tokens.push(self.initiator.get_mic(message)?),
                Operation::Seal | Operation::Sign => {}
            }
        }
        Ok(())
    }

    fn run(&mut self, operation: Operation, message: &[u8], count: usize) -> Result<()> {
        match operation {
            Operation::Seal => (0..count).try_for_each(|_| self.initiator.wrap(message).map(drop)),
            Operation::Sign => (0..count).try_for_each(|_| self.initiator.get_mic(message).map(drop)),
            Operation::Unseal => self.tokens.iter().try_for_each(|token| self.acceptor.unwrap(token.bytes()).map(drop)),
            Operation::Verify => {
                self.tokens.iter().try_for_each(|token| self.acceptor.verify_mic(message, token.bytes()))
            }
        }
    }
}
