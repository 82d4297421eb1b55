/// Numbers with a shape, row-major; the first dimension counts rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Array<T> {
    shape: Vec<usize>,
    data: Vec<T>,
}

impl<T: Clone> Array<T> {
    /// `None` when the shape has no dimension or does not count `data`.
    pub fn new(shape: Vec<usize>, data: Vec<T>) -> Option<Self> {
        let count = shape.iter().try_fold(1_usize, |count, side| count.checked_mul(*side))?;
        (!shape.is_empty() && count == data.len()).then_some(Self { shape, data })
    }

    /// All dimensions, rows first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The dimensions of one row.
    pub fn row_shape(&self) -> &[usize] {
        self.shape.get(1..).unwrap_or_default()
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(0)
    }

    /// The numbers, row by row.
    pub fn data(&self) -> &[T] {
        &self.data
    }

    /// Lays arrays of one row shape behind one another; `None` when there is none or their row shapes differ.
    pub fn join(arrays: Vec<Self>) -> Option<Self> {
        let mut arrays = arrays.into_iter();
        let mut joined = arrays.next()?;
        for array in arrays {
            if array.row_shape() != joined.row_shape() {
                return None;
            }
            let rows = joined.rows() + array.rows();
            *joined.shape.first_mut()? = rows;
            joined.data.extend(array.data);
        }
        Some(joined)
    }

    /// A copy of `count` rows from row `start`; `None` when there are fewer.
    pub fn copy_rows(&self, start: usize, count: usize) -> Option<Self> {
        self.copy_ranges(&[(start, count)])
    }

    /// A copy of the rows in these ranges, `(start, count)` each, behind one another; `None` when there are fewer.
    pub fn copy_ranges(&self, ranges: &[(usize, usize)]) -> Option<Self> {
        let width: usize = self.row_shape().iter().product();
        let (mut data, mut rows) = (Vec::new(), 0_usize);
        for (start, count) in ranges {
            let from = start.checked_mul(width)?;
            data.extend_from_slice(self.data.get(from..start.checked_add(*count)?.checked_mul(width)?)?);
            rows += count;
        }
        let mut shape = self.shape.clone();
        *shape.first_mut()? = rows;
        Some(Self { shape, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_must_count_the_numbers() {
        assert!(Array::new(vec![2, 3], vec![0; 6]).is_some());
        assert!(Array::new(vec![2, 3], vec![0; 5]).is_none());
        assert!(Array::new(vec![usize::MAX, 2], vec![0; 2]).is_none());
        assert!(Array::<u8>::new(vec![], vec![0]).is_none());
    }

    #[test]
    fn rows_are_copied_in_order() {
        let array = Array::new(vec![3, 2], vec![0, 1, 2, 3, 4, 5]).unwrap();
        let rows = array.copy_rows(1, 2).unwrap();
        assert_eq!((rows.shape(), rows.data()), (&[2, 2][..], &[2, 3, 4, 5][..]));
        assert_eq!(array.copy_rows(2, 2), None);
        let (first, rest) = (array.copy_rows(0, 1).unwrap(), array.copy_rows(1, 2).unwrap());
        assert_eq!(Array::join(vec![first, rest]), Some(array.clone()));
        assert_eq!(Array::join(vec![array, Array::new(vec![1, 3], vec![0; 3]).unwrap()]), None);
        assert_eq!(Array::<u8>::join(vec![]), None);
    }
}
