//! Call frame information said as a rule.

use super::expression::{Form, form};
use super::program::{Columns, State};
use super::table::Reason;
use gimli::{CfaRule, Encoding, EndianSlice, Expression, LittleEndian, Register};
use gimli::{RegisterRule, UnwindExpression};
use syscope_shared::unwind::{
    AT_CFA, AT_FP, FP, LOST, MEMORY, OTHER, PLT, REGISTER, Rule, SAME, SIGNAL, SIGNAL_FRAME, SP,
};

/// What a rule is made of beside the state.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'d> {
    /// The section that the expressions lie in.
    pub(super) section: EndianSlice<'d, LittleEndian>,
    pub(super) encoding: Encoding,
    pub(super) columns: Columns,
    /// The code is what a signal handler returns to.
    pub(super) is_signal: bool,
}

/// The caller's stack pointer: kind, register, offset, and what is added.
type Cfa = (u8, u8, i32, i32);

impl Context<'_> {
    /// The rule that does what a state says.
    pub(super) fn rule(&self, state: &State) -> Result<Rule, Reason> {
        if matches!(state.ra, Some(RegisterRule::Undefined)) {
            return Ok(Rule::ROOT);
        }
        if self.is_signal {
            let signal = Rule { kind: SIGNAL, ..Rule::NO_DATA };
            return self.is_frame_of_kernel(state).then_some(signal).ok_or(Reason::Signal);
        }
        let cfa = self.cfa(&state.cfa).ok_or(Reason::StackPointer)?;
        // It is the CFA by definition; who says otherwise switches stacks.
        if !matches!(state.sp, None | Some(RegisterRule::ValOffset(0))) {
            return Err(Reason::StackPointer);
        }
        let (fp, fp_offset) = self.place(&state.fp, cfa).ok_or(Reason::FramePointer)?;
        let ra = match &state.ra {
            None | Some(RegisterRule::SameValue) if self.columns.lr == Some(self.columns.ra) => {
                Some((SAME, 0))
            }
            Some(RegisterRule::Register(from)) if self.columns.lr == Some(*from) => Some((SAME, 0)),
            None => None,
            rule => self.place(rule, cfa).filter(|(place, _)| *place != SAME),
        };
        let (ra, ra_offset) = ra.ok_or(Reason::ReturnAddress)?;
        let (kind, cfa_register, cfa_offset, cfa_add) = cfa;
        Ok(Rule {
            kind,
            cfa_register,
            fp,
            ra,
            cfa_offset,
            cfa_add,
            fp_offset,
            ra_offset,
            ..Rule::NO_DATA
        })
    }

    fn cfa(&self, rule: &CfaRule<usize>) -> Option<Cfa> {
        let small = |number: i64| i32::try_from(number).ok();
        let form = match *rule {
            // Nothing was said.
            CfaRule::RegisterAndOffset { register: Register(0), offset: 0 } => return None,
            CfaRule::RegisterAndOffset { register, offset } => Form::Sum(register, offset),
            CfaRule::Expression(expression) => self.form(expression)?,
        };
        Some(match form {
            Form::Sum(register, offset) => (REGISTER, self.number(register)?, small(offset)?, 0),
            Form::Word(register, offset, add) => {
                (MEMORY, self.number(register)?, small(offset)?, small(add)?)
            }
            Form::Plt(offset, pushed) => (PLT, SP, small(offset)?, pushed as i32),
        })
    }

    /// Where a register of the caller is, and the offset for that.
    fn place(&self, rule: &Option<RegisterRule<usize>>, cfa: Cfa) -> Option<(u8, i32)> {
        match *rule {
            None | Some(RegisterRule::SameValue) => Some((SAME, 0)),
            Some(RegisterRule::Undefined) => Some((LOST, 0)),
            Some(RegisterRule::Offset(offset)) => Some((AT_CFA, i32::try_from(offset).ok()?)),
            Some(RegisterRule::Expression(expression)) => {
                let Form::Sum(register, offset) = self.form(expression)? else { return None };
                let offset = i32::try_from(offset).ok()?;
                match (self.number(register)?, cfa) {
                    (FP, _) => Some((AT_FP, offset)),
                    // Where the CFA is counted from the same register, this can be from the CFA.
                    (same, (REGISTER, register, from, _)) if same == register => {
                        Some((AT_CFA, offset.checked_sub(from)?))
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Whether all registers are where the kernel puts them for a signal handler.
    fn is_frame_of_kernel(&self, state: &State) -> bool {
        let (ip, sp, fp) = SIGNAL_FRAME;
        let is_at = |rule: &Option<RegisterRule<usize>>, offset: u64| match *rule {
            Some(RegisterRule::Expression(expression)) => {
                self.form(expression) == Some(Form::Sum(self.columns.sp, offset as i64))
            }
            _ => false,
        };
        let CfaRule::Expression(cfa) = state.cfa else { return false };
        self.form(cfa) == Some(Form::Word(self.columns.sp, sp as i64, 0))
            && is_at(&state.ra, ip)
            && is_at(&state.fp, fp)
    }

    fn form(&self, expression: UnwindExpression<usize>) -> Option<Form> {
        let end = expression.offset.checked_add(expression.length)?;
        let bytes = self.section.slice().get(expression.offset..end)?;
        form(Expression(EndianSlice::new(bytes, LittleEndian)), self.encoding)
    }

    /// How a rule calls a register.
    fn number(&self, register: Register) -> Option<u8> {
        match register {
            register if register == self.columns.sp => Some(SP),
            register if register == self.columns.fp => Some(FP),
            register => u8::try_from(register.0).ok()?.checked_add(OTHER),
        }
    }
}
