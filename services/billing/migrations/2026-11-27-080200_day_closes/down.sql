DROP TRIGGER journal_entries_day_open ON journal_entries;
DROP TABLE day_closes;
DROP FUNCTION refuse_change_of_day_close(), close_what_is_expected(), refuse_on_closed_day(), lock_of_drawer(bigint);
