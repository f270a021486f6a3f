//! How the rows are printed.

use super::work::{SMALL, Work};

/// The line above all rows.
pub fn head(names: &[&str]) -> String {
    let columns: String = names.iter().map(|name| format!("{name:>11}")).collect();
    let ratios: String = others(names).iter().map(|name| format!("{:>10}", format!("/ {name}"))).collect();
    format!("{:<44}{:>6}{columns}{ratios}", "", "")
}

fn others<'n>(names: &'n [&'n str]) -> &'n [&'n str] {
    names.split_last().map_or(&[], |(_, others)| others)
}

/// A row: each route's figure, and how many times that of each other one the last one's is.
pub fn line(work: Work, figures: &[f64]) -> String {
    let scale = if unit(work) == "MB/s" { 1e-6 } else { 1.0 };
    let column = |figure: &f64| match figure * scale {
        none if none.is_nan() => format!("{:>11}", "-"),
        figure => format!("{figure:>11.0}"),
    };
    let columns: String = figures.iter().map(column).collect();
    let ratio = |last: f64, other: f64| match last / other {
        none if none.is_nan() => format!("{:>10}", ""),
        ratio => format!("{ratio:>9.2}x"),
    };
    let ratios: String = figures
        .split_last()
        .map(|(last, others)| others.iter().map(|other| ratio(*last, *other)).collect())
        .unwrap_or_default();
    format!("{:<44}{:>6}{columns}{ratios}", title(work), unit(work)).trim_end().into()
}

/// The first column.
pub fn title(work: Work) -> String {
    let on = |count: usize| if count == 1 { "1 connection".into() } else { format!("{count} connections") };
    match work {
        Work::Up(count) => format!("to the service, {}", on(count)),
        Work::Down(count) => format!("from the service, {}", on(count)),
        Work::Messages(count) => format!("messages of {SMALL} B, {}", on(count)),
        Work::RoundTrips(count) => format!("there and back {SMALL} B, {}", on(count)),
        Work::Connections(count) => format!("connections made and used, {count} at a time"),
        Work::Idle { proven } => format!("server's memory, idle and {}", if proven { "proven" } else { "unproven" }),
    }
}

fn unit(work: Work) -> &'static str {
    match work {
        Work::Up(_) | Work::Down(_) => "MB/s",
        Work::Messages(_) | Work::RoundTrips(_) | Work::Connections(_) => "1/s",
        Work::Idle { .. } => "bytes",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forward::{idle_works, works};

    #[test]
    fn ratios_are_to_each_of_the_others() {
        let line = line(Work::Up(1), &[2e9, f64::NAN, 1e9]);
        assert!(line.ends_with("2000          -       1000     0.50x"), "{line}");
        assert!(line.starts_with("to the service, 1 connection "), "{line}");
    }

    #[test]
    fn every_title_differs() {
        let mut titles: Vec<String> = works().into_iter().chain(idle_works()).map(title).collect();
        let count = titles.len();
        titles.sort();
        titles.dedup();
        assert_eq!(titles.len(), count);
    }
}
