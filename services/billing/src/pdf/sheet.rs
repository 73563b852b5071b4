//! Pages, and what is put on them. Lengths are whole twips, so that no layout depends on how a machine rounds.

use super::fonts::{Fonts, Shaped, Weight};
use crate::upi::qr::Modules;

/// A twentieth of a point.
pub type Twips = i32;

/// So many points.
pub const fn points(points: i32) -> Twips {
    points * 20
}

/// A4, upright.
pub const WIDTH: Twips = 11_906;
/// A4, upright.
pub const HEIGHT: Twips = 16_838;
/// Nothing is put nearer to the edge.
pub const MARGIN: Twips = points(36);
/// Where the lines begin.
pub const LEFT: Twips = MARGIN;
/// Where they end.
pub const RIGHT: Twips = WIDTH - MARGIN;

/// Something on a page. `x` is from the left, `y` from the top; of a text it is the line that letters stand on.
#[derive(Clone, Debug)]
pub enum Mark {
    /// A line of text.
    Text {
        /// Where it begins.
        x: Twips,
        /// The line that it stands on.
        y: Twips,
        /// Its size.
        size: Twips,
        /// Its glyphs.
        text: Shaped,
    },
    /// A horizontal rule.
    Rule {
        /// Where it begins.
        x: Twips,
        /// How far down it is.
        y: Twips,
        /// How long it is.
        length: Twips,
        /// How thick it is.
        thickness: Twips,
    },
    /// A grey field.
    Field {
        /// Its left edge.
        x: Twips,
        /// Its top edge.
        y: Twips,
        /// How wide it is.
        width: Twips,
        /// How high it is.
        height: Twips,
    },
    /// A QR code.
    Code {
        /// Its left edge.
        x: Twips,
        /// Its top edge.
        y: Twips,
        /// The side of one module.
        module: Twips,
        /// The code.
        code: Modules,
    },
}

/// A page.
#[derive(Clone, Debug, Default)]
pub struct Page(pub Vec<Mark>);

impl Page {
    /// Everything that stands on it, in the order in which it was put there.
    pub fn texts(&self) -> Vec<String> {
        let text = |mark: &Mark| match mark {
            Mark::Text { text, .. } => Some(text.text()),
            _ => None,
        };
        self.0.iter().filter_map(text).collect()
    }
}

/// To which edge of its room a text is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// To the left.
    Left,
    /// To the right.
    Right,
}

/// How a text is set.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Its size.
    pub size: Twips,
    /// Its weight.
    pub weight: Weight,
    /// Its side.
    pub side: Side,
}

impl Style {
    /// Regular and to the left.
    pub const fn plain(size: Twips) -> Self {
        Self { size, weight: Weight::Regular, side: Side::Left }
    }

    /// The same in bold.
    pub const fn bold(self) -> Self {
        Self { weight: Weight::Bold, ..self }
    }

    /// The same to the right.
    pub const fn right(self) -> Self {
        Self { side: Side::Right, ..self }
    }

    /// From one line to the next.
    pub const fn leading(self) -> Twips {
        self.size * 13 / 10
    }
}

impl Page {
    /// Puts one line of text into the room from `x` on; where it is wider than that, it is set smaller.
    pub fn put(&mut self, fonts: &Fonts, (x, y): (Twips, Twips), room: Twips, style: Style, text: &str) {
        self.put_shaped((x, y), room, style, fonts.shape(text, style.weight));
    }

    /// As [`Page::put`], of a text that is shaped already.
    pub fn put_shaped(&mut self, (x, y): (Twips, Twips), room: Twips, style: Style, text: Shaped) {
        let wide = text.width(style.size);
        let size = if wide > room && wide > 0 {
            Twips::try_from(i64::from(style.size) * i64::from(room) / i64::from(wide)).unwrap_or(style.size)
        } else {
            style.size
        };
        let x = if style.side == Side::Right { x + room - text.width(size) } else { x };
        self.0.push(Mark::Text { x, y, size, text });
    }

    /// Puts a rule over the whole width.
    pub fn rule(&mut self, y: Twips) {
        self.0.push(Mark::Rule { x: LEFT, y, length: RIGHT - LEFT, thickness: 10 });
    }
}
