//! A small assembler for the classic BPF programs that seccomp runs: comparisons of one 64-bit argument, and a binary
//! search over system call numbers.
//!
//! The kernel runs the program at each system call, so that its depth is a cost: a search through 470 numbers takes
//! nine comparisons, a list would take hundreds. Programs are data here; `sys` loads them.

use oci_spec::runtime::{LinuxSeccompArg, LinuxSeccompOperator};

use crate::sys::Instruction;

/// Instruction codes: class, size and mode, as in `linux/bpf_common.h`.
const LOAD_WORD: u16 = 0x20;
const AND: u16 = 0x54;
const JUMP: u16 = 0x05;
const JUMP_EQUAL: u16 = 0x15;
const JUMP_GREATER: u16 = 0x25;
const JUMP_AT_LEAST: u16 = 0x35;
const RETURN: u16 = 0x06;

/// Offsets in what the program looks at, `struct seccomp_data`, in bytes.
const NUMBER_OFFSET: u32 = 0;
const ARCHITECTURE_OFFSET: u32 = 4;
const ARGUMENTS_OFFSET: u32 = 16;

/// What is done with a system call: the number that a seccomp program returns.
pub(super) type Verdict = u32;

/// One alternative for a system call: its verdict, if all its conditions hold.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) conditions: Vec<LinuxSeccompArg>,
    pub(super) verdict: Verdict,
}

/// What is done from one system call number on, up to the next that is listed.
#[derive(Clone, Debug)]
pub(super) struct Range {
    pub(super) first: u32,
    pub(super) rules: Vec<Rule>,
    /// If none of the rules holds.
    pub(super) otherwise: Verdict,
}

/// A program that looks at the architecture, then at the number. `ranges` is sorted and begins at 0.
pub(super) fn program(architecture: u32, foreign: Verdict, ranges: &[Range]) -> Vec<Instruction> {
    let mut code = vec![
        plain(LOAD_WORD, ARCHITECTURE_OFFSET),
        branch(JUMP_EQUAL, architecture, 1, 0),
        plain(RETURN, foreign),
        plain(LOAD_WORD, NUMBER_OFFSET),
    ];
    code.extend(search(ranges));
    code
}

fn search(ranges: &[Range]) -> Vec<Instruction> {
    match ranges {
        [] => Vec::new(),
        [range] => decide(range),
        _ => {
            let (low, high) = ranges.split_at(ranges.len() / 2);
            let (low, first) = (search(low), high[0].first);
            let mut code = match u8::try_from(low.len()) {
                Ok(over_low) => vec![branch(JUMP_AT_LEAST, first, over_low, 0)],
                // A conditional jump reaches 255 instructions, an unconditional one everywhere.
                Err(_) => vec![
                    branch(JUMP_AT_LEAST, first, 0, 1),
                    plain(JUMP, low.len() as u32),
                ],
            };
            code.extend(low);
            code.extend(search(high));
            code
        }
    }
}

/// Looks at a call's arguments, rule by rule: the first whose conditions all hold decides.
fn decide(range: &Range) -> Vec<Instruction> {
    let mut code = Vec::new();
    for rule in &range.rules {
        let verdict = vec![plain(RETURN, rule.verdict)];
        // From the last condition to the first, so that the distance to the next rule is known.
        let alternative = rule
            .conditions
            .iter()
            .rev()
            .fold(verdict, |rest, condition| {
                let mut code = compare(condition, rest.len() as u8);
                code.extend(rest);
                code
            });
        code.extend(alternative);
    }
    code.push(plain(RETURN, range.otherwise));
    code
}

/// Goes on with the next instruction if `condition` holds, and over `rest` more if not.
///
/// Arguments are 64 bits, and the program's words 32: the halves are compared one after the other. An argument's low
/// half comes first in memory on both architectures.
fn compare(condition: &LinuxSeccompArg, rest: u8) -> Vec<Instruction> {
    use LinuxSeccompOperator as Operator;
    let low = ARGUMENTS_OFFSET + 8 * (condition.index() as u32);
    let (load_low, load_high) = (plain(LOAD_WORD, low), plain(LOAD_WORD, low + 4));
    let value = condition.value();
    let halves = |value: u64| ((value >> 32) as u32, value as u32);
    let (high, low) = halves(value);
    // Each jump counts from the instruction after it; `rest` lies after the last one.
    let ordered = |code, holds: bool| {
        let (to_holds, to_fails) = if holds { (0, rest) } else { (rest, 0) };
        vec![
            load_high,
            branch(JUMP_GREATER, high, 3 + to_holds, 0),
            branch(JUMP_EQUAL, high, 0, 2 + to_fails),
            load_low,
            branch(code, low, to_holds, to_fails),
        ]
    };
    match condition.op() {
        Operator::ScmpCmpEq => vec![
            load_high,
            branch(JUMP_EQUAL, high, 0, 2 + rest),
            load_low,
            branch(JUMP_EQUAL, low, 0, rest),
        ],
        Operator::ScmpCmpNe => vec![
            load_high,
            branch(JUMP_EQUAL, high, 0, 2),
            load_low,
            branch(JUMP_EQUAL, low, rest, 0),
        ],
        Operator::ScmpCmpMaskedEq => {
            // The specification's `value` is the mask, and `valueTwo` what is left under it.
            let (wanted_high, wanted_low) = halves(condition.value_two().unwrap_or(0));
            vec![
                load_high,
                plain(AND, high),
                branch(JUMP_EQUAL, wanted_high, 0, 3 + rest),
                load_low,
                plain(AND, low),
                branch(JUMP_EQUAL, wanted_low, 0, rest),
            ]
        }
        Operator::ScmpCmpGe => ordered(JUMP_AT_LEAST, true),
        Operator::ScmpCmpGt => ordered(JUMP_GREATER, true),
        Operator::ScmpCmpLt => ordered(JUMP_AT_LEAST, false),
        Operator::ScmpCmpLe => ordered(JUMP_GREATER, false),
    }
}

fn plain(code: u16, k: u32) -> Instruction {
    Instruction {
        code,
        jt: 0,
        jf: 0,
        k,
    }
}

fn branch(code: u16, k: u32, if_true: u8, if_false: u8) -> Instruction {
    Instruction {
        code,
        jt: if_true,
        jf: if_false,
        k,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use oci_spec::runtime::{LinuxSeccompArg, LinuxSeccompArgBuilder, LinuxSeccompOperator};

    use super::{
        AND, JUMP, JUMP_AT_LEAST, JUMP_EQUAL, JUMP_GREATER, LOAD_WORD, RETURN, Range, Rule,
        Verdict, program,
    };
    use crate::sys::Instruction;

    /// What the kernel would answer: the few instructions, by their description in the kernel's documentation.
    pub(crate) fn run(
        program: &[Instruction],
        architecture: u32,
        number: u32,
        arguments: [u64; 6],
    ) -> Verdict {
        let mut data = vec![number, architecture, 0, 0];
        data.extend(
            arguments
                .iter()
                .flat_map(|argument| [*argument as u32, (*argument >> 32) as u32]),
        );
        let (mut at, mut accumulator) = (0, 0_u32);
        loop {
            let Instruction { code, jt, jf, k } = program[at];
            at += 1;
            let jump = |holds: bool| usize::from(if holds { jt } else { jf });
            match code {
                LOAD_WORD => accumulator = data[k as usize / 4],
                AND => accumulator &= k,
                JUMP => at += k as usize,
                JUMP_EQUAL => at += jump(accumulator == k),
                JUMP_GREATER => at += jump(accumulator > k),
                JUMP_AT_LEAST => at += jump(accumulator >= k),
                RETURN => return k,
                _ => panic!("unknown instruction {code:#x}"),
            }
        }
    }

    fn condition(op: LinuxSeccompOperator, value: u64, two: u64) -> LinuxSeccompArg {
        LinuxSeccompArgBuilder::default()
            .index(1_usize)
            .op(op)
            .value(value)
            .value_two(two)
            .build()
            .unwrap()
    }

    #[test]
    fn compares_64_bit_arguments_like_the_language_does() {
        use LinuxSeccompOperator as Operator;
        let values = [
            0,
            1,
            5,
            u64::from(u32::MAX),
            1 << 32,
            (1 << 32) + 5,
            (5 << 32) + 1,
            u64::MAX,
        ];
        for value in values {
            for argument in values {
                let expected = [
                    (Operator::ScmpCmpEq, argument == value),
                    (Operator::ScmpCmpNe, argument != value),
                    (Operator::ScmpCmpLt, argument < value),
                    (Operator::ScmpCmpLe, argument <= value),
                    (Operator::ScmpCmpGt, argument > value),
                    (Operator::ScmpCmpGe, argument >= value),
                    (Operator::ScmpCmpMaskedEq, argument & value == 5),
                ];
                for (op, holds) in expected {
                    // Two rules, so that a failed condition must land on the second one's start.
                    let rule = |verdict, value| Rule {
                        conditions: vec![condition(op, value, 5)],
                        verdict,
                    };
                    let rules = vec![
                        rule(7, value),
                        Rule {
                            conditions: Vec::new(),
                            verdict: 8,
                        },
                    ];
                    let code = program(
                        9,
                        0,
                        &[Range {
                            first: 0,
                            rules,
                            otherwise: 6,
                        }],
                    );
                    let verdict = run(&code, 9, 3, [0, argument, 0, 0, 0, 0]);
                    assert_eq!(
                        verdict,
                        if holds { 7 } else { 8 },
                        "{argument:#x} {op:?} {value:#x}"
                    );
                }
            }
        }
    }

    #[test]
    fn asks_for_all_conditions_of_a_rule() {
        use LinuxSeccompOperator as Operator;
        let conditions = vec![
            condition(Operator::ScmpCmpGe, 10, 0),
            condition(Operator::ScmpCmpLt, 20, 0),
        ];
        let ranges = [Range {
            first: 0,
            rules: vec![Rule {
                conditions,
                verdict: 1,
            }],
            otherwise: 2,
        }];
        let code = program(9, 0, &ranges);
        let verdicts = [9, 10, 19, 20].map(|argument| run(&code, 9, 0, [0, argument, 0, 0, 0, 0]));
        assert_eq!(verdicts, [2, 1, 1, 2]);
    }

    #[test]
    fn finds_each_of_many_ranges_across_jumps_that_are_too_long_for_a_branch() {
        let ranges: Vec<_> = (0..900)
            .map(|index| Range {
                first: index * 2,
                rules: Vec::new(),
                otherwise: index,
            })
            .collect();
        let code = program(9, 4711, &ranges);
        for number in 0..1800 {
            assert_eq!(run(&code, 9, number, [0; 6]), number / 2);
        }
        assert_eq!(run(&code, 9, u32::MAX, [0; 6]), 899);
        assert_eq!(run(&code, 8, 0, [0; 6]), 4711);
    }
}
