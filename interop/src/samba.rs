//! An Active Directory domain by Samba: its KDC, and its directory by Samba's own tools.

use crate::process::{Daemon, Run, read_text, run, wait_for_text};
use crate::{MitConfig, TempDir, free_port, peer_program};
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(120);
const LOG_LIMIT: Duration = Duration::from_secs(20);
/// Accounts, with their passwords.
const USERS: [(&str, &str); 6] = [
    ("alice", "Alice-pw-1"),
    ("bob", "Bob-pw-1"),
    ("carol", "Carol-pw-1"),
    ("svc-web", "Svc-web-1"),
    ("svc-rc4", "Svc-rc4-1"),
    ("svc-front", "Svc-front-1"),
];
/// Services, with the accounts that they are of.
const SERVICES: [(&str, &str); 3] =
    [(SambaDomain::SERVICE, "svc-web"), ("HTTP/rc4.ad.test", "svc-rc4"), ("HTTP/front.ad.test", "svc-front")];

/// A provisioned domain `AD.TEST` (NetBIOS `ADTEST`) whose KDC answers on loopback, in a directory of its own. Of Samba's
/// services the KDC runs, and RPC's samr; the directory is asked in its file, by `ldbsearch` and `samba-tool`.
///
/// | principals | what they are for |
/// |---|---|
/// | `alice` | a user, in the groups `Domain Users`, `engineers` and, by way of `engineers`, `everybody` |
/// | `bob` | a user, in `Domain Users` alone |
/// | `carol` | a user with the UPN `carol.jones@corp.test` |
/// | `svc-web`, `HTTP/web.ad.test` | a service with AES keys |
/// | `svc-rc4`, `HTTP/rc4.ad.test` | a service with an RC4 key alone |
/// | `svc-front`, `HTTP/front.ad.test` | a service that may act for any user, at `HTTP/web.ad.test` alone |
#[derive(Debug)]
pub struct SambaDomain {
    server: Daemon,
    address: SocketAddr,
    kpasswd: SocketAddr,
    rpc: SocketAddr,
    dir: TempDir,
}

impl SambaDomain {
    /// The realm's name.
    pub const REALM: &'static str = "AD.TEST";
    /// The service's name.
    pub const SERVICE: &'static str = "HTTP/web.ad.test";

    /// Provisions the domain, adds users and groups and starts the KDC; it answers when this returns.
    pub fn start() -> Self {
        let dir = TempDir::new("samba");
        let (port, kpasswd, rpc) = (free_port(), free_port(), free_port());
        dir.write("smb.conf", configuration(&dir, port, kpasswd, rpc));
        provision(&dir);
        let tool = |arguments: &[&str]| samba_tool(&dir, arguments);
        for (user, password) in USERS {
            tool(&["user", "create", user, password]);
        }
        // Else a password that was just set can't be changed before tomorrow.
        tool(&["domain", "passwordsettings", "set", "--min-pwd-age=0"]);
        for (service, account) in SERVICES {
            tool(&["spn", "add", service, account]);
        }
        tool(&["delegation", "for-any-protocol", "svc-front", "on"]);
        tool(&["delegation", "add-service", "svc-front", SambaDomain::SERVICE]);
        tool(&["group", "add", "engineers"]);
        tool(&["group", "add", "everybody"]);
        tool(&["group", "addmembers", "engineers", "alice"]);
        tool(&["group", "addmembers", "everybody", "engineers"]);
        // AES alone, or RC4 alone (MS-KILE 2.2.7): tickets for accounts without this are under RC4.
        for (account, attribute, value) in [
            ("svc-web", "msDS-SupportedEncryptionTypes", "24"),
            ("svc-front", "msDS-SupportedEncryptionTypes", "24"),
            ("svc-rc4", "msDS-SupportedEncryptionTypes", "4"),
            ("carol", "userPrincipalName", "carol.jones@corp.test"),
        ] {
            let object = format!("dn: CN={account},CN=Users,DC=ad,DC=test\nchangetype: modify\n");
            ldb(&dir, "ldbmodify", &[], &format!("{object}replace: {attribute}\n{attribute}: {value}\n"));
        }
        let mut samba = Command::new(peer_program("samba"));
        samba.args(["-F", "-M", "single", "--no-process-group", "-s"]).arg(dir.join("smb.conf"));
        let kdc = Daemon::spawn(&samba);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        wait_until_it_listens(address, &kdc);
        let kpasswd = SocketAddr::from((Ipv4Addr::LOCALHOST, kpasswd));
        let rpc = SocketAddr::from((Ipv4Addr::LOCALHOST, rpc));
        wait_until_it_listens(rpc, &kdc);
        SambaDomain { server: kdc, address, kpasswd, rpc, dir }
    }

    /// The domain that all tests of this process share while at least one of them runs.
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<SambaDomain>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(domain) = shared.upgrade() {
            return domain;
        }
        let domain = Arc::new(Self::start());
        *shared = Arc::downgrade(&domain);
        domain
    }

    /// Where the KDC listens.
    pub fn kdc(&self) -> SocketAddr {
        self.address
    }

    /// The password of an account.
    pub fn password(user: &str) -> &'static str {
        let found = USERS.iter().find(|(known, _)| *known == user);
        found.map_or_else(|| panic!("nobody is called {user}"), |(_, password)| password)
    }

    /// MIT's programs in this domain.
    pub fn config(&self) -> MitConfig {
        MitConfig::new(SambaDomain::REALM, self.address)
    }

    /// Where its RPC server listens, which knows samr (MS-SAMR).
    pub fn rpc(&self) -> SocketAddr {
        self.rpc
    }

    /// Waits until its log has `text`; fails the test if it has not soon.
    pub fn expect_log(&self, text: &str) {
        let log = self.dir.join("log");
        wait_for_text("samba", text, LOG_LIMIT, || read_text(&log), || self.server.is_running());
    }

    /// Where it takes new passwords.
    pub fn kpasswd(&self) -> SocketAddr {
        self.kpasswd
    }

    /// The keys of a principal, as `samba-tool domain exportkeytab` writes them.
    pub fn keytab(&self, principal: &str) -> PathBuf {
        let path = self.dir.join(&format!("{}.keytab", principal.replace('/', "-")));
        let argument = format!("--principal={principal}");
        samba_tool(&self.dir, &["domain", "exportkeytab", &path.display().to_string(), &argument]);
        path
    }

    /// The SID of an account or a group, as `ldbsearch` prints it.
    pub fn sid_of(&self, name: &str) -> String {
        let found = ldb(&self.dir, "ldbsearch", &[&format!("(sAMAccountName={name})"), "objectSid"], "");
        let line = found.stdout.lines().find_map(|line| line.strip_prefix("objectSid: "));
        line.unwrap_or_else(|| panic!("{name} has no SID: {found}")).to_owned()
    }

    /// The groups of a user, as `samba-tool` prints them.
    pub fn groups_of(&self, user: &str) -> Vec<String> {
        samba_tool(&self.dir, &["user", "getgroups", user]).stdout.lines().map(str::to_owned).collect()
    }
}

fn provision(dir: &TempDir) {
    let mut provision = Command::new(peer_program("samba-tool"));
    provision.args(["domain", "provision", "--realm=AD.TEST", "--domain=ADTEST", "--adminpass=Admin-pw-1"]);
    provision.args(["--server-role=dc", "--dns-backend=NONE", "--host-name=dc1", "--host-ip=127.0.0.1"]);
    provision.args(["--option=interfaces=127.0.0.1/8", "--option=bind interfaces only=yes"]);
    provision.arg(format!("--targetdir={}", dir.join("domain").display()));
    run(&mut provision, "", LIMIT).expect_success();
}

fn configuration(dir: &TempDir, kdc: u16, kpasswd: u16, rpc: u16) -> String {
    let place = |name: &str| dir.join(name).display().to_string();
    let mut text = String::from("[global]\n");
    for (name, value) in [
        ("netbios name", "DC1".to_owned()),
        ("realm", "AD.TEST".to_owned()),
        ("workgroup", "ADTEST".to_owned()),
        ("server role", "active directory domain controller".to_owned()),
        ("server services", "kdc, rpc".to_owned()),
        ("dcerpc endpoint servers", "samr".to_owned()),
        ("rpc server port:samr", rpc.to_string()),
        ("log level", "1 auth_audit:4".to_owned()),
        ("interfaces", "127.0.0.1/8".to_owned()),
        ("bind interfaces only", "yes".to_owned()),
        ("krb5 port", kdc.to_string()),
        ("kpasswd port", kpasswd.to_string()),
        ("private dir", place("domain/private")),
        ("lock directory", place("domain")),
        ("state directory", place("domain/state")),
        ("cache directory", place("domain/cache")),
        ("pid directory", place("")),
        ("ncalrpc dir", place("ncalrpc")),
        ("winbindd socket directory", place("winbindd")),
        ("log file", place("log")),
    ] {
        writeln!(text, "{name} = {value}").unwrap_or_else(|error| panic!("{error}"));
    }
    text
}

fn samba_tool(dir: &TempDir, arguments: &[&str]) -> Run {
    let mut command = Command::new(peer_program("samba-tool"));
    command.args(arguments).arg("-s").arg(dir.join("smb.conf"));
    let run = run(&mut command, "", LIMIT);
    run.expect_success();
    run
}

fn ldb(dir: &TempDir, program: &str, arguments: &[&str], input: &str) -> Run {
    let mut command = Command::new(peer_program(program));
    command.arg("-H").arg(dir.join("domain/private/sam.ldb"));
    command.arg(format!("--configfile={}", dir.join("smb.conf").display())).args(arguments);
    let run = run(&mut command, input, LIMIT);
    run.expect_success();
    run
}

fn wait_until_it_listens(address: SocketAddr, kdc: &Daemon) {
    let end = Instant::now() + LIMIT;
    while std::net::TcpStream::connect(address).is_err() {
        assert!(kdc.is_running() && Instant::now() < end, "samba does not answer:\n{}", kdc.output());
        thread::sleep(Duration::from_millis(50));
    }
}
