//! `handfast realm`: a realm of one's own, in a file, and its KDC.

use crate::failure::Failure;
use crate::output::Output;

mod alias;
mod book;
mod config;
pub(crate) mod embedded;
mod kpasswd;
mod modify;
mod password_settings;
mod pkinit;
mod principals;
mod proof_settings;
mod serve;
mod settings;
mod show;
mod trust;

use book::{Book, DirectoryArgs};
pub(crate) use serve::cannot_listen;

/// A realm of your own: its users and services, and its KDC
///
/// A realm is one file, readable by its owner alone. Whoever can read it can be anybody in the realm.
#[derive(clap::Subcommand, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) enum Realm {
    Init(principals::Init),
    AddUser(principals::AddUser),
    AddService(principals::AddService),
    List(principals::List),
    Show(show::Show),
    Modify(modify::Modify),
    Alias(alias::Alias),
    Remove(principals::Remove),
    SetPassword(principals::SetPassword),
    ExportKeytab(principals::ExportKeytab),
    Trust(trust::Trust),
    Settings(Box<settings::Change>),
    Config(config::Args),
    Serve(serve::Args),
}

/// Runs the command.
pub(crate) fn run(command: &Realm, output: &Output) -> Result<(), Failure> {
    match command {
        Realm::Init(args) => args.run(output),
        Realm::AddUser(args) => args.run(output),
        Realm::AddService(args) => args.run(output),
        Realm::List(args) => args.run(output),
        Realm::Show(args) => args.run(output),
        Realm::Modify(args) => args.run(output),
        Realm::Alias(args) => args.run(output),
        Realm::Remove(args) => args.run(output),
        Realm::SetPassword(args) => args.run(output),
        Realm::ExportKeytab(args) => args.run(output),
        Realm::Trust(args) => args.run(output),
        Realm::Settings(args) => args.run(output),
        Realm::Config(args) => config::run(args, output),
        Realm::Serve(args) => serve::run(args, output),
    }
}
