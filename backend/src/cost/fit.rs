use super::{Measurement, Price};

/// A residual of so many robust standard deviations begins to count less (Huber's constant: 95 % efficient where errors
/// are normal).
const HUBER: f64 = 1.345;
/// A residual of so many counts for nothing once the price is nearly known (Tukey's biweight, as efficient).
const TUKEY: f64 = 4.685;
/// From the median absolute deviation to a standard deviation.
const MAD: f64 = 1.4826;
/// Relative errors below this are noise.
const NOISE: f64 = 0.02;
/// How often weights and price are computed from one another.
const ROUNDS: usize = 4;
/// How strongly what runs do not determine is held where the seed has it, a run's weight being 1.
const RIDGE: f64 = 0.02;

/// The price that explains these runs best, none of its parts below 0.
///
/// An M-estimate of relative errors by iteratively reweighted least squares (Holland, Welsch, Communications in
/// Statistics A6, 1977), started from the seed scaled by the median ratio: first Huber's, which finds its way from
/// anywhere, then Tukey's, which lets disturbed runs, up to one in five, count for nothing. What the runs do not tell
/// apart, such as start and rows when all batches had the same size, keeps the seed's proportions.
pub(super) fn fit(runs: &[Measurement], seed: Price) -> Price {
    let ratios = runs.iter().map(|run| run.us / seed.of(run.rows, run.row_cells).max(f64::MIN_POSITIVE)).collect();
    let Some(ratio) = median(ratios) else { return seed };
    let start = with_cells(seed.scaled(ratio), runs);
    let scales = scales(runs);
    let mut price = start;
    for rule in [huber, tukey] {
        for _ in 0..ROUNDS {
            let weights = weights(runs, &price, rule);
            price = solve(runs, &weights, start, scales);
        }
    }
    price
}

/// Lets the cells have half of what the rows have, so that both can be told apart from there.
fn with_cells(price: Price, runs: &[Measurement]) -> Price {
    let Some(row_cells) = median(runs.iter().map(|run| run.row_cells).collect()) else { return price };
    if price.cell_us > 0.0 || row_cells <= 0.0 {
        return price;
    }
    let half = price.row_us / 2.0;
    Price { row_us: half, cell_us: half / row_cells, ..price }
}

/// The mean of each part's factor: the parts are compared in these units.
fn scales(runs: &[Measurement]) -> [f64; 3] {
    let count = runs.len().max(1) as f64;
    let sum = runs.iter().fold([0.0; 3], |sum, run| zip(sum, run.factors(), |sum, factor| sum + factor));
    sum.map(|sum| (sum / count).max(f64::MIN_POSITIVE))
}

/// How much each run counts: in relation to its size, and less the further it lies from the price so far.
fn weights(runs: &[Measurement], price: &Price, rule: fn(f64) -> f64) -> Vec<f64> {
    let predicted: Vec<f64> = runs.iter().map(|run| price.of(run.rows, run.row_cells).max(1e-3)).collect();
    let errors: Vec<f64> = runs.iter().zip(&predicted).map(|(run, us)| (run.us - us).abs() / us).collect();
    let spread = median(errors.clone()).map_or(NOISE, |mad| (MAD * mad).max(NOISE));
    let weight = |(error, us): (&f64, &f64)| rule(error / spread) / (us * us);
    errors.iter().zip(&predicted).map(weight).collect()
}

/// What a residual of so many standard deviations counts.
fn huber(residual: f64) -> f64 {
    if residual <= HUBER { 1.0 } else { HUBER / residual }
}

fn tukey(residual: f64) -> f64 {
    let rest = 1.0 - (residual / TUKEY).powi(2);
    if rest > 0.0 { rest * rest } else { 0.0 }
}

/// Weighted least squares with a ridge towards `start`, no part below 0.
fn solve(runs: &[Measurement], weights: &[f64], start: Price, scales: [f64; 3]) -> Price {
    let mut squares = [[0.0; 3]; 3];
    let mut moments = [0.0; 3];
    for (run, weight) in runs.iter().zip(weights) {
        let factors = zip(run.factors(), scales, |factor, scale| factor / scale);
        moments = zip(moments, factors, |moment, factor| moment + weight * factor * run.us);
        squares = zip(squares, factors, |row, own| zip(row, factors, |cell, factor| cell + weight * own * factor));
    }
    let [[a, _, _], [_, b, _], [_, _, c]] = squares;
    let ridge = RIDGE * (a + b + c) / 3.0 / runs.len().max(1) as f64;
    let unit = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    squares = zip(squares, unit, |row, unit| zip(row, unit, |cell, one| cell + ridge * one));
    moments = zip(moments, parts(start, scales), |moment, held| moment + ridge * held);
    let [start_us, row_us, cell_us] =
        zip(nonnegative(squares, moments).unwrap_or_else(|| parts(start, scales)), scales, |part, scale| part / scale);
    Price { start_us, row_us, cell_us }
}

/// The least squares with no part below 0: of the eight choices of parts that are 0, the best that is allowed.
fn nonnegative(squares: [[f64; 3]; 3], moments: [f64; 3]) -> Option<[f64; 3]> {
    let choices = (0..8_u8).map(|choice| [choice & 1 > 0, choice & 2 > 0, choice & 4 > 0]);
    let solved = choices.filter_map(|free| solve_free(squares, moments, free));
    let allowed = solved.filter(|parts| parts.iter().all(|part| part.is_finite() && *part >= 0.0));
    let error =
        |parts: &[f64; 3]| dot(zip(squares, *parts, |row, _| dot(row, *parts)), *parts) - 2.0 * dot(moments, *parts);
    allowed.min_by(|a, b| error(a).total_cmp(&error(b)))
}

/// Cramer's rule, the parts that are not free being 0.
fn solve_free(squares: [[f64; 3]; 3], moments: [f64; 3], free: [bool; 3]) -> Option<[f64; 3]> {
    let keep = |free: bool| if free { 1.0 } else { 0.0 };
    let mask = free.map(keep);
    let unit = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    let [a, b, c] = zip(zip(squares, unit, |row, unit| (row, unit)), mask, |(row, unit), own| {
        zip(zip(row, mask, |cell, other| cell * own * other), unit, |cell, one| cell + one * (1.0 - own))
    });
    let m = zip(moments, mask, |moment, own| moment * own);
    let volume = dot(a, cross(b, c));
    // The rows are the columns too.
    let parts = [dot(m, cross(b, c)), dot(a, cross(m, c)), dot(a, cross(b, m))];
    (volume > 0.0).then(|| zip(parts, mask, |part, own| own * part / volume))
}

fn zip<A, B, C>(left: [A; 3], right: [B; 3], with: impl Fn(A, B) -> C) -> [C; 3] {
    let ([a, b, c], [d, e, f]) = (left, right);
    [with(a, d), with(b, e), with(c, f)]
}

fn dot(left: [f64; 3], right: [f64; 3]) -> f64 {
    zip(left, right, |a, b| a * b).iter().sum()
}

fn cross([a, b, c]: [f64; 3], [d, e, f]: [f64; 3]) -> [f64; 3] {
    [b * f - c * e, c * d - a * f, a * e - b * d]
}

fn parts(price: Price, scales: [f64; 3]) -> [f64; 3] {
    zip([price.start_us, price.row_us, price.cell_us], scales, |part, scale| part * scale)
}

/// The middle one; `None` of nothing.
pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    let middle = values.len() / 2;
    if values.is_empty() {
        return None;
    }
    Some(*values.select_nth_unstable_by(middle, f64::total_cmp).1)
}
