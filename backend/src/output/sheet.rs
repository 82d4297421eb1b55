use image::{
    ExtendedColorType, ImageEncoder as _,
    codecs::png::{CompressionType, FilterType, PngEncoder},
};

use crate::array::Array;

/// A PNG of `[count, 3, height, width]` pictures side by side, row by row, in the squarest grid that holds them.
///
/// `range` is what stands for black and for full colour; what lies outside is cut off. `None` for other shapes.
pub(super) fn png(pictures: &Array<f32>, range: [f32; 2]) -> Option<Vec<u8>> {
    let &[count, 3, height, width] = pictures.shape() else { return None };
    let (columns, rows) = grid(count)?;
    let (sheet_width, sheet_height) = (columns.checked_mul(width)?, rows.checked_mul(height)?);
    let mut pixels = vec![0; sheet_width.checked_mul(sheet_height)?.checked_mul(3)?];
    let [black, full] = range;
    let scale = 255.0 / (full - black);
    let area = height.checked_mul(width)?;
    for (index, picture) in pictures.data().chunks_exact((area * 3).max(1)).enumerate() {
        let (x, y) = (index % columns * width, index / columns * height);
        let (red, rest) = picture.split_at_checked(area)?;
        let (green, blue) = rest.split_at_checked(area)?;
        let [red, green, blue] = [red, green, blue].map(|plane| plane.chunks_exact(width.max(1)));
        for (line, ((red, green), blue)) in red.zip(green).zip(blue).enumerate() {
            let start = ((y + line) * sheet_width + x) * 3;
            let (pixels, _) = pixels.get_mut(start..start + width * 3)?.as_chunks_mut::<3>();
            for (((pixel, red), green), blue) in pixels.iter_mut().zip(red).zip(green).zip(blue) {
                // The cast cuts off what is outside of 0 to 255; adding a half rounds, without a call.
                *pixel = [red, green, blue].map(|value| ((value - black) * scale + 0.5) as u8);
            }
        }
    }
    let mut png = Vec::new();
    let (sheet_width, sheet_height) = (u32::try_from(sheet_width).ok()?, u32::try_from(sheet_height).ok()?);
    // Paeth alone: trying each filter on each row takes twice the time and ends with Paeth on what models draw.
    PngEncoder::new_with_quality(&mut png, CompressionType::Fast, FilterType::Paeth)
        .write_image(&pixels, sheet_width, sheet_height, ExtendedColorType::Rgb8)
        .ok()?;
    Some(png)
}

/// Columns and rows: as many columns as the root, rounded up, and no empty row.
fn grid(count: usize) -> Option<(usize, usize)> {
    let columns = (1..=count).find(|columns| columns * columns >= count)?;
    Some((columns, count.div_ceil(columns)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_are_nearly_square() {
        for (count, expect) in [(1, (1, 1)), (2, (2, 1)), (3, (2, 2)), (5, (3, 2)), (9, (3, 3)), (64, (8, 8))] {
            assert_eq!(grid(count), Some(expect));
        }
        assert_eq!(grid(0), None);
    }

    #[test]
    fn pictures_lie_where_they_belong() {
        // Two pictures of 1 × 2 pixels: red rising, the rest black; then all full.
        let data = vec![-1.0, 1.0, -1.0, -1.0, -1.0, -1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0];
        let png = png(&Array::new(vec![2, 3, 1, 2], data).unwrap(), [-1.0, 1.0]).unwrap();
        let sheet = image::load_from_memory(&png).unwrap().into_rgb8();
        assert_eq!((sheet.width(), sheet.height()), (4, 1));
        assert_eq!(sheet.into_raw(), [0, 0, 0, 255, 0, 0, 255, 255, 255, 255, 255, 255]);
    }

    #[test]
    fn other_shapes_are_no_pictures() {
        assert_eq!(png(&Array::new(vec![1, 1, 2, 2], vec![0.0; 4]).unwrap(), [0.0, 1.0]), None);
        assert_eq!(png(&Array::new(vec![0, 3, 2, 2], vec![]).unwrap(), [0.0, 1.0]), None);
    }
}
