//! MIT's library and our locks exclude each other.

use handfast_interop::MitRealm;
use handfast_net::lock::{FileLock, LockMode};
use std::fs::File;
use std::thread;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);
/// Many times as long as MIT's programs take if nothing is in their way.
const A_WHILE: Duration = Duration::from_millis(700);

#[test]
fn kvno_waits_while_we_hold_the_cache() {
    let realm = MitRealm::shared();
    let alice = realm.client_of("alice");
    let before = std::fs::read(alice.ccache()).unwrap();
    let file = File::options().read(true).write(true).open(alice.ccache()).unwrap();
    let lock = FileLock::acquire(&file, LockMode::Exclusive, PATIENCE).unwrap();
    thread::scope(|scope| {
        let kvno = scope.spawn(|| alice.kvno("sample/localhost"));
        thread::sleep(A_WHILE);
        assert!(!kvno.is_finished(), "{}", kvno.join().unwrap());
        assert_eq!(std::fs::read(alice.ccache()).unwrap(), before);
        drop(lock);
        kvno.join().unwrap().expect_success();
    });
    alice.klist().ticket("sample/localhost@MIT.TEST");
}

#[test]
fn klist_reads_while_we_read() {
    let realm = MitRealm::shared();
    let alice = realm.client_of("alice");
    let file = File::open(alice.ccache()).unwrap();
    let _lock = FileLock::acquire(&file, LockMode::Shared, PATIENCE).unwrap();
    assert_eq!(alice.klist().principal, "alice@MIT.TEST");
}
