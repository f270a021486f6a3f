use crate::TempDir;
use crate::process::run;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// What kind of keys certificates are made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA of 2048 bits.
    Rsa,
    /// The curve P-256.
    P256,
}

/// A certificate authority in a directory of its own, which issues what PKINIT needs, by the program `openssl`.
#[derive(Debug)]
pub struct Pki {
    dir: TempDir,
    kind: KeyKind,
}

/// id-pkinit-KPKdc (RFC 4556 3.2.4).
const KDC_PURPOSE: &str = "1.3.6.1.5.2.3.5";
/// id-pkinit-KPClientAuth (RFC 4556 3.2.2).
const CLIENT_PURPOSE: &str = "1.3.6.1.5.2.3.4";

impl Pki {
    /// A new authority.
    pub fn new(kind: KeyKind) -> Self {
        crate::require_peers();
        let pki = Pki { dir: TempDir::new("pki"), kind };
        pki.key("ca");
        pki.openssl("req -x509 -key ca.key -subj /CN=Authority -days 2 -out ca.pem -addext keyUsage=critical,keyCertSign,cRLSign");
        pki
    }

    /// The authority's certificate, in PEM.
    pub fn authority(&self) -> PathBuf {
        self.dir.join("ca.pem")
    }

    /// A certificate and key of the KDC of `realm`, in PEM.
    pub fn kdc(&self, realm: &str) -> (PathBuf, PathBuf) {
        self.issue("kdc", KDC_PURPOSE, realm, &["krbtgt", realm])
    }

    /// A certificate and key of a client, in PEM.
    pub fn client(&self, name: &str, realm: &str) -> (PathBuf, PathBuf) {
        self.issue(name, CLIENT_PURPOSE, realm, &[name])
    }

    fn issue(&self, file: &str, purpose: &str, realm: &str, components: &[&str]) -> (PathBuf, PathBuf) {
        self.key(file);
        let names: Vec<_> =
            components.iter().enumerate().map(|(at, name)| format!("c{at}=GeneralString:{name}\n")).collect();
        self.dir.write(
            &format!("{file}.cnf"),
            format!(
                "[certificate]\nbasicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage={purpose}\n\
                 subjectAltName=otherName:1.3.6.1.5.2.2;SEQUENCE:principal\n\
                 [principal]\nrealm=EXP:0,GeneralString:{realm}\nname=EXP:1,SEQUENCE:name\n\
                 [name]\ntype=EXP:0,INTEGER:1\nstring=EXP:1,SEQUENCE:components\n\
                 [components]\n{}",
                names.concat()
            ),
        );
        self.openssl(&format!("req -new -key {file}.key -subj /CN={file} -out {file}.csr"));
        self.openssl(&format!(
            "x509 -req -in {file}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile {file}.cnf \
             -extensions certificate -out {file}.pem"
        ));
        (self.dir.join(&format!("{file}.pem")), self.dir.join(&format!("{file}.key")))
    }

    fn key(&self, file: &str) {
        let kind = match self.kind {
            KeyKind::Rsa => "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
            KeyKind::P256 => "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
        };
        self.openssl(&format!("genpkey {kind} -out {file}.key"));
    }

    fn openssl(&self, arguments: &str) {
        let mut command = Command::new("openssl");
        command.current_dir(self.dir.path()).args(arguments.split_whitespace());
        run(&mut command, "", Duration::from_secs(60)).expect_success();
    }
}
