//! How long messages took, in buckets.

use std::time::Duration;

/// Width of the smallest buckets, in microseconds; a power of two.
const UNIT: u64 = 16;

/// Every power of two is divided into so many buckets of the same width.
const STEPS: usize = 4;

/// Powers of two above `STEPS * UNIT` that have buckets: the last bound is 16 us * 2^22, some 67 s.
const DOUBLINGS: usize = 20;

const BOUNDED: usize = STEPS + STEPS * DOUBLINGS;

const BOUNDS: [u64; BOUNDED] = bounds();

const fn bounds() -> [u64; BOUNDED] {
    let mut bounds = [0; BOUNDED];
    let mut width = UNIT;
    let (mut bound, mut index) = (0, 0);
    while index < BOUNDED {
        // The first power of two stands for all that is below it.
        if index > STEPS && index.is_multiple_of(STEPS) {
            width *= 2;
        }
        bound += width;
        bounds[index] = bound;
        index += 1;
    }
    bounds
}

/// Latencies of messages: how many there were up to each of a row of bounds.
///
/// The bounds are fixed, the same for all producers, so histograms can be added up: 16, 32, 48 and 64 microseconds,
/// then four equal steps to each further power of two, up to 67 s; what took longer is in a last bucket without a
/// bound. A quantile is thereby at most a quarter too high. Every fourth bound, from 64 us on, is twice the one before:
/// who wants fewer buckets takes these.
///
/// Made for Prometheus: bounds are inclusive (`le`), counts only rise, and [`LatencyHistogram::cumulative`] gives them
/// as its histograms want them, beside [`LatencyHistogram::sum`] and [`LatencyHistogram::count`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LatencyHistogram {
    counts: [u64; LatencyHistogram::BUCKETS],
    /// Microseconds.
    sum: u64,
}

impl Default for LatencyHistogram {
    fn default() -> Self {
        LatencyHistogram { counts: [0; LatencyHistogram::BUCKETS], sum: 0 }
    }
}

impl LatencyHistogram {
    /// Number of buckets, with the last one.
    pub const BUCKETS: usize = BOUNDED + 1;

    /// Upper bounds of the buckets but the last, in microseconds, inclusive and rising.
    pub fn bounds() -> &'static [u64] {
        &BOUNDS
    }

    /// Messages in each bucket, the last one without a bound.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Messages up to each bound, and all of them at the end.
    pub fn cumulative(&self) -> impl Iterator<Item = u64> + '_ {
        self.counts.iter().scan(0u64, |before, count| {
            *before = before.saturating_add(*count);
            Some(*before)
        })
    }

    /// Messages in all buckets.
    pub fn count(&self) -> u64 {
        self.counts.iter().fold(0, |all, count| all.saturating_add(*count))
    }

    /// Sum of the latencies of all messages, each rounded up to a microsecond.
    pub fn sum(&self) -> Duration {
        Duration::from_micros(self.sum)
    }

    /// A time within which the share `quantile` of the messages was done, such as 0.99: the bound of a bucket. Nothing
    /// without messages; the largest bound for what took longer.
    pub fn quantile(&self, quantile: f64) -> Option<Duration> {
        let count = self.count();
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        // a share of a count: from 1 to the count
        let rank = ((count as f64 * quantile).ceil() as u64).clamp(1, count.max(1));
        let bucket = self.cumulative().position(|up_to| up_to >= rank)?;
        Some(Duration::from_micros(BOUNDS[bucket.min(BOUNDED - 1)]))
    }

    /// Adds `messages` that took so long.
    #[inline]
    pub(crate) fn record(&mut self, latency: Duration, messages: u64) {
        // Rounded up, so that what is in a bucket took no longer than its bound.
        let micros = u64::try_from(latency.as_nanos().div_ceil(1000)).unwrap_or(u64::MAX);
        self.counts[bucket(micros)] += messages;
        self.sum = self.sum.saturating_add(micros.saturating_mul(messages));
    }

    /// Adds those of another.
    pub(crate) fn add(&mut self, other: &LatencyHistogram) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count = count.saturating_add(*more);
        }
        self.sum = self.sum.saturating_add(other.sum);
    }

    /// What came since `before`, which is an earlier state of this one.
    pub(crate) fn since(&self, before: &LatencyHistogram) -> LatencyHistogram {
        let mut since = self.clone();
        for (count, earlier) in since.counts.iter_mut().zip(&before.counts) {
            *count = count.saturating_sub(*earlier);
        }
        since.sum = since.sum.saturating_sub(before.sum);
        since
    }
}

/// The bucket for a latency: the first whose bound is no less.
#[inline]
fn bucket(micros: u64) -> usize {
    // In whole units above the bound of a bucket, so that bounds are inclusive.
    let units = usize::try_from(micros.saturating_sub(1) / UNIT).unwrap_or(usize::MAX);
    if units < STEPS {
        return units;
    }
    // The number's first three bits: which power of two it is in, and which quarter of that.
    let power = units.ilog2() as usize;
    let quarter = (units >> (power - 2)) & (STEPS - 1);
    ((power - 1) * STEPS + quarter).min(BOUNDED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(micros: &[u64]) -> LatencyHistogram {
        let mut histogram = LatencyHistogram::default();
        for micros in micros {
            histogram.record(Duration::from_micros(*micros), 1);
        }
        histogram
    }

    #[test]
    fn bounds_are_four_steps_to_each_power_of_two() {
        assert_eq!(BOUNDS[..13], [16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]);
        assert_eq!(BOUNDS.last(), Some(&(16 << 22)));
        assert!(BOUNDS.iter().skip(3).step_by(4).all(|bound| bound.is_power_of_two()));
        assert!(BOUNDS.is_sorted_by(|one, next| one < next));
        let widest = BOUNDS.windows(2).skip(3).map(|pair| (pair[1] - pair[0]) * 4 <= pair[0]);
        assert!(widest.into_iter().all(|is_a_quarter| is_a_quarter));
    }

    #[test]
    fn bounds_are_inclusive() {
        for (index, bound) in BOUNDS.iter().enumerate() {
            assert_eq!(bucket(*bound), index, "{bound} us");
            assert_eq!(bucket(*bound + 1), index + 1, "{} us", bound + 1);
        }
        assert_eq!((bucket(0), bucket(1), bucket(u64::MAX)), (0, 0, BOUNDED));
    }

    #[test]
    fn parts_of_a_microsecond_are_rounded_up() {
        let mut histogram = LatencyHistogram::default();
        histogram.record(Duration::from_nanos(16_001), 2);
        assert_eq!((histogram.counts()[0], histogram.counts()[1]), (0, 2));
        assert_eq!(histogram.sum(), Duration::from_micros(34));
    }

    #[test]
    fn every_message_counts() {
        let mut histogram = recorded(&[10, 100]);
        histogram.record(Duration::from_micros(20), 98);
        assert_eq!(histogram.count(), 100);
        assert_eq!(histogram.cumulative().take(8).collect::<Vec<_>>(), [1, 99, 99, 99, 99, 99, 100, 100]);
        assert_eq!(histogram.cumulative().last(), Some(100));
        assert_eq!(histogram.sum(), Duration::from_micros(10 + 100 + 20 * 98));
    }

    #[test]
    fn quantiles_are_bounds() {
        let micros: Vec<u64> = (1..=1000).collect();
        let histogram = recorded(&micros);
        let quantile = |share| histogram.quantile(share).unwrap().as_micros();
        assert_eq!((quantile(0.0), quantile(0.5), quantile(0.99), quantile(1.0)), (16, 512, 1024, 1024));
        assert_eq!(LatencyHistogram::default().quantile(0.5), None);
        assert_eq!(recorded(&[u64::MAX]).quantile(0.5), Some(Duration::from_micros(16 << 22)));
    }

    #[test]
    fn sums_do_not_overflow() {
        let mut histogram = recorded(&[u64::MAX, u64::MAX]);
        histogram.record(Duration::MAX, u64::MAX / 2);
        assert_eq!(histogram.sum, u64::MAX);
        assert_eq!(histogram.counts()[BOUNDED], u64::MAX / 2 + 2);
    }

    #[test]
    fn histograms_are_added_and_subtracted() {
        let (first, second) = (recorded(&[1, 17]), recorded(&[17, 100]));
        let mut both = first.clone();
        both.add(&second);
        assert_eq!((both.count(), both.sum()), (4, Duration::from_micros(135)));
        assert_eq!(both.since(&first), second);
    }
}
