//! A service that acts for a user, in our realm: with a cache of `handfast login --for-user` MIT's gss-client acts, and with one that
//! MIT's GSS-API has stored `handfast connect`. Who comes says gss-server, or `handfast serve`.

use crate::handfast::{Handfast, Server, failed};
use handfast_interop::{GssServer, MitClient, MitConfig, SambaDomain, run};
use std::path::Path;
use std::time::Duration;

/// The realm `OURS.TEST`, served: alice, HTTP/localhost which may act for its users with nfs/localhost, and imap/localhost.
struct World {
    program: Handfast,
    _kdc: Server,
    config: MitConfig,
}

impl World {
    fn new() -> Self {
        let nowhere = MitConfig::new("OURS.TEST", ([127, 0, 0, 1], 9).into());
        let program = Handfast::new(&nowhere);
        let run = |line: &str| {
            program.run(line).expect_success();
        };
        run("realm init OURS.TEST");
        program.run_with("realm add-user alice --password-stdin", "alice-password\n").expect_success();
        for service in ["HTTP", "nfs", "imap"] {
            run(&format!("realm add-service {service}/localhost --keytab {service}.keytab"));
        }
        run("realm modify HTTP/localhost --delegate-to nfs/localhost --protocol-transition yes");
        let kdc = program.start("realm serve", "OURS.TEST is served on ");
        let config = MitConfig::new("OURS.TEST", kdc.address());
        World { program, _kdc: kdc, config }
    }

    fn server(&self, service: &str) -> GssServer {
        let keytab = self.program.path(&format!("{service}.keytab"));
        GssServer::start(&self.config, &keytab, &format!("{service}@localhost"))
    }

    /// `handfast login` as HTTP/localhost, for alice.
    fn cache_of_ours(&self) -> Handfast {
        let web = Handfast::new(&self.config);
        let line = format!(
            "login HTTP/localhost --keytab {} --for-user alice --cache FILE:{}",
            self.program.path("HTTP.keytab").display(),
            web.mit().ccache().display()
        );
        web.run(&line).expect_success().expect_text("alice@OURS.TEST has a ticket for HTTP/localhost@OURS.TEST");
        web
    }

    /// What MIT's GSS-API stores of the same.
    fn cache_of_mits(&self) -> Handfast {
        let web = MitClient::new(&self.config.clone().setting("forwardable = true"));
        web.kinit_keytab("HTTP/localhost", &self.program.path("HTTP.keytab")).expect_success();
        let acting = Handfast::new(&self.config);
        let mut python = web.command("python3");
        python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/python/impersonate.py"));
        python.args(["alice", &acting.mit().ccache().display().to_string()]);
        run(&mut python, "", Duration::from_secs(30)).expect_success().expect_text("stored for alice@OURS.TEST");
        acting
    }
}

#[test]
fn caches_in_a_users_name_are_mits_and_ours() {
    let world = World::new();
    for acting in [world.cache_of_ours(), world.cache_of_mits()] {
        let klist = run(acting.mit().command("klist").arg("-C"), "", Duration::from_secs(10));
        klist.expect_success().expect_text("Default principal: alice@OURS.TEST");
        klist.expect_text("config: proxy_impersonator = HTTP/localhost@OURS.TEST");
        // MIT's program, and ours.
        let nfs = world.server("nfs");
        acting.mit().gss_client(nfs.port(), "nfs@localhost", "hello", &[]).expect_text("Signature verified.");
        nfs.expect_accepted("alice@OURS.TEST", "nfs/localhost@OURS.TEST");
        let nfs = world.server("nfs");
        let connect = |server: &GssServer, service| {
            let port = server.port();
            acting.run(&format!("connect localhost:{port} --framing gss-sample --message hello -s {service}/localhost"))
        };
        connect(&nfs, "nfs").expect_success();
        nfs.expect_accepted("alice@OURS.TEST", "nfs/localhost@OURS.TEST");
        // To the service itself the ticket at hand will do; with others it may not act.
        let web = world.server("HTTP");
        connect(&web, "HTTP").expect_success();
        web.expect_accepted("alice@OURS.TEST", "HTTP/localhost@OURS.TEST");
        let imap = world.server("imap");
        failed(&connect(&imap, "imap"), 5, "KDC_ERR_BADOPTION");
        acting.mit().gss_client(imap.port(), "imap@localhost", "hello", &[]).expect_failure();
    }
}

#[test]
fn a_service_acts_for_a_user_of_sambas_domain() {
    let domain = SambaDomain::shared();
    let front = Handfast::new(&domain.config());
    let keytab = domain.keytab("svc-front");
    let cache = front.mit().ccache().display().to_string();
    let line = format!("login svc-front --keytab {} --for-user alice --cache FILE:{cache}", keytab.display());
    front.run(&line).expect_success();
    let web = Handfast::new(&domain.config()).keytab(&domain.keytab(SambaDomain::SERVICE));
    let served = web.serve(&format!("--service {} --allow-realm AD.TEST --echo", SambaDomain::SERVICE));
    let port = served.port();
    let connect = format!("connect localhost:{port} --framing gss-sample --message hello -s {}", SambaDomain::SERVICE);
    front.run(&connect).expect_success();
    served.expect_log("alice@AD.TEST");
    assert!(Path::new(&cache).exists());
}
