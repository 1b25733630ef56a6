//! The table of the machine that the kernel prints at boot.

/// The table, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// The architecture's name.
    pub arch: String,
    /// The machine's name.
    pub machine: String,
    /// How many processors run.
    pub cpus: u32,
    /// All RAM, in bytes, rounded down to a tenth of its unit.
    pub ram: f64,
    /// The regions by address.
    pub rows: Vec<Row>,
}

/// One region.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The first address.
    pub base: u64,
    /// What it is: `ram`, `kernel`, `archive`, `firmware`, `mmio`.
    pub kind: String,
    /// Its length in bytes, rounded down to a tenth of its unit.
    pub bytes: f64,
    /// Its name, and where that comes from.
    pub name: String,
    /// Who may map it: `resource`, `no (RAM)`, `no (kernel)`.
    pub user: String,
}

impl Table {
    /// Reads the table out of all that a machine said.
    ///
    /// # Errors
    /// What is wrong: no table, several of them, or a line that does not keep the form.
    pub fn read(console: &str) -> Result<Self, String> {
        let mut lines = console.lines().skip_while(|line| !is_heading(line));
        let heading = lines.next().ok_or("there is no machine table")?;
        if console.lines().filter(|line| is_heading(line)).count() > 1 {
            return Err("there are several machine tables".into());
        }
        let wrong = |line: &str| format!("not as the table's lines are: {line}");
        let words: Vec<_> = heading.split("  ").collect();
        let [_, arch, machine, cpus, ram, _] = words[..] else {
            return Err(wrong(heading));
        };
        let rows = lines.take_while(|line| line.starts_with("0x"));
        let rows = rows.map(|line| row(line).ok_or_else(|| wrong(line)));
        Ok(Self {
            arch: arch.into(),
            machine: machine.into(),
            cpus: number_of(cpus).ok_or_else(|| wrong(heading))?,
            ram: size(ram).ok_or_else(|| wrong(heading))?,
            rows: rows.collect::<Result<_, _>>()?,
        })
    }

    /// The bytes of all regions of a kind.
    #[must_use]
    pub fn bytes_of(&self, kind: &str) -> f64 {
        let rows = self.rows.iter().filter(|row| row.kind == kind);
        rows.map(|row| row.bytes).sum()
    }
}

fn number_of(words: &str) -> Option<u32> {
    words.split(' ').next()?.parse().ok()
}

fn is_heading(line: &str) -> bool {
    line.starts_with("jacinth ") && line.contains("  (rustc ")
}

fn row(line: &str) -> Option<Row> {
    let (line, user) = line.split_once("  user: ")?;
    let (base, line) = line.split_once(' ')?;
    let (kind, line) = line.trim_start().split_once(' ')?;
    let line = line.trim_start();
    // A number, its unit, and the rest.
    let number_end = line.find(' ')?;
    let unit_end = number_end + 1 + line.get(number_end + 1..)?.find(' ')?;
    let digits = base.strip_prefix("0x")?.replace('_', "");
    Some(Row {
        base: u64::from_str_radix(&digits, 16).ok()?,
        kind: kind.into(),
        bytes: size(line.get(..unit_end)?)?,
        name: line.get(unit_end..)?.trim().into(),
        user: user.into(),
    })
}

/// Reads a size such as `255.4 MiB`.
fn size(text: &str) -> Option<f64> {
    let (number, unit) = text.split_once(' ')?;
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let power = units.iter().position(|known| *known == unit)?;
    let number: f64 = number.parse().ok()?;
    Some(number * 1024_f64.powi(i32::try_from(power).ok()?))
}

#[cfg(test)]
mod tests {
    use super::Table;

    const TEXT: &str = "\
SeaBIOS
jacinth 0.1.0  x86_64  q35  1 cpu  255.5 MiB  (rustc 1.95.0)
0x0000_0010_0000  kernel       1.9 MiB  image and heap (linker)               user: no (RAM)
0x0000_b000_0000  mmio         256 MiB  pci ecam (MCFG)                       user: resource
hello
0x0000_0000_0000  is not part of it
";

    #[test]
    fn tables_are_read() {
        let table = Table::read(TEXT).unwrap();
        assert_eq!(table.machine, "q35");
        assert_eq!(table.ram, 255.5 * 1024.0 * 1024.0);
        assert_eq!(table.rows.len(), 2);
        assert_eq!(table.rows[1].base, 0xb000_0000);
        assert_eq!(table.rows[1].name, "pci ecam (MCFG)");
        assert_eq!(table.rows[1].user, "resource");
        assert_eq!(table.bytes_of("mmio"), 256.0 * 1024.0 * 1024.0);
    }

    #[test]
    fn there_is_one_table() {
        assert!(Table::read("hello\n").is_err());
        assert!(Table::read(&[TEXT, TEXT].concat()).is_err());
    }
}
