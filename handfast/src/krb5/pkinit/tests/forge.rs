//! Certificates, lists and messages of every kind, right and wrong, signed with keys of P-256.

use super::super::private_key::PrivateKey;
use super::super::{Certificate, PkinitIdentity, RevocationList};
use super::{Counting, now};
use crate::asn1::{DerWriter, der_of, tag};
use crate::crypto::SignatureAlgorithm;
use crate::time::Time;
use alloc::vec::Vec;
use core::time::Duration;
use der::asn1::ObjectIdentifier;

pub(super) const DAY: Duration = Duration::from_secs(86_400);

pub(super) fn oid(dotted: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(dotted)
}

/// A private key of P-256, another one for each number.
pub(super) fn key(number: u8) -> PrivateKey {
    PrivateKey::P256(p256::ecdsa::SigningKey::from_slice(&[number; 32]).unwrap())
}

fn public_key_info(key: &PrivateKey) -> Vec<u8> {
    let PrivateKey::P256(key) = key else { panic!("a key of P-256") };
    let point = key.verifying_key().to_sec1_point(false);
    der_of(|writer| {
        writer.nested(tag::SEQUENCE, |info| {
            info.nested(tag::SEQUENCE, |algorithm| {
                algorithm.oid(oid("1.2.840.10045.2.1"));
                algorithm.oid(oid("1.2.840.10045.3.1.7"));
            });
            info.primitive(tag::BIT_STRING, &[&[0], point.as_bytes()].concat());
        });
    })
}

pub(super) fn name(common: &str) -> Vec<u8> {
    der_of(|writer| {
        writer.nested(tag::SEQUENCE, |parts| {
            parts.nested(tag::SET, |set| {
                set.nested(tag::SEQUENCE, |attribute| {
                    attribute.oid(oid("2.5.4.3"));
                    attribute.primitive(tag::UTF8_STRING, common.as_bytes());
                });
            });
        });
    })
}

fn time(writer: &mut DerWriter<'_>, time: Time) {
    let (year, month, day, hour, minute, second) = time.civil();
    let text = alloc::format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z");
    writer.primitive(tag::GENERALIZED_TIME, text.as_bytes());
}

fn algorithm(writer: &mut DerWriter<'_>, dotted: &str) {
    writer.nested(tag::SEQUENCE, |fields| fields.oid(oid(dotted)));
}

/// A certificate that is to be.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) subject: Vec<u8>,
    pub(super) issuer: Vec<u8>,
    pub(super) key: u8,
    pub(super) signer: u8,
    pub(super) serial: u8,
    pub(super) not_before: Time,
    pub(super) not_after: Time,
    pub(super) extensions: Vec<(&'static str, bool, Vec<u8>)>,
    pub(super) key_info: Option<Vec<u8>>,
    /// The algorithm inside, and the one beside the signature.
    pub(super) algorithms: [&'static str; 2],
}

pub(super) const ECDSA_SHA256: &str = "1.2.840.10045.4.3.2";
pub(super) const ECDSA_SHA1: &str = "1.2.840.10045.4.1";

impl Draft {
    fn new(subject: &str, key: u8, issuer: &str, signer: u8) -> Self {
        Draft {
            subject: name(subject),
            issuer: name(issuer),
            key,
            signer,
            serial: key,
            not_before: now().saturating_sub(DAY),
            not_after: now().saturating_add(DAY),
            extensions: Vec::new(),
            key_info: None,
            algorithms: [ECDSA_SHA256; 2],
        }
    }

    /// A certificate authority's, with `key`, signed by the issuer's key.
    pub(super) fn authority(subject: &str, key: u8, issuer: &str, signer: u8) -> Self {
        Draft::new(subject, key, issuer, signer).with(BASIC, true, basic(true, None)).with(USAGE, true, usage(0b110))
    }

    /// The KDC's of TEST.REALM, with key 9.
    pub(super) fn kdc(issuer: &str, signer: u8) -> Self {
        Draft::new("kdc", 9, issuer, signer)
            .with(USAGE, true, usage(0b1000_0000))
            .with(PURPOSE, false, purposes(&["1.3.6.1.5.2.3.5"]))
            .with(NAMES, false, names(&[principal("TEST.REALM", &["krbtgt", "TEST.REALM"])]))
    }

    /// With this extension, in place of the one of the same kind.
    pub(super) fn with(mut self, kind: &'static str, critical: bool, value: Vec<u8>) -> Self {
        self.extensions.retain(|(other, ..)| *other != kind);
        self.extensions.push((kind, critical, value));
        self
    }

    pub(super) fn without(mut self, kind: &str) -> Self {
        self.extensions.retain(|(other, ..)| *other != kind);
        self
    }

    pub(super) fn der(&self) -> Vec<u8> {
        let tbs = der_of(|writer| {
            writer.nested(tag::SEQUENCE, |fields| {
                fields.nested(tag::context(0), |version| version.integer(2));
                fields.primitive(tag::INTEGER, &[self.serial]);
                algorithm(fields, self.algorithms[0]);
                fields.raw(&self.issuer);
                fields.nested(tag::SEQUENCE, |validity| {
                    time(validity, self.not_before);
                    time(validity, self.not_after);
                });
                fields.raw(&self.subject);
                fields.raw(&self.key_info.clone().unwrap_or_else(|| public_key_info(&key(self.key))));
                fields.nested(tag::context(3), |explicit| {
                    explicit.nested(tag::SEQUENCE, |list| {
                        self.extensions.iter().for_each(|(kind, critical, value)| {
                            list.nested(tag::SEQUENCE, |extension| {
                                extension.oid(oid(kind));
                                if *critical {
                                    extension.primitive(tag::BOOLEAN, &[0xff]);
                                }
                                extension.primitive(tag::OCTET_STRING, value);
                            });
                        });
                    });
                });
            });
        });
        signed(&tbs, self.signer, self.algorithms[1])
    }

    pub(super) fn sign(&self) -> Certificate {
        Certificate::decode(&self.der()).unwrap()
    }
}

/// What a key has signed, with the algorithm and the signature behind it.
fn signed(octets: &[u8], signer: u8, with: &str) -> Vec<u8> {
    let kind = if with == ECDSA_SHA1 { SignatureAlgorithm::EcdsaSha1 } else { SignatureAlgorithm::EcdsaSha256 };
    let signature = key(signer).sign(kind, octets, &Counting).unwrap();
    der_of(|writer| {
        writer.nested(tag::SEQUENCE, |outer| {
            outer.raw(octets);
            algorithm(outer, with);
            outer.primitive(tag::BIT_STRING, &[&[0], signature.as_slice()].concat());
        });
    })
}

/// The identity of a draft, with others behind it.
pub(super) fn identity(draft: &Draft, others: &[Certificate]) -> PkinitIdentity {
    let chain = [&[draft.sign()], others].concat();
    PkinitIdentity::with_key(chain, key(draft.key)).unwrap()
}

pub(super) const BASIC: &str = "2.5.29.19";
pub(super) const USAGE: &str = "2.5.29.15";
pub(super) const PURPOSE: &str = "2.5.29.37";
pub(super) const NAMES: &str = "2.5.29.17";

pub(super) fn basic(authority: bool, length: Option<i64>) -> Vec<u8> {
    der_of(|writer| {
        writer.nested(tag::SEQUENCE, |fields| {
            if authority {
                fields.primitive(tag::BOOLEAN, &[0xff]);
            }
            length.iter().for_each(|length| fields.integer(*length));
        });
    })
}

/// digitalSignature is the first bit, keyCertSign the sixth, cRLSign the seventh.
pub(super) fn usage(bits: u8) -> Vec<u8> {
    der_of(|writer| writer.primitive(tag::BIT_STRING, &[0, bits]))
}

pub(super) fn purposes(all: &[&str]) -> Vec<u8> {
    der_of(|writer| writer.nested(tag::SEQUENCE, |list| all.iter().for_each(|dotted| list.oid(oid(dotted)))))
}

pub(super) fn names(all: &[Vec<u8>]) -> Vec<u8> {
    der_of(|writer| writer.nested(tag::SEQUENCE, |list| all.iter().for_each(|name| list.raw(name))))
}

pub(super) fn host(name: &[u8]) -> Vec<u8> {
    der_of(|writer| writer.primitive(0x82, name))
}

fn other_name(kind: &str, value: impl FnOnce(&mut DerWriter<'_>)) -> Vec<u8> {
    der_of(|writer| {
        writer.nested(tag::context(0), |other| {
            other.oid(oid(kind));
            other.nested(tag::context(0), value);
        });
    })
}

pub(super) fn upn(name: &str) -> Vec<u8> {
    other_name("1.3.6.1.4.1.311.20.2.3", |value| value.primitive(tag::UTF8_STRING, name.as_bytes()))
}

pub(super) fn principal(realm: &str, components: &[&str]) -> Vec<u8> {
    other_name("1.3.6.1.5.2.2", |value| {
        value.nested(tag::SEQUENCE, |fields| {
            fields.field(0, &realm);
            fields.nested(tag::context(1), |explicit| {
                explicit.nested(tag::SEQUENCE, |name| {
                    name.field(0, &1_i32);
                    name.nested(tag::context(1), |explicit| {
                        explicit.nested(tag::SEQUENCE, |list| {
                            components.iter().for_each(|part| list.primitive(tag::GENERAL_STRING, part.as_bytes()));
                        });
                    });
                });
            });
        });
    })
}

/// A list of revoked serial numbers: from yesterday until `next`.
pub(super) fn list(issuer: &str, signer: u8, revoked: &[u8], next: Time, critical: bool) -> Vec<u8> {
    let tbs = der_of(|writer| {
        writer.nested(tag::SEQUENCE, |fields| {
            fields.integer(1);
            algorithm(fields, ECDSA_SHA256);
            fields.raw(&name(issuer));
            time(fields, now().saturating_sub(DAY));
            time(fields, next);
            if !revoked.is_empty() {
                fields.nested(tag::SEQUENCE, |entries| {
                    revoked.iter().for_each(|serial| {
                        entries.nested(tag::SEQUENCE, |entry| {
                            entry.primitive(tag::INTEGER, &[*serial]);
                            time(entry, now().saturating_sub(DAY));
                        });
                    });
                });
            }
            if critical {
                fields.nested(tag::context(0), |explicit| {
                    explicit.nested(tag::SEQUENCE, |list| {
                        list.nested(tag::SEQUENCE, |extension| {
                            extension.oid(oid("2.5.29.28"));
                            extension.primitive(tag::BOOLEAN, &[0xff]);
                            extension.primitive(tag::OCTET_STRING, &[0x30, 0]);
                        });
                    });
                });
            }
        });
    });
    signed(&tbs, signer, ECDSA_SHA256)
}

pub(super) fn revocation_list(issuer: &str, signer: u8, revoked: &[u8], next: Time) -> RevocationList {
    RevocationList::decode(&list(issuer, signer, revoked, next, false)).unwrap()
}
