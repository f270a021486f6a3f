//! `handfast realm serve --certificate`: logins with certificates, and without a name.

use crate::support::{PASSWORD, Server, World, cache};
use std::fs;
use std::path::Path;

/// The realm of the certificates in `handfast/tests/pkinit`, with alice; and those in the world's folder.
fn world() -> World {
    let world = World::new();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../handfast/tests/pkinit");
    for name in
        ["ca.pem", "kdc-ec.pem", "kdc-ec.key", "user-ec.pem", "user-ec.key", "user-ec-encrypted.key", "user-ec.p12"]
    {
        fs::copy(from.join(name), world.path(name)).unwrap();
    }
    fs::write(world.path("geheim"), "geheim\n").unwrap();
    world.run("realm init TEST.REALM").ok();
    world.run_with("realm add-user alice --password-stdin", PASSWORD).ok();
    world
}

const KDC: &str = "--certificate kdc-ec.pem --certificate-key kdc-ec.key --client-trust ca.pem";

fn serve(world: &World, options: &str) -> Server {
    world.start(&format!("realm serve --listen 127.0.0.1:0 --kpasswd-listen 127.0.0.1:0 {options}"))
}

fn is_alice(world: &World) {
    assert_eq!(cache(world).principal.to_string(), "alice@TEST.REALM");
    world.run("logout").ok();
}

#[test]
fn certificates_log_in_as_whom_they_name() {
    let world = world();
    let _kdc = serve(&world, &format!("{KDC} --require-freshness"));
    for identity in [
        "--certificate user-ec.pem --certificate-key user-ec.key",
        "--certificate user-ec.pem --certificate-key user-ec-encrypted.key --certificate-password-file geheim",
        "--certificate user-ec.p12 --certificate-password-file geheim",
        "-X X509_user_identity=FILE:user-ec.pem,user-ec.key",
    ] {
        world.run(&format!("login alice {identity} --trust ca.pem")).ok();
        is_alice(&world);
    }
    let identity = "--certificate user-ec.pem --certificate-key user-ec.key";
    world.run(&format!("login alice {identity}")).failed(8, "pkinit_anchors");
    world.run(&format!("login bob {identity} --trust ca.pem")).failed(5, "bob@TEST.REALM");
    world.run("login --anonymous --trust ca.pem").failed(5, "TEST.REALM");
}

#[test]
fn a_ticket_without_a_name_protects_a_password() {
    let world = world();
    let _kdc = serve(&world, &format!("{KDC} --anonymous"));
    world.run("login --anonymous --trust ca.pem").ok();
    assert_eq!(cache(&world).principal.to_string(), "WELLKNOWN/ANONYMOUS@WELLKNOWN:ANONYMOUS");
    world.run_with("login alice --armor-anonymous --trust ca.pem --password-stdin", PASSWORD).ok();
    is_alice(&world);
    let path = world.path("krb5.conf");
    let conf = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("[libdefaults]\n pkinit_anchors = FILE:{}\n{conf}", world.path("ca.pem").display()))
        .unwrap();
    fs::write(world.path("old"), PASSWORD).unwrap();
    fs::write(world.path("new"), "battery staple").unwrap();
    let passwd = "passwd alice --armor-anonymous --hide-name --password-file old --new-password-file new";
    world.run(passwd).ok();
    world.run_with("login -n --cache FILE:armor", "").ok();
    fs::write(world.path("newer"), "third password").unwrap();
    let passwd = "passwd alice --armor FILE:armor --fast if-possible --password-file new --new-password-file newer";
    world.run(passwd).ok();
    world.run_with("login alice --password-stdin", "third password").ok();
    world.run("passwd alice --hide-name --password-file new").failed(2, "--armor");
}

#[test]
fn a_kdc_with_somebodys_certificate_is_not_believed() {
    let world = world();
    let other = "--certificate user-ec.pem --certificate-key user-ec-encrypted.key --client-trust ca.pem";
    let serve_with = |more: &str| world.run(&format!("realm serve --listen 127.0.0.1:0 {other} {more}"));
    fs::write(world.path("wrong"), "wrong\n").unwrap();
    serve_with("--certificate-password-file wrong").failed(8, "user-ec-encrypted.key");
    let _kdc = serve(&world, &format!("{other} --certificate-password-file geheim"));
    let identity = "--certificate user-ec.pem --certificate-key user-ec.key";
    world.run(&format!("login alice {identity} --trust ca.pem")).failed(5, "certificate");
}
