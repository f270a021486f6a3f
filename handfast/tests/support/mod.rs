//! Reads `tests/vectors/*.txt`: cases of `name:`, fields of hex lines and `expect:` lines.

/// One case of a vector file.
#[derive(Debug, Default)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) file: Vec<u8>,
    pub(crate) expect: Vec<String>,
}

/// The cases of a vector file. `#` starts a comment; an indented line is hex.
pub(crate) fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("name: ") {
            cases.push(Case { name: name.to_string(), ..Case::default() });
            continue;
        }
        match cases.last_mut() {
            _ if line.is_empty() || line.starts_with('#') => {}
            Some(case) if line.starts_with("  ") => case.file.extend(hex(line.trim())),
            Some(case) if line.starts_with("expect: ") => case.expect.push(line["expect: ".len()..].to_string()),
            Some(_) if line == "file:" => {}
            _ => panic!("a line that no case can hold: {line}"),
        }
    }
    assert!(!cases.is_empty());
    cases
}

/// The bytes of a hex string.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// The hex string of bytes.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
