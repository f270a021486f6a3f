//! Credential caches of every type, and collections of them, that our program and MIT's share: what one of them writes,
//! switches or destroys, the other one sees.

use crate::handfast::{Handfast, failed};
use handfast_interop::{Enctype, GssServer, HeimdalKcm, MitClient, MitConfig, MitRealm, Run, TempDir, run};
use std::time::Duration;

const KRBTGT: &str = "krbtgt/MIT.TEST@MIT.TEST";
const LIMIT: Duration = Duration::from_secs(60);

/// Both programs with `KRB5CCNAME` set to one name.
struct Both {
    realm: std::sync::Arc<MitRealm>,
    program: Handfast,
    mit: MitClient,
    name: String,
}

impl Both {
    fn new(config: &MitConfig, name: &str) -> Self {
        let (program, mit) = (Handfast::new(config), MitClient::new(config));
        Both { realm: MitRealm::shared(), program, mit, name: name.to_owned() }
    }

    fn ours(&self, arguments: &str, input: &str) -> Run {
        let arguments: Vec<&str> = arguments.split_whitespace().collect();
        run(self.program.command(&arguments).env("KRB5CCNAME", &self.name), input, LIMIT)
    }

    fn theirs(&self, arguments: &str, input: &str) -> Run {
        let (program, arguments) = arguments.split_once(' ').unwrap_or((arguments, ""));
        let mut command = self.mit.command(program);
        run(command.args(arguments.split_whitespace()).env("KRB5CCNAME", &self.name), input, LIMIT)
    }

    fn login(&self, user: &str) -> Run {
        self.ours(&format!("login {user} --password-stdin"), &format!("{}\n", self.realm.password(user)))
    }

    fn kinit(&self, user: &str) {
        self.theirs(&format!("kinit {user}"), &format!("{}\n", self.realm.password(user))).expect_success();
    }

    /// One cache: kinit and kvno write, we read, add and destroy; then the other way round.
    fn one_cache(&self) {
        self.kinit("alice");
        self.theirs("kvno host/localhost", "").expect_success();
        let list = self.ours("list", "");
        list.expect_success().expect_text("alice@MIT.TEST").expect_text(KRBTGT).expect_text("host/localhost@MIT.TEST");
        let server = GssServer::start(self.realm.config(), self.realm.service_keytab(), "sample@localhost");
        let line = format!("connect localhost:{} --framing gss-sample --message x -s sample/localhost", server.port());
        self.ours(&line, "").expect_success();
        self.theirs("klist", "").expect_success().expect_text("sample/localhost@MIT.TEST");
        self.ours("logout", "").expect_success();
        self.theirs("klist", "").expect_failure();
        failed(&self.ours("list", ""), 3, "there is no credential cache at");

        self.login("bob").expect_success();
        let klist = self.theirs("klist -ef", "");
        let klist = handfast_interop::Klist::parse(&klist.expect_success().stdout);
        assert_eq!((klist.principal.as_str(), klist.tickets.len()), ("bob@MIT.TEST", 1));
        assert_eq!(klist.ticket(KRBTGT).flags, "FIA");
        self.theirs("kvno sample/localhost", "").expect_success();
        self.ours("list", "").expect_success().expect_text("sample/localhost@MIT.TEST");
        self.theirs("kdestroy", "").expect_success();
        failed(&self.ours("list", ""), 3, "there is no credential cache at");
    }

    /// Several: each gets one of its own, both switch, both destroy all.
    fn collection(&self) {
        self.kinit("alice");
        self.login("bob").expect_success();
        let principal = |run: &Run, whose: &str| {
            run.expect_success().expect_text(&format!("Default principal: {whose}@MIT.TEST"));
        };
        principal(&self.theirs("klist", ""), "bob");
        self.theirs("klist -l", "").expect_success().expect_text("alice@MIT.TEST").expect_text("bob@MIT.TEST");
        self.theirs("kswitch -p alice", "").expect_success();
        self.ours("list", "").expect_success().expect_text("Principal   alice@MIT.TEST");
        self.ours("switch bob", "").expect_success().expect_text("is the primary cache now");
        principal(&self.theirs("klist", ""), "bob");
        let all = self.ours("list --all", "");
        all.expect_success().expect_text("* bob@MIT.TEST").expect_text("  alice@MIT.TEST");
        self.login(&Enctype::Aes128Sha1.user()).expect_success();
        self.login("alice").expect_success();
        let caches = self.theirs("klist -l", "").expect_success().stdout.lines().count() - 2;
        assert_eq!(caches, 3, "alice has the one that kinit made for her");
        failed(&self.ours("switch nobody", ""), 3, "no cache has tickets of nobody@MIT.TEST");
        self.ours("logout", "").expect_success();
        self.theirs("klist -l", "").expect_success().expect_text("bob@MIT.TEST");
        self.ours("logout --all", "").expect_success();
        assert!(!self.theirs("klist -A", "").text().contains("Default principal"));
        self.kinit("alice");
        self.login("bob").expect_success();
        self.theirs("kdestroy -A", "").expect_success();
        failed(&self.ours("list --all", ""), 3, "there is no credential cache at");
    }
}

fn unique(kind: &str) -> String {
    format!("handfast-{}-{kind}", std::process::id())
}

#[test]
fn a_directory_of_caches_is_shared_with_mit() {
    let (realm, dir) = (MitRealm::shared(), TempDir::new("caches"));
    Both::new(realm.config(), &format!("DIR:{}", dir.join("one").display())).one_cache();
    Both::new(realm.config(), &format!("DIR:{}", dir.join("many").display())).collection();
    let one = format!("DIR::{}", dir.join("one/tktmine").display());
    Both::new(realm.config(), &one).one_cache();
}

#[test]
fn keyrings_of_session_and_user_are_shared_with_mit() {
    let realm = MitRealm::shared();
    for anchor in ["session", "user"] {
        let name = |kind: &str| format!("KEYRING:{anchor}:{}", unique(kind));
        Both::new(realm.config(), &name("one")).one_cache();
        Both::new(realm.config(), &name("many")).collection();
        Both::new(realm.config(), &format!("{}:mine", name("alone"))).one_cache();
    }
}

#[test]
fn a_keyring_that_is_named_in_the_old_way_is_shared_with_mit() {
    let realm = MitRealm::shared();
    Both::new(realm.config(), &format!("KEYRING:{}", unique("old"))).one_cache();
    Both::new(realm.config(), &format!("KEYRING:legacy:{}", unique("legacy"))).collection();
}

#[test]
fn the_persistent_keyring_is_shared_with_mit() {
    let realm = MitRealm::shared();
    // A cache by itself: the collection is the user's own, and not the test's.
    let user = run(realm.client().command("id").arg("-u"), "", LIMIT).expect_success().stdout.trim().to_owned();
    Both::new(realm.config(), &format!("KEYRING:persistent:{user}:{}", unique("mine"))).one_cache();
}

#[test]
fn heimdals_kcm_is_shared_with_mit() {
    let (realm, kcm) = (MitRealm::shared(), HeimdalKcm::start());
    let config = realm.config().clone().setting(&format!("kcm_socket = {}", kcm.socket().display()));
    Both::new(&config, "KCM:").one_cache();
    Both::new(&config, "KCM:").collection();
    let user = run(realm.client().command("id").arg("-u"), "", LIMIT).expect_success().stdout.trim().to_owned();
    Both::new(&config, &format!("KCM:{user}:mine")).one_cache();
}

#[test]
fn a_kcm_daemon_that_is_not_there_is_named() {
    let (realm, dir) = (MitRealm::shared(), TempDir::new("no-kcm"));
    let config = realm.config().clone().setting(&format!("kcm_socket = {}", dir.join("kcm").display()));
    let both = Both::new(&config, "KCM:");
    failed(&both.ours("list", ""), 8, &format!("the KCM daemon at {}", dir.join("kcm").display()));
}
