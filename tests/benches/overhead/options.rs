//! What the command line says.

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// One system call.
    Calls,
    /// One context switch.
    Switches,
    /// One open and close of a file.
    Opens,
    /// Real work.
    Work,
    /// syscope's own processes.
    Process,
}

impl Section {
    /// All of them, in the order of the document.
    pub const ALL: [Self; 5] =
        [Self::Calls, Self::Switches, Self::Opens, Self::Work, Self::Process];

    /// What it is called on the command line and in the document's marks.
    pub fn name(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Switches => "switches",
            Self::Opens => "opens",
            Self::Work => "work",
            Self::Process => "process",
        }
    }
}

/// What the command line says.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many times everything is measured, by turns.
    pub rounds: usize,
    only: Vec<Section>,
    /// Contenders to measure (of `process`: machines and starts), by a part of their names; all where there
    /// is none.
    pub contenders: Vec<String>,
    /// Whether the tables go into the document.
    pub write: bool,
}

impl Options {
    /// Reads the options; those of cargo and of the harness it expects are passed over.
    pub fn parse(args: Vec<String>) -> Result<Self, String> {
        let mut options =
            Self { rounds: 7, only: Vec::new(), contenders: Vec::new(), write: false };
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or(format!("{arg} wants a value"));
            match arg.as_str() {
                "--bench" => {}
                "--write" => options.write = true,
                "--rounds" => {
                    let rounds = value()?;
                    options.rounds = rounds.parse().map_err(|_| format!("{rounds}: no number"))?;
                }
                "--contenders" => {
                    options.contenders = value()?.split(',').map(str::to_owned).collect();
                }
                "--only" => {
                    let find = |name: &str| {
                        let found = Section::ALL.into_iter().find(|section| section.name() == name);
                        found.ok_or(format!("there is no section {name}"))
                    };
                    options.only = value()?.split(',').map(find).collect::<Result<_, _>>()?;
                }
                _ => return Err(format!("there is no option {arg}")),
            }
        }
        Ok(options)
    }

    /// The parts to run.
    pub fn sections(&self) -> Vec<Section> {
        if self.only.is_empty() { Section::ALL.to_vec() } else { self.only.clone() }
    }

    /// Whether a contender is wanted; what it is compared with always is.
    pub fn wants(&self, name: &str) -> bool {
        self.contenders.is_empty()
            || self.contenders.iter().any(|part| name.contains(part.as_str()))
    }
}
