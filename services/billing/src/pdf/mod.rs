//! Bills as PDF: laid out by whole numbers, shaped by harfrust, written by pdf-writer with fonts cut down by subsetter.
//!
//! - [`words`]: amounts in words and in figures; - [`fonts`]: which letters are drawn by which font, and how wide they are;
//! - [`sheet`]: pages, and what is put on them; - [`paper`]: what a document says; - [`layout`]: where it says it;
//! - [`draw`]: the bytes; - [`kept`]: how they are made and read; - [`moved`]: how they come to the store; - [`content`]: the routes.

pub mod content;
pub mod draw;
pub mod fonts;
pub mod kept;
pub mod layout;
pub mod moved;
pub mod paper;
pub mod sheet;
pub mod words;

pub use fonts::Fonts;
