use crate::process::{Run, read_text, run};
use crate::{Klist, MitConfig, TempDir, by_clock};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

/// MIT's client programs with a configuration, a credential cache and a trace file of their own.
#[derive(Debug)]
pub struct MitClient {
    config: MitConfig,
    ccache: PathBuf,
    /// How many seconds its clock is ahead.
    ahead: i64,
    dir: TempDir,
}

impl MitClient {
    /// A client with an empty credential cache.
    pub fn new(config: &MitConfig) -> Self {
        let dir = TempDir::new("client");
        MitClient { config: config.clone(), ccache: dir.join("ccache"), ahead: 0, dir }
    }

    /// A client whose credential cache is the file at `ccache`, which somebody else may have written.
    pub fn with_ccache(config: &MitConfig, ccache: &Path) -> Self {
        MitClient { config: config.clone(), ccache: ccache.to_owned(), ahead: 0, dir: TempDir::new("client") }
    }

    /// By a clock that is so many seconds ahead of the system's.
    pub fn by_clock(mut self, seconds_ahead: i64) -> Self {
        self.ahead = seconds_ahead;
        self
    }

    /// Its configuration.
    pub fn config(&self) -> &MitConfig {
        &self.config
    }

    /// The file of its credential cache.
    pub fn ccache(&self) -> &Path {
        &self.ccache
    }

    /// What the library wrote to `KRB5_TRACE` so far.
    pub fn trace(&self) -> String {
        read_text(&self.dir.join("trace"))
    }

    /// Any of MIT's programs with this client's environment.
    pub fn command(&self, program: &str) -> Command {
        let mut command = self.config.command(program, self.dir.path());
        command.env("KRB5CCNAME", format!("FILE:{}", self.ccache.display()));
        command.env("KRB5_TRACE", self.dir.join("trace"));
        if self.ahead != 0 {
            by_clock(&mut command, self.ahead);
        }
        command
    }

    /// `kinit principal`, the password given as one typed.
    pub fn kinit(&self, principal: &str, password: &str) -> Run {
        self.kinit_with(&[principal], password)
    }

    /// `kinit` with these arguments and this password.
    pub fn kinit_with(&self, arguments: &[&str], password: &str) -> Run {
        run(self.command("kinit").args(arguments), &format!("{password}\n"), LIMIT)
    }

    /// `kinit -k -t keytab principal`.
    pub fn kinit_keytab(&self, principal: &str, keytab: &Path) -> Run {
        run(self.command("kinit").arg("-k").arg("-t").arg(keytab).arg(principal), "", LIMIT)
    }

    /// One of MIT's programs with these arguments.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Run {
        run(self.command(program).args(arguments), "", LIMIT)
    }

    /// `kvno service`: asks the KDC for a service ticket.
    pub fn kvno(&self, service: &str) -> Run {
        run(self.command("kvno").arg(service), "", LIMIT)
    }

    /// `kvno -k keytab service`: and decrypts the ticket with the service's key.
    pub fn kvno_keytab(&self, service: &str, keytab: &Path) -> Run {
        run(self.command("kvno").arg("-k").arg(keytab).arg(service), "", LIMIT)
    }

    /// `klist -ef`, read; the test fails if klist does.
    pub fn klist(&self) -> Klist {
        let listed = run(self.command("klist").arg("-ef"), "", LIMIT);
        Klist::parse(&listed.expect_success().stdout)
    }

    /// `klist -ekK keytab`: what MIT reads in a keytab, keys included.
    pub fn klist_keytab(&self, keytab: &Path) -> Run {
        run(self.command("klist").arg("-ekK").arg(keytab), "", LIMIT)
    }

    /// `gss-client options -port port localhost service message`.
    ///
    /// Useful options: `-spnego`, `-nomutual` (`-seq`, `-noreplay`, `-d` likewise), `-nw` wraps nothing, `-nx` doesn't
    /// encrypt (integrity only), `-nm` asks for no MIC, `-mcount N` and `-ccount N` repeat messages and connections.
    /// A `user` and `pass` option would bypass the credential cache.
    ///
    /// Its exit status says nothing of messages; read its output (`Signature verified.`).
    pub fn gss_client(&self, port: u16, service: &str, message: &str, options: &[&str]) -> Run {
        let mut command = self.command("gss-client");
        command.args(["-port", &port.to_string()]).args(options).args(["localhost", service, message]);
        run(&mut command, "", LIMIT)
    }
}
