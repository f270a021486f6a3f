//! MIT krb5 1.22 or later, of which Debian 12 has no package: its libraries are inside of psycopg-binary's wheel.

use std::fs::{read, read_dir};
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

const LIBRARIES: [(&str, &str); 2] = [("libgssapi_krb5-", "libgssapi_krb5.so.2"), ("libkrb5-", "libkrb5.so.3")];

/// Folders for LD_LIBRARY_PATH: `names`, which gets the libraries by the names that Debian's programs know them by, and the wheel's
/// own. An older or missing one fails the test.
pub(crate) fn libraries(names: &Path) -> Vec<PathBuf> {
    let wheel = wheel();
    std::fs::create_dir_all(names).unwrap_or_else(|error| panic!("{}: {error}", names.display()));
    for (begin, name) in LIBRARIES {
        let link = names.join(name);
        match symlink(library(&wheel, begin), &link) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => panic!("{}: {error}", link.display()),
            _ => {}
        }
    }
    let version = version(&library(&wheel, "libkrb5-"));
    assert!(version >= Some(22), "psycopg-binary has MIT krb5 1.{version:?}, and 1.22 is wanted: run ./scripts/test");
    vec![names.to_owned(), wheel]
}

fn wheel() -> PathBuf {
    let lib = crate::peer::python_peers().with_file_name("../lib");
    let versions = read_dir(lib).into_iter().flatten().flatten();
    let mut places = versions.map(|version| version.path().join("site-packages/psycopg_binary.libs"));
    let found = places.find(|path| path.is_dir());
    found.unwrap_or_else(|| panic!("psycopg-binary is missing among the Python peers: run ./scripts/test"))
}

fn library(wheel: &Path, begin: &str) -> PathBuf {
    let files = read_dir(wheel).into_iter().flatten().flatten();
    let found = files
        .map(|file| file.path())
        .find(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(begin)));
    found.unwrap_or_else(|| panic!("{} has no {begin}*: psycopg-binary was built without Kerberos", wheel.display()))
}

/// The minor version, as the library's own words have it: `KRB5_BRAND: krb5-1.22.2-final`.
fn version(library: &Path) -> Option<u32> {
    const BRAND: &[u8] = b"KRB5_BRAND: krb5-1.";
    let octets = read(library).unwrap_or_else(|error| panic!("{}: {error}", library.display()));
    let at = octets.windows(BRAND.len()).position(|octets| octets == BRAND)?;
    let rest = octets.get(at + BRAND.len()..)?;
    let digits: Vec<u8> = rest.iter().copied().take_while(u8::is_ascii_digit).collect();
    std::str::from_utf8(&digits).ok()?.parse().ok()
}
