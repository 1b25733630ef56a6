//! Figures of the bench: read from a run, read from the page in the repository, compared, and
//! written into the page.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::Arch;

/// The page, from the repository's root.
pub const PAGE: &str = "docs/performance.md";
/// How much more than on the page an operation may cost: one part in so many.
const TOLERANCE: u64 = 50;
/// Those that the page has a column for.
const SYSTEMS: [&str; 3] = ["Zircon", "seL4", "Linux"];

/// Section, operation, and the count of objects where there is one.
pub type Key = (String, String, Option<u64>);

/// A figure of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// What it is of.
    pub key: Key,
    /// The median.
    pub instructions: u64,
    /// The lowest, and what 95 % of the rounds did not exceed.
    pub spread: (u64, u64),
    /// What there is to reach, where something is.
    pub goal: Option<u64>,
    /// Other systems and their figures.
    pub others: Vec<(String, u64)>,
}

/// The figures that lines of JSON tell; other lines are passed over.
#[must_use]
pub fn read_lines(console: &str) -> Vec<Figure> {
    console.lines().filter_map(figure).collect()
}

fn figure(line: &str) -> Option<Figure> {
    let line = line.strip_prefix('{')?;
    let text = |name| Some(field(line, name)?.trim_matches('"').to_owned());
    let number = |name| field(line, name)?.parse().ok();
    Some(Figure {
        key: (text("section")?, text("operation")?, number("count")),
        instructions: number("instructions")?,
        spread: (number("low")?, number("high")?),
        goal: number("goal"),
        others: others(line),
    })
}

/// The text of a field's value. Strings hold no quotation marks.
fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(&format!(r#""{name}":"#))?;
    let end = match rest.strip_prefix('"') {
        Some(inside) => inside.find('"')? + 2,
        None => rest.find([',', '}'])?,
    };
    rest.get(..end)
}

fn others(line: &str) -> Vec<(String, u64)> {
    let inside = line.split_once(r#""others":{"#);
    let inside = inside.and_then(|(_, rest)| rest.split_once('}'));
    let Some((inside, _)) = inside else {
        return Vec::new();
    };
    // Names have commas in them: what follows a figure begins with a quotation mark.
    let pairs = inside.split(r#",""#).filter_map(|pair| {
        let (name, figure) = pair.rsplit_once(r#"":"#)?;
        Some((name.trim_matches('"').to_owned(), figure.parse().ok()?))
    });
    pairs.collect()
}

/// The figures of an architecture that stand on the page.
#[must_use]
pub fn read_page(page: &str, arch: Arch) -> BTreeMap<Key, u64> {
    let (mut section, mut head) = (String::new(), Vec::new());
    let mut found = BTreeMap::new();
    for line in between(page, arch)
        .map_or("", |(_, inside, _)| inside)
        .lines()
    {
        if let Some(title) = line.strip_prefix("### ") {
            title.clone_into(&mut section);
            head.clear();
        }
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let [_, operation, figures @ .., _] = &cells[..] else {
            continue;
        };
        if head.is_empty() {
            head = figures.iter().map(|title| number(title)).collect();
            continue;
        }
        for (index, figure) in figures.iter().enumerate() {
            let count = head.get(index).copied().flatten();
            let is_figure = count.is_some() || index == 0;
            if let (Some(figure), true) = (number(figure), is_figure) {
                found.insert((section.clone(), (*operation).into(), count), figure);
            }
        }
    }
    found
}

fn number(text: &str) -> Option<u64> {
    text.replace(',', "").parse().ok()
}

/// What is before an architecture's figures on the page, they, and what is behind.
fn between(page: &str, arch: Arch) -> Option<(&str, &str, &str)> {
    let begin = format!("<!-- figures {} -->\n", arch.name());
    let (before, rest) = page.split_once(&begin)?;
    let at = before.len() + begin.len();
    let end = at + rest.find("<!-- end -->")?;
    Some((page.get(..at)?, page.get(at..end)?, page.get(end..)?))
}

/// Says which operations cost more than on the page, or are not on it.
#[must_use]
pub fn grown(figures: &[Figure], page: &BTreeMap<Key, u64>) -> Vec<String> {
    let complaints = figures.iter().filter_map(|figure| {
        let (section, operation, count) = &figure.key;
        let count = count.map_or_else(String::new, |count| format!(" ({count})"));
        let what = format!("{section}: {operation}{count}");
        let now = figure.instructions;
        match page.get(&figure.key) {
            None => Some(format!("{what}: {now}, not on the page")),
            Some(old) if now > old + old / TOLERANCE => Some(format!("{what}: {old} became {now}")),
            Some(_) => None,
        }
    });
    complaints.collect()
}

/// The page with an architecture's figures in place of those that it has; `None` when it has no
/// place for them.
#[must_use]
pub fn write_page(page: &str, arch: Arch, figures: &[Figure]) -> Option<String> {
    let (before, _, behind) = between(page, arch)?;
    Some(format!("{before}{}\n{behind}", tables(figures)))
}

fn tables(figures: &[Figure]) -> String {
    let mut text = String::new();
    let sections = figures.chunk_by(|one, two| one.key.0 == two.key.0);
    for section in sections {
        let Some(first) = section.first() else {
            continue;
        };
        // Writing to a string does not fail.
        write!(text, "\n### {}\n\n", first.key.0).ok();
        text += &match first.key.2 {
            None => singles(section),
            Some(_) => counted(section),
        };
    }
    text
}

fn singles(section: &[Figure]) -> String {
    let is_beside = section.iter().any(|figure| figure.goal.is_some());
    let mut head = vec!["operation", "instructions", "spread"];
    if is_beside {
        head.push("to reach");
        head.extend(SYSTEMS);
    }
    let rows = section.iter().map(|figure| {
        let (low, high) = figure.spread;
        let spread = if low == high {
            "exact".to_owned()
        } else {
            format!("{} to {}", grouped(low), grouped(high))
        };
        let mut row = vec![figure.key.1.clone(), grouped(figure.instructions), spread];
        if is_beside {
            row.push(figure.goal.map_or_else(String::new, grouped));
            row.extend(SYSTEMS.map(|system| beside(figure, system)));
        }
        row
    });
    let head: Vec<_> = head.into_iter().map(str::to_owned).collect();
    table(&head, rows)
}

/// All figures of a system, each with how many times as much it is.
fn beside(figure: &Figure, system: &str) -> String {
    let others = figure.others.iter().filter_map(|(name, other)| {
        let rest = name.strip_prefix(system)?;
        let which = rest.strip_prefix(", ").map(|which| format!("{which}: "));
        let (which, ours) = (which.unwrap_or_default(), figure.instructions.max(1));
        let hundredths = (other * 100 + ours / 2) / ours;
        let ratio = match hundredths {
            0..100 => format!("0.{hundredths:02}"),
            100..1000 => format!("{}.{}", hundredths / 100, hundredths / 10 % 10),
            _ => grouped(hundredths / 100),
        };
        Some(format!("{which}{} ({ratio}×)", grouped(*other)))
    });
    others.collect::<Vec<_>>().join("; ")
}

fn counted(section: &[Figure]) -> String {
    let mut counts: Vec<_> = section.iter().filter_map(|figure| figure.key.2).collect();
    counts.sort_unstable();
    counts.dedup();
    let mut head = vec!["operation".to_owned()];
    head.extend(counts.iter().copied().map(grouped));
    let rows = section
        .chunk_by(|one, two| one.key.1 == two.key.1)
        .map(|row| {
            let mut cells: Vec<_> = row
                .first()
                .map(|figure| figure.key.1.clone())
                .into_iter()
                .collect();
            cells.extend(counts.iter().map(|count| {
                let figure = row.iter().find(|figure| figure.key.2 == Some(*count));
                figure.map_or_else(String::new, |figure| grouped(figure.instructions))
            }));
            cells
        });
    table(&head, rows)
}

fn table(head: &[String], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut text = format!("| {} |\n|---|", head.join(" | "));
    text += &"---:|".repeat(head.len() - 1);
    text.push('\n');
    for row in rows {
        // Writing to a string does not fail.
        writeln!(text, "| {} |", row.join(" | ")).ok();
    }
    text
}

/// A number with a comma before every three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
