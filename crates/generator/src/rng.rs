//! Pseudo-random numbers by integer arithmetic alone, so that every machine draws the same data.
//! Invariant: a seed gives the same sequence for ever; the tests pin the published vectors.
//!
//! Generators: xoshiro256** 1.0 seeded by `SplitMix64`, both by Sebastiano Vigna (xoshiro with David
//! Blackman), in the public domain: <https://prng.di.unimi.it/>.

/// Fixed-point one of [`Rng::log_normal`]'s spread.
const ONE: u64 = 1 << 16;

/// One step of `SplitMix64` from `state`: a well mixed function of it.
pub(crate) fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A xoshiro256** generator.
#[derive(Debug, Clone)]
pub(crate) struct Rng([u64; 4]);

impl Rng {
    /// The generator of stream `stream` of `seed`.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let base = mix(seed) ^ mix(stream.wrapping_mul(0xd6e8_feb8_6659_fd93));
        let step = |n: u64| mix(base.wrapping_add(n.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        Self([step(0), step(1), step(2), step(3)])
    }

    /// The next 64 random bits.
    pub(crate) fn next(&mut self) -> u64 {
        let [a, b, c, d] = self.0;
        let result = b.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let c = c ^ a;
        let d = d ^ b;
        self.0 = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        result
    }

    /// A number below `bound`; 0 where `bound` is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        let wide = (u128::from(self.next()) * u128::from(bound)) >> 64;
        u64::try_from(wide).unwrap_or(0)
    }

    /// A number below `bound` as a 32-bit one.
    pub(crate) fn below_u32(&mut self, bound: u32) -> u32 {
        u32::try_from(self.below(u64::from(bound))).unwrap_or(0)
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low.saturating_add(self.below(high.saturating_sub(low).saturating_add(1)))
    }

    /// True `per_mille` times of a thousand.
    pub(crate) fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// One of `items`, each as likely; the default of an empty list.
    pub(crate) fn pick<T: Copy + Default>(&mut self, items: &[T]) -> T {
        let bound = u64::try_from(items.len()).unwrap_or(0);
        let position = usize::try_from(self.below(bound)).unwrap_or(0);
        items.get(position).copied().unwrap_or_default()
    }

    /// One of `items`, the first ones more likely: rank r about as often as 1/(r + 1).
    pub(crate) fn pick_skewed<T: Copy + Default>(&mut self, items: &[T]) -> T {
        let bound = u64::try_from(items.len()).unwrap_or(0);
        let position = usize::try_from(self.zipf(bound)).unwrap_or(0);
        items.get(position).copied().unwrap_or_default()
    }

    /// A rank below `bound` whose frequency falls about as 1/(rank + 1), Zipf's law: the exponent of
    /// a power of two is drawn evenly, then a number evenly among those of that size.
    pub(crate) fn zipf(&mut self, bound: u64) -> u64 {
        if bound < 2 {
            return 0;
        }
        let sizes = u64::from(bound.ilog2()) + 1;
        loop {
            let size = self.below(sizes);
            let first = 1_u64 << size;
            let rank = first + self.below(first) - 1;
            if rank < bound {
                return rank;
            }
        }
    }

    /// A length with this median whose logarithm is about normal. `spread` is the standard
    /// deviation of its binary logarithm, in hundredths: 100 is a factor of two.
    pub(crate) fn log_normal(&mut self, median: u64, spread: u64) -> u64 {
        // The sum of 12 numbers below one has variance 1 and mean 6.
        let bits = [self.next(), self.next(), self.next()];
        let sum: u64 = bits
            .iter()
            .flat_map(|word| [word & 0xffff, word >> 16 & 0xffff, word >> 32 & 0xffff, word >> 48])
            .sum();
        let mean = 6 * ONE;
        let (distance, up) = (sum.abs_diff(mean), sum >= mean);
        let exponent = distance * spread / 100;
        let whole = exponent / ONE;
        // 2^x for x in [0, 1) as a straight line, exact at both ends.
        let factor = ONE + exponent % ONE;
        let median = u128::from(median);
        let scaled = if up {
            (median * u128::from(factor)) << whole.min(40) >> 16
        } else {
            ((median << 16) / u128::from(factor)) >> whole.min(63)
        };
        u64::try_from(scaled).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_are_the_published_ones() {
        let mut rng = Rng([1, 2, 3, 4]);
        let expected = [11_520, 0, 1_509_978_240, 1_215_971_899_390_074_240];
        assert_eq!(expected.map(|_| rng.next()), expected);
        assert_eq!(mix(1_234_567), 6_457_827_717_110_365_317);
    }

    #[test]
    fn distributions_keep_their_bounds_and_centres() {
        let mut rng = Rng::new(1, 1);
        let mut over = 0;
        let mut first = 0;
        for _ in 0..10_000 {
            assert!(rng.below(7) < 7);
            let rank = rng.zipf(1000);
            assert!(rank < 1000);
            first += u32::from(rank == 0);
            over += u32::from(rng.log_normal(1_000_000, 150) > 1_000_000);
        }
        assert!((4_800..5_200).contains(&over), "{over}");
        assert!((800..1_300).contains(&first), "{first}");
        assert_eq!(rng.below(0), 0);
        assert_eq!(rng.zipf(0), 0);
    }
}
