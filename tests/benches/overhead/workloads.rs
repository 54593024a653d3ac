//! Real work, the same each time: what it needs is generated, without chance, and lies in memory.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// C files, and functions in each.
const SOURCES: u32 = 20;
const FUNCTIONS: u32 = 30;
/// Folders of the tree, and files in each.
const FOLDERS: u32 = 100;
const FILES: u32 = 200;
/// Bytes of the smallest file of the tree, and by how many the sizes differ.
const SMALLEST: u32 = 200;
const SIZES: u32 = 3000;
/// How many times tar goes through the tree.
const TIMES: u32 = 6;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// Compiles the C files one after the other.
    Compile,
    /// Reads a tree of small files.
    Tar,
}

/// The files that the workloads need. Dropping it removes them.
#[derive(Debug)]
pub struct Workloads {
    folder: TempDir,
}

impl Workload {
    /// All of them, in the order of the document.
    pub const ALL: [Self; 2] = [Self::Compile, Self::Tar];

    /// What the document calls it.
    pub fn what(self) -> String {
        match self {
            Self::Compile => format!("`cc -O1 -c`, {SOURCES} files"),
            Self::Tar => format!("`tar c | cat`, {} small files, {TIMES} times", FOLDERS * FILES),
        }
    }

    /// The program it cannot do without.
    pub fn program(self) -> &'static str {
        match self {
            Self::Compile => "cc",
            Self::Tar => "tar",
        }
    }

    /// The command that does it: a shell, all of whose processes have ended when it ends.
    pub fn command(self, files: &Workloads) -> Command {
        let mut command = Command::new("sh");
        let (script, folder) = match self {
            Self::Compile => (
                r#"for file in "$0"/*.c; do cc -O1 -c "$file" -o "$0/out.o" || exit; done"#.into(),
                files.sources(),
            ),
            // Into a pipe: of what goes to /dev/null, tar reads no file.
            Self::Tar => {
                let times = (0..TIMES).map(|time| format!(" {time}")).collect::<String>();
                let script = format!(r#"for i in{times}; do tar cf - -C "$0" . | cat; done"#);
                (script, files.tree())
            }
        };
        command.args(["-c", &script]).arg(folder);
        command
    }
}

impl Workloads {
    /// Writes the files, in memory where there is a file system that is.
    pub fn prepare() -> Self {
        let memory = Path::new("/dev/shm");
        let folder =
            if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let files = Self { folder: folder.expect("room for a folder") };
        fs::create_dir(files.sources()).expect("room for a folder");
        for number in 0..SOURCES {
            let path = files.sources().join(format!("part{number}.c"));
            fs::write(path, source(number)).expect("room for a file");
        }
        for folder in 0..FOLDERS {
            let folder = files.tree().join(format!("folder{folder}"));
            fs::create_dir_all(&folder).expect("room for a folder");
            for number in 0..FILES {
                let size = SMALLEST + number * 7919 % SIZES;
                let text = "syscope\n".repeat(size as usize / 8);
                fs::write(folder.join(format!("file{number}")), text).expect("room for a file");
            }
        }
        files
    }

    fn sources(&self) -> PathBuf {
        self.folder.path().join("sources")
    }

    fn tree(&self) -> PathBuf {
        self.folder.path().join("tree")
    }
}

/// A C file: functions that differ in their numbers, each of which calls the one before.
fn source(file: u32) -> String {
    let mut text = "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n\n\
        static int compare(const void *a, const void *b)\n\
        {\n    return (*(const long *)a > *(const long *)b) - (*(const long *)a < *(const long *)b);\n}\n\n"
        .to_owned();
    for number in 0..FUNCTIONS {
        let (name, seed) = (format!("f{file}_{number}"), file * FUNCTIONS + number);
        let before = match number.checked_sub(1) {
            Some(before) => format!("f{file}_{before}(text, n - 1)"),
            None => "(long)strlen(text)".to_owned(),
        };
        function(&mut text, &name, &before, seed).expect("a text takes all");
    }
    text
}

fn function(text: &mut String, name: &str, before: &str, seed: u32) -> std::fmt::Result {
    let (factor, limit, shift) = (seed % 97 + 3, seed % 61 + 5, seed % 13 + 1);
    writeln!(text, "long {name}(const char *text, int n)\n{{")?;
    writeln!(text, "    char copy[{}];\n    long sum = {seed}, *row;", limit + 64)?;
    writeln!(text, "    if (n <= 0 || (row = calloc({limit}, sizeof *row)) == NULL)")?;
    writeln!(text, "        return sum;")?;
    writeln!(text, "    snprintf(copy, sizeof copy, \"%s %d\", text, n);")?;
    writeln!(text, "    for (int i = 0; i < {limit}; i++) {{")?;
    writeln!(text, "        row[i] = (long)copy[i] * {factor} + (i << {shift});")?;
    writeln!(text, "        switch (row[i] % 5) {{")?;
    for case in 0..5 {
        writeln!(text, "        case {case}: sum += row[i] / {} ^ {case}; break;", factor + case)?;
    }
    writeln!(text, "        default: sum -= i;\n        }}\n    }}")?;
    writeln!(
        text,
        "    qsort(row, {limit}, sizeof *row, (int (*)(const void *, const void *))0);"
    )?;
    writeln!(text, "    sum += row[{}] + {before};", seed % limit)?;
    writeln!(text, "    free(row);\n    return sum % {};\n}}\n", seed + 1000)
}
