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
    /// Where the realm's password service is reached, as HOST or HOST:PORT; repeat it for several
    #[arg(long, value_name = "ADDRESS")]
    kpasswd: Vec<String>,
    /// Write to FILE, which must not exist yet, instead of to standard output
    #[arg(long, short = 'o', value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    for kdc in args.kdc.iter().chain(&args.kpasswd) {
        kdc.parse::<handfast_net::kdc::KdcAddress>().map_err(|error| Failure::new(Exit::Usage, error))?;
    }
    let book = Book::open(&args.directory)?;
    let text = snippet(book.realm(), &args.kdc, &args.kpasswd);
    let object = json!({ "realm": book.realm(), "kdc": args.kdc, "kpasswd": args.kpasswd, "krb5_conf": text, "file": args.output });
    let Some(file) = &args.output else {
        return output.result(text.trim_end(), &object);
    };
    std::fs::File::create_new(file)
        .and_then(|mut created| std::io::Write::write_all(&mut created, text.as_bytes()))
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                let cause = format!("there is a file {} already, which may say more", file.display());
                Failure::new(Exit::Files, cause)
                    .next("name another with --output, or add to it what is printed without")
            }
            _ => Failure::file(file, &error),
        })?;
    output.result(format!("{} written: set KRB5_CONFIG to it", file.display()), &object)
}

/// The krb5.conf of a realm whose KDC is on `address`, and its password service on `kpasswd`, if it has one.
pub(super) fn of_addresses(realm: &str, address: SocketAddr, kpasswd: Option<SocketAddr>) -> String {
    let kpasswd: Vec<_> = kpasswd.iter().map(ToString::to_string).collect();
    snippet(realm, &[address.to_string()], &kpasswd)
}

fn snippet(realm: &str, kdcs: &[String], kpasswd: &[String]) -> String {
    let lines = |name: &str, servers: &[String]| -> String {
        servers.iter().map(|server| format!("        {name} = {server}\n")).collect()
    };
    let servers = lines("kdc", kdcs) + &lines("kpasswd_server", kpasswd);
    format!(
        "[libdefaults]
    default_realm = {realm}
    dns_lookup_kdc = false
    dns_canonicalize_hostname = false
    rdns = false

[realms]
    {realm} = {{
{servers}    }}
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use handfast::krb5::conf::Conf;

    #[test]
    fn the_snippet_is_a_krb5_conf_with_the_realm_and_its_kdcs() {
        let conf = Conf::parse(
            "krb5.conf",
            snippet("A.TEST", &["kdc:88".into(), "127.0.0.1:8888".into()], &["kdc:464".into()]),
        );
        let conf = conf.unwrap();
        assert!(conf.warnings().is_empty());
        assert_eq!(conf.libdefaults(None).unwrap().default_realm.as_deref(), Some("A.TEST"));
        let realm = conf.realm("A.TEST").unwrap();
        assert_eq!(realm.kdc, ["kdc:88", "127.0.0.1:8888"]);
        assert_eq!(realm.kpasswd_server, ["kdc:464"]);
    }
}
