//! At any address of real programs, a step by the table leads where gimli's own evaluation of the same
//! call frame information does.

use super::super::elf::Elf;
use super::super::{Rules, Table};
use super::WORDS_MAX;
use gimli::{
    BaseAddresses, CfaRule, EhFrame, EndianSlice, EvaluationResult, LittleEndian, Location,
    Register, RegisterRule, UnwindContext, UnwindExpression, UnwindSection, UnwindTableRow, Value,
    X86_64,
};
use proptest::test_runner::{Config, TestRunner};
use std::collections::BTreeSet;
use std::path::PathBuf;
use syscope_shared::unwind::{LOST_FP, NO_DATA, Registers, Rule, SIGNAL, Step, mix, step};

type Bytes<'d> = EndianSlice<'d, LittleEndian>;

/// Any memory: words that are addresses above all stack pointers that are tried.
fn memory(address: u64) -> u64 {
    1 << 40 | mix(7, address) >> 25
}

fn register(registers: &Registers, number: Register) -> u64 {
    match number {
        X86_64::RSP => registers.sp,
        X86_64::RBP => registers.fp,
        X86_64::RA => registers.ip,
        Register(other) => 1 << 41 | u64::from(other) << 20,
    }
}

/// What gimli's evaluator makes of an expression.
fn evaluate(
    eh_frame: &EhFrame<Bytes<'_>>,
    expression: UnwindExpression<usize>,
    registers: &Registers,
    first: Option<u64>,
) -> u64 {
    let encoding = gimli::Encoding { address_size: 8, format: gimli::Format::Dwarf32, version: 4 };
    let mut evaluation = expression.get(eh_frame).unwrap().evaluation(encoding);
    first.into_iter().for_each(|value| evaluation.set_initial_value(value));
    let mut result = evaluation.evaluate().unwrap();
    loop {
        result = match result {
            EvaluationResult::Complete => break,
            EvaluationResult::RequiresMemory { address, .. } => {
                evaluation.resume_with_memory(Value::Generic(memory(address))).unwrap()
            }
            EvaluationResult::RequiresRegister { register: number, .. } => {
                let value = Value::Generic(register(registers, number));
                evaluation.resume_with_register(value).unwrap()
            }
            other => panic!("{other:?}"),
        };
    }
    match evaluation.result()[0].location {
        Location::Address { address } => address,
        ref other => panic!("{other:?}"),
    }
}

/// The caller's registers (ip, sp, fp) by a row of gimli's; the instruction pointer is `None` in the
/// outermost function.
fn caller(
    eh_frame: &EhFrame<Bytes<'_>>,
    row: &UnwindTableRow<usize>,
    registers: &Registers,
) -> (Option<u64>, u64, u64) {
    let cfa = match *row.cfa() {
        CfaRule::RegisterAndOffset { register: number, offset } => {
            register(registers, number).wrapping_add_signed(offset)
        }
        CfaRule::Expression(expression) => evaluate(eh_frame, expression, registers, None),
    };
    let of = |number: Register| {
        Some(match row.register(number) {
            None if number == X86_64::RSP => cfa,
            None | Some(RegisterRule::SameValue) => register(registers, number),
            Some(RegisterRule::Undefined) => return None,
            Some(RegisterRule::Offset(offset)) => memory(cfa.wrapping_add_signed(offset)),
            Some(RegisterRule::ValOffset(offset)) => cfa.wrapping_add_signed(offset),
            Some(RegisterRule::Register(other)) => register(registers, other),
            Some(RegisterRule::Expression(expression)) => {
                memory(evaluate(eh_frame, expression, registers, Some(cfa)))
            }
            Some(other) => panic!("{other:?}"),
        })
    };
    (of(X86_64::RA), of(X86_64::RSP).unwrap(), of(X86_64::RBP).unwrap_or(LOST_FP))
}

/// A file with its table, ready to be compared with gimli's view.
struct Both<'d> {
    table: Table,
    rules: Rules,
    elf: &'d Elf,
    eh_frame: EhFrame<Bytes<'d>>,
    /// The functions in gimli's own order: start, end, offset of the entry.
    functions: Vec<(u64, u64, gimli::EhFrameOffset)>,
}

/// What a comparison came to.
#[derive(Debug, Default)]
struct Count {
    agreed: usize,
    refused: usize,
    outside: usize,
}

impl<'d> Both<'d> {
    fn new(elf: &'d Elf, bytes: &'d [u8]) -> Self {
        let mut rules = Rules::default();
        let table = Table::compile(elf, bytes, &mut rules, WORDS_MAX).unwrap();
        let place = elf.eh_frame.unwrap();
        let section = &bytes[place.offset as usize..(place.offset + place.size) as usize];
        let eh_frame = EhFrame::new(section, LittleEndian);
        let mut functions = Vec::new();
        let mut entries = eh_frame.entries(&elf.bases);
        while let Some(entry) = entries.next().unwrap() {
            let gimli::CieOrFde::Fde(partial) = entry else { continue };
            let function = partial.parse(EhFrame::cie_from_offset).unwrap();
            if elf.code_at(function.initial_address()).is_some() && function.len() > 0 {
                let (start, end) = (function.initial_address(), function.end_address());
                functions.push((start, end, function.offset().into()));
            }
        }
        functions.sort_by_key(|(start, ..)| *start);
        Self { table, rules, elf, eh_frame, functions }
    }

    fn rule(&self, address: u64) -> Rule {
        let base = self.table.first_page << 16;
        self.rules.all()[self.table.rule_at(address.wrapping_sub(base)) as usize]
    }

    /// Compares one address.
    fn compare(&self, address: u64, count: &mut Count) {
        let rule = self.rule(address);
        let behind = self.functions.partition_point(|(start, ..)| *start <= address);
        let function = behind.checked_sub(1).map(|before| self.functions[before]);
        let Some((_, _, offset)) = function.filter(|(_, end, _)| address < *end) else {
            let begins = address.wrapping_sub(self.elf.entry) < 128;
            let is_so = rule == Rule::NO_DATA || (begins && rule == Rule::ROOT);
            assert!(is_so, "nothing is known at {address:#x}: {rule:?}");
            count.outside += 1;
            return;
        };
        if rule.kind == NO_DATA {
            count.refused += 1;
            return;
        }
        let mut context = UnwindContext::new();
        let bases: &BaseAddresses = &self.elf.bases;
        let entry = self.eh_frame.fde_from_offset(bases, offset, EhFrame::cie_from_offset).unwrap();
        let row =
            entry.unwind_info_for_address(&self.eh_frame, bases, &mut context, address).unwrap();
        let mut after = Registers { ip: address, sp: 1 << 32, fp: 1 << 33, ..Registers::default() };
        let (ip, sp, fp) = caller(&self.eh_frame, row, &after);
        let leaf = |number| Some(register(&after, Register(number as u16)));
        let mut stepped = after;
        let step = step(&rule, &mut stepped, leaf, |at| Some(memory(at)));
        after = stepped;
        match ip {
            None => assert_eq!(step, Step::Root, "{address:#x}: {rule:?}"),
            Some(ip) => {
                assert_eq!(step, Step::Caller, "{address:#x}: {rule:?}");
                let found = (after.ip, after.sp, after.fp);
                assert_eq!(found, (ip, sp, fp), "{address:#x}: {rule:?}, {row:?}");
                assert_eq!(after.is_return, u64::from(rule.kind != SIGNAL));
            }
        }
        count.agreed += 1;
    }
}

/// Files of this machine: what the test itself consists of, and where they are there, larger ones.
fn files() -> BTreeSet<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let code = maps.lines().filter(|line| line.contains(" r-xp "));
    let mapped = code.filter_map(|line| line.find('/').map(|at| &line[at..]));
    let others = [
        "/bin/bash",
        "/usr/bin/python3.11",
        "/usr/lib/x86_64-linux-gnu/libcrypto.so.3",
        "/usr/lib/x86_64-linux-gnu/libstdc++.so.6",
        "/usr/lib/x86_64-linux-gnu/libgcrypt.so.20",
        "/usr/lib/gcc/x86_64-linux-gnu/12/cc1",
    ];
    mapped.chain(others).filter_map(|path| std::fs::canonicalize(path).ok()).collect()
}

#[test]
#[cfg(target_arch = "x86_64")]
fn a_step_from_any_address_of_real_programs_leads_where_gimli_says() {
    let mut compared = 0;
    for path in files() {
        let bytes = std::fs::read(&path).unwrap();
        let Ok(elf) = Elf::read(&*bytes) else { continue };
        println!("{}", path.display());
        let both = Both::new(&elf, &bytes);
        assert!(!both.functions.is_empty(), "{}", path.display());
        let mut count = Count::default();
        // Edges, where mistakes are: a few thousand of them, evenly.
        let every = both.functions.len() / 1_000 + 1;
        for (start, end, _) in both.functions.iter().step_by(every) {
            for address in [start.wrapping_sub(1), *start, start + 1, end - 1, *end] {
                both.compare(address, &mut count);
            }
        }
        let mut runner = TestRunner::new(Config {
            cases: 1_000,
            failure_persistence: None,
            ..Config::default()
        });
        let code = elf.code.iter().max_by_key(|code| code.size).unwrap();
        let addresses = code.address..code.address + code.size;
        let any = std::cell::RefCell::new(&mut count);
        runner
            .run(&addresses, |address| {
                both.compare(address, &mut any.borrow_mut());
                Ok(())
            })
            .unwrap();
        println!("{count:?}, {:?}", both.table.stats);
        assert!(count.agreed > 500.min(both.functions.len()), "{count:?}");
        assert!(count.refused * 100 <= count.agreed, "{count:?}");
        compared += 1;
    }
    assert!(compared >= 3, "the test, the C library and the loader at least");
}
