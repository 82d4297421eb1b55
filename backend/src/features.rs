use crate::array::Array;

/// One job's input as numbers, ready to be batched with others of its model.
#[derive(Debug, Clone, PartialEq)]
pub enum Features {
    /// One or more rows of the model's row shape: pixels, noise, a tensor.
    Rows(Array<f32>),
    /// Token ids, as many as the text has.
    Tokens(Vec<i64>),
}

/// The shape of one row, as far as it decides with whom it can share a batch.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Shape {
    /// Exactly these sides: only rows of the same lie beside it.
    Fixed(Box<[usize]>),
    /// So many tokens, padded to the longest of the batch.
    Padded(usize),
}

impl Shape {
    /// How many cells one row has: tokens, pixels or numbers.
    pub fn cells(&self) -> u64 {
        match self {
            Self::Fixed(sides) => sides.iter().fold(1_u64, |cells, side| cells.saturating_mul(*side as u64)),
            Self::Padded(tokens) => *tokens as u64,
        }
    }
}

impl Features {
    /// The shape of each row.
    pub fn shape(&self) -> Shape {
        match self {
            Self::Rows(array) => Shape::Fixed(array.row_shape().into()),
            Self::Tokens(ids) => Shape::Padded(ids.len()),
        }
    }

    /// What they take in memory.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Rows(array) => size_of_val(array.data()),
            Self::Tokens(ids) => size_of_val(ids.as_slice()),
        }
    }

    /// How many rows of a batch these take: what the planner counts.
    pub fn rows(&self) -> usize {
        match self {
            Self::Rows(array) => array.rows(),
            Self::Tokens(_) => 1,
        }
    }
}

/// What a model is called with.
#[derive(Debug, Clone, PartialEq)]
pub enum BatchInput {
    /// `[rows, …]`
    Rows(Array<f32>),
    /// Token ids and their mask, both `[rows, longest]`; what is padded has id 0 and mask 0.
    Tokens {
        /// The tokens' ids, `[rows, longest]`.
        ids: Array<i64>,
        /// 1 where there is a token, 0 where there is padding.
        mask: Array<i64>,
    },
}

impl BatchInput {
    /// Lays the features of several jobs behind one another; `None` when they are not of one kind and row shape.
    pub fn assemble<'a>(items: impl IntoIterator<Item = &'a Features>) -> Option<Self> {
        let items: Vec<&Features> = items.into_iter().collect();
        match items.first()? {
            Features::Rows(first) => {
                let mut data = Vec::with_capacity(first.data().len() * items.len());
                let mut rows = 0;
                for item in &items {
                    let Features::Rows(array) = item else { return None };
                    if array.row_shape() != first.row_shape() {
                        return None;
                    }
                    rows += array.rows();
                    data.extend_from_slice(array.data());
                }
                let shape = std::iter::once(rows).chain(first.row_shape().iter().copied()).collect();
                Array::new(shape, data).map(Self::Rows)
            }
            Features::Tokens(_) => {
                let texts = items
                    .iter()
                    .map(|item| match item {
                        Features::Tokens(ids) => Some(ids.as_slice()),
                        Features::Rows(_) => None,
                    })
                    .collect::<Option<Vec<_>>>()?;
                pad(&texts)
            }
        }
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        match self {
            Self::Rows(array) => array.rows(),
            Self::Tokens { ids, .. } => ids.rows(),
        }
    }

    /// How many cells one row has, padding included: tokens, pixels or numbers.
    pub fn row_cells(&self) -> u64 {
        let sides = match self {
            Self::Rows(array) => array.row_shape(),
            Self::Tokens { ids, .. } => ids.row_shape(),
        };
        sides.iter().fold(1_u64, |cells, side| cells.saturating_mul(*side as u64))
    }

    /// What share of the numbers is padding: 0 where every row is as long as the others.
    pub fn padding(&self) -> f64 {
        match self {
            Self::Rows(_) => 0.0,
            Self::Tokens { mask, .. } => {
                let padded = mask.data().iter().filter(|one| **one == 0).count();
                padded as f64 / mask.data().len().max(1) as f64
            }
        }
    }

    /// A copy of the rows in these ranges, `(start, count)` each; at least one.
    pub fn copy_ranges(&self, ranges: &[(usize, usize)]) -> Option<Self> {
        Some(match self {
            Self::Rows(array) => Self::Rows(array.copy_ranges(ranges)?),
            Self::Tokens { ids, mask } => {
                Self::Tokens { ids: ids.copy_ranges(ranges)?, mask: mask.copy_ranges(ranges)? }
            }
        })
    }

    /// A copy of `count` rows from row `start`: one job of a batch, to be run alone.
    pub fn copy_rows(&self, start: usize, count: usize) -> Option<Self> {
        self.copy_ranges(&[(start, count)])
    }
}

fn pad(texts: &[&[i64]]) -> Option<BatchInput> {
    let longest = texts.iter().map(|ids| ids.len()).max()?;
    let mut ids = Vec::with_capacity(longest * texts.len());
    let mut mask = Vec::with_capacity(longest * texts.len());
    for (row, text) in texts.iter().enumerate() {
        ids.extend_from_slice(text);
        ids.resize((row + 1) * longest, 0);
        mask.resize(row * longest + text.len(), 1);
        mask.resize((row + 1) * longest, 0);
    }
    let shape = vec![texts.len(), longest];
    Some(BatchInput::Tokens { ids: Array::new(shape.clone(), ids)?, mask: Array::new(shape, mask)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: usize, value: f32) -> Features {
        Features::Rows(Array::new(vec![rows, 2], vec![value; rows * 2]).unwrap())
    }

    #[test]
    fn rows_lie_behind_one_another() {
        let batch = BatchInput::assemble(&[rows(1, 1.0), rows(2, 2.0)]).unwrap();
        let BatchInput::Rows(array) = &batch else { panic!("rows") };
        assert_eq!(array.shape(), [3, 2]);
        assert_eq!(array.data(), [1.0, 1.0, 2.0, 2.0, 2.0, 2.0]);
        assert_eq!(batch.copy_rows(1, 2), BatchInput::assemble(&[rows(2, 2.0)]));
        assert_eq!(batch.copy_ranges(&[(0, 1), (2, 1)]), BatchInput::assemble(&[rows(1, 1.0), rows(1, 2.0)]));
        assert_eq!(batch.copy_ranges(&[(0, 1), (3, 1)]), None);
    }

    #[test]
    fn texts_are_padded_to_the_longest() {
        let batch = BatchInput::assemble(&[Features::Tokens(vec![5]), Features::Tokens(vec![6, 7, 8])]).unwrap();
        assert_eq!((batch.row_cells(), batch.padding()), (3, 2.0 / 6.0));
        let BatchInput::Tokens { ids, mask } = batch else { panic!("tokens") };
        assert_eq!(ids.data(), [5, 0, 0, 6, 7, 8]);
        assert_eq!(mask.data(), [1, 0, 0, 1, 1, 1]);
    }

    #[test]
    fn a_shape_tells_who_can_share_a_batch() {
        assert_eq!(rows(3, 1.0).shape(), Shape::Fixed([2].into()));
        assert_eq!(Features::Tokens(vec![6, 7, 8]).shape(), Shape::Padded(3));
        for (shape, cells) in
            [(Shape::Fixed([3, 4, 5].into()), 60), (Shape::Fixed([].into()), 1), (Shape::Padded(7), 7)]
        {
            assert_eq!(shape.cells(), cells);
        }
    }

    #[test]
    fn what_does_not_fit_together_is_no_batch() {
        let other = Features::Rows(Array::new(vec![1, 3], vec![0.0; 3]).unwrap());
        assert_eq!(BatchInput::assemble(&[rows(1, 0.0), other]), None);
        assert_eq!(BatchInput::assemble(&[rows(1, 0.0), Features::Tokens(vec![1])]), None);
        assert_eq!(BatchInput::assemble(&[Features::Tokens(vec![1]), rows(1, 0.0)]), None);
        assert_eq!(BatchInput::assemble(&[]), None);
    }
}
