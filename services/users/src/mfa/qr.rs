//! A text as a QR code that an `<img>` shows. Pure.

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use qrcode::{Color, EcLevel, QrCode};

/// Pixels of a module, and modules of white around the code (ISO/IEC 18004 wants four).
const SCALE: usize = 6;
const MARGIN: usize = 4;

/// A `data:image/png` URL of a QR code.
///
/// # Errors
/// When the text is too long for one.
pub fn data_url(text: &str) -> Result<String> {
    Ok(format!("data:image/png;base64,{}", STANDARD.encode(png(text)?)))
}

fn png(text: &str) -> Result<Vec<u8>> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M)?;
    let modules = code.width();
    let side = modules.saturating_add(2 * MARGIN).saturating_mul(SCALE);
    let dark = |pixel: usize| (pixel / SCALE).checked_sub(MARGIN).filter(|module| *module < modules);
    let shade = |x, y| match (dark(x), dark(y)) {
        (Some(x), Some(y)) if code[(x, y)] == Color::Dark => 0_u8,
        _ => 255,
    };
    let pixels: Vec<u8> = (0..side).flat_map(|y| (0..side).map(move |x| (x, y))).map(|(x, y)| shade(x, y)).collect();
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, u32::try_from(side)?, u32::try_from(side)?);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(&pixels)?;
    Ok(file)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_square_png_with_a_white_margin() {
        let mut reader =
            png::Decoder::new(std::io::Cursor::new(png("otpauth://totp/EHS:asha").unwrap())).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!(info.width, info.height);
        let row: Vec<_> = pixels.chunks(usize::try_from(info.width).unwrap()).collect();
        assert!(row.iter().take(MARGIN * SCALE).all(|row| row.iter().all(|pixel| *pixel == 255)));
        // the corner of the finder pattern
        assert_eq!(row.get(MARGIN * SCALE).and_then(|row| row.get(MARGIN * SCALE)), Some(&0));
        assert!(data_url("x").unwrap().starts_with("data:image/png;base64,iVBORw0KGgo"));
        assert!(data_url(&"x".repeat(5000)).is_err());
    }
}
