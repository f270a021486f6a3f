use crate::process::{Daemon, Run, poll, read_text, run, wait_for_text};
use crate::{Enctype, MitClient, MitConfig, TempDir, free_port};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);
const ATTEMPTS: usize = 5;

/// A realm `MIT.TEST` with MIT's `krb5kdc` on loopback, for UDP and TCP, in a directory of its own.
///
/// | principals | what they are for |
/// |---|---|
/// | `alice`, `bob` | users with keys of all encryption types; preauthentication is required |
/// | `nopre` | a user from whom no preauthentication is asked |
/// | `expired` | a user whose password has expired |
/// | `gone` | a user whose account has expired |
/// | `locked` | a user who gets no tickets |
/// | `user-ENCTYPE` | [`Enctype::user`]: a user with a key of one encryption type |
/// | `sample/localhost`, `host/localhost`, `HTTP/localhost` | services with keys of all |
/// | `armored/localhost` | a service for clients alone who have logged in by encrypted challenge, inside of FAST |
/// | `ENCTYPE/localhost` | [`Enctype::service`]: ticket and session keys of one encryption type |
///
/// The password of each user is [`MitRealm::password`].
#[derive(Debug)]
pub struct MitRealm {
    kdc: Daemon,
    address: SocketAddr,
    config: MitConfig,
    service_keytab: PathBuf,
    user_keytab: PathBuf,
    files: Files,
}

impl MitRealm {
    /// The realm's name.
    pub const NAME: &'static str = "MIT.TEST";
    /// Its services with keys of all encryption types, as host-based names.
    pub const SERVICES: [&'static str; 3] = ["sample@localhost", "host@localhost", "HTTP@localhost"];

    /// Makes the database, users, services and keytabs, and starts the KDC; it answers when this returns.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with more settings in `[libdefaults]`, of the KDC and of [`MitRealm::config`], such as `allow_rc4 = true`.
    pub fn start_with(settings: &'static [&'static str]) -> Self {
        Self::start_files(Self::NAME, "", settings, "")
    }

    /// The same with more relations of the realm in `kdc.conf`, such as those of PKINIT.
    pub fn start_with_kdc(settings: &'static [&'static str], relations: &str) -> Self {
        Self::start_files(Self::NAME, "", settings, relations)
    }

    /// The same, as a realm of another name, whose KDC knows more, such as which hosts are of other realms.
    pub fn start_as(name: &str, sections: &str) -> Self {
        Self::start_files(name, sections, &[], "")
    }

    fn start_files(name: &str, sections: &str, settings: &'static [&'static str], relations: &str) -> Self {
        crate::require_peers();
        let (name, sections, relations) = (name.to_owned(), sections.to_owned(), relations.to_owned());
        let files = Files { dir: TempDir::new("mit-realm"), name, sections, settings, relations };
        // Making a database and its keys needs no port; the configuration is written again with the real one.
        let (mut address, mut config) = files.configure();
        files.create_database(&config);
        for _ in 0..ATTEMPTS {
            if let Some(kdc) = files.start_kdc(&config) {
                let (service_keytab, user_keytab) = (files.service_keytab(), files.user_keytab());
                return MitRealm { kdc, address, config, service_keytab, user_keytab, files };
            }
            (address, config) = files.configure();
        }
        panic!("krb5kdc found its port taken {ATTEMPTS} times:\n{}", files.kdc_log())
    }

    /// The realm that all tests of this process share while at least one of them runs. For those that don't change it.
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<MitRealm>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(realm) = shared.upgrade() {
            return realm;
        }
        let realm = Arc::new(Self::start());
        *shared = Arc::downgrade(&realm);
        realm
    }

    /// Where the KDC listens, UDP and TCP.
    pub fn kdc(&self) -> SocketAddr {
        self.address
    }

    /// The clients' configuration.
    pub fn config(&self) -> &MitConfig {
        &self.config
    }

    /// MIT's client programs with an empty credential cache.
    pub fn client(&self) -> MitClient {
        MitClient::new(&self.config)
    }

    /// MIT's client programs with `user`'s tickets, from the password.
    pub fn client_of(&self, user: &str) -> MitClient {
        self.client_of_with(user, &self.config)
    }

    /// The same with another configuration, such as one of a single encryption type: [`MitConfig::enctypes`].
    pub fn client_of_with(&self, user: &str, config: &MitConfig) -> MitClient {
        let client = MitClient::new(config);
        client.kinit(user, &self.password(user)).expect_success();
        client
    }

    /// The password of a user.
    pub fn password(&self, user: &str) -> String {
        format!("{user}-password")
    }

    /// The keys of all services.
    pub fn service_keytab(&self) -> &Path {
        &self.service_keytab
    }

    /// The keys of `alice`, `bob` and `nopre`.
    pub fn user_keytab(&self) -> &Path {
        &self.user_keytab
    }

    /// What the KDC has logged.
    pub fn kdc_log(&self) -> String {
        self.files.kdc_log()
    }

    /// Waits until the KDC has logged `text`; fails the test if it doesn't.
    pub fn expect_kdc_log(&self, text: &str) {
        wait_for_text("krb5kdc", text, Duration::from_secs(10), || self.kdc_log(), || self.kdc.is_running());
    }

    /// A replica, as `kprop` would make it: a KDC for a copy of the database as it is now, which does not follow changes. Its address is
    /// not that of the other, since MIT's library up to 1.20 tells a replica from the primary without looking at ports.
    pub fn replica(&self) -> Self {
        let (name, sections, relations) =
            (self.files.name.clone(), self.files.sections.clone(), self.files.relations.clone());
        let files =
            Files { dir: TempDir::new("mit-replica"), name, sections, settings: self.files.settings, relations };
        for file in ["principal", "principal.ok", "principal.kadm5", "principal.kadm5.lock", "stash"] {
            let copied = std::fs::copy(self.files.dir.join(file), files.dir.join(file));
            assert!(copied.is_ok(), "can't copy {file}: {copied:?}");
        }
        for _ in 0..ATTEMPTS {
            let (address, config) = files.configure_at(Ipv4Addr::new(127, 0, 0, 2));
            if let Some(kdc) = files.start_kdc(&config) {
                let (service_keytab, user_keytab) = (self.service_keytab.clone(), self.user_keytab.clone());
                return MitRealm { kdc, address, config, service_keytab, user_keytab, files };
            }
        }
        panic!("krb5kdc found its port taken {ATTEMPTS} times:\n{}", files.kdc_log())
    }

    /// Starts `kadmind`, whose password service changes this realm's passwords. `acl` are the lines of its kadm5.acl(5).
    pub fn password_server(&self, acl: &str) -> PasswordServer {
        for _ in 0..ATTEMPTS {
            if let Some(server) = self.files.start_kadmind(&self.config, acl, self.address) {
                return server;
            }
        }
        panic!("kadmind found its ports taken {ATTEMPTS} times:\n{}", self.files.kadmind_log())
    }

    /// Lines for `kadmin.local`, such as `addprinc` or `ktadd`; the test fails if one does. Not on a shared realm.
    pub fn kadmin(&self, lines: &str) -> Run {
        self.files.kadmin(&self.config, lines)
    }
}

/// MIT's `kadmind`, until this is dropped.
#[derive(Debug)]
pub struct PasswordServer {
    kadmind: Daemon,
    address: SocketAddr,
    log: PathBuf,
}

impl PasswordServer {
    /// Where it takes new passwords, over UDP and TCP.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until it has logged `text`; fails the test if it doesn't.
    pub fn expect_log(&self, text: &str) {
        let log = || read_text(&self.log);
        wait_for_text("kadmind", text, Duration::from_secs(10), log, || self.kadmind.is_running());
    }
}

/// The directory in which database, keys, configuration and logs are.
#[derive(Debug)]
struct Files {
    dir: TempDir,
    name: String,
    sections: String,
    settings: &'static [&'static str],
    relations: String,
}

impl Files {
    fn service_keytab(&self) -> PathBuf {
        self.dir.join("services.keytab")
    }

    fn user_keytab(&self) -> PathBuf {
        self.dir.join("users.keytab")
    }

    fn kdc_log(&self) -> String {
        read_text(&self.dir.join("kdc.log"))
    }

    fn kadmind_log(&self) -> String {
        read_text(&self.dir.join("kadmind.log"))
    }

    /// Starts kadmind, or nothing if a port of its own was taken meanwhile.
    fn start_kadmind(&self, config: &MitConfig, acl: &str, kdc: SocketAddr) -> Option<PasswordServer> {
        let [kadmin, address] = [(); 2].map(|()| SocketAddr::from((Ipv4Addr::LOCALHOST, free_port())));
        let listen = format!("  kadmind_listen = {kadmin}\n  kpasswd_listen = {address}\n  acl_file");
        let text = kdc_conf(&self.name, self.dir.path(), kdc, &self.relations).replacen("  acl_file", &listen, 1);
        let log = self.dir.join("kadmind.log");
        self.dir.write("kadmind.conf", format!("{text} admin_server = FILE:{}\n", log.display()));
        self.dir.write("acl", acl);
        let _ = std::fs::remove_file(&log);
        let mut command = self.command(config, "kadmind");
        command.env("KRB5_KDC_PROFILE", self.dir.join("kadmind.conf")).arg("-nofork");
        let kadmind = Daemon::spawn(&command);
        let said = || self.kadmind_log() + &kadmind.output();
        let answered = poll(LIMIT, || match (kadmind.is_running(), said()) {
            (_, text) if text.contains(": starting") => Some(true),
            (running, _) => (!running).then_some(false),
        });
        let taken = said().contains("Address already in use");
        assert!(answered == Some(true) || taken, "kadmind does not start:\n{}", said());
        (answered == Some(true)).then_some(PasswordServer { kadmind, address, log })
    }

    /// Writes `kdc.conf` for a free port, and gives the address and the clients' configuration.
    fn configure(&self) -> (SocketAddr, MitConfig) {
        self.configure_at(Ipv4Addr::LOCALHOST)
    }

    fn configure_at(&self, host: Ipv4Addr) -> (SocketAddr, MitConfig) {
        let address = SocketAddr::from((host, free_port()));
        self.dir.write("kdc.conf", kdc_conf(&self.name, self.dir.path(), address, &self.relations));
        let config = MitConfig::new(&self.name, address).setting("forwardable = true").and(&self.sections);
        (address, self.settings.iter().fold(config, |config, line| config.setting(line)))
    }

    fn command(&self, config: &MitConfig, program: &str) -> std::process::Command {
        let mut command = config.command(program, self.dir.path());
        command.env("KRB5_KDC_PROFILE", self.dir.join("kdc.conf")).args(["-r", &self.name]);
        command
    }

    fn create_database(&self, config: &MitConfig) {
        let mut create = self.command(config, "kdb5_util");
        run(create.args(["-P", "master-password", "create", "-s"]), "", LIMIT).expect_success();
        self.kadmin(config, &principals(&self.service_keytab(), &self.user_keytab()));
    }

    fn kadmin(&self, config: &MitConfig, lines: &str) -> Run {
        let done = run(&mut self.command(config, "kadmin.local"), lines, LIMIT);
        // Its exit status is 0 whatever happened; errors go to standard error, and so do notes on missing policies.
        let complaint = done.stderr.lines().find(|line| !line.starts_with("No policy specified") && !line.is_empty());
        assert!(complaint.is_none(), "kadmin.local complains: {done}");
        done
    }

    /// Starts the KDC, or nothing if its port was taken meanwhile.
    fn start_kdc(&self, config: &MitConfig) -> Option<Daemon> {
        let _ = std::fs::remove_file(self.dir.join("kdc.log"));
        let kdc = Daemon::spawn(self.command(config, "krb5kdc").arg("-n"));
        let said = || self.kdc_log() + &kdc.output();
        let answered = poll(LIMIT, || match (kdc.is_running(), said()) {
            (_, text) if text.contains("commencing operation") => Some(true),
            (running, _) => (!running).then_some(false),
        });
        let taken = said().contains("Address already in use");
        assert!(answered == Some(true) || taken, "krb5kdc does not start:\n{}", said());
        (answered == Some(true)).then_some(kdc)
    }
}

fn kdc_conf(name: &str, dir: &Path, address: SocketAddr, relations: &str) -> String {
    let dir = dir.display();
    let keys: Vec<String> = Enctype::ALL.iter().map(|enctype| format!("{}:normal", enctype.name())).collect();
    format!(
        "[kdcdefaults]\n kdc_listen = {address}\n kdc_tcp_listen = {address}\n\
         [realms]\n {realm} = {{\n  database_name = {dir}/principal\n  key_stash_file = {dir}/stash\n  \
         acl_file = {dir}/acl\n  max_life = 10h\n  max_renewable_life = 7d\n  \
         master_key_type = {master}\n  encrypted_challenge_indicator = challenged\n  \
         spake_preauth_indicator = spaked\n  supported_enctypes = {keys}\n{relations} }}\n\
         [logging]\n kdc = FILE:{dir}/kdc.log\n",
        realm = name,
        master = Enctype::Aes256Sha384.name(),
        keys = keys.join(" "),
    )
}

/// The lines for `kadmin.local` that make every principal of the realm.
fn principals(service_keytab: &Path, user_keytab: &Path) -> String {
    let (services, users) = (service_keytab.display(), user_keytab.display());
    let mut lines = String::new();
    let mut line = |text: String| lines = format!("{lines}{text}\n");
    let mut user = |name: &str, options: &str| line(format!("addprinc {options} -pw {name}-password {name}"));
    user("alice", "+requires_preauth");
    user("bob", "+requires_preauth");
    user("nopre", "-requires_preauth");
    user("expired", "+requires_preauth -pwexpire 2001-01-01");
    user("gone", "+requires_preauth -expire 2001-01-01");
    user("locked", "+requires_preauth -allow_tix");
    for enctype in Enctype::ALL {
        user(&enctype.user(), &format!("+requires_preauth -e {}:normal", enctype.name()));
    }
    line(format!("ktadd -q -norandkey -k {users} alice bob nopre"));
    for service in MitRealm::SERVICES {
        let principal = service.replace('@', "/");
        line(format!("addprinc +ok_as_delegate -randkey {principal}"));
        line(format!("ktadd -q -norandkey -k {services} {principal}"));
    }
    // Only for who has logged in by encrypted challenge, inside of FAST.
    line("addprinc -randkey armored/localhost".into());
    line("setstr armored/localhost require_auth challenged".into());
    // Only for who has logged in by SPAKE.
    line("addprinc -randkey spaked/localhost".into());
    line("setstr spaked/localhost require_auth spaked".into());
    for enctype in Enctype::ALL {
        let (name, principal) = (enctype.name(), enctype.service_principal());
        line(format!("addprinc -randkey -e {name}:normal {principal}"));
        line(format!("setstr {principal} session_enctypes {name}"));
        line(format!("ktadd -q -norandkey -k {services} {principal}"));
    }
    lines
}
