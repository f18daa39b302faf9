//! Python's `random.Random(seed).sample`, so that few-shot examples are the same as in lm-eval. The generator is the
//! Mersenne Twister MT19937 (Matsumoto and Nishimura, 1998), seeded as CPython seeds it.

const N: usize = 624;
const M: usize = 397;

/// The generator of `random.Random`.
#[derive(Clone, Debug)]
pub struct Random {
    state: Vec<u32>,
    at: usize,
}

impl Random {
    /// Implements `random.Random(seed)`.
    pub fn new(seed: u64) -> Self {
        let mut key = vec![seed as u32];
        if seed >> 32 > 0 {
            key.push((seed >> 32) as u32);
        }
        let mut state = vec![19_650_218_u32; N];
        for i in 1..N {
            state[i] = mix(state[i - 1]).wrapping_mul(1_812_433_253).wrapping_add(i as u32);
        }
        let (mut i, mut j) = (1, 0);
        for _ in 0..N.max(key.len()) {
            state[i] =
                (state[i] ^ mix(state[i - 1]).wrapping_mul(1_664_525)).wrapping_add(key[j]).wrapping_add(j as u32);
            i = next(&mut state, i);
            j = (j + 1) % key.len();
        }
        for _ in 1..N {
            state[i] = (state[i] ^ mix(state[i - 1]).wrapping_mul(1_566_083_941)).wrapping_sub(i as u32);
            i = next(&mut state, i);
        }
        state[0] = 0x8000_0000;
        Self { state, at: N }
    }

    fn word(&mut self) -> u32 {
        if self.at == N {
            self.refill();
        }
        let mut y = self.state[self.at];
        self.at += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    fn refill(&mut self) {
        for i in 0..N {
            let y = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % N] & 0x7fff_ffff);
            let odd = if y & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + M) % N] ^ (y >> 1) ^ odd;
        }
        self.at = 0;
    }

    /// Draws a number below `n`, `n` from 1 to 2^32 - 1.
    fn below(&mut self, n: usize) -> usize {
        let bits = usize::BITS - n.leading_zeros();
        loop {
            let draw = (self.word() >> (32 - bits)) as usize;
            if draw < n {
                return draw;
            }
        }
    }

    /// Implements `sample(range(n), k)`: `k` of `n` indices, `k <= n`, in the order of drawing.
    pub fn sample(&mut self, n: usize, k: usize) -> Vec<usize> {
        let mut small = 21;
        if k > 5 {
            small += 4_usize.pow(((k * 3) as f64).log(4.0).ceil() as u32);
        }
        if n > small { self.sample_sparse(n, k) } else { self.sample_pool(n, k) }
    }

    fn sample_pool(&mut self, n: usize, k: usize) -> Vec<usize> {
        let mut pool: Vec<usize> = (0..n).collect();
        let draw = |i| {
            let at = self.below(n - i);
            let drawn = pool[at];
            pool[at] = pool[n - i - 1];
            drawn
        };
        (0..k).map(draw).collect()
    }

    fn sample_sparse(&mut self, n: usize, k: usize) -> Vec<usize> {
        let mut drawn = Vec::with_capacity(k);
        while drawn.len() < k {
            let draw = self.below(n);
            if !drawn.contains(&draw) {
                drawn.push(draw);
            }
        }
        drawn
    }
}

fn mix(word: u32) -> u32 {
    word ^ (word >> 30)
}

/// Returns the index after `i`; the last word is copied to the front.
fn next(state: &mut [u32], i: usize) -> usize {
    if i + 1 < N {
        return i + 1;
    }
    state[0] = state[N - 1];
    1
}
