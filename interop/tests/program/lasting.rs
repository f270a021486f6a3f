//! Logins that last, in `handfast connect --listen`: what MIT's KDC is asked, as it logs it.

use crate::handfast::{Handfast, Server};
use handfast_interop::MitRealm;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;

const MANY: usize = 40;

/// As many local connections at once: each sends a line and reads it back from `serve --echo` behind the door.
fn connect_all(door: &Server) {
    let echoed = || {
        let mut tcp = TcpStream::connect(door.address()).unwrap();
        tcp.write_all(b"hello").unwrap();
        let mut said = [0; 5];
        tcp.read_exact(&mut said).unwrap();
        assert_eq!(&said, b"hello");
    };
    thread::scope(|scope| (0..MANY).for_each(|_| drop(scope.spawn(echoed))));
}

fn served(realm: &MitRealm) -> (Handfast, Server) {
    let program = Handfast::new(realm.config());
    let keytab = realm.service_keytab().display();
    let server = program.start(&format!("serve --service sample/localhost --keytab {keytab} --echo"), "listening on ");
    (program, server)
}

/// How many tickets for `service` the KDC says that it has issued, by `exchange`.
fn issued(realm: &MitRealm, exchange: &str, service: &str) -> usize {
    let log = realm.kdc_log();
    let lines = log.lines().filter(|line| line.contains(exchange) && line.contains("ISSUE"));
    lines.filter(|line| line.contains(&format!("alice@MIT.TEST for {service}@MIT.TEST"))).count()
}

#[test]
fn the_first_connections_through_a_door_ask_for_one_ticket() {
    let realm = MitRealm::start();
    let (_serving, server) = served(&realm);
    let program = Handfast::new(realm.config());
    program.login("alice", &realm.password("alice")).expect_success();
    let line = format!("connect localhost:{} -s sample/localhost", server.port());
    let door = program.start(&line, "listening on ");
    connect_all(&door);
    assert_eq!(issued(&realm, "TGS_REQ", "sample/localhost"), 1, "{}", realm.kdc_log());
    let list = program.mit().klist();
    let for_service = list.tickets.iter().filter(|ticket| ticket.service == "sample/localhost@MIT.TEST");
    assert_eq!(for_service.count(), 1);
}

#[test]
fn a_door_with_a_keytab_logs_in_by_itself_once() {
    let realm = MitRealm::start();
    let (_serving, server) = served(&realm);
    let program = Handfast::new(realm.config());
    let keytab = realm.user_keytab().display();
    let line = format!("connect localhost:{} -s sample/localhost --client-keytab {keytab}", server.port());
    let door = program.start(&line, "listening on ");
    connect_all(&door);
    assert_eq!(issued(&realm, "AS_REQ", "krbtgt/MIT.TEST"), 1, "{}", realm.kdc_log());
    assert_eq!(issued(&realm, "TGS_REQ", "sample/localhost"), 1, "{}", realm.kdc_log());
    connect_all(&door);
    assert_eq!(issued(&realm, "AS_REQ", "krbtgt/MIT.TEST"), 1);
}
