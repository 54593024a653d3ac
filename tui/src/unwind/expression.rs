//! The few forms of DWARF expressions that compilers and linkers write into call frame information.

use gimli::{Encoding, EndianSlice, Expression, LittleEndian, Operation, Register, X86_64};

/// Operations of an expression at most: the longest form that is known has nine.
const OPERATIONS_MAX: usize = 9;

/// What an expression computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A register and an offset.
    Sum(Register, i64),
    /// The word in memory at a register and an offset, and a number.
    Word(Register, i64, i64),
    /// The stack pointer of x86-64 and an offset, and 8 more from a byte on in each 16 of code: an entry
    /// of a procedure linkage table pushes its number on its way.
    Plt(i64, u64),
}

type Bytes<'d> = EndianSlice<'d, LittleEndian>;

/// What an expression computes, if it has a form that is known.
pub(super) fn form(expression: Expression<Bytes<'_>>, encoding: Encoding) -> Option<Form> {
    use Operation as O;
    let mut operations = expression.operations(encoding);
    let mut read = Vec::with_capacity(OPERATIONS_MAX);
    while let Some(operation) = operations.next().ok()? {
        (read.len() < OPERATIONS_MAX).then(|| read.push(operation))?;
    }
    let (first, rest) = read.split_first()?;
    let O::RegisterOffset { register, offset, .. } = *first else { return None };
    match *rest {
        [] => Some(Form::Sum(register, offset)),
        [O::Deref { size: 8, space: false, .. }, ref add @ ..] => {
            Some(Form::Word(register, offset, added(add)?))
        }
        [
            O::RegisterOffset { register: X86_64::RA, offset: 0, .. },
            O::UnsignedConstant { value: 15 },
            O::And,
            O::UnsignedConstant { value: pushed @ 0..=15 },
            O::Ge,
            O::UnsignedConstant { value: 3 },
            O::Shl,
            O::Plus,
        ] if register == X86_64::RSP => Some(Form::Plt(offset, pushed)),
        _ => None,
    }
}

/// What is added by the end of an expression.
fn added(operations: &[Operation<Bytes<'_>>]) -> Option<i64> {
    use Operation as O;
    match *operations {
        [] => Some(0),
        [O::PlusConstant { value }] | [O::UnsignedConstant { value }, O::Plus] => {
            i64::try_from(value).ok()
        }
        [O::UnsignedConstant { value }, O::Minus] => i64::try_from(value).ok().map(|value| -value),
        [O::SignedConstant { value }, O::Plus] => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gimli::{Format, constants as c};

    fn of(bytes: &[u8]) -> Option<Form> {
        let encoding = Encoding { address_size: 8, format: Format::Dwarf32, version: 4 };
        form(Expression(EndianSlice::new(bytes, LittleEndian)), encoding)
    }

    const RBP: u8 = c::DW_OP_breg6.0;
    const RSP: u8 = c::DW_OP_breg7.0;
    const DEREF: u8 = c::DW_OP_deref.0;
    const LIT3: u8 = c::DW_OP_lit0.0 + 3;

    /// A byte of a negative offset, in LEB128.
    const fn minus(number: u8) -> u8 {
        0x80 - number
    }

    #[test]
    fn the_forms_that_tools_write_are_known() {
        // gcc, for a realigned stack
        assert_eq!(of(&[RBP, minus(8), DEREF]), Some(Form::Word(X86_64::RBP, -8, 0)));
        assert_eq!(of(&[RBP, 0]), Some(Form::Sum(X86_64::RBP, 0)));
        // OpenSSL, whose assembly keeps the stack pointer of the caller on the stack
        let plus_8 = [RSP, 16, DEREF, c::DW_OP_plus_uconst.0, 8];
        assert_eq!(of(&plus_8), Some(Form::Word(X86_64::RSP, 16, 8)));
        let minus_3 = [RSP, 16, DEREF, LIT3, c::DW_OP_minus.0];
        assert_eq!(of(&minus_3), Some(Form::Word(X86_64::RSP, 16, -3)));
        // linkers, with 11 bytes in front of where an entry has pushed, or 9 if it begins with endbr64
        for pushed in [11, 9] {
            let lit = |number: u8| c::DW_OP_lit0.0 + number;
            let (and, ge, shl) = (c::DW_OP_and.0, c::DW_OP_ge.0, c::DW_OP_shl.0);
            let rip = c::DW_OP_breg16.0;
            let plt = [RSP, 8, rip, 0, lit(15), and, lit(pushed), ge, LIT3, shl, c::DW_OP_plus.0];
            assert_eq!(of(&plt), Some(Form::Plt(8, u64::from(pushed))));
            assert_eq!(of(&plt[..10]), None);
        }
    }

    #[test]
    fn others_are_not() {
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[RBP]), None, "cut");
        assert_eq!(of(&[LIT3]), None);
        assert_eq!(of(&[RBP, 0, DEREF, DEREF]), None);
        assert_eq!(of(&[c::DW_OP_skip.0, minus(3), 0xff]), None, "endless");
        assert_eq!(of(&[&[RBP, 0][..], &[LIT3; 1 << 16]].concat()), None);
    }
}
