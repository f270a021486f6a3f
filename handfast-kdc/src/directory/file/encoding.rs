//! How principals and settings stand in the file: a version octet, then fields in order, numbers with the most
//! significant octet first, strings and lists behind a count of two octets, optional fields behind an octet 0 or 1.

use crate::directory::{LongTermKey, PrincipalEntry};
use crate::pac::{Domain, DomainAccount};
use crate::settings::{PREAUTH, Settings};
use handfast::crypto::Secret;
use handfast::krb5::Capaths;
use handfast::krb5::enctype::{EncryptionKey, Enctype};
use handfast::krb5::message::PaDataType;
use handfast::krb5::pac::{Rid, Sid};
use handfast::wire::{DecodeError, EncodeError, Reader, Writer};
use handfast::{NameType, Principal, Time};
use std::string::String;
use std::sync::Arc;
use std::time::Duration;
use std::vec::Vec;

/// The version of both encodings.
const VERSION: u8 = 1;

/// The bits of a principal's flags, in the order of [`flags`].
type Flags<'a> = [&'a mut bool; 5];

fn flags(entry: &mut PrincipalEntry) -> Flags<'_> {
    [
        &mut entry.requires_preauth,
        &mut entry.disabled,
        &mut entry.is_service,
        &mut entry.allow_forwardable,
        &mut entry.ok_as_delegate,
    ]
}

/// A principal, with its keys in clear.
pub(super) fn encode_entry(entry: &PrincipalEntry) -> Result<Secret, EncodeError> {
    let mut out = Output::new("principal", 512 + 256 * entry.keys.len());
    out.writer().u8(VERSION).i32_be(entry.principal.name_type().0);
    out.text(entry.principal.realm())?;
    out.list(entry.principal.components(), |out, component| out.text(component))?;
    let bits = flags(&mut entry.clone()).iter().rev().fold(0, |bits, flag| bits << 1 | u8::from(**flag));
    out.writer().u8(bits);
    for time in [entry.expires, entry.password_expires, Some(entry.created), Some(entry.modified)] {
        out.optional(time, Output::time)?;
    }
    for life in [entry.max_life, entry.max_renewable_life] {
        out.optional(life, Output::seconds)?;
    }
    out.optional(entry.session_enctypes.as_deref(), Output::enctypes)?;
    out.list(&entry.keys, |out, key| {
        out.writer().u32_be(key.kvno()).i32_be(key.enctype().0);
        out.octets(key.key().bytes())?;
        out.optional(key.salt(), Output::text)?;
        out.optional(key.iterations(), |out, count| {
            out.writer().u32_be(count);
            Ok(())
        })
    })?;
    // Left out while there is none; so is all behind it.
    let delegates = entry.protocol_transition || !(entry.may_delegate_to.is_empty() && entry.allowed_to_act.is_empty());
    if delegates || entry.account.is_some() {
        out.delegation(entry)?;
    }
    if let Some(account) = &entry.account {
        out.writer().u32_be(account.rid.0);
        out.list(&account.groups, |out, group| {
            out.writer().u32_be(group.0);
            Ok(())
        })?;
    }
    Ok(out.bytes)
}

/// A principal as [`encode_entry`] wrote it.
pub(super) fn decode_entry(bytes: &[u8]) -> Result<PrincipalEntry, DecodeError> {
    let mut input = Input(Reader::new("principal", bytes));
    input.version()?;
    let name_type = NameType(input.0.i32_be()?);
    let realm = input.text()?;
    let components = input.list(Input::text)?;
    let bits = input.0.u8()?;
    let (expires, password_expires) = (input.optional(Input::time)?, input.optional(Input::time)?);
    let (created, modified) = (input.optional(Input::time)?, input.optional(Input::time)?);
    let mut entry = PrincipalEntry {
        principal: Principal::new(name_type, components, realm),
        expires,
        password_expires,
        created: created.unwrap_or_default(),
        modified: modified.unwrap_or_default(),
        max_life: input.optional(Input::seconds)?,
        max_renewable_life: input.optional(Input::seconds)?,
        session_enctypes: input.optional(Input::enctypes)?,
        keys: input.list(Input::key)?,
        requires_preauth: true,
        disabled: false,
        is_service: false,
        allow_forwardable: false,
        ok_as_delegate: false,
        protocol_transition: false,
        may_delegate_to: Vec::new(),
        allowed_to_act: Vec::new(),
        account: None,
    };
    if !input.0.is_empty() {
        entry.protocol_transition = input.0.u8()? != 0;
        (entry.may_delegate_to, entry.allowed_to_act) = (input.list(Input::principal)?, input.list(Input::principal)?);
    }
    if !input.0.is_empty() {
        let rid = Rid(input.0.u32_be()?);
        entry.account = Some(DomainAccount { rid, groups: input.list(|input| input.0.u32_be().map(Rid))? });
    }
    flags(&mut entry).into_iter().enumerate().for_each(|(bit, flag)| *flag = bits >> bit & 1 == 1);
    input.0.finish()?;
    Ok(entry)
}

/// A realm's settings.
pub(super) fn encode_settings(settings: &Settings) -> Result<Secret, EncodeError> {
    let mut out = Output::new("settings", 128);
    out.writer().u8(VERSION);
    for duration in [settings.max_life, settings.max_renewable_life, settings.clock_skew] {
        out.seconds(duration)?;
    }
    out.enctypes(&settings.session_enctypes)?;
    out.writer().u64_be(u64::try_from(settings.udp_reply_limit).unwrap_or(u64::MAX));
    let other_realms = settings.capaths.iter().next().is_some() || !settings.domain_realm.is_empty();
    // Left out while it is the default, which may have more methods in a later version; so is all behind it.
    let domain = settings.domain.as_ref();
    let flags = settings.weak_rc4 || domain.is_some();
    if settings.preauth != PREAUTH || other_realms || flags {
        out.list(&settings.preauth, |out, padata_type| {
            out.writer().i32_be(padata_type.0);
            Ok(())
        })?;
    }
    if other_realms || flags {
        out.other_realms(settings)?;
    }
    if flags {
        out.writer().u8(u8::from(settings.weak_rc4));
    }
    if let Some(domain) = domain {
        out.octets(&domain.sid.to_bytes())?;
        out.text(&domain.netbios_name)?;
    }
    Ok(out.bytes)
}

/// Settings as [`encode_settings`] wrote them.
pub(super) fn decode_settings(bytes: &[u8]) -> Result<Settings, DecodeError> {
    let mut input = Input(Reader::new("settings", bytes));
    input.version()?;
    let settings = Settings {
        max_life: input.seconds()?,
        max_renewable_life: input.seconds()?,
        clock_skew: input.seconds()?,
        session_enctypes: input.enctypes()?,
        udp_reply_limit: usize::try_from(input.0.u64_be()?).unwrap_or(usize::MAX),
        preauth: match input.0.is_empty() {
            true => PREAUTH.to_vec(),
            false => input.list(|input| input.0.i32_be().map(PaDataType))?,
        },
        ..Settings::default()
    };
    let other_realms = if input.0.is_empty() { Default::default() } else { input.other_realms()? };
    let weak_rc4 = if input.0.is_empty() { false } else { input.weak_rc4()? };
    let domain = if input.0.is_empty() { None } else { Some(input.domain()?) };
    let settings = Settings { capaths: other_realms.0, domain_realm: other_realms.1, weak_rc4, domain, ..settings };
    input.0.finish()?;
    Ok(settings)
}

struct Output {
    what: &'static str,
    bytes: Secret,
}

impl Output {
    fn new(what: &'static str, room: usize) -> Self {
        Output { what, bytes: Secret::new(Vec::with_capacity(room)) }
    }

    fn writer(&mut self) -> Writer<'_> {
        Writer::new(self.bytes.expose_mut())
    }

    fn count(&mut self, item: &'static str, count: usize) -> Result<(), EncodeError> {
        let too_long = |_| EncodeError { what: self.what, item, limit: u16::MAX.into() };
        let count = u16::try_from(count).map_err(too_long)?;
        self.writer().u16_be(count);
        Ok(())
    }

    fn octets(&mut self, octets: &[u8]) -> Result<(), EncodeError> {
        self.count("a string", octets.len())?;
        self.writer().bytes(octets);
        Ok(())
    }

    fn text(&mut self, text: impl AsRef<str>) -> Result<(), EncodeError> {
        self.octets(text.as_ref().as_bytes())
    }

    fn time(&mut self, time: Time) -> Result<(), EncodeError> {
        self.writer().bytes(&time.unix_micros().to_be_bytes());
        Ok(())
    }

    fn seconds(&mut self, duration: Duration) -> Result<(), EncodeError> {
        self.writer().u64_be(duration.as_secs());
        Ok(())
    }

    fn enctypes(&mut self, enctypes: &[Enctype]) -> Result<(), EncodeError> {
        self.list(enctypes, |out, enctype| {
            out.writer().i32_be(enctype.0);
            Ok(())
        })
    }

    /// Who may act for whom.
    fn delegation(&mut self, entry: &PrincipalEntry) -> Result<(), EncodeError> {
        self.writer().u8(u8::from(entry.protocol_transition));
        for names in [&entry.may_delegate_to, &entry.allowed_to_act] {
            self.list(names, |out, name| {
                out.text(name.realm())?;
                out.list(name.components(), |out, component| out.text(component))
            })?;
        }
        Ok(())
    }

    /// The ways to and the hosts of other realms.
    fn other_realms(&mut self, settings: &Settings) -> Result<(), EncodeError> {
        let ways: Vec<_> = settings.capaths.iter().collect();
        self.list(&ways, |out, (client, server, through)| {
            out.text(client)?;
            out.text(server)?;
            out.list(through, |out, realm| out.text(realm))
        })?;
        self.list(&settings.domain_realm, |out, (domain, realm)| {
            out.text(domain)?;
            out.text(realm)
        })
    }

    fn list<T>(
        &mut self,
        items: &[T],
        mut write: impl FnMut(&mut Self, &T) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.count("a list", items.len())?;
        items.iter().try_for_each(|item| write(self, item))
    }

    fn optional<T>(
        &mut self,
        value: Option<T>,
        write: impl FnOnce(&mut Self, T) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.writer().u8(u8::from(value.is_some()));
        value.map_or(Ok(()), |value| write(self, value))
    }
}

struct Input<'a>(Reader<'a>);

impl Input<'_> {
    fn version(&mut self) -> Result<(), DecodeError> {
        let at = self.0.clone();
        match self.0.u8()? {
            VERSION => Ok(()),
            _ => Err(at.invalid("a version that this program does not know")),
        }
    }

    fn octets(&mut self) -> Result<&[u8], DecodeError> {
        let length = self.0.u16_be()?;
        self.0.take(length.into())
    }

    fn text(&mut self) -> Result<String, DecodeError> {
        let at = self.0.clone();
        let text = std::str::from_utf8(self.octets()?).map_err(|_| at.invalid("a string that is not UTF-8"))?;
        Ok(text.into())
    }

    fn time(&mut self) -> Result<Time, DecodeError> {
        self.0.array().map(|octets| Time::from_unix_micros(i64::from_be_bytes(octets)))
    }

    fn seconds(&mut self) -> Result<Duration, DecodeError> {
        self.0.u64_be().map(Duration::from_secs)
    }

    fn principal(&mut self) -> Result<Principal, DecodeError> {
        let realm = self.text()?;
        Ok(Principal::new(NameType::PRINCIPAL, self.list(Input::text)?, realm))
    }

    fn domain(&mut self) -> Result<Domain, DecodeError> {
        let at = self.0.clone();
        let sid = Sid::decode(self.octets()?).map_err(|_| at.invalid("the domain has no SID"))?;
        Ok(Domain { sid, netbios_name: self.text()? })
    }

    /// 0 only where something follows: it is left out otherwise.
    fn weak_rc4(&mut self) -> Result<bool, DecodeError> {
        if self.0.left() > 1 {
            let at = self.0.clone();
            match self.0.u8()? {
                0 => Ok(false),
                1 => Ok(true),
                _ => Err(at.invalid("a flag is 0 or 1")),
            }
        } else {
            self.set_flag()
        }
    }

    fn other_realms(&mut self) -> Result<(Capaths, Vec<(String, String)>), DecodeError> {
        let way = |input: &mut Self| Ok((input.text()?, input.text()?, input.list(Input::text)?));
        let add = |all: Capaths, (client, server, through)| all.with::<String>(client, server, through);
        let capaths = self.list(way)?.into_iter().fold(Capaths::default(), add);
        Ok((capaths, self.list(|input| Ok((input.text()?, input.text()?)))?))
    }

    /// A flag that is only written where it is set.
    fn set_flag(&mut self) -> Result<bool, DecodeError> {
        let at = self.0.clone();
        if self.0.u8()? == 1 { Ok(true) } else { Err(at.invalid("a flag that is there is 1")) }
    }

    fn enctypes(&mut self) -> Result<Vec<Enctype>, DecodeError> {
        self.list(|input| input.0.i32_be().map(Enctype))
    }

    fn key(&mut self) -> Result<Arc<LongTermKey>, DecodeError> {
        let at = self.0.clone();
        let (kvno, enctype) = (self.0.u32_be()?, Enctype(self.0.i32_be()?));
        let unusable = |_| at.invalid("a key that can't be computed with");
        let key = LongTermKey::new(kvno, EncryptionKey::unchecked(enctype, self.octets()?)).map_err(unusable)?;
        let salt = self.optional(Input::text)?;
        let iterations = self.optional(|input| input.0.u32_be())?;
        Ok(Arc::new(match salt {
            Some(salt) => key.derived_with(salt, iterations),
            None => key,
        }))
    }

    /// Bounded by what is left: every item takes octets.
    fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Result<T, DecodeError>) -> Result<Vec<T>, DecodeError> {
        let count = self.0.u16_be()?;
        (0..count).map(|_| read(self)).collect()
    }

    fn optional<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        let at = self.0.clone();
        match self.0.u8()? {
            0 => Ok(None),
            1 => read(self).map(Some),
            _ => Err(at.invalid("an optional field starts with 0 or 1")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use handfast::crypto::OsRandom;

    const NOW: Time = Time::from_unix_micros(1_700_000_000_123_456);

    fn full() -> PrincipalEntry {
        let name: Principal = "HTTP/web\\/one@R.TEST".parse().unwrap();
        let mut entry = PrincipalEntry::service(name.with_name_type(NameType::SRV_HST), &OsRandom, NOW).unwrap();
        let key = LongTermKey::from_password(7, Enctype(17), b"pw", "salt", Some(5)).unwrap();
        entry.keys.push(Arc::new(key));
        (entry.requires_preauth, entry.disabled, entry.ok_as_delegate) = (false, true, true);
        (entry.expires, entry.password_expires) = (Some(NOW), Some(Time::EPOCH));
        (entry.max_life, entry.max_renewable_life) = (Some(Duration::from_secs(5)), Some(Duration::ZERO));
        entry.session_enctypes = Some(vec![Enctype(18), Enctype(-1)]);
        entry.account = Some(DomainAccount { rid: Rid(1103), groups: vec![Rid(513), Rid(7)] });
        entry
    }

    fn shown(entry: &PrincipalEntry) -> String {
        let keys: Vec<_> = entry.keys.iter().map(|key| (key.key().bytes(), key.salt(), key.iterations())).collect();
        std::format!("{entry:?} {keys:?}")
    }

    #[test]
    fn principals_come_back() {
        let bare =
            PrincipalEntry { keys: vec![], ..PrincipalEntry::service("a@R".parse().unwrap(), &OsRandom, NOW).unwrap() };
        for entry in [full(), bare] {
            let bytes = encode_entry(&entry).unwrap();
            assert_eq!(shown(&decode_entry(bytes.expose()).unwrap()), shown(&entry));
        }
    }

    #[test]
    fn every_cut_is_an_error_and_no_change_makes_it_panic() {
        let bytes = encode_entry(&full()).unwrap();
        let bytes = bytes.expose();
        // Without its account, and without delegation, it is whole, as those that were written before there were any.
        let whole = (0..bytes.len()).filter(|length| decode_entry(&bytes[..*length]).is_ok());
        assert_eq!(whole.filter(|length| *length != bytes.len() - 14).count(), 1);
        assert!(decode_entry(&[bytes.as_slice(), &[0]].concat()).is_err());
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            drop(decode_entry(&changed));
        }
        let mut newer = bytes.to_vec();
        newer[0] = 2;
        let error = decode_entry(&newer).unwrap_err().to_string();
        assert_eq!(error, "principal: at byte 0: a version that this program does not know");
    }

    #[test]
    fn a_domain_comes_back_with_and_without_what_stands_before_it() {
        let domain = Some(Domain { sid: "S-1-5-21-1-2-3".parse().unwrap(), netbios_name: "R".into() });
        for weak_rc4 in [false, true] {
            let settings = Settings { domain: domain.clone(), weak_rc4, ..Settings::default() };
            assert_eq!(decode_settings(encode_settings(&settings).unwrap().expose()), Ok(settings));
        }
    }

    #[test]
    fn settings_come_back() {
        let settings = Settings {
            max_life: Duration::from_secs(1),
            udp_reply_limit: 7,
            capaths: Capaths::default().with("A", "B", ["C", "D"]).with::<String>("B", "A", []),
            domain_realm: vec![(".b.test".into(), "B".into())],
            ..Settings::default()
        };
        let alone = Settings { capaths: Capaths::default(), domain_realm: vec![], ..settings.clone() };
        // Fields that are left out while they say nothing: without them it is whole, too.
        for (settings, whole_before) in [(alone, 0), (settings, 2)] {
            let bytes = encode_settings(&settings).unwrap();
            assert_eq!(decode_settings(bytes.expose()), Ok(settings));
            let whole = (0..bytes.expose().len()).filter(|length| decode_settings(&bytes.expose()[..*length]).is_ok());
            assert_eq!(whole.count(), whole_before);
        }
        let weak = Settings { weak_rc4: true, ..Settings::default() };
        let mut bytes = encode_settings(&weak).unwrap().expose().clone();
        assert_eq!(decode_settings(&bytes), Ok(weak));
        *bytes.last_mut().unwrap() = 0;
        assert!(decode_settings(&bytes).is_err());
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let mut entry = full();
        entry.principal = Principal::new(NameType::PRINCIPAL, ["a".repeat(65_536)], "R");
        assert_eq!(encode_entry(&entry).unwrap_err().limit, 65_535);
    }
}
