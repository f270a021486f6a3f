//! By what users of a realm may prove themselves, and in which order.

use crate::failure::{Exit, Failure};
use clap::Args;
use handfast::krb5::message::{PaDataType, SpakeGroup};
use handfast_kdc::Settings;
use serde_json::{Value, json};

/// The methods that a realm may offer, by the names that they have here.
const METHODS: [(&str, PaDataType); 4] = [
    ("pkinit", PaDataType::PK_AS_REQ),
    ("spake", PaDataType::SPAKE),
    ("encrypted-challenge", PaDataType::ENCRYPTED_CHALLENGE),
    ("encrypted-timestamp", PaDataType::ENC_TIMESTAMP),
];

/// Options of `realm settings`.
#[derive(Args, Debug)]
pub(super) struct ProofSettings {
    /// By what users prove themselves, best first: spake, encrypted-challenge (in FAST alone), encrypted-timestamp
    #[arg(long, value_name = "METHODS", value_delimiter = ',', value_parser = method)]
    preauth: Option<Vec<PaDataType>>,
    /// The groups of SPAKE, such as edwards25519,P-256; the client's order decides
    #[arg(long, value_name = "GROUPS", value_delimiter = ',')]
    spake_groups: Option<Vec<SpakeGroup>>,
    /// Send a challenge of SPAKE in this group with the offer, which spares a round trip; or none
    #[arg(long, value_name = "GROUP|none", value_parser = Challenge::parse)]
    spake_challenge: Option<Challenge>,
}

impl ProofSettings {
    /// The settings with what is named here.
    pub(super) fn change(&self, settings: &mut Settings) -> Result<(), Failure> {
        if let Some(methods) = &self.preauth {
            settings.preauth = once(methods);
        }
        if let Some(groups) = &self.spake_groups {
            settings.spake_groups = once(groups);
        }
        settings.spake_challenge = self.spake_challenge.map_or(settings.spake_challenge, |challenge| challenge.0);
        match settings.spake_challenge.filter(|group| !settings.spake_groups.contains(group)) {
            None => Ok(()),
            Some(group) => {
                let cause =
                    format!("the challenge is in {}, which is not among the groups of SPAKE", group_name(group));
                Err(Failure::new(Exit::Usage, cause)
                    .next("name it in --spake-groups, too, or say --spake-challenge none"))
            }
        }
    }
}

/// The group of the challenge, or none.
#[derive(Clone, Copy, Debug)]
struct Challenge(Option<SpakeGroup>);

impl Challenge {
    fn parse(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Challenge(None));
        }
        text.parse()
            .map(|group| Challenge(Some(group)))
            .map_err(|error: handfast::krb5::message::UnknownSpakeGroup| error.to_string())
    }
}

fn method(text: &str) -> Result<PaDataType, String> {
    let found = METHODS.iter().find(|(name, _)| *name == text);
    let names = METHODS.map(|(name, _)| name).join(", ");
    found.map(|(_, method)| *method).ok_or_else(|| format!("there are {names}"))
}

fn once<T: PartialEq + Clone>(all: &[T]) -> Vec<T> {
    let mut found = Vec::new();
    for item in all {
        if !found.contains(item) {
            found.push(item.clone());
        }
    }
    found
}

fn method_name(method: PaDataType) -> String {
    let found = METHODS.iter().find(|(_, other)| *other == method);
    found.map_or_else(|| method.to_string(), |(name, _)| (*name).to_owned())
}

fn group_name(group: SpakeGroup) -> String {
    group.name().map_or_else(|| group.to_string(), str::to_owned)
}

/// What is shown of them.
pub(super) fn rows(settings: &Settings) -> Vec<(&'static str, String)> {
    let methods: Vec<_> = settings.preauth.iter().copied().map(method_name).collect();
    let mut rows = vec![("proofs", if methods.is_empty() { "none".to_owned() } else { methods.join(", ") })];
    if settings.preauth.contains(&PaDataType::SPAKE) {
        let groups: Vec<_> = settings.spake_groups.iter().copied().map(group_name).collect();
        let challenge = settings
            .spake_challenge
            .map_or("no challenge".to_owned(), |group| format!("a challenge in {}", group_name(group)));
        rows.push(("groups of SPAKE", format!("{}, {challenge} with the offer", groups.join(", "))));
    }
    rows
}

/// The same as JSON, in the words that the options take.
pub(super) fn object(settings: &Settings) -> [(&'static str, Value); 3] {
    let names = |methods: &[PaDataType]| methods.iter().copied().map(method_name).collect::<Vec<_>>();
    [
        ("preauth", json!(names(&settings.preauth))),
        ("spake_groups", json!(settings.spake_groups.iter().copied().map(group_name).collect::<Vec<_>>())),
        ("spake_challenge", json!(settings.spake_challenge.map(group_name))),
    ]
}
