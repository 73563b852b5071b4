DROP TABLE report_uploads;
DROP TABLE reports;
