//! The command line, and the help that teaches it.

use crate::commands::{connect, decode, doctor, get, keytab, list, login, logout, passwd, realm, serve, switch};
use crate::demo;
use crate::failure::{Exit, Failure};
use crate::help;
use crate::output::Output;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use std::fmt::Write;
use std::process::exit;

/// What the first lines of the help say.
const ABOUT: &str = "Two programs, one connection, each sure of the other.

handfast opens connections whose two ends have proven to each other who they are, by Kerberos V5, and seals
what goes over them. Where it is allowed by name, NTLM proves one of them. It logs in, keeps tickets where other
Kerberos programs find them, serves and connects, puts any TCP service behind such a door, and can be the KDC of
a realm of its own. It needs no other Kerberos software, and works with it.";

const EXAMPLES: &str = "\
All of it at once, without any set-up:
  handfast demo

A realm, a service and a user of your own, in six commands:
  handfast realm init EXAMPLE.COM                    # a new realm
  handfast realm add-user alice                      # asks for her password
  handfast realm add-service host/localhost --keytab host.keytab
  handfast realm serve --listen 127.0.0.1:8888 &     # the KDC; `realm config` tells clients of it
  handfast realm config --kdc 127.0.0.1:8888 --output krb5.conf; export KRB5_CONFIG=$PWD/krb5.conf
  handfast login alice

A connection on which each end knows the other:
  handfast serve --listen 127.0.0.1:7777 --keytab host.keytab --allow alice --echo &
  handfast connect localhost:7777 --message hello

The same before a service that knows nothing of it, at both ends (see `handfast serve --help`):
  handfast serve --listen 0.0.0.0:7432 --keytab host.keytab --forward 127.0.0.1:5432 &
  handfast connect localhost:7432 --listen 127.0.0.1:15432 &

What is in a token, and what your keytab opens of it:
  handfast decode 'Authorization: Negotiate YIIC…' --keytab http.keytab
";

const MIT: &str = "\
Who comes from MIT's programs finds their letters where they mean the same:
  kinit login        klist list         kdestroy logout    kswitch switch
  kvno  get          kpasswd passwd     ktutil   keytab    kadmin.local realm
";

const FILES: &str = "\
Files, and the environment variables that name others (as for every Kerberos program):
  configuration     /etc/krb5.conf                      KRB5_CONFIG
  credential cache  FILE:/tmp/krb5cc_UID                KRB5CCNAME
                    or default_ccache_name: a FILE:, DIR:, KEYRING: or KCM:
  keytab            FILE:/etc/krb5.keytab               KRB5_KTNAME
                    or default_keytab_name
  client keytab     /etc/krb5/user/UID/client.keytab    KRB5_CLIENT_KTNAME
                    or default_client_keytab_name
  replay cache      memory, or with --replay-cache      KRB5RCACHENAME
                    /var/tmp/krb5_UID.rcache2
  nameservers       /etc/resolv.conf                    HANDFAST_RESOLV_CONF
  realm directory   ~/.local/share/handfast/realm.db    (--directory)

Realms of which the configuration names no KDC are looked up at the nameservers, unless dns_lookup_kdc is false.

NO_COLOR, set to anything, turns colours off. Passwords are never arguments: they are asked for on the terminal,
or read with --password-stdin or --password-file.";

/// The whole command line.
#[derive(Parser, Debug)]
#[command(name = "handfast", version, about = ABOUT.lines().next(), long_about = ABOUT)]
#[command(propagate_version = false, disable_help_subcommand = false)]
struct Cli {
    /// Print results as JSON objects, one on a line; errors too, on standard error
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Demo(demo::Args),
    Login(login::Args),
    Get(get::Args),
    List(list::Args),
    Switch(switch::Args),
    Logout(logout::Args),
    Passwd(passwd::Args),
    Serve(serve::Args),
    Connect(connect::Args),
    Decode(decode::Args),
    Doctor(doctor::Args),
    #[command(subcommand)]
    Keytab(keytab::Command),
    #[command(subcommand)]
    Realm(realm::Realm),
}

/// Reads the command line and does what it says.
pub(crate) fn run() -> (Output, Result<(), Failure>) {
    let after = format!("{EXAMPLES}\n{MIT}\n{}\n{FILES}", exit_codes());
    let command =
        Cli::command().after_long_help(after).after_help("`handfast --help` shows examples, exit codes and files.");
    let parsed = help::fitted(command, help::columns()).try_get_matches();
    let cli = match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            // clap writes help and version to standard output, errors to standard error, and knows the code for each: 0 or 2.
            let _ = error.print();
            exit(error.exit_code());
        }
    };
    let output = Output::new(cli.json);
    let result = match &cli.command {
        Command::Demo(args) => demo::run(args, &output),
        Command::Login(args) => login::run(args, &output),
        Command::Get(args) => get::run(args, &output),
        Command::List(args) => list::run(args, &output),
        Command::Switch(args) => switch::run(args, &output),
        Command::Logout(args) => logout::run(args, &output),
        Command::Passwd(args) => passwd::run(args, &output),
        Command::Serve(args) => serve::run(args, &output),
        Command::Connect(args) => connect::run(args, &output),
        Command::Decode(args) => decode::run(args, &output),
        Command::Doctor(args) => doctor::run(args, &output),
        Command::Keytab(command) => keytab::run(command, &output),
        Command::Realm(command) => realm::run(command, &output),
    };
    (output, result)
}

fn exit_codes() -> String {
    let mut table = String::from("Exit codes:\n  0  done\n");
    for exit in Exit::ALL {
        // Writing to a String does not fail.
        let _ = writeln!(table, "  {}  {}", exit.code(), exit.meaning());
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
