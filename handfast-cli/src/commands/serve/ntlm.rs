//! NTLM on the server: only where it is named, and with accounts of a file.

use crate::failure::{Exit, Failure};
use crate::mechanism::{self, Mechanism};
use handfast::krb5::Keytab;
use handfast::mech::Why;
use handfast::{Context, NtlmServer, ServiceName};
use handfast_net::accounts::{AccountFile, AccountFileError, AccountList};
use std::path::PathBuf;

/// The longest NetBIOS name.
const NETBIOS: usize = 15;

/// Which mechanisms are taken, and the accounts of NTLM.
#[derive(clap::Args, Clone, Debug)]
#[group(skip)]
pub(super) struct Args {
    /// Take only clients that are proven by this; `negotiate` stands for all that negotiate. Repeat it for several
    /// [default: kerberos, and iakerb and ntlm if they are on, negotiated or not]
    #[arg(long, value_enum, value_name = "MECHANISM", verbatim_doc_comment, help_heading = "NTLM and mechanisms")]
    mechanism: Vec<Mechanism>,
    /// Take clients that prove themselves by NTLM, with an account of --accounts. They can't tell this server
    /// from another, and whoever sees a handshake can guess at the password
    #[arg(long, requires = "accounts", verbatim_doc_comment, help_heading = "NTLM and mechanisms")]
    dangerous_ntlm: bool,
    /// The accounts: lines of DOMAIN:user:password, DOMAIN\user:$NT$HASH, or smbpasswd's; SIGHUP reads it anew
    #[arg(long, value_name = "FILE", requires = "dangerous_ntlm", help_heading = "NTLM and mechanisms")]
    accounts: Option<PathBuf>,
    /// Our name to clients of NTLM, and the domain of accounts without one [default: of the service's host]
    #[arg(long, value_name = "NAME", requires = "dangerous_ntlm", help_heading = "NTLM and mechanisms")]
    ntlm_name: Option<String>,
}

impl Args {
    pub(super) fn is_on(&self) -> bool {
        self.dangerous_ntlm && self.may_take(Mechanism::Ntlm)
    }

    /// Whether there can be clients that are served and proven so.
    pub(super) fn may_take(&self, mechanism: Mechanism) -> bool {
        let listed = |mechanism| self.mechanism.contains(&mechanism);
        self.mechanism.is_empty() || listed(mechanism) || listed(Mechanism::Negotiate)
    }

    /// Whether it is named.
    pub(super) fn lists(&self, mechanism: Mechanism) -> bool {
        self.mechanism.contains(&mechanism)
    }

    /// Refuses a client that is proven in another way than those that are taken.
    pub(super) fn check_context(&self, context: &Context) -> Result<(), Failure> {
        let negotiated = *context.why() != Why::Raw && self.mechanism.contains(&Mechanism::Negotiate);
        let listed = self.mechanism.iter().any(|taken| taken.id() == Some(context.mechanism()));
        if self.mechanism.is_empty() || listed || negotiated {
            return Ok(());
        }
        let (peer, word) = (context.peer(), mechanism::word(context));
        let cause = format!("{peer} is proven, but by {word}, {}, which is not taken (--mechanism)", context.why());
        Err(Failure::new(Exit::PeerRefused, cause))
    }

    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.mechanism.contains(&Mechanism::Ntlm) && !self.dangerous_ntlm {
            return Err(Failure::new(Exit::Usage, "NTLM does not prove this server to its clients")
                .next("if that is well, say --dangerous-ntlm, and name the accounts with --accounts FILE"));
        }
        Ok(())
    }

    /// The accounts as they are now, and whether the file's group can read it.
    pub(super) fn load(&self, name: &str) -> Result<Option<(AccountList, bool)>, AccountFileError> {
        let Some(path) = self.accounts.as_ref().filter(|_| self.is_on()) else { return Ok(None) };
        let (list, group_reads) = AccountFile::new(path).load()?;
        let list = list.local_domains([name]);
        list.check_local().map_err(|error| AccountFileError::Malformed { path: path.clone(), error })?;
        Ok(Some((list, group_reads)))
    }

    /// Our NetBIOS name: as given, or the first label of the first service's host.
    pub(super) fn name(&self, keytab: &Keytab) -> String {
        if let Some(name) = &self.ntlm_name {
            return name.clone();
        }
        let hosts = keytab.principals().filter_map(|principal| principal.components().get(1));
        let label = |host: &String| host.split('.').next().filter(|label| !label.is_empty()).map(str::to_uppercase);
        let name = hosts.into_iter().find_map(label).unwrap_or_else(|| "HANDFAST".to_owned());
        name.chars().take(NETBIOS).collect()
    }

    /// What the challenge says of us. Clients that ask for another service than ours are refused, if we know ours.
    pub(super) fn server(&self, name: &str, wanted: Vec<ServiceName>, keytab: &Keytab) -> NtlmServer {
        let server = NtlmServer::new(name, name);
        let of_keytab =
            || keytab.principals().filter_map(|principal| principal.without_realm().to_string().parse().ok());
        let targets: Vec<ServiceName> = if wanted.is_empty() { of_keytab().collect() } else { wanted };
        if targets.is_empty() { server } else { server.only_targets(targets) }
    }
}

impl From<AccountFileError> for Failure {
    fn from(error: AccountFileError) -> Self {
        Failure::new(Exit::Files, error)
    }
}
