//! The instructions of the second pass: the machine's own, each with the shadow told before and after.

use crate::observe::Recording;
use revm::{
    handler::instructions::EthInstructions,
    interpreter::{
        Instruction, InstructionContext,
        instructions::instruction_table,
        interpreter::EthInterpreter,
        interpreter_types::{InputsTr, Jumps, LoopControl},
    },
};

type Step<'a, H> = InstructionContext<'a, H, EthInterpreter>;

fn step<const OP: u8, H: Recording>(context: Step<'_, H>) {
    let (interpreter, host) = (context.interpreter, context.host);
    let pc = interpreter.bytecode.pc().saturating_sub(1) as u32;
    let address = interpreter.input.target_address();
    if let Some(shadow) = host.shadow() {
        shadow.before(OP, pc, address, interpreter.stack.data(), &interpreter.memory);
    }
    instruction_table::<EthInterpreter, H>()[OP as usize].execute(InstructionContext { interpreter, host });
    let goes_on = interpreter.bytecode.is_not_end();
    if let Some(shadow) = host.shadow() {
        shadow.after(goes_on);
    }
}

macro_rules! shadowed {
    ($table:expr, $($high:literal)*) => { $( shadowed!(@ $table, $high; 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15); )* };
    (@ $table:expr, $high:literal; $($low:literal)*) => { $( {
        const OP: u8 = $high * 16 + $low;
        let gas = $table[OP as usize].static_gas();
        $table[OP as usize] = Instruction::new(step::<OP, H>, gas);
    } )* };
}

/// The table with every instruction shadowed, at the gas that it costs in the given one.
pub fn shadowed<H: Recording>(instructions: &EthInstructions<EthInterpreter, H>) -> EthInstructions<EthInterpreter, H> {
    let mut new = instructions.clone();
    let table = &mut new.instruction_table;
    shadowed!(table, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    new
}
