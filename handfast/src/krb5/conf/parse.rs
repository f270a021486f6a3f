//! The text of a krb5.conf, line by line.

use super::profile::Section;
use super::{ConfError, ConfErrorReason, ConfWarning, ConfWarningReason, Include, Resolve, Source};
use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// How deep subsections may be nested.
const NESTING_LIMIT: usize = 32;
/// How deep files may include one another.
const INCLUDE_DEPTH_LIMIT: usize = 10;
/// How many files may be included in all.
const INCLUDE_COUNT_LIMIT: usize = 1000;
/// How many warnings are kept.
const WARNING_LIMIT: usize = 100;
/// How many bytes all files together may have.
const SIZE_LIMIT: usize = 4 << 20;

/// Reads files into one tree.
pub(super) struct Parser<'a> {
    root: &'a mut Section,
    warnings: &'a mut Vec<ConfWarning>,
    resolve: &'a mut Resolve<'a>,
    /// The files that are being read, each included by the one before.
    open_files: Vec<String>,
    files: usize,
    size: usize,
}

/// Where in a file the parser is.
#[derive(Default)]
struct State {
    /// The sections from the top to the open one.
    path: Vec<String>,
    /// How deep the path was when a section turned out to be final: what it holds is thrown away.
    discarding_from: Option<usize>,
    /// A relation without a value opens a subsection, whose brace must come next.
    brace_expected: bool,
    line: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn new(root: &'a mut Section, warnings: &'a mut Vec<ConfWarning>, resolve: &'a mut Resolve<'a>) -> Self {
        Parser { root, warnings, resolve, open_files: Vec::new(), files: 0, size: 0 }
    }

    /// Reads a file and all that it includes. Each file is by itself: it starts outside of any section.
    pub(super) fn file(&mut self, source: &Source) -> Result<(), ConfError> {
        self.size = self.size.saturating_add(source.text.len());
        let mut state = State::default();
        self.open_files.push(source.name.clone());
        if self.size > SIZE_LIMIT {
            return Err(self.error(&state, ConfErrorReason::TooLarge { limit: SIZE_LIMIT }));
        }
        let text = source.text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&source.text);
        for line in text.split(|byte| *byte == b'\n') {
            state.line += 1;
            self.line(&mut state, &String::from_utf8_lossy(line))?;
        }
        if state.path.len() > 1 {
            self.warn(&state, ConfWarningReason::UnclosedBrace);
        }
        self.open_files.pop();
        Ok(())
    }

    fn line(&mut self, state: &mut State, line: &str) -> Result<(), ConfError> {
        if let Some(name) = directive(line, "include") {
            return self.include(state, Include::File(name));
        }
        if let Some(name) = directive(line, "includedir") {
            return self.include(state, Include::Directory(name));
        }
        let line = line.trim();
        if core::mem::take(&mut state.brace_expected) {
            return if line.starts_with('{') { Ok(()) } else { Err(self.error(state, ConfErrorReason::NoBrace)) };
        }
        match line.chars().next() {
            None | Some('#' | ';') => Ok(()),
            Some('[') => self.section(state, line),
            Some(_) if state.path.is_empty() => {
                let module = directive(line, "module").map(|name| ConfWarningReason::Module { name: name.to_string() });
                self.warn(state, module.unwrap_or(ConfWarningReason::OutsideSections));
                Ok(())
            }
            Some('}') => self.close(state, line),
            Some(_) => self.relation(state, line),
        }
    }

    fn include(&mut self, state: &State, include: Include<'_>) -> Result<(), ConfError> {
        let mut sources = (self.resolve)(include)
            .map_err(|cause| self.error(state, ConfErrorReason::Include { name: include.name().to_string(), cause }))?;
        if let Include::Directory(_) = include {
            sources.retain(|source| include.takes(source.name.rsplit(['/', '\\']).next().unwrap_or_default()));
            sources.sort_by(|a, b| a.name.cmp(&b.name));
        }
        for source in &sources {
            self.files += 1;
            if self.open_files.contains(&source.name) {
                return Err(self.error(state, ConfErrorReason::IncludeCycle { name: source.name.clone() }));
            }
            if self.open_files.len() >= INCLUDE_DEPTH_LIMIT || self.files > INCLUDE_COUNT_LIMIT {
                return Err(self.error(state, ConfErrorReason::TooManyIncludes));
            }
            self.file(source)?;
        }
        Ok(())
    }

    /// `[name]`, with a `*` behind it if it is final.
    fn section(&mut self, state: &mut State, line: &str) -> Result<(), ConfError> {
        if state.path.len() > 1 {
            return Err(self.error(state, ConfErrorReason::SectionInBraces));
        }
        let syntax = || self.error(state, ConfErrorReason::SectionSyntax);
        let (name, behind) = line.strip_prefix('[').and_then(|line| line.split_once(']')).ok_or_else(syntax)?;
        let is_final = behind.starts_with('*');
        if !behind.strip_prefix('*').unwrap_or(behind).trim().is_empty() {
            return Err(syntax());
        }
        state.path.clear();
        state.discarding_from = None;
        self.descend(state, name, is_final);
        Ok(())
    }

    /// `}`, with a `*` behind it if the subsection is final.
    fn close(&mut self, state: &mut State, line: &str) -> Result<(), ConfError> {
        if state.path.len() < 2 {
            return Err(self.error(state, ConfErrorReason::ExtraBrace));
        }
        if line.starts_with("}*") && state.discarding_from.is_none() {
            self.root.reopen(&state.path).make_final();
        }
        state.path.pop();
        state.discarding_from = state.discarding_from.filter(|depth| *depth <= state.path.len());
        Ok(())
    }

    /// `name = value` or `name = {`; what follows a `*` in the name is not part of it.
    fn relation(&mut self, state: &mut State, line: &str) -> Result<(), ConfError> {
        let syntax = || self.error(state, ConfErrorReason::RelationSyntax);
        let (name, value) = line.split_once('=').ok_or_else(syntax)?;
        let (name, value) = (name.trim_end(), value.trim_start());
        let (name, is_final) = name.split_once('*').map_or((name, false), |(name, _)| (name, true));
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(syntax());
        }
        let opens = value.strip_prefix('{').is_some_and(|behind| behind.trim().is_empty());
        if opens || value.is_empty() {
            if state.path.len() >= NESTING_LIMIT {
                return Err(self.error(state, ConfErrorReason::TooDeep { limit: NESTING_LIMIT }));
            }
            state.brace_expected = !opens;
            self.descend(state, name, is_final);
        } else if state.discarding_from.is_none() {
            self.root.reopen(&state.path).add(name, unquote(value).into_owned(), is_final);
        }
        Ok(())
    }

    fn descend(&mut self, state: &mut State, name: &str, make_final: bool) {
        if state.discarding_from.is_none() {
            let section = self.root.reopen(&state.path).open(name);
            if section.is_final() {
                state.discarding_from = Some(state.path.len() + 1);
            } else if make_final {
                section.make_final();
            }
        }
        state.path.push(name.to_string());
    }

    fn error(&self, state: &State, reason: ConfErrorReason) -> ConfError {
        ConfError { file: self.file_name(), line: state.line, reason }
    }

    fn warn(&mut self, state: &State, reason: ConfWarningReason) {
        let warning = ConfWarning { file: self.file_name(), line: state.line, reason };
        // One for the text before the first section of a file says enough.
        let is_new = |last: &ConfWarning| (&last.file, &last.reason) != (&warning.file, &warning.reason);
        if self.warnings.len() < WARNING_LIMIT && self.warnings.last().is_none_or(is_new) {
            self.warnings.push(warning);
        }
    }

    fn file_name(&self) -> String {
        self.open_files.last().cloned().unwrap_or_default()
    }
}

/// What follows `word` and white space at the start of a line.
fn directive<'l>(line: &'l str, word: &str) -> Option<&'l str> {
    let behind = line.strip_prefix(word)?;
    behind.starts_with(char::is_whitespace).then(|| behind.trim())
}

/// Whether a file with this name is read when its directory is included: it ends in `.conf`, or has
/// letters, digits, `-` and `_` only; and it doesn't start with a dot.
pub(super) fn is_included(name: &str) -> bool {
    let is_plain =
        || !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    !name.starts_with('.') && (name.ends_with(".conf") || is_plain())
}

/// The value within quotes, if it starts with one: up to the closing quote, `\n`, `\t`, `\b` and other
/// characters behind a `\` resolved.
fn unquote(value: &str) -> Cow<'_, str> {
    let Some(quoted) = value.strip_prefix('"') else { return Cow::Borrowed(value.trim_end()) };
    let mut out = String::new();
    let mut chars = quoted.chars();
    while let Some(c) = chars.next().filter(|c| *c != '"') {
        let escaped = if c == '\\' { chars.next() } else { None };
        out.push(match escaped {
            None => c,
            Some('n') => '\n',
            Some('t') => '\t',
            Some('b') => '\u{8}',
            Some(other) => other,
        });
    }
    Cow::Owned(out)
}
