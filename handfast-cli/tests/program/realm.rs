//! `handfast realm`.

use crate::support::{PASSWORD, World, mode};
use handfast::krb5::Keytab;
use nix::sys::signal::Signal;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

fn principals(world: &World) -> Vec<(String, String)> {
    let list = world.run("realm list --json").ok().object();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let principals = list["principals"].as_array().unwrap();
    principals.iter().map(|entry| (text(&entry["principal"]), text(&entry["kind"]))).collect()
}

#[test]
fn users_and_services_come_and_go() {
    let world = World::with_realm();
    let alice = ("alice@A.TEST".to_owned(), "user".to_owned());
    let host = ("host/localhost@A.TEST".to_owned(), "service".to_owned());
    let passwords = ("kadmin/changepw@A.TEST".to_owned(), "service".to_owned());
    let krbtgt = ("krbtgt/A.TEST@A.TEST".to_owned(), "realm".to_owned());
    assert_eq!(principals(&world), [alice, host.clone(), passwords.clone(), krbtgt.clone()]);
    world.run("realm remove alice").ok();
    assert_eq!(principals(&world), [host, passwords.clone(), krbtgt.clone()]);
    world.run("realm remove host@localhost").failed(2, "not of the realm");
    world.run("realm remove host/LOCALHOST").ok();
    assert_eq!(principals(&world), [passwords, krbtgt]);
    world.run("realm remove alice").failed(8, "there is no alice@A.TEST").failed(8, "handfast realm list");
    world.run("realm remove krbtgt/A.TEST").failed(2, "can't be removed");
}

/// The enctypes of a principal's keys, in their order.
fn enctypes(world: &World, principal: &str) -> Vec<String> {
    let list = world.run("realm list --json").ok().object();
    let entry = list["principals"].as_array().unwrap().iter().find(|entry| entry["principal"] == principal);
    entry.unwrap()["enctypes"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[test]
fn keys_are_of_the_enctypes_that_were_asked_for() {
    let world = World::with_realm();
    let aes = ["aes256-cts-hmac-sha1-96", "aes128-cts-hmac-sha1-96", "aes256-cts-hmac-sha384-192"];
    assert_eq!(enctypes(&world, "alice@A.TEST")[..3], aes);
    assert_eq!(enctypes(&world, "host/localhost@A.TEST").len(), 4);
    world.run("realm add-service nfs/localhost --enctype camellia256-cts,aes128-sha2,camellia256-cts-cmac").ok();
    let asked = ["camellia256-cts-cmac", "aes128-cts-hmac-sha256-128"];
    assert_eq!(enctypes(&world, "nfs/localhost@A.TEST"), asked, "each once, in the order given");
    world.run_with("realm add-user bob --password-stdin --enctype camellia128-cts", "bobs").ok();
    assert_eq!(enctypes(&world, "bob@A.TEST"), ["camellia128-cts-cmac"]);
    world.run_with("realm set-password bob --password-stdin --enctype aes256-sha2", "bobs").ok();
    assert_eq!(enctypes(&world, "bob@A.TEST"), ["aes256-cts-hmac-sha384-192"]);
    world.run("realm add-service x/localhost --enctype rot13").failed(2, "no enctype of that name is known");
}

#[test]
fn nothing_is_overwritten() {
    let world = World::with_realm();
    world.run("realm init B.TEST").failed(8, "realm.db");
    world.run_with("realm add-user alice --password-stdin", "x").failed(8, "alice@A.TEST is there already");
    world.run("realm add-service host/localhost").failed(8, "is there already");
    fs::write(world.path("conf"), "mine").unwrap();
    world.run("realm config --output conf").failed(8, "there is a file conf already");
    assert_eq!(fs::read(world.path("conf")).unwrap(), b"mine");
}

#[test]
fn files_with_keys_are_their_owners_alone() {
    let world = World::with_realm();
    let file = world.path(".local/share/handfast/realm.db");
    assert_eq!((mode(&file), mode(&world.path("keytab"))), (0o600, 0o600));
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    world.run("realm list").failed(8, "make it 0600");
}

#[test]
fn a_realm_that_is_not_there_is_named() {
    World::new().run("realm list").failed(8, "there is no realm in").failed(8, "handfast realm init");
}

#[test]
fn exported_keys_are_added_to_the_keytab() {
    let world = World::with_realm();
    world.run("realm add-service HTTP/localhost --directory .local/share/handfast/realm.db").ok();
    world.run("realm export-keytab HTTP/localhost --keytab FILE:keytab").ok();
    let keytab = Keytab::decode(&fs::read(world.path("keytab")).unwrap()).unwrap();
    let names: Vec<String> = keytab.principals().map(ToString::to_string).collect();
    assert_eq!((names.len(), keytab.entries().len()), (2, 8), "{names:?}");
    world.run("realm export-keytab nobody --keytab keytab").failed(8, "there is no nobody@A.TEST");
}

#[test]
fn the_configuration_is_shown_or_written() {
    let world = World::with_realm();
    let shown = world.run("realm config --kdc kdc.a.test").ok().stdout;
    assert!(shown.contains("default_realm = A.TEST") && shown.contains("kdc = kdc.a.test\n"), "{shown}");
    world.run("realm config --kdc kdc.a.test --output conf").ok();
    assert_eq!(fs::read_to_string(world.path("conf")).unwrap(), shown);
    world.run("realm config --kdc kdc:nothing").failed(2, "kdc:nothing");
}

#[test]
fn who_is_added_or_changed_while_the_realm_is_served_can_log_in() {
    let world = World::with_realm();
    let kdc = world.start_kdc();
    world.run_with("login bob --password-stdin", "bobs").failed(5, "does not know bob@A.TEST");
    world.run_with("realm add-user bob --password-stdin", "bobs").ok();
    world.run_with("realm set-password alice --password-stdin", "new").ok();
    world.run_until_ok("login bob --password-stdin", "bobs");
    world.run_until_ok("login alice --password-stdin", "new");
    world.run_with("login alice --password-stdin", PASSWORD).failed(5, "most likely the password is wrong");
    let (code, log) = kdc.stop(Signal::SIGTERM);
    assert_eq!(code, 0);
    assert!(log.iter().any(|event| event["client"] == "bob@A.TEST" && event["outcome"] == "issued"), "{log:?}");
    assert_eq!(log.last().unwrap()["event"], "stopped");
}

#[test]
fn a_taken_port_is_an_error_of_its_own() {
    let world = World::with_realm();
    let kdc = world.start_kdc();
    let again = format!("realm serve --listen {}", kdc.address);
    world.run(&again).failed(8, "can't listen on").failed(8, "another program has it");
}

/// RFC 4120 7.2.2.
#[test]
fn a_length_with_the_reserved_bit_is_answered_with_an_error() {
    use handfast::krb5::message::{ErrorCode, KrbError};
    let world = World::with_realm();
    let kdc = world.start_kdc();
    let mut tcp = TcpStream::connect(&kdc.address).unwrap();
    tcp.write_all(&0x8000_0001_u32.to_be_bytes()).unwrap();
    let mut reply = Vec::new();
    tcp.read_to_end(&mut reply).unwrap();
    let (length, error) = reply.split_at(4);
    assert_eq!(length, u32::try_from(error.len()).unwrap().to_be_bytes());
    assert_eq!(KrbError::decode(error).unwrap().error_code, ErrorCode::KRB_ERR_FIELD_TOOLONG);
    kdc.event("too-long");
}
