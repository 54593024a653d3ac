//! Unwinding with tables, at every instruction of programs whose calls are known.

#![cfg(target_arch = "x86_64")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use syscope::unwind::{Elf, Rules, Table, Walker};
use syscope_shared::unwind::{End, NO_TABLE, Registers, Segment};
use syscope_tests::compile::{Compiler, without_frame_pointers};
use syscope_tests::traced::{Mapping, Traced};

/// Who calls each function, directly or by way of the C library.
const CALLERS: &[(&str, &str)] = &[
    ("leaf", "by_stack_pointer"),
    ("by_stack_pointer", "variable_length"),
    ("variable_length", "realigned"),
    ("realigned", "main"),
    ("recursive", "deep"),
    ("deep", "main"),
    ("compared", "sorted"),
    ("sorted", "main"),
    ("in_handler", "handler"),
    ("handler", "signalled"),
    ("signalled", "main"),
    ("timed", "main"),
    ("main", "_start"),
];

/// What the code of a process is unwound with.
#[derive(Default)]
struct Tables {
    segments: Vec<Segment>,
    words: Vec<u32>,
    rules: Rules,
}

impl Tables {
    fn of(process: &Traced) -> Self {
        let mut tables = Self::default();
        process.code().iter().for_each(|mapping| tables.add(process, mapping));
        tables
    }

    fn add(&mut self, process: &Traced, mapping: &Mapping) {
        let Mapping { start, end, offset, .. } = *mapping;
        let bytes = match mapping.path.to_str() {
            Some("[vdso]") => process.bytes(mapping),
            Some("[vsyscall]") => return,
            _ => std::fs::read(&mapping.path).expect("it is mapped"),
        };
        let elf = Elf::read(&*bytes).expect("what is executed is ELF");
        let compiled = Table::compile(&elf, &*bytes, &mut self.rules, 1 << 22);
        let (base, pages) = match &compiled {
            Ok(table) => (self.words.len() as u32, table.pages),
            Err(_) => (NO_TABLE, 0),
        };
        self.segments.extend(elf.segment((start, end), offset, base, pages));
        self.words.extend(compiled.map(|table| table.words).unwrap_or_default());
    }

    fn walk(&self, process: &Traced) -> (Vec<u64>, End) {
        let at = process.registers();
        let registers = Registers { ip: at.rip, sp: at.rsp, fp: at.rbp, ..Registers::default() };
        let leaf = [
            at.rax, at.rdx, at.rcx, at.rbx, at.rsi, at.rdi, at.rbp, at.rsp, at.r8, at.r9, at.r10,
            at.r11, at.r12, at.r13, at.r14, at.r15,
        ];
        let walker = Walker {
            segments: &self.segments,
            words: self.words.as_slice(),
            rules: self.rules.all(),
        };
        walker.walk(registers, |number| leaf.get(number as usize).copied(), |at| process.word(at))
    }
}

/// The functions of [`CALLERS`] where they are mapped: start, end, name.
struct Functions(Vec<(u64, u64, String)>);

impl Functions {
    fn of(process: &Traced, program: &Path) -> Self {
        let listed = Command::new("nm").args(["-S", "--defined-only"]).arg(program).output();
        let listed = String::from_utf8(listed.expect("binutils").stdout).expect("names");
        let number = |hex| u64::from_str_radix(hex, 16).expect("a number");
        let code = process.code();
        let own = code.iter().find(|mapping| mapping.path == program).expect("it runs");
        let elf = std::fs::read(program).expect("a file");
        let elf = Elf::read(&*elf).expect("a program");
        // The code's address in the file is where it is mapped, rounded to pages.
        let mapped = own.start.wrapping_sub(elf.code[0].address & !0xfff);
        let is_known = |name: &str| CALLERS.iter().any(|(of, by)| *of == name || *by == name);
        let functions = listed.lines().filter_map(|line| {
            let words: Vec<_> = line.split(' ').collect();
            let [start, size, "T" | "t", name] = words[..] else { return None };
            is_known(name).then_some(())?;
            let start = number(start).wrapping_add(mapped);
            Some((start, start + number(size), name.to_owned()))
        });
        Self(functions.collect())
    }

    fn name(&self, address: u64) -> Option<&str> {
        let found = self.0.iter().find(|(start, end, _)| (*start..*end).contains(&address));
        found.map(|(_, _, name)| name.as_str())
    }
}

/// What was seen of a program.
#[derive(Debug, Default)]
struct Seen {
    instructions: usize,
    functions: BTreeSet<String>,
    /// Most calls of `recursive` on one stack.
    deepest: usize,
    /// Stacks that were not complete, by how they ended, in which file, at which offset of its table.
    broken: BTreeMap<(String, PathBuf, u64), usize>,
}

impl Seen {
    /// Takes in the functions of a complete stack, leaf first, and checks that each is where it is called.
    fn complete(&mut self, names: &[&str]) {
        let is_recursive = |name: &&&str| **name == "recursive";
        self.deepest = self.deepest.max(names.iter().filter(is_recursive).count());
        self.functions.extend(names.iter().map(|name| (*name).to_owned()));
        let mut names: Vec<_> = names.to_vec();
        names.dedup();
        for pair in names.windows(2) {
            let caller = CALLERS.iter().find(|(name, _)| *name == pair[0]);
            assert_eq!(caller.map(|(_, caller)| *caller), Some(pair[1]), "{names:?}");
        }
        assert_eq!(names.last(), Some(&"_start"), "{names:?}");
    }

    fn broken(&mut self, process: &Traced, tables: &Tables, end: End, last: u64) {
        let code = process.code();
        let mapping = code.iter().find(|mapping| (mapping.start..mapping.end).contains(&last));
        let file = mapping.map_or(PathBuf::new(), |mapping| mapping.path.clone());
        let segment = tables.segments.iter().find(|it| last.wrapping_sub(it.start) < it.len);
        let place = segment.map_or(last, |it| last - it.start + u64::from(it.shift));
        *self.broken.entry((format!("{end:?}"), file, place)).or_default() += 1;
    }
}

/// Steps through a program, and checks its stack at each instruction.
fn seen(program: &Path) -> Seen {
    let mut process = Traced::start(program);
    let (tables, functions) = (Tables::of(&process), Functions::of(&process, program));
    let mut seen = Seen::default();
    while process.step() {
        seen.instructions += 1;
        let (addresses, end) = tables.walk(&process);
        if end != End::Complete {
            seen.broken(&process, &tables, end, addresses[addresses.len() - 1]);
            continue;
        }
        // A return address is behind its call.
        let places = addresses.iter().enumerate().map(|(at, ip)| ip - u64::from(at > 0));
        let names: Vec<_> = places.filter_map(|place| functions.name(place)).collect();
        seen.complete(&names);
    }
    seen
}

fn check(compiler: Compiler, options: &[&str]) {
    let dir = tempfile::tempdir().expect("room for a program");
    let program = dir.path().join("callchains");
    if without_frame_pointers("callchains", compiler, options, &program).is_none() {
        return;
    }
    let seen = seen(&program);
    for (function, _) in CALLERS {
        assert!(seen.functions.contains(*function), "{function}: {seen:?}");
    }
    assert_eq!(seen.deepest, 201, "{seen:?}");
    // The dynamic linker keeps its stack pointer in rbx while it looks a name up; rules know the value
    // of that in the leaf alone.
    let is_linker = |file: &Path| file.to_string_lossy().contains("/ld-linux");
    let others = seen.broken.iter().filter(|((_, file, _), _)| !is_linker(file));
    let incomplete: usize = others.map(|(_, count)| count).sum();
    assert!(incomplete * 100 <= seen.instructions, "{seen:?}");
}

#[test]
fn every_instruction_has_its_whole_stack_bound_at_once() {
    check(Compiler::Cc, &["-Wl,-z,now"]);
}

#[test]
fn every_instruction_has_its_whole_stack_bound_lazily() {
    check(Compiler::Cc, &["-Wl,-z,lazy", "-fcf-protection=none"]);
}

#[test]
fn every_instruction_has_its_whole_stack_with_branch_tracking() {
    check(Compiler::Cc, &["-Wl,-z,lazy", "-fcf-protection=full", "-Wl,-z,ibtplt"]);
}

#[test]
fn every_instruction_has_its_whole_stack_in_a_static_program() {
    check(Compiler::Cc, &["-static-pie"]);
}

#[test]
fn every_instruction_has_its_whole_stack_by_clang() {
    check(Compiler::Clang, &["-fPIE", "-pie"]);
}
