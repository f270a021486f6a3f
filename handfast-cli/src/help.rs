//! The help, fitted to the terminal: prose is filled, examples that are too long are broken where a shell lets it be.

use clap::{Arg, Command};

/// How wide the help is at most.
const WIDEST: usize = 110;

/// What stands in front of the rest of a line that was broken.
const INDENT: &str = "      ";

/// The columns of the terminal; without one, those of `COLUMNS`, or 100.
pub(crate) fn columns() -> usize {
    let terminal = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    let said = || std::env::var("COLUMNS").ok()?.parse().ok();
    terminal.or_else(said).unwrap_or(100).clamp(40, WIDEST)
}

/// The command and all below it, with help that is `width` columns wide.
pub(crate) fn fitted(command: Command, width: usize) -> Command {
    let (about, after) = (command.get_long_about(), command.get_after_help());
    let (about, after) = (about.map(ToString::to_string), after.map(ToString::to_string));
    let after_long = command.get_after_long_help().map(ToString::to_string);
    let mut command = command.term_width(width).mut_args(filled_arg);
    if let Some(about) = about {
        command = command.long_about(fit(&about, width));
    }
    if let Some(after) = after {
        command = command.after_help(fit(&after, width));
    }
    if let Some(after) = after_long {
        command = command.after_long_help(fit(&after, width));
    }
    command.mut_subcommands(|below| fitted(below, width))
}

fn filled_arg(arg: Arg) -> Arg {
    match arg.get_long_help().map(ToString::to_string) {
        Some(help) => arg.long_help(fit(&help, usize::MAX)),
        None => arg,
    }
}

/// Lines that begin without a space are prose, each run of them a paragraph; whoever prints it wraps it. The others are
/// broken here.
fn fit(text: &str, width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut in_prose = false;
    for line in text.lines() {
        let is_prose = !line.is_empty() && !line.starts_with(' ');
        match lines.last_mut().filter(|before| in_prose && is_prose && !before.ends_with(':')) {
            Some(before) => {
                before.push(' ');
                before.push_str(line);
            }
            None if is_prose => lines.push(line.to_owned()),
            None => broken(line, width, &mut lines),
        }
        in_prose = is_prose;
    }
    lines.join("\n")
}

/// A line in as many as it takes: what is said of an example stands below it, and a long command goes on behind a backslash.
fn broken(line: &str, width: usize, lines: &mut Vec<String>) {
    if line.chars().count() <= width {
        return lines.push(line.to_owned());
    }
    let start = line.len() - line.trim_start().len();
    let (command, remark) = match line.rfind("  ").filter(|at| *at > start) {
        Some(at) => line.split_at(at),
        None => (line, ""),
    };
    wrapped(command.trim_end(), " \\", width, lines);
    if !remark.trim().is_empty() {
        wrapped(&format!("{INDENT}{}", remark.trim().trim_start_matches("# ")), "", width, lines);
    }
}

/// Words, an option together with its value.
fn units(text: &str) -> Vec<String> {
    let mut units: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let takes =
            |before: &String| before.starts_with('-') && !before.contains(' ') || [">", "export"].contains(&&**before);
        match units.last_mut().filter(|before| takes(before) && !word.starts_with('-')) {
            Some(before) => *before = format!("{before} {word}"),
            None => units.push(word.to_owned()),
        }
    }
    units
}

/// Breaks at spaces, with `mark` behind each line but the last.
fn wrapped(text: &str, mark: &str, width: usize, lines: &mut Vec<String>) {
    let indent = text.len() - text.trim_start().len();
    let mut line = text.get(..indent).unwrap_or_default().to_owned();
    let mut is_empty = true;
    for word in &units(text) {
        let too_long = line.chars().count() + 1 + word.chars().count() + mark.len() > width;
        if too_long && !is_empty {
            lines.push(format!("{line}{mark}"));
            (line, is_empty) = (INDENT.to_owned(), true);
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    lines.push(line);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_filled_and_what_is_indented_stays_as_it_is() {
        let text = "One\ntwo.\n\nThree:\n  a    b\n  c\nfour\nfive";
        assert_eq!(fit(text, 20), "One two.\n\nThree:\n  a    b\n  c\nfour five");
        assert_eq!(fit("Examples:\nfour", 20), "Examples:\nfour");
    }

    #[test]
    fn long_examples_are_broken_where_a_shell_lets_them_be() {
        let text = "  handfast login alice    as alice\n  handfast get HTTP/www host/db";
        assert_eq!(fit(text, 24), "  handfast login alice\n      as alice\n  handfast get \\\n      HTTP/www host/db");
        assert_eq!(
            fit("  handfast get --cache FILE:c host/db", 24),
            "  handfast get \\\n      --cache FILE:c \\\n      host/db"
        );
        assert_eq!(fit("  run this    # and that", 20), "  run this\n      and that");
        assert_eq!(fit("  oneverylongwordthatfitsnowhere", 20), "  oneverylongwordthatfitsnowhere");
    }
}
