//! The appointments service over HTTP, on a real PostgreSQL and real queues.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    missing_docs
)]

mod hospital;

mod booking;
mod booking_input;
mod break_glass;
mod calendar;
mod change;
mod date_range;
mod feed;
mod history;
mod listing;
mod merged;
mod overbooking;
mod race;
mod races;
mod rooms;
mod series;
mod status;
mod walk_in;

mod availability;
mod busy_times;
mod free;
mod holidays;
mod schedule;
mod time_off;

mod no_show;
mod waitlist;
mod waitlist_ends;
mod waitlist_holds;
mod waitlist_input;
mod waitlist_races;

mod access;
mod audit_log;
mod events;
mod external;
mod lookup;
mod migrations;
mod openapi;
mod reads;
