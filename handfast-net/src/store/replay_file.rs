use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use handfast::Time;
use handfast::crypto::{OsRandom, Random};
use nix::fcntl::OFlag;

use super::StoreError;
use crate::driver::{Replays, Seen};
use crate::environment::Store;
use crate::lock::{FileLock, LockMode};

/// How long somebody else may keep the file locked.
const PATIENCE: Duration = Duration::from_secs(10);
const SEED: usize = 16;
const TAG: usize = 12;
const RECORD: usize = 16;
const RECORD_BYTES: u64 = 16;
const FIRST_TABLE: u64 = 1023;
/// The longest that a file becomes, in bytes: MIT's limit.
const SIZE_LIMIT: u64 = 0x7fff_ffff;

/// A replay cache in a file of MIT's form "file2", under MIT's lock: all acceptors that share it, of MIT's library and ours, take a
/// proof once.
///
/// ```text
/// file    seed (16 bytes, random), then hash tables: 1023 records, 2048, 4096, 8192 …, as far as they are needed
/// record  tag (12 bytes: the authenticator's checksum, cut or filled with zeros), seconds (32 bits, big endian; 0 if it is free)
/// ```
///
/// A tag is in the slot that SipHash-2-4 says, or in the next one, of the first table with room; the first byte of the seed is one more
/// in each further table. The layout is that of MIT's documentation, but for the modulus of the hash, which is the number of
/// records, as its library has it.
///
/// The file grows with the number of proofs that are current at once, to 2 GiB at most, and never shrinks. MIT's library writes
/// over a record when it is older than the clock skew, we when it is older than twice that, for as long as its proof can pass.
///
/// ```no_run
/// use handfast::{Acceptor, ReplayGuard};
/// use handfast_net::{store::ReplayFile, stream::StreamOptions};
/// # let keytab = handfast::krb5::Keytab::new();
/// let acceptor = Acceptor::new(&keytab, ReplayGuard::asks_driver());
/// let options = StreamOptions::default().replays(ReplayFile::new("/var/tmp/http.rcache2"));
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "krb5_rcache")]
pub struct ReplayFile {
    path: PathBuf,
    own: Option<u32>,
}

impl ReplayFile {
    /// The file at `path`, which is made when it is first needed: `file2:path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        ReplayFile { path: path.into(), own: None }
    }

    /// The file of a user in a directory that others can write to, such as `/var/tmp`: `dfl:`. It must be no symbolic link, and
    /// belong to the user.
    pub fn of_user(directory: &Path, uid: u32) -> Self {
        ReplayFile { path: directory.join(format!("krb5_{uid}.rcache2")), own: Some(uid) }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a proof with this checksum was seen in the time before `now` that is `keep` long. If not, it is now.
    ///
    /// # Errors
    /// [`StoreError`]: then nothing is known, and the proof is not to be taken.
    pub fn check(&self, checksum: &[u8], keep: Duration, now: Time) -> Result<Seen, StoreError> {
        let file = self.open()?;
        let lock = FileLock::acquire(&file, LockMode::Exclusive, PATIENCE).map_err(|error| StoreError::Lock {
            store: Store::ReplayCache,
            path: self.path.clone(),
            error,
        })?;
        let seen = Table { file: &file, keep, now }.check(checksum).map_err(|error| self.failed("use", error));
        drop(lock);
        seen
    }

    fn open(&self) -> Result<File, StoreError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        if self.own.is_some() {
            options.custom_flags(OFlag::O_NOFOLLOW.bits());
        }
        let file = options.open(&self.path).map_err(|error| self.failed("open", error))?;
        let metadata = file.metadata().map_err(|error| self.failed("open", error))?;
        match self.own {
            _ if !metadata.is_file() => {
                Err(StoreError::NotAFile { store: Store::ReplayCache, path: self.path.clone() })
            }
            Some(uid) if metadata.uid() != uid => {
                let owner = format!("it belongs to the user {}, not to {uid}", metadata.uid());
                Err(self.failed("trust", io::Error::new(io::ErrorKind::PermissionDenied, owner)))
            }
            _ => Ok(file),
        }
    }

    fn failed(&self, doing: &'static str, error: io::Error) -> StoreError {
        StoreError::Io { store: Store::ReplayCache, path: self.path.clone(), doing, error }
    }
}

impl Replays for ReplayFile {
    fn check(&self, checksum: &[u8], keep: Duration, now: Time) -> io::Result<Seen> {
        self.check(checksum, keep, now).map_err(io::Error::other)
    }
}

impl fmt::Display for ReplayFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "file2:{}", self.path.display())
    }
}

/// The file, open and locked.
struct Table<'a> {
    file: &'a File,
    keep: Duration,
    now: Time,
}

#[derive(Clone, Copy)]
struct Record {
    tag: [u8; TAG],
    seconds: u32,
}

impl Table<'_> {
    fn check(&self, checksum: &[u8]) -> io::Result<Seen> {
        let tag = tag_of(checksum);
        let mut seed = self.seed()?;
        let mut free = None;
        let (mut offset, mut records) = (RECORD_BYTES, FIRST_TABLE);
        while offset + records * RECORD_BYTES <= SIZE_LIMIT {
            let at = offset + siphash24(seed, &tag) % records * RECORD_BYTES;
            let slots = self.read(at)?;
            if slots.iter().flatten().any(|record| record.seconds != 0 && record.tag == tag) {
                return Ok(Seen::Before);
            }
            let places = [at, at + RECORD_BYTES].into_iter().zip(slots);
            free = free.or_else(|| places.clone().find(|(_, slot)| self.is_free(slot)).map(|(at, _)| at));
            // It would have been put here: there is no other place for it behind.
            let ends = slots.iter().any(|slot| slot.is_none_or(|record| record.seconds == 0));
            if let (true, Some(free)) = (ends, free) {
                return self.write(free, &tag).map(|()| Seen::Never);
            }
            (offset, records) =
                (offset + records * RECORD_BYTES, if records == FIRST_TABLE { 2048 } else { records * 2 });
            let [first, ..] = &mut seed;
            *first = first.wrapping_add(1);
        }
        let free = free.ok_or_else(|| io::Error::other("it is full: too many new contexts at once"))?;
        self.write(free, &tag).map(|()| Seen::Never)
    }

    /// The seed of the hash; drawn, if the file is new.
    fn seed(&self) -> io::Result<[u8; SEED]> {
        let mut seed = [0; SEED];
        let mut file = self.file;
        file.rewind()?;
        if file.metadata()?.len() >= RECORD_BYTES {
            return file.read_exact(&mut seed).map(|()| seed);
        }
        OsRandom.fill(&mut seed).map_err(io::Error::other)?;
        file.write_all(&seed).map(|()| seed)
    }

    /// Two records; none where the file has ended.
    fn read(&self, at: u64) -> io::Result<[Option<Record>; 2]> {
        let mut file = self.file;
        file.seek(SeekFrom::Start(at))?;
        let mut bytes = Vec::with_capacity(2 * RECORD);
        file.take(2 * RECORD_BYTES).read_to_end(&mut bytes)?;
        let (records, _) = bytes.as_chunks::<RECORD>();
        let record = |index: usize| {
            let (tag, seconds) = records.get(index)?.split_first_chunk::<TAG>()?;
            Some(Record { tag: *tag, seconds: u32::from_be_bytes(seconds.try_into().ok()?) })
        };
        Ok([record(0), record(1)])
    }

    fn is_free(&self, slot: &Option<Record>) -> bool {
        let too_old = |record: &Record| {
            let seen = Time::from_unix_seconds(record.seconds.into());
            record.seconds == 0 || self.now > seen.saturating_add(self.keep)
        };
        slot.as_ref().is_none_or(too_old)
    }

    fn write(&self, at: u64, tag: &[u8; TAG]) -> io::Result<()> {
        let seconds = u32::try_from(self.now.unix_seconds().max(1)).unwrap_or(u32::MAX);
        let mut file = self.file;
        file.seek(SeekFrom::Start(at))?;
        file.write_all(&[&tag[..], &seconds.to_be_bytes()].concat())
    }
}

fn tag_of(checksum: &[u8]) -> [u8; TAG] {
    let mut tag = [0; TAG];
    tag.iter_mut().zip(checksum).for_each(|(to, from)| *to = *from);
    tag
}

/// SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012), with the key in two words of least significant
/// byte first.
fn siphash24(key: [u8; SEED], data: &[u8]) -> u64 {
    let word = |bytes: &[u8]| bytes.iter().rev().fold(0, |word: u64, byte| word << 8 | u64::from(*byte));
    let (low, high) = key.split_at(8);
    let (k0, k1) = (word(low), word(high));
    let mut state = [
        k0 ^ 0x736f_6d65_7073_6575,
        k1 ^ 0x646f_7261_6e64_6f6d,
        k0 ^ 0x6c79_6765_6e65_7261,
        k1 ^ 0x7465_6462_7974_6573,
    ];
    let (chunks, rest) = data.as_chunks::<8>();
    let length = u64::try_from(data.len() % 256).unwrap_or(0);
    for input in chunks.iter().map(|chunk| word(chunk)).chain([word(rest) | length << 56]) {
        state[3] ^= input;
        state = sip_round(sip_round(state));
        state[0] ^= input;
    }
    state[2] ^= 0xff;
    (0..4).fold(state, |state, _| sip_round(state)).into_iter().fold(0, |hash, word| hash ^ word)
}

fn sip_round([mut v0, mut v1, mut v2, mut v3]: [u64; 4]) -> [u64; 4] {
    (v0, v2) = (v0.wrapping_add(v1), v2.wrapping_add(v3));
    (v1, v3) = (v1.rotate_left(13) ^ v0, v3.rotate_left(16) ^ v2);
    v0 = v0.rotate_left(32);
    (v2, v0) = (v2.wrapping_add(v1), v0.wrapping_add(v3));
    (v1, v3) = (v1.rotate_left(17) ^ v2, v3.rotate_left(21) ^ v0);
    [v0, v1, v2.rotate_left(32), v3]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    const KEEP: Duration = Duration::from_secs(600);

    fn at(seconds: i64) -> Time {
        Time::from_unix_seconds(1_700_000_000 + seconds)
    }

    /// The example of the paper's appendix A, and the first of its reference code's vectors.
    #[test]
    fn the_hash_is_siphash_2_4() {
        let key: [u8; 16] = std::array::from_fn(|index| u8::try_from(index).unwrap());
        let data: Vec<u8> = (0..15).collect();
        assert_eq!(siphash24(key, &data), 0xa129_ca61_49be_45e5);
        assert_eq!(siphash24(key, &[]), u64::from_le_bytes([0x31, 0x0e, 0x0e, 0xdd, 0x47, 0xdb, 0x6f, 0x72]));
    }

    #[test]
    fn a_proof_is_new_once_for_as_long_as_it_is_kept() {
        let scratch = Scratch::new("rcache");
        let file = ReplayFile::new(scratch.path("r"));
        assert_eq!(file.check(&[1; 24], KEEP, at(0)).unwrap(), Seen::Never);
        assert_eq!(std::fs::metadata(file.path()).unwrap().mode() & 0o777, 0o600);
        for seconds in [0, 1, 599, 600] {
            assert_eq!(file.check(&[1; 24], KEEP, at(seconds)).unwrap(), Seen::Before);
        }
        assert_eq!(file.check(&[1; 11], KEEP, at(0)).unwrap(), Seen::Never, "filled with zeros");
        assert_eq!(file.check(&[1; 12], KEEP, at(0)).unwrap(), Seen::Before, "the first twelve bytes count");
        assert_eq!(ReplayFile::new(file.path()).check(&[1; 24], KEEP, at(0)).unwrap(), Seen::Before);
    }

    #[test]
    fn many_proofs_go_into_further_tables_and_all_are_found() {
        let scratch = Scratch::new("rcache");
        let file = ReplayFile::new(scratch.path("r"));
        let tag = |number: u32| [&number.to_be_bytes()[..], &[7; 12]].concat();
        for number in 0..3000 {
            assert_eq!(file.check(&tag(number), KEEP, at(0)).unwrap(), Seen::Never, "{number}");
        }
        assert!(std::fs::metadata(file.path()).unwrap().len() > 16384, "a second table");
        for number in 0..3000 {
            assert_eq!(file.check(&tag(number), KEEP, at(1)).unwrap(), Seen::Before, "{number}");
        }
    }

    #[test]
    fn records_are_written_over_when_they_are_too_old() {
        let scratch = Scratch::new("rcache");
        let file = ReplayFile::new(scratch.path("r"));
        let fill = |round: i64| {
            for number in 0..1000_u32 {
                let tag = [&number.to_be_bytes()[..], &round.to_be_bytes()].concat();
                assert_eq!(file.check(&tag, KEEP, at(round * 601)).unwrap(), Seen::Never);
            }
            std::fs::metadata(file.path()).unwrap().len()
        };
        let most = fill(0).max(fill(1));
        assert!((2..6).map(fill).all(|length| length <= most * 4), "{most}");
        let (kept, length) = (fill(6), fill(7));
        assert!(length <= kept * 2, "{kept} {length}");
    }

    #[test]
    fn a_file_that_is_cut_at_any_byte_of_its_start_or_garbage_harms_nobody() {
        let scratch = Scratch::new("rcache");
        for length in 0..80 {
            let path = scratch.file("r", vec![0xa5; length]);
            let file = ReplayFile::new(path);
            assert_eq!(file.check(&[1; 12], KEEP, at(0)).unwrap(), Seen::Never, "{length}");
            assert_eq!(file.check(&[1; 12], KEEP, at(0)).unwrap(), Seen::Before, "{length}");
        }
        let garbage = ReplayFile::new(scratch.file("g", vec![0xff; 200_000]));
        assert_eq!(garbage.check(&[1; 12], KEEP, at(0)).unwrap(), Seen::Never);
        assert_eq!(garbage.check(&[1; 12], KEEP, at(0)).unwrap(), Seen::Before);
    }

    /// A bit that is flipped costs one proof at most: it is taken once more, as if it had not been seen.
    #[test]
    fn a_record_with_any_bit_flipped_says_nothing_of_others() {
        let scratch = Scratch::new("rcache");
        let good = ReplayFile::new(scratch.path("good"));
        for proof in [[1; 12], [2; 12]] {
            assert_eq!(good.check(&proof, KEEP, at(0)).unwrap(), Seen::Never);
        }
        let bytes = std::fs::read(good.path()).unwrap();
        let place = |proof: [u8; 12]| bytes.windows(12).position(|octets| octets == proof).unwrap();
        let (first, second) = (place([1; 12]), place([2; 12]));
        for bit in (0..SEED * 8).chain(first * 8..(first + RECORD) * 8) {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let file = ReplayFile::new(scratch.file("flipped", flipped));
            let is_tag = (first..first + TAG).contains(&(bit / 8));
            let is_seconds = (first + TAG..first + RECORD).contains(&(bit / 8));
            let one = file.check(&[1; 12], KEEP, at(1)).unwrap();
            assert!(bit / 8 < SEED || (one == Seen::Never) == is_tag, "bit {bit}");
            if is_tag || is_seconds {
                assert_eq!(file.check(&[2; 12], KEEP, at(1)).unwrap(), Seen::Before, "bit {bit}");
            }
            assert_eq!(file.check(&[1; 12], KEEP, at(2)).unwrap(), Seen::Before, "bit {bit}");
        }
        assert_ne!(first, second);
    }

    /// Where a tag may be, table by table.
    fn places(seed: [u8; SEED], tag: &[u8; TAG]) -> Vec<u64> {
        let (mut seed, mut places, mut offset, mut records) = (seed, Vec::new(), RECORD_BYTES, FIRST_TABLE);
        while offset + records * RECORD_BYTES <= SIZE_LIMIT {
            places.push(offset + siphash24(seed, tag) % records * RECORD_BYTES);
            (offset, records) = (offset + records * RECORD_BYTES, (records + 1) / 1024 * 2048);
            seed[0] = seed[0].wrapping_add(1);
        }
        places
    }

    /// MIT's library reads no further than 2 GiB, so what stood behind that would be no proof for it.
    #[test]
    fn a_file_grows_to_its_limit_and_then_takes_no_more_proofs() {
        let scratch = Scratch::new("rcache");
        let file = ReplayFile::new(scratch.file("r", [5; SEED]));
        let handle = OpenOptions::new().write(true).open(file.path()).unwrap();
        let taken = [&[9; TAG][..], &1_700_000_000_u32.to_be_bytes()].concat();
        let places = places([5; SEED], &[1; TAG]);
        assert_eq!(places.len(), 17, "tables below 2 GiB");
        for (table, at_byte) in places.iter().enumerate() {
            use std::os::unix::fs::FileExt;
            assert_eq!(ReplayFile::new(file.path()).check(&[1; TAG], KEEP, at(0)).unwrap(), Seen::Never, "{table}");
            handle.write_all_at(&[&taken[..], &taken].concat(), *at_byte).unwrap();
        }
        let full = file.check(&[1; TAG], KEEP, at(0)).unwrap_err();
        assert!(matches!(&full, StoreError::Io { doing: "use", .. }) && full.to_string().contains("full"), "{full}");
        assert!(std::fs::metadata(file.path()).unwrap().len() <= SIZE_LIMIT);
        assert_eq!(file.check(&[1; TAG], KEEP, at(601)).unwrap(), Seen::Never, "until they are too old");
    }

    /// What made a proof go into a further table may be too old by the time that it comes again.
    #[test]
    fn a_proof_in_a_further_table_is_found_when_there_is_room_before_it() {
        let scratch = Scratch::new("rcache");
        let taken = [&[9; TAG][..], &1_700_000_000_u32.to_be_bytes()].concat();
        let first = usize::try_from(places([5; SEED], &[1; TAG])[0]).unwrap();
        let before = [vec![5; SEED], vec![0; first - SEED], taken.clone(), taken].concat();
        let file = ReplayFile::new(scratch.file("r", before));
        assert_eq!(file.check(&[1; TAG], KEEP, at(300)).unwrap(), Seen::Never);
        assert_eq!(file.check(&[1; TAG], KEEP, at(700)).unwrap(), Seen::Before);
    }

    #[test]
    fn a_record_that_is_free_is_nobodys() {
        let scratch = Scratch::new("rcache");
        let zeros = ReplayFile::new(scratch.file("r", vec![0; 200_000]));
        assert_eq!(zeros.check(&[0; TAG], Duration::MAX, at(0)).unwrap(), Seen::Never);
        assert_eq!(zeros.check(&[0; TAG], Duration::MAX, at(0)).unwrap(), Seen::Before);
        assert_eq!(std::fs::metadata(zeros.path()).unwrap().len(), 200_000, "there is room, however long it is kept");
        let epoch = Time::from_unix_seconds(0);
        assert_eq!(zeros.check(&[7; TAG], KEEP, epoch).unwrap(), Seen::Never);
        assert_eq!(zeros.check(&[7; TAG], KEEP, epoch).unwrap(), Seen::Before, "a clock that was never set");
    }

    /// A device would take any proof, again and again.
    #[test]
    fn what_is_no_file_is_no_replay_cache() {
        let nothing = ReplayFile::new("/dev/null");
        assert!(matches!(nothing.check(&[1; 12], KEEP, at(0)), Err(StoreError::NotAFile { .. })));
    }

    #[test]
    fn only_one_of_many_who_share_the_file_takes_a_proof() {
        let scratch = Scratch::new("rcache");
        let path = scratch.path("r");
        for number in 0..50_u8 {
            let check = || ReplayFile::new(&path).check(&[number; 12], KEEP, at(0)).unwrap() == Seen::Never;
            let taken = std::thread::scope(|scope| {
                let all: Vec<_> = (0..8).map(|_| scope.spawn(check)).collect();
                all.into_iter().map(|thread| usize::from(thread.join().unwrap())).sum::<usize>()
            });
            assert_eq!(taken, 1);
        }
    }

    #[test]
    fn a_users_file_is_no_link_and_nobody_elses() {
        let scratch = Scratch::new("rcache");
        let uid = nix::unistd::geteuid().as_raw();
        let own = ReplayFile::of_user(&scratch.path(""), uid);
        assert_eq!(own.check(&[1; 12], KEEP, at(0)).unwrap(), Seen::Never);
        let other = ReplayFile::of_user(&scratch.path(""), uid + 1);
        let error = other.check(&[1; 12], KEEP, at(0)).unwrap_err();
        assert!(matches!(error, StoreError::Io { doing: "trust", .. }), "{error}");
        std::fs::remove_file(own.path()).unwrap();
        std::os::unix::fs::symlink(scratch.file("x", ""), own.path()).unwrap();
        assert!(matches!(own.check(&[1; 12], KEEP, at(0)), Err(StoreError::Io { doing: "open", .. })));
        let directory = ReplayFile::new(scratch.path(""));
        assert!(directory.check(&[1; 12], KEEP, at(0)).is_err());
    }
}
