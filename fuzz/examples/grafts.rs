//! Tries many inputs of the target `graft` without a fuzzer, and prints how many of their texts compile.

fn main() {
    let tries = std::env::args().nth(1).and_then(|tries| tries.parse().ok()).unwrap_or(10_000_u64);
    let (mut made, mut compiled) = (0, 0);
    for seed in 0..tries {
        // Knuth's generator.
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut byte = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 56) as u8
        };
        let choices: Vec<u8> = (0..32).map(|_| byte()).collect();
        let Some(text) = pbpo_fuzz::graft::text(&choices) else { continue };
        made += 1;
        let head = pbpo_fuzz::input::head(&text);
        let outcome = pbpo_compiler::compile(pbpo_fuzz::input::input(&text), head.target.as_deref(), &head.sets);
        compiled += u64::from(!outcome.failed());
        if std::panic::catch_unwind(|| pbpo_fuzz::graft::run(&choices)).is_err() {
            println!("of this text:\n{text}");
            std::process::exit(1);
        }
    }
    println!("{made} texts of {tries} inputs, {compiled} compile");
}
