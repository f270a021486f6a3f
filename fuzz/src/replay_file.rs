//! A replay cache's file, whatever it holds: a proof is new once at the most, and never after that.

use handfast::Time;
use handfast_net::driver::Seen;
use handfast_net::store::ReplayFile;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

const NOW: Time = Time::from_unix_seconds(1_700_000_000);
const KEEP: Duration = Duration::from_secs(600);

/// One file for each process.
fn path() -> &'static PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| std::env::temp_dir().join(format!("handfast-fuzz-{}.rcache2", std::process::id())))
}

/// A file, which another program has written.
pub fn replay_file(data: &[u8]) {
    std::fs::write(path(), data).expect("there is room");
    let file = ReplayFile::new(path());
    let check = |proof: [u8; 12], now| file.check(&proof, KEEP, now).expect("a file of no size");
    let before = check([1; 12], NOW);
    assert!(before == Seen::Never || holds_tag(data), "nobody has written it there");
    assert_eq!(check([1; 12], NOW), Seen::Before);
    let _ = check([2; 12], NOW);
    assert_eq!(check([1; 12], NOW.saturating_add(KEEP)), Seen::Before, "others don't take its place");
    let length = std::fs::metadata(path()).expect("just written").len();
    let most = u64::try_from(data.len()).expect("short").max(1 << 20);
    assert!(length <= most, "it grew by more than the tables that are needed: {length}");
    std::fs::remove_file(path()).expect("just written");
}

fn holds_tag(data: &[u8]) -> bool {
    data.windows(12).any(|window| window == [1; 12])
}

/// Files, new ones, and one with records.
pub fn seeds() -> Vec<Vec<u8>> {
    let record = |octet: u8, seconds: u32| [&[octet; 12][..], &seconds.to_be_bytes()].concat();
    let records = [record(1, 1_700_000_000), record(9, 1_700_000_000), record(9, 1)].concat();
    vec![vec![0; 7], vec![5; 16], [&[5; 16], &records.repeat(100)[..]].concat(), vec![0xff; 4000]]
}
