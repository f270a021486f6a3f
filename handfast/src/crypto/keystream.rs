//! RC4 (MS-NLMP 6) as a stream that can go back: what a refused message used up is not lost.

use super::Secret;
use zeroize::Zeroize;

/// Octets of a state: the permutation, and the two indices.
pub(crate) const STATE: usize = 258;

/// An RC4 key stream.
pub(crate) struct Keystream {
    cipher: Rc4,
    consumed: u64,
}

impl Keystream {
    /// The stream of a key, from its start.
    pub(crate) fn new(key: Secret<[u8; 16]>) -> Self {
        Keystream { cipher: Rc4::new(key.expose()), consumed: 0 }
    }

    /// The stream that stands where another one stood; `None` if the octets are no state of RC4.
    pub(crate) fn resume(state: &Secret<[u8; STATE]>) -> Option<Self> {
        Some(Keystream { cipher: Rc4::resume(state.expose())?, consumed: 0 })
    }

    /// Where the stream stands, for [`Keystream::resume`].
    pub(crate) fn state(&self) -> Secret<[u8; STATE]> {
        let Rc4 { state, i, j } = &self.cipher;
        let mut octets = Secret::new([0; STATE]);
        octets.expose_mut().iter_mut().zip(state.iter().chain([i, j])).for_each(|(octet, of)| *octet = *of);
        octets
    }

    /// How much of the stream is consumed, since it began or was resumed.
    pub(crate) fn consumed(&self) -> u64 {
        self.consumed
    }

    /// Encrypts or decrypts in place.
    #[inline]
    pub(crate) fn apply(&mut self, bytes: &mut [u8]) {
        self.consumed = self.consumed.saturating_add(octets(bytes.len()));
        self.cipher.apply(bytes);
    }

    /// Goes back to where `consumed` octets were consumed.
    pub(crate) fn rewind_to(&mut self, consumed: u64) {
        while self.consumed > consumed {
            self.cipher.back();
            self.consumed -= 1;
        }
    }
}

fn octets(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// The cipher's state: a permutation of all octets, and two indices into it.
struct Rc4 {
    state: [u8; 256],
    i: u8,
    j: u8,
}

#[allow(clippy::indexing_slicing, reason = "every octet is an index of the 256 entries")]
impl Rc4 {
    fn new(key: &[u8; 16]) -> Self {
        let mut state = [0; 256];
        state.iter_mut().zip(0..=u8::MAX).for_each(|(entry, index)| *entry = index);
        let mut j = 0_u8;
        for (i, key) in (0..=u8::MAX).zip(key.iter().cycle()) {
            j = j.wrapping_add(state[usize::from(i)]).wrapping_add(*key);
            state.swap(usize::from(i), usize::from(j));
        }
        Rc4 { state, i: 0, j: 0 }
    }

    /// The state of these octets, unless they lack a value.
    fn resume(octets: &[u8; STATE]) -> Option<Self> {
        let (state, &[i, j]) = octets.split_first_chunk::<256>()? else { return None };
        let mut found = [false; 256];
        state.iter().for_each(|&octet| found[usize::from(octet)] = true);
        found.iter().all(|&found| found).then(|| Rc4 { state: *state, i, j })
    }

    /// `bytes` XOR the next octets of the stream.
    #[inline]
    fn apply(&mut self, bytes: &mut [u8]) {
        let (mut i, mut j) = (self.i, self.j);
        for octet in bytes {
            i = i.wrapping_add(1);
            let at_i = self.state[usize::from(i)];
            j = j.wrapping_add(at_i);
            let at_j = self.state[usize::from(j)];
            self.state[usize::from(i)] = at_j;
            self.state[usize::from(j)] = at_i;
            *octet ^= self.state[usize::from(at_i.wrapping_add(at_j))];
        }
        (self.i, self.j) = (i, j);
    }

    /// Undoes one step of the stream.
    fn back(&mut self) {
        self.state.swap(usize::from(self.i), usize::from(self.j));
        self.j = self.j.wrapping_sub(self.state[usize::from(self.i)]);
        self.i = self.i.wrapping_sub(1);
    }
}

impl Drop for Rc4 {
    fn drop(&mut self) {
        self.state.zeroize();
        self.i.zeroize();
        self.j.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rc4::{KeyInit, StreamCipher};

    fn drawn(stream: &mut Keystream, count: usize) -> alloc::vec::Vec<u8> {
        let mut octets = alloc::vec![0; count];
        stream.apply(&mut octets);
        octets
    }

    /// RFC 6229 2: the stream of the 128-bit key 0x0102…10, at its start; and that resuming is skipping.
    #[test]
    fn rfc6229_vector() {
        let key = || Secret::new(core::array::from_fn(|index| u8::try_from(index + 1).unwrap()));
        let start = |stream: &mut Keystream| u128::from_be_bytes(drawn(stream, 16).try_into().unwrap());
        assert_eq!(start(&mut Keystream::new(key())), 0x9ac7_cc9a_609d_1ef7_b293_2899_cde4_1b97);
        let mut far = Keystream::new(key());
        drawn(&mut far, 5000);
        let mut resumed = Keystream::resume(&far.state()).unwrap();
        assert_eq!(start(&mut resumed), start(&mut far));
    }

    #[test]
    fn a_state_holds_every_octet_once() {
        let state = Keystream::new(Secret::new([7; 16])).state();
        for (place, another) in (0..256).zip(1..).map(|(place, next)| (place, next % 256)) {
            let mut octets = state.clone();
            octets.expose_mut()[place] = state.expose()[another];
            assert!(Keystream::resume(&octets).is_none(), "{place}");
        }
        assert!(Keystream::resume(&state).is_some());
    }

    #[test]
    fn the_stream_is_that_of_another_implementation() {
        for seed in 0..=255 {
            let key = core::array::from_fn(|index| u8::try_from(index * 11).unwrap() ^ seed);
            let mut theirs = alloc::vec![0; 1000];
            rc4::Rc4::new_from_slice(&key).unwrap().apply_keystream(&mut theirs);
            assert_eq!(drawn(&mut Keystream::new(Secret::new(key)), 1000), theirs);
        }
    }

    #[test]
    fn what_was_rewound_comes_again() {
        Keystream::new(Secret::new([7; 16])).rewind_to(0);
        let mut stream = Keystream::new(Secret::new([7; 16]));
        let mut straight = Keystream::new(Secret::new([7; 16]));
        for count in [0, 1, 40, 3, 256, 1000] {
            drawn(&mut stream, count * 2);
            stream.rewind_to(straight.consumed());
            assert_eq!(drawn(&mut stream, count), drawn(&mut straight, count));
            assert_eq!(stream.consumed(), straight.consumed());
        }
    }
}
