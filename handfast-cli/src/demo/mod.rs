//! `handfast demo`: a realm, a server and a client on loopback sockets, by every mechanism; what passes between them, read
//! out; and every cheat refused.
//!
//! | room | what it does |
//! |---|---|
//! | `stage` | who takes part, and what each of them holds |
//! | `kdc`, `server`, `client` | the three of them, each a thread of its own; only sockets lie between |
//! | `wire` | what passed, byte for byte, as the client's end of each socket saw it |
//! | `explain` | those bytes, read with the keys that a demo may have, in plain words |
//! | `acts` | each mechanism by itself: what is spoken, and how it is cheated on |
//! | `cheats`, `tries`, `tamper`, `flag_sets`, `verdict` | each cheat is tried; who refused it, and why |
//! | `play` | the whole: in each act one honest visit, then the cheats |
//! | `show`, `ladder`, `paper` | the picture and the tables; `document` is the same in JSON |

use crate::failure::{Exit, Failure};
use crate::output::Output;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use handfast::krb5::enctype::Enctype;
use std::fmt;

mod acts;
mod cheats;
mod client;
mod document;
mod explain;
mod flag_sets;
mod kdc;
mod ladder;
mod paper;
mod play;
mod server;
mod show;
mod stage;
mod tamper;
mod tries;
mod verdict;
mod wire;

use acts::Act;
use paper::Paper;
use stage::Stage;

/// What `--enctype` takes.
const ENCTYPES: [&str; 6] =
    ["aes256-sha2", "aes128-sha2", "aes256-sha1", "aes128-sha1", "camellia256-cts", "camellia128-cts"];

/// Show it all on this machine: a realm, a server, a client, and every cheat refused
///
/// Starts a KDC, a server and a client that share nothing but loopback sockets, and draws what passes between
/// them by Kerberos, by NTLM, and by Negotiate with each of the two: what each message carries is read from the
/// bytes that really passed. Then cheats on each, and the other side has to refuse. Needs no set-up, no network
/// and no files, and leaves nothing behind. Exits with 1 if a cheat gets through.
#[derive(clap::Args, Debug, Clone)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  handfast demo
  handfast demo --mechanism ntlm
  handfast demo --enctype aes128-sha1 --quiet
  handfast demo --json | jq '.acts[] | {act, cheats: [.cheats[] | {cheat, refused_by, reason}]}'"
)]
pub(crate) struct Args {
    /// What the two ends speak
    #[arg(short, long, value_name = "MECHANISM", default_value = "all", value_enum)]
    mechanism: Shown,
    /// The encryption type of every key of Kerberos
    #[arg(long, value_name = "ENCTYPE", default_value = "aes256-sha2", value_parser = enctypes())]
    enctype: Enctype,
    /// Only the tables of cheats and the last lines
    #[arg(short, long)]
    quiet: bool,
    /// Draw with plain ASCII, as is done where the locale is not UTF-8
    #[arg(long)]
    ascii: bool,
    /// Draw this wide, 80 at least; as wide as the terminal if not given
    #[arg(long, value_name = "COLUMNS", value_parser = clap::value_parser!(u16).range(80..=240))]
    width: Option<u16>,
}

/// What `--mechanism` takes.
#[derive(clap::ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// Kerberos V5: both ends are proven
    Kerberos,
    /// NTLM: the client is proven to the server, and the server to nobody
    Ntlm,
    /// SPNEGO, which chooses Kerberos, and NTLM where no KDC answers
    Negotiate,
    /// All of them
    All,
}

impl Shown {
    fn acts(self) -> &'static [&'static Act] {
        static ALL: [&Act; 4] = [&acts::KERBEROS, &acts::NTLM, &acts::NEGOTIATE_KERBEROS, &acts::NEGOTIATE_NTLM];
        let [kerberos, ntlm, negotiate @ ..] = &ALL;
        match self {
            Shown::Kerberos => std::slice::from_ref(kerberos),
            Shown::Ntlm => std::slice::from_ref(ntlm),
            Shown::Negotiate => negotiate,
            Shown::All => &ALL,
        }
    }
}

fn enctypes() -> impl TypedValueParser<Value = Enctype> {
    PossibleValuesParser::new(ENCTYPES)
        .try_map(|name| Enctype::from_name(&name).ok_or("no encryption type of that name"))
}

/// Plays it, shows it, and fails if anything was not as it must be.
pub(crate) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let play = play::play(&Stage::new(args.enctype)?, args.mechanism.acts())?;
    if output.json {
        output.object(&document::document(&play))?;
    } else {
        let paper = Paper::new(output, args.ascii, args.width);
        output.line(if args.quiet { show::verdict(&play, &paper) } else { show::everything(&play, &paper) })?;
    }
    finding(&play)
}

/// A cheat that was not refused, or not as it must be, is a failure of the whole.
fn finding(play: &play::Play) -> Result<(), Failure> {
    let passed: Vec<_> =
        play.attempts().filter(|attempt| !attempt.verdict().is_good()).map(|a| a.cheat.title).collect();
    if passed.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Exit::Other, format!("not refused as it must be: {}", passed.join(", ")))
        .next("don't trust this build; report what `handfast demo --json` says"))
}

/// What broke the demo itself: neither an honest outcome nor a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Trouble(String);

impl Trouble {
    fn new(text: impl fmt::Display) -> Self {
        Trouble(text.to_string())
    }
}

impl<E: std::error::Error> From<E> for Trouble {
    fn from(error: E) -> Self {
        Trouble::new(error)
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        Failure::new(Exit::Other, format!("the demo did not get to its end: {}", trouble.0))
            .next("make sure that programs can connect to each other on 127.0.0.1; if they can, report this")
    }
}

#[cfg(test)]
mod tests;
