use std::path::{Path, PathBuf};

const DIRECTORIES: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Fails the test unless `HANDFAST_PEERS=required`, with the reason and what to do.
pub fn require_peers() {
    let value = std::env::var("HANDFAST_PEERS").unwrap_or_default();
    assert!(
        value == "required",
        "this test starts real peers (MIT krb5 and others). HANDFAST_PEERS is {value:?}, not \"required\": \
         run ./scripts/test, which installs the peers and sets it"
    );
}

/// Where a peer's program is. A missing one fails the test, naming the Debian package that has it.
pub fn peer_program(name: &str) -> PathBuf {
    require_peers();
    let places = DIRECTORIES.iter().map(|directory| Path::new(directory).join(name));
    places.into_iter().find(|path| path.is_file()).unwrap_or_else(|| {
        panic!(
            "the peer program {name} is in none of {DIRECTORIES:?}; Debian has it in {}: run ./scripts/test",
            package(name)
        )
    })
}

/// A file of a peer's Debian package that is no program. A missing one fails the test, naming the package.
pub fn peer_file(path: &str, package: &str) -> PathBuf {
    require_peers();
    let path = PathBuf::from(path);
    assert!(path.is_file(), "{} is missing; Debian has it in {package}: run ./scripts/test", path.display());
    path
}

/// The Python of the virtual environment that `./scripts/test` makes; a missing one fails the test.
pub(crate) fn python_peers() -> PathBuf {
    require_peers();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/python-peers/bin/python3");
    assert!(path.is_file(), "{} is missing, where pyspnego is to be: run ./scripts/test", path.display());
    path
}

/// The search path that peers get.
pub(crate) fn search_path() -> String {
    DIRECTORIES.join(":")
}

fn package(program: &str) -> &'static str {
    match program {
        "krb5kdc" | "kdb5_util" => "krb5-kdc",
        "kadmin.local" => "krb5-admin-server or krb5-user",
        "kinit" | "kvno" | "klist" | "kdestroy" | "kswitch" | "ktutil" => "krb5-user",
        "kcm" => "heimdal-kcm",
        "unshare" => "util-linux",
        "gss-client" | "gss-server" => "krb5-gss-samples",
        "samba" => "samba and samba-ad-dc",
        "samba-tool" => "samba-common-bin and samba-ad-provision",
        "ldbsearch" | "ldbmodify" => "ldb-tools",
        "python3" => "python3-minimal, and python3-gssapi and python3-samba for it",
        _ => "a package that ./scripts/test does not know",
    }
}
