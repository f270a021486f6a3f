//! One-time passwords (RFC 6560): `handfast login --otp-file` at MIT's KDC, which asks a RADIUS server. `guarded/localhost` is for clients
//! alone whose ticket says that they had one.

use crate::handfast::{Handfast, failed};
use handfast_interop::{MitClient, MitRealm, Radius, Run};

const GUARDED: &str = "addprinc -nokey +requires_preauth carol\nsetstr carol otp []\n\
                       addprinc -randkey guarded/localhost\nsetstr guarded/localhost require_auth otped\n";

struct Scene {
    radius: Radius,
    realm: MitRealm,
    bob: MitClient,
}

impl Scene {
    fn new() -> Self {
        let radius = Radius::start("carol", &["755224", "287082"]);
        let realm = MitRealm::start_as(MitRealm::NAME, &radius.section("otped"));
        realm.kadmin(GUARDED);
        let bob = realm.client_of("bob");
        Scene { radius, realm, bob }
    }

    fn login(&self, program: &Handfast, otp: &str) -> Run {
        let file = program.path("otp");
        std::fs::write(&file, format!("{otp}\n")).unwrap();
        let armor = self.bob.ccache().display();
        program.run(&format!("login carol --armor FILE:{armor} --otp-file {}", file.display()))
    }
}

#[test]
fn krb5kdc_takes_our_one_time_password_once() {
    let scene = Scene::new();
    let program = Handfast::new(scene.realm.config());
    scene.login(&program, "755224").expect_success();
    scene.radius.expect("accepted carol with 755224");
    assert_eq!(program.mit().klist().principal, "carol@MIT.TEST");
    program.mit().kvno("guarded/localhost").expect_success();
    scene.bob.kvno("guarded/localhost").expect_failure();
    let again = Handfast::new(scene.realm.config());
    failed(&scene.login(&again, "755224"), 5, "does not take the one-time password of carol@MIT.TEST");
    scene.radius.expect("rejected carol with 755224");
    scene.realm.expect_kdc_log("preauth (otp) verify failure: ");
    scene.login(&again, "287082").expect_success();
}

#[test]
fn a_wrong_one_time_password_and_one_without_armor_are_refused() {
    let scene = Scene::new();
    let program = Handfast::new(scene.realm.config());
    failed(&scene.login(&program, "000000"), 5, "most likely it is wrong, or was used before");
    scene.radius.expect("rejected carol with 000000");
    let bare = program.run(&format!("login carol --otp-file {}", program.path("otp").display()));
    failed(&bare, 2, "a one-time password takes a ticket to protect it with");
}
