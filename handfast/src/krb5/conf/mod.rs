//! krb5.conf: text in, values out.
//!
//! The format is the one that MIT krb5 reads (its documentation, "krb5.conf"). Nothing here opens a
//! file: the caller hands over the text, and answers when a file asks for another one.
//!
//! ```
//! use handfast::krb5::Conf;
//! let conf = Conf::parse(
//!     "krb5.conf",
//!     "[libdefaults]\n default_realm = EXAMPLE.COM\n clockskew = 2m\n\
//!      [realms]\n EXAMPLE.COM = {\n  kdc = kdc1.example.com\n  kdc = kdc2.example.com:8888\n }\n",
//! )?;
//! let defaults = conf.libdefaults(None)?;
//! assert_eq!(defaults.default_realm.as_deref(), Some("EXAMPLE.COM"));
//! assert_eq!(defaults.clockskew.as_secs(), 120);
//! assert_eq!(conf.realm("EXAMPLE.COM").unwrap().kdc, ["kdc1.example.com", "kdc2.example.com:8888"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod capaths;
mod enctypes;
mod libdefaults;
mod parse;
mod pkinit;
mod profile;
mod realm;
mod relation;
mod relations;
mod value;

pub use capaths::Capaths;
pub use enctypes::EnctypeList;
pub use libdefaults::{CanonicalizeHostname, LibDefaults};
pub use pkinit::{EkuChecking, PkinitConf};
pub use profile::Section;
pub use realm::RealmConf;
pub use relation::{Place, Relation, Treatment, WithoutEffect};
pub use value::{ConfValueError, parse_boolean, parse_duration};

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// What one or several krb5.conf files say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conf {
    root: Section,
    warnings: Vec<ConfWarning>,
}

/// A file's name, for errors and to notice cycles, and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The name.
    pub name: String,
    /// The text. What is not UTF-8 in it becomes U+FFFD, mostly in comments.
    pub text: Vec<u8>,
}

/// What a file asks for: to be answered with the file, or with all files of the directory.
///
/// Which files of a directory are read, and in which order, is sorted out here: those whose names end in
/// `.conf` or have letters, digits, `-` and `_` only, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Include<'n> {
    /// `include NAME`
    File(&'n str),
    /// `includedir NAME`
    Directory(&'n str),
}

impl<'n> Include<'n> {
    /// The name that is asked for.
    pub fn name(self) -> &'n str {
        match self {
            Include::File(name) | Include::Directory(name) => name,
        }
    }

    /// Whether a file with this name, without its path, is read: any for [`Include::File`]. Others need not be opened.
    pub fn takes(self, file_name: &str) -> bool {
        match self {
            Include::File(_) => true,
            Include::Directory(_) => parse::is_included(file_name),
        }
    }
}

/// Finds what a file includes, or says why not.
pub type Resolve<'r> = dyn FnMut(Include<'_>) -> Result<Vec<Source>, String> + 'r;

impl Conf {
    /// A configuration that says nothing: every default holds.
    pub fn new() -> Self {
        Conf::default()
    }

    /// Reads a text that includes no other file.
    ///
    /// # Errors
    /// If it can't be parsed, or does include another file.
    pub fn parse(name: &str, text: impl AsRef<[u8]>) -> Result<Self, ConfError> {
        let mut conf = Conf::new();
        let source = Source { name: name.to_string(), text: text.as_ref().to_vec() };
        conf.add(&source, &mut |_| Err("nothing can be included here".to_string()))?;
        Ok(conf)
    }

    /// Adds a file, as the next one of the list in `KRB5_CONFIG`: its values come behind those that are
    /// there, and what was marked as final stays as it is.
    ///
    /// # Errors
    /// If it can't be parsed, or is too large, or a file that it includes is; then part of it may have been
    /// added.
    pub fn add(&mut self, source: &Source, resolve: &mut Resolve<'_>) -> Result<(), ConfError> {
        let mut resolve = |include: Include<'_>| resolve(include);
        parse::Parser::new(&mut self.root, &mut self.warnings, &mut resolve).file(source)
    }

    /// What was read but can't have been meant so; the first hundred such things.
    pub fn warnings(&self) -> &[ConfWarning] {
        &self.warnings
    }

    /// The top of the tree, with the sections such as `libdefaults`: for whatever has no method here.
    pub fn root(&self) -> &Section {
        &self.root
    }
}

/// A file that can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfError {
    /// The file's name.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: ConfErrorReason,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfErrorReason {
    /// A `[` without `]`, or something behind it.
    SectionSyntax,
    /// A `[section]` within braces.
    SectionInBraces,
    /// Neither `name = value` nor anything else.
    RelationSyntax,
    /// No value and no `{` on the next line.
    NoBrace,
    /// A `}` that closes nothing.
    ExtraBrace,
    /// Too many braces within one another.
    TooDeep {
        /// How many there may be.
        limit: usize,
    },
    /// What is to be included isn't there.
    Include {
        /// The name of the file or directory.
        name: String,
        /// Why not, as who looked for it says.
        cause: String,
    },
    /// A file includes itself.
    IncludeCycle {
        /// The name of the file.
        name: String,
    },
    /// Files include files too deep or too often.
    TooManyIncludes,
    /// All files together are too large.
    TooLarge {
        /// How many bytes they may have.
        limit: usize,
    },
}

/// Something in a file that has no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfWarning {
    /// The file's name.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What it is.
    pub reason: ConfWarningReason,
}

/// Why something has no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfWarningReason {
    /// A C library that would be asked instead of the file; it isn't.
    Module {
        /// The library's name.
        name: String,
    },
    /// Text before the first section.
    OutsideSections,
    /// The file ends within braces.
    UnclosedBrace,
}

impl fmt::Display for ConfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.reason)
    }
}

impl fmt::Display for ConfErrorReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfErrorReason::SectionSyntax => f.write_str("a section's head is written [name]"),
            ConfErrorReason::SectionInBraces => f.write_str("a section starts before the braces above are closed"),
            ConfErrorReason::RelationSyntax => f.write_str("expected name = value"),
            ConfErrorReason::NoBrace => f.write_str("the line above has no value, so a { must stand here"),
            ConfErrorReason::ExtraBrace => f.write_str("this } closes nothing"),
            ConfErrorReason::TooDeep { limit } => write!(f, "more than {limit} braces within one another"),
            ConfErrorReason::Include { name, cause } => write!(f, "can't include {name}: {cause}"),
            ConfErrorReason::IncludeCycle { name } => write!(f, "{name} includes itself"),
            ConfErrorReason::TooManyIncludes => f.write_str("files include one another too deep or too often"),
            ConfErrorReason::TooLarge { limit } => write!(f, "all files together have more than {limit} bytes"),
        }
    }
}

impl core::error::Error for ConfError {}

impl fmt::Display for ConfWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        match &self.reason {
            ConfWarningReason::Module { name } => write!(f, "the module {name} is not loaded"),
            ConfWarningReason::OutsideSections => f.write_str("this stands outside of any section and is ignored"),
            ConfWarningReason::UnclosedBrace => f.write_str("the file ends before its braces are closed"),
        }
    }
}
