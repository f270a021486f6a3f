use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// Sections within sections, and relations in them: what a krb5.conf says, before anyone asks what it means.
///
/// A name may have several values, in the order of the files, and be a subsection, too. Of values that are
/// to be single the first one counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    entries: BTreeMap<String, Entry>,
    is_final: bool,
}

/// All that one name stands for in a section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Entry {
    values: Vec<String>,
    values_are_final: bool,
    section: Option<Section>,
}

impl Section {
    /// The values of the relation `name`, in the order of the files.
    pub fn values(&self, name: &str) -> &[String] {
        self.entries.get(name).map_or(&[], |entry| &entry.values)
    }

    /// The first value of the relation `name`.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values(name).first().map(String::as_str)
    }

    /// The subsection `name`.
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.entries.get(name)?.section.as_ref()
    }

    /// The subsection at the end of a path of names.
    pub fn section_at(&self, path: &[&str]) -> Option<&Section> {
        path.iter().try_fold(self, |section, name| section.section(name))
    }

    /// The subsections with their names, sorted by name.
    pub fn sections(&self) -> impl Iterator<Item = (&str, &Section)> {
        self.entries.iter().filter_map(|(name, entry)| Some((name.as_str(), entry.section.as_ref()?)))
    }

    /// The relations with their values, sorted by name.
    pub fn relations(&self) -> impl Iterator<Item = (&str, &[String])> {
        let with_values = self.entries.iter().filter(|(_, entry)| !entry.values.is_empty());
        with_values.map(|(name, entry)| (name.as_str(), entry.values.as_slice()))
    }

    /// The subsection `name` for adding to it, a new one if there is none.
    pub(super) fn open(&mut self, name: &str) -> &mut Section {
        self.entries.entry(name.into()).or_default().section.get_or_insert_default()
    }

    /// The subsection at the end of `path`, for adding to it.
    pub(super) fn reopen(&mut self, path: &[String]) -> &mut Section {
        path.iter().fold(self, |section, name| section.open(name))
    }

    /// Whether a `*` keeps what comes later out.
    pub(super) fn is_final(&self) -> bool {
        self.is_final
    }

    /// Keeps out what comes later.
    pub(super) fn make_final(&mut self) {
        self.is_final = true;
    }

    /// Adds a value; not if a value of this name was marked as final before.
    pub(super) fn add(&mut self, name: &str, value: String, is_final: bool) {
        let entry = self.entries.entry(name.into()).or_default();
        if !entry.values_are_final {
            entry.values.push(value);
            entry.values_are_final = is_final;
        }
    }
}
