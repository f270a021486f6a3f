use super::*;
use handfast::crypto::OsRandom;
use std::process::{Child, Command, Stdio};
use std::thread;

const NOW: Time = Time::from_unix_micros(1_700_000_000_123_456);

fn name(text: &str) -> Principal {
    Principal::parse_with_realm(text, "R.TEST").unwrap()
}

/// A folder of one test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(std::format!("handfast-kdc-{test}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
        Folder(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("realm")
    }

    fn create(&self) -> FileDirectory {
        FileDirectory::create(self.file(), "R.TEST", &Settings::default(), &OsRandom, NOW).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn user(text: &str) -> PrincipalEntry {
    let mut entry = PrincipalEntry::service(name(text), &OsRandom, NOW).unwrap();
    entry.is_service = false;
    entry
}

fn names(directory: &FileDirectory) -> Vec<String> {
    directory.entries().unwrap().iter().map(|entry| entry.principal.to_string()).collect()
}

/// Waits for something that another process or thread does; the test fails if it does not come.
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(20), "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn edits_are_there_when_the_file_is_opened_again() {
    let folder = Folder::new("edits");
    let directory = folder.create();
    directory.add(&user("alice")).unwrap();
    directory.add(&user("bob")).unwrap();
    directory
        .change(&name("alice"), |entry| {
            entry.set_password(b"pw", &[17, 18].map(handfast::krb5::enctype::Enctype), Some(9), NOW)
        })
        .unwrap();
    directory.remove(&name("bob")).unwrap();
    let settings = Settings { max_life: Duration::from_secs(77), ..Settings::default() };
    directory.set_settings(&settings).unwrap();
    let (keytab, keys) =
        (directory.keytab(&name("alice")).unwrap(), directory.find(&name("alice")).unwrap().unwrap().keytab());
    assert_eq!((keytab.entries().len(), &keytab), (2, &keys));
    drop(directory);

    let directory = FileDirectory::open(folder.file()).unwrap();
    assert_eq!(names(&directory), ["alice@R.TEST", "krbtgt/R.TEST@R.TEST"]);
    assert_eq!((directory.realm().unwrap(), directory.settings().unwrap()), ("R.TEST".to_string(), settings));
    let alice = directory.find(&name("alice")).unwrap().unwrap();
    assert_eq!((alice.kvno(), alice.keytab()), (Some(2), keytab));
    assert!(directory.find(&name("bob")).unwrap().is_none());
}

#[test]
fn edits_that_make_no_sense_are_refused() {
    let folder = Folder::new("refused");
    let directory = folder.create();
    let error = |result: Result<(), FileDirectoryError>| result.unwrap_err().to_string();
    directory.add(&user("alice")).unwrap();
    assert_eq!(error(directory.add(&user("alice"))), "alice@R.TEST is there already");
    assert_eq!(error(directory.remove(&name("bob"))), "there is no bob@R.TEST");
    assert_eq!(error(directory.change(&name("bob"), |_| Ok(()))), "there is no bob@R.TEST");
    let elsewhere = user("carol@S.TEST");
    assert_eq!(error(directory.add(&elsewhere)), "carol@S.TEST is not of the realm R.TEST");
    let krbtgt = directory.remove(&name("krbtgt/R.TEST"));
    assert!(matches!(krbtgt, Err(FileDirectoryError::Needed(_))));
    // A change that fails changes nothing, and nobody can be renamed.
    let failing = directory.change(&name("alice"), |entry| {
        entry.disabled = true;
        Err(CryptoError::TooShort { minimum: 1, actual: 0 })
    });
    assert!(matches!(failing, Err(FileDirectoryError::Crypto(_))));
    assert!(!directory.find(&name("alice")).unwrap().unwrap().disabled);
    directory
        .change(&name("alice"), |entry| {
            entry.principal = name("mallory");
            Ok(())
        })
        .unwrap();
    assert_eq!(names(&directory), ["alice@R.TEST", "krbtgt/R.TEST@R.TEST"]);
}

#[test]
fn a_file_that_is_there_is_not_overwritten_and_one_without_a_realm_is_refused() {
    let folder = Folder::new("there");
    let directory = folder.create();
    let again = FileDirectory::create(folder.file(), "R.TEST", &Settings::default(), &OsRandom, NOW);
    assert!(
        matches!(again, Err(FileDirectoryError::Io { error, .. }) if error.kind() == std::io::ErrorKind::AlreadyExists)
    );
    assert_eq!(names(&directory), ["krbtgt/R.TEST@R.TEST"]);

    let missing = FileDirectory::open(folder.0.join("missing")).unwrap_err();
    assert!(matches!(missing, FileDirectoryError::Io { .. }));
    let other = folder.0.join("other");
    drop(store::create(&other).unwrap());
    assert!(matches!(FileDirectory::open(&other), Err(FileDirectoryError::NoRealm { .. })));
    let garbage = folder.0.join("garbage");
    drop(store::create(&garbage).unwrap());
    std::fs::write(&garbage, [7; 5000]).unwrap();
    assert!(matches!(FileDirectory::open(&garbage), Err(FileDirectoryError::Database { .. })));
}

#[cfg(unix)]
#[test]
fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("mode");
    let directory = folder.create();
    let file = folder.file();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    for mode in [0o640, 0o604, 0o620, 0o601] {
        std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
        assert!(
            matches!(FileDirectory::open(&file), Err(FileDirectoryError::OpenToOthers { mode: told, .. }) if told == mode)
        );
        assert!(matches!(directory.add(&user("alice")), Err(FileDirectoryError::OpenToOthers { .. })));
    }
    eventually("a file open to others is not served", || directory.find(&name("alice")).is_err());
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    eventually("it is served again", || directory.find(&name("krbtgt/R.TEST")).is_ok());
    std::fs::remove_file(&file).unwrap();
    eventually("a file that is gone is not served", || directory.find(&name("krbtgt/R.TEST")).is_err());
}

#[test]
fn while_an_editor_has_the_file_open_what_was_read_is_served_and_other_editors_wait() {
    let folder = Folder::new("busy");
    let directory = Arc::new(folder.create());
    let opened = store::open(&folder.file()).unwrap();
    let writing = opened.begin_write().unwrap();
    directory.next_look.store(0, Ordering::Relaxed);
    assert!(directory.find(&name("krbtgt/R.TEST")).unwrap().is_some());
    let waiting = directory.clone();
    let editor = thread::spawn(move || waiting.add(&user("alice")));
    thread::sleep(Duration::from_millis(100));
    assert!(!editor.is_finished());
    drop(writing);
    drop(opened);
    editor.join().unwrap().unwrap();
    assert!(directory.find(&name("alice")).unwrap().is_some());
}

#[test]
fn unchanged_principals_keep_their_derived_keys() {
    let folder = Folder::new("kept");
    let directory = folder.create();
    directory.add(&user("alice")).unwrap();
    let before = directory.find(&name("alice")).unwrap().unwrap();
    FileDirectory::open(folder.file()).unwrap().add(&user("bob")).unwrap();
    eventually("the other's edit is seen", || directory.find(&name("bob")).unwrap().is_some());
    assert!(Arc::ptr_eq(&before, &directory.find(&name("alice")).unwrap().unwrap()));
}

/// The editing process of the next tests: this test program, told the file by the environment. As a test by itself it
/// edits a file of its own.
#[test]
fn editor_in_another_process() {
    let folder = Folder::new("editor");
    let own = || folder.create().path().to_path_buf();
    let directory = FileDirectory::open(std::env::var("HANDFAST_KDC_TEST_EDIT").map_or_else(|_| own(), PathBuf::from));
    let directory = directory.unwrap();
    let before = names(&directory).len();
    for number in 0..40 {
        directory.add(&user(&std::format!("user{number}-{}", std::process::id()))).unwrap();
    }
    assert!(names(&directory).len() >= before + 40);
}

fn editor(file: &Path) -> Child {
    let test = "directory::file::tests::editor_in_another_process";
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test]).env("HANDFAST_KDC_TEST_EDIT", file).stdout(Stdio::null());
    command.spawn().unwrap()
}

#[test]
fn processes_edit_while_another_serves_and_nothing_is_lost() {
    let folder = Folder::new("processes");
    let directory = folder.create();
    let mut editors = [editor(&folder.file()), editor(&folder.file())];
    let mut seen = 0;
    let all = |directory: &FileDirectory| directory.entries().unwrap().len();
    eventually("all edits are seen", || {
        assert!(directory.find(&name("krbtgt/R.TEST")).unwrap().is_some());
        let now = all(&directory);
        assert!(now >= seen, "principals never get lost");
        seen = now;
        seen == 81
    });
    for editor in &mut editors {
        assert!(editor.wait().unwrap().success());
    }
}

/// What a machine that loses power leaves behind: the file as it is while it is being written.
#[test]
fn a_file_that_was_not_closed_is_repaired() {
    let folder = Folder::new("repair");
    let directory = folder.create();
    let (opened, torn) = (store::open(directory.path()).unwrap(), folder.0.join("torn"));
    let file = File { path: directory.path(), write: &opened };
    file.commit(|write| file.put_entry(&mut file.table(write, PRINCIPALS)?, &user("alice"))).unwrap();
    std::fs::copy(directory.path(), &torn).unwrap();
    assert_eq!(names(&FileDirectory::open(&torn).unwrap()), ["alice@R.TEST", "krbtgt/R.TEST@R.TEST"]);
}

/// A process that dies in the middle leaves a file that the next one repairs.
#[test]
fn a_killed_editor_leaves_a_file_that_can_be_read() {
    let folder = Folder::new("killed");
    let directory = folder.create();
    for round in 0..5 {
        let mut editor = editor(&folder.file());
        let before = directory.entries().unwrap().len();
        eventually("an edit", || directory.entries().unwrap().len() > before);
        editor.kill().unwrap();
        editor.wait().unwrap();
        FileDirectory::open(folder.file()).unwrap().add(&user(&std::format!("after{round}"))).unwrap();
        eventually("the edit after it", || directory.find(&name(&std::format!("after{round}"))).unwrap().is_some());
    }
}

#[test]
fn what_a_realm_changes_is_in_the_file() {
    let folder = Folder::new("update");
    let directory = folder.create();
    directory.add(&user("alice")).unwrap();
    let name = name("alice");
    let fail = |entry: &mut PrincipalEntry| {
        entry.failures += 1;
        true
    };
    assert_eq!(directory.update(&name, &fail), Ok(true));
    assert_eq!(directory.update(&name, &|_| false), Ok(false));
    assert_eq!(directory.update(&"nobody@R.TEST".parse().unwrap(), &fail), Ok(false));
    assert_eq!(directory.find(&name).unwrap().unwrap().failures, 1, "seen at once");
    assert_eq!(FileDirectory::open(directory.path()).unwrap().find(&name).unwrap().unwrap().failures, 1);
}
