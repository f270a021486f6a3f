use crate::TempDir;
use crate::process::run;
use std::path::{Path, PathBuf};
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

impl Pki {
    /// id-pkinit-KPKdc (RFC 4556 3.2.4).
    pub const KDC_PURPOSE: &str = "1.3.6.1.5.2.3.5";
    /// id-pkinit-KPClientAuth (RFC 4556 3.2.2).
    pub const CLIENT_PURPOSE: &str = "1.3.6.1.5.2.3.4";

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
        self.issue("kdc", Self::KDC_PURPOSE, realm, &["krbtgt", realm])
    }

    /// A certificate and key of a client, in PEM.
    pub fn client(&self, name: &str, realm: &str) -> (PathBuf, PathBuf) {
        self.issue(name, Self::CLIENT_PURPOSE, realm, &[name])
    }

    /// A certificate of a server of TLS with this name, and its key, in PEM.
    pub fn server(&self, host: &str) -> (PathBuf, PathBuf) {
        self.key("server");
        self.dir.write("server.cnf", format!("[server]\nbasicConstraints=CA:FALSE\nsubjectAltName=DNS:{host}\n"));
        self.openssl("req -new -key server.key -subj /CN=server -out server.csr");
        self.openssl(
            "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile server.cnf \
             -extensions server -out server.pem",
        );
        (self.dir.join("server.pem"), self.dir.join("server.key"))
    }

    /// The authority's name and key in a certificate that has expired.
    pub fn expired_authority(&self) -> PathBuf {
        self.openssl("req -new -key ca.key -subj /CN=Authority -out expired.csr");
        self.dir.write("expired.cnf", "[ca]\nbasicConstraints=critical,CA:TRUE\n");
        self.openssl(
            "x509 -req -in expired.csr -signkey ca.key -days -1 -extfile expired.cnf -extensions ca -out expired.pem",
        );
        self.dir.join("expired.pem")
    }

    /// A certificate, its key and the authority's certificate in a file of PKCS #12.
    pub fn pkcs12(&self, certificate: &Path, key: &Path, password: &str) -> PathBuf {
        let (certificate, key) = (certificate.display(), key.display());
        self.openssl(&format!(
            "pkcs12 -export -in {certificate} -inkey {key} -certfile ca.pem -passout pass:{password} -out identity.p12"
        ));
        self.dir.join("identity.p12")
    }

    /// A certificate for a purpose, of a principal of `realm`, and its key, in PEM.
    pub fn issue(&self, file: &str, purpose: &str, realm: &str, components: &[&str]) -> (PathBuf, PathBuf) {
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
