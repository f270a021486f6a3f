//! `handfast realm config`: what clients have to be told of the realm.

use super::Book;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use serde_json::json;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Show or write the krb5.conf that lets clients find this realm
///
/// The text serves this program and every other Kerberos program. Point KRB5_CONFIG at it, or add it to
/// /etc/krb5.conf.
#[derive(clap::Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "Example:
  handfast realm config --kdc 127.0.0.1:8888 --output krb5.conf && export KRB5_CONFIG=$PWD/krb5.conf"
)]
pub(crate) struct Args {
    #[command(flatten)]
    directory: super::DirectoryArgs,
    /// Where the KDC is reached, as HOST or HOST:PORT; repeat it for several
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:88")]
    kdc: Vec<String>,
    /// Write to FILE, which must not exist yet, instead of to standard output
    #[arg(long, short = 'o', value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    for kdc in &args.kdc {
        kdc.parse::<handfast_net::kdc::KdcAddress>().map_err(|error| Failure::new(Exit::Usage, error))?;
    }
    let book = Book::open(&args.directory)?;
    let text = snippet(book.realm(), &args.kdc);
    let object = json!({ "realm": book.realm(), "kdc": args.kdc, "krb5_conf": text, "file": args.output });
    let Some(file) = &args.output else {
        return output.result(text.trim_end(), &object);
    };
    std::fs::File::create_new(file)
        .and_then(|mut created| std::io::Write::write_all(&mut created, text.as_bytes()))
        .map_err(|error| Failure::file(file, &error))?;
    output.result(format!("{} written: set KRB5_CONFIG to it", file.display()), &object)
}

/// The krb5.conf of a realm whose KDC is on `address`.
pub(super) fn of_address(realm: &str, address: SocketAddr) -> String {
    snippet(realm, &[address.to_string()])
}

fn snippet(realm: &str, kdcs: &[String]) -> String {
    let kdcs: String = kdcs.iter().map(|kdc| format!("        kdc = {kdc}\n")).collect();
    format!(
        "[libdefaults]
    default_realm = {realm}
    dns_lookup_kdc = false
    dns_canonicalize_hostname = false
    rdns = false

[realms]
    {realm} = {{
{kdcs}    }}
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use handfast::krb5::conf::Conf;

    #[test]
    fn the_snippet_is_a_krb5_conf_with_the_realm_and_its_kdcs() {
        let conf = Conf::parse("krb5.conf", snippet("A.TEST", &["kdc:88".into(), "127.0.0.1:8888".into()])).unwrap();
        assert!(conf.warnings().is_empty());
        assert_eq!(conf.libdefaults(None).unwrap().default_realm.as_deref(), Some("A.TEST"));
        assert_eq!(conf.realm("A.TEST").unwrap().kdc, ["kdc:88", "127.0.0.1:8888"]);
    }
}
