//! A text as a QR code. Pure.

use anyhow::Result;
use qrcode::{Color, EcLevel, QrCode};

/// Pixels of a module, and modules of white around the code (ISO/IEC 18004 wants four).
const SCALE: usize = 6;
const MARGIN: usize = 4;

/// The dark modules of a text's code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Modules {
    side: usize,
    dark: Vec<bool>,
}

impl Modules {
    /// The code of a text.
    ///
    /// # Errors
    /// When the text is too long for one.
    pub fn of(text: &str) -> Result<Self> {
        let code = QrCode::with_error_correction_level(text, EcLevel::M)?;
        Ok(Self {
            side: code.width(),
            dark: code.into_colors().into_iter().map(|module| module == Color::Dark).collect(),
        })
    }

    /// How many there are on a side, without margin.
    pub fn side(&self) -> usize {
        self.side
    }

    /// Whether one is dark; beside the code all is white.
    pub fn dark(&self, x: usize, y: usize) -> bool {
        x < self.side && self.dark.get(y * self.side + x).copied().unwrap_or(false)
    }

    /// The code as a PNG with its margin.
    ///
    /// # Errors
    /// Never, with an image of this size.
    pub fn png(&self) -> Result<Vec<u8>> {
        let side = self.side.saturating_add(2 * MARGIN).saturating_mul(SCALE);
        let module = |pixel: usize| (pixel / SCALE).checked_sub(MARGIN);
        let shade = |x, y| match (module(x), module(y)) {
            (Some(x), Some(y)) if self.dark(x, y) => 0_u8,
            _ => 255,
        };
        let pixels: Vec<u8> =
            (0..side).flat_map(|y| (0..side).map(move |x| (x, y))).map(|(x, y)| shade(x, y)).collect();
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, u32::try_from(side)?, u32::try_from(side)?);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.write_header()?.write_image_data(&pixels)?;
        Ok(file)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_finder_patterns_and_a_margin() {
        let code = Modules::of("upi://pay?pa=a@b").unwrap();
        assert!(code.dark(0, 0) && code.dark(code.side() - 1, 0) && code.dark(0, code.side() - 1));
        assert!(!code.dark(1, 1) && !code.dark(code.side(), 0));
        assert!(code.png().unwrap().starts_with(b"\x89PNG"));
        assert!(Modules::of(&"x".repeat(5000)).is_err());
    }
}
