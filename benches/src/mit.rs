//! MIT's library as a contender, with tickets of MIT's KDC.

use crate::contender::{Contender, Handshakes, Operation, Pair, Result, Tickets};
use crate::gssapi::{Buffer, Context, Credential, Gssapi, Name, Usage, establish};
use handfast_interop::{Enctype, MitClient, MitRealm, TempDir};
use std::collections::HashMap;
use std::fmt;

/// MIT's library. It is told everything by environment variables, which are set here: use it on the only thread.
pub struct Mit {
    library: &'static Gssapi,
    held: HashMap<Handshakes, Held>,
    client: MitClient,
    dir: TempDir,
    _realm: MitRealm,
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
        let client = realm.client_of("alice");
        for enctype in Enctype::ALL {
            client.kvno(&enctype.service_principal()).expect_success();
        }
        let dir = TempDir::new("bench");
        let file = |path: &std::path::Path| format!("FILE:{}", path.display());
        set("KRB5_CONFIG", &realm.config().path().display().to_string());
        set("KRB5_KTNAME", &file(realm.service_keytab()));
        set("KRB5_CLIENT_KTNAME", &file(realm.user_keytab()));
        let library = Gssapi::load(Self::LIBRARY)?;
        Ok(Mit { library, held: HashMap::new(), client, dir, _realm: realm })
    }

    fn held(&mut self, how: Handshakes) -> Result<&Held> {
        let replay_cache = format!("file2:{}", self.dir.join("replay-cache").display());
        set("KRB5RCACHENAME", if how.replay_cache { &replay_cache } else { "none:" });
        if !self.held.contains_key(&how) {
            let held = self.acquire(how)?;
            self.held.insert(how, held);
        }
        self.held.get(&how).ok_or_else(|| "no credentials".into())
    }

    /// Credentials: a memory cache fills itself by `KRB5_CLIENT_KTNAME`, a file has its tickets already.
    fn acquire(&self, how: Handshakes) -> Result<Held> {
        let file = format!("FILE:{}", self.client.ccache().display());
        set("KRB5CCNAME", if how.tickets == Tickets::File { &file } else { "MEMORY:bench" });
        let target = Name::host_based_service(self.library, &how.enctype.service())?;
        let initiator = Credential::acquire(self.library, None, Usage::Initiate)?;
        let acceptor = Credential::acquire(self.library, Some(&target), Usage::Accept)?;
        Ok(Held { initiator, target, acceptor })
    }

    fn contexts(&mut self, how: Handshakes) -> Result<(Context, Context)> {
        let library = self.library;
        let held = self.held(how)?;
        establish(library, &held.initiator, &held.target, &held.acceptor)
    }
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
            establish(library, &held.initiator, &held.target, &held.acceptor)?;
        }
        Ok(())
    }

    fn pair(&mut self, enctype: Enctype) -> Result<Box<dyn Pair>> {
        let (initiator, acceptor) = self.contexts(Handshakes::plain(enctype))?;
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
