use image::DynamicImage;

/// The picture's colours, three bytes a pixel. What is transparent shows `background`: a colour that nobody sees must
/// not decide.
///
/// Composed as they are stored, at 8 bits and without linearising, like Pillow's `Image.alpha_composite` over an opaque
/// picture: `(colour · alpha + background · (255 − alpha)) / 255`, rounded.
pub(super) fn opaque(picture: DynamicImage, background: [u8; 3]) -> Vec<u8> {
    if !picture.color().has_alpha() {
        return picture.into_rgb8().into_raw();
    }
    let rgba = picture.into_rgba8().into_raw();
    let (pixels, _) = rgba.as_chunks::<4>();
    let mut bytes = Vec::with_capacity(pixels.len() * 3);
    for [r, g, b, alpha] in pixels {
        // Most are opaque, and a large picture has many.
        bytes.extend(if *alpha == 255 { [*r, *g, *b] } else { over([*r, *g, *b], *alpha, background) });
    }
    bytes
}

fn over(colour: [u8; 3], alpha: u8, background: [u8; 3]) -> [u8; 3] {
    let [r, g, b] = colour;
    let [under_r, under_g, under_b] = background;
    [mix(r, under_r, alpha), mix(g, under_g, alpha), mix(b, under_b, alpha)]
}

fn mix(colour: u8, under: u8, alpha: u8) -> u8 {
    let (colour, under, alpha) = (u32::from(colour), u32::from(under), u32::from(alpha));
    u8::try_from((colour * alpha + under * (255 - alpha) + 127) / 255).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use image::{GrayAlphaImage, RgbaImage};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_transparent_shows_the_background_whatever_it_hides() {
        let hidden = RgbaImage::from_raw(3, 1, vec![9, 99, 200, 0, 9, 99, 200, 255, 0, 0, 0, 128]).unwrap();
        let shown = opaque(DynamicImage::ImageRgba8(hidden), [255, 128, 0]);
        assert_eq!(shown, [255, 128, 0, 9, 99, 200, 127, 64, 0]);
        let grey = GrayAlphaImage::from_raw(2, 1, vec![7, 0, 7, 255]).unwrap();
        assert_eq!(opaque(DynamicImage::ImageLumaA8(grey), [255; 3]), [255, 255, 255, 7, 7, 7]);
    }

    proptest! {
        #[test]
        fn a_mixture_lies_between_what_is_mixed(colour: u8, under: u8, alpha: u8) {
            let mixed = mix(colour, under, alpha);
            prop_assert!((colour.min(under)..=colour.max(under)).contains(&mixed));
            prop_assert_eq!(mix(colour, under, 255), colour);
            prop_assert_eq!(mix(colour, under, 0), under);
        }
    }
}
