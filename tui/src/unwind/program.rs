//! Call frame instructions, evaluated (DWARF 5, 6.4.2), for those registers that lead to the caller.
//!
//! gimli evaluates them for all registers. Most instructions are about the others: leaving those out
//! takes a fraction of the time and of the rows, and makes what is remembered small, whatever the
//! instructions of a stranger are.

use super::elf::Machine;
use gimli::{AArch64, CallFrameInstruction, CfaRule, Register, RegisterRule, X86_64};

/// How deep states may be remembered. Compilers need one or two.
const REMEMBERED_MAX: usize = 32;

/// The numbers in DWARF of the registers that lead to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) sp: Register,
    pub(super) fp: Register,
    /// The link register, if the processor has one.
    pub(super) lr: Option<Register>,
    /// Where the return address is described.
    pub(super) ra: Register,
}

impl Columns {
    pub(super) fn new(machine: Machine, ra: Register) -> Self {
        match machine {
            Machine::X86_64 => Self { sp: X86_64::RSP, fp: X86_64::RBP, lr: None, ra },
            Machine::Aarch64 => {
                Self { sp: AArch64::SP, fp: AArch64::X29, lr: Some(AArch64::X30), ra }
            }
        }
    }
}

/// Where the caller's registers are; a register of which nothing was said is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) cfa: CfaRule<usize>,
    pub(super) fp: Option<RegisterRule<usize>>,
    pub(super) ra: Option<RegisterRule<usize>>,
    pub(super) sp: Option<RegisterRule<usize>>,
}

/// The instructions make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

/// Evaluates the instructions of one function.
#[derive(Debug)]
pub(super) struct Program<'a> {
    pub(super) state: State,
    /// Something in the state was set since this was last cleared.
    pub(super) changed: bool,
    /// The state that all functions begin with; none while that is found out.
    initial: Option<&'a State>,
    remembered: Vec<State>,
    columns: Columns,
    code_factor: u64,
    data_factor: i64,
    /// The address whose row is being made.
    address: u64,
}

impl<'a> Program<'a> {
    /// Of what all functions begin with.
    pub(super) fn of_all(columns: Columns, data_factor: i64) -> Self {
        Self {
            state: State::default(),
            changed: true,
            initial: None,
            remembered: Vec::new(),
            columns,
            code_factor: 0,
            data_factor,
            address: 0,
        }
    }

    /// Of the function at an address.
    pub(super) fn new(
        initial: &'a State,
        columns: Columns,
        (code_factor, data_factor): (u64, i64),
        address: u64,
    ) -> Self {
        Self {
            state: initial.clone(),
            initial: Some(initial),
            code_factor,
            address,
            ..Self::of_all(columns, data_factor)
        }
    }

    /// Evaluates one instruction. `Some`: the row is complete, the next begins at that address.
    pub(super) fn apply(
        &mut self,
        instruction: &CallFrameInstruction<usize>,
    ) -> Result<Option<u64>, Broken> {
        use CallFrameInstruction as I;
        let factored = |offset: i64| offset.wrapping_mul(self.data_factor);
        match *instruction {
            I::SetLoc { address } => return self.advance(Some(address)).map(Some),
            I::AdvanceLoc { delta } => {
                let delta = u64::from(delta).checked_mul(self.code_factor);
                let next = delta.and_then(|delta| self.address.checked_add(delta));
                return self.advance(next).map(Some);
            }
            I::DefCfa { register, offset } => self.set_cfa(register, offset as i64),
            I::DefCfaSf { register, factored_offset } => {
                self.set_cfa(register, factored(factored_offset));
            }
            I::DefCfaRegister { register } => {
                let (_, offset) = self.cfa()?;
                self.set_cfa(register, offset);
            }
            I::DefCfaOffset { offset } => {
                let (register, _) = self.cfa()?;
                self.set_cfa(register, offset as i64);
            }
            I::DefCfaOffsetSf { factored_offset } => {
                let (register, _) = self.cfa()?;
                self.set_cfa(register, factored(factored_offset));
            }
            I::DefCfaExpression { expression } => {
                self.state.cfa = CfaRule::Expression(expression);
                self.changed = true;
            }
            I::RememberState => {
                if self.remembered.len() == REMEMBERED_MAX {
                    return Err(Broken);
                }
                self.remembered.push(self.state.clone());
            }
            I::RestoreState => {
                self.state = self.remembered.pop().ok_or(Broken)?;
                self.changed = true;
            }
            I::Restore { register } => {
                let initial = self.initial.ok_or(Broken)?;
                let rule = self.columns.of(register, initial).clone();
                self.set(register, rule);
            }
            I::Undefined { register } => self.set(register, Some(RegisterRule::Undefined)),
            I::SameValue { register } => self.set(register, Some(RegisterRule::SameValue)),
            I::Offset { register, factored_offset } => {
                let offset = factored(factored_offset as i64);
                self.set(register, Some(RegisterRule::Offset(offset)));
            }
            I::OffsetExtendedSf { register, factored_offset } => {
                let offset = factored(factored_offset);
                self.set(register, Some(RegisterRule::Offset(offset)));
            }
            I::ValOffset { register, factored_offset } => {
                let offset = factored(factored_offset as i64);
                self.set(register, Some(RegisterRule::ValOffset(offset)));
            }
            I::ValOffsetSf { register, factored_offset } => {
                let offset = factored(factored_offset);
                self.set(register, Some(RegisterRule::ValOffset(offset)));
            }
            I::Register { dest_register, src_register } => {
                self.set(dest_register, Some(RegisterRule::Register(src_register)));
            }
            I::Expression { register, expression } => {
                self.set(register, Some(RegisterRule::Expression(expression)));
            }
            I::ValExpression { register, expression } => {
                self.set(register, Some(RegisterRule::ValExpression(expression)));
            }
            // How many bytes of arguments exceptions drop, and whether arm64's return address is
            // signed: neither says where anything is. What is to come has no meaning yet.
            _ => {}
        }
        Ok(None)
    }

    fn advance(&mut self, next: Option<u64>) -> Result<u64, Broken> {
        self.address = next.filter(|next| *next >= self.address).ok_or(Broken)?;
        Ok(self.address)
    }

    fn cfa(&self) -> Result<(Register, i64), Broken> {
        match self.state.cfa {
            CfaRule::RegisterAndOffset { register, offset } => Ok((register, offset)),
            CfaRule::Expression(_) => Err(Broken),
        }
    }

    fn set_cfa(&mut self, register: Register, offset: i64) {
        self.state.cfa = CfaRule::RegisterAndOffset { register, offset };
        self.changed = true;
    }

    fn set(&mut self, register: Register, rule: Option<RegisterRule<usize>>) {
        let Columns { sp, fp, ra, .. } = self.columns;
        let place = match register {
            register if register == ra => &mut self.state.ra,
            register if register == fp => &mut self.state.fp,
            register if register == sp => &mut self.state.sp,
            _ => return,
        };
        *place = rule;
        self.changed = true;
    }
}

impl Columns {
    /// What a state says of a register; nothing of one that does not lead to the caller.
    fn of<'s>(&self, register: Register, state: &'s State) -> &'s Option<RegisterRule<usize>> {
        match register {
            register if register == self.ra => &state.ra,
            register if register == self.fp => &state.fp,
            register if register == self.sp => &state.sp,
            _ => &None,
        }
    }
}
