//! `.k5identity`: the same file and the same collection of caches, and gss-client and `handfast connect` are the same client, as
//! gss-server says.

use crate::handfast::{Handfast, failed};
use handfast_interop::{GssServer, MitClient, MitRealm, Run, TempDir, run};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

/// Both programs of a user whose collection has the caches of three clients.
struct User {
    realm: Arc<MitRealm>,
    ours: Handfast,
    theirs: MitClient,
    home: TempDir,
}

impl User {
    fn new() -> Self {
        let (realm, home) = (MitRealm::shared(), TempDir::new("home"));
        std::fs::create_dir(home.join("caches")).unwrap();
        let (ours, theirs) = (Handfast::new(realm.config()), MitClient::new(realm.config()));
        let user = User { realm, ours, theirs, home };
        // The last one is the primary cache.
        for client in ["bob", "nopre", "alice"] {
            let password = format!("{}\n", user.realm.password(client));
            run(user.of(&mut user.theirs.command("kinit")).arg(client), &password, LIMIT).expect_success();
        }
        user
    }

    fn of<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        let name = format!("DIR:{}", self.home.join("caches").display());
        command.env("KRB5CCNAME", name).env("HOME", self.home.path())
    }

    fn gss_client(&self, port: u16) -> Run {
        let mut command = self.theirs.command("gss-client");
        let command = self.of(&mut command).args(["-port", &port.to_string()]);
        run(command.args(["localhost", "sample@localhost", "hello"]), "", LIMIT)
    }

    fn connect(&self, port: u16) -> Run {
        let line = format!("connect localhost:{port} --framing gss-sample --service sample@localhost --message hello");
        let arguments: Vec<_> = line.split_whitespace().collect();
        run(self.of(&mut self.ours.command(&arguments)), "", LIMIT)
    }

    fn server(&self) -> GssServer {
        GssServer::start(self.realm.config(), self.realm.service_keytab(), "sample@localhost")
    }

    /// Both are `client`, with these rules.
    fn both_are(&self, client: &str, rules: &str) {
        self.home.write(".k5identity", rules);
        let (ours, theirs) = (self.server(), self.server());
        self.gss_client(theirs.port());
        theirs.expect_accepted(&format!("{client}@MIT.TEST"), "sample/localhost@MIT.TEST");
        self.connect(ours.port()).expect_success();
        ours.expect_accepted(&format!("{client}@MIT.TEST"), "sample/localhost@MIT.TEST");
    }
}

#[test]
fn gss_client_and_we_are_the_client_that_the_rules_name() {
    let user = User::new();
    for (client, rules) in [
        ("bob", "bob@MIT.TEST host=localhost service=sample\n"),
        ("nopre", "# all\nbob host=*.example.com\nnopre realm=MIT.*\nbob\n"),
        ("nopre", "nopre service=[r-t]?mpl* host=local[!a-g]ost\n"),
        ("bob", "alice@MIT.TEST nothing=known\nalice host\nbob\n"),
        ("alice", "bob realm=OTHER.TEST\nbob service=host\n"),
        ("alice", ""),
    ] {
        user.both_are(client, rules);
    }
}

#[test]
fn where_the_rules_name_somebody_without_a_cache_neither_goes_as_another() {
    let user = User::new();
    user.home.write(".k5identity", "dora@MIT.TEST host=localhost\n");
    let server = user.server();
    user.gss_client(server.port()).expect_text("dora@MIT.TEST");
    failed(&user.connect(server.port()), 3, "says to be dora@MIT.TEST for this service");
    assert!(!server.log().contains("Received message"), "{}", server.log());
}
