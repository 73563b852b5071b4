DROP TRIGGER appointments_booked_beside_what_is_held ON appointments;
DROP TRIGGER appointments_moved_beside_what_is_held ON appointments;
DROP FUNCTION appointments_spare_what_is_held;
DROP TABLE waitlist_history;
DROP FUNCTION waitlist_history_is_final;
DROP TABLE waitlist_openings;
DROP TABLE waitlist_offers;
DROP FUNCTION waitlist_offers_spare_appointments;
DROP TABLE waitlist_entries;
